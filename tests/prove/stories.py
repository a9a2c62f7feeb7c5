"""The paths of the kill matrix: what the model says, what people do, and what must come of it.

The models go by the conversation alone (but one) and name their tool uses anew at every call, as
real ones do: a run that is repeated after a crash asks under other ids.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from converse_stand_in import Block, Request, Turn, tool_use
from living_world import CANCEL, JOB_TOOL, Reaction
from world import Mail

APPROVE = {"decision": "approved"}
DENY = {"decision": "denied", "comment": "Not like this."}
EDIT = {"decision": "approved", "content": "One, edited"}

DECIDE_WITHIN_SECONDS = 1_200

ANY = "any"
"""An outcome that depends on who is faster."""

ASK, PUBLISH = "human_approval", "publish_post"

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
        return any(len(turn) > 1 for turn in self.turns)

    def script(self) -> Callable[[Request], Turn]:
        """Returns the model of one task."""
        numbers, calls = itertools.count(1), itertools.count()

        def script(request: Request) -> Turn:
            turn = sum(message["role"] == "assistant" for message in request["messages"])
            if self.is_fickle:
                turn = next(calls)
            if turn >= len(self.turns) or not self.turns[turn]:
                return "Done."
            return [named(next(numbers), *use) for use in self.turns[turn]]

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
)
