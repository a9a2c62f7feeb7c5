"""One wait: the record of a tool use whose result comes later.

PENDING → APPROVED | DENIED | EXPIRED | CANCELLED, APPROVED → SPENT      an approval
PENDING → RESOLVED | EXPIRED | CANCELLED                               any other wait
"""

import hashlib
import json
import time
import zlib
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Literal

from longrunning import codec, messages


class Status(StrEnum):
    """How far a wait has come."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    DENIED = "DENIED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    SPENT = "SPENT"
    RESOLVED = "RESOLVED"


Decision = Literal["approved", "denied"]

OPEN_SHARDS = 4
"""Partitions of the sparse index over open waits: one takes 1,000 writes a second. Approvals have
so many, and all other waits as many of their own."""

TOOL_SHARD = "t"
"""How the partitions of waits that are no approvals begin."""


AS_JSON = (
    "result", "answer_schema", "editable", "edited_arguments", "approvers", "votes", "context",
)  # fmt: skip
"""What an item holds as one text of JSON each; beside them its call's arguments and schema."""

MAY_BE_LONG = (
    "content", "arguments", "content_schema", "edited_content", "edited_arguments", "result",
)  # fmt: skip
"""What an item holds compressed where it is long. No condition and no index looks into these."""

LONG_BYTES = 1_024
"""In UTF-8: every write of an item is billed by each KB that the whole item has."""


class NoCallError(Exception):
    """This wait is no approval: it allows no call."""


