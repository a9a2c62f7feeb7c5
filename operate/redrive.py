"""`make redrive`: moves dead letters back to the task queue, as the messages that they were.

Safe at any time, and when killed at any moment: a letter is sent before it is deleted, and a
message of what is done already changes nothing. SQS gives what is sent anew an id of its own; the
attribute `original_message_id` has the agent take it for the message that it was.
"""

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from longrunning.messages import (
    NewTask,
    build_cancel,
    build_existing,
    build_new,
    parse,
    tool_result,
)
from longrunning.waits.item import Status, Wait, wake_up_message
from operate.conservation import Ledger
from operate.errors import OperateError
from operate.ledger import settled
from operate.reading import (
    MAX_LETTERS,
    TELL_SECONDS,
    Message,
    Reader,
    explained,
    give_back,
    receive,
)
from operate.rows import ORIGINAL_ID, REASON, Approval, Letter, Session
from operate.stacks import Stack

MOST = 1_000
"""Letters of one run, unless MOST= says otherwise: what fails again is not sent in a circle."""

HIDDEN_SECONDS = 900
"""How long a letter is hidden from others while a run is on it."""

MAX_ATTRIBUTES = 10
"""Source: SQS, "Message metadata": at most 10 attributes a message."""

MAX_MESSAGE_BYTES = 1_048_576
"""Source: SQS, "Quotas"."""

MAX_NAMED = 10
"""Letters named of each reason."""

WHAT_TO_DO = (
    "Each says what its sender has to change, and to send anew. Nobody else waits for them; SQS "
    "deletes a dead letter after 14 days."
)

BRINGS_ON = "This brings a session on that is there. If you read it as a task: do nothing."
"""The text of a message for a session that is there: nobody reads it."""


def main(stack: Stack) -> int:
    """Moves the letters back; returns the exit status.

    Raises:
        OperateError: It could not be done, or not to the end.
    """
    env = os.environ
    is_dry = env.get("DRY_RUN") == "1"
    redrive(stack, most=_most(), rejected=env.get("REJECTED") == "1", is_dry=is_dry)
    if env.get("RESEND") == "1":
        resend(stack, is_dry=is_dry)
    return 0


def redrive(stack: Stack, *, most: int = MOST, rejected: bool = False, is_dry: bool = False) -> int:
    """Moves dead letters back; returns how many.

    Args:
        stack: The stack.
        most: At most so many.
        rejected: Also those that the agent refused as malformed.
        is_dry: Only shows what it would move.

    Raises:
        OperateError: AWS refuses a call; what was moved by then is moved.
    """
    held: list[Message] = []
    with explained():
        try:
            moving = _take(stack, most, rejected, held)
            taken = {message["MessageId"] for message in moving}
            left = [message for message in held if message["MessageId"] not in taken]
            for line in _shown(moving, left, most):
                print(line)
            return 0 if is_dry else _move_all(stack, moving, held)
        finally:
            give_back(stack, held)


def resend(stack: Stack, *, is_dry: bool = False) -> int:
    """Brings on every session that the ledger calls stuck; returns how many."""
    rows, ledger = settled(Reader(stack))
    sessions = {session.session_id: session for session in rows.sessions}
    asked = {approval.key: approval.status for approval in rows.approvals}
    print(f"Sessions that no message will bring on: {len(ledger.to_resend):,}")
    for session_id in ledger.to_resend:
        print(f"  {session_id}")
        if not is_dry:
            with explained():
                _bring_on(stack, sessions[session_id], asked)
    number = len(ledger.to_resend) + _tell_relatives(stack, rows.approvals, ledger, is_dry)
    return 0 if is_dry else number


def _tell_relatives(
    stack: Stack, approvals: Iterable[Approval], ledger: Ledger, is_dry: bool
) -> int:
    """Tells children that their parent waits no more, and parents to look at their child.

    Both are hints: what is otherwise by then changes nothing.
    """
    tools = {(a.session_id, a.tool_use_id): a.tool_name for a in approvals}
    bodies = {session_id: build_cancel(session_id) for session_id in ledger.orphans}
    for session_id, tool_use_id in ledger.deaf:
        hint = tool_result(tool_use_id, "success", BRINGS_ON)
        bodies[session_id] = build_existing(session_id, tools[session_id, tool_use_id], [hint])
    if bodies:
        print(f"Agents that are not told of one another's end: {len(bodies):,}")
    for session_id, body in bodies.items():
        print(f"  {session_id}")
        if not is_dry:
            with explained():
                _send(stack, body, {})
    return len(bodies)


def _take(stack: Stack, most: int, rejected: bool, held: list[Message]) -> list[Message]:
    """Takes letters until there are enough to move; `held` has all that are hidden by then."""
    moving: list[Message] = []
    for messages in receive(stack, HIDDEN_SECONDS, MAX_LETTERS):
        held += messages
        moving += [m for m in messages if rejected or not Letter.of(m).is_rejected]
        if len(moving) >= most:
            break
    return moving[:most]


