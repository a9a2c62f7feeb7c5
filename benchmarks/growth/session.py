"""One session that asks again and again: what its cycles take, the first ones and the last."""

from benchmarks.cycle.conversation import make_conversation
from benchmarks.cycle.engine import Engine
from benchmarks.cycle.meter import Meter
from benchmarks.cycle.our_project import our_project
from benchmarks.growth.counted import Counted, mean

AROUND = 5
"""Cycles of which the mean is shown: a base that is written anew is in one of several."""


def measure(engine: Engine, meter: Meter, shown: tuple[int, ...]) -> dict[int, Counted]:
    """Takes a session through as many approvals as the last number says.

    Args:
        engine: The emulator.
        meter: Listens already.
        shown: Which approvals, in ascending order.

    Returns:
        By approval the mean of the cycles that lead up to it, five at most.
    """
    with our_project(engine, meter) as project:
        project.open(make_conversation(2, False, "warm-up"))()  # What happens once.
        cycle = project.open(make_conversation(2, False, "growth"))
        counted = []
        meter.start_over()
        for _ in range(shown[-1]):
            cycle()
            counted.append(Counted.of(meter))
    return {number: mean(counted[max(0, number - AROUND) : number]) for number in shown}
