"""Every fifth AWS call fails, and still each task ends as it would have, once.

A call is throttled, gets no answer before it happened, or happens and its answer is lost; then the
client gives up, or has sent it again by itself. Each counts after the retries that botocore makes
by itself: what reaches the code is far worse than a bad day. What becomes a dead letter is
redriven, again and again, and children that nobody waits for are told so, as `make redrive
RESEND=1` does.
"""

import random
from collections.abc import Callable

import pytest
from botocore.exceptions import BotoCoreError, ClientError

import prove_figures
from converse_stand_in import Request, Turn
from ledger_of_world import breaks_at_the_end
from living_world import LivingWorld, Reaction
from mortal import FAULTS
from stories import ANY, INSIDE, STORIES, Story
from world import Mail

WORLDS = prove_figures.size(short=5, long=60)
TASKS = 12
"""In each world at the same time."""

FAULT_RATE = 0.2
HOURS = 7 * 24

DECIDED = [story for story in STORIES if story.is_decided]
"""Not those that wait for the end: it is a week away."""


class Crowd:
    """Many stories at once; the first words of a conversation tell whose it is."""

    def __init__(self, stories: list[Story]) -> None:
        self.stories = {f"Task {n}": story for n, story in enumerate(stories)}
        self._models = {task: story.script() for task, story in self.stories.items()}

    def turn(self, request: Request) -> Turn:
        """Plays the model of the task that a request is about."""
        text = request["messages"][0]["content"][0]["text"]
        return self._models[text.partition(INSIDE)[0]](request)


@pytest.mark.parametrize("number", range(WORLDS))
def test_with_every_fifth_call_failing_nothing_is_lost_and_nothing_is_double(
    new_world: Callable[..., LivingWorld], number: int
) -> None:
    dice = random.Random(number)  # noqa: S311
    stories = [DECIDED[n % len(DECIDED)] for n in range(number * TASKS, (number + 1) * TASKS)]
    crowd = Crowd(stories)

    def fate_of(_: int, call: str) -> str | None:
        return dice.choice(FAULTS) if dice.random() < FAULT_RATE else None

    living = new_world(
        fate_of,
        crowd.turn,
        {"DECIDE_WITHIN_SECONDS": str(HOURS * 3_600)},
        reacts=lambda mail: _reactions(crowd, living, mail),
        has_threads=False,
    )

    sessions = {living.send_task(task): story for task, story in crowd.stories.items()}
    living.redrive_until_quiet()
    living.drain(HOURS)
    assert not breaks_at_the_end(living)
    assert all(isinstance(error, BotoCoreError | ClientError) for error in living.errors)
    for session_id, story in sessions.items():
        posts = tuple(sorted(post["content"] for post in living.posts_for(session_id)))
        outcome = living.world.session(session_id).outcome
        assert story.outcome == ANY or (outcome, posts) == (story.outcome, story.posts)
    met = {fate.replace(" ", "_"): n for fate, n in living.mortality.met.items()}
    calls = len(living.mortality.calls)
    prove_figures.record(
        "faults", tasks=TASKS, calls=calls, redriven=living.redriven, orphans=living.orphans, **met
    )


def _reactions(crowd: Crowd, living: LivingWorld, mail: Mail) -> list[Reaction]:
    """What people do goes by the task that an e-mail is about."""
    session_id = living.root_of(living.key_of(mail).partition("/")[0])
    return crowd.stories[living.tasks[session_id]].reacts(mail)
