"""What is asked of each of the three models: its test module imports these.

`conftest.py` gives them what the module has: `PROOF`, and `STEPS_AT` and `GUARDS_AT`, the places in
the code of its steps and guards, by their names.
"""

from protocol.proof import is_in_the_code


def test_no_violation_in(proof, name):
    proof.holds_in(name)


def test_violation_without(proof, needed):
    proof.breaks_without(needed)


def test_only_cost_without(proof, cost_only):
    proof.only_costs_without(cost_only)


def test_step_is_in_the_code(step_at):
    assert is_in_the_code(step_at)


def test_guard_is_in_the_code(guard_at):
    assert is_in_the_code(guard_at)
