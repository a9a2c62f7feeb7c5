"""The state store `agent-memory-store`: a paused agent, saved and loaded.

One item per session and agent. Its `messages` are a native list, readable in the console, of the
last turn at least. What came before stands in the same list while it is short; then compressed
beside it, as `earlier`; and once both pass `INLINE_BYTES`, in S3 as one gzip object, the base, and
the item starts again. So a save costs a few write units whatever the conversation's size, and any
size works.
"""

import gzip
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from longrunning import codec
from longrunning.messages import Parent
from longrunning.observability import get_logger

Message = dict[str, Any]

READABLE_BYTES = 1_024
"""Encoded size up to which all messages stay in the list."""

INLINE_BYTES = 3_072
"""Size up to which the list, and what is compressed beside it, stay in the item: DynamoDB bills a
write by the KB, and one PUT to S3 costs as much as eight of them."""

PACKED_AT_MOST = 16 * INLINE_BYTES
"""Encoded size beyond which nobody tries whether what came before could be made small enough."""

SECONDS_PER_DAY = 86_400

RESTORABLE_SECONDS = 36 * SECONDS_PER_DAY
"""The tables can be restored to any second of the last 35 days, and then need their bases."""

LIFETIMES_DAYS = {"short": 200, "long": 2_000}
"""How long the bucket keeps an object, by the first part of its key; what is to last longer is
`kept` for good. Constants of the template, which no parameter changes: nothing in use ages away."""

FOR_GOOD = "kept"

SHOWN_CHARS = 160
"""Kept of the task in the item itself, once the conversation begins in S3."""

GONE = ("NoSuchKey", "NoSuchVersion")
"""Source: S3, "GetObject", errors."""

WAITING, COMPLETED = "waiting", "completed"

OTHER_OUTCOMES = (
    "", "denied", "expired", "cancelled", "not_done", "failed", "stopped", "finished",
)  # fmt: skip
"""The outcomes of a session in which nothing was done that needed an approval."""

_logger = get_logger("sessions")


class SessionExistsError(Exception):
    """Another delivery of the same task has saved this session before."""


class SessionChangedError(Exception):
    """A newer worker has saved or claimed this session; whatever this one did is void."""


class CorruptedStateError(Exception):
    """The S3 object that a session points to is missing, or is not what was written."""


@dataclass(frozen=True)
class PendingToolUse:
    """A tool use of the last turn that the session waits for."""

    tool_use_id: str
    """Ours: the key of its record."""
    tool_name: str
    given_id: str | None = None
    """The provider's, in the conversation, where that cannot be ours."""
    within_seconds: int | None = None
    """How long it waits; None for an approval, or where the tool does not say."""
    look_at: int | None = None
    """When its source is asked for the result first, in epoch seconds; None: never."""
    by_callback: bool | None = None
    """Whether only a callback answers it."""

    @property
    def id_in_conversation(self) -> str:
        """The id that the model's provider gave it."""
        return self.given_id or self.tool_use_id


@dataclass(frozen=True)
class Base:
    """The first `count` messages of the conversation, as one object in S3."""

    key: str
    count: int
    digest: str
    """SHA-256 of the messages' JSON, in hexadecimal."""
    written_at: int = 0
    """Epoch seconds."""
    version_id: str | None = None
    """Of the object in the bucket: what the tables of the last weeks point to is still there."""

    def outlives(self, expires_at: int) -> bool:
        """Whether the bucket keeps it as long as something may point to it (epoch seconds)."""
        days = LIFETIMES_DAYS.get(self.key.partition("/")[0])
        if days is None:
            return self.key.startswith(f"{FOR_GOOD}/")
        ends_at = self.written_at + days * SECONDS_PER_DAY
        return ends_at >= expires_at + RESTORABLE_SECONDS


