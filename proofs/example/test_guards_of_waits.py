"""What else holds a long-running tool together: orders and bounds that no story shows by itself."""

import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

import agent_definition
import approval_handler
import test_callbacks as callbacks
import test_long_running as jobs
from agents import a_long_tool, give_long_tools
from converse_stand_in import tool_use
from core_samples import metrics
from longrunning import sessions
from longrunning.agent.ending import Ending
from longrunning.agent.long_running import LongTool, Result, long_running
from longrunning.messages import Parent, build_existing, build_look, build_new, tool_result
from longrunning.sessions import Session, SessionStore
from longrunning.waits.answers import Answers
from longrunning.waits.item import Status, Wait
from test_detours import ask, last_results
from world import World, http_event

HOUR = 3_600
OTHER = "other"


def give_agents(monkeypatch: pytest.MonkeyPatch, *tools: LongTool) -> None:
    """Adds a second agent, which alone has these long-running tools."""
    make = agent_definition.make_agents

    def both(*given: Any) -> Any:
        first, _ = make(*given)
        yield first
        yield dataclasses.replace(first, name=OTHER, long_tools=tools)

    monkeypatch.setattr(agent_definition, "make_agents", both)
    monkeypatch.setattr(agent_definition.evaluator, "AGENT_NAME", OTHER)


def found(world: World, session_id: str) -> Session | None:
    table, bucket = world.env["SESSIONS_TABLE_NAME"], world.env["STATE_BUCKET_NAME"]
    return SessionStore(world.aws["dynamodb"], table, world.aws["s3"], bucket).find(session_id)


# --- before the pause, and the save --------------------------------------------------------------


