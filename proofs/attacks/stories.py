"""The paths of the kill matrix: what the model says, what people do, and what must come of it.

The models go by the conversation alone (but one) and name their tool uses anew at every call, as
real ones do: a run that is repeated after a crash asks under other ids.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pocket.clock import START

from converse_stand_in import Block, Request, Turn, tool_use
from living_world import CANCEL, GIVE_UP, JOB_TOOL, OTHER_AGENT, Reaction
from other_systems import CALLED_BACK, LOOKED
from world import Mail

APPROVE = {"decision": "approved"}
DENY = {"decision": "denied", "comment": "Not like this."}
EDIT = {"decision": "approved", "content": "One, edited"}

DECIDE_WITHIN_SECONDS = 1_200

ANY = "any"
"""An outcome that depends on who is faster."""

ASK, PUBLISH = "human_approval", "publish_post"
TIMER, AGENT = "wait_until", "ask_agent"

INSIDE = ": "
"""Between a task and that of another agent which was asked for it."""

Turns = tuple[tuple[tuple[str, dict[str, Any]], ...], ...]
"""For each turn of the model its tool uses, name and input; with none it says that it is done."""


@dataclass(frozen=True)
class Story:
    """One path from a task to its end."""

    name: str
    turns: Turns
    outcome: str
    """Of the session."""
    posts: tuple[str, ...] = ()
    """What must be published, sorted."""
    clicks: Mapping[str, tuple[Reaction, ...]] = field(default_factory=dict)
    """What people do, by the text that is asked for."""
    decide_within_seconds: int = DECIDE_WITHIN_SECONDS
    children: Mapping[str, Turns] = field(default_factory=dict)
    """The turns of the other agent, by what it is asked for."""
    is_sampled: bool = False
    """Whether the short form has only some of its kills."""
    is_fickle: bool = False
    """Whether the model goes by how often it was called, not by the conversation: a run that is
    repeated then goes another way than the first."""

    @property
    def is_decided(self) -> bool:
        """Whether people decide all that is asked, however often they must try."""
        return self.decide_within_seconds == DECIDE_WITHIN_SECONDS

    @property
    def has_threads(self) -> bool:
        """Whether tools of one turn run side by side."""
        every = (self.turns, *self.children.values())
        return any(len(turn) > 1 for turns in every for turn in turns)

    def script(self) -> Callable[[Request], Turn]:
        """Returns the model of one task."""
        numbers, calls = itertools.count(1), itertools.count()

        def script(request: Request) -> Turn:
            task = str(request["messages"][0]["content"][0]["text"])
            turn = sum(message["role"] == "assistant" for message in request["messages"])
            if self.is_fickle:
                turn = next(calls)
            turns = self.children[task.rpartition(INSIDE)[2]] if INSIDE in task else self.turns
            if turn >= len(turns) or not turns[turn]:
                return "Done."
            return [named(next(numbers), *_for(task, *use)) for use in turns[turn]]

        return script

    def reacts(self, mail: Mail) -> list[Reaction]:
        """What people do about an e-mail."""
        text = mail.body.rstrip("\n").rpartition("\n")[2]
        return list(self.clicks.get(text, ()))


def named(number: int, name: str, tool_input: dict[str, Any]) -> Block:
    """Names a tool use by a number."""
    return tool_use(f"tooluse_{number}", name, tool_input)


def asks(text: str) -> tuple[str, dict[str, Any]]:
    """The model asks for approval of a text."""
    return ASK, {"content": text}


def publishes(text: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    """The model publishes a text."""
    return PUBLISH, {"content": text, **arguments}


def _for(task: str, name: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Has what another agent is asked for say for which task that is."""
    return name, given | {"task": f"{task}{INSIDE}{given['task']}"} if name == AGENT else given


def waits_for(seconds: int) -> tuple[str, dict[str, Any]]:
    """The model sleeps, until so long after the world's beginning."""
    return TIMER, {"time": datetime.fromtimestamp(START + seconds, UTC).isoformat()}


def encodes(seconds: int | None, *events: int, title: str = "A") -> tuple[str, dict[str, Any]]:
    """The model has a video encoded; its source says that it is, or may be, after some times."""
    return LOOKED, {"title": title, "events": list(events), "seconds": seconds}


def builds(seconds: int) -> tuple[str, dict[str, Any]]:
    """The model has something built by what calls back."""
    return CALLED_BACK, {"branch": "main", "seconds": seconds}


def asks_agent(task: str) -> tuple[str, dict[str, Any]]:
    """The model asks the other agent."""
    return AGENT, {"task": task, "name": OTHER_AGENT}


def _click(after_seconds: float, form: dict[str, str]) -> tuple[Reaction, ...]:
    return (Reaction(after_seconds, form),)


_ASKED_AND_PUBLISHED: Turns = ((asks("One"),), (publishes("One"),))

