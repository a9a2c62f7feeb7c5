"""Measures every contender at every size: the same conversations, the same counting."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from benchmarks.cycle.contender import Contender
from benchmarks.cycle.conversation import make_task
from benchmarks.cycle.durable_peer import durable_peer
from benchmarks.cycle.engine import running_engine
from benchmarks.cycle.langgraph_peer import langgraph_peers
from benchmarks.cycle.meter import Meter
from benchmarks.cycle.our_project import our_project, table_properties
from benchmarks.cycle.prices import Usage
from benchmarks.cycle.strands_peers import strands_peers
from benchmarks.cycle.turns import Cell, in_turns, slug


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
            in_turns([contender], meter, 2, False, lambda _: 1, "warm-up-")  # What happens once.
            tasks[contender.name] = _task(contender, meter)
        engine.clear()
        for has_attachment in (False, True):
            for size in plan.sizes:
                started = time.monotonic()
                cycles = partial(plan.cycles_of, has_attachment=has_attachment)
                for row in in_turns(contenders, meter, size, has_attachment, cycles):
                    cells[row.contender.name, has_attachment, size] = row.cell
                _report(size, has_attachment, time.monotonic() - started)
                engine.clear()
    return contenders, cells, tasks


def _task(contender: Contender, meter: Meter) -> Usage:
    meter.start_over()
    with meter.measured():
        contender.open(make_task(slug(contender.name)))()
    return meter.usage()


def _report(size: int, has_attachment: bool, seconds: float) -> None:
    attached = " and an attachment" if has_attachment else ""
    print(f"  {size:,} messages{attached}: {seconds:.0f} s", flush=True)
