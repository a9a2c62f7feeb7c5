"""How a run ends, whatever Strands calls it: nothing asked gets lost, nothing ends unseen."""

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from strands import Agent, tool
from strands.hooks import (
    AfterInvocationEvent,
    AfterToolsEvent,
    BeforeInvocationEvent,
    BeforeModelCallEvent,
    BeforeToolCallEvent,
    BeforeToolsEvent,
)
from strands.tools.tools import PythonAgentTool

import agent_handler
import converse_stand_in
import sample_agent as agent_definition
from agents import a_job, a_tool, change_agent, give_tools
from converse_stand_in import ConverseStandIn, Said, StandInSession, Turn, text, tool_use
from longrunning import human_approval, sessions
from longrunning.messages import build_existing, tool_result
from longrunning.sessions import Session
from longrunning.waits.claims import Claims
from sample_world import World
from test_detours import ask, contents, last_results, publish

pytestmark = pytest.mark.filterwarnings("ignore:.*stop_event_loop:DeprecationWarning")

BLOCKED = {"guardrail": {"inputAssessment": {"g": {"topicPolicy": {"topics": [
    {"name": "x", "type": "DENY", "action": "BLOCKED", "detected": True}]}}}}}  # fmt: skip


def vended(name: str) -> Any:
    """One of Strands's own tools. Their import takes a second, so it is none of this file's."""
    return getattr(importlib.import_module(f"strands.vended_tools.{name}"), name)


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Iterator["Told"]:
    """What is logged and measured."""
    yield Told(capsys)


