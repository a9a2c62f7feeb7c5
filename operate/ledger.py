"""`make ledger`: counts the conservation law of a stack, and lists what breaks it."""

import os
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from operate.conservation import CATEGORIES, Ledger, Violation, count
from operate.errors import OperateError
from operate.reading import Reader, Rows
from operate.stacks import Stack

HOLDS, BROKEN, UNKNOWN = 0, 1, 2
"""Exit statuses; the last one is that of every command that could not do its work."""

LOOKS = 3
"""How often what breaks the law is read again: a scan of a stack at work is no snapshot."""

PAUSE_SECONDS = 1
"""Before the third look; the second one comes at once."""

MAX_READ_AGAIN = 1_000

WAIT_STATES = ("resolved", "expired", "cancelled", "open")

NOT_DONE = "Its session ended without the call. If it should be done, send the task again."
"""About what is in order as far as counting goes: nobody was promised that a model makes a call."""

READ_UNIT_DOLLARS = 0.125e-6
"""List price of us-east-1, on demand. Source: Amazon DynamoDB pricing."""


def main(stack: Stack) -> int:
    """Prints the ledger; returns the exit status.

    Raises:
        OperateError: It could not be counted.
    """
    accepted = read_accepted(os.environ.get("ACCEPTED", ""))
    reader, started = Reader(stack), time.monotonic()
    _, ledger = settled(reader, accepted, deep=os.environ.get("DEEP") == "1")
    seconds = time.monotonic() - started
    dollars = reader.read_units * READ_UNIT_DOLLARS
    print(
        f"Stack {stack.name}: {reader.items:,} items read in {seconds:.1f} s, "
        f"{reader.read_units:,.0f} read units, about ${dollars:.6f}.\n"
    )
    print("\n".join(report(ledger)))
    return HOLDS if ledger.holds else BROKEN


def settled(
    reader: Reader, accepted: frozenset[str] | None = None, *, deep: bool = False
) -> tuple[Rows, Ledger]:
    """Reads and counts, and looks again at what breaks the law before it says so."""
    rows = reader.read()
    ledger = counted(rows, accepted)
    for look in range(1, LOOKS):
        broken = {violation.session_id for violation in ledger.violations}
        if not broken or len(broken) > MAX_READ_AGAIN:
            break
        time.sleep((look - 1) * PAUSE_SECONDS)
        ledger = counted(reader.read_again(rows, broken), accepted)
    if deep:
        missing = reader.missing_bases(rows.sessions)
        found = [*ledger.violations, *(Violation("base missing", i) for i in missing)]
        ledger.violations = tuple(sorted(found))
    return rows, ledger


def counted(rows: Rows, accepted: frozenset[str] | None = None) -> Ledger:
    """Counts the law from what was read."""
    return count(
        rows.sessions,
        rows.approvals,
        rows.posts,
        rows.letters,
        counted=rows.counted,
        now=int(time.time()),
        on_their_way=rows.on_their_way,
        unseen_letters=rows.unseen_letters,
        accepted=accepted,
    )


def read_accepted(path: str) -> frozenset[str] | None:
    """Reads the session ids that the senders know, one a line; None where no file is named.

    Raises:
        OperateError: The file cannot be read.
    """
    if not path:
        return None
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OperateError(f"ACCEPTED={path} cannot be read: {error}") from error
    return frozenset(filter(None, map(str.strip, lines)))


def report(ledger: Ledger) -> Iterator[str]:
    """Yields the lines of the ledger: the two equations, what may still move, what is broken."""
    yield _line(ledger.accepted, "new tasks accepted")
    for category in CATEGORIES:
        yield _line(ledger.tasks[category], f"  {category}")
    if (together := sum(ledger.tasks.values())) != ledger.accepted:
        yield _line(together, "  together: not as many as were accepted")
    yield from _asked(ledger)
    yield ""
    yield from _effects(ledger)
    yield from _waits(ledger)
    yield ""
    yield from _notes(ledger)
    yield from _named(ledger)
    yield from _broken(ledger.violations)
    if ledger.holds:
        yield "The law holds."
    else:
        yield f"The law is broken: {len(ledger.violations):,} found."


