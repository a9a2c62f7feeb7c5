"""Cases that nobody plans for: odd models, odd messages, a deploy while sessions wait."""

import dataclasses
import json
import re
import time
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from strands.tools.tools import PythonAgentTool

import agent_handler
import converse_stand_in
import sample_agent as agent_definition
import sample_post as publish_post
from converse_stand_in import tool_use
from core_samples import wait_of
from longrunning import sessions
from longrunning.agent.deliveries import BACKOFF_SECONDS, Deliveries
from longrunning.human_approval import pause
from longrunning.messages import build_existing, tool_result
from longrunning.waits.answers import Answers
from longrunning.waits.item import Status
from sample_world import World
from wait_store import WaitStore


def ask(tool_use_id: str, content: str, **arguments: Any) -> dict[str, Any]:
    more = {"arguments": arguments} if arguments else {}
    return tool_use(tool_use_id, "human_approval", {"content": content, **more})


def publish(tool_use_id: str, content: str, **more: Any) -> dict[str, Any]:
    return tool_use(tool_use_id, "publish_post", {"content": content, **more})


def new_record(world: World) -> dict[str, Any]:
    world.send(json.dumps({"type": "new", "body": {"task": "Announce the sale"}}))
    record = world.receive()
    assert record
    return record


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives the agent a long-running tool that is no approval."""
    spec = {"name": "render", "description": "Renders.", "inputSchema": {"json": {}}}
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    spec["inputSchema"] = {"json": schema}
    tool = PythonAgentTool("render", spec, lambda tool, **state: pause(tool, "Wait.", **state))
    monkeypatch.setattr(agent_definition, "OTHER_TOOLS", [tool])


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Records after how many seconds a message was to come back."""
    seconds: list[float] = []
    monkeypatch.setattr(
        Deliveries, "_come_back_after", lambda _self, _record, after: seconds.append(after)
    )
    return seconds


# --- models and providers ------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [False, True])
def test_an_unknown_argument_is_an_error_for_the_model(world: World, asked: bool) -> None:
    call = ask("use-1", "Hi", hashtag="x") if asked else publish("use-1", "Hi", hashtag="x")
    world.play([[call], "I see."])
    session_id = world.start()
    result = world.stand_in.requests[-1]["messages"][-1]["content"][0]["toolResult"]
    assert "unknown arguments: hashtag" in result["content"][0]["text"]
    assert world.session(session_id).status == sessions.COMPLETED


@pytest.mark.parametrize("as_asked", [False, True])
def test_half_an_emoji_in_an_argument_is_an_error_for_the_model(
    world: World, monkeypatch: pytest.MonkeyPatch, as_asked: bool
) -> None:
    monkeypatch.setattr(converse_stand_in, "_check_json", lambda *_: None)
    call = (
        ask("use-1", "Hi", author="\ud83e") if as_asked else publish("use-1", "Hi", author="\ud83e")
    )
    world.play([[call], "I see."])
    session_id = world.start()
    assert world.session(session_id).status == sessions.COMPLETED
    assert not world.read_mail()


def test_an_id_used_in_an_earlier_turn_is_a_question_of_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.play(
        [[ask("call_0", "One")], [ask("call_0", "Two")], [publish("call_0", "Two")], "Done."]
    )
    world.start()
    (first,) = world.read_mail()
    world.click(first.links["deny"])
    world.deliver_all()
    (second,) = world.read_mail()
    assert "Two" in second.body
    assert world.click(first.links["deny"])["status_code"] == 200
    world.deliver_all()
    assert len(world.stand_in.requests) == 2, "the old decision answers the old question only"
    world.click(second.links["approve"])
    world.deliver_all()
    assert [post["content"] for post in world.posts()] == ["Two"]


@pytest.mark.parametrize("tool_use_id", ["call/1", "call|fc_1", "c" * 129, "ü"])
def test_an_id_that_cannot_be_a_key_loses_no_decision(
    world: World, monkeypatch: pytest.MonkeyPatch, tool_use_id: str
) -> None:
    monkeypatch.setattr(converse_stand_in, "ID_PATTERN", re.compile(".+"))
    world.play([[ask(tool_use_id, "One")], [publish("post-1", "One")], "Done."])
    world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["approve"])
    world.deliver_all()
    assert [post["content"] for post in world.posts()] == ["One"]
    assert not world.dead_letters()


