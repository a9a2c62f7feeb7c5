"""Waits whose source is asked, and agents that ask one another: explored like the write protocol.

The second model: `waits_states.py` is what there is, `waits_walk.py` what can happen,
`waits_model.py` what must hold. `waits_guards.py` ties it to the code.

What the first model shows is one step here: a claim, its run and its save. The time of a wait
passes at any moment. Five minutes are a condition: no wait expires after its last look while a
message about it is under way.
"""

import re
from pathlib import Path

from protocol.asked_of_each import (  # noqa: F401 - they are this module's tests, too
    test_guard_is_in_the_code,
    test_no_violation_in,
    test_only_cost_without,
    test_step_is_in_the_code,
    test_violation_without,
)
from protocol.guards import GUARDS
from protocol.proof import Proof
from protocol.waits_guards import WAIT_GUARDS, WAIT_STEPS
from protocol.waits_model import CHOICES, LONG, SCENARIOS, SHORT, explore

PROOF = Proof("waits model", explore, SCENARIOS, SHORT, LONG, WAIT_GUARDS)
STEPS_AT, GUARDS_AT = WAIT_STEPS, WAIT_GUARDS
WORLD = {"time", "sweeper"}
"""First words of what happens by itself; a sweeper's steps have their own names after it."""


def test_every_step_of_the_model_is_one_of_the_code():
    firsts = {name.split()[0].strip(":,") for name in PROOF.steps}
    assert firsts <= WAIT_STEPS.keys() | CHOICES | WORLD
    if PROOF.is_whole:
        taken = {word.strip(":,") for name in PROOF.steps for word in name.split()}
        assert taken >= WAIT_STEPS.keys()


def test_every_switch_of_the_model_is_a_guard():
    source = "".join(
        Path(__file__).with_name(name).read_text(encoding="utf-8")
        for name in ("waits_states.py", "waits_walk.py")
    )
    switches = set(re.findall(r'(?:has|lacks)\("(\w+)"\)', source))
    assert switches == WAIT_GUARDS.keys()


def test_no_guard_has_the_name_of_one_of_the_first_model():
    assert not GUARDS.keys() & WAIT_GUARDS.keys()
