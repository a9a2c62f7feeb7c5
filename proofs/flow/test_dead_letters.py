"""What the front door refuses: a dead letter at once, whose reason says what its sender must do."""

import base64
import json
from typing import Any

import pytest
from pocket.queues import MAX_MESSAGE_BYTES
from strands.tools.tools import PythonAgentTool

import sample_agent as agent_definition
from converse_stand_in import tool_use
from core_samples import metrics
from longrunning import sessions
from longrunning.agent.deliveries import MAX_REASON_CHARS
from longrunning.human_approval import pause
from longrunning.messages import MAX_CONTENT_BYTES, build_existing, build_new, tool_result
from longrunning_testkit.worlds import forget_environments
from sample_world import World

MESSAGE = build_new("Announce the summer sale")
SAID = '"result too large"'
SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}

WRAPPED: dict[str, tuple[str, str]] = {
    "SNS": (json.dumps({"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:1:tasks",
                        "Message": MESSAGE}), "an SNS envelope: switch raw message delivery on"),
    "EventBridge": (json.dumps({"detail-type": "task", "source": "shop",
                                "detail": json.loads(MESSAGE)}), "an EventBridge event: give"),
    "S3": (json.dumps({"Records": [{"eventSource": "aws:s3"}]}), "an S3 event: "),
    "an SQS event": (json.dumps({"Records": [{"messageId": "m", "body": MESSAGE}]}),
                     "an event with records: "),
    "the extended client": (
        json.dumps(["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3Key": "k"}]),
        "a pointer of the SQS extended client",
    ),
    "JSON in JSON": (json.dumps(MESSAGE), "JSON itself: encode it once, not twice"),
    "body as a JSON text": (json.dumps({"type": "new", "body": '{"task": "Sale"}'}),
                            "body: expected an object, got a text that is JSON itself"),
    "base64": (base64.b64encode(MESSAGE.encode()).decode(), "base64 text: send the JSON itself"),
    "a byte order mark": ("\ufeff" + MESSAGE, "a text with a byte order mark"),
    "an array": (f"[{MESSAGE}, {MESSAGE}]", "an array: send each message by itself"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRAPPED)
def test_a_message_of_the_wrong_wrapping_is_a_dead_letter_that_says_what_to_do(
    world: World, name: str
) -> None:
    body, said = WRAPPED[name]
    world.play([])
    before = world.snapshot()
    world.send(body)
    assert world.deliver_until_quiet() == 1
    (letter,) = world.dead_letters()
    assert letter["body"] == body
    assert said in letter["reason"]
    assert world.snapshot() == before


@pytest.mark.parametrize(
    ("unit", "rest"), [("x", ""), ("я🦄", "xxxx"), (MESSAGE[:-1], "")], ids=["ASCII", "not", "JSON"]
)
def test_the_largest_malformed_message_has_its_reason(world: World, unit: str, rest: str) -> None:
    body = unit * ((MAX_MESSAGE_BYTES - len(rest)) // len(unit.encode())) + rest
    world.play([])
    world.send(body)
    assert world.deliver_until_quiet() == 1
    (letter,) = world.dead_letters()
    assert letter["reason"].startswith("body: expected JSON")
    assert f"the body had {len(body.encode()):,} bytes" in letter["reason"]
    assert len(letter["reason"]) <= MAX_REASON_CHARS
    assert body.startswith(letter["body"])
    assert len(letter["body"].encode()) > MAX_MESSAGE_BYTES - 2 * MAX_REASON_CHARS


@pytest.mark.parametrize(("more", "is_whole"), [(0, True), (1, False)])
def test_a_body_that_leaves_room_for_its_reason_is_sent_on_whole(
    world: World, more: int, is_whole: bool
) -> None:
    reason = "body: expected JSON, got a text of 1000000 characters"
    body = "x" * (MAX_MESSAGE_BYTES - len("reason" + "String" + reason) + more)
    world.play([])
    world.send(body)
    world.deliver_until_quiet()
    (letter,) = world.dead_letters()
    assert (letter["body"] == body, "(cut here" not in letter["reason"]) == (is_whole, is_whole)


# --- results of jobs -----------------------------------------------------------------------------


@pytest.fixture
def waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """A session that waits for two jobs, `job-1` and `job-2`."""
    spec = {"name": "render", "description": "Renders.", "inputSchema": {"json": SCHEMA}}
    job = PythonAgentTool("render", spec, lambda tool, **state: pause(tool, "Renders.", **state))
    monkeypatch.setattr(agent_definition, "OTHER_TOOLS", [job])
    world.play([[tool_use("job-1", "render", {}), tool_use("job-2", "render", {})], "Done."])
    session_id = world.start()
    world.send(build_existing(session_id, "render", [tool_result("job-2", "success", "2.mp4")]))
    world.deliver_until_quiet()
    forget_environments()  # Its log goes to where each test looks.
    return session_id


@pytest.mark.parametrize(
    "content",
    [[{"text": " \n"}], [{"text": "ok"}, {"text": "\t"}], [{"text": "\u2003\u00a0"}]],
    ids=["white space", "one text of two", "Unicode's white space"],
)
def test_a_blank_result_is_refused_so_that_the_jobs_next_message_counts(
    world: World, waiting: str, content: list[dict[str, str]]
) -> None:
    blank = {"toolUseId": "job-1", "status": "success", "content": content}
    world.send(build_existing(waiting, "render", [blank]))
    world.deliver_until_quiet()
    (letter,) = world.dead_letters()
    assert f"content[{len(content) - 1}].text: expected a text that is not" in letter["reason"]
    assert world.session(waiting).status == sessions.WAITING
    world.send(build_existing(waiting, "render", [tool_result("job-1", "success", "1.mp4")]))
    world.deliver_until_quiet()
    assert world.session(waiting).status == sessions.COMPLETED
    assert "1.mp4" in json.dumps(world.session(waiting).messages)


def test_a_result_that_is_too_large_ends_its_wait_with_an_error_that_says_so(
    world: World, waiting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    large = tool_result("job-1", "success", "x" * MAX_CONTENT_BYTES)
    world.send(build_existing(waiting, "render", [large]))
    assert world.deliver_until_quiet() == 1
    assert world.dead_letters() == []
    assert world.session(waiting).status == sessions.COMPLETED
    told = {
        block["toolResult"]["toolUseId"]: block["toolResult"]
        for block in world.stand_in.requests[-1]["messages"][-1]["content"]
        if "toolResult" in block
    }
    assert told["job-1"]["status"] == "error"
    assert f"at most {MAX_CONTENT_BYTES:,} are taken" in told["job-1"]["content"][0]["text"]
    assert told["job-2"] == tool_result("job-2", "success", "2.mp4")
    output = capsys.readouterr().out
    (line,) = (json.loads(line) for line in output.splitlines() if SAID in line)
    size = len(json.dumps(large["content"]))
    assert (line["level"], line["session_id"]) == ("WARNING", waiting)
    assert (line["tool_use_id"], line["bytes"]) == ("job-1", size)
    assert metrics(output)["ResultTooLarge"] == 1


def test_a_result_that_is_too_large_for_nobody_is_said_by_its_dead_letter_alone(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.play([])
    large = tool_result("job-1", "success", "x" * MAX_CONTENT_BYTES)
    world.send(build_existing("no-such-session", "render", [large]))
    world.deliver_until_quiet()
    assert "no session" in world.dead_letters()[0]["reason"]
    assert SAID not in capsys.readouterr().out
