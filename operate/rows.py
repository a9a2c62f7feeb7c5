"""What the law is counted from: one row per session, approval, post and dead letter.

Never content: no conversation, no draft and no task is read or kept. Times are epoch seconds.
"""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from longrunning import messages
from longrunning.messages import MESSAGE_ID_PATTERN, Cancel, Look, MalformedMessageError, NewTask
from longrunning.waits.item import message_of

Item = dict[str, Any]
"""A DynamoDB item as a low-level client returns it: `{"status": {"S": "waiting"}, …}`."""

ORIGINAL_ID = "original_message_id"
"""The message attribute in which a dead letter that goes back keeps its identity."""

MAX_REASON_CHARS = 250

REASON = "reason"
"""The message attribute that only a message has which the agent rejected as malformed."""

_STRING = {"S": ""}
_NUMBER = {"N": "0"}


@dataclass(frozen=True, slots=True)
class Session:
    """A session between two runs; a session is what became of one task."""

    ATTRIBUTES: ClassVar = (
        "session_id", "agent_name", "status", "outcome", "pending", "unspent", "paused_at",
        "paused_by", "expires_at", "base.key", "base.version_id", "parent.session_id",
        "parent.tool_use_id",
    )  # fmt: skip

    session_id: str
    agent_name: str
    status: str
    outcome: str = ""
    pending: tuple[tuple[str, str], ...] = ()
    """Tool use id and tool name of what it waits for."""
    unspent: tuple[str, ...] = ()
    """Tool use ids of earlier turns that were approved and not yet published."""
    paused_at: int = 0
    paused_by: str = ""
    """SQS message id of the delivery that saved it."""
    expires_at: int = 0
    base_key: str = ""
    base_version: str = ""
    """Version id of the object; empty for one that an earlier release wrote."""
    parent: tuple[str, str] | None = None
    """Session and tool use id of the wait of another agent that its end answers."""

    @classmethod
    def of(cls, item: Item) -> "Session":
        """Reads an item of the table `agent-memory-store`, whole or projected."""
        uses = [use["M"] for use in item.get("pending", {}).get("L", [])]
        base, parent = (item.get(name, {}).get("M", {}) for name in ("base", "parent"))
        return cls(
            session_id=item["session_id"]["S"],
            agent_name=item.get("agent_name", _STRING)["S"],
            status=item.get("status", _STRING)["S"],
            outcome=item.get("outcome", _STRING)["S"],
            pending=tuple((use["tool_use_id"]["S"], use["tool_name"]["S"]) for use in uses),
            unspent=tuple(use["S"] for use in item.get("unspent", {}).get("L", [])),
            paused_at=int(item.get("paused_at", _NUMBER)["N"]),
            paused_by=item.get("paused_by", _STRING)["S"],
            expires_at=int(item.get("expires_at", _NUMBER)["N"]),
            base_key=base.get("key", _STRING)["S"],
            base_version=base.get("version_id", _STRING)["S"],
            parent=(parent["session_id"]["S"], parent["tool_use_id"]["S"]) if parent else None,
        )


