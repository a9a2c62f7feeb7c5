"""The kill matrix: the process dies or freezes at every single call, and the ledger holds.

Each path of `stories.py` is played once undisturbed to count its calls: of the agent, of the
approval API, of the operators' API and of the sweeper. Then it is played again for each of them and
each way to go: dead before the call, dead after it, or frozen before it for longer than a lease,
while others do its work. SQS delivers again, the sweeper comes every minute, people click again
where they got no answer.
"""

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import prove_figures
from ledger_of_world import breaks_at_the_end
from living_world import LivingWorld
from longrunning.agent.long_running import FIRST_LOOK
from longrunning.agent.worker import PARENT
from longrunning.waits.item import Status, Wait, from_item
from mortal import DIES_AFTER, DIES_BEFORE, FREEZES, KILLS
from stories import ANY, STORIES, Story, mixed_turns

SINGLE_KILLS_WITH_DUPLICATES = 8
"""Of each path in the short form."""

SINGLE_KILLS_OF_A_SAMPLE = 20
"""The same of a path that is only sampled there, without duplicates."""

LATE_SECONDS = 500
"""Nobody is asked later than this, whoever died, and not only by the reminder."""

LATE_SECONDS_OF_TWO = 900
"""The second one may die before its first call: its message comes back after the queue's 720 s."""

DOUBLE_KILLS = prove_figures.size(short=4, long=60)
"""Of each path, with and without duplicates."""

ORDERS = 8
"""Of a mixed turn, in the short form; in the long one all 120."""

KILLS_OF_AN_ORDER = prove_figures.size(short=2, long=30)

REACH = 20
"""The second of two kills is at most so many calls after the first."""

LOOK = "sweeper Query"
WRITES = ("agent UpdateItem", "agent PutItem", "agent POST /posts")

HOURS = 3
"""Every path has come to its end long before."""

Kills = dict[int, str]
"""What happens at which call, counted from 1."""

NewWorld = Callable[..., LivingWorld]


@dataclass(frozen=True)
class Played:
    """What came of one run."""

    calls: list[str]
    kills: int
    breaks: list[str]


@pytest.fixture(scope="module")
def figures() -> Iterator[Counter[str]]:
    """Adds up what the tests of this file did."""
    counted: Counter[str] = Counter()
    yield counted
    prove_figures.record("kill matrix", **counted)


def play(new_world: NewWorld, story: Story, duplicates: bool, kills: Kills) -> Played:
    """Plays a path in a new world."""
    living = new_world(
        lambda number, _: kills.get(number),
        script=story.script(),
        reacts=story.reacts,
        duplicates=duplicates,
        has_threads=story.has_threads,
        env={"DECIDE_WITHIN_SECONDS": str(story.decide_within_seconds)},
    )
    session_id = living.send_task("Write a post")
    living.drain(HOURS)
    breaks = breaks_at_the_end(living) or list(_differences(living, story, session_id))
    breaks += [f"unhandled: {error!r}" for error in living.errors]
    return Played(living.mortality.calls, sum(living.mortality.met.values()), breaks)


def _differences(living: LivingWorld, story: Story, session_id: str) -> Iterator[str]:
    """What is not as without kills."""
    outcome = living.world.session(session_id).outcome
    posts = tuple(sorted(post["content"] for post in living.world.posts()))
    kills = sum(living.mortality.met.values())
    late = LATE_SECONDS if kills < 2 else LATE_SECONDS_OF_TWO
    waits = {wait.key: wait for wait in map(from_item, living.scan("APPROVALS"))}
    for asked in waits.values():
        e_mail_at = living.asked_at.get(asked.key, asked.decide_by)
        if asked.call is not None and e_mail_at > asked.requested_at + late and _is_asked(asked):
            yield f"asked too late: {asked.key}"
        if asked.call is None:
            yield from _late_or_running(living, asked, late)
    for child in (living.session(item["session_id"]["S"]) for item in living.scan("SESSIONS")):
        if child.parent:
            parent = waits[f"{child.parent.session_id}/{child.parent.tool_use_id}"]
            own = [wait for wait in waits.values() if wait.session_id == child.session_id]
            yield from _orphaned(parent, own, LATE_SECONDS_OF_TWO * max(1, kills))
    if story.outcome != ANY and (outcome, posts) != (story.outcome, story.posts):
        yield f"expected {story.outcome} and {story.posts}, got {outcome} and {posts}"


def _is_asked(wait: Wait) -> bool:
    """Whether anybody is asked at all: not what was withdrawn before."""
    return wait.decided_by != PARENT


def _late_or_running(living: LivingWorld, wait: Wait, late: float) -> Iterator[str]:
    """A result is found soon after its source has it; what nobody waits for is stopped.

    Unless it was started later: by a process that froze just before, and woke up after the end.
    """
    job, build = living.systems.jobs.get(wait.name), living.systems.builds.get(wait.name)
    if wait.status != Status.RESOLVED:
        if job and not job.is_stopped and job.started_at <= (wait.decided_at or 0):
            yield f"not stopped: {wait.key}"
        return
    match wait.tool_name:
        case "wait_until":
            ready_at: float | None = wait.remind_at
        case "ask_agent":
            ready_at = living.session(wait.name).paused_at
        case _:
            ready_at = next((work.ends_at for work in (job, build) if work), None)
    if ready_at is None:
        return
    looked_after = max(FIRST_LOOK.total_seconds(), ready_at - wait.requested_at)
    if (wait.decided_at or 0) > ready_at + looked_after + late:
        yield f"found too late: {wait.key}"


