"""A timer: the agent sleeps until a time. The sweeper is the clock: never early, a minute late."""

import time as clock
from datetime import UTC, datetime, timedelta

from longrunning.agent.long_running import NoNeedToWait, Result, long_running
from longrunning.waits.item import Wait

LONGEST = timedelta(days=1_826)
"""Five years, as long as any wait may last."""


def _ahead(time: datetime) -> timedelta:
    moment = time if time.tzinfo else time.replace(tzinfo=UTC)
    return moment - datetime.fromtimestamp(clock.time(), UTC)


@long_running(
    within=lambda time: min(_ahead(time) + timedelta(hours=1), LONGEST), look_at=lambda time: time
)
def wait_until(wait: Wait, time: datetime) -> None:
    """Waits until a time, minutes or years ahead. You are stopped and continue then.

    Args:
        time: When to go on, in ISO 8601, such as 2027-03-01T09:00:00Z. Without a zone it is UTC.
    """


@wait_until.check
def check(time: datetime) -> None:
    """Answers at once for a time that is past."""
    if _ahead(time) > LONGEST:
        raise ValueError("time: at most 5 years ahead.")
    if _ahead(time) <= timedelta():
        now = datetime.fromtimestamp(clock.time(), UTC)
        raise NoNeedToWait(f"{time.isoformat()} is past already; it is {now:%Y-%m-%dT%H:%M:%SZ}.")


@wait_until.look
def look(time: datetime) -> Result | None:
    """Says whether the time has come."""
    return Result(f"It is {time.isoformat()} now.") if _ahead(time) <= timedelta() else None
