"""What is saved can be sent: whatever a model, a tool or a message brings into a conversation."""

import datetime
import decimal
import json
import math
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strands import Agent, tool
from strands.agent.conversation_manager import SlidingWindowConversationManager

import converse_stand_in
import sample_agent as agent_definition
from agents import a_job, a_tool, change_agent, give_tools
from converse_stand_in import Said, invalid, text, tool_use
from longrunning import sessions
from longrunning.messages import build_existing, tool_result
from sample_world import World
from test_detours import ask, contents, last_results, publish

HALF = "cut \ud83e"


def use(name: str, raw: str) -> dict[str, Any]:
    """A tool use whose input arrives as the model has written it."""
    return {"toolUse": {"toolUseId": "use-1", "name": name, "input": None, "raw": raw}}


def approve(world: World) -> None:
    for mail in world.read_mail():
        assert world.click(mail.links["approve"])["status_code"] == 200


BESIDE: dict[str, tuple[list[dict[str, Any]], Any]] = {
    "half an emoji in the model's text": ([text(HALF)], "ok"),
    "a blank text of the model": ([text(" \n")], "ok"),
    "half an emoji in another tool's input": ([use("look", '{"x": "\\ud83e"}')], "ok"),
    "half an emoji in another tool's result": ([use("look", "{}")], HALF),
    "NaN in another tool's input": ([use("look", '{"x": NaN}')], "ok"),
    "an endless number in another tool's input": ([use("look", '{"x": 1e999}')], "ok"),
    "another tool's input as a list": ([use("look", "[1, 2]")], "ok"),
    "deep nesting in another tool's input": ([use("look", '{"x":' + "[" * 300 + "]" * 300 + "}")],
                                             "ok"),
    "a blank result of another tool": ([use("look", "{}")], " \n"),
    "an empty result of another tool": ([use("look", "{}")], []),
    "a number that is none in a result": ([use("look", "{}")], [{"json": {"n": math.nan}}]),
    "a list as a result": ([use("look", "{}")], [{"json": [1]}]),
}  # fmt: skip