@dataclass(frozen=True)
class Call:
    """One exact call of a protected tool: what an approval allows."""

    action: str
    """The protected tool's name."""
    content: str | None = None
    """The text that a person reads and may edit; None: the tool takes none."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """All else that the call carries."""

    @property
    def digest(self) -> str:
        """The SHA-256, in hexadecimal, of the whole call.

        Of the JSON text of `[action, content, arguments]`: keys sorted, no spaces, ASCII. `true` is
        not 1, and 40.0 is 40, as in JSON.
        """
        parts = [self.action, self.content, _exact(self.arguments)]
        return digest(json.dumps(parts, sort_keys=True, separators=(",", ":")))

    @property
    def summary(self) -> str:
        """What it is about: its text; without one its arguments, `order_id: 4711, amount: 40`."""
        if self.content is not None:
            return self.content
        return ", ".join(f"{name}: {_in_words(value)}" for name, value in self.arguments.items())


@dataclass(frozen=True)
class Edit:
    """What an approver has changed of a call; nothing: it is approved as it was asked."""

    content: str | None = None
    """The approver's own text."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """The approver's own values, of those arguments alone that are others now."""


@dataclass(frozen=True)
class Wait:
    """The record of one waiting tool use. Times are epoch seconds."""

    session_id: str
    tool_use_id: str
    agent_name: str
    tool_name: str
    """The tool that waits: `human_approval`, a protected tool itself, or a long-running tool."""
    requested_at: int
    decide_by: int
    """The deadline: without an answer until then the agent goes on without one."""
    call: Call | None = None
    """The one call that an approval allows; None for a timer, a job, an agent."""
    status: Status = Status.PENDING
    content_schema: dict[str, Any] = field(default_factory=dict)
    """JSON schema of the call's content, which an approver's edit must satisfy."""
    answer_schema: dict[str, Any] | None = None
    """Of a question: the JSON schema of its answer, a flat object. Nothing is approved."""
    editable: dict[str, Any] | None = None
    """JSON schemas of those arguments that an approver may change, by name."""
    approvers: list[str] | None = None
    """Who may decide, by id; None: whoever has the link."""
    needed: int | None = None
    """How many of them must approve the same call; None: one."""
    sign_in: bool | None = None
    """Whether they must sign in to decide; None: having the link is enough."""
    requested_by: str | None = None
    """Who requested the task, as its sender has said."""
    context: dict[str, str] | None = None
    """How the task and the agent's last words begin, `{"task", "said"}`: shown, and part of nothing
    that is approved. None: the stack does not show it."""
    max_edit_bytes: int | None = None
    """The longest edit that still fits, in UTF-8, where it is shorter than for one question."""
    decision: Decision | None = None
    decided_by: str | None = None
    decided_at: int | None = None
    via: str | None = None
    """How: `link`, `signed-in`, `iam`, or `rule`; None of what nobody with a name has decided."""
    votes: list[dict[str, Any]] | None = None
    """What each of several has said, in order: `{"by", "via", "at", "decision", "digest",
    "comment"}`. The digest is that of the call in force: an edit leaves earlier votes behind."""
    comment: str | None = None
    edited_content: str | None = None
    """The approver's own text, which the call carries instead of its content."""
    edited_arguments: dict[str, Any] | None = None
    """The approver's own values, which the call carries instead of those asked for."""
    result: dict[str, Any] | None = None
    """The Converse `toolResult` that answers any other wait."""
    fence: int = 0
    lease_until: int = 0
    claimed_by: str | None = None
    """Which delivery claimed it last: its message's id, `/`, and a text that no other has."""
    messages_over: list[str] | None = None
    """Ids of messages that met the first claim's lease and ended: none of their deliveries may
    claim later."""
    acknowledged: bool | None = None
    """Whether the message that tells of its answer came before the rest of the turn was answered,
    and ended: then the message of a later answer resumes."""
    remind_at: int | None = None
    """When the question is sent again, or a tool asks its source first; None: not, or done."""
    planned_remind_at: int | None = None
    """When the question is sent again as planned, once it was sent again for another reason: an
    edit, a later end, an operator; None: not."""
    escalate_at: int | None = None
    """When others are asked, too; None: not, or done."""
    first_decide_by: int | None = None
    """The deadline as it was asked; None: an operator has not moved it."""
    asked_again_by: str | None = None
    """The operator who has last moved the deadline, or had the e-mail sent again."""
    due_at: int | None = None
    """When the sweeper has something to do next; None once a worker has claimed it."""
    resends: int | None = None
    """How often the sweeper has sent the message again that tells of the answer."""
    resent_at: int | None = None
    refused: bool | None = None
    """Whether the receiver refused the effect for good: SPENT, and nothing happened."""
    answer: dict[str, Any] | None = None
    """The receiver's words, `{"status": "success|error", "text"}`, where they are known: then the
    receiver is not asked again."""
    not_done: str | None = None
    """Why an approved call was never made: its session ended without it, for this reason."""
    depth: int | None = None
    """How many agents asked for this one, one on behalf of the other; None: it has a task."""
    expires_at: int | None = None

    @property
    def asked(self) -> Call:
        """The call that a person is asked about.

        Raises:
            NoCallError: This wait is no approval.
        """
        if self.call is None:
            raise NoCallError(f"{self.tool_name} waits for no approval")
        return self.call

    def is_open(self, now: int) -> bool:
        """Tells whether it may still be answered (epoch seconds)."""
        return self.status == Status.PENDING and self.decide_by > now

    @property
    def is_question(self) -> bool:
        """Whether a person answers it, and approves nothing."""
        return self.answer_schema is not None

    @property
    def edit(self) -> Edit:
        """What an approver has changed of the call."""
        return Edit(self.edited_content, self.edited_arguments or {})

    @property
    def is_edited(self) -> bool:
        """Whether an approver has changed anything of the call."""
        return self.edit != Edit()

    @property
    def in_force(self) -> Call:
        """The call as it may run: as it was asked, with the approver's edit."""
        return self.edited(self.edit)

    def edited(self, edit: Edit) -> Call:
        """Returns the call as it would be with an edit.

        Raises:
            NoCallError: This wait is no approval.
        """
        content = self.asked.content if edit.content is None else edit.content
        return Call(self.asked.action, content, {**self.asked.arguments, **edit.arguments})

    @property
    def key(self) -> str:
        """The idempotency key of its one effect."""
        return f"{self.session_id}/{self.tool_use_id}"

    @property
    def name(self) -> str:
        """A name for what this wait starts: 64 hexadecimal digits, the same at each attempt."""
        return digest(self.key)

    def asked_again(self, now: int) -> "Wait":
        """Returns it with its e-mail due at once; a reminder that was planned stays planned."""
        planned = self.planned_remind_at or self.remind_at
        return replace(self, remind_at=now, due_at=now, planned_remind_at=planned)

    @property
    def next_step_at(self) -> int:
        """When a PENDING wait has something due: a reminder, an escalation, its end."""
        return min(at for at in (self.remind_at, self.escalate_at, self.decide_by) if at)

    @property
    def held_by(self) -> str:
        """The id of the message that claimed it last; empty if nobody did, or an older release."""
        return message_of(self.claimed_by or "")

    @property
    def approved_by(self) -> tuple[str, ...]:
        """Those whose last vote approves the very call in force, in the order of their votes."""
        last = {vote["by"]: vote for vote in self.votes or ()}
        in_force = self.in_force.digest if last else ""
        counted = (v for v in last.values() if v["decision"] == "approved")
        return tuple(v["by"] for v in counted if v["digest"] == in_force)

    @property
    def comments(self) -> str | None:
        """The comment; of several who have agreed what each has said, with the name."""
        last = {vote["by"]: vote["comment"] for vote in self.votes or ()}
        said = {by: last[by] for by in self.approved_by if last[by]}
        if self.decision != "approved" or len(said) < 2:
            return self.comment or next(iter(said.values()), None)
        return "\n".join(f"{by}: {comment}" for by, comment in said.items())

    @property
    def to_be_asked(self) -> tuple[str, ...]:
        """Those asked by name who have not approved the call in force."""
        agreed = self.approved_by
        return tuple(p for p in self.approvers or () if p not in agreed)

    def allows(self, call: Call) -> bool:
        """Tells whether this approval is for exactly this call.

        What was denied after an edit is denied as it was asked as well.
        """
        if self.call is None:
            return False
        if self.status == Status.DENIED and call.digest == self.asked.digest:
            return True
        return call.digest == self.in_force.digest


