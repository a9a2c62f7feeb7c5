"""What the landing page shows: the sessions, how they ended, and what could not be handled."""

from dataclasses import dataclass
from typing import Any

from local.emulator import Emulator

SHOWN_SESSIONS = 50
_TASK_CHARACTERS = 160
_COMPLETED = "completed"


@dataclass(frozen=True)
class SessionRow:
    """A session on the page.

    Attributes:
        session_id: Its id.
        task: How its task begins, or "" where the conversation is no longer in the item.
        status: `waiting` or `completed`.
        outcome: What has come of it so far, such as `published`, or "".
        reason: Why it failed or was stopped, or "".
        last_words: What the agent said last, once it has ended.
        changed_at: Epoch seconds.
    """

    session_id: str
    task: str
    status: str
    outcome: str
    reason: str
    last_words: str
    changed_at: int

    @property
    def has_ended(self) -> bool:
        """Whether the agent will not go on."""
        return self.status == _COMPLETED

    @property
    def state(self) -> str:
        """Such as `waiting`, `completed, published` or `completed, failed (max_tokens)`."""
        reason = f" ({self.reason})" if self.reason else ""
        return f"{self.status}, {self.outcome}{reason}" if self.outcome else self.status


class View:
    """Reads the tables and queues of the stack.

    Args:
        emulator: Where they are.
        sessions_table: The table's name.
        task_queue_url: The queue of tasks.
        dead_letter_queue_url: The queue of what could not be handled.
    """

    def __init__(
        self,
        emulator: Emulator,
        sessions_table: str,
        task_queue_url: str,
        dead_letter_queue_url: str,
    ) -> None:
        self._dynamodb = emulator.client("dynamodb")
        self._sqs = emulator.client("sqs")
        self._table = sessions_table
        self._queues = (task_queue_url, dead_letter_queue_url)

    def sessions(self) -> list[SessionRow]:
        """Returns the newest sessions, newest first."""
        items = self._dynamodb.scan(TableName=self._table, ConsistentRead=True)["Items"]
        rows = sorted(map(_row, items), key=lambda row: row.changed_at, reverse=True)
        return rows[:SHOWN_SESSIONS]

    def session(self, session_id: str) -> SessionRow | None:
        """Returns one session, or None."""
        items = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="session_id = :id",
            ExpressionAttributeValues={":id": {"S": session_id}},
            ConsistentRead=True,
        )["Items"]
        return _row(items[0]) if items else None

    def queue_lengths(self) -> tuple[int, int]:
        """Returns how many tasks are on their way, and how many messages are dead letters."""
        tasks, dead_letters = (self._length(url) for url in self._queues)
        return tasks, dead_letters

    def _length(self, queue_url: str) -> int:
        states = ("", "NotVisible", "Delayed")
        names = [f"ApproximateNumberOfMessages{state}" for state in states]
        attributes = self._sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return sum(int(value) for value in attributes["Attributes"].values())


def _row(item: dict[str, Any]) -> SessionRow:
    messages = item.get("messages", {}).get("L", [])
    status = _text(item, "status")
    return SessionRow(
        session_id=item["session_id"]["S"],
        task=_first_text(messages)[:_TASK_CHARACTERS],
        status=status,
        outcome=_text(item, "outcome"),
        reason=_text(item, "reason"),
        last_words=(_text(item, "last_words") or _last_text(messages))
        if status == _COMPLETED
        else "",
        changed_at=int(item.get("paused_at", {}).get("N", 0)),
    )


def _first_text(messages: list[dict[str, Any]]) -> str:
    """Returns the text of the first message, if it is the user's."""
    return next(iter(_texts(messages[:1], "user")), "")


def _last_text(messages: list[dict[str, Any]]) -> str:
    """Returns the last text of the agent's, of what the item has of the conversation."""
    return next(iter(_texts(messages, "assistant")[::-1]), "")


def _texts(messages: list[dict[str, Any]], role: str) -> list[str]:
    fields = [message.get("M", {}) for message in messages]
    own = [field for field in fields if field.get("role", {}).get("S") == role]
    blocks = [block for field in own for block in field.get("content", {}).get("L", [])]
    return [_text(block["M"], "text") for block in blocks if "text" in block.get("M", {})]


def _text(item: dict[str, Any], name: str) -> str:
    return str(item.get(name, {}).get("S", ""))