def test_two_uses_with_one_id_in_a_turn_are_two_questions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converse_stand_in, "_check_pairs", lambda _: None)
    world.play([[ask("same", "One"), ask("same", "Two")], "Done."])
    world.start()
    assert len(world.read_mail()) == 2


def test_an_empty_name_in_a_tool_input_is_saved(world: World, job: None) -> None:
    world.play([[tool_use("job-1", "render", {"": 1, "n": {"": 2.5}})], "Done."])
    session_id = world.start()
    saved = world.session(session_id).messages[1]["content"][0]["toolUse"]["input"]
    assert saved == {"": 1, "n": {"": 2.5}}


def test_what_the_receiver_refused_is_not_told_as_published(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.play([[ask("ask-1", "Hi")], [publish("post-1", "Hi")], [ask("ask-2", "Hi")], "Done."])
    refusal = publish_post.Answer(422, b'{"error": "no unicorns today"}')
    monkeypatch.setattr(publish_post, "send", lambda _: refusal)
    session_id = world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["approve"])
    world.deliver_all()
    texts = json.dumps(world.stand_in.requests[-1]["messages"])
    assert "no unicorns today" in texts
    assert "published" not in texts.partition("no unicorns today")[2]
    assert world.session(session_id).outcome == "failed", "it ended after errors, and did nothing"


def test_without_a_protected_tool_a_person_can_still_be_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_definition, "make_protected_tools", lambda _: ())
    world.play([[ask("ask-1", "Shall I?")], "Done."])
    session_id = world.start()
    (mail,) = world.read_mail()
    assert world.click(mail.links["approve"])["status_code"] == 200
    world.deliver_all()
    assert world.session(session_id).status == sessions.COMPLETED
    result = world.stand_in.requests[-1]["messages"][-1]["content"][0]["toolResult"]
    assert result["status"] == "success"
    assert json.loads(result["content"][0]["text"])["content"] == "Shall I?"


# --- messages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["nobody", "ask-1"])
def test_one_bad_result_in_a_message_leaves_the_good_one_unrecorded(
    world: World, job: None, other: str
) -> None:
    world.play([[tool_use("job-1", "render", {}), ask("ask-1", "Hi")], "Done."])
    session_id = world.start()
    before = world.snapshot()
    results = [tool_result("job-1", "success", "ok"), tool_result(other, "success", "y")]
    world.send(build_existing(session_id, "render", results))
    world.deliver_all()
    assert len(world.dead_letters()) == 1
    assert world.snapshot() == before


@pytest.mark.parametrize(
    "value",
    [{"v": [0.5] * 50_000}, {"v": json.loads("[" * 90 + "]" * 90)}, {"": 1}],
    ids=["many numbers", "deep", "an empty name"],
)
def test_a_result_that_is_accepted_can_be_saved(world: World, job: None, value: Any) -> None:
    world.play([[tool_use("job-1", "render", {})], "Done."])
    session_id = world.start()
    result = {"toolUseId": "job-1", "status": "success", "content": [{"json": value}]}
    world.send(build_existing(session_id, "render", [result]))
    world.deliver_all()
    sent = world.stand_in.requests[-1]["messages"][-1]["content"][0]["toolResult"]
    assert sent["content"] == [{"json": value}]
    assert world.session(session_id).status == sessions.COMPLETED


def test_a_session_id_of_another_task_is_malformed(world: World) -> None:
    world.play([[ask("ask-1", "Hi")]])
    world.start("One", session_id="mine")
    world.start("Two", session_id="mine")
    (letter,) = world.dead_letters()
    assert "another task" in letter["reason"]
    assert "Two" in letter["body"]


def test_a_second_approver_of_another_text_is_told_so(world: World) -> None:
    world.play([[ask("ask-1", "Rides $5")], "Done."])
    world.start()
    (mail,) = world.read_mail()
    edited = {"decision": "approved", "content": "Rides $7"}
    assert world.click(mail.links["approve"], **edited)["status_code"] == 200
    assert world.click(mail.links["approve"], **edited)["status_code"] == 200
    untouched = {"decision": "approved", "content": "Rides $5"}
    assert world.click(mail.links["approve"], **untouched)["status_code"] == 409
    assert world.click(mail.links["approve"])["status_code"] == 200