STORIES = (
    Story("approve", _ASKED_AND_PUBLISHED, "published", ("One",), {"One": _click(20, APPROVE)}),
    Story("deny", _ASKED_AND_PUBLISHED[:1], "denied", (), {"One": _click(20, DENY)}),
    Story(
        "edit",
        ((asks("One"),), (publishes("One, edited"),)),
        "published",
        ("One, edited",),
        {"One": _click(20, EDIT)},
    ),
    Story("expire", _ASKED_AND_PUBLISHED[:1], "expired", decide_within_seconds=300),
    Story("cancel", _ASKED_AND_PUBLISHED[:1], "cancelled", (), {"One": _click(70, CANCEL)}),
    Story(
        "cancel too late",
        _ASKED_AND_PUBLISHED[:1],
        ANY,
        clicks={"One": _click(330, CANCEL)},
        decide_within_seconds=300,
    ),
    Story(
        "two in a turn",
        ((asks("One"), publishes("Two", unicorn_color="pink")), (publishes("One"),)),
        "published",
        ("One", "Two"),
        {"One": _click(50, APPROVE), "Two": _click(20, APPROVE)},
    ),
    Story("a job", (((JOB_TOOL, {"title": "Trailer"}),),), "finished"),
    Story(
        "a click without patience",
        _ASKED_AND_PUBLISHED,
        ANY,
        clicks={"One": (Reaction(20, APPROVE, insists=False),)},
        decide_within_seconds=400,
    ),
    Story(
        "approve against deny",
        _ASKED_AND_PUBLISHED,
        ANY,
        clicks={"One": _click(20, APPROVE) + _click(21, DENY)},
    ),
    Story(
        "publishes, or asks for more",
        (*_ASKED_AND_PUBLISHED, (), (asks("Two"),), (publishes("Two"),)),
        ANY,
        clicks={"One": _click(20, APPROVE), "Two": _click(20, APPROVE)},
        is_fickle=True,
    ),
    Story(
        "stops, or publishes",
        (_ASKED_AND_PUBLISHED[0], (), _ASKED_AND_PUBLISHED[1]),
        ANY,
        clicks={"One": _click(20, APPROVE)},
        is_fickle=True,
    ),
    Story(
        "a long way",
        (
            (asks("One"), asks("Two")),
            (publishes("One, edited"), asks("Three")),
            (publishes("Two"), publishes("Three"), publishes("Four", author="Rainbow Dash")),
        ),
        "published",
        ("Four", "One, edited", "Three", "Two"),
        {
            "One": _click(20, EDIT),
            "Two": _click(30, APPROVE),
            "Three": _click(20, APPROVE),
            "Four": _click(20, APPROVE),
        },
    ),
    Story("a timer", ((waits_for(400),),), "finished", is_sampled=True),
    Story("a job that says twice that it is done", ((encodes(40, 40, 41),),), "finished"),
    Story("a job whose event is lost", ((encodes(40),),), "finished", is_sampled=True),
    Story(
        "a job whose event is early",
        ((encodes(90, 10),),),
        "finished",
        is_sampled=True,
    ),
    Story("a job that never ends", ((encodes(None, 400),),), "finished", is_sampled=True),
    Story(
        "a job that never ends, beside a question",
        ((encodes(None), asks("One")), (publishes("One"),)),
        "published",
        ("One",),
        {"One": _click(1_900, APPROVE)},
        decide_within_seconds=7_200,
        is_sampled=True,
    ),
    Story("a callback", ((builds(40),),), "finished"),
    Story(
        "another agent answers",
        ((asks_agent("Judge it"),),),
        "finished",
        children={"Judge it": ()},
    ),
    Story(
        "another agent asks a person",
        ((asks_agent("Post it"),),),
        "finished",
        ("One",),
        {"One": _click(20, APPROVE)},
        children={"Post it": _ASKED_AND_PUBLISHED},
        is_sampled=True,
    ),
    Story(
        "another agent is given up",
        ((asks_agent("Post it"),),),
        "cancelled",
        (),
        {"One": _click(70, GIVE_UP)},
        children={"Post it": ((asks("One"), encodes(None)),)},
        is_sampled=True,
    ),
)


def mixed_turn(timer: int, job: int, build: int, click: int, child_click: int) -> Story:
    """One turn that waits for everything; each is answered after so many seconds."""
    turn = (
        asks("One"),
        waits_for(timer),
        encodes(job, job),
        builds(build),
        asks_agent("Post it"),
    )
    return Story(
        "a mixed turn",
        (turn, (publishes("One"),)),
        "published",
        ("One", "Two"),
        {"One": _click(click, APPROVE), "Two": _click(child_click, APPROVE)},
        children={"Post it": ((asks("Two"),), (publishes("Two"),))},
        is_sampled=True,
    )


STORIES = (*STORIES, mixed_turn(300, 200, 150, 60, 20))

MIXED_SECONDS = (60, 130, 200, 270, 340)


def mixed_turns() -> Iterator[Story]:
    """Yields a mixed turn for every order in which its answers may come."""
    for seconds in itertools.permutations(MIXED_SECONDS):
        yield mixed_turn(*seconds)
