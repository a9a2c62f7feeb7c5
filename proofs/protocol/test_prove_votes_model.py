"""Several people who must agree: explored like the write protocol.

The third model: `votes_model.py` is what there is, what can happen and what must hold;
`votes_guards.py` ties it to the code.
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
from protocol.votes_guards import VOTE_GUARDS, VOTE_STEPS
from protocol.votes_model import LONG, SCENARIOS, SHORT, explore
from protocol.waits_guards import WAIT_GUARDS

PROOF = Proof("votes model", explore, SCENARIOS, SHORT, LONG, VOTE_GUARDS)
STEPS_AT, GUARDS_AT = VOTE_STEPS, VOTE_GUARDS
WORLD = {"time", "open", "press", "leave", "operator"}


def test_every_step_of_the_model_is_one_of_the_code():
    firsts = {name.split()[0].strip(":") for name in PROOF.steps}
    assert firsts <= VOTE_STEPS.keys() | WORLD
    if PROOF.is_whole:
        assert firsts >= VOTE_STEPS.keys()


def test_every_switch_of_the_model_is_a_guard():
    source = Path(__file__).with_name("votes_model.py").read_text(encoding="utf-8")
    assert set(re.findall(r'has\("(\w+)"\)', source)) == VOTE_GUARDS.keys()


def test_no_guard_has_the_name_of_one_of_another_model():
    assert not VOTE_GUARDS.keys() & (GUARDS.keys() | WAIT_GUARDS.keys())
