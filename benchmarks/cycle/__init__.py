"""What a pause and resume costs as the conversation grows, here and elsewhere."""

from benchmarks.report import Effort, Section

SIZES = (2, 10, 50, 200, 1_000)
CYCLES, CYCLES_WITH_ATTACHMENT, PEER_CYCLES = 40, 10, 7
TEXTS, TEXT_SIZE = (160, 1_000, 10_000), 50
MARKS, WINDOW = (1, 40, 200), 30
SMOKE_SIZES, SMOKE_CYCLES, SMOKE_MARKS = (2,), 2, (1, 2, 3)


def run(effort: Effort) -> Section:
    """Measures every contender at every size."""
    # Only here: who reads prices needs no contender, nor an engine.
    from benchmarks.cycle.measure import measure
    from benchmarks.cycle.plan import Plan
    from benchmarks.cycle.results import Results
    from benchmarks.cycle.tables import section

    plan = Plan(SIZES, CYCLES, CYCLES_WITH_ATTACHMENT, PEER_CYCLES, TEXTS, TEXT_SIZE, MARKS, WINDOW)
    if effort.is_smoke:
        few = SMOKE_CYCLES
        plan = Plan(SMOKE_SIZES, few, few, few, TEXTS, SMOKE_SIZES[0], SMOKE_MARKS, 1)
    return section(Results(*measure(plan), plan))
