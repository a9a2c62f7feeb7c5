"""What the landing page shows: the sessions, what they wait for, and what could not be handled."""

from dataclasses import dataclass
from typing import Any

from local.emulator import Emulator

SHOWN_SESSIONS = 50
_TASK_CHARACTERS = 160


@dataclass(frozen=True)
class SessionRow:
    """A session on the page.

    Attributes:
        session_id: Its id.
        task: How its task begins, or "" where the conversation is no longer in the item.
        status: Such as `waiting` or `completed, published`.
        changed_at: Epoch seconds.
    """

    session_id: str
    task: str
    status: str
    changed_at: int


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

    def queue_lengths(self) -> tuple[int, int]:
        """Returns how many tasks are on their way, and how many messages are dead letters."""
        tasks, dead_letters = (self._length(url) for url in self._queues)
        return tasks, dead_letters

    def _length(self, queue_url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return sum(int(value) for value in attributes["Attributes"].values())


def _row(item: dict[str, Any]) -> SessionRow:
    outcome = item.get("outcome", {}).get("S", "")
    status = item.get("status", {}).get("S", "")
    return SessionRow(
        session_id=item["session_id"]["S"],
        task=_first_text(item.get("messages", {}).get("L", []))[:_TASK_CHARACTERS],
        status=f"{status}, {outcome}" if outcome else status,
        changed_at=int(item.get("paused_at", {}).get("N", 0)),
    )


def _first_text(messages: list[dict[str, Any]]) -> str:
    """Returns the text of the first message, if it is the user's."""
    for message in messages[:1]:
        fields = message.get("M", {})
        if fields.get("role", {}).get("S") == "user":
            for block in fields.get("content", {}).get("L", []):
                if "text" in block.get("M", {}):
                    return str(block["M"]["text"].get("S", ""))
    return ""
