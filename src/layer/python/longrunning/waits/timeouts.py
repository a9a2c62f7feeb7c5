"""How long an approval waits, when it is asked for again, and what silence means.

All of it is fixed when the approval is recorded: a changed parameter is for new approvals.

    requested_at ───────── remind_at ───────── escalate_at ───────── decide_by
                    the same e-mail again    to a second topic    the agent is told

A tool that can look is asked at `remind_at` for the first time, and then again and again.
"""

from dataclasses import dataclass

DENY, ESCALATE, WAIT = "deny", "escalate", "wait"
"""The meanings of silence: an error for the agent; the same, but others are asked before; none."""

AT_HALF_TIME = "half"

WITHOUT_END_SECONDS = 100 * 365 * 86_400
"""How long "for ever" is: a number, so that no comparison needs a case of its own."""

SECONDS_PER_HOUR = 3_600
SECONDS_PER_DAY = 86_400

DEFAULT_WITHIN_SECONDS = 30 * SECONDS_PER_DAY
"""How long a timer, a job, an agent is waited for where the tool does not say."""

MIN_WITHIN_SECONDS, MAX_WITHIN_SECONDS = 60, 1_826 * SECONDS_PER_DAY
"""A minute, as the sweeper comes once in it; five years, as long as the bucket's long rule."""


class TimeoutsError(ValueError):
    """Expected hours or "half" for the reminder, and deny, escalate or wait for silence."""


@dataclass(frozen=True)
class Schedule:
    """When something is due for one approval: epoch seconds, None for never."""

    decide_by: int
    remind_at: int | None
    escalate_at: int | None

    @property
    def due_at(self) -> int:
        """When the sweeper has something to do first."""
        return min(at for at in (self.remind_at, self.escalate_at, self.decide_by) if at)

    def ending_by(self, latest: int) -> "Schedule":
        """Returns the same with an earlier end; nothing is due after it."""
        if self.decide_by <= latest:
            return self
        due = (at if at and at < latest else None for at in (self.remind_at, self.escalate_at))
        return Schedule(latest, *due)


@dataclass(frozen=True)
class Timeouts:
    """The policy for all new approvals."""

    decide_within_seconds: int
    remind_before_seconds: int | None = None
    """Before the end; None is at half time, 0 is never."""
    on_silence: str = DENY

    @classmethod
    def parse(
        cls, decide_within_seconds: str, remind_before_hours: str, on_silence: str
    ) -> "Timeouts":
        """Reads the policy from texts, as an environment holds them.

        Args:
            decide_within_seconds: Seconds, such as `86400`.
            remind_before_hours: Hours before the end, `0` for none, or `half`.
            on_silence: `deny`, `escalate` or `wait`.

        Raises:
            TimeoutsError: One of them is something else.
        """
        if on_silence not in (DENY, ESCALATE, WAIT):
            raise TimeoutsError(TimeoutsError.__doc__)
        try:
            is_half = remind_before_hours == AT_HALF_TIME
            before = None if is_half else int(remind_before_hours) * SECONDS_PER_HOUR
            return cls(int(decide_within_seconds), before, on_silence)
        except ValueError as error:
            raise TimeoutsError(TimeoutsError.__doc__) from error

    @property
    def longest_wait_seconds(self) -> int:
        """How long an approval can stay undecided."""
        return WITHOUT_END_SECONDS if self.on_silence == WAIT else self.decide_within_seconds

    def schedule(self, requested_at: int) -> Schedule:
        """Returns when what is due for an approval asked at `requested_at`."""
        end = requested_at + self.decide_within_seconds
        remind_at = end - self._before if 0 < self._before < self.decide_within_seconds else None
        asked_last = remind_at or requested_at
        escalate_at = (asked_last + end) // 2 if self.on_silence == ESCALATE else None
        return Schedule(requested_at + self.longest_wait_seconds, remind_at, escalate_at)

    @staticmethod
    def tool_schedule(
        requested_at: int, within_seconds: int | None, look_at: int | None = None
    ) -> Schedule:
        """Returns the same for a timer, a job, an agent: nobody is reminded, the source is asked.

        Its time is its own, whatever people are given: a job may take weeks.
        """
        return Schedule(requested_at + (within_seconds or DEFAULT_WITHIN_SECONDS), look_at, None)

    @property
    def _before(self) -> int:
        if self.remind_before_seconds is None:
            return self.decide_within_seconds // 2
        return self.remind_before_seconds
