"""The state of the second model: waits whose source is asked, and agents that ask one another.

It stands beside the model of the write protocol, which shows that a turn is claimed once and that
what is claimed is saved once. So here a claim, the run and its save are one step, and each session
waits once. What it has instead: sources, several sessions, and what is said between them.
"""

from dataclasses import dataclass
from typing import NamedTuple

from protocol.states import (
    APPROVED,
    CANCELLED,
    COMPLETED,
    DENIED,
    EXPIRED,
    LATE,
    PENDING,
    RESOLVED,
    SPENT,
    UNDECIDED,
    WAITING,
)

__all__ = [
    "APPROVED", "CANCELLED", "COMPLETED", "DENIED", "EXPIRED", "LATE", "PENDING", "RESOLVED",
    "SPENT", "UNDECIDED", "WAITING",
]  # fmt: skip

PERSON, LOOKED, CALLBACK, AGENT = "P", "L", "B", "A"
"""Kinds of items: decided by people; a source that is asked; told by a callback, the record first;
another agent, whose session is the source."""

WITHDRAWN = "W"
"""CANCELLED in the table, by `parent`."""

ENDED_WITHOUT = (EXPIRED, CANCELLED, WITHDRAWN)

NOT_ASKED, ASKED, ENDED, SAID = "-", "r", "e", "m"
"""Of a source. SAID, of a mutant: a callback has sent its message and recorded nothing yet."""


class Message(NamedTuple):
    """A queue message: two of the same kind and place differ in their number.

    `new`: a task, of a session; `hint`: an `existing` or a `look` message about an item, whatever
    it says; `cancel`: of a session.
    """

    kind: str
    place: int
    number: int = 0


NOBODY = Message("", -1)


class Session(NamedTuple):
    """A session: it waits for all its items, or has ended."""

    status: str
    paused_by: Message


class Item(NamedTuple):
    """A record. `last`: how the source was at the sweeper's last look before it expires."""

    status: str
    last: str = ""


class Worker(NamedTuple):
    """An agent function between two steps."""

    at: str
    message: Message
    session: int
    mode: str = ""
    """`begin`; `finish` of another's pause; `again`: finish of its own."""
    place: int = 0
    asks: tuple[int, ...] = ()
    """The items that it is about to ask for."""


class Budget(NamedTuple):
    """How many of each are left to happen."""

    crashes: int = 1
    duplicates: int = 0
    clicks: int = 1
    cancels: int = 0
    """By operators."""
    forgeries: int = 0
    losses: int = 0
    """Events of sources that never arrive."""


class State(NamedTuple):
    """Everything there is."""

    sessions: tuple[Session | None, ...]
    items: tuple[Item | None, ...]
    sources: str
    queue: tuple[Message, ...]
    processes: tuple[Worker, ...]
    effects: tuple[int, ...]
    broken: str
    """What a step did that it never may."""
    budget: Budget


Step = tuple[str, State]


@dataclass(frozen=True)
class Scenario:
    """Bounds within which the model is explored."""

    name: str
    sessions: tuple[str, ...]
    """The kinds of the items that each session waits for; each AGENT is the next session."""
    budget: Budget = Budget()  # noqa: RUF009
    is_slow: bool = False
    """Whether waits end only while no message is under way."""
    answers: str = APPROVED
    """What people may say: A, D."""


class Rules:
    """A scenario and the guards that are taken away."""

    def __init__(self, scenario: Scenario, removed: frozenset[str] = frozenset()) -> None:
        self.scenario = scenario
        self.removed = removed
        self.kinds = "".join(scenario.sessions)
        self.session_of = [s for s, kinds in enumerate(scenario.sessions) for _ in kinds]
        self.uses = [
            tuple(i for i, of in enumerate(self.session_of) if of == s)
            for s in range(len(scenario.sessions))
        ]
        agents = [i for i, kind in enumerate(self.kinds) if kind == AGENT]
        self.child = {item: s for s, item in enumerate(agents, 1)}
        self.parent = {s: item for item, s in self.child.items()}

    def has(self, guard: str) -> bool:
        return guard not in self.removed

    def lacks(self, guard: str) -> bool:
        return guard in self.removed

    def is_awaited(self, state: State, session: int) -> bool:
        """Whether the agent that asked still waits, by its record."""
        item = state.items[self.parent[session]]
        return item is not None and item.status in UNDECIDED

    def is_given_up(self, state: State, session: int) -> bool:
        if session not in self.parent:
            return False
        return self.lacks("parent_asked") or not self.is_awaited(state, session)

    def has_ended(self, state: State, item: int) -> bool:
        """What `look` finds at a source."""
        if self.kinds[item] == AGENT:
            child = state.sessions[self.child[item]]
            return child is not None and child.status == COMPLETED
        return state.sources[item] == ENDED