class Told:
    """The lines that the functions write."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def read(self) -> tuple[set[str], set[str]]:
        """Messages at WARNING or above, and names of metrics, since the last look."""
        lines = self._capsys.readouterr().out.splitlines()
        documents = [json.loads(line) for line in lines if line.startswith("{")]
        warned = {d["message"] for d in documents if d.get("level") in ("WARNING", "ERROR")}
        measured = {
            metric["Name"]
            for d in documents
            for directive in d.get("_aws", {}).get("CloudWatchMetrics", ())
            for metric in directive["Metrics"]
        }
        return warned, measured


def approve(world: World) -> None:
    for mail in world.read_mail():
        assert world.click(mail.links["approve"])["status_code"] == 200


def saved(world: World, session_id: str) -> Session | None:
    worker = agent_handler._resources().worker
    return worker.sessions.load(session_id, agent_definition.AGENT_NAME)


# --- what was asked is never lost ----------------------------------------------------------------


def end_turn_after_tools(agent: Agent) -> None:
    def end(event: AfterToolsEvent) -> None:
        event.end_turn = "That is all for today."

    agent.add_hook(end, AfterToolsEvent)


def test_a_hook_that_ends_the_turn_does_not_hide_the_question(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_agent(monkeypatch, end_turn_after_tools)
    world.play([[ask("ask-1", "Hi")], "Done."])
    session_id = world.start()
    assert len(world.read_mail()) == 1
    session = world.session(session_id)
    assert session.status == sessions.WAITING
    assert "toolResult" in session.messages[-1]["content"][0], "its words were said too early"


def test_the_stop_tool_beside_a_question_does_not_hide_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_tools(monkeypatch, vended("stop"))
    turn = [ask("ask-1", "Hi"), tool_use("stop-1", "stop", {"message": "bye"})]
    world.play([turn, [publish("post-1", "Hi")], "Done."])
    world.start()
    approve(world)
    world.deliver_until_quiet()
    assert contents(world) == ["Hi"]


def test_a_question_in_a_message_with_another_stop_reason_is_asked(world: World) -> None:
    """Some models say that they have ended, and call a tool all the same."""
    world.play([Said([text("I ask."), ask("ask-1", "Hi")], stop="end_turn"), "Done."])
    world.start()
    assert len(world.read_mail()) == 1


def interrupting_tool() -> Any:
    @tool(context=True)
    def delete_file(path: str, tool_context: Any) -> str:
        """Deletes a file."""
        return str(tool_context.interrupt("approve", reason={"path": path}))

    return delete_file


def interrupt_before_tools(agent: Agent) -> None:
    agent.add_hook(lambda event: event.interrupt("stop-here"), BeforeToolCallEvent)


def interrupt_before_all_tools(agent: Agent) -> None:
    agent.add_hook(lambda event: event.interrupt("stop-here"), BeforeToolsEvent)


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a question"])
@pytest.mark.parametrize(
    "way", ["a tool", "handoff_to_user", "a hook of a tool", "a hook of all tools"]
)
def test_an_interrupt_is_a_dead_letter_at_once_that_says_what_to_do(
    world: World, monkeypatch: pytest.MonkeyPatch, way: str, beside: bool
) -> None:
    give_tools(monkeypatch, interrupting_tool(), vended("handoff_to_user"))
    call = tool_use("use-1", "delete_file", {"path": "a"})
    match way:
        case "handoff_to_user":
            call = tool_use("use-1", "handoff_to_user", {"message": "Help!"})
        case "a hook of a tool":
            change_agent(monkeypatch, interrupt_before_tools)
        case "a hook of all tools":
            change_agent(monkeypatch, interrupt_before_all_tools)
    world.play([[call, *([ask("ask-1", "Hi")] if beside else [])], "Done."])
    session_id = world.start()
    (letter,) = world.dead_letters()
    assert "interrupt" in letter["reason"]
    assert "docs/adapt.md" in letter["reason"]
    assert saved(world, session_id) is None
    assert not world.read_mail()
    assert world.deliver_until_quiet() == 0, "nobody tries the same again"


def test_an_interrupt_after_an_approval_leaves_the_session_to_go_on_with(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_tools(monkeypatch, interrupting_tool())
    world.play([[ask("ask-1", "Hi")], [tool_use("use-1", "delete_file", {"path": "a"})]])
    session_id = world.start()
    approve(world)
    world.deliver_until_quiet()
    (letter,) = world.dead_letters()
    assert world.session(session_id).status == sessions.WAITING
    give_tools(monkeypatch)
    world.play([[publish("post-1", "Hi")], "Done."])
    world.send(letter["body"])
    world.deliver_until_quiet()
    assert world.session(session_id).outcome == "published"


def agent_within(script: list[Turn], hand_on_state: bool) -> PythonAgentTool:
    """A tool that runs an agent of its own, which has the tool that asks."""
    inner = Agent(
        model=agent_definition.make_model("scripted", ""),
        tools=[human_approval],
        callback_handler=None,
    )

    def research(tool: Any, **state: Any) -> Any:
        from strands.models.bedrock import BedrockModel

        session: Any = StandInSession(ConverseStandIn(script))
        inner.model = BedrockModel(model_id="inner", boto_session=session)
        inner.messages.clear()
        given = {"invocation_state": dict(state)} if hand_on_state else {}
        return tool_result(tool["toolUseId"], "success", str(inner("Look it up", **given)))

    schema = {"json": {"type": "object", "properties": {}}}
    spec: Any = {"name": "research", "description": "x", "inputSchema": schema}
    return PythonAgentTool("research", spec, research)


@pytest.mark.parametrize("hand_on_state", [False, True])
def test_an_agent_within_the_agent_is_told_that_it_cannot_wait(
    world: World, monkeypatch: pytest.MonkeyPatch, hand_on_state: bool
) -> None:
    give_tools(monkeypatch, agent_within([[ask("in-1", "Hi")], "I cannot ask."], hand_on_state))
    world.play([[tool_use("use-1", "research", {})], "Done."])
    session_id = world.start()
    assert "I cannot ask." in last_results(world)["use-1"]["content"][0]["text"]
    assert not world.read_mail()
    assert world.session(session_id).outcome == "finished"


def test_an_agent_as_a_tool_is_told_that_it_cannot_wait(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from strands.models.bedrock import BedrockModel

    session: Any = StandInSession(ConverseStandIn([[ask("in-1", "Hi")], "I cannot ask."]))
    inner = Agent(
        name="research",
        model=BedrockModel(model_id="inner", boto_session=session),
        tools=[human_approval],
        callback_handler=None,
    )
    give_tools(monkeypatch, inner.as_tool())
    world.play([[tool_use("use-1", "research", {"input": "Look it up"})], "Done."])
    world.start()
    assert "I cannot ask." in last_results(world)["use-1"]["content"][0]["text"]
    assert not world.read_mail()


def test_a_question_that_the_agent_went_on_from_is_a_fault(
    world: World, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    """An SDK that knows neither way to stop goes on with a placeholder: nothing of it is saved."""

    def unstoppable(agent: Agent) -> None:
        monkeypatch.setattr(agent, "cancel", lambda *_, **__: None)
        agent.add_hook(
            lambda event: event.invocation_state["request_state"].pop("stop_event_loop", None),
            AfterToolsEvent,
        )

    give_tools(monkeypatch, a_tool("look"))
    change_agent(monkeypatch, unstoppable)
    world.play(lambda _: [ask("ask-1", "Hi")] if len(world.stand_in.requests) % 3 == 1
               else [tool_use("look-1", "look", {})] if len(world.stand_in.requests) % 3 == 2
               else "Done.")  # fmt: skip
    session_id = world.start()
    world.deliver_until_quiet()
    assert saved(world, session_id) is None
    assert len(world.dead_letters()) == 1
    assert "RunFailed" in told.read()[1]


# --- stops that were meant -----------------------------------------------------------------------


def budget_guard() -> Any:
    @tool(context=True)
    def budget(tool_context: Any) -> str:
        """Stops the agent when it has cost too much."""
        tool_context.agent.cancel()
        return "over budget"

    return budget


def old_stop_tool() -> PythonAgentTool:
    def halt(tool: Any, request_state: dict[str, Any], **_: Any) -> Any:
        request_state["stop_event_loop"] = True
        return tool_result(tool["toolUseId"], "success", "halted")

    schema = {"json": {"type": "object", "properties": {}}}
    spec: Any = {"name": "halt", "description": "x", "inputSchema": schema}
    return PythonAgentTool("halt", spec, halt)


def cancel_after_model(agent: Agent) -> None:
    agent.add_hook(lambda event: event.agent.cancel(), BeforeToolsEvent)


@pytest.mark.parametrize(
    "call",
    [
        tool_use("use-1", "stop", {"message": "I stop here."}),
        tool_use("use-1", "budget", {}),
        tool_use("use-1", "halt", {}),
        tool_use("use-1", "look", {}),
    ],
    ids=["the stop tool", "a tool that cancels", "a tool with the flag", "a hook that cancels"],
)
def test_an_agent_that_the_adopters_code_stops_ends_once_and_is_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch, told: Told, call: dict[str, Any]
) -> None:
    give_tools(monkeypatch, vended("stop"), budget_guard(), old_stop_tool(), a_tool("look"))
    if call["toolUse"]["name"] == "look":
        change_agent(monkeypatch, cancel_after_model)
    world.play([[text("I begin."), call]])
    session_id = world.start()
    world.deliver_until_quiet()
    assert len(world.stand_in.requests) == 1
    assert not world.dead_letters()
    session = world.session(session_id)
    assert (session.status, session.outcome, session.reason) == ("completed", "stopped", "stopped")
    assert session.last_words
    warned, measured = told.read()
    assert "ended" in warned
    assert "SessionFailed" in measured


def deny_the_model(agent: Agent) -> None:
    def deny(event: BeforeModelCallEvent) -> None:
        event.cancel = "Not today."

    agent.add_hook(deny, BeforeModelCallEvent)


def deny_the_task(agent: Agent) -> None:
    def deny(event: BeforeInvocationEvent) -> None:
        event.cancel = "Not today."

    agent.add_hook(deny, BeforeInvocationEvent)


@pytest.mark.parametrize("deny", [deny_the_model, deny_the_task])
def test_a_hook_that_answers_in_the_models_place_is_a_stop(
    world: World, monkeypatch: pytest.MonkeyPatch, told: Told, deny: Any
) -> None:
    change_agent(monkeypatch, deny)
    world.play(["Never said."])
    session = world.session(world.start())
    assert (session.outcome, session.last_words) == ("stopped", "Not today.")
    assert world.stand_in.requests == []
    assert "SessionFailed" in told.read()[1]


def test_a_second_pass_after_a_question_does_not_hide_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook has the agent go on after its turn: with the placeholder, as it has to be then."""
    passes: list[int] = []

    def again(event: AfterInvocationEvent) -> None:
        if not passes:
            passes.append(1)
            event.resume = "Go on."

    # Other providers than Bedrock take two messages of the user in a row.
    monkeypatch.setattr(converse_stand_in, "check_request", lambda *_: None)
    change_agent(monkeypatch, lambda agent: agent.add_hook(again, AfterInvocationEvent))
    world.play([[ask("ask-1", "Hi")], "I go on.", [publish("post-1", "Hi")], "Done."])
    session_id = world.start()
    assert len(world.stand_in.requests) == 2
    assert world.session(session_id).status == sessions.WAITING
    approve(world)
    world.deliver_until_quiet()
    assert contents(world) == ["Hi"]


