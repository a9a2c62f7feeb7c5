"""Gives the tests of `asked_of_each.py` what the model of each module has."""

import pytest


def pytest_generate_tests(metafunc):
    """Makes a test of each scenario, guard and step of a model, named as that is."""
    module = metafunc.module
    if not hasattr(module, "PROOF"):
        return
    by_name = {"step_at": module.STEPS_AT, "guard_at": module.GUARDS_AT}
    names = {
        "name": module.PROOF.explored,
        "needed": module.PROOF.needed,
        "cost_only": module.PROOF.cost_only,
    }
    for fixture, places in by_name.items():
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, places.values(), ids=places.keys())
    for fixture, values in names.items():
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, values)


@pytest.fixture
def proof(request):
    """The explorations of the module's model, and what they have come to."""
    return request.module.PROOF
