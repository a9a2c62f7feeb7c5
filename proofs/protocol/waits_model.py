"""The second model: what must hold, and the bounds within which it is explored."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from protocol.explore import Found, search
from protocol.waits_states import (
    AGENT,
    CALLBACK,
    COMPLETED,
    ENDED,
    ENDED_WITHOUT,
    LOOKED,
    NOT_ASKED,
    PERSON,
    RESOLVED,
    UNDECIDED,
    WAITING,
    Budget,
    Message,
    Rules,
    Scenario,
    State,
    Step,
)
from protocol.waits_walk import successors

MOST_STATES = 2_000_000

CHOICES = frozenset({"crash", "duplicate", "decide", "operator", "source", "forged"})
"""First words of what nobody may count on."""


@dataclass(frozen=True)
class Waits:
    """The model in a scenario, with some guards taken away."""

    rules: Rules
    must_end: bool = True

    @property
    def name(self) -> str:
        return self.rules.scenario.name

    def first(self) -> State:
        """Nothing but the first agent's task on the queue."""
        kinds = self.rules.kinds
        return State(
            sessions=(None,) * len(self.rules.uses),
            items=(None,) * len(kinds),
            sources=NOT_ASKED * len(kinds),
            queue=(Message("new", 0),),
            processes=(),
            effects=(),
            broken="",
            budget=self.rules.scenario.budget,
        )

    def successors(self, state: State) -> list[Step]:
        return successors(self.rules, state)

    def violation(self, state: State, is_still: bool) -> str:
        rules = self.rules
        is_quiet = not state.processes and not state.queue
        return (
            state.broken
            or _records(rules, state)
            or (_quiet(rules, state) if is_quiet else "")
            or ("waits for ever" if is_still and _waits(state) else "")
        )

    def world(self, state: State) -> tuple[State, tuple[int, ...]]:
        """No state stands for another one."""
        return state, ()

    def is_choice(self, name: str) -> bool:
        return name.partition(" ")[0] in CHOICES or name.endswith((" crash", " lost"))


def explore(
    scenario: Scenario,
    removed: Collection[str] = (),
    tell: Callable[[int, int], None] = lambda states, left: None,
) -> Found:
    """Explores a scenario without the removed guards, until a violation or the end."""
    model = Waits(Rules(scenario, frozenset(removed)))
    return search(model, most_states=MOST_STATES, tell=tell)


def _waits(state: State) -> bool:
    return any(session and session.status == WAITING for session in state.sessions)


def _records(rules: Rules, state: State) -> str:
    """A result is what the source says, and nothing happens of what was withdrawn."""
    for i, item in enumerate(state.items):
        if item is None:
            continue
        is_resolved = item.status == RESOLVED
        if is_resolved and rules.kinds[i] != CALLBACK and not rules.has_ended(state, i):
            return "resolved before its source had ended"
        if is_resolved and rules.kinds[i] == CALLBACK and state.sources[i] != ENDED:
            return "resolved before its system called back"
        if i in state.effects and item.status in ENDED_WITHOUT:
            return "an effect of what was withdrawn"
    return ""


def _quiet(rules: Rules, state: State) -> str:
    """Once every message has been handled, all who can know know."""
    for i, item in enumerate(state.items):
        if item and item.status in UNDECIDED:
            if problem := _undecided(rules, state, i):
                return problem
        elif item and rules.kinds[i] == CALLBACK and item.status == RESOLVED:
            session = state.sessions[rules.session_of[i]]
            is_lucky = state.budget.crashes == rules.scenario.budget.crashes
            if is_lucky and session and session.status == WAITING:
                return "an answer that the agent is not told of"
    return ""


def _undecided(rules: Rules, state: State, i: int) -> str:
    kind, s = rules.kinds[i], rules.session_of[i]
    is_lost = state.budget.losses < rules.scenario.budget.losses
    if kind == LOOKED and state.sources[i] == ENDED and not is_lost:
        return "waits for a source that has ended"
    if kind == AGENT and rules.has_ended(state, i):
        return "waits for an agent that has ended"
    if kind == AGENT and state.sessions[rules.child[i]] is None:
        return "waits for an agent that never began"
    if s in rules.parent:
        asker = state.sessions[rules.session_of[rules.parent[s]]]
        if asker and asker.status == COMPLETED:
            return "asks for an agent that has gone on without it"
    return ""


_NO_LUCK = Budget(crashes=0, clicks=0)

SHORT = (
    Scenario("a source", (LOOKED,), Budget(1, 0, 0, 1, 0, 1)),
    Scenario("a source and a stranger", (LOOKED,), Budget(0, 0, 0, 1, 1)),
    Scenario("a source, delivered twice", (LOOKED,), Budget(1, 1, 0)),
    Scenario("a callback", (CALLBACK,), Budget(1, 0, 0, 1, 1)),
    Scenario("a callback, no bad luck", (CALLBACK,), _NO_LUCK),
    Scenario("a source and a person", (LOOKED + PERSON,), Budget(0), answers="AD"),
    Scenario("a child", (AGENT, PERSON), Budget(1, 0, 1), is_slow=True),
    Scenario("a child that is given up", (AGENT, PERSON), Budget(0, 0, 1, 1), is_slow=True),
    Scenario("a child and a stranger", (AGENT, PERSON), Budget(0, 0, 0, 0, 1), is_slow=True),
    Scenario("a child, delivered twice", (AGENT, PERSON), Budget(0, 1, 0), is_slow=True),
    Scenario("a child and a person", (AGENT + PERSON, PERSON), Budget(0, 0, 1, 1), is_slow=True),
    Scenario("a child with a source", (AGENT, LOOKED), _NO_LUCK, is_slow=True),
)  # fmt: skip
"""Each with all guards, inside `make test`; also where the removal of a guard shows."""

LONG = (
    Scenario("a child that dies and is given up", (AGENT, PERSON), Budget(1, 0, 0, 1),
             is_slow=True),
    Scenario("a source, worst luck", (LOOKED,), Budget(2, 1, 0, 1, 1, 1)),
    Scenario("a callback, worst luck", (CALLBACK,), Budget(2, 1, 0, 1, 1)),
    Scenario("a source, a person, a crash", (LOOKED + PERSON,), Budget(1, 0, 1, 1, 0, 1)),
    Scenario("a child on the clock", (AGENT, PERSON), Budget(0, 0, 1, 1)),
    Scenario("a child, worst luck", (AGENT, PERSON), Budget(1, 0, 1, 1), answers="AD",
             is_slow=True),
    Scenario("a child that dies twice", (AGENT, PERSON), Budget(2, 0, 1), is_slow=True),
    Scenario("a child with two questions", (AGENT, PERSON * 2), Budget(0, 0, 1, 1), is_slow=True),
    Scenario("a child with a source that is given up", (AGENT, LOOKED), Budget(0, 0, 0, 1, 0, 1),
             is_slow=True),
    Scenario("a child of a child", (AGENT, AGENT, PERSON), _NO_LUCK, is_slow=True),
    Scenario("a child and a stranger, given up", (AGENT, PERSON), Budget(0, 0, 1, 1, 1),
             is_slow=True),
    Scenario("a child, a person, a crash", (AGENT + PERSON, PERSON), Budget(1, 0, 1, 1),
             is_slow=True),
)  # fmt: skip
"""Beside the short ones, under `make prove`."""

SCENARIOS = {scenario.name: scenario for scenario in (*SHORT, *LONG)}