@pytest.mark.parametrize("way", ["checkpointing", "a stateful model"])
def test_what_cannot_be_saved_here_is_a_dead_letter_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    def change(agent: Agent) -> None:
        if way == "checkpointing":
            agent._checkpointing = True
        else:
            monkeypatch.setattr(type(agent.model), "stateful", True, raising=False)

    give_tools(monkeypatch, a_tool("look"))
    change_agent(monkeypatch, change)
    world.play([[tool_use("look-1", "look", {})], "Done."])
    world.start()
    (letter,) = world.dead_letters()
    assert letter["reason"].startswith("make_")


# --- ends that are no ends -----------------------------------------------------------------------

CUT = {**publish("post-1", "Hi")["toolUse"], "raw": '{"content": "H'}
UNNATURAL: dict[str, tuple[Turn, str]] = {
    "a guardrail": (Said([text("Sorry.")], "guardrail_intervened"), "guardrail_intervened"),
    "a content filter": (Said([text("Sorry.")], "content_filtered"), "content_filtered"),
    "a long text": (Said([text("It goes on and")], "max_tokens"), "max_tokens"),
    "a call cut off": (Said([text("I publish"), {"toolUse": CUT}], "max_tokens"), "max_tokens"),
    "a malformed call": (Said([text("call(")], "malformed_tool_use"), "malformed_tool_use"),
    "malformed output": (Said([text("{")], "malformed_model_output"), "malformed_model_output"),
    "a full window": (
        Said([text("It goes")], "model_context_window_exceeded"),
        "model_context_window_exceeded",
    ),
}


