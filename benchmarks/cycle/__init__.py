"""What a pause and resume costs as the conversation grows, here and elsewhere."""

from benchmarks.report import Effort, Section

SIZES = (2, 10, 50, 200, 1_000)
CYCLES, CYCLES_WITH_ATTACHMENT, PEER_CYCLES = 40, 10, 7
SMOKE_SIZES, SMOKE_CYCLES = (2,), 2


def run(effort: Effort) -> Section:
    """Measures every contender at every size."""
    # Only here: who reads prices needs no contender, nor an engine.
    from benchmarks.cycle.measure import Plan, measure
    from benchmarks.cycle.results import Results
    from benchmarks.cycle.tables import section

    plan = Plan(SIZES, CYCLES, CYCLES_WITH_ATTACHMENT, PEER_CYCLES)
    if effort.is_smoke:
        plan = Plan(SMOKE_SIZES, SMOKE_CYCLES, SMOKE_CYCLES, SMOKE_CYCLES)
    return section(Results(*measure(plan), plan))
