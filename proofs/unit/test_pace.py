"""All senders together stay within what SNS lets an e-mail subscription get: ten a second.

The senders are simulated, with their real notifiers: places that take one message after the other,
and sweepers. Each has its own time; what they share is the table.
"""

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from approval_api_driver import pending
from core_samples import NOW, Recorded
from longrunning.messages import SESSION_ID_PATTERN
from longrunning.people.links import LinkKeys
from longrunning.people.notifications import Notifier
from longrunning.people.pace import (
    MARGIN_SECONDS,
    MAX_AGENTS_UNCOUNTED,
    MessagePace,
    Pace,
    TooEarlyError,
    Unpaced,
)
from longrunning.people.shared_pace import (
    LEAD_SECONDS,
    MAX_AWAY_SECONDS,
    PARTITION,
    SHARED_PER_SECOND,
    SharedPace,
)
from wait_store import WaitStore

MOST_A_SECOND = 10
"""Source: SNS, "Email subscriptions": beyond it a subscription is suspended."""

FUNCTION_SECONDS = 120
MAX_RECEIVES = 5
KEYS = LinkKeys.parse('{"current": "k1", "k1": "a-key-for-tests-of-forty-eight-characters-length"}')


@dataclass
class Timeline:
    """The time of whoever is at work."""

    now: float = NOW

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


@dataclass
class Mailbox:
    """Notes when an e-mail arrives: somewhere between its sending and SNS's answer."""

    time: Timeline
    chance: random.Random
    arrived: list[float] = field(default_factory=list)
    breaks: float = 0
    """How likely a connection breaks after the e-mail has arrived."""

    def publish(self, **_: Any) -> None:
        took = self.chance.uniform(0, 0.04)
        self.arrived.append(self.time.now + self.chance.uniform(0, took))
        self.time.now += took
        if self.chance.random() < self.breaks:
            raise ConnectionClosedError(endpoint_url="x")


@dataclass
class Senders:
    """Agents at work side by side, and sweepers that never run out of reminders."""

    agents: int
    agents_pace: Callable[[], Pace]
    sweepers_pace: Callable[[], Pace]
    mailbox: Mailbox
    run_seconds: tuple[float, float] = (0, 0.3)
    crashes: float = 0
    receives: list[int] = field(default_factory=list)
    """Of each message whose e-mail went out."""

    def run(self, messages: int, sweepers: int = 1) -> None:
        """Lets the agents ask once for each message, all of them there from the beginning."""
        queue = [(NOW, n, 1) for n in range(messages)]
        places = [(NOW + n / 1000, n) for n in range(self.agents)]
        turns: list[tuple[float, int, Iterator[float]]] = [
            (NOW, n, self._sweeps()) for n in range(sweepers)
        ]
        while queue:
            begins = max(queue[0][0], places[0][0])
            if turns and turns[0][0] <= begins:
                at, n, sweeps = heapq.heappop(turns)
                self.mailbox.time.now = at
                heapq.heappush(turns, (next(sweeps), n, sweeps))
                continue
            _, message, receives = heapq.heappop(queue)
            _, place = heapq.heappop(places)
            self.mailbox.time.now = begins
            if (back_at := self._deliver(message, receives)) is not None:
                heapq.heappush(queue, (back_at, message, receives + 1))
            heapq.heappush(places, (self.mailbox.time.now, place))

    def _deliver(self, message: int, receives: int) -> float | None:
        """One invocation, in whatever environment: returns when the message is to come back."""
        time, chance = self.mailbox.time, self.mailbox.chance
        began, pace = time.now, self.agents_pace()
        pace.begin(began + FUNCTION_SECONDS, is_repeated=receives > 1)
        time.sleep(chance.uniform(*self.run_seconds) if receives == 1 else 0.01)
        try:
            self._notifier(pace).send("arn:topic", [pending(session_id=f"session-{message}")])
        except TooEarlyError as early:
            assert time.now - began < 1, "its place is free for others"
            return early.until + 1
        except ConnectionClosedError:
            return time.now + 5
        if chance.random() < self.crashes:  # Sent, and the process dies: another one goes on.
            return time.now
        self.receives.append(receives)
        return None

    def _sweeps(self) -> Iterator[float]:
        notifier = self._notifier(self.sweepers_pace())
        while True:
            notifier.send("arn:topic", [pending()], "reminder")
            yield self.mailbox.time.now

    def _notifier(self, pace: Pace) -> Notifier:
        return Notifier(self.mailbox, "https://api.example.com", lambda: KEYS, pace)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox(Timeline(), random.Random(7))  # noqa: S311 - the same chances each time


