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
import sys
import time
from pathlib import Path

import pytest

from protocol.code import function_source, stands_in_order
from protocol.explore import explore
from protocol.guards import COST, GUARDS
from protocol.scenarios import LONG, SCENARIOS, SHORT
from protocol.steps import CHOICES, STEPS, WORLD
from prove_figures import is_long, record

COST_ONLY = [name for name, guard in GUARDS.items() if guard.problem == COST]
NEEDED = [name for name, guard in GUARDS.items() if guard.problem != COST]
EXPLORED = [scenario.name for scenario in (*SHORT, *(LONG if is_long() else ()))]


@pytest.fixture(scope="module")
def found():
    """What each exploration came to, by its name."""
    return {}


def told(what):
    """In the long form, says every few seconds how far it is."""
    started = last = time.monotonic()

    def tell(done, left):
        nonlocal last
        now = time.monotonic()
        if is_long() and now - last > 10:
            last = now
            line = f"{what}: {done:,} states, {left:,} to go as yet, {now - started:.0f} s"
            print(line, file=sys.__stderr__, flush=True)

    return tell


def as_text(found):
    """The problem and a shortest way to it."""
    steps = "".join(f"\n  {number:2}. {step}" for number, step in enumerate(found.trace, 1))
    return f"{found.problem}:{steps}"


@pytest.mark.parametrize("name", EXPLORED)
def test_no_violation_in(name, found):
    found[name] = explore(SCENARIOS[name], tell=told(name))
    assert not found[name].problem, as_text(found[name])


@pytest.mark.parametrize("guard", NEEDED)
def test_violation_without(guard, found):
    without = explore(SCENARIOS[GUARDS[guard].scenario], [guard])
    assert without.problem == GUARDS[guard].problem, as_text(without)
    found[guard] = without


@pytest.mark.parametrize("guard", COST_ONLY)
def test_only_cost_without(guard, found):
    without = explore(SCENARIOS[GUARDS[guard].scenario], [guard])
    assert not without.problem, as_text(without)
    found[guard] = without


def test_every_step_of_the_model_is_one_of_the_code(found):
    names = {name for f in found.values() for name in f.steps}
    assert {name.split()[0].strip(":,") for name in names} <= STEPS.keys() | CHOICES | WORLD
    if found.keys() >= set(EXPLORED):
        taken = {word.strip(":,") for name in names for word in name.split()}
        assert taken >= STEPS.keys()


@pytest.mark.parametrize("step", STEPS)
def test_step_is_in_the_code(step):
    assert stands_in_order(STEPS[step].text, function_source(STEPS[step].where))


@pytest.mark.parametrize("guard", GUARDS)
def test_guard_is_in_the_code(guard):
    assert stands_in_order(GUARDS[guard].text, function_source(GUARDS[guard].where))


def test_every_switch_of_the_model_is_a_guard():
    files = [*Path(__file__).parent.glob("*_steps.py"), Path(__file__).with_name("rules.py")]
    source = "".join(file.read_text(encoding="utf-8") for file in files)
    switches = re.findall(r'(?:has|lacks)\("(\w+)"\)|"(gate_\w+)"', source)
    assert {name or gate for name, gate in switches} == GUARDS.keys()


def test_figures(found):
    if missing := {*EXPLORED, *GUARDS} - found.keys():
        pytest.skip(f"not explored: {len(missing)}")
    record(
        "protocol model",
        states=sum(found[name].states for name in EXPLORED),
        scenarios=len(EXPLORED),
        violations=0,
        guards=len(GUARDS),
        counterexamples=len(NEEDED),
        cost_only=len(COST_ONLY),
    )
