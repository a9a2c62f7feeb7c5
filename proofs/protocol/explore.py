"""Explores all states within a scenario's bounds, breadth first.

A state whose world is that of another one, with no more left to happen in it, is not explored:
whatever may come of it may come of the other, and what comes by itself is the same.
"""

from __future__ import annotations

import gc
from array import array
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import ge
from typing import Any, Protocol

from protocol import claim_steps, fate_steps, message_steps, people_steps, run_steps, sweep_steps
from protocol.forgetting import forgotten
from protocol.invariants import violation
from protocol.rules import Rules, normal
from protocol.states import (
    DENIED,
    NEW,
    NO_RESULT,
    NOBODY,
    OUTCOMES,
    WAITING,
    Item,
    Message,
    Pausing,
    Queued,
    Scenario,
    Session,
    State,
    Step,
    Sweep,
    Worker,
)
from protocol.steps import CHOICES

WORKER_STEPS = {
    "start": run_steps.start,
    "create": run_steps.create,
    "claim": claim_steps.claim,
    "acknowledge": claim_steps.acknowledge,
    "note_over": claim_steps.note_over,
    "claim_each": claim_steps.claim_each,
    "transact": claim_steps.transact,
    "fence_off": claim_steps.fence_off,
    "run": run_steps.run,
    "save": run_steps.save,
}
"""Where a worker stands, and the function that takes its next step."""

PAUSING_STEPS = {
    "record": message_steps.record,
    "notify": message_steps.notify,
    "notify_each": message_steps.notify_each,
}


@dataclass(frozen=True)
class Found:
    """What an exploration came to."""

    problem: str
    """Empty: no violation."""
    states: int
    ends: int
    trace: list[str] = field(default_factory=list)
    """The steps of a shortest way to the violation."""
    steps: frozenset[str] = frozenset()
    """The names of all steps taken."""


def first_state(rules: Rules) -> State:
    """Nothing but a task on the queue; or, to go deeper, a pause with all its decisions."""
    first = _empty(rules)
    if not rules.scenario.is_denied:
        return first
    uses = rules.turns[1]
    waits = Session(WAITING, 1, 1, 0, (), NO_RESULT * len(rules.kinds), NOBODY)
    denied = Item(DENIED, 0, "o", is_open=True)
    return first._replace(
        session=waits,
        items=tuple(denied if i in uses else None for i in range(len(rules.kinds))),
        queue=tuple(Queued(Message("wake", i), 0) for i in uses),
        notified=uses,
        told=tuple((i, OUTCOMES[DENIED]) for i in uses),
    )


def _empty(rules: Rules) -> State:
    return State(
        session=None,
        items=(None,) * len(rules.kinds),
        queue=(Queued(NEW, 0),),
        dead=(),
        processes=(),
        notified=(),
        reminders=0,
        effects=(),
        told=(),
        objects=(),
        broken="",
        budget=rules.scenario.budget,
    )


def successors(rules: Rules, state: State) -> list[Step]:
    """All that can happen next."""
    if rules.forgets and (done := _done(state)):
        steps = _end_of(rules, state, done)
    else:
        steps = _steps(rules, state)
    if rules.forgets:
        return [(name, normal(forgotten(rules, after))) for name, after in steps]
    return [(name, normal(after)) for name, after in steps]


def _done(state: State) -> Pausing | None:
    """A worker that has nothing left to do but to acknowledge its message.

    What comes of that comes first, and the rest later: nothing else reads or changes what it
    changes, or can happen only before it, but for another delivery of the message, and for a job
    that repeats itself.
    """
    for process in state.processes:
        if isinstance(process, Pausing) and not process.notifies and process.at == "notify":
            return process if process.message.kind != "result" else None
    return None


def _end_of(rules: Rules, state: State, done: Pausing) -> list[Step]:
    steps = message_steps.notify(rules, state, done)
    return steps + message_steps.deliveries(rules, state, of=done.message)


def _steps(rules: Rules, state: State) -> list[Step]:
    steps = message_steps.deliveries(rules, state)
    for process in state.processes:
        if isinstance(process, Worker):
            steps += WORKER_STEPS[process.at](rules, state, process)
        elif isinstance(process, Pausing):
            steps += PAUSING_STEPS[process.at](rules, state, process)
        elif isinstance(process, Sweep):
            steps += sweep_steps.sweep_goes_on(rules, state, process)
    steps += people_steps.clicks(rules, state)
    steps += people_steps.jobs(rules, state)
    steps += sweep_steps.sweeps(rules, state)
    steps += fate_steps.redrives(rules, state)
    steps += fate_steps.times(rules, state)
    steps += fate_steps.faults(rules, state)
    return steps