@dataclass(frozen=True)
class Session:
    """A session between two runs. Times are epoch seconds."""

    session_id: str
    agent_name: str
    messages: list[Message]
    status: str
    """`waiting` or `completed`."""
    pending: tuple[PendingToolUse, ...] = ()
    """The waiting tool uses of the last turn, in the turn's order."""
    unspent: tuple[str, ...] = ()
    """Tool use ids of earlier turns that were approved and not yet used."""
    outcome: str = ""
    """One of `OTHER_OUTCOMES`, or a protected tool's word for what it did, such as `published`."""
    reason: str | None = None
    """Why it failed or was stopped: the stop reason of its last run."""
    last_words: str | None = None
    """The beginning of what the agent said last, once it has ended."""
    version: int = 1
    fence: int = 0
    paused_at: int = 0
    """When the run ended that saved it."""
    paused_by: str = ""
    """SQS message id of the delivery that paused it: only that one finishes the pause."""
    expires_at: int = 0
    base: Base | None = None
    task_digest: str | None = None
    """Of the task that it was started for, in hexadecimal: the conversation may lose it."""
    is_trimmed: bool | None = None
    """Whether the conversation has lost messages."""
    state: dict[str, Any] | None = None
    """The values that tools and hooks keep in `agent.state`."""
    waits: dict[str, int] | None = None
    """How often it has waited so far, by tool."""
    parent: Parent | None = None
    """The wait of another agent that its end answers; None: it has a task of its own."""
    requested_by: str | None = None
    """Who requested the task, as its sender has said."""

    @property
    def was_cut_short(self) -> bool:
        """Whether it waits for nothing but the redelivery of its own message, to go on."""
        return self.status == WAITING and not self.pending

    def waits_for(self, tool_use_id: str) -> PendingToolUse | None:
        """Returns the pending tool use of this id, if the session waits for it now."""
        return next((p for p in self.pending if p.tool_use_id == tool_use_id), None)


