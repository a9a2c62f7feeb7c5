"""What the landing page shows: the sessions, how they ended, and what could not be handled."""

import json
from dataclasses import dataclass, replace
from typing import Any

from local.emulator import Emulator
from local.emulator_messages import messages_in
from local.layer import Wait, codec, wait_items
from local.waiting import Waiting, inputs, waiting

_TASK_CHARACTERS = 160
_WAITING, _COMPLETED = "waiting", "completed"
ARRIVING, RUNNING = "on its way to an agent", "an agent works on it, or will try again"
"""What is said of a task that has no session yet."""
_OF_A_WAIT = (
    "session_id, tool_use_id, agent_name, tool_name, requested_at, decide_by, remind_at, "
    "approvers, needed, decision, decided_by, decided_at, claimed_by, refused, answer, "
    "#status, #action"
)
_NAMES = {"#status": "status", "#action": "action"}

Waits = dict[tuple[str, str], Wait]
"""By session and tool use."""


@dataclass(frozen=True)
class SessionRow:
    """A session on the page.

    Attributes:
        session_id: Its id.
        task: How its task begins, or "" where the conversation is no longer in the item.
        status: `waiting` or `completed`; of a task that has no session yet, where it is.
        outcome: What has come of it so far, such as `published`, or "".
        reason: Why it failed or was stopped, or "".
        last_words: What the agent said last, once it has ended.
        changed_at: Epoch seconds.
        agent_name: Whose session it is.
        parent_id: The session that asked for it, or "".
        waits: What it waits for now; only a list of sessions tells.
    """

    session_id: str
    task: str
    status: str
    outcome: str
    reason: str
    last_words: str
    changed_at: int
    agent_name: str = ""
    parent_id: str = ""
    waits: tuple[Waiting, ...] = ()

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
        waits_table: The table of what sessions wait for.
    """

    def __init__(
        self,
        emulator: Emulator,
        sessions_table: str,
        task_queue_url: str,
        dead_letter_queue_url: str,
        waits_table: str,
    ) -> None:
        self._emulator = emulator
        self._dynamodb = emulator.client("dynamodb")
        self._sqs = emulator.client("sqs")
        self._table = sessions_table
        self._waits_table = waits_table
        self._queues = (task_queue_url, dead_letter_queue_url)

    def sessions(self) -> list[SessionRow]:
        """Returns all sessions, newest first, with what each waits for: two scans at most."""
        items = self._scan(TableName=self._table)
        some_wait = any(_text(item, "status") == _WAITING for item in items)
        waits = self.waits() if some_wait else {}
        rows = [replace(row_of(item), waits=_waiting(item, waits)) for item in items]
        return sorted(rows, key=lambda row: row.changed_at, reverse=True)

    def session(self, session_id: str) -> SessionRow | None:
        """Returns one session, or None."""
        item = self.item(session_id)
        return row_of(item) if item else None

    def item(self, session_id: str) -> dict[str, Any] | None:
        """Returns one session as it is stored, or None."""
        items = self._of_session(self._table, session_id)
        return items[0] if items else None

    def waits_of(self, session_id: str) -> list[dict[str, Any]]:
        """Returns all that one session waits for, or has, as it is stored."""
        return self._of_session(self._waits_table, session_id)

    def with_arriving(self, sessions: list[SessionRow]) -> list[SessionRow]:
        """Returns the tasks that no session has yet, as rows before the sessions."""
        known = {row.session_id for row in sessions}
        sent = messages_in(self._emulator, self._queues[0])
        rows = [row for message in sent if (row := _arriving(message))]
        new = [row for row in rows if row.session_id not in known]
        return sorted(new, key=lambda row: row.changed_at, reverse=True) + sessions

    def queue_lengths(self) -> tuple[int, int]:
        """Returns how many tasks are on their way, and how many messages are dead letters."""
        tasks, dead_letters = (self._length(url) for url in self._queues)
        return tasks, dead_letters

    def waits(self) -> Waits:
        """Returns all that any session waits for, or has, without the texts that people read."""
        items = self._scan(
            TableName=self._waits_table,
            ProjectionExpression=_OF_A_WAIT,
            ExpressionAttributeNames=_NAMES,
        )
        # The table also holds who may send e-mails next.
        waits = (wait_items.from_item(item) for item in items if "tool_name" in item)
        return {(wait.session_id, wait.tool_use_id): wait for wait in waits}

    def _of_session(self, table: str, session_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._dynamodb.query(
            TableName=table,
            KeyConditionExpression="session_id = :id",
            ExpressionAttributeValues={":id": {"S": session_id}},
            ConsistentRead=True,
        )["Items"]
        return found

    def _scan(self, **request: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        while True:
            answer = self._dynamodb.scan(**request, ConsistentRead=True)
            items += answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return items
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _length(self, queue_url: str) -> int:
        states = ("", "NotVisible", "Delayed")
        names = [f"ApproximateNumberOfMessages{state}" for state in states]
        attributes = self._sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return sum(int(value) for value in attributes["Attributes"].values())


def row_of(item: dict[str, Any]) -> SessionRow:
    """Returns a stored session as a page shows it, without what it waits for."""
    messages = item.get("messages", {}).get("L", [])
    status = _text(item, "status")
    return SessionRow(
        session_id=item["session_id"]["S"],
        task=_beginning(_text(item, "task") or _first_text(messages)),
        status=status,
        outcome=_text(item, "outcome"),
        reason=_text(item, "reason"),
        last_words=(_text(item, "last_words") or _last_text(messages))
        if status == _COMPLETED
        else "",
        changed_at=int(item.get("paused_at", {}).get("N", 0)),
        agent_name=_text(item, "agent_name"),
        parent_id=_text(item.get("parent", {}).get("M", {}), "session_id"),
    )


def _arriving(message: dict[str, Any]) -> SessionRow | None:
    """Shows a `new` message as a row; None for any other."""
    try:
        body = json.loads(message["Body"])
        task, kind = str(body["body"]["task"]), body["type"]
        session_id = str(body.get("session_id") or message["MessageId"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if kind != "new":
        return None
    return SessionRow(
        session_id=session_id,
        task=_beginning(task),
        status=ARRIVING if message["IsVisible"] or not message["ReceiveCount"] else RUNNING,
        outcome="",
        reason="",
        last_words="",
        changed_at=message["SentTimestamp"],
        agent_name=str(body.get("agent_name") or ""),
    )


def _waiting(item: dict[str, Any], waits: Waits) -> tuple[Waiting, ...]:
    """Says what a session waits for now, in the turn's order."""
    if _text(item, "status") != _WAITING or "pending" not in item:
        return ()
    given = inputs(codec.from_attribute(item["messages"]))
    return tuple(
        waiting(
            pending["tool_name"],
            given.get(pending.get("given_id") or pending["tool_use_id"], {}),
            waits.get((item["session_id"]["S"], pending["tool_use_id"])),
        )
        for pending in codec.from_attribute(item["pending"])
    )


def _beginning(task: str) -> str:
    return task if len(task) <= _TASK_CHARACTERS else f"{task[:_TASK_CHARACTERS]} …"


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