class Model(Protocol):
    """What is explored: from a first state, by steps, to violations. States can be hashed."""

    name: str
    must_end: bool
    """Whether an end must be in reach of every state without anybody's choice or bad luck."""

    def first(self) -> Any:
        """Where it begins."""

    def successors(self, state: Any) -> list[tuple[str, Any]]:
        """All that can happen next, each with its name."""

    def violation(self, state: Any, is_still: bool) -> str:
        """What is wrong with a state, or an empty text."""

    def is_choice(self, name: str) -> bool:
        """Whether a step is bad luck, or what somebody chooses to do."""

    def world(self, state: Any) -> tuple[Any, tuple[int, ...]]:
        """The state without how much bad luck and choice is left, and how much of each that is.

        Nothing but choices takes of what is left, and more of it never hinders anything.
        """


@dataclass(frozen=True)
class WriteProtocol:
    """The model of the write protocol, in a scenario and with some guards taken away."""

    rules: Rules

    @property
    def name(self) -> str:
        return self.rules.scenario.name

    @property
    def must_end(self) -> bool:
        """Unless the scenario itself stops short of an end."""
        return not self.rules.scenario.most_claims

    def first(self) -> State:
        return first_state(self.rules)

    def successors(self, state: State) -> list[Step]:
        return successors(self.rules, state)

    def violation(self, state: State, is_still: bool) -> str:
        return violation(self.rules, state, is_still)

    def is_choice(self, name: str) -> bool:
        return name.partition(" ")[0] in CHOICES or name.endswith((" crash", " lost"))

    def world(self, state: State) -> tuple[Any, tuple[int, ...]]:
        """Crashes stay where e-mails of the sweeper are counted against them."""
        crashes, duplicates, clicks, zombies, *rest = state.budget
        if self.rules.scenario.due:
            return (*state[:-1], crashes, *rest), (duplicates, clicks, zombies)
        return (*state[:-1], *rest), (crashes, duplicates, clicks, zombies)


def explore(
    scenario: Scenario,
    removed: Collection[str] = (),
    *,
    most_states: int = 15_000_000,
    tell: Callable[[int, int], None] = lambda states, left: None,
) -> Found:
    """Explores a scenario without the removed guards, until a violation or the end."""
    return search(WriteProtocol(Rules(scenario, removed)), most_states=most_states, tell=tell)


def search(
    model: Model,
    *,
    most_states: int = 15_000_000,
    tell: Callable[[int, int], None] = lambda states, left: None,
) -> Found:
    """Explores a model until a violation or the end."""
    must_end = model.must_end
    states = [model.first()]
    known = Known(model)
    known.place(states[0], 0)
    parents, before, after_ = array("I", [0]), array("I"), array("I")
    ends: list[int] = []
    names: set[str] = set()
    number = 0
    with _without_gc():
        while number < len(states):
            state = states[number]
            is_still = True
            for name, after in model.successors(state):
                names.add(name)
                place = known.place(after, len(states))
                if place == len(states):
                    states.append(after)
                    parents.append(number)
                if place != number and not model.is_choice(name):
                    is_still = False
                    if must_end:
                        before.append(number)
                        after_.append(place)
            is_still &= not state.processes
            if is_still:
                ends.append(number)
            if problem := model.violation(state, is_still):
                trace = _trace(model, states, parents, number)
                return Found(problem, len(states), len(ends), trace, frozenset(names))
            if len(states) > most_states:
                raise MemoryError(f"{model.name}: more than {most_states:,} states")
            number += 1
            if number % 10_000 == 0:
                tell(number, len(states) - number)
        stuck = _stuck(len(states), ends, before, after_) if must_end else None
    if stuck is not None:
        trace = _trace(model, states, parents, stuck)
        return Found("no end is in reach", len(states), len(ends), trace, frozenset(names))
    return Found("", len(states), len(ends), steps=frozenset(names))


class Known:
    """The states that are explored, or will be."""

    def __init__(self, model: Model) -> None:
        """Takes the model whose states they are."""
        self._world = model.world
        self._of_world: dict[Any, tuple[tuple[tuple[int, ...], int], ...]] = {}

    def place(self, state: Any, new: int) -> int:
        """Returns the number of a state that stands for this one, or `new` and notes it."""
        world, left = self._world(state)
        found = self._of_world.get(world, ())
        for more, place in found:
            if all(map(ge, more, left)):
                return place
        self._of_world[world] = (*found, (left, new))
        return new


def _stuck(states: int, ends: list[int], before: array[int], after: array[int]) -> int | None:
    """Returns the first state from which no end is in reach."""
    reached = bytearray(states)
    for end in ends:
        reached[end] = 1
    grows = True
    while grows:  # Most steps lead from a state to a later one: a few rounds from the back do.
        grows = False
        for source, target in zip(reversed(before), reversed(after), strict=True):
            if reached[target] and not reached[source]:
                reached[source], grows = 1, True
    place = reached.find(0)
    return None if place < 0 else place


def _trace(model: Model, states: list[Any], parents: array[int], number: int) -> list[str]:
    names: list[str] = []
    while number:
        parent = parents[number]
        steps = model.successors(states[parent])
        names.append(next(name for name, after in steps if after == states[number]))
        number = parent
    return names[::-1]


@contextmanager
def _without_gc() -> Iterator[None]:
    """Nothing here is garbage: collecting it takes half the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