class SessionStore:
    """The table `agent-memory-store` and the bucket of its bases."""

    def __init__(self, dynamodb: Any, table_name: str, s3: Any, bucket_name: str) -> None:
        """Takes low-level clients and the names of the table and the bucket."""
        self._dynamodb = dynamodb
        self._table = table_name
        self._s3 = s3
        self._bucket = bucket_name

    def load(self, session_id: str, agent_name: str) -> Session | None:
        """Reads a session with its whole conversation, consistently.

        Raises:
            CorruptedStateError: Its base is missing or damaged.
        """
        found = self._dynamodb.get_item(
            TableName=self._table, Key=_key(session_id, agent_name), ConsistentRead=True
        )
        return self._session(found["Item"]) if "Item" in found else None

    def find(self, session_id: str) -> Session | None:
        """Reads the session of an id, whichever agent's, consistently.

        Raises:
            CorruptedStateError: Its base is missing or damaged.
        """
        found = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="session_id = :s",
            ExpressionAttributeValues={":s": {"S": session_id}},
            ConsistentRead=True,
            Limit=1,
        )
        return self._session(found["Items"][0]) if found["Items"] else None

    def _session(self, item: dict[str, Any]) -> Session:
        fields = codec.from_item(item)
        base = Base(**fields["base"]) if "base" in fields else None
        return Session(
            session_id=fields["session_id"],
            agent_name=fields["agent_name"],
            messages=(self._read_base(base) if base else []) + inline_messages(fields),
            status=fields["status"],
            pending=tuple(PendingToolUse(**pending) for pending in fields["pending"]),
            unspent=tuple(fields["unspent"]),
            outcome=fields["outcome"],
            reason=fields.get("reason"),
            last_words=fields.get("last_words"),
            version=fields["version"],
            fence=fields["fence"],
            paused_at=fields["paused_at"],
            paused_by=fields["paused_by"],
            expires_at=fields["expires_at"],
            base=base,
            task_digest=fields.get("task_digest"),
            is_trimmed=fields.get("is_trimmed"),
            state=fields.get("state"),
            waits=fields.get("waits"),
            parent=Parent(**fields["parent"]) if "parent" in fields else None,
            requested_by=fields.get("requested_by"),
        )

    def create(self, session: Session) -> Session:
        """C1: saves a new session, if there is none of this id.

        Raises:
            SessionExistsError: There is one.
        """
        stored, inline = self._compact(session, fence=0)
        try:
            self._put(stored, inline, "attribute_not_exists(session_id)", {})
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            raise SessionExistsError(SessionExistsError.__doc__) from error
        return stored

    def save(self, session: Session, fence: int) -> Session:
        """C6: saves what a resumed run made of a session.

        Args:
            session: As loaded, with what the run changed; its version is still the loaded one.
            fence: The fence of this worker's claim.

        Raises:
            SessionChangedError: It was saved or claimed by another in the meantime.
        """
        stored, inline = self._compact(replace(session, version=session.version + 1), fence)
        bound = {":version": session.version, ":fence": fence}
        try:
            self._put(stored, inline, "version = :version AND fence <= :fence", bound)
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            raise SessionChangedError(SessionChangedError.__doc__) from error
        if session.base and session.base != stored.base:
            self._forget(session.base)
        return stored

    def fence_off(self, session: Session, fence: int) -> None:
        """C4': stops every older worker from saving; needed by all but the first claim.

        Raises:
            SessionChangedError: It changed since it was read, or a newer worker has fenced it.
        """
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(session.session_id, session.agent_name),
                UpdateExpression="SET fence = :fence",
                ConditionExpression="version = :version AND fence <= :fence",
                ExpressionAttributeValues=codec.to_item(
                    {":version": session.version, ":fence": fence}
                ),
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            raise SessionChangedError(SessionChangedError.__doc__) from error

    def _put(
        self, session: Session, inline: "_Inline", condition: str, bound: dict[str, Any]
    ) -> None:
        item = {f.name: getattr(session, f.name) for f in fields(session)}
        item["messages"], item["earlier"] = inline.messages, inline.earlier
        item["pending"] = [_fields(pending) for pending in session.pending]
        item["base"] = session.base and _fields(session.base)
        item["parent"] = session.parent and _fields(session.parent)
        is_whole = len(inline.messages) == len(session.messages)
        item["task"] = None if is_whole else _beginning(session.messages[0])
        values = {"ExpressionAttributeValues": codec.to_item(bound)} if bound else {}
        self._dynamodb.put_item(
            TableName=self._table,
            Item=codec.to_item(item),
            ConditionExpression=condition,
            **values,
        )

    def _compact(self, session: Session, fence: int) -> tuple[Session, "_Inline"]:
        """Splits the conversation into a base and what stays in the item."""
        base = session.base
        if base and not base.outlives(session.expires_at):
            base = None
        covered = _covered(session.messages, base) if base else b""
        if not covered:
            base = None  # A conversation manager trimmed or rewrote what the base covers.
        start = base.count if base else 0
        encoded = [codec.to_json(message) for message in session.messages[start:]]
        last = max(start, _start_of_last_turn(session.messages))
        # A short one needs no base, however old.
        if inline := _inline(session.messages[start:], encoded, last - start):
            return replace(session, base=base), inline
        is_turn_short = len(_joined(encoded[last - start :])) <= INLINE_BYTES
        count = last if is_turn_short else len(session.messages)
        before = [covered[1:-1]] if covered else []
        head = _joined([*before, *encoded[: count - start]])
        base = self._write_base(session, count, head, fence)
        return replace(session, base=base), _Inline(session.messages[count:])

    def _write_base(self, session: Session, count: int, data: bytes, fence: int) -> Base:
        """The key holds fence and digest: no worker overwrites what another one points to."""
        digest = _digest(data)
        name = f"{session.version}-{fence}-{digest[:16]}"
        # S3 refuses a key with a part "..".
        folder = session.session_id if session.session_id.strip(".") else f"{session.session_id}_"
        lifetime = _lifetime(session.expires_at - session.paused_at)
        key = f"{lifetime}/{folder}/{session.agent_name}/{name}"
        body = gzip.compress(data, compresslevel=1, mtime=0)
        put = self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)
        return Base(key, count, digest, session.paused_at, put.get("VersionId"))

    def _read_base(self, base: Base) -> list[Message]:
        version = {"VersionId": base.version_id} if base.version_id else {}
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=base.key, **version)
        except self._s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in GONE:
                raise
            raise CorruptedStateError(f"{base.key} is missing") from error
        try:
            data = gzip.decompress(found["Body"].read())
        except (OSError, EOFError, zlib.error) as error:
            raise CorruptedStateError(f"{base.key} is no gzip") from error
        if _digest(data) != base.digest:
            raise CorruptedStateError(f"{base.key} is not what was written")
        messages: list[Message] = codec.from_json(data)
        return messages

    def _forget(self, base: Base) -> None:
        """Nothing points to it any more but restored tables: its version is kept that long.

        What a crash leaves behind, the bucket's lifecycle rules take.
        """
        try:
            self._s3.delete_object(Bucket=self._bucket, Key=base.key)
        except Exception as error:  # The save has happened: a leftover must not undo it.
            _logger.warning("left an old base behind", extra={"error": type(error).__name__})


