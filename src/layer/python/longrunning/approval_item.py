"""One approval item: what is recorded of a tool use that waits.

PENDING → APPROVED | DENIED | EXPIRED | CANCELLED, APPROVED → SPENT      (an approval)
PENDING → RESOLVED                                                     (any other tool)
"""

import hashlib
import json
import zlib
from dataclasses import dataclass, field, fields
from typing import Any

from longrunning import codec, messages

PENDING, APPROVED, DENIED = "PENDING", "APPROVED", "DENIED"
EXPIRED, CANCELLED, SPENT, RESOLVED = "EXPIRED", "CANCELLED", "SPENT", "RESOLVED"

OPEN_SHARDS = 4
"""Partitions of the sparse index over open items: one takes 1,000 writes a second."""


@dataclass(frozen=True)
class Approval:
    """One item. Times are epoch seconds; texts are what a person reads, byte for byte."""

    session_id: str
    tool_use_id: str
    agent_name: str
    tool_name: str
    """The tool that waits: `human_approval`, or the protected tool itself (a gated call)."""
    requested_at: int
    decide_by: int
    action: str = ""
    """The protected tool whose call this approval allows; empty for a tool that is no approval."""
    status: str = PENDING
    content: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    """All else the allowed call carries."""
    content_schema: dict[str, Any] = field(default_factory=dict)
    """JSON schema of the content, which an approver's edit must satisfy."""
    edited_content: str | None = None
    decision: str | None = None
    decided_by: str | None = None
    decided_at: int | None = None
    comment: str | None = None
    fence: int = 0
    lease_until: int = 0
    result: dict[str, Any] | None = None
    """The Converse `toolResult` of a tool that is no approval."""
    remind_at: int | None = None
    """When the question is sent again; None: not, or done."""
    escalate_at: int | None = None
    """When others are asked, too; None: not, or done."""
    due_at: int | None = None
    """When the sweeper has something to do next; None once a worker has claimed it."""
    resends: int | None = None
    """How often the sweeper has sent the message again that tells of the decision."""
    resent_at: int | None = None
    acknowledged: bool | None = None
    """Whether the message that tells of its decision was done with while others of the turn waited:
    then the message of a later decision resumes."""
    refused: bool | None = None
    """Whether its receiver refused the effect for good: SPENT, and nothing happened."""
    answer: dict[str, Any] | None = None
    """What its receiver said, `{"status": "success|error", "text"}`, where that is known: then the
    receiver is not asked again."""
    not_done: str | None = None
    """Why an approved call was never made: its session ended without it, for this reason."""
    claimed_by: str | None = None
    """Which delivery claimed it last: its message's id, `/`, and a text that no other has."""
    messages_over: list[str] | None = None
    """Ids of messages that met the first claim's lease and ended: none of their deliveries may
    claim later."""
    max_edit_bytes: int | None = None
    """The longest edit that still fits, in UTF-8, where it is shorter than for one question."""
    expires_at: int | None = None

    @property
    def text(self) -> str:
        """What was approved: the approver's edit, or else the content as asked."""
        return self.content if self.edited_content is None else self.edited_content

    @property
    def digest(self) -> str:
        """SHA-256 of `text` in UTF-8, in hexadecimal."""
        return digest(self.text)

    @property
    def key(self) -> str:
        """The idempotency key of its one effect."""
        return f"{self.session_id}/{self.tool_use_id}"

    @property
    def next_step_at(self) -> int:
        """When a PENDING item has something due: a reminder, an escalation, its end."""
        return min(at for at in (self.remind_at, self.escalate_at, self.decide_by) if at)

    @property
    def held_by(self) -> str:
        """The id of the message that claimed it last; empty if nobody did, or an older release."""
        return message_of(self.claimed_by or "")

    @property
    def is_approval(self) -> bool:
        """Whether a person decides it, so that no message may claim what was decided."""
        return bool(self.action)


def digest(text: str) -> str:
    """Returns the SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def message_of(claimed_by: str) -> str:
    """Returns the id of the message of the delivery that `claimed_by` names."""
    return claimed_by.rpartition("/")[0]


def wake_up_message(approval: Approval) -> str:
    """Builds the `existing` message that has the agent look at a decided item.

    For an approval the record says what was decided: the text here is for people's eyes.
    """
    outcome = approval.decision or approval.status.lower()
    status = "success" if outcome == "approved" else "error"
    text = json.dumps({"decision": outcome})
    result = messages.tool_result(approval.tool_use_id, status, text)
    return messages.build_existing(approval.session_id, approval.tool_name, [result])


def is_wake_up(approval: Approval, result: dict[str, Any]) -> bool:
    """Whether a tool result is the one of the message that `wake_up_message` builds."""
    (sent,) = json.loads(wake_up_message(approval))["body"]
    return bool(sent["toolResult"] == result)


def to_item(approval: Approval) -> dict[str, Any]:
    """Converts an approval to DynamoDB attributes.

    Arguments, schema and result are one text of JSON each: as large and as exact as they came.
    """
    item: dict[str, Any] = {f.name: getattr(approval, f.name) for f in fields(approval)}
    item["arguments"] = json.dumps(approval.arguments, ensure_ascii=False)
    item["content_schema"] = json.dumps(approval.content_schema, ensure_ascii=False)
    item["result"] = approval.result and json.dumps(approval.result, ensure_ascii=False)
    item["digest"] = approval.digest
    if approval.due_at is not None:
        item["open_shard"] = str(zlib.crc32(approval.session_id.encode()) % OPEN_SHARDS)
    empty = ("", "{}") if not approval.is_approval else ()
    return codec.to_item({k: v for k, v in item.items() if v not in empty})


def from_item(item: dict[str, Any]) -> Approval:
    """Converts DynamoDB attributes, of an item or of an update's answer, to an approval."""
    values = codec.from_item(item)
    known = {f.name: values[f.name] for f in fields(Approval) if f.name in values}
    known["arguments"] = json.loads(values.get("arguments", "{}"))
    known["content_schema"] = json.loads(values.get("content_schema", "{}"))
    known["result"] = json.loads(values["result"]) if "result" in values else None
    return Approval(**known)
