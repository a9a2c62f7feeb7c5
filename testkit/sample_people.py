"""Three people, and a policy, for the tests of who decides."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

import agent_handler
import approval_services
import operator_services
import sweeper_handler
from longrunning.people import directory
from longrunning.people.directory import Person
from longrunning.people.policy import Decider, Policy
from longrunning_testkit.agents import an_agent
from longrunning_testkit.worlds import World, forget_environments

ANN = Person("ann", "Ann Kovač", "ann@example.com")
BOB = Person("bob", "Bob", "bob@example.com")
CYD = Person("cyd", "Cyd", "cyd@example.com")
PEOPLE = {person.id: person for person in (ANN, BOB, CYD)}


def two_of_three(*_: Any) -> Policy:
    """Two of the three must agree."""
    return Policy(people=("ann", "bob", "cyd"), needed=2)


def use_people(world: World, policy: Decider, *tools: Any) -> None:
    """Gives the world people, and an agent with a policy and some tools."""
    set_people(world.monkeypatch, PEOPLE)
    world.with_agents(lambda model: [replace(an_agent(model, *tools), policy=policy)])


def set_people(monkeypatch: pytest.MonkeyPatch, people: Mapping[str, Person]) -> None:
    """Has all functions read these people."""

    def read_people() -> Mapping[str, Person]:
        return people

    monkeypatch.setattr(directory, "read_people", read_people)
    monkeypatch.setattr(approval_services, "read_people", read_people)
    monkeypatch.setattr(operator_services, "read_people", read_people)
    monkeypatch.setattr(sweeper_handler, "read_people", read_people)
    monkeypatch.setattr(agent_handler.directory, "read_people", read_people)
    forget_environments()
