"""Which e-mails the alarms send: CloudWatch's documented rule, played over hours.

An alarm looks at its newest points, more of them than it evaluates; where some are missing, the
newest ones that are there count first, and only what then still lacks is filled in as the alarm
says. It acts when its state changes, and then only.

Source: CloudWatch, "Configuring how CloudWatch alarms treat missing data" and "Alarm actions". How
many points it looks at is not said: some are tried.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import aws_template
from aws_template import properties

HOUR = 3_600
SWEEP_MINUTES = [int(m) for m in aws_template.load()["Parameters"]["SweepMinutes"]["AllowedValues"]]
OK, ALARM, NO_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
STEP_SECONDS = 60
"""How often an alarm with periods of a minute or longer is evaluated."""

Samples = list[tuple[int, float]]
sweeps = pytest.mark.parametrize("minutes", SWEEP_MINUTES)
looks = pytest.mark.parametrize("more", [1, 2, 3, 5], ids=lambda n: f"looks {n} further")


def every(minutes: int, hours: float, value: Callable[[int], float | None]) -> Samples:
    """What each sweep measures, by its time in seconds; None: nothing."""
    times = range(0, int(hours * HOUR), minutes * 60)
    return [(at, found) for at in times if (found := value(at)) is not None]


def points(alarm: dict[str, Any], samples: Samples, now: int, count: int) -> list[float | None]:
    """The newest whole periods, the newest first."""
    period, add = alarm["Period"], {"Sum": sum, "Minimum": min, "Maximum": max}[alarm["Statistic"]]
    last = now // period * period
    found = []
    for end in range(last, last - count * period, -period):
        inside = [value for at, value in samples if end - period <= at < end]
        found.append(float(add(inside)) if inside else None)
    return found


def is_breaching(alarm: dict[str, Any], value: float) -> bool:
    if alarm["ComparisonOperator"] == "LessThanThreshold":
        return bool(value < alarm["Threshold"])
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    return bool(value >= alarm["Threshold"])


def states(alarm: dict[str, Any], samples: Samples, hours: float, more: int) -> Iterator[str]:
    """The alarm's state, from its creation on."""
    wanted, state = alarm["EvaluationPeriods"], NO_DATA
    for now in range(0, int(hours * HOUR), STEP_SECONDS):
        newest = points(alarm, samples, now, wanted + more)
        real = [value for value in newest if value is not None][:wanted]
        lacking = wanted - len(real)
        breaching = [is_breaching(alarm, value) for value in real]
        treat = alarm["TreatMissingData"]
        if lacking and treat == "missing" and not real:
            state = NO_DATA
        elif lacking and treat == "missing":
            state = state if not all(breaching) else ALARM
            state = OK if not any(breaching) else state
        else:
            breaching += [treat == "breaching"] * lacking
            state = ALARM if all(breaching) else OK
        yield state


def told(name: str, samples: Samples, hours: float, more: int) -> list[tuple[str, int]]:
    """The e-mails: the state that each tells of, and at which second."""
    alarm, before, found = properties(name), NO_DATA, []
    acts = {ALARM: "AlarmActions", NO_DATA: "InsufficientDataActions", OK: "OKActions"}
    for step, state in enumerate(states(alarm, samples, hours, more)):
        if state != before and alarm.get(acts[state]):
            found.append((state, step * STEP_SECONDS))
        before = state
    return found


@looks
@sweeps
def test_a_sweeper_that_fails_for_hours_is_told_of_once(minutes: int, more: int) -> None:
    samples = every(minutes, 6, lambda at: 1 if 2 * HOUR <= at < 4 * HOUR else 0)
    failing = [sample for sample in samples if sample[1]]  # The metric is written on failure only.
    ((state, at),) = told("SweepFailedAlarm", failing, 6, more)
    assert state == ALARM
    assert at - 2 * HOUR <= 40 * 60


@looks
@sweeps
def test_one_failed_sweep_is_not_told_of(minutes: int, more: int) -> None:
    assert told("SweepFailedAlarm", [(2 * HOUR, 1)], 4, more) == []


@looks
@sweeps
def test_a_sweeper_that_falls_silent_is_told_of_once(minutes: int, more: int) -> None:
    ran = every(minutes, 12, lambda at: 1 if at < 3 * HOUR or at > 6 * HOUR else None)
    ((state, at),) = told("SweeperSilentAlarm", ran, 12, more)
    assert state == NO_DATA
    assert at - 3 * HOUR <= (more + 2) * properties("SweeperSilentAlarm")["Period"]


@looks
@sweeps
def test_a_new_stack_whose_sweeper_runs_is_told_of_nothing(minutes: int, more: int) -> None:
    ran = every(minutes, 6, lambda _: 1)
    assert told("SweeperSilentAlarm", ran, 6, more) == []


@looks
@sweeps
@pytest.mark.parametrize("name", ["SubscriptionAlarm", "EscalationSubscriptionAlarm"])
def test_a_new_stack_has_an_hour_to_confirm_its_mailboxes(
    name: str, minutes: int, more: int
) -> None:
    in_time = every(minutes, 6, lambda at: int(at > 40 * 60))
    assert told(name, in_time, 6, more) == []
    never = every(minutes, 6, lambda _: 0)
    ((state, at),) = told(name, never, 6, more)
    assert (state, HOUR - 15 * 60 < at <= HOUR + 15 * 60) == (ALARM, True)


@looks
@sweeps
@pytest.mark.parametrize("name", ["SubscriptionAlarm", "EscalationSubscriptionAlarm"])
def test_a_mailbox_that_is_lost_is_told_of_once_each_time(
    name: str, minutes: int, more: int
) -> None:
    def count(at: int) -> int:
        return 0 if 3 * HOUR <= at < 6 * HOUR or 9 * HOUR <= at < 12 * HOUR else 1

    found = told(name, every(minutes, 14, count), 14, more)
    assert [state for state, _ in found] == [ALARM, ALARM]
    assert [at // HOUR for _, at in found] in ([4, 10], [3, 9], [4, 9], [3, 10])


def test_with_empty_periods_between_a_failure_would_be_told_of_again_and_again() -> None:
    """The rule that is played here shows what an alarm on shorter periods would do."""
    former = properties("SweepFailedAlarm") | {"Period": 300, "EvaluationPeriods": 3}
    failing = every(10, 6, lambda at: 1 if at >= HOUR else None)
    found = list(states(former, failing, 6, 2))  # CloudWatch's own example looks at five.
    assert sum(a != b == ALARM for a, b in itertools.pairwise(found)) > 5