def _orphaned(parent: Wait, waits: list[Wait], late: float) -> Iterator[str]:
    """Once an agent has given up, nobody is asked for it any more."""
    if parent.status in (Status.EXPIRED, Status.CANCELLED):
        given_up_at = parent.decided_at or 0
        for wait in waits:
            if (wait.decided_at or 0) > given_up_at + late:
                yield f"open long after its parent gave up: {wait.key}"


def _single_kills(story: Story, duplicates: bool, calls: list[str]) -> list[tuple[int, str]]:
    """All of them in the long form.

    In the short one, whoever dies after a call is taken for who dies before the next one, and the
    sweeper's look at the index in one minute for that in any other.
    """
    numbers = range(1, len(calls) + 1)
    if prove_figures.is_long():
        return [(number, how) for number in numbers for how in KILLS]
    numbers = [n for n in numbers if calls[:n].count(calls[n - 1]) <= 4 or calls[n - 1] != LOOK]
    kills = [(1, DIES_BEFORE), *((n, how) for n in numbers for how in (DIES_AFTER, FREEZES))]
    if not (duplicates or story.is_sampled):
        return kills
    dice = random.Random(story.name)  # noqa: S311
    most = SINGLE_KILLS_WITH_DUPLICATES if duplicates else SINGLE_KILLS_OF_A_SAMPLE
    return dice.sample(kills, most)


def _cases() -> Iterator[Any]:
    for story, duplicates in itertools.product(STORIES, (False, True)):
        name = f"{story.name}-{'delivered twice' if duplicates else 'once'}"
        yield pytest.param(story, duplicates, id=name)


every_story = pytest.mark.parametrize(("story", "duplicates"), list(_cases()))


@every_story
def test_a_process_that_dies_or_freezes_at_any_call_breaks_nothing(
    new_world: NewWorld, figures: Counter[str], story: Story, duplicates: bool
) -> None:
    undisturbed = play(new_world, story, duplicates, {})
    assert not undisturbed.breaks
    broken = {}
    kills = _single_kills(story, duplicates, undisturbed.calls)
    for number, how in prove_figures.progress(kills, len(kills), f"single kills, {story.name}"):
        played = play(new_world, story, duplicates, {number: how})
        assert played.kills == 1, "every call of the undisturbed run is there"
        figures["single_kills"] += 1
        if played.breaks:
            broken[number, how] = played.breaks
    figures["failures"] += len(broken)
    assert not broken


@every_story
def test_two_kills_break_nothing(
    new_world: NewWorld, figures: Counter[str], story: Story, duplicates: bool
) -> None:
    calls = len(play(new_world, story, duplicates, {}).calls)
    dice = random.Random(f"{story.name} {duplicates}")  # noqa: S311
    broken = {}
    done = 0
    while done < DOUBLE_KILLS:
        first = dice.randint(1, calls)
        kills = {first: dice.choice(KILLS), first + dice.randint(1, REACH): dice.choice(KILLS)}
        played = play(new_world, story, duplicates, kills)
        done += played.kills == 2
        if played.breaks:
            broken[tuple(kills.items())] = played.breaks
    figures["double_kills"] += done
    figures["failures"] += len(broken)
    assert not broken


@pytest.mark.parametrize("story", [s for s in STORIES if s.is_fickle], ids=lambda story: story.name)
def test_a_worker_that_wakes_up_changes_nothing_of_what_another_one_did(
    new_world: NewWorld, figures: Counter[str], story: Story
) -> None:
    """What the fences are for: both go different ways, and the second one stops anywhere."""
    calls = play(new_world, story, False, {}).calls
    decided = calls.index("api UpdateItem")
    writes = [n for n, name in enumerate(calls, 1) if n > decided and name in WRITES]
    broken = {}
    for write, further in itertools.product(writes, range(1, REACH + 1)):
        for how in (DIES_BEFORE, FREEZES) if prove_figures.is_long() else (DIES_BEFORE,):
            kills = {write: FREEZES, write + further: how}
            played = play(new_world, story, False, kills)
            figures["double_kills"] += played.kills == 2
            if played.breaks:
                broken[tuple(kills.items())] = played.breaks
    figures["failures"] += len(broken)
    assert not broken


def test_a_mixed_turn_is_answered_in_any_order(new_world: NewWorld, figures: Counter[str]) -> None:
    """A person, a timer, a job, a build and another agent: each of them may be the last one."""
    stories = list(mixed_turns())
    dice = random.Random("mixed")  # noqa: S311
    orders = stories if prove_figures.is_long() else dice.sample(stories, ORDERS)
    broken = {}
    for number, story in enumerate(prove_figures.progress(orders, len(orders), "orders")):
        undisturbed = play(new_world, story, False, {})
        assert not undisturbed.breaks
        for _ in range(KILLS_OF_AN_ORDER):
            kills = {dice.randint(1, len(undisturbed.calls)): dice.choice(KILLS)}
            played = play(new_world, story, dice.random() < 0.5, kills)
            figures["single_kills"] += played.kills
            if played.breaks:
                broken[number, tuple(kills.items())] = played.breaks
    figures["orders"] += len(orders)
    figures["failures"] += len(broken)
    assert not broken
