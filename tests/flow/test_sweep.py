"""What the sweeper does for a session that waits, from the agent's and the approver's side."""

import json
from collections import Counter
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ClientError

import approval_services
from converse_stand_in import tool_use
from core_samples import asked, metrics
from longrunning import approvals, human_approval, sessions
from world import World

HOUR = 3_600  # The world's approvals wait for one.


def ask(tool_use_id: str, content: str = "Hi") -> dict[str, Any]:
    return tool_use(tool_use_id, "human_approval", {"content": content})


def publish(tool_use_id: str, content: str = "Hi") -> dict[str, Any]:
    return tool_use(tool_use_id, "publish_post", {"content": content})


def told(world: World, at: int = -1) -> dict[str, Any]:
    """What the model read in its last request, or an earlier one, as tool result."""
    block = world.stand_in.requests[at]["messages"][-1]["content"][0]["toolResult"]
    return {"status": block["status"], **json.loads(block["content"][0]["text"])}


def test_an_approval_that_nobody_decides_expires_and_the_agent_goes_on(world: World) -> None:
    world.play([[ask("ask-1")], "Nobody answered, so I stop."])
    session_id = world.start()
    (mail,) = world.read_mail()
    world.step(HOUR)
    assert world.sweep()["expired"] == 1
    world.deliver_until_quiet()
    session = world.session(session_id)
    assert (session.status, session.outcome) == (sessions.COMPLETED, "expired")
    assert told(world) == {
        "status": "error",
        "decision": "expired",
        "decided_by": "sweeper",
        "comment": None,
        "next": "Nobody decided in time. Nothing was published. Stop, and say so.",
    }
    assert world.click(mail.links["approve"])["status_code"] == 410
    assert world.posts() == []
    assert world.sweep()["looked_at"] == 0


def test_a_gated_call_that_nobody_decides_does_not_run(world: World) -> None:
    world.play([[publish("post-1")], "I stop."])
    session_id = world.start()
    world.step(HOUR)
    world.sweep()
    world.deliver_until_quiet()
    assert world.session(session_id).outcome == "expired"
    assert world.posts() == []


