"""The support agent of docs/adapt.md, with the two files of docs/people.md, as they stand there."""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from aws_template import ROOT
from converse_stand_in import tool_use
from longrunning.people.directory import read_people
from longrunning_testkit.agents import an_agent
from sample_people import set_people
from sample_world import World
from test_detours import last_results
from test_people import links_of, record, say

PYTHON = {"adapt.md": ("send_reply", "support"), "people.md": ("approval_policy",)}


def block(document: str, language: str, title: str) -> str:
    """A file of a guide, by the title in its first line."""
    text = (ROOT / "docs" / document).read_text()
    found = re.findall(rf"^```{language}\n(# {re.escape(title)}\n.*?)^```$", text, re.M | re.S)
    (only,) = found
    return str(only)


class Desk:
    """The help desk and the bank: what was done, by its key."""

    def __init__(self) -> None:
        self.done: dict[str, dict[str, Any]] = {}

    def __call__(self, *, idempotency_key: str, **call: Any) -> str:
        self.done.setdefault(idempotency_key, call)
        return "Done."


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Iterator[Desk]:
    """The agent, its people and its policy, with a desk in the place of what cannot be called."""
    names = [name for modules in PYTHON.values() for name in modules]
    for document, modules in PYTHON.items():
        for name in modules:
            (tmp_path / f"{name}.py").write_text(block(document, "python", f"src/agent/{name}.py"))
    (tmp_path / "people.toml").write_text(
        block("people.md", "toml", "src/layer/python/people.toml")
    )
    world.monkeypatch.syspath_prepend(tmp_path)
    support, policy = import_module("support"), import_module("approval_policy")
    desk = Desk()
    protected = [replace(tool, function=desk) for tool in support.PROTECTED_TOOLS]
    others = [tool for tool in support.OTHER_TOOLS if tool.__name__ != "longrunning.ask_human"]
    set_people(world.monkeypatch, read_people(tmp_path / "people.toml"))
    world.with_agents(
        lambda model: [replace(an_agent(model, *protected, *others), policy=policy.policy)]
    )
    yield desk
    for name in names:
        sys.modules.pop(name, None)


def refund(tool_use_id: str, amount: float) -> dict[str, Any]:
    given = {"order_id": "4711", "amount": amount, "reason": "broken"}
    return tool_use(tool_use_id, "send_refund", given)


@pytest.mark.parametrize(("amount", "is_asked"), [(50, False), (50.01, True)])
def test_a_small_refund_passes_by_the_rule_and_a_larger_one_is_asked(
    world: World, desk: Desk, amount: float, is_asked: bool
) -> None:
    world.play([[tool_use("find-1", "find_order", {"order_id": "4711"})],
                [refund("pay-1", amount)], "Done."])  # fmt: skip
    session_id = world.start(requested_by="ann")
    assert bool(world.read_mail()) is is_asked
    assert bool(desk.done) is not is_asked
    assert record(world, session_id).decided_by == (None if is_asked else "rule:small-refund")


def test_two_agree_after_one_has_edited_the_amount_and_never_the_requester(
    world: World, desk: Desk
) -> None:
    reply = tool_use("reply-1", "send_reply", {"text": "Your money is on its way.", "ticket": 7})
    world.play([[refund("pay-1", 120)], [reply], "Done."])
    session_id = world.start(requested_by="ann")
    links = links_of(world.read_mail())
    assert links.keys() == {"bob", "cyd"}, "ann wants it"
    say(world, links["bob"], arguments={"amount": 99.5})
    say(world, links["cyd"])
    world.deliver_all()
    assert [call["amount"] for call in desk.done.values()] == [99.5]
    links = links_of(world.read_mail())
    assert links.keys() == {"ann", "bob"}, "a reply is anybody's of these two"
    world.click(links["ann"], decision="approved", content="Sorry! It is on its way.")
    world.deliver_all()
    assert [call.get("text") for call in desk.done.values()] == [None, "Sorry! It is on its way."]
    assert world.session(session_id).outcome == "sent"


def test_a_person_answers_a_question_with_a_choice(world: World, desk: Desk) -> None:
    asks = {"question": "Refund or a new mug?", "choices": ["refund", "new mug"]}
    world.play([[tool_use("ask-1", "ask_human", asks)], "Done."])
    world.start(requested_by="ann")
    link = world.read_mail()[0].links["answer"]
    world.click(link, **{"decision": "answered", "answer.answer": "new mug"})
    world.deliver_all()
    told = json.loads(last_results(world)["ask-1"]["content"][0]["text"])
    assert told["answer"] == {"answer": "new mug"}


def test_the_task_of_the_guide_says_who_wants_it(world: World, desk: Desk) -> None:
    text = (ROOT / "docs/adapt.md").read_text()
    (task,) = re.findall(r'^(\{"type": "new", "requested_by".*\})$', text, re.M)
    world.play([[refund("pay-1", 60)], "Done."])
    world.send(task)
    message = world.deliver()
    assert message
    assert world.session(message["messageId"]).requested_by == "ann"
