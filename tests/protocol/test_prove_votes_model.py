"""Several people who must agree: explored like the write protocol.

The third model: `votes_model.py` is what there is, what can happen and what must hold;
`votes_guards.py` ties it to the code.
"""

import re
from pathlib import Path

import pytest

from protocol.code import function_source, stands_in_order
from protocol.guards import COST, GUARDS
from protocol.test_prove_model import as_text, told
from protocol.votes_guards import VOTE_GUARDS, VOTE_STEPS
from protocol.votes_model import LONG, SCENARIOS, SHORT, explore
from protocol.waits_guards import WAIT_GUARDS
from prove_figures import is_long, record

COST_ONLY = [name for name, guard in VOTE_GUARDS.items() if guard.problem == COST]
NEEDED = [name for name, guard in VOTE_GUARDS.items() if guard.problem != COST]
EXPLORED = [scenario.name for scenario in (*SHORT, *(LONG if is_long() else ()))]
WORLD = {"time", "open", "press", "leave"}


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
    without = explore(SCENARIOS[VOTE_GUARDS[guard].scenario], [guard])
    assert without.problem == VOTE_GUARDS[guard].problem, as_text(without)
    found[guard] = without


@pytest.mark.parametrize("guard", COST_ONLY)
def test_only_cost_without(guard, found):
    without = explore(SCENARIOS[VOTE_GUARDS[guard].scenario], [guard])
    assert not without.problem, as_text(without)
    found[guard] = without


def test_every_step_of_the_model_is_one_of_the_code(found):
    names = {name for f in found.values() for name in f.steps}
    assert {name.split()[0].strip(":") for name in names} <= VOTE_STEPS.keys() | WORLD
    if found.keys() >= set(EXPLORED):
        assert {name.split()[0].strip(":") for name in names} >= VOTE_STEPS.keys()


@pytest.mark.parametrize("step", VOTE_STEPS)
def test_step_is_in_the_code(step):
    assert stands_in_order(VOTE_STEPS[step].text, function_source(VOTE_STEPS[step].where))


@pytest.mark.parametrize("guard", VOTE_GUARDS)
def test_guard_is_in_the_code(guard):
    at = VOTE_GUARDS[guard]
    assert stands_in_order(at.text, function_source(at.where))


def test_every_switch_of_the_model_is_a_guard():
    source = Path(__file__).with_name("votes_model.py").read_text(encoding="utf-8")
    assert set(re.findall(r'has\("(\w+)"\)', source)) == VOTE_GUARDS.keys()


def test_no_guard_has_the_name_of_one_of_another_model():
    assert not VOTE_GUARDS.keys() & (GUARDS.keys() | WAIT_GUARDS.keys())


def test_figures(found):
    if missing := {*EXPLORED, *VOTE_GUARDS} - found.keys():
        pytest.skip(f"not explored: {len(missing)}")
    record(
        "votes model",
        states=sum(found[name].states for name in EXPLORED),
        scenarios=len(EXPLORED),
        violations=0,
        guards=len(VOTE_GUARDS),
        counterexamples=len(NEEDED),
        cost_only=len(COST_ONLY),
    )
