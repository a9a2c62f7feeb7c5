"""The write protocol, explored: no violation with its guards, one without each that it needs.

The model: `states.py` is what there is, the `*_steps.py` what can happen, `invariants.py` what must
hold. `steps.py` and `guards.py` tie it to the code.

One step of the model is one write. Three kinds are joined, because the parts add nothing:

- A read, and a write that is conditional on all that was read: if the write fails, the message
  might as well not have been delivered yet. Where a guard is taken away, the two come apart.
- A write, and the message that is sent next: a message sent later is one delivered later. A crash
  between the two is a step of its own. So it is with an answer, and with the deletion of a message.
- What a sweeper does to one item.

A lease that its worker did not outlive counts as over, an index entry as never behind.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from protocol.asked_of_each import (  # noqa: F401 - they are this module's tests, too
    test_guard_is_in_the_code,
    test_no_violation_in,
    test_only_cost_without,
    test_step_is_in_the_code,
    test_violation_without,
)
from protocol.explore import Known, WriteProtocol, explore, first_state, search
from protocol.guards import GUARDS
from protocol.proof import Proof
from protocol.rules import Rules, spend_budget
from protocol.scenarios import LONG, SCENARIOS, SHORT
from protocol.steps import CHOICES, STEPS, WORLD

PROOF = Proof("protocol model", explore, SCENARIOS, SHORT, LONG, GUARDS)
STEPS_AT, GUARDS_AT = STEPS, GUARDS


def test_every_step_of_the_model_is_one_of_the_code():
    names = PROOF.steps
    assert {name.split()[0].strip(":,") for name in names} <= STEPS.keys() | CHOICES | WORLD
    if PROOF.is_whole:
        taken = {word.strip(":,") for name in names for word in name.split()}
        assert taken >= STEPS.keys()


def test_every_switch_of_the_model_is_a_guard():
    files = [*Path(__file__).parent.glob("*_steps.py"), Path(__file__).with_name("rules.py")]
    source = "".join(file.read_text(encoding="utf-8") for file in files)
    switches = re.findall(r'(?:has|lacks)\("(\w+)"\)|"(gate_\w+)"', source)
    assert {name or gate for name, gate in switches} == GUARDS.keys()


def test_a_state_stands_for_another_one_only_if_no_less_can_happen_in_it():
    known = Known(WriteProtocol(Rules(SCENARIOS["one"])))
    state = first_state(Rules(SCENARIOS["one"]))
    assert known.place(state, 0) == 0
    for spent in ("crashes", "clicks", "zombies"):
        assert known.place(spend_budget(state, spent), 1) == 0
    other = spend_budget(state._replace(notified=(0,)), "clicks")
    assert known.place(other, 2) == 2
    assert known.place(state._replace(notified=(0,)), 3) == 3, "more is left in it"
    less = spend_budget(spend_budget(state._replace(notified=(0,)), "clicks"), "crashes")
    assert known.place(less, 4) == 2


@dataclass(frozen=True)
class Looking(WriteProtocol):
    """The model, and what somebody could see of each of its states."""

    is_whole: bool = False
    """Whether every state counts, and not one that stands for others."""
    seen: set = field(default_factory=set)

    def __post_init__(self):
        if self.is_whole:
            self.rules.forgets = False

    def violation(self, state, is_still):
        session = state.session and state.session._replace(version=0, fence=0, paused_by=None)
        items = [item and (item.status, item.text, item.is_open, item.due) for item in state.items]
        self.seen.add((session, tuple(items), state.effects, state.objects, state.reminders))
        return super().violation(state, is_still)

    def world(self, state):
        return (state, ()) if self.is_whole else super().world(state)


@pytest.mark.parametrize(
    "scenario",
    ["one", "one gated", "clock", "reminders", "job", "interrupted", "dead letters", "deleted",
     "bucket", "turns gated", "two gated", "two and a job"],
)  # fmt: skip
def test_states_that_stand_for_others_show_all_that_the_others_show(scenario):
    whole, folded = (Looking(Rules(SCENARIOS[scenario]), is_whole) for is_whole in (True, False))
    counts = [search(model).states for model in (whole, folded)]
    assert not whole.seen - folded.seen
    assert counts[1] < counts[0]