@dataclass(frozen=True)
class _Inline:
    """What the item has of a conversation, without its base."""

    messages: list[Message]
    earlier: bytes | None = None
    """The messages before those and after the base: their JSON, compressed."""


def _inline(messages: list[Message], encoded: list[bytes], last: int) -> _Inline | None:
    """Returns what the item has of messages and their JSON; None where they are too long for it.

    Args:
        messages: Those that no base covers.
        encoded: The JSON of each.
        last: The place in them where the last turn begins.
    """
    size = len(_joined(encoded))
    if size <= READABLE_BYTES or (not last and size <= INLINE_BYTES):
        return _Inline(messages)
    turn = len(_joined(encoded[last:]))
    if not last or turn > INLINE_BYTES or size - turn > PACKED_AT_MOST:
        return None
    earlier = zlib.compress(_joined(encoded[:last]))
    return _Inline(messages[last:], earlier) if len(earlier) + turn <= INLINE_BYTES else None


def inline_messages(fields: dict[str, Any]) -> list[Message]:
    """Returns the messages that the fields of an item have, without those of its base.

    Raises:
        CorruptedStateError: What is compressed is damaged.
    """
    messages: list[Message] = fields["messages"]
    if "earlier" not in fields:
        return messages
    try:
        earlier: list[Message] = codec.from_json(zlib.decompress(fields["earlier"]))
    except (zlib.error, ValueError) as error:
        raise CorruptedStateError("earlier is not what was written") from error
    return earlier + messages


def read_turn(client: Any, table_name: str, session_id: str, agent_name: str) -> tuple[str, ...]:
    """Reads which tool uses a session waits for, consistently, and nothing of its conversation.

    Args:
        client: A low-level DynamoDB client.
        table_name: The table `agent-memory-store`.
        session_id: The session.
        agent_name: Its agent.

    Returns:
        Tool use ids; none if it waits for nothing, or is gone.
    """
    found = client.get_item(
        TableName=table_name,
        Key=_key(session_id, agent_name),
        ConsistentRead=True,
        ProjectionExpression="pending, #status",
        ExpressionAttributeNames={"#status": "status"},
    )
    fields = codec.from_item(found.get("Item", {}))
    if fields.get("status") != WAITING:
        return ()
    return tuple(pending["tool_use_id"] for pending in fields["pending"])


def _lifetime(seconds: int) -> str:
    """Returns the first part of the key of a base that is in use for so long."""
    needed = seconds + RESTORABLE_SECONDS
    fitting = (name for name, days in LIFETIMES_DAYS.items() if needed <= days * SECONDS_PER_DAY)
    return next(fitting, FOR_GOOD)


def _fields(value: Any) -> dict[str, Any]:
    """Returns the fields that are not None: items are billed by their size."""
    return {name: field for name, field in asdict(value).items() if field is not None}


def _beginning(message: Message) -> str:
    """Returns how a task begins, for whoever looks at a list of sessions."""
    texts = (str(block["text"]) for block in message["content"] if "text" in block)
    return next(texts, "")[:SHOWN_CHARS]


def _covered(messages: Sequence[Message], base: Base) -> bytes:
    """Returns the JSON of what a base covers; empty if it is not, byte for byte, as written."""
    covered = messages[: base.count]
    encodings = (encode(covered) for encode in (codec.to_unchecked_json, codec.to_json))
    return next((data for data in encodings if _digest(data) == base.digest), b"")


def _start_of_last_turn(messages: Sequence[Message]) -> int:
    """A turn starts with the assistant's message; the tool results answer it."""
    starts = [n for n, message in enumerate(messages) if message["role"] == "assistant"]
    return starts[-1] if starts else 0


def _joined(encoded: Sequence[bytes]) -> bytes:
    """Returns the JSON of a list of values that are encoded already."""
    return b"[" + b",".join(encoded) + b"]"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _key(session_id: str, agent_name: str) -> dict[str, Any]:
    return {"session_id": {"S": session_id}, "agent_name": {"S": agent_name}}