@pytest.fixture
def shared(
    dynamodb: Recorded, approvals_table: str, mailbox: Mailbox
) -> Callable[[str], SharedPace]:
    time = mailbox.time
    return lambda who: SharedPace(dynamodb, approvals_table, who, time.clock, time.sleep)


def most_in_a_second(times: list[float]) -> int:
    times = sorted(times)
    first, most = 0, 0
    for last, at in enumerate(times):
        while at - times[first] >= 1:
            first += 1
        most = max(most, last - first + 1)
    return most


def senders(agents: int, mailbox: Mailbox, shared: Callable[[str], SharedPace]) -> Senders:
    """As the handlers choose the pace."""
    time = mailbox.time

    def agents_pace() -> Pace:
        if agents <= MAX_AGENTS_UNCOUNTED:
            return MessagePace(time.clock, time.sleep)
        return shared("agents")

    return Senders(agents, agents_pace, lambda: shared("sweepers"), mailbox)


def near(seconds: float) -> Any:
    """A time; without `abs`, pytest would take a millionth of all since 1970 for near."""
    return pytest.approx(seconds, abs=0.01)


# --- all senders together ------------------------------------------------------------------------


@pytest.mark.parametrize(("agents", "messages"), [(5, 200), (50, 300), (1_000, 1_100)])
def test_all_senders_together_stay_within_sns_rate(
    agents: int, messages: int, mailbox: Mailbox, shared: Callable[[str], SharedPace]
) -> None:
    """The sweeper has more reminders than it can send, all the while."""
    sent = senders(agents, mailbox, shared)
    sent.run(messages)
    assert len(sent.receives) == messages, "each question was sent"
    assert most_in_a_second(mailbox.arrived) <= MOST_A_SECOND
    assert max(sent.receives) < MAX_RECEIVES, "none became a dead letter"


def test_without_a_pace_they_would_not(mailbox: Mailbox) -> None:
    sent = Senders(5, Unpaced, Unpaced, mailbox)
    sent.run(100, sweepers=0)
    assert most_in_a_second(mailbox.arrived) > 2 * MOST_A_SECOND


def test_a_pace_that_each_agent_keeps_for_itself_is_not_enough_for_many(mailbox: Mailbox) -> None:
    time = mailbox.time
    sent = Senders(50, lambda: MessagePace(time.clock, time.sleep), Unpaced, mailbox)
    sent.run(200, sweepers=0)
    assert most_in_a_second(mailbox.arrived) > MOST_A_SECOND


@pytest.mark.parametrize("agents", [5, 50])
def test_environments_that_die_and_connections_that_break_send_no_faster(
    agents: int, mailbox: Mailbox, shared: Callable[[str], SharedPace]
) -> None:
    mailbox.breaks = 0.2
    sent = senders(agents, mailbox, shared)
    sent.crashes = 0.2
    sent.run(200, sweepers=0)
    alone = SHARED_PER_SECOND + 1 if agents > MAX_AGENTS_UNCOUNTED else MAX_AGENTS_UNCOUNTED
    assert len(mailbox.arrived) > 250
    assert most_in_a_second(mailbox.arrived) <= alone, "one more may be late on its way"


def test_two_sweeps_at_a_time_send_no_more_than_one(
    mailbox: Mailbox, shared: Callable[[str], SharedPace]
) -> None:
    sent = senders(5, mailbox, shared)
    sent.run(200, sweepers=2)
    assert most_in_a_second(mailbox.arrived) <= MOST_A_SECOND


# --- one message's pace --------------------------------------------------------------------------


def test_a_run_that_took_a_second_waits_for_nothing(mailbox: Mailbox) -> None:
    time = mailbox.time
    pace = MessagePace(time.clock, time.sleep)
    pace.begin(NOW + FUNCTION_SECONDS, is_repeated=False)
    time.sleep(1.5)
    pace.wait("s-1/use-1")
    assert time.now == NOW + 1.5


def test_a_short_run_waits_for_the_rest_of_its_second_and_a_repeat_for_a_whole_one(
    mailbox: Mailbox,
) -> None:
    time = mailbox.time
    pace = MessagePace(time.clock, time.sleep)
    pace.begin(NOW + FUNCTION_SECONDS, is_repeated=False)
    time.sleep(0.4)
    pace.wait("s-1/use-1")
    assert time.now == near(NOW + 1)
    time.sleep(0.9)
    pace.wait("s-1/use-1")
    assert time.now == near(NOW + 2.9), "from when it failed"


def test_a_clock_that_jumps_back_costs_a_second_at_most(mailbox: Mailbox) -> None:
    time = mailbox.time
    pace = MessagePace(time.clock, time.sleep)
    pace.begin(NOW + FUNCTION_SECONDS, is_repeated=False)
    time.now = NOW - 3_600
    pace.wait("s-1/use-1")
    assert time.now == NOW - 3_599