def _shown(moving: list[Message], left: list[Message], most: int) -> Iterator[str]:
    yield f"Dead letters that go back to the task queue: {len(moving):,}"
    for letter in map(Letter.of, moving):
        yield f"  {_named(letter)}  {letter.reason}".rstrip()
    if len(moving) == most:
        yield f"No more than {most:,} at a time: run it again for the rest."
    rejected = [letter for letter in map(Letter.of, left) if letter.is_rejected]
    if rejected:
        yield f"Malformed, and would be again: {len(rejected):,} (REJECTED=1 moves them, too)"
        yield from _reasons(rejected)
        yield WHAT_TO_DO


def _reasons(rejected: list[Letter]) -> Iterator[str]:
    """Each reason once: whoever sends one wrong message sends a thousand."""
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for letter in rejected:
        by_reason[letter.reason].append(_named(letter))
    for reason, names in sorted(by_reason.items()):
        yield f"  {reason or 'no reason was said'}"
        yield from (f"    {name}" for name in names[:MAX_NAMED])
        if len(names) > MAX_NAMED:
            yield f"    and {len(names) - MAX_NAMED:,} more"


def _named(letter: Letter) -> str:
    return f"{letter.kind:<10}  {letter.session_id or letter.message_id}"


def _move_all(stack: Stack, moving: list[Message], held: list[Message]) -> int:
    moved, told = 0, time.monotonic()
    try:
        for message in moving:
            if not _move(stack, message):
                print(f"Too large to go back: {_named(Letter.of(message))}", file=sys.stderr)
                continue
            held.remove(message)
            moved += 1
            if time.monotonic() - told > TELL_SECONDS:
                told = time.monotonic()
                print(f"  {moved:,} of {len(moving):,}", file=sys.stderr, flush=True)
    finally:
        if moving:
            print(f"Moved: {moved:,}")
    return moved


def _move(stack: Stack, message: Message) -> bool:
    """Sends, then deletes: killed in between, the letter is there twice, which is harmless."""
    form = next((f for f in _forms(message) if _bytes_of(*f) <= MAX_MESSAGE_BYTES), None)
    if form is None:
        return False
    stack.sqs.send_message(
        QueueUrl=stack.task_queue_url, MessageBody=form[0], MessageAttributes=form[1]
    )
    stack.sqs.delete_message(
        QueueUrl=stack.dead_letter_queue_url, ReceiptHandle=message["ReceiptHandle"]
    )
    return True


def _forms(message: Message) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields body and attributes: as it was, and one for a body that leaves no room for its id.

    A task must keep its id, so only what counts of it is sent. Anything else names its session
    itself, if it can be read at all, and goes without.
    """
    letter, body = Letter.of(message), message["Body"]
    attributes = message.get("MessageAttributes", {}).items()
    kept = [(name, value) for name, value in attributes if name not in (REASON, ORIGINAL_ID)]
    identity = _identity(letter.message_id)
    yield body, identity | dict(kept[: MAX_ATTRIBUTES - 1])
    task = parse(body) if letter.kind == "new" else None
    if isinstance(task, NewTask):
        whole = json.loads(build_new(task.task, task.session_id, task.agent_name, task.parent))
        yield json.dumps(whole, ensure_ascii=False), identity
    else:
        yield body, dict(kept)


def _bytes_of(body: str, attributes: dict[str, Any]) -> int:
    """As SQS counts: names, types and values of the attributes belong to the message."""
    values = [v.get("StringValue", "").encode() for v in attributes.values()]
    values += [v.get("BinaryValue", b"") for v in attributes.values()]
    names = [*attributes, *(v["DataType"] for v in attributes.values())]
    return sum(map(len, values)) + sum(len(text.encode()) for text in [body, *names])


def _bring_on(stack: Stack, session: Session, asked: dict[str, str]) -> None:
    """Sends what the session misses: the messages of its decisions, or else its own once more.

    Its own asks what was not asked, and goes on with what was interrupted. An `existing` message
    would not do: its result would count as that of a job.
    """
    statuses = [asked.get(f"{session.session_id}/{i}") for i, _ in session.pending]
    if not statuses or not all(statuses):
        body = build_new(BRINGS_ON, session.session_id)
        return _send(stack, body, _identity(session.paused_by))
    for (tool_use_id, tool_name), status in zip(session.pending, statuses, strict=True):
        ids = (session.session_id, tool_use_id, session.agent_name, tool_name)
        _send(stack, wake_up_message(Wait(*ids, 0, 0, status=Status(str(status)))), {})


def _send(stack: Stack, body: str, attributes: dict[str, Any]) -> None:
    stack.sqs.send_message(
        QueueUrl=stack.task_queue_url, MessageBody=body, MessageAttributes=attributes
    )


def _identity(message_id: str) -> dict[str, Any]:
    return {ORIGINAL_ID: {"DataType": "String", "StringValue": message_id}}


def _most() -> int:
    text = os.environ.get("MOST", "") or str(MOST)
    if not text.isdigit() or int(text) < 1:
        raise OperateError(f"MOST={text} is no number of letters: 1 or more.")
    return int(text)