def test_a_pause_nobody_recorded_is_made_up_for_by_any_message(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker died after its save, and its own message is in the dead-letter queue."""
    world.play([[ask("ask-1", "One")], [ask("ask-2", "Two")]])
    session_id = world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["deny"])
    record = world.receive()
    assert record
    with monkeypatch.context() as patch:
        patch.setattr(Answers, "put_if_absent", lambda *_: 1 / 0)
        assert not world.handle(record)
    assert len(world.approvals(session_id)) == 1
    world.click(mail.links["deny"])
    world.deliver_all()
    (second,) = world.read_mail()
    assert "Two" in second.body


# --- faults --------------------------------------------------------------------------------------


class OddError(Exception):
    response = object()


@pytest.mark.parametrize(
    "error", [ReadTimeoutError(endpoint_url="https://x", error="x"), OddError()]
)
def test_whatever_fails_the_message_comes_back_after_a_backoff(
    world: World, delays: list[float], error: Exception
) -> None:
    world.play([error])
    assert not world.handle(new_record(world))
    assert delays[-1] == BACKOFF_SECONDS[0]


def test_the_log_names_the_first_cause_and_no_text(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    error = {"Error": {"Code": "AccessDeniedException", "Message": "SECRET"}}
    denied = ClientError(error, "ConverseStream")
    world.play([[tool_use("use-1", "unknown", {})], denied])
    capsys.readouterr()
    assert not world.handle(new_record(world))
    out = capsys.readouterr().out
    lines = [json.loads(line) for line in out.splitlines() if '"ERROR"' in line]
    assert lines[-1]["code"] == "AccessDeniedException"
    assert "SECRET" not in out


def test_the_log_names_what_failed_behind_the_gate(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: Any) -> Any:
        raise publish_post.PublishFailedError("SECRET")

    world.play([[ask("ask-1", "Hi")], [publish("post-1", "Hi")]])
    world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["approve"])
    monkeypatch.setattr(publish_post, "send", down)
    capsys.readouterr()
    world.deliver()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["error"] for line in lines if "error" in line] == ["PublishFailedError"]


def test_strands_own_warnings_are_silenced_as_they_quote_the_conversation(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = converse_stand_in.stream_events

    def broken(content: Any) -> Any:
        for event in real(content):
            delta = event.get("contentBlockDelta", {}).get("delta", {})
            if "toolUse" in delta:
                delta["toolUse"]["input"] = delta["toolUse"]["input"].replace('"}', '"')
            yield event

    monkeypatch.setattr(converse_stand_in, "stream_events", broken)
    world.play([[ask("ask-1", "SECRET draft")], "Done."])
    world.start()
    assert "SECRET" not in caplog.text


def test_a_lease_costs_one_receive(world: World, delays: list[float]) -> None:
    world.play([[ask("ask-1", "Hi")], "Done."])
    session_id = world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["approve"])
    record = world.receive()
    claims = agent_handler._resources().worker.claims
    until = int(time.time()) + 2
    claims.claim(session_id, ["ask-1"], [], [], now=int(time.time()), lease_until=until)
    assert record
    assert not world.handle(record)
    world.step(delays[-1])
    assert world.handle(record, receive_count=2)


def test_a_throttled_claim_backs_off(
    world: World, monkeypatch: pytest.MonkeyPatch, delays: list[float]
) -> None:
    world.play([[ask("ask-1", "One"), ask("ask-2", "Two")], "Done."])
    world.start()
    for mail in world.read_mail():
        world.click(mail.links["approve"])
    record = world.receive()
    real = botocore.client.BaseClient._make_api_call

    def throttled(self: Any, operation: str, kwargs: Any) -> Any:
        if operation != "TransactWriteItems":
            return real(self, operation, kwargs)
        answer = {
            "Error": {"Code": "TransactionCanceledException", "Message": "x"},
            "CancellationReasons": [{"Code": "ThrottlingError"}, {"Code": "None"}],
        }
        raise self.exceptions.TransactionCanceledException(answer, operation)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", throttled)
    assert record
    assert not world.handle(record)
    assert delays[-1] == BACKOFF_SECONDS[0]


def test_a_protected_tool_that_is_gone_publishes_and_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.play([[publish("post-1", "Hello")], "I see."])
    session_id = world.start()
    (mail,) = world.read_mail()
    make = agent_definition.make_protected_tools

    def renamed(publisher: Any) -> Any:
        (tool,) = make(publisher)
        return (dataclasses.replace(tool, spec={**tool.spec, "name": "post_to_unitok"}),)

    monkeypatch.setattr(agent_definition, "make_protected_tools", renamed)
    agent_handler._resources.cache_clear()
    world.click(mail.links["approve"])
    world.deliver_all()
    assert [a.status for a in world.approvals(session_id)] == [Status.APPROVED]
    assert world.session(session_id).status == sessions.COMPLETED
    assert not world.posts()


def test_an_unspent_approval_whose_record_is_gone_stops_nothing(world: World) -> None:
    world.play([[ask("ask-1", "One"), ask("ask-2", "Two")], [ask("ask-3", "Three")], "Done."])
    session_id = world.start()
    for mail in world.read_mail():
        world.click(mail.links["approve"])
    world.deliver_all()
    gone = {"session_id": {"S": session_id}, "tool_use_id": {"S": "ask-2"}}
    world.aws["dynamodb"].delete_item(TableName=world.env["APPROVALS_TABLE_NAME"], Key=gone)
    (third,) = world.read_mail()
    world.click(third.links["approve"])
    world.deliver_all()
    assert world.session(session_id).status == sessions.COMPLETED


def test_a_narrowed_schema_does_not_disturb_what_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.play([[publish("post-1", "One", unicorn_color="pink")], [ask("ask-1", "Two")]])
    world.start(session_id="mine")
    narrow = json.loads(json.dumps(publish_post.TOOL_SPEC))
    narrow["inputSchema"]["json"]["properties"]["unicorn_color"]["enum"] = ["blue"]
    monkeypatch.setattr(publish_post, "TOOL_SPEC", narrow)
    agent_handler._resources.cache_clear()
    world.start(session_id="mine")
    assert world.deliver_until_quiet() == 0
    assert not world.dead_letters()


def test_the_largest_approval_can_be_decided(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = json.loads(json.dumps(publish_post.TOOL_SPEC))
    del wide["inputSchema"]["json"]["properties"]["author"]["maxLength"]
    monkeypatch.setattr(publish_post, "TOOL_SPEC", wide)
    world.play([[publish("post-1", "x" * 148_000, author="é" * 8_000)], "Done."])
    session_id = world.start()
    (mail,) = world.read_mail()
    edit = {"decision": "approved", "content": "y" * 147_000, "comment": "🦄" * 4_000}
    assert world.click(mail.links["approve"], **edit)["status_code"] == 200
    table = world.env["APPROVALS_TABLE_NAME"]
    (item,) = world.aws["dynamodb"].scan(TableName=table)["Items"]
    size = sum(len(n) + len(str(next(iter(v.values()))).encode()) for n, v in item.items())
    assert size < 400_000
    world.deliver_all()
    assert world.session(session_id).status == sessions.COMPLETED


def test_a_session_id_of_dots_is_as_good_as_any(world: World) -> None:
    world.play([[ask("ask-1", "x" * 5_000)], [publish("post-1", "x" * 5_000)], "Done."])
    world.start(session_id="..")
    key = world.session("..").base
    assert key
    assert not key.key.startswith("../")


def test_a_record_of_an_earlier_question_is_a_fault_on_every_delivery(world: World) -> None:
    """Its message was trimmed from the conversation, so the gate could not see the id."""
    world.play([[ask("ask-1", "Two")]])
    record = new_record(world)
    old = wait_of(
        session_id=record["messageId"],
        tool_use_id="ask-1",
        agent_name="post-generator",
        tool_name="human_approval",
        requested_at=1,
        decide_by=2,
        action="publish_post",
        status=Status.SPENT,
        content="One",
    )
    store = WaitStore(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
    store.put_if_absent(old)
    assert not world.handle(record)
    assert not world.handle(record, receive_count=2), "acknowledged: the session sleeps unnoticed"


def test_a_model_that_asks_and_asks_never_grows_over_one_transaction(world: World) -> None:
    """One takes 100 items: 20 questions a turn, and 80 approvals that are left for later."""
    turns = [[ask(f"ask-{turn}-{n}", f"Text {turn}-{n}") for n in range(21)] for turn in range(6)]
    publishes = [publish(f"post-{turn}", f"Text {turn}-0") for turn in (0, 5)]
    world.play([*turns, publishes, "Done."])
    session_id = world.start()
    for _ in range(6):
        assert len(world.session(session_id).pending) == 20
        mails = world.read_mail()
        assert len(mails) == 20
        for mail in mails:
            world.click(mail.links["approve"])
        world.deliver_all(most=40)
    (mail,) = world.read_mail()
    assert "Text 0-0" in mail.body, "the oldest are asked for again"
    assert [post["content"] for post in world.posts()] == ["Text 5-0"]
    assert "Too much at once: 20 approvals" in json.dumps(world.stand_in.requests[1]["messages"])
    assert world.dead_letters() == []
