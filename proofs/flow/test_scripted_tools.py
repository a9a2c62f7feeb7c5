"""An adopter's own tools under the scripted model, as `make run` has them: to their effect."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from strands import tool

import aws_template
import sample_agent as agent_definition
from agents import give_long_tools, give_tools
from longrunning.agent.calls import ProtectedTool
from longrunning.agent.scripted.turns import NAME
from longrunning_testkit.worlds import Mail, forget_environments
from sample_world import World
from test_operators import cancel

TASK = "Tell the customer of ticket 7 that the unicorn comes on Monday."

REFUND_SPEC: dict[str, Any] = {
    "name": "send_refund",
    "description": "Pays money back.",
    "inputSchema": {
        "json": {
            "type": "object",
            "properties": {
                "order_id": {"type": "string", "pattern": r"^ORD-\d{6}$"},
                "amount": {"type": "number", "exclusiveMinimum": 0, "maximum": 500},
                "reason": {"type": "string", "minLength": 1, "maxLength": 200},
            },
            "required": ["order_id", "amount", "reason"],
        }
    },
}


class RefusedError(Exception):
    """The receiver never accepts it."""


@tool
def lookup_order(order_id: str) -> str:
    """Looks an order up.

    Args:
        order_id: Its number.
    """
    return f"{order_id}: paid 49.90"


Receiver = Callable[..., str]
Adopt = Callable[..., list[dict[str, Any]]]


def send_reply_of_the_guide() -> Any:
    """Returns the names that the example of docs/adapt.md defines."""
    guide = (aws_template.ROOT / "docs/adapt.md").read_text()
    [source] = re.findall(r"^```python\n(# src/agent/send_reply\.py\n.*?)^```$", guide, re.M | re.S)
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102 - the guide's own words
    return names


@pytest.fixture
def adopt(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Adopt:
    """Gives the scripted model these tools, and returns what their receiver got."""
    monkeypatch.setenv("MODEL_ID", "scripted")
    monkeypatch.setattr(agent_definition, "SCRIPT", tmp_path / "script.json")
    got: list[dict[str, Any]] = []

    def send(**call: Any) -> str:
        got.append(call)
        return f"Sent, as number {len(got)}."

    def adopt(
        *tools: tuple[dict[str, Any], str], others: tuple[Any, ...] = (), function: Receiver = send
    ) -> list[dict[str, Any]]:
        protected = tuple(
            ProtectedTool(spec, function, RefusedError, content_field=field)
            for spec, field in tools
        )
        monkeypatch.setattr(agent_definition, "make_protected_tools", lambda _: protected)
        give_tools(monkeypatch, *others)
        give_long_tools(monkeypatch)
        forget_environments()
        return got

    return adopt


def last_words(world: World, session_id: str) -> str:
    session = world.session(session_id)
    assert session.status == "completed"
    text: str = session.messages[-1]["content"][0]["text"]
    return text


def decide(world: World, decision: str, comment: str = "") -> Mail:
    (mail,) = world.read_mail()
    answer = world.click(mail.links[decision], **({"comment": comment} if comment else {}))
    assert answer["status_code"] == 200
    world.deliver_until_quiet()
    return mail


def test_the_tool_of_the_guide_is_asked_for_and_sent(world: World, adopt: Adopt) -> None:
    sent = adopt((send_reply_of_the_guide()["TOOL_SPEC"], "text"))
    session_id = world.start(TASK)
    mail = decide(world, "approve")
    assert TASK in mail.body
    [call] = sent
    assert (call["text"], call["ticket"], call["closes_ticket"]) == (TASK, 1, False)
    assert world.session(session_id).outcome == "done"
    told = last_words(world, session_id)
    assert told == "Done.\nsend_reply: approved and done: Sent, as number 1."


def test_every_tool_has_its_turn_and_those_that_look_are_first(world: World, adopt: Adopt) -> None:
    reply = send_reply_of_the_guide()["TOOL_SPEC"]
    sent = adopt((REFUND_SPEC, "reason"), (reply, "text"), others=(lookup_order,))
    session_id = world.start(TASK)
    decide(world, "approve")
    decide(world, "approve")
    refund, answer = sent
    assert re.fullmatch(r"ORD-\d{6}", refund["order_id"])
    assert 0 < refund["amount"] <= 500
    assert refund["reason"] == answer["text"] == TASK
    uses = [
        block["toolUse"]["name"]
        for message in world.session(session_id).messages
        for block in message["content"]
        if "toolUse" in block
    ]
    assert uses == ["lookup_order", "send_refund", "send_reply"]
    told = last_words(world, session_id)
    for words in ("lookup_order: done: order_id-1: paid", "send_refund: approved and done: Sent"):
        assert words in told


def test_a_denied_call_is_changed_as_the_comment_asks(world: World, adopt: Adopt) -> None:
    sent = adopt((REFUND_SPEC, "reason"))
    session_id = world.start(TASK)
    decide(world, "deny", "Say please.")
    mail = decide(world, "approve")
    assert "(revised: Say please.)" in mail.body
    assert [call["reason"] for call in sent] == [f"{TASK}\n\n(revised: Say please.)"]
    assert last_words(world, session_id).startswith("Done.")


def test_three_denials_are_the_end_of_it(world: World, adopt: Adopt) -> None:
    sent = adopt((REFUND_SPEC, "reason"))
    session_id = world.start(TASK)
    for _ in range(3):
        decide(world, "deny", "No.")
    assert not world.read_mail()
    assert not sent
    told = last_words(world, session_id)
    assert told.startswith("I could not finish this task.")
    assert "send_refund: denied 3 times" in told


def test_an_edited_call_is_sent_as_edited_and_told_so(world: World, adopt: Adopt) -> None:
    sent = adopt((REFUND_SPEC, "reason"))
    session_id = world.start(TASK)
    (mail,) = world.read_mail()
    world.click(mail.links["approve"], content="It was late.")
    world.deliver_until_quiet()
    assert [call["reason"] for call in sent] == ["It was late."]
    assert "approved with an edit and done" in last_words(world, session_id)


def test_what_a_receiver_refuses_is_in_the_last_words(world: World, adopt: Adopt) -> None:
    def refuse(**_: Any) -> str:
        raise RefusedError("The till is closed.")

    adopt((REFUND_SPEC, "reason"), function=refuse)
    session_id = world.start(TASK)
    decide(world, "approve")
    assert last_words(world, session_id) == (
        "I could not finish this task.\nsend_refund: approved, and not done: The till is closed."
    )


def test_a_tool_that_fails_does_not_keep_the_next_from_its_turn(world: World, adopt: Adopt) -> None:
    @tool
    def find_stable(stable: str) -> str:
        """Finds a stable.

        Args:
            stable: Its name.
        """
        return {"north": "7"}[stable]

    sent = adopt((REFUND_SPEC, "reason"), others=(find_stable,))
    session_id = world.start(TASK)
    decide(world, "approve")
    assert len(sent) == 1
    told = last_words(world, session_id)
    assert told.startswith("I could not finish this task.\nfind_stable: failed: ")
    assert "send_refund: approved and done" in told


def test_a_tool_without_an_input_that_fits_is_named(world: World, adopt: Adopt) -> None:
    closed = {"type": "string", "pattern": "^(?=a)b$"}
    schema = {"type": "object", "properties": {"text": closed}, "required": ["text"]}
    adopt(({"name": "send_it", "description": "x", "inputSchema": {"json": schema}}, "text"))
    session_id = world.start(TASK)
    told = last_words(world, session_id)
    assert "send_it: not called, for I can make no input that fits. $.text" in told
    assert NAME in told


@pytest.mark.parametrize("how", ["expired", "cancelled"])
def test_a_call_that_nobody_decides_ends_the_script(world: World, adopt: Adopt, how: str) -> None:
    reply = send_reply_of_the_guide()["TOOL_SPEC"]
    sent = adopt((REFUND_SPEC, "reason"), (reply, "text"))
    session_id = world.start(TASK)
    if how == "expired":
        world.step(3 * 86_400)
        world.sweep()
    else:
        [approval] = world.approvals(session_id)
        cancel(world, session_id, approval.tool_use_id)
    world.deliver_until_quiet()
    assert not sent
    told = last_words(world, session_id)
    assert "It was not done." in told
    assert "send_reply: not called." in told


def test_the_script_of_an_adopter_is_played_turn_by_turn(world: World, adopt: Adopt) -> None:
    sent = adopt((REFUND_SPEC, "reason"), others=(lookup_order,))
    refund = {"order_id": "ORD-000017", "amount": 49.9, "reason": "As asked: {task}"}
    script = [
        [{"tool": "lookup_order", "input": {"order_id": "ORD-000017"}}],
        ["It was paid.", {"tool": "send_refund", "input": refund}],
        "All done: {task}",
    ]
    agent_definition.SCRIPT.write_text(json.dumps(script))
    forget_environments()
    session_id = world.start(TASK)
    decide(world, "approve")
    [call] = sent
    assert (call["order_id"], call["amount"]) == ("ORD-000017", 49.9)
    assert call["reason"] == f"As asked: {TASK}"
    assert last_words(world, session_id) == f"All done: {TASK}"


def test_a_script_that_ends_too_early_says_so(world: World, adopt: Adopt) -> None:
    adopt(others=(lookup_order,))
    script = [[{"tool": "lookup_order", "input": {"order_id": "17"}}]]
    agent_definition.SCRIPT.write_text(json.dumps(script))
    forget_environments()
    session_id = world.start(TASK)
    told = last_words(world, session_id)
    assert told.startswith(f"{NAME} has no turn 2, so I end here.")
    assert "lookup_order: done: 17: paid 49.90" in told