@pytest.mark.parametrize("name", BESIDE)
def test_what_stands_beside_a_question_never_stops_its_session(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    blocks, result = BESIDE[name]
    give_tools(monkeypatch, a_tool("look", result))
    world.play(
        [Said([*blocks, ask("ask-1", "Hi")]), [publish("post-1", "Hi")], "Done."], refuses=True
    )
    session_id = world.start()
    approve(world)
    assert (world.deliver_until_quiet(), world.dead_letters()) == (1, [])
    assert world.session(session_id).outcome == "published"
    assert contents(world) == ["Hi"]


@pytest.mark.parametrize(
    "odd", [decimal.Decimal("9.5"), datetime.date(2026, 3, 14), {1, 2}, b"x"], ids=repr
)
def test_a_result_that_is_no_json_is_told_to_the_model_by_tool_and_field(
    world: World, monkeypatch: pytest.MonkeyPatch, odd: Any
) -> None:
    give_tools(monkeypatch, a_tool("prices", [{"json": {"unicorn": odd}}]))
    world.play([[tool_use("use-1", "prices", {}), ask("ask-1", "Hi")], "I see."])
    world.start()
    approve(world)
    world.deliver_until_quiet()
    told = last_results(world)["use-1"]
    assert told["status"] == "error"
    assert told["content"][0]["text"].startswith(
        f"prices answered what cannot be sent: content[0].json.unicorn: expected JSON, got "
        f"{type(odd).__name__}"
    )
    assert not world.dead_letters()


@tool
def price_list() -> dict[str, Any]:
    """Returns prices."""
    return {"unicorn": decimal.Decimal("9.5"), "since": datetime.date(2026, 3, 14)}


def test_a_function_of_strands_may_return_what_it_likes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_tools(monkeypatch, price_list)
    world.play([[tool_use("use-1", "price_list", {}), ask("ask-1", "Hi")], "I see."])
    session_id = world.start()
    approve(world)
    world.deliver_until_quiet()
    assert world.session(session_id).status == sessions.COMPLETED
    assert not world.dead_letters()


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.sampled_from("ab \n\ud83e\udc00🦄\x00"), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(said=st.text(alphabet=st.sampled_from("a \n\ud83e🦄"), max_size=5), tool_input=VALUES,
       result=VALUES)  # fmt: skip
def test_whatever_is_saved_the_next_request_is_accepted(
    world: World, monkeypatch: pytest.MonkeyPatch, said: str, tool_input: Any, result: Any
) -> None:
    give_tools(monkeypatch, a_tool("look", [{"json": {"v": result}}, {"text": said}]))
    call = use("look", json.dumps({"x": tool_input}))
    world.play([Said([text(said), call, ask("ask-1", "Hi")]), "Done."], refuses=True)
    session_id = world.start()
    approve(world)
    world.deliver_until_quiet()
    assert len(world.stand_in.requests) == 2, "the second was accepted"
    assert world.session(session_id).status == sessions.COMPLETED
    assert not world.dead_letters()


def test_a_tools_result_is_made_sendable_before_the_next_model_call(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_tools(monkeypatch, a_tool("look", HALF))
    world.play([[tool_use("a", "look", {})], "Done."], refuses=True)
    world.start()
    assert len(world.stand_in.requests) == 2, "the second was accepted"


# --- what the model must read --------------------------------------------------------------------


def slide(agent: Agent) -> None:
    agent.conversation_manager = SlidingWindowConversationManager(window_size=100)


@pytest.mark.parametrize("looked", [True, False], ids=["beside more", "alone"])
@pytest.mark.parametrize("manager", ["the template's", "one of the adopter's"])
def test_an_edited_text_survives_an_overflow(
    world: World, monkeypatch: pytest.MonkeyPatch, manager: str, looked: bool
) -> None:
    """A manager shortens what it finds; what was decided is put right before it is sent."""
    if manager != "the template's":
        change_agent(monkeypatch, slide)
    asked = "Ride with us. " + "word " * 400 + "The end."
    edited = f"{asked} And {'more ' * 300}".strip()
    give_tools(monkeypatch, a_tool("look", "x " * 5_000))
    look = [[tool_use("a", "look", {})]] if looked else []
    overflow = invalid("Input is too long for requested model.")
    world.play([*look, [ask("ask-1", asked)], overflow, "I read."])
    world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["approve"], decision="approved", content=edited)
    world.deliver_until_quiet()
    told = json.loads(last_results(world)["ask-1"]["content"][0]["text"])
    assert told["content"] == edited


def test_a_manager_that_shortens_a_decision_again_and_again_ends_the_session(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_agent(monkeypatch, slide)
    overflow = invalid("Input is too long for requested model.")
    world.play([[ask("ask-1", "word " * 400)], *[overflow] * 20])
    session_id = world.start()
    approve(world)
    world.deliver_until_quiet()
    session = world.session(session_id)
    assert (session.outcome, session.reason) == ("failed", "context_window_exceeded")
    assert len(world.stand_in.requests) < 10


def test_an_agent_that_goes_on_from_other_messages_is_refused_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from strands.session.file_session_manager import FileSessionManager

    def make(model: Any, messages: list[Any], gate: Any) -> Agent:
        return Agent(
            model=model,
            messages=messages,
            hooks=[gate],
            callback_handler=None,
            tools=[agent_definition.human_approval, *gate.agent_tools()],
            session_manager=FileSessionManager(gate.session_id, storage_dir=str(tmp_path)),
        )

    monkeypatch.setattr(agent_definition, "make_agent", make)
    world.play([[ask("ask-1", "Hi")], "Done."])
    world.start()
    (letter,) = world.dead_letters()
    assert "session_manager" in letter["reason"]
    assert world.stand_in.requests == []


def test_what_tools_keep_in_the_agents_state_is_there_after_the_pause(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    @tool(context=True)
    def count(tool_context: Any) -> str:
        """Counts."""
        state = tool_context.agent.state
        seen.append(state.get("count"))
        state.set("count", {"n": [1, 2.5, None]})
        return "ok"

    give_tools(monkeypatch, count)
    calls = [[tool_use(f"count-{n}", "count", {}), ask(f"ask-{n}", f"Text {n}")] for n in (1, 2)]
    world.play([*calls, "Done."])
    world.start()
    approve(world)
    world.deliver_until_quiet()
    assert seen == [None, {"n": [1, 2.5, None]}]


# --- whose task it is ----------------------------------------------------------------------------

BLOCKED = {"guardrail": {"inputAssessment": {"g": {"topicPolicy": {"topics": [
    {"name": "x", "type": "DENY", "action": "BLOCKED", "detected": True}]}}}}}  # fmt: skip


def test_the_same_task_twice_is_one_also_where_a_guardrail_has_rewritten_it(world: World) -> None:
    blocked = Said([text("Sorry, blocked.")], "guardrail_intervened", BLOCKED)
    world.play([blocked], guardrail_id="g", guardrail_version="1")
    session_id = world.start("Secret task", session_id="mine")
    assert "Secret" not in json.dumps(world.session(session_id).messages)
    world.start("Secret task", session_id="mine")
    assert not world.dead_letters()
    world.start("Another task", session_id="mine")
    assert world.dead_letters()[0]["reason"] == "session_id: another task has this one already"


# --- ids -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["call|fc_1", "c" * 250, "call_a__thought__" + "Q" * 344, "ü"])
def test_the_conversation_keeps_the_ids_that_its_provider_gave(
    world: World, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setattr(converse_stand_in, "ID_PATTERN", re.compile(".+"))
    world.play([[ask(given, "One")], [ask("plain", "Two")], [publish("post-1", "One")], "Done."])
    session_id = world.start()
    (pending,) = world.session(session_id).pending
    assert pending.id_in_conversation == given
    assert pending.tool_use_id == world.approvals(session_id)[0].tool_use_id != given
    approve(world)
    world.deliver_until_quiet()
    said = world.stand_in.requests[1]["messages"]
    assert said[1]["content"][0]["toolUse"]["toolUseId"] == given
    assert said[2]["content"][0]["toolResult"]["toolUseId"] == given
    (second,) = world.read_mail()
    world.click(second.links["deny"])
    world.deliver_until_quiet()
    assert contents(world) == ["One"]
    assert not world.dead_letters()


def test_an_old_denial_counts_also_where_its_id_is_ours(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converse_stand_in, "ID_PATTERN", re.compile(".+"))
    world.play([[ask("call/1", "One")], [ask("b", "Two")], [ask("call/2", "One")], "Done."])
    world.start()
    for _ in range(2):
        (mail,) = world.read_mail()
        world.click(mail.links["deny"])
        world.deliver_until_quiet()
    assert not world.read_mail()
    assert "denied before" in last_results(world)["call/2"]["content"][0]["text"]


def test_an_id_that_comes_again_after_a_trim_is_a_question_of_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_definition, "MAX_WINDOW_MESSAGES", 4)
    monkeypatch.setattr(agent_definition, "TRIMMED_WINDOW_MESSAGES", 3)
    world.play([[ask("call_0", "One")], [ask("call_1", "Two")], [ask("call_0", "Three")], "Done."])
    session_id = world.start()
    for _ in range(3):
        (mail,) = world.read_mail()
        world.click(mail.links["deny"])
        world.deliver_until_quiet()
    assert not world.dead_letters()
    assert world.session(session_id).status == sessions.COMPLETED
    asked = sorted(approval.asked.content for approval in world.approvals(session_id))
    assert asked == ["One", "Three", "Two"]


# --- models of the strict kind -------------------------------------------------------------------


def test_null_and_json_texts_are_taken_as_they_are_meant(world: World) -> None:
    strict = {"content": "Hi", "arguments": '{"unicorn_color": "blue", "author": null}'}
    call = {"content": "Hi", "unicorn_color": "blue", "author": None, "image_url": None}
    world.play([[tool_use("a", "human_approval", strict)], [tool_use("b", "publish_post", call)],
                "Done."])  # fmt: skip
    world.start()
    approve(world)
    world.deliver_until_quiet()
    (post,) = world.posts()
    assert (post["unicorn_color"], post["author"]) == ("blue", "Unicorn Rentals")


# --- messages ------------------------------------------------------------------------------------


def test_a_result_with_half_an_emoji_is_refused_and_the_next_one_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_tools(monkeypatch, a_job())
    world.play([[tool_use("job-1", "render", {})], "Done."])
    session_id = world.start()
    world.send(build_existing(session_id, "render", [tool_result("job-1", "success", HALF)]))
    world.deliver_until_quiet()
    world.send(build_existing(session_id, "render", [tool_result("job-1", "success", "17.mp4")]))
    world.deliver_until_quiet()
    assert world.session(session_id).status == sessions.COMPLETED
    assert "17.mp4" in json.dumps(world.stand_in.requests[-1]["messages"][-1])