def _asked(ledger: Ledger) -> Iterator[str]:
    """What agents gave one another is no task of anybody else, and ends in the same ways."""
    if ledger.asked:
        yield _line(ledger.asked, "tasks that agents gave one another")
    for category, number in ledger.asked_tasks.items():
        if number:
            yield _line(number, f"  {category}")
    if (together := sum(ledger.asked_tasks.values())) != ledger.asked:
        yield _line(together, "  together: not as many as were asked for")


def _waits(ledger: Ledger) -> Iterator[str]:
    """What is waited for that no person decides."""
    for tool_name, states in sorted(ledger.waits.items()):
        told = ", ".join(f"{states[state]:,} {state}" for state in WAIT_STATES if states[state])
        yield _line(states.total(), f"waits of {tool_name}: {told}")


def _effects(ledger: Ledger) -> Iterator[str]:
    yield _line(ledger.spent, "approvals spent")
    yield _line(ledger.refused, "  refused by the receiver for good")
    yield _line(ledger.unfinished, "  whose post is still to be made")
    if ledger.uncounted:
        yield _line(ledger.elsewhere, "  whose effects are not counted here")
    if ledger.posts is not None:
        is_off = ledger.posts != ledger.expected
        said = f": expected {ledger.expected:,}" if is_off else ""
        yield _line(ledger.posts, f"  posts{said}")
    yield _line(len(ledger.not_done), "approved, not done")


def _named(ledger: Ledger) -> Iterator[str]:
    """What breaks no law, and what somebody should know all the same."""
    for action, numbers in sorted(ledger.uncounted.items()):
        told = [f"{numbers['spent']:,} spent"]
        told += [f"{numbers[name]:,} {name}" for name in ("refused", "not done") if numbers[name]]
        yield f"not counted: {action}: {', '.join(told)}; its receiver is not known here"
    yield from [""] if ledger.uncounted else []
    if ledger.not_done:
        yield f"approved, not done: {len(ledger.not_done):,}. {NOT_DONE}"
        yield from (f"  {session_id}  {tool_use_id}" for session_id, tool_use_id in ledger.not_done)
        yield ""


def _notes(ledger: Ledger) -> Iterator[str]:
    told = [
        (ledger.on_their_way, "messages on their way: this count is a moment's"),
        (ledger.under_way, "sessions that look stuck, and that a message may still bring on"),
        (ledger.queued, "tasks of the senders' list that are still in the queue"),
        (ledger.unnamed, "tasks that are not on the senders' list"),
        (ledger.older_posts, "posts older than the records kept: not counted"),
        (ledger.unseen_letters, "dead letters hidden: someone looks at them; count again later"),
        (ledger.letters["moving"], "dead letters that would bring a task on: make redrive"),
        (ledger.letters["hints"], "dead letters that only hint: the sweeper asks by itself"),
        (ledger.letters["done"], "dead letters that change nothing any more"),
        (ledger.letters["rejected"], "dead letters that were malformed: make redrive tells why"),
        (ledger.letters["unreadable"], "dead letters that no agent has read: make redrive"),
    ]
    lines = [f"{number:>9,}  {what}" for number, what in told if number]
    yield from [*lines, ""] if lines else []


def _broken(violations: tuple[Violation, ...]) -> Iterator[str]:
    for kind, group in groupby(violations, key=lambda violation: violation.kind):
        found = list(group)
        yield f"{kind}: {len(found):,}. {found[0].advice}"
        yield from (f"  {v.session_id}  {v.tool_use_id}".rstrip() for v in found)
        yield ""


def _line(number: int, what: str) -> str:
    return f"{number:>9,}  {what}"