def digest(text: str) -> str:
    """Returns the SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _in_words(value: Any) -> str:
    return value if isinstance(value, str) else as_json(value)


def _exact(value: Any) -> Any:
    """Writes a number without a fraction as what it is, so that it has one text."""
    match value:
        case dict():
            return {name: _exact(part) for name, part in value.items()}
        case list() | tuple():
            return [_exact(part) for part in value]
        case float() if value.is_integer():
            return int(value)
    return value


def month_of(at: int) -> str:
    """Returns the month of a time in epoch seconds, such as `2026-03`: where the index has it."""
    return time.strftime("%Y-%m", time.gmtime(at))


def message_of(claimed_by: str) -> str:
    """Returns the id of the message of the delivery that `claimed_by` names."""
    return claimed_by.rpartition("/")[0]


def wake_up_message(wait: Wait) -> str:
    """Builds the `existing` message that has the agent look at an answered wait.

    The record says what was decided: the text here is for people's eyes.
    """
    outcome = wait.decision or wait.status.lower()
    status = "success" if outcome == "approved" else "error"
    text = json.dumps({"decision": outcome})
    result = messages.tool_result(wait.tool_use_id, status, text)
    return messages.build_existing(wait.session_id, wait.tool_name, [result])


def is_wake_up(wait: Wait, result: dict[str, Any]) -> bool:
    """Tells whether a tool result is the one of the message that `wake_up_message` builds."""
    (sent,) = json.loads(wake_up_message(wait))["body"]
    return bool(sent["toolResult"] == result)


def to_item(wait: Wait) -> dict[str, Any]:
    """Converts a wait to DynamoDB attributes; a call's parts stand beside the others.

    Arguments, schema and result are one text of JSON each: as large and as exact as they came. A
    long text is compressed.
    """
    item: dict[str, Any] = {f.name: getattr(wait, f.name) for f in fields(wait)}
    item["status"] = str(wait.status)
    for name in AS_JSON:
        item[name] = None if item[name] is None else as_json(item[name])
    call = item.pop("call")
    schema = item.pop("content_schema")
    if call is not None:
        item["action"] = call.action
        item["content"] = call.content
        item["arguments"] = as_json(call.arguments)
        item["content_schema"] = as_json(schema)
        item["digest"] = wait.in_force.digest
    if wait.via and wait.decided_at:
        item["decided_month"] = month_of(wait.decided_at)
    if wait.due_at is not None:
        shard = zlib.crc32(wait.session_id.encode()) % OPEN_SHARDS
        item["open_shard"] = f"{shard}" if wait.call else f"{TOOL_SHARD}{shard}"
    return codec.to_item(packed(item))


def packed(values: dict[str, Any]) -> dict[str, Any]:
    """Returns an item's values with those compressed, by zlib, that are long and may be."""
    return {name: _packed(name, value) for name, value in values.items()}


def unpacked(value: Any) -> Any:
    """Returns a value of an item as it was before `packed`.

    Raises:
        zlib.error: What is compressed is damaged.
    """
    if not isinstance(value, bytes):
        return value
    return zlib.decompress(value).decode(errors="surrogatepass")


def from_item(item: dict[str, Any]) -> Wait:
    """Converts DynamoDB attributes, of an item or of an update's answer, to a wait."""
    values = {name: unpacked(value) for name, value in codec.from_item(item).items()}
    known = {f.name: values[f.name] for f in fields(Wait) if f.name in values}
    known["status"] = Status(known["status"]) if "status" in known else Status.PENDING
    known["content_schema"] = json.loads(values.get("content_schema", "{}"))
    known |= {name: json.loads(values[name]) for name in AS_JSON if name in values}
    if values.get("action"):
        arguments = json.loads(values.get("arguments", "{}"))
        known["call"] = Call(values["action"], values.get("content"), arguments)
    return Wait(**known)


def as_json(value: Any) -> str:
    """Returns a value as the item holds it: as large and as exact as it came."""
    return json.dumps(value, ensure_ascii=False)


def _packed(name: str, value: Any) -> Any:
    if name not in MAY_BE_LONG or not isinstance(value, str):
        return value
    data = value.encode(errors="surrogatepass")  # JSON may bring half a pair.
    if len(data) <= LONG_BYTES:
        return value
    compressed = zlib.compress(data)
    return compressed if len(compressed) < len(data) else value