@pytest.mark.parametrize("name", UNNATURAL)
def test_an_end_that_is_none_is_failed_at_once_and_noticed(
    world: World, told: Told, name: str
) -> None:
    turn, reason = UNNATURAL[name]
    world.play([[ask("ask-1", "Hi")], turn])
    session_id = world.start()
    approve(world)
    told.read()
    world.deliver_until_quiet()
    assert len(world.stand_in.requests) == 2
    assert not world.dead_letters()
    session = world.session(session_id)
    assert (session.status, session.outcome, session.reason) == ("completed", "failed", reason)
    warned, measured = told.read()
    assert {"ended", "approved, not done"} <= warned
    assert {"SessionFailed", "ApprovalNotDone"} <= measured
    (approval,) = world.approvals(session_id)
    assert (approval.status, approval.not_done) == ("APPROVED", reason)


@pytest.mark.parametrize("reason", ["guardrail_intervened", "stop_sequence", "refusal"])
def test_an_end_with_a_call_that_nobody_answers_is_failed(world: World, reason: str) -> None:
    """Such a stop can leave a tool use behind that never ran."""
    world.play([Said([text("I look."), tool_use("look-1", "look", {})], reason)])
    session = world.session(world.start())
    assert (session.outcome, session.pending) == ("failed", ())


def test_an_answer_that_breaks_off_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = converse_stand_in.stream_events
    answers: list[int] = []

    def broken_once(*given: Any) -> Any:
        answers.append(1)
        events = whole(*given)
        return (e for e in events if "messageStop" not in e) if len(answers) == 1 else events

    monkeypatch.setattr(converse_stand_in, "stream_events", broken_once)
    world.play([[ask("ask-1", "Hi")], [ask("ask-1", "Hi")]])
    session_id = world.start()
    assert saved(world, session_id) is None
    world.deliver_until_quiet()
    assert len(world.read_mail()) == 1