@pytest.mark.parametrize("which", ["message", "shared"])
def test_too_late_for_the_function_comes_back_and_sends_nothing_too_fast(
    which: str, mailbox: Mailbox, shared: Callable[[str], SharedPace]
) -> None:
    time = mailbox.time
    pace: Pace = MessagePace(time.clock, time.sleep) if which == "message" else shared("agents")
    if which == "shared":
        shared("agents").wait("s-0/use-1")
    pace.begin(NOW + MARGIN_SECONDS + 0.1, is_repeated=False)
    with pytest.raises(TooEarlyError) as early:
        pace.wait("s-1/use-1")
    assert NOW <= early.value.until <= NOW + 1
    assert time.now == NOW


# --- a shared pace -------------------------------------------------------------------------------


def test_the_first_e_mail_of_a_shared_pace_goes_at_once_in_one_write(
    mailbox: Mailbox, shared: Callable[[str], SharedPace], dynamodb: Recorded
) -> None:
    dynamodb.calls.clear()
    shared("agents").wait("s-1/use-1")
    assert mailbox.time.now == near(NOW)
    assert [name for name, _ in dynamodb.calls] == ["update_item"]


def test_each_later_one_takes_the_next_place(
    mailbox: Mailbox, shared: Callable[[str], SharedPace]
) -> None:
    for n in range(5):
        mailbox.time.now = NOW
        shared("agents").wait(f"s-{n}/use-1")
        assert mailbox.time.now == near(NOW + n / SHARED_PER_SECOND)


def test_agents_and_sweepers_do_not_wait_for_one_another(
    mailbox: Mailbox, shared: Callable[[str], SharedPace]
) -> None:
    shared("agents").wait("s-1/use-1")
    shared("sweepers").wait("s-2/use-1")
    assert mailbox.time.now == near(NOW)


def far(shared: Callable[[str], SharedPace], places: int) -> TooEarlyError:
    """Somebody with 13 seconds left comes behind so many others."""
    for _ in range(places):
        shared("agents")._take_free()
    pace = shared("agents")
    pace.begin(NOW + MARGIN_SECONDS + 10, is_repeated=False)
    with pytest.raises(TooEarlyError) as early:
        pace.wait("s-1/use-1")
    return early.value


def test_a_place_after_the_functions_end_is_kept_for_the_next_delivery(
    mailbox: Mailbox, shared: Callable[[str], SharedPace]
) -> None:
    at = NOW + 400 / SHARED_PER_SECOND
    assert far(shared, 400).until == near(at - LEAD_SECONDS)
    shared("agents")._take_free()
    mailbox.time.now = at - LEAD_SECONDS + 5
    again = shared("agents")
    again.begin(mailbox.time.now + FUNCTION_SECONDS, is_repeated=True)
    again.wait("s-1/use-1")
    assert mailbox.time.now == near(at), "not behind those who came later"


def test_a_kept_place_is_taken_once_and_not_after_its_time(
    mailbox: Mailbox, shared: Callable[[str], SharedPace]
) -> None:
    far(shared, 400)
    assert shared("agents")._take_kept("s-1/use-1") is not None
    assert shared("agents")._take_kept("s-1/use-1") is None
    far(shared, 0)
    mailbox.time.now = NOW + 400
    assert shared("agents")._take_kept("s-1/use-1") is None


def test_nobody_is_sent_away_for_longer_than_sqs_can(
    mailbox: Mailbox, shared: Callable[[str], SharedPace], dynamodb: Recorded
) -> None:
    pace = shared("agents")
    pace._take_free()
    change = {"n": NOW * 1_000 + 86_400_000}
    pace._update("agents", "SET free_ms = :n", change)
    assert far(shared, 0).until == near(NOW + MAX_AWAY_SECONDS)


def test_the_items_of_a_pace_belong_to_no_session_and_are_deleted(
    shared: Callable[[str], SharedPace], dynamodb: Recorded, approvals_table: str
) -> None:
    far(shared, 400)
    items = dynamodb.client.scan(TableName=approvals_table)["Items"]
    assert {item["session_id"]["S"] for item in items} == {PARTITION}
    assert not SESSION_ID_PATTERN.fullmatch(PARTITION)
    assert all(NOW < int(item["expires_at"]["N"]) < NOW + 3 * 86_400 for item in items)
    assert all("open_shard" not in item for item in items), "the sweeper never meets them"
    assert WaitStore(dynamodb, approvals_table).of_session("s-1") == []
