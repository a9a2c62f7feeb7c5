"""The bounds within which the model is explored."""

from protocol.states import Budget, Scenario

_ONE = {"turns": ((), (0,)), "after": ((1,), ())}
_ONE_THEN_ONE = {"turns": ((), (0,), (1,)), "after": ((1,), (2,), ())}
_THREE = {"turns": ((), (0,), (1,), (2,)), "after": ((1,), (2,), (3,), ())}
_TWO = {"turns": ((), (0, 1)), "after": ((1,), ())}
_TWO_THEN_ONE = {"turns": ((), (0, 1), (2,), (3,)), "after": ((1,), (2, 3), (), ())}

SHORT = (
    Scenario("one", "H", **_ONE, budget=Budget(1, 0, 2, 1)),
    Scenario("one, delivered twice", "H", **_ONE, budget=Budget(1, 1, 1, 1)),
    Scenario("one gated", "G", **_ONE, answers="ADEC", budget=Budget(1, 0, 2, 1)),
    Scenario("one, no bad luck", "H", **_ONE, budget=Budget(0, 0, 2)),
    Scenario("waits for ever", "H", **_ONE, waits_for_ever=True, budget=Budget(1, 1, 1)),
    Scenario("clock", "H", **_ONE, has_clock=True, slow_clicks=True, answers="ADEC",
             budget=Budget(1, 0, 2)),
    Scenario("reminders", "H", **_ONE, has_clock=True, due="re", budget=Budget(1, 0, 1)),
    Scenario("job", "J", **_ONE, answers="C", budget=Budget(1, 0, 1, results=2)),
    Scenario("interrupted", "H", **_ONE, budget=Budget(1, 1, 1, deadlines=1)),
    Scenario("dead letters", "H", **_ONE, receives=1, waits_for_ever=True,
             budget=Budget(1, 0, 1, deadlines=1)),
    Scenario("deleted", "H", **_ONE, answers="ADC", budget=Budget(1, 0, 2, deletions=1)),
    Scenario("bucket", "H", **_ONE, uses_bucket=True, budget=Budget(1, 1, 1)),
    Scenario("bucket for months", "HH", **_ONE_THEN_ONE, uses_bucket=True,
             budget=Budget(0, 0, 1)),
    Scenario("turns", "HH", **_ONE_THEN_ONE, answers="A", budget=Budget(0, 0, 3, 1)),
    Scenario("turns gated", "HG", **_ONE_THEN_ONE, budget=Budget(1, 0, 2)),
    Scenario("two", "HH", **_TWO, answers="A", budget=Budget(1, 0, 2, 1)),
    Scenario("two gated", "HG", **_TWO, budget=Budget(1, 0, 2)),
    Scenario("two wait", "HH", **_TWO, waits_for_ever=True, budget=Budget(1, 0, 2)),
    Scenario("two and a job", "HJ", **_TWO, budget=Budget(0, 0, 1, results=1)),
    Scenario("two interrupted", "HH", **_TWO, answers="A", waits_for_ever=True,
             budget=Budget(0, 1, 2, deadlines=1)),
    Scenario("clicked again", "H", **_ONE, answers="A", waits_for_ever=True,
             budget=Budget(1, 1, 2, deadlines=1)),
    Scenario("two clicked again", "HH", **_TWO, is_denied=True, waits_for_ever=True,
             budget=Budget(1, 1, 0, deadlines=1)),
    Scenario("two forged", "HH", **_TWO, answers="A", waits_for_ever=True,
             budget=Budget(0, 0, 2, forgeries=1)),
    Scenario("two dead letters", "HG", **_TWO, answers="A", receives=1, budget=Budget(1, 0, 1)),
)  # fmt: skip
"""Each with all guards, inside `make test`; also where the removal of a guard shows."""

LONG = (
    # The bounds of the second reference: two in one turn, of every mix; a zombie.
    *(
        Scenario(f"two {kinds}", kinds, **_TWO, budget=Budget(1, 1, 3, 1))
        for kinds in ("HH", "HG", "GG")
    ),
    *(
        Scenario(f"two {kinds}, edit, cancel", kinds, **_TWO, answers="ADEC",
                 budget=Budget(1, 0, 2, 1))
        for kinds in ("HH", "HG", "GG")
    ),
    Scenario("two, then one", "HHHG", **_TWO_THEN_ONE, budget=Budget(1, 0, 2, 1)),
    Scenario("two, then one gated", "HGHG", **_TWO_THEN_ONE, answers="A", budget=Budget(1, 0, 2)),
    # What they leave out.
    Scenario("two crashes", "HH", **_TWO, answers="A", budget=Budget(2, 0, 2)),
    Scenario("one, worst luck", "H", **_ONE, answers="ADEC", budget=Budget(2, 2, 2, 1)),
    Scenario("all of two interrupted", "HH", **_TWO, answers="A",
             budget=Budget(1, 0, 2, deadlines=1)),
    Scenario("turns interrupted", "HG", **_ONE_THEN_ONE, budget=Budget(1, 0, 2, 1, deadlines=2)),
    Scenario("all of two dead letters", "HG", **_TWO, receives=2, budget=Budget(2, 0, 1)),
    Scenario("turns of dead letters", "HH", **_ONE_THEN_ONE, receives=1,
             budget=Budget(1, 1, 2, deadlines=1)),
    Scenario("all of two clicked again", "HH", **_TWO, answers="A", waits_for_ever=True,
             budget=Budget(1, 1, 3, deadlines=1)),
    Scenario("two jobs", "JJ", **_TWO, answers="C", budget=Budget(1, 0, 1, results=2)),
    Scenario("a person and a job", "HJ", **_TWO, budget=Budget(1, 0, 1, results=2)),
    Scenario("two on the clock", "HH", **_TWO, has_clock=True, slow_clicks=True,
             budget=Budget(1, 0, 2)),
    Scenario("two reminders", "HH", **_TWO, has_clock=True, due="r", budget=Budget(1, 0, 1)),
    Scenario("two, delivered twice", "HH", **_TWO, answers="A", budget=Budget(1, 1, 2)),
    Scenario("all of two, delivered twice", "HG", **_TWO, answers="AD", budget=Budget(1, 1, 2)),
    Scenario("early sweeps", "HH", **_TWO, answers="A", budget=Budget(1, 0, 2, resends=1)),
    Scenario("buckets", "HH", **_ONE_THEN_ONE, uses_bucket=True, budget=Budget(1, 0, 2, 1)),
    Scenario("two deleted", "HG", **_TWO, answers="A", budget=Budget(1, 0, 2, deletions=1)),
    Scenario("all of two forged", "HG", **_TWO, budget=Budget(1, 0, 2, forgeries=1)),
    # Those of the first, the most states: three tool uses in as many turns, 2 crashes, 1 duplicate.
    Scenario("one after another", "HHH", **_THREE, budget=Budget(2, 1, 2)),
)  # fmt: skip
"""Beside the short ones, under `make prove`: at the bounds of the design's models and beyond."""

BOUNDED = Scenario("few claims", "H", **_ONE, budget=Budget(1, 0, 2), most_claims=3)
"""Without leases workers may claim over one another's heads for ever."""

SCENARIOS = {scenario.name: scenario for scenario in (*SHORT, BOUNDED, *LONG)}