def test_a_window_that_cannot_be_made_smaller_is_failed_at_once(world: World) -> None:
    from converse_stand_in import invalid

    world.play([invalid("Input is too long for requested model.")] * 9)
    session_id = world.start()
    world.deliver_until_quiet()
    assert not world.dead_letters()
    session = world.session(session_id)
    assert (session.outcome, session.reason) == ("failed", "context_window_exceeded")


def test_a_published_post_stays_published_whatever_the_end(world: World, told: Told) -> None:
    world.play([[ask("ask-1", "Hi")], [publish("post-1", "Hi")], Said([text("x")], "max_tokens")])
    session_id = world.start()
    approve(world)
    world.deliver_until_quiet()
    session = world.session(session_id)
    assert (session.outcome, session.reason) == ("published", "max_tokens")
    assert "SessionFailed" in told.read()[1]
    (approval,) = world.approvals(session_id)
    assert (approval.status, approval.not_done) == ("SPENT", None)


# --- approved, and never done --------------------------------------------------------------------


def test_an_approval_that_the_model_never_uses_has_a_name(world: World, told: Told) -> None:
    world.play([[ask("ask-1", "Hi")], "I changed my mind."])
    session_id = world.start()
    approve(world)
    world.deliver_until_quiet()
    session = world.session(session_id)
    assert (session.outcome, session.reason) == ("not_done", None)
    assert session.last_words == "I changed my mind."
    (approval,) = world.approvals(session_id)
    assert (approval.status, approval.not_done) == ("APPROVED", "end_turn")
    warned, measured = told.read()
    assert "approved, not done" in warned
    assert "ApprovalNotDone" in measured


def test_a_worker_that_dies_before_it_says_so_says_it_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.play([[ask("ask-1", "Hi")], "I changed my mind."])
    session_id = world.start()
    approve(world)
    record = world.receive()
    assert record
    with monkeypatch.context() as patch:
        patch.setattr(Claims, "note_not_done", lambda *_: 1 / 0)
        assert not world.handle(record)
    assert world.approvals(session_id)[0].not_done is None
    assert world.handle(record, receive_count=2)
    assert world.approvals(session_id)[0].not_done == "end_turn"


def test_of_two_approvals_the_one_that_is_not_used_is_told_apart(world: World) -> None:
    world.play([[ask("a", "One"), ask("b", "Two")], [publish("post-1", "One")], "Done."])
    session_id = world.start()
    approve(world)
    world.deliver_until_quiet()
    assert world.session(session_id).outcome == "published"
    found = {a.tool_use_id: (a.status, a.not_done) for a in world.approvals(session_id)}
    assert found == {"a": ("SPENT", None), "b": ("APPROVED", "end_turn")}


# --- errors, and words ---------------------------------------------------------------------------


def test_a_session_that_ends_after_an_error_without_having_done_anything_is_failed(
    world: World, told: Told
) -> None:
    world.play([[tool_use("use-1", "no_such_tool", {})], "I could not do it."])
    session = world.session(world.start())
    assert (session.outcome, session.last_words) == ("failed", "I could not do it.")
    assert "SessionFailed" in told.read()[1]


def test_an_error_that_the_agent_got_over_is_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_tools(monkeypatch, a_tool("look"))
    world.play([[tool_use("a", "no_such_tool", {})], [tool_use("b", "look", {})], "Done."])
    assert world.session(world.start()).outcome == "finished"


def test_a_job_that_failed_is_the_models_to_tell(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_tools(monkeypatch, a_job())
    world.play([[tool_use("job-1", "render", {})], "It could not be rendered."])
    session_id = world.start()
    world.send(build_existing(session_id, "render", [tool_result("job-1", "error", "No GPU.")]))
    world.deliver_until_quiet()
    session = world.session(session_id)
    assert (session.outcome, session.last_words) == ("finished", "It could not be rendered.")


def test_last_words_are_the_beginning_of_a_long_text(world: World) -> None:
    world.play(["word " * 1_000])
    assert world.session(world.start()).last_words == ("word " * 100)