def test_a_reminder_at_half_time_has_the_same_links_and_comes_once(world: World) -> None:
    world.play([[ask("ask-1")], [publish("post-1")], "Done."])
    world.start()
    (first,) = world.read_mail()
    world.step(HOUR // 2)
    assert world.sweep()["reminded"] == 1
    assert world.sweep()["reminded"] == 0
    (reminder,) = world.read_mail()
    assert reminder.subject.startswith("Reminder")
    assert reminder.links == first.links
    assert world.click(reminder.links["approve"])["status_code"] == 200
    world.deliver_until_quiet()
    assert [post["content"] for post in world.posts()] == ["Hi"]


def test_an_escalation_asks_others_before_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ON_SILENCE", "escalate")
    world.play([[ask("ask-1")], [publish("post-1")], "Done."])
    world.start()
    world.step(HOUR * 3 // 4)
    assert world.sweep()["escalated"] == 1
    (escalated,) = world.read_mail("ESCALATION_TOPIC_ARN")
    assert escalated.subject.startswith("Escalated")
    world.step(60)
    assert world.sweep()["reminded"] == 1, "it was due, too"
    assert world.click(escalated.links["deny"])["status_code"] == 200


def test_where_nobody_is_asked_in_escalation_any_more_it_counts_as_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ON_SILENCE", "escalate")
    world.play([[ask("ask-1")], "I stop."])
    session_id = world.start()
    monkeypatch.setenv("ESCALATION_TOPIC_ARN", "")
    world.step(HOUR * 3 // 4)
    assert world.sweep()["failed"] == 0
    assert world.approvals(session_id)[0].escalate_at is None
    assert world.read_mail("ESCALATION_TOPIC_ARN") == []


def test_where_silence_means_waiting_an_approval_can_be_decided_a_year_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ON_SILENCE", "wait")
    world.play([[ask("ask-1")], [publish("post-1")], "Done."])
    session_id = world.start()
    (mail,) = world.read_mail()
    assert "There is no deadline" in mail.body
    world.step(HOUR // 2)
    assert world.sweep()["reminded"] == 1
    world.step(365 * 24 * HOUR)
    assert world.sweep()["looked_at"] == 0
    assert world.session(session_id).expires_at > world.clock(), "nor does it age away"
    assert world.approvals(session_id)[0].expires_at > world.clock()
    page = world.request("GET", mail.links["approve"], accept="text/html")["body"]
    assert "There is no deadline" in page
    assert world.click(mail.links["approve"])["status_code"] == 200
    world.deliver_until_quiet()
    assert len(world.posts()) == 1


def test_a_decision_whose_message_was_lost_is_told_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function died after it had recorded the decision; nobody clicks again."""
    world.play([[ask("ask-1")], [publish("post-1")], "Done."])
    world.start()
    (mail,) = world.read_mail()
    failure = ClientError({"Error": {"Code": "InternalError"}}, "SendMessage")
    with monkeypatch.context() as patch:
        patch.setattr(approval_services.services().sqs, "send_message", failing(failure))
        assert world.click(mail.links["approve"])["status_code"] == 503
    assert world.deliver_until_quiet() == 0
    assert world.sweep()["resent"] == 0
    world.step(120)
    assert world.sweep()["resent"] == 1
    world.deliver_until_quiet()
    assert [post["content"] for post in world.posts()] == ["Hi"]
    assert world.sweep()["looked_at"] == 0


def failing(error: Exception) -> Any:
    def fail(**_: Any) -> None:
        raise error

    return fail


def test_a_tool_that_is_no_approval_expires_and_a_late_result_is_a_dead_letter(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.play([[tool_use("job-1", "render_video", {})], "No video, so I stop."])
    add_waiting_tool(monkeypatch, "render_video")
    session_id = world.start()
    world.step(HOUR)
    assert world.sweep()["looked_at"] == 0, "there is nobody to remind, and people's time is over"
    world.step(30 * 24 * HOUR)
    assert world.sweep()["expired"] == 1
    world.deliver_until_quiet()
    assert told(world)["next"].startswith("No result came in time")
    result = {"toolUseId": "job-1", "status": "success", "content": [{"text": "Late."}]}
    late = {"session_id": session_id, "type": "existing", "toolName": "render_video"}
    world.send(json.dumps({**late, "body": [{"toolResult": result}]}))
    world.deliver_until_quiet()
    (record,) = world.approvals(session_id)
    assert (record.status, record.result) == (approvals.EXPIRED, None)
    (letter,) = world.dead_letters()
    assert "Late." in letter["body"]
    assert letter["reason"] == "toolUseId: no result came in time, and the agent went on"


def add_waiting_tool(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Gives the agent a tool that waits for a message, as docs/adapt.md describes it."""
    from strands.tools.tools import PythonAgentTool

    import agent_definition

    def wait(tool: Any, **state: Any) -> Any:
        return human_approval.pause(tool, "Started.", **state)

    spec = {"name": name, "description": name, "inputSchema": {"json": {"type": "object"}}}
    monkeypatch.setattr(agent_definition, "OTHER_TOOLS", [PythonAgentTool(name, spec, wait)])


def test_of_two_questions_in_one_turn_the_sweeper_ends_both(world: World) -> None:
    world.play([[ask("ask-1", "One"), ask("ask-2", "Two")], "I stop."])
    session_id = world.start()
    first, _ = world.read_mail()
    world.click(first.links["deny"])
    world.deliver_until_quiet()
    world.step(HOUR)
    world.sweep()
    world.deliver_until_quiet()
    statuses = sorted(a.status for a in world.approvals(session_id))
    assert statuses == [approvals.DENIED, approvals.EXPIRED]
    assert world.session(session_id).status == sessions.COMPLETED


def test_nothing_is_open_once_every_session_has_ended(world: World) -> None:
    world.play(
        [[ask("ask-1")], [publish("post-1")], [ask("ask-2", "Ho")], [publish("p", "Ho")], "."]
    )
    session_id = world.start()
    for _ in range(2):
        (mail,) = world.read_mail()
        world.click(mail.links["approve"])
        world.deliver_until_quiet()
    assert world.session(session_id).status == sessions.COMPLETED
    assert {a.due_at for a in world.approvals(session_id)} == {None}
    assert world.sweep()["looked_at"] == 0


def test_a_subscription_that_has_quietly_gone_is_measured_each_minute(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.sweep()
    subscribed = metrics(capsys.readouterr().out)["ConfirmedSubscriptions"]
    topic = world.pocket.sns.topics[world.env["APPROVAL_TOPIC_ARN"]]
    assert subscribed == topic.confirmed > 0
    topic.confirmed = 0
    world.sweep()
    assert metrics(capsys.readouterr().out)["ConfirmedSubscriptions"] == 0


def test_a_topic_that_cannot_be_read_does_not_stop_the_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.play([[ask("ask-1")], "I stop."])
    world.start()
    world.step(HOUR)
    world.pocket.sns.topics.pop(world.env["APPROVAL_TOPIC_ARN"])
    assert world.sweep()["expired"] == 1
    assert "ConfirmedSubscriptions" not in metrics(capsys.readouterr().out), "missing alarms"


# --- what it costs (docs/operate.md states the figures) -------------------------------------------


def calls_of_a_sweep(world: World, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    world.sweep()  # The first one also makes the clients.
    calls: Counter[str] = Counter()
    call = botocore.client.BaseClient._make_api_call

    def count(client: Any, operation: str, arguments: Any) -> Any:
        calls[operation] += 1
        return call(client, operation, arguments)

    with monkeypatch.context() as patch:
        patch.setattr(botocore.client.BaseClient, "_make_api_call", count)
        world.sweep()
    return calls


def test_an_idle_sweep_takes_four_queries_and_a_look_at_the_topic(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert calls_of_a_sweep(world, monkeypatch) == {"Query": 4, "GetTopicAttributes": 1}


def test_however_many_are_open_five_batches_of_a_hundred_are_looked_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = approvals.ApprovalStore(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
    due_at = int(world.clock()) + HOUR
    for n in range(1_700):
        store.put_if_absent(asked(session_id=f"session-{n}", due_at=due_at))
    calls = calls_of_a_sweep(world, monkeypatch)
    assert calls.pop("BatchGetItem") <= 5
    assert calls == {"Query": 4, "GetTopicAttributes": 1}
