"""Waits whose source is asked, and agents that ask one another: explored like the write protocol.

The second model: `waits_states.py` is what there is, `waits_walk.py` what can happen,
`waits_model.py` what must hold. `waits_guards.py` ties it to the code.

What the first model shows is one step here: a claim, its run and its save. The time of a wait
passes at any moment. Five minutes are a condition: no wait expires after its last look while a
message about it is under way.
"""

import re
from pathlib import Path

import pytest

from protocol.code import function_source, stands_in_order
from protocol.guards import COST, GUARDS
from protocol.test_prove_model import as_text, told
from protocol.waits_guards import WAIT_GUARDS, WAIT_STEPS
from protocol.waits_model import CHOICES, LONG, SCENARIOS, SHORT, explore
from prove_figures import is_long, record

COST_ONLY = [name for name, guard in WAIT_GUARDS.items() if guard.problem == COST]
NEEDED = [name for name, guard in WAIT_GUARDS.items() if guard.problem != COST]
EXPLORED = [scenario.name for scenario in (*SHORT, *(LONG if is_long() else ()))]
WORLD = {"time", "sweeper"}
"""First words of what happens by itself; a sweeper's steps have their own names after it."""


@pytest.fixture(scope="module")
def found():
    """What each exploration came to, by its name."""
    return {}


@pytest.mark.parametrize("name", EXPLORED)
def test_no_violation_in(name, found):
    found[name] = explore(SCENARIOS[name], tell=told(name))
    assert not found[name].problem, as_text(found[name])


@pytest.mark.parametrize("guard", NEEDED)
def test_violation_without(guard, found):
    without = explore(SCENARIOS[WAIT_GUARDS[guard].scenario], [guard])
    assert without.problem == WAIT_GUARDS[guard].problem, as_text(without)
    found[guard] = without


@pytest.mark.parametrize("guard", COST_ONLY)
def test_only_cost_without(guard, found):
    without = explore(SCENARIOS[WAIT_GUARDS[guard].scenario], [guard])
    assert not without.problem, as_text(without)
    found[guard] = without


def test_every_step_of_the_model_is_one_of_the_code(found):
    names = {name for f in found.values() for name in f.steps}
    firsts = {name.split()[0].strip(":,") for name in names}
    assert firsts <= WAIT_STEPS.keys() | CHOICES | WORLD
    if found.keys() >= set(EXPLORED):
        taken = {word.strip(":,") for name in names for word in name.split()}
        assert taken >= WAIT_STEPS.keys()


@pytest.mark.parametrize("step", WAIT_STEPS)
def test_step_is_in_the_code(step):
    assert stands_in_order(WAIT_STEPS[step].text, function_source(WAIT_STEPS[step].where))


@pytest.mark.parametrize("guard", WAIT_GUARDS)
def test_guard_is_in_the_code(guard):
    at = WAIT_GUARDS[guard]
    assert stands_in_order(at.text, function_source(at.where))


def test_every_switch_of_the_model_is_a_guard():
    source = "".join(
        Path(__file__).with_name(name).read_text(encoding="utf-8")
        for name in ("waits_states.py", "waits_walk.py")
    )
    switches = set(re.findall(r'(?:has|lacks)\("(\w+)"\)', source))
    assert switches == WAIT_GUARDS.keys()


def test_no_guard_has_the_name_of_one_of_the_first_model():
    assert not GUARDS.keys() & WAIT_GUARDS.keys()


def test_figures(found):
    if missing := {*EXPLORED, *WAIT_GUARDS} - found.keys():
        pytest.skip(f"not explored: {len(missing)}")
    record(
        "waits model",
        states=sum(found[name].states for name in EXPLORED),
        scenarios=len(EXPLORED),
        violations=0,
        guards=len(WAIT_GUARDS),
        counterexamples=len(NEEDED),
        cost_only=len(COST_ONLY),
    )
