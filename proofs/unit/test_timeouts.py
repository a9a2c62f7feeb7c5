"""How long an approval waits, when it is asked again, and what silence means."""

import pytest

from core_samples import NOW
from longrunning.text import has_deadline
from longrunning.waits.timeouts import Schedule, Timeouts, TimeoutsError

HOUR = 3_600
DAY = 24 * HOUR


def test_a_reminder_comes_at_half_time_and_silence_denies_at_the_end() -> None:
    schedule = Timeouts.parse("86400", "half", "deny").schedule(NOW)
    assert schedule == Schedule(decide_by=NOW + DAY, remind_at=NOW + DAY // 2, escalate_at=None)
    assert schedule.due_at == NOW + DAY // 2


def test_a_reminder_comes_hours_before_the_end() -> None:
    assert Timeouts.parse("86400", "4", "deny").schedule(NOW).remind_at == NOW + DAY - 4 * HOUR


@pytest.mark.parametrize("hours", ["0", "24", "72"])
def test_no_reminder_is_none_and_none_comes_before_the_question(hours: str) -> None:
    schedule = Timeouts.parse("86400", hours, "deny").schedule(NOW)
    assert schedule.remind_at is None
    assert schedule.due_at == NOW + DAY


@pytest.mark.parametrize(
    ("hours", "escalate_at"), [("half", NOW + 18 * HOUR), ("0", NOW + 12 * HOUR)]
)
def test_an_escalation_comes_half_way_from_the_last_e_mail_to_the_end(
    hours: str, escalate_at: int
) -> None:
    schedule = Timeouts.parse("86400", hours, "escalate").schedule(NOW)
    assert schedule.escalate_at == escalate_at
    assert schedule.decide_by == NOW + DAY, "silence is still an answer in the end"


def test_waiting_has_no_end_but_the_same_reminder() -> None:
    schedule = Timeouts.parse("86400", "half", "wait").schedule(NOW)
    assert schedule.remind_at == NOW + DAY // 2
    assert not has_deadline(NOW, schedule.decide_by)
    assert has_deadline(NOW, Timeouts.parse("604800", "half", "deny").schedule(NOW).decide_by)


@pytest.mark.parametrize("on_silence", ["deny", "escalate", "wait"])
@pytest.mark.parametrize(
    ("within", "seconds"), [(None, 30 * DAY), (60, 60), (900 * DAY, 900 * DAY)]
)
def test_a_tool_that_is_no_approval_has_an_end_of_its_own_and_nobody_to_remind(
    on_silence: str, within: int | None, seconds: int
) -> None:
    schedule = Timeouts.parse("86400", "half", on_silence).tool_schedule(NOW, within)
    assert schedule == Schedule(NOW + seconds, None, None)
    assert schedule.due_at == NOW + seconds


def test_a_tool_whose_source_is_asked_is_due_then() -> None:
    schedule = Timeouts.parse("86400", "half", "deny").tool_schedule(NOW, DAY, NOW + HOUR)
    assert schedule == Schedule(NOW + DAY, NOW + HOUR, None)
    assert schedule.due_at == NOW + HOUR


def test_a_wait_for_another_agent_ends_before_that_one_does() -> None:
    schedule = Schedule(NOW + DAY, NOW + 2 * HOUR, NOW + 3 * HOUR)
    assert schedule.ending_by(NOW + DAY) == schedule
    assert schedule.ending_by(NOW + 2 * HOUR + 1) == Schedule(
        NOW + 2 * HOUR + 1, NOW + 2 * HOUR, None
    )
    ended = schedule.ending_by(NOW + 2 * HOUR)
    assert ended == Schedule(NOW + 2 * HOUR, None, None), "nothing is due after the end"
    assert ended.due_at == NOW + 2 * HOUR


@pytest.mark.parametrize(
    "texts",
    [("86400", "half", "approve"), ("86400", "quarter", "deny"), ("", "half", "deny")],
)
def test_anything_else_is_refused_by_name(texts: tuple[str, str, str]) -> None:
    with pytest.raises(TimeoutsError, match="Expected hours"):
        Timeouts.parse(*texts)
