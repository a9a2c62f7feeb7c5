"""The bounds within which the model is explored, small ones first."""

from protocol.states import Budget, Scenario

_ONE = {"turns": ((), (0,)), "after": ((1,), ())}
_THREE_TURNS = {"turns": ((), (0,), (1,), (2,)), "after": ((1,), (2, 3), (3,), ())}
_TWO_IN_ONE = {"turns": ((), (0, 1)), "after": ((1,), ())}
_TWO_THEN_ONE = {"turns": ((), (0, 1), (2,), (3,)), "after": ((1,), (2, 3), (), ())}
_ONE_THEN_ONE = {"turns": ((), (0,), (1,)), "after": ((1,), (2,), ())}

SMALL = (
    Scenario("one", "H", **_ONE, budget=Budget(1, 1, 2, 1)),
    Scenario("gated", "G", **_ONE, budget=Budget(1, 0, 1, 1), answers="ADEC"),
    Scenario("wait", "H", **_ONE, waits_for_ever=True, budget=Budget(1, 1, 1)),
    Scenario("clock", "H", **_ONE, has_clock=True, slow_clicks=True, answers="ADEC",
             budget=Budget(1, 0, 2)),
    Scenario("reminders", "H", **_ONE, has_clock=True, due="re", budget=Budget(0, 0, 1)),
    Scenario("job", "J", **_ONE, answers="C", budget=Budget(1, 0, 1, results=2)),
    Scenario("interrupted", "H", **_ONE, budget=Budget(1, 1, 1, deadlines=1)),
    Scenario("dead letters", "H", **_ONE, receives=1, waits_for_ever=True,
             budget=Budget(1, 0, 2, deadlines=1)),
    Scenario("deleted", "H", **_ONE, answers="ADC", budget=Budget(1, 0, 2, deletions=1)),
    Scenario("bucket", "H", **_ONE, uses_bucket=True, budget=Budget(1, 1, 1, 1)),
    Scenario("bucket for months", "HH", **_ONE_THEN_ONE, uses_bucket=True, budget=Budget(1, 0, 1)),
    Scenario("turns", "HH", **_ONE_THEN_ONE, budget=Budget(1, 0, 2, 1)),
    Scenario("two", "HH", **_TWO_IN_ONE, budget=Budget(1, 0, 2, 1)),
    Scenario("two gated", "HG", **_TWO_IN_ONE, budget=Budget(1, 0, 2)),
    Scenario("two wait", "HH", **_TWO_IN_ONE, waits_for_ever=True, budget=Budget(1, 0, 2)),
    Scenario("two and a job", "HJ", **_TWO_IN_ONE, budget=Budget(1, 0, 1, results=1)),
    Scenario("two duplicates", "HH", **_TWO_IN_ONE, answers="A",
             budget=Budget(0, 1, 2, deadlines=1)),
    Scenario("two forged", "HH", **_TWO_IN_ONE, budget=Budget(0, 0, 2, forgeries=1)),
)  # fmt: skip
