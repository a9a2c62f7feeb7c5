"""Measures every contender at every size: the same conversations, the same counting."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.cycle.contender import Contender
from benchmarks.cycle.conversation import make_conversation, make_task
from benchmarks.cycle.durable_peer import durable_peer
from benchmarks.cycle.engine import running_engine
from benchmarks.cycle.langgraph_peer import langgraph_peers
from benchmarks.cycle.meter import Meter
from benchmarks.cycle.our_project import our_project, table_properties
from benchmarks.cycle.prices import Usage
from benchmarks.cycle.strands_peers import strands_peers

ITEM_TOO_LARGE = "maximum allowed size"
FAILURE_CHARS = 60


@dataclass(frozen=True)
class Cell:
    """One contender at one size: its cycles one after the other, as far as it came."""

    usages: tuple[Usage, ...]
    cpu_ms: tuple[float, ...]
    failure: str = ""


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    sizes: tuple[int, ...]
    """Numbers of messages."""
    cycles: int
    cycles_with_attachment: int
    peer_cycles: int

    def cycles_of(self, contender: Contender, has_attachment: bool) -> int:
        """Returns how many in a row. A peer's cost alike; of ours, some write a base."""
        if contender.is_peer:
            return self.peer_cycles
        return self.cycles_with_attachment if has_attachment else self.cycles


Cells = dict[tuple[str, bool, int], Cell]
"""By contender's name, whether there is an attachment, and number of messages."""

Tasks = dict[str, Usage]
"""By contender's name, what a task takes that one approval finishes, from start to end."""


def measure(plan: Plan) -> tuple[list[Contender], Cells, Tasks]:
    """Measures all; returns the contenders, their cells and their tasks."""
    meter, cells, tasks = Meter(), Cells(), Tasks()
    with running_engine(table_properties()) as engine, ExitStack() as stack:
        engine.clear()
        stack.enter_context(meter.installed())
        contenders = [
            stack.enter_context(our_project(engine, meter)),
            *strands_peers(meter),
            *langgraph_peers(meter),
            stack.enter_context(durable_peer(meter)),
        ]
        for contender in contenders:
            _cell(contender, meter, 2, False, 1, "warm-up-")  # What happens once, happens here.
            tasks[contender.name] = _task(contender, meter)
            for has_attachment in (False, True):
                for size in plan.sizes:
                    started = time.monotonic()
                    cycles = plan.cycles_of(contender, has_attachment)
                    cell = _cell(contender, meter, size, has_attachment, cycles)
                    cells[contender.name, has_attachment, size] = cell
                    _report(contender, size, has_attachment, cell, time.monotonic() - started)
                    engine.clear()
    return contenders, cells, tasks


def _cell(
    contender: Contender,
    meter: Meter,
    size: int,
    has_attachment: bool,
    cycles: int,
    prefix: str = "",
) -> Cell:
    usages, cpu_ms, failure = [], [], ""
    name = prefix + _slug(contender.name)
    try:
        run = contender.open(make_conversation(size, has_attachment, name))
        for _ in range(cycles):
            meter.start_over()
            run()
            usages.append(meter.usage())
            cpu_ms.append(meter.cpu_seconds * 1000)
    except Exception as error:
        if not contender.is_peer:
            raise
        # What a peer cannot do is a result.
        failure = _why(error)
    return Cell(tuple(usages), tuple(cpu_ms), failure)


def _task(contender: Contender, meter: Meter) -> Usage:
    meter.start_over()
    with meter.measured():
        contender.open(make_task(_slug(contender.name)))()
    return meter.usage()


def _slug(name: str) -> str:
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


def _report(
    contender: Contender, size: int, has_attachment: bool, cell: Cell, seconds: float
) -> None:
    attached = " and an attachment" if has_attachment else ""
    failed = f", then it failed: {cell.failure}" if cell.failure else ""
    print(
        f"  {contender.name}: {size} messages{attached}, {len(cell.usages)} cycles{failed}"
        f" ({seconds:.0f} s)",
        flush=True,
    )