def test_work_starts_only_once_its_session_is_saved(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[bool] = []
    give_long_tools(monkeypatch, a_long_tool(lambda wait: saved.append(is_there(wait))))

    def is_there(wait: Wait) -> bool:
        session = found(world, wait.session_id)
        return session is not None and session.waits_for(wait.tool_use_id) is not None

    world.play([[tool_use("job-1", "render", {})]])
    world.start()
    assert saved == [True]


@pytest.mark.parametrize(
    ("minutes", "why"), [(0, "within: at least a minute."), (9**8, "within: at most 5 years.")]
)
def test_a_time_that_depends_on_the_input_is_held_to_the_same_bounds(
    world: World, monkeypatch: pytest.MonkeyPatch, minutes: int, why: str
) -> None:
    @long_running(within=lambda minutes: timedelta(minutes=minutes))
    def render(wait: Wait, minutes: int) -> None:
        """Renders a scene."""

    give_long_tools(monkeypatch, render)
    world.play([[tool_use("job-1", "render", {"minutes": minutes})], "I see."])
    session_id = world.start()
    assert jobs.text(last_results(world)["job-1"]) == why
    assert not world.approvals(session_id)


def test_a_tool_that_is_gone_before_it_starts_is_told_to_the_model(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_long_tools(monkeypatch, jobs.Source().tool())
    world.play([[jobs.render()]])
    with monkeypatch.context() as patch:
        patch.setattr(Answers, "put_if_absent", lambda *_: 1 / 0)
        session_id = world.start()
    give_long_tools(monkeypatch)
    world.play(["I see."])
    world.deliver_until_quiet()
    assert jobs.text(last_results(world)["job-1"]) == (
        "render could not be started: there is no tool render any more"
    )
    assert world.session(session_id).status == sessions.COMPLETED


# --- hints ---------------------------------------------------------------------------------------


def test_a_hint_without_an_answer_claims_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give_long_tools(monkeypatch, jobs.Source().tool())
    world.play([[jobs.render()]])
    session_id = world.start()
    capsys.readouterr()
    jobs.hint(world, session_id)
    assert "MessageIgnored" not in metrics(capsys.readouterr().out)


def test_an_answered_wait_is_not_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source may forget, or cost."""
    source = jobs.Source(answer=Result("17.mp4"))
    give_long_tools(monkeypatch, source.tool())
    world.play([[jobs.render("job-1"), jobs.render("job-2")]])
    session_id = world.start()
    for _ in range(3):
        jobs.hint(world, session_id, "job-1")
    assert source.looked == 1


def test_a_tool_that_changed_meanwhile_ends_its_waits_with_an_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    @long_running(within=timedelta(hours=6))
    def render(wait: Wait, scene: int) -> None:
        """Renders a scene."""

    render.look(lambda scene: None)
    give_long_tools(monkeypatch, jobs.Source().tool())
    world.play([[jobs.render()], "I see."])
    session_id = world.start()
    give_long_tools(monkeypatch, render)
    world.play(["I see."])
    jobs.hint(world, session_id)
    assert jobs.text(last_results(world)["job-1"]).startswith("scene: ")
    assert world.session(session_id).status == sessions.COMPLETED


def test_a_hint_by_name_for_a_tool_that_cannot_look_is_a_dead_letter_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_long_tools(monkeypatch, a_long_tool())
    world.send(build_look("render", "mine"))
    world.deliver()
    (letter,) = world.dead_letters()
    assert letter["reason"] == "toolName: not a tool that is looked at"


def test_a_hint_after_the_end_of_its_wait_says_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give_long_tools(monkeypatch, jobs.Source().tool())
    world.play([[jobs.render()], "The end."])
    session_id = world.start()
    jobs.sweep_after(world, 6 * HOUR)
    jobs.sweep_after(world, 300)
    assert world.session(session_id).status == sessions.COMPLETED
    capsys.readouterr()
    jobs.hint(world, session_id)
    assert "ResultIgnored" not in metrics(capsys.readouterr().out)
    assert not world.dead_letters()


def test_a_hint_for_a_tool_that_finds_nothing_by_name_is_a_dead_letter_at_once(
    world: World,
) -> None:
    world.send(build_look("wait_until", "mine"))
    world.deliver()
    (letter,) = world.dead_letters()
    assert letter["reason"] == "about: wait_until is told of no other way than by its tool use"


def test_the_last_look_is_at_the_end_however_long_after_the_one_before(world: World) -> None:
    source = jobs.Source()
    give_long_tools(world.monkeypatch, source.tool())
    world.play([[jobs.render()], "The end."])
    session_id = world.start()
    assert jobs.sweep_after(world, 5 * HOUR + 1_800)["looked"] == 1
    source.answer = Result("17.mp4")
    assert jobs.sweep_after(world, 1_799)["looked"] == 0
    assert jobs.sweep_after(world, 1)["looked"] == 1
    assert jobs.record(world, session_id).status == Status.RESOLVED


def test_a_message_that_comes_before_its_record_has_the_source_looked_at_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker died before it recorded: the hint makes up for that, and answers nothing."""
    source = jobs.Source(answer=Result("17.mp4"))
    give_long_tools(monkeypatch, source.tool())
    world.play([[jobs.render()], "The end."])
    with monkeypatch.context() as patch:
        patch.setattr(Answers, "put_if_absent", lambda *_: 1 / 0)
        session_id = world.start()
    result = tool_result("job-1", "success", "forged")
    world.send(build_existing(session_id, "render", [result]))
    world.deliver()
    assert jobs.record(world, session_id).status == Status.PENDING
    world.deliver_until_quiet()
    jobs.hint(world, session_id)
    assert jobs.text(last_results(world)["job-1"]) == "17.mp4"


def test_a_question_whose_reminder_is_late_expires_all_the_same(world: World) -> None:
    world.play([[ask("ask-1", "Hi")], "Nobody answered."])
    world.start()
    world.read_mail()
    assert jobs.sweep_after(world, HOUR)["expired"] == 1
    assert not world.read_mail()


def test_a_session_is_found_as_it_was_last_saved() -> None:
    asked: list[dict[str, Any]] = []

    class Client:
        def query(self, **given: Any) -> dict[str, Any]:
            asked.append(given)
            return {"Items": []}

    assert SessionStore(Client(), "table", None, "bucket").find("s-1") is None
    assert [given["ConsistentRead"] for given in asked] == [True]


# --- the end of a wait ---------------------------------------------------------------------------


@pytest.mark.parametrize("ends", ["without a result", "with one"])
def test_a_tool_whose_result_a_message_brings_is_stopped_only_without_one(
    world: World, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    stopped: list[str] = []
    tool = a_long_tool(within=timedelta(hours=1))
    tool.cancel(lambda wait: stopped.append(wait.tool_use_id))
    give_long_tools(monkeypatch, tool)
    world.play([[tool_use("job-1", "render", {})], "The end."])
    session_id = world.start()
    if ends == "with one":
        jobs.hint(world, session_id, text="17.mp4")
    else:
        jobs.sweep_after(world, HOUR)
    assert world.session(session_id).status == sessions.COMPLETED
    assert stopped == (["job-1"] if ends == "without a result" else [])


# --- agents --------------------------------------------------------------------------------------


def test_each_session_goes_on_with_the_agent_that_it_began_with(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = jobs.Source()
    give_agents(monkeypatch, source.tool())
    world.play([[jobs.render()], "The end."])
    world.send(build_new("Render it", "mine", OTHER))
    world.deliver()
    assert [wait.session_id for wait in source.started] == ["mine"]
    source.answer = Result("17.mp4")
    jobs.hint(world, "mine")
    assert jobs.text(last_results(world)["job-1"]) == "17.mp4"
    tools = {t["toolSpec"]["name"] for t in world.stand_in.requests[-1]["toolConfig"]["tools"]}
    assert "render" in tools
    assert "wait_until" not in tools


@dataclasses.dataclass
class Child:
    """A session that another one waits for, whose word to that one is listened to."""

    world: World
    session_id: str
    wait: Wait

    def end(self, tell: Callable[[Ending, Parent], None]) -> None:
        """Has it end; its word to the parent is `tell`."""
        self.world.monkeypatch.setattr(Ending, "_tell_parent", tell)
        self.world.deliver_until_quiet()


@pytest.fixture
def child(world: World, monkeypatch: pytest.MonkeyPatch) -> Child:
    give_agents(monkeypatch)
    asked = tool_use("agent-1", "ask_agent", {"name": OTHER, "task": "Judge it"})
    world.play([[asked], "It is good.", "Done."])
    session_id = world.start()
    (wait,) = world.approvals(session_id)
    return Child(world, session_id, wait)


def test_a_task_that_comes_again_is_the_same_one_and_no_dead_letter(
    world: World, child: Child
) -> None:
    wait = child.wait
    parent = Parent(wait.session_id, "agent-1", "ask_agent", wait.decide_by, 1)
    world.send(build_new("Judge it", wait.name, OTHER, parent))
    world.deliver_until_quiet()
    assert world.session(child.session_id).outcome == "finished"
    assert len(world.stand_in.requests) == 3
    assert not world.dead_letters()


def test_a_parent_is_told_by_a_child_that_is_saved(world: World, child: Child) -> None:
    """Else it would look too early, and hear nothing."""
    tell, ended = Ending._tell_parent, []

    def noted(ending: Ending, parent: Parent) -> None:
        session = found(world, child.wait.name)
        ended.append(session and session.status)
        tell(ending, parent)

    child.end(noted)
    assert ended == [sessions.COMPLETED]
    assert world.session(child.session_id).outcome == "finished"


def test_a_child_that_dies_before_it_tells_its_parent_tells_it_later(
    world: World, child: Child
) -> None:
    tell, tries = Ending._tell_parent, []

    def dies_first(ending: Ending, parent: Parent) -> None:
        tries.append(parent)
        if len(tries) == 1:
            raise ConnectionError
        tell(ending, parent)

    child.end(dies_first)
    assert len(tries) == 2
    assert world.session(child.session_id).outcome == "finished"


def test_a_parent_is_told_by_a_child_that_is_saved_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As before, of a child that waited itself."""
    give_agents(monkeypatch)
    asked = tool_use("agent-1", "ask_agent", {"name": OTHER, "task": "Judge it"})
    world.play([[asked], [ask("ask-1", "Hi")], "Nobody knows.", "Done."])
    session_id = world.start()
    world.deliver_until_quiet()
    (wait,) = world.approvals(session_id)
    tell, ended = Ending._tell_parent, []

    def noted(ending: Ending, parent: Parent) -> None:
        session = found(world, wait.name)
        ended.append(session and session.status)
        tell(ending, parent)

    monkeypatch.setattr(Ending, "_tell_parent", noted)
    jobs.sweep_after(world, HOUR)
    assert ended == [sessions.COMPLETED]
    assert world.session(session_id).outcome == "finished"


def give_up(world: World, wait: Wait) -> None:
    answers = Answers(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
    answers.cancel(wait.session_id, wait.tool_use_id, decided_by="operator", now=int(world.clock()))


def test_a_child_that_died_asks_nobody_once_its_parent_gave_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_agents(monkeypatch)
    asked = tool_use("agent-1", "ask_agent", {"name": OTHER, "task": "Judge it"})
    world.play([[asked], [ask("ask-1", "Hi")], "It was withdrawn.", "Done."])
    session_id = world.start()
    (wait,) = world.approvals(session_id)
    with monkeypatch.context() as patch:
        patch.setattr(Answers, "put_if_absent", lambda *_: 1 / 0)
        world.deliver()
    give_up(world, wait)
    world.deliver_until_quiet()
    assert not world.read_mail()
    (question,) = world.approvals(wait.name)
    assert question.status == Status.CANCELLED


def test_a_task_of_a_parent_that_there_is_not_never_runs(world: World) -> None:
    world.play(["It is good."])
    parent = Parent("nobody", "agent-1", "ask_agent", int(world.clock()) + HOUR, 1)
    world.send(build_new("Judge it", "mine", parent=parent))
    world.deliver_until_quiet()
    assert not world.stand_in.requests
    assert found(world, "mine") is None


def test_a_look_before_the_other_agent_has_begun_says_nothing(world: World, child: Child) -> None:
    task = world.receive()
    assert task
    ended = tool_result("agent-1", "success", "It has ended.")
    world.send(build_existing(child.session_id, "ask_agent", [ended]))
    hint = world.receive()
    assert hint
    assert world.handle(hint)
    assert world.handle(task)
    assert world.approvals(child.session_id)[0].status == Status.PENDING


# --- callbacks -----------------------------------------------------------------------------------

urls = callbacks.urls


def test_an_answer_that_is_not_recorded_is_not_told_either(world: World, urls: list[str]) -> None:
    callbacks.start(world)
    error = ClientError({"Error": {"Code": "InternalError", "Message": "x"}}, "UpdateItem")

    def fail(*_: Any) -> Any:
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(approval_handler.services().approvals), "answer", fail)
        assert callbacks.post(world, urls[0], callbacks.DONE)[0] == 503
    assert world.receive() is None


def test_an_answer_as_long_as_may_be_is_taken_and_no_longer_one(
    world: World, urls: list[str]
) -> None:
    callbacks.start(world)
    empty = len(json.dumps({"status": "success", "result": ""}))
    longest = "x" * (65_536 - empty)
    status, _ = callbacks.post(world, urls[0], {"status": "success", "result": longest + "x"})
    assert status == 413
    assert callbacks.post(world, urls[0], {"status": "success", "result": longest})[0] == 200


def test_what_is_far_too_long_is_not_even_decoded(world: World, urls: list[str]) -> None:
    callbacks.start(world)
    headers = {"content-type": "application/json"}
    event = http_event("POST", urlsplit(urls[0]), headers, "?" * (2 * 65_536 + 1))
    answer = approval_handler.handler({**event, "isBase64Encoded": True}, world.context)
    assert answer["statusCode"] == 413
