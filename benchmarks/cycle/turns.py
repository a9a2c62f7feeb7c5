"""The contenders in turn: a cycle of each, then the next of each."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.cycle.contender import Contender, Cycle
from benchmarks.cycle.conversation import POST_BYTES, make_conversation
from benchmarks.cycle.meter import Meter
from benchmarks.cycle.prices import Usage

ITEM_TOO_LARGE = "maximum allowed size"
FAILURE_CHARS = 60


@dataclass
class Cell:
    """One contender at one size: its cycles one after the other, as far as it came."""

    usages: list[Usage] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    session_ms: list[float] = field(default_factory=list)
    """Of it, what loads and saves the session, where that can be told apart."""
    failure: str = ""
    """Why there are no more."""


@dataclass
class Row:
    """A contender on its way through its cell."""

    contender: Contender
    cell: Cell = field(default_factory=Cell)
    cycle: Cycle | None = None
    """Its next one; None after it has failed."""

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What a peer cannot do is a result, and its last one."""
        try:
            yield
        except Exception as error:
            if not self.contender.is_peer:
                raise
            self.cycle, self.cell.failure = None, _why(error)


def in_turns(
    contenders: Sequence[Contender],
    meter: Meter,
    size: int,
    has_attachment: bool,
    cycles_of: Callable[[Contender], int],
    prefix: str = "",
    post_bytes: int = POST_BYTES,
) -> list[Row]:
    """Takes all in turn, a cycle each: a machine that slows down does so for all of them.

    Args:
        contenders: Who takes part.
        meter: Counts each cycle.
        size: Messages of the conversation at the first one.
        has_attachment: Whether 1 MB is attached to it.
        cycles_of: How many cycles a contender runs.
        prefix: Begins the names of the sessions.
        post_bytes: Of each text to approve.
    """
    rows = [Row(contender) for contender in contenders]
    for row in rows:
        name = prefix + slug(row.contender.name)
        with row.attempt():
            conversation = make_conversation(size, has_attachment, name, post_bytes)
            row.cycle = row.contender.open(conversation)
    for number in range(max(map(cycles_of, contenders))):
        for row in rows:
            if row.cycle and number < cycles_of(row.contender):
                meter.start_over()
                with row.attempt():
                    row.cycle()
                    row.cell.usages.append(meter.usage())
                    row.cell.cpu_ms.append(meter.cpu_seconds * 1000)
                    row.cell.session_ms.append(meter.session_seconds * 1000)
    return rows


def slug(name: str) -> str:
    """Returns a name as it may stand in keys."""
    return "".join(c if c.isalnum() else "-" for c in name)


def _why(error: BaseException) -> str:
    """Returns the first cause, in few words."""
    causes = list(_causes(error))
    if any(ITEM_TOO_LARGE in str(cause) for cause in causes):
        return "an item over 400 KB"
    return f"{type(causes[-1]).__name__}: {causes[-1]}".replace("|", "/")[:FAILURE_CHARS]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__
