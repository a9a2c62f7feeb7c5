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
from gauges import Subscribers
from longrunning import human_approval, sessions
from longrunning.waits.item import Status
from longrunning.waits.open_waits import SHARDS
from longrunning_testkit.worlds import forget_environments
from sample_world import World
from sweeper import Sweeper
from wait_store import WaitStore

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


@pytest.mark.parametrize(
    ("topic", "seconds", "outcome"),
    [
        ("APPROVAL_TOPIC_ARN", HOUR // 2, "reminded"),
        ("ESCALATION_TOPIC_ARN", HOUR * 3 // 4, "escalated"),
    ],
)
def test_what_would_reach_nobody_is_not_done_but_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch, topic: str, seconds: int, outcome: str
) -> None:
    """SNS takes an e-mail for nobody without a word."""
    monkeypatch.setenv("ON_SILENCE", "escalate")
    world.play([[ask("ask-1")], [publish("post-1")], "Done."])
    world.start()
    world.step(HOUR // 2)
    if outcome == "escalated":
        world.sweep()
        world.step(seconds - HOUR // 2)
    receivers = world.pocket.sns.topics[world.env[topic]]
    receivers.confirmed = 0
    world.read_mail(topic)
    swept = world.sweep()
    assert (swept[outcome], swept["failed"]) == (0, 1)
    receivers.confirmed = 1
    world.step(300)
    assert world.sweep()[outcome] == 1
    (mail,) = world.read_mail(topic)
    assert world.click(mail.links["approve"])["status_code"] == 200


def test_an_escalation_that_reaches_nobody_keeps_no_reminder_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ON_SILENCE", "escalate")
    world.play([[ask("ask-1")], "I stop."])
    session_id = world.start()
    world.read_mail()
    world.pocket.sns.topics[world.env["ESCALATION_TOPIC_ARN"]].confirmed = 0
    world.step(HOUR * 3 // 4)
    assert world.sweep()["reminded"] == 1
    (mail,) = world.read_mail()
    assert mail.subject.startswith("Reminder")
    assert world.approvals(session_id)[0].escalate_at, "still to be done"


def test_where_nobody_is_asked_in_escalation_any_more_those_asked_first_are_reminded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never silently: an approval asked for before EscalationEmail was taken away."""
    monkeypatch.setenv("ON_SILENCE", "escalate")
    monkeypatch.setenv("REMIND_BEFORE_HOURS", "0")
    world.play([[ask("ask-1")], "I stop."])
    world.start()
    world.read_mail()
    monkeypatch.setenv("ESCALATION_TOPIC_ARN", "")
    world.step(HOUR * 3 // 4)
    assert world.sweep()["escalated"] == 1
    (mail,) = world.read_mail()
    assert mail.subject.startswith("Reminder")


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


def test_a_queue_that_is_simply_long_is_not_made_longer(world: World) -> None:
    """Each decision's own message still waits: none is sent again."""
    world.play([[ask("ask-1")]] * 5)
    for _ in range(5):
        world.start()
    for mail in world.read_mail():
        world.click(mail.links["approve"])
    for _ in range(59):
        world.step(60)
        assert world.sweep()["resent"] == 0
    assert len(world.pocket.sqs.queues[world.env["TASK_QUEUE_URL"]].messages) == 5


def test_a_lost_decision_is_found_within_the_hour_also_while_the_queue_is_long(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECIDE_WITHIN_SECONDS", str(24 * HOUR))
    world.play([[ask("ask-1")], [publish("post-1")], "Done."])
    session_id = world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["approve"])
    lost = world.receive()
    assert lost
    world.aws["sqs"].delete_message(
        QueueUrl=world.env["TASK_QUEUE_URL"], ReceiptHandle=lost["receiptHandle"]
    )
    for _ in range(3):
        world.send(json.dumps({"type": "new", "body": {"task": "Another"}}))
    resent = []
    for _ in range(61):
        world.step(60)
        resent.append(world.sweep()["resent"])
    assert (resent.index(1), sum(resent)) == (59, 1)
    assert session_id in world.pocket.sqs.queues[world.env["TASK_QUEUE_URL"]].messages[-1].body


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
    assert (record.status, record.result) == (Status.EXPIRED, None)
    (letter,) = world.dead_letters()
    assert "Late." in letter["body"]
    assert letter["reason"] == "toolUseId: no result came in time, and the agent went on"


def add_waiting_tool(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Gives the agent a tool that waits for a message, as docs/adapt.md describes it."""
    from strands.tools.tools import PythonAgentTool

    import sample_agent as agent_definition

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
    assert statuses == [Status.DENIED, Status.EXPIRED]
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
    topic = world.pocket.sns.topics[world.env["APPROVAL_TOPIC_ARN"]]
    assert topic.confirmed > 0
    world.sweep()
    assert metrics(capsys.readouterr().out) == {}, "a bill for good news"
    topic.confirmed = 0
    for _ in range(2):
        world.sweep()
        assert metrics(capsys.readouterr().out) == {"ConfirmedSubscriptions": 0}


def test_the_subscriptions_of_the_escalation_topic_are_measured_where_there_is_one(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    topic = world.pocket.sns.topics[world.env["ESCALATION_TOPIC_ARN"]]
    for topic.confirmed, measured in (
        (2, {}),
        (0, {"ConfirmedEscalationSubscriptions": 0}),
    ):
        world.sweep()
        assert metrics(capsys.readouterr().out) == measured
    monkeypatch.setenv("ESCALATION_TOPIC_ARN", "")
    forget_environments()
    world.sweep()
    assert "ConfirmedEscalationSubscriptions" not in metrics(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("topic", "other", "metric_of_the_other"),
    [
        ("APPROVAL_TOPIC_ARN", "ESCALATION_TOPIC_ARN", "ConfirmedEscalationSubscriptions"),
        ("ESCALATION_TOPIC_ARN", "APPROVAL_TOPIC_ARN", "ConfirmedSubscriptions"),
    ],
)
def test_a_topic_that_cannot_be_read_does_not_stop_the_sweep(
    world: World,
    capsys: pytest.CaptureFixture[str],
    topic: str,
    other: str,
    metric_of_the_other: str,
) -> None:
    world.pocket.sns.topics[world.env[other]].confirmed = 0
    world.play([[ask("ask-1")], "I stop."])
    world.start()
    world.step(HOUR)
    world.pocket.sns.topics.pop(world.env[topic])
    capsys.readouterr()
    assert world.sweep()["expired"] == 1
    measured = metrics(capsys.readouterr().out)
    names = {"ConfirmedSubscriptions", "ConfirmedEscalationSubscriptions"}
    assert names & measured.keys() == {metric_of_the_other}
    assert measured["SweepFailed"] == 1, "the alarm of what could not be read"


def test_a_topic_that_cannot_be_read_is_sent_to(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows whether anybody is there: rather an e-mail to nobody than none at all."""
    world.play([[ask("ask-1")], "I stop."])
    world.start()
    world.read_mail()
    topic = world.pocket.sns.topics[world.env["APPROVAL_TOPIC_ARN"]]
    topic.confirmed = 0
    world.sweep()
    world.step(HOUR // 2)
    monkeypatch.setattr(world.pocket.sns, "get_topic_attributes", lambda **_: {})
    assert world.sweep()["reminded"] == 1
    assert len(world.read_mail()) == 1


def test_a_topic_that_cannot_be_read_counts_as_a_failure_of_the_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own metric is missing then, and no alarm on that metric would tell."""
    world.sweep()
    assert "SweepFailed" not in capsys.readouterr().out
    monkeypatch.setattr(world.pocket.sns, "get_topic_attributes", lambda **_: {})
    world.sweep()
    assert '"SweepFailed": 1' in capsys.readouterr().out


def test_a_topic_that_answers_late_does_not_lengthen_the_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would run into the function's timeout, and be lost with all that it is at."""
    started, deadlines = world.clock(), []
    monkeypatch.setattr(Subscribers, "measure", lambda _: world.step(24))
    monkeypatch.setattr(Sweeper, "sweep", lambda _, end: deadlines.append(end) or Counter())
    world.with_time_left(55)
    world.sweep()
    assert deadlines == [pytest.approx(started + 40, abs=1)]


# --- what it costs (docs/operate.md states the figures) -------------------------------------------


def calls_of_a_sweep(world: World, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    world.sweep()  # The first one also makes the clients.
    world.step(60)
    calls: Counter[str] = Counter()
    call = botocore.client.BaseClient._make_api_call

    def count(client: Any, operation: str, arguments: Any) -> Any:
        calls[operation] += 1
        return call(client, operation, arguments)

    with monkeypatch.context() as patch:
        patch.setattr(botocore.client.BaseClient, "_make_api_call", count)
        world.sweep()
    return calls


@pytest.mark.parametrize(("escalates", "looks"), [(False, 1), (True, 2)])
def test_an_idle_sweep_takes_a_query_of_each_shard_and_a_look_at_each_topic(
    world: World, monkeypatch: pytest.MonkeyPatch, escalates: bool, looks: int
) -> None:
    if not escalates:
        monkeypatch.setenv("ESCALATION_TOPIC_ARN", "")
    calls = calls_of_a_sweep(world, monkeypatch)
    assert calls == {"Query": len(SHARDS), "GetTopicAttributes": looks}


def test_up_to_500_open_ones_are_looked_up_without_a_note(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_open(world, 500)
    calls = calls_of_a_sweep(world, monkeypatch)
    assert calls == {"Query": len(SHARDS), "BatchGetItem": 5, "GetTopicAttributes": 2}


def test_however_many_are_open_about_five_batches_of_a_hundred_are_looked_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_open(world, 1_500)
    calls = calls_of_a_sweep(world, monkeypatch)
    assert 4 <= calls.pop("BatchGetItem") <= 6
    note = {"GetItem": 1, "UpdateItem": 1}
    assert calls == {"Query": len(SHARDS), "GetTopicAttributes": 2, **note}


def put_open(world: World, count: int) -> None:
    """Puts approvals that are not due for an hour."""
    store = WaitStore(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
    due_at = int(world.clock()) + HOUR
    for n in range(count):
        store.put_if_absent(asked(session_id=f"session-{n}", due_at=due_at))