@dataclass(frozen=True, slots=True)
class Approval:
    """An item of the table `approvals`: one tool use that waits or waited."""

    ATTRIBUTES: ClassVar = (
        "session_id", "tool_use_id", "tool_name", "status", "action", "open_shard", "due_at",
        "lease_until", "fence", "requested_at", "decided_at", "expires_at", "refused", "not_done",
        "remind_at", "claimed_by", "needed", "votes", "digest",
    )  # fmt: skip

    session_id: str
    tool_use_id: str
    tool_name: str
    status: str
    action: str = ""
    """The protected tool that it allows; "" for a tool that is no approval."""
    is_open: bool = False
    """Whether it stands in the index that the sweeper reads."""
    fence: int = 0
    lease_until: int = 0
    requested_at: int = 0
    decided_at: int = 0
    expires_at: int = 0
    refused: bool = False
    """Whether the receiver refused its effect for good."""
    not_done: bool = False
    """Whether its session ended without the call that it allowed."""
    is_looked_at: bool = False
    """Whether its source is asked what is so: then a message is only a hint to do that."""
    held_by: str = ""
    """SQS message id of the delivery that claimed it last."""
    needed: int = 1
    """How many people must have approved the call in force."""
    agreed: int = 1
    """How many have, where several must."""

    @classmethod
    def of(cls, item: Item) -> "Approval":
        """Reads an item of the table `approvals`, whole or projected."""
        return cls(
            session_id=item["session_id"]["S"],
            tool_use_id=item["tool_use_id"]["S"],
            tool_name=item.get("tool_name", _STRING)["S"],
            status=item.get("status", _STRING)["S"],
            action=item.get("action", _STRING)["S"],
            is_open={"open_shard", "due_at"} <= item.keys(),
            fence=int(item.get("fence", _NUMBER)["N"]),
            lease_until=int(item.get("lease_until", _NUMBER)["N"]),
            requested_at=int(item.get("requested_at", _NUMBER)["N"]),
            decided_at=int(item.get("decided_at", _NUMBER)["N"]),
            expires_at=int(item.get("expires_at", _NUMBER)["N"]),
            refused=bool(item.get("refused", {}).get("BOOL", False)),
            not_done="not_done" in item,
            is_looked_at="remind_at" in item and "action" not in item,
            held_by=message_of(item.get("claimed_by", _STRING)["S"]),
            needed=int(item.get("needed", {"N": "1"})["N"]),
            agreed=_agreed(item) if "needed" in item else 1,
        )

    @property
    def key(self) -> str:
        """The idempotency key of its one effect."""
        return f"{self.session_id}/{self.tool_use_id}"


def _agreed(item: Item) -> int:
    """Counts those whose last vote approves the call with the item's digest."""
    votes = json.loads(item.get("votes", {"S": "[]"})["S"])
    last = {vote["by"]: vote for vote in votes}
    digest = item.get("digest", _STRING)["S"]
    return sum(v["decision"] == "approved" and v["digest"] == digest for v in last.values())


@dataclass(frozen=True, slots=True)
class Post:
    """An effect that a receiver has: its idempotency key, and when it came."""

    ATTRIBUTES: ClassVar = ("idempotency_key", "created_at")

    key: str
    created_at: int

    @classmethod
    def of(cls, item: Item) -> "Post":
        """Reads an item of a receiver's table, whole or projected."""
        return cls(item["idempotency_key"]["S"], int(item["created_at"]["N"]))


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter."""

    message_id: str
    """Its identity: the id of the message as it was first sent."""
    kind: str
    """`new`, `existing`, `look`, `cancel`, or `unreadable`."""
    session_id: str
    """The session that it would move on; "" for one that does not say, or cannot be read."""
    tool_use_ids: tuple[str, ...] = ()
    is_rejected: bool = False
    """Whether the agent refused it as malformed, so that it is no task."""
    reason: str = ""
    """Why it is no message, without a word of it: as the agent said, or as it would say."""
    is_asked: bool = False
    """Whether it is the task of an agent that another one asked."""

    @classmethod
    def of(cls, message: dict[str, Any]) -> "Letter":
        """Reads a message of the dead-letter queue, as `receive_message` returns it.

        It must have been received with `MessageAttributeNames=["All"]`.
        """
        attributes = message.get("MessageAttributes", {})
        original = attributes.get(ORIGINAL_ID, {}).get("StringValue", "")
        if not MESSAGE_ID_PATTERN.fullmatch(original):
            original = message["MessageId"]
        said = _printable(attributes.get(REASON, {}).get("StringValue", ""))
        fields: dict[str, Any] = {"is_rejected": REASON in attributes, "reason": said}
        try:
            parsed = messages.parse(message["Body"])
        except MalformedMessageError as error:
            return cls(original, "unreadable", "", **fields | {"reason": said or str(error)})
        if isinstance(parsed, NewTask):
            is_asked = parsed.parent is not None
            return cls(original, "new", parsed.session_id or original, **fields, is_asked=is_asked)
        if isinstance(parsed, Look):
            return cls(original, "look", "", **fields)
        if isinstance(parsed, Cancel):
            return cls(original, "cancel", parsed.session_id, **fields)
        ids = tuple(result["toolUseId"] for result in parsed.results)
        return cls(original, "existing", parsed.session_id, ids, **fields)


def _printable(text: str) -> str:
    """A queue takes anything from whoever may send to it; a terminal must not."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:MAX_REASON_CHARS])
