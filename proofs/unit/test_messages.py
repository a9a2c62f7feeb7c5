"""Both queue messages: what is understood, what is refused, and how the refusal reads."""

import base64
import dataclasses
import gzip
import html
import json
import math
import time
import urllib.parse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longrunning.agent.deliveries import MAX_REASON_CHARS
from longrunning.messages import (
    MAX_ABOUT_CHARS,
    MAX_CONTENT_BYTES,
    MAX_JSON_DEPTH,
    Cancel,
    Look,
    MalformedMessageError,
    NewTask,
    Parent,
    ToolResults,
    build_cancel,
    build_existing,
    build_look,
    build_new,
    parse,
    tool_result,
)
from longrunning.wrappings import WRAPPINGS

SECRET = "the-draft-that-nobody-may-read-in-a-log"
RESULT = {"toolUseId": "tooluse_1", "status": "success", "content": [{"text": "done"}]}


def new(**changes: Any) -> str:
    return json.dumps({"type": "new", "body": {"task": "Write"}, **changes})


def existing(**changes: Any) -> str:
    message = {
        "session_id": "s-1",
        "type": "existing",
        "toolName": "render",
        "body": [{"toolResult": RESULT}],
    }
    return json.dumps({**message, **changes})


def result(**changes: Any) -> str:
    return existing(body=[{"toolResult": {**RESULT, **changes}}])


PARENT = Parent("s-0", "use-0", "ask_agent", decide_by=1_773_482_400, depth=1)


def of_parent(**changes: Any) -> str:
    return new(parent={**dataclasses.asdict(PARENT), **changes})


def look(**changes: Any) -> str:
    return json.dumps({"type": "look", "toolName": "run_job", "about": "arn:job", **changes})


# --- what is understood --------------------------------------------------------------------------


def test_a_new_task_as_the_contract_gives_it() -> None:
    body = '{"type": "new", "body": {"task": "new task description"}}'
    assert parse(body) == NewTask("new task description", session_id=None)


def test_an_existing_message_as_the_contract_gives_it() -> None:
    body = """{"session_id": "id", "type": "existing", "toolName": "name",
        "body": [{"toolResult": {"toolUseId": "use", "status": "error",
                                 "content": [{"text": "error message"}]}}]}"""
    answer = {"toolUseId": "use", "status": "error", "content": [{"text": "error message"}]}
    assert parse(body) == ToolResults("id", "name", (answer,))


def test_a_new_task_may_choose_its_session_id() -> None:
    assert parse(new(session_id="order:42_a.b-C")) == NewTask("Write", "order:42_a.b-C")
    assert parse(new(session_id=None)) == NewTask("Write")
    assert parse(new(session_id="x" * 128)) == NewTask("Write", "x" * 128)


def test_a_new_task_may_name_its_agent_and_who_asked() -> None:
    assert parse(new(agent_name="brand-evaluator.2")) == NewTask(
        "Write", agent_name="brand-evaluator.2"
    )
    assert parse(of_parent()) == NewTask("Write", parent=PARENT)
    assert parse(of_parent(priority=1)) == NewTask("Write", parent=PARENT)
    assert parse(new(agent_name=None, parent=None)) == NewTask("Write")


def test_a_result_may_name_the_agent_that_it_is_for() -> None:
    assert parse(existing(agent_name="a-1")) == ToolResults("s-1", "render", (RESULT,), "a-1")


def test_hints_as_the_contract_gives_them() -> None:
    assert parse(look()) == Look("run_job", "arn:job")
    assert parse(look(about="x" * MAX_ABOUT_CHARS)) == Look("run_job", "x" * MAX_ABOUT_CHARS)
    assert parse('{"type": "cancel", "session_id": "s-1", "why": "late"}') == Cancel("s-1")


def test_what_is_built_is_what_is_parsed() -> None:
    assert parse(build_new("Write", "s-1", "a-1", PARENT)) == NewTask("Write", "s-1", "a-1", PARENT)
    assert json.loads(build_new("Write")) == {"type": "new", "body": {"task": "Write"}}
    assert parse(build_look("run_job", "arn:job")) == Look("run_job", "arn:job")
    assert parse(build_cancel("s-1")) == Cancel("s-1")


def test_a_task_is_kept_as_it_came() -> None:
    task = "  \u202eünïcörn 🦄\r\n\t\x00 "
    assert parse(new(body={"task": task})) == NewTask(task)


def test_unknown_fields_are_ignored() -> None:
    assert parse(new(priority=1, body={"task": "Write", "tone": ["kind"]})) == NewTask("Write")
    (kept,) = results_of(result(metadata={"took": 3}))
    assert kept == RESULT
    assert results_of(existing(sent_at=1, body=[{"toolResult": RESULT, "more": 0}])) == [RESULT]


def test_of_a_block_only_its_text_or_json_is_kept() -> None:
    (answer,) = results_of(result(content=[{"text": "x", "json": {}}, {"json": {"a": 1}, "b": 2}]))
    assert answer["content"] == [{"text": "x"}, {"json": {"a": 1}}]


@pytest.mark.parametrize(
    ("levels", "is_taken"), [(MAX_JSON_DEPTH, True), (MAX_JSON_DEPTH + 1, False)]
)
def test_a_result_may_be_nested_as_deep_as_it_can_be_saved(levels: int, is_taken: bool) -> None:
    """The list of blocks, a block and its object are three levels themselves."""
    body = nested(result(content=[{"json": {"k": 0}}]).replace("0}}]", "%s}}]"), levels - 3)
    if is_taken:
        assert results_of(body)
    else:
        assert reason_for(body) == f"body: expected at most {MAX_JSON_DEPTH} levels"


def nested(body: str, levels: int) -> str:
    return body % ("[" * levels + "]" * levels)


def test_several_results_keep_their_order() -> None:
    answers = [tool_result(f"use-{n}", "success", str(n)) for n in (3, 1, 2)]
    assert results_of(build_existing("s-1", "render", answers)) == answers


def test_a_result_may_hold_json_with_floats() -> None:
    blocks = [{"json": {"score": 0.1, "n": 3, "big": 10**40}}, {"text": "done"}]
    (answer,) = results_of(result(content=blocks))
    assert json.dumps(answer["content"]) == json.dumps(blocks)


def test_of_a_repeated_key_the_last_value_counts() -> None:
    assert parse('{"type": "old", "type": "new", "body": {"task": "a", "task": "b"}}') == NewTask(
        "b"
    )


@pytest.mark.parametrize("text", ["x" * MAX_CONTENT_BYTES, "🦄" * (MAX_CONTENT_BYTES // 4)])
def test_a_task_may_have_256_kb(text: str) -> None:
    assert parse(build_new(text)) == NewTask(text)
    with pytest.raises(MalformedMessageError, match=r"body\.task: expected at most 262144 bytes"):
        parse(build_new(text + "x"))


@pytest.mark.parametrize("letter", ["x", "я", "🦄"])
def test_a_result_may_have_256_kb_with_its_json_around_it(letter: str) -> None:
    room = MAX_CONTENT_BYTES - len(json.dumps([{"text": ""}]))
    text = letter * (room // len(letter.encode()))
    text += "." * (room - len(text.encode()))
    (answer,) = results_of(result(content=[{"text": text}]))
    assert answer["content"] == [{"text": text}]
    larger = parse(result(content=[{"text": text + "."}]))
    assert isinstance(larger, ToolResults)
    assert larger.too_large == ((RESULT["toolUseId"], MAX_CONTENT_BYTES + 1),)


def test_a_result_that_is_too_large_is_an_error_that_says_so() -> None:
    """Its job is done and will not send another one: refused, the wait would go on to its end."""
    parsed = parse(result(content=[{"text": SECRET}] * 7_000))
    assert isinstance(parsed, ToolResults)
    ((tool_use_id, size),) = parsed.too_large
    (answer,) = parsed.results
    assert (answer["toolUseId"], answer["status"]) == (tool_use_id, "error")
    assert f"{size:,} bytes" in answer["content"][0]["text"]
    assert f"at most {MAX_CONTENT_BYTES:,}" in answer["content"][0]["text"]
    assert SECRET not in answer["content"][0]["text"]


def test_of_several_results_each_is_measured_by_itself() -> None:
    large = "x" * (MAX_CONTENT_BYTES - 100)
    answers = [tool_result(f"use-{n}", "success", large) for n in range(3)]
    answers.insert(1, tool_result("use-9", "error", "x" * MAX_CONTENT_BYTES))
    parsed = parse(build_existing("s-1", "render", answers))
    assert isinstance(parsed, ToolResults)
    kept = {r["toolUseId"]: r["content"][0]["text"] == large for r in parsed.results}
    assert kept == {"use-0": True, "use-9": False, "use-1": True, "use-2": True}
    assert [tool_use_id for tool_use_id, _ in parsed.too_large] == ["use-9"]


def results_of(body: str) -> list[dict[str, Any]]:
    parsed = parse(body)
    assert isinstance(parsed, ToolResults)
    return list(parsed.results)


# --- what is refused -----------------------------------------------------------------------------

HALF_A_PAIR = '{"type": "new", "body": {"task": "\\ud83e"}}'
DEEP = '{"type": "new", "body": {"task": "x"}, "more": ' + "[" * 100_000 + "]" * 100_000 + "}"
LONG_NUMBER = '{"type": "new", "body": {"task": "x"}, "more": ' + "9" * 5_000 + "}"

MALFORMED = {
    "empty body": ("", "body"),
    "not JSON": (SECRET, "body"),
    "cut off": (new()[:-1], "body"),
    "two documents": (new() + new(), "body"),
    "a text": (json.dumps(SECRET), "body"),
    "a list": (json.dumps([SECRET]), "body"),
    "null": ("null", "body"),
    "NaN": ('{"type": "new", "body": {"task": "x"}, "more": NaN}', "body"),
    "Infinity": ('{"type": "new", "body": {"task": "x"}, "more": -Infinity}', "body"),
    "too deep": (DEEP, "body"),
    "a number of 5,000 digits": (LONG_NUMBER, "body"),
    "half a surrogate pair": (HALF_A_PAIR, "body"),
    "half a surrogate pair in a key": ('{"type": "new", "\\udfff": 1}', "body"),
    "no type": ("{}", "type"),
    "unknown type": (new(type=SECRET), "type"),
    "type is a list": (new(type=["new", SECRET]), "type"),
    "type is an object": (new(type={"task": SECRET}), "type"),
    "type in capitals": (new(type="NEW"), "type"),
    "new: no body": ('{"type": "new"}', "body"),
    "new: body is a list": (new(body=[SECRET]), "body"),
    "new: body is a text": (new(body=SECRET), "body"),
    "new: no task": (new(body={"tsk": SECRET}), "body.task"),
    "new: task is null": (new(body={"task": None}), "body.task"),
    "new: task is a number": (new(body={"task": 7}), "body.task"),
    "new: task is an object": (new(body={"task": {"text": SECRET}}), "body.task"),
    "new: task is empty": (new(body={"task": ""}), "body.task"),
    "new: task is white space": (new(body={"task": " \n\t\u2003"}), "body.task"),
    "new: task is too long": (new(body={"task": SECRET * 7_000}), "body.task"),
    "new: session_id is a number": (new(session_id=1), "session_id"),
    "new: session_id is empty": (new(session_id=""), "session_id"),
    "new: session_id is too long": (new(session_id="x" * 129), "session_id"),
    "new: session_id with a slash": (new(session_id=f"{SECRET}/.."), "session_id"),
    "new: session_id with a newline": (new(session_id="s-1\n"), "session_id"),
    "new: session_id with a letter beyond ASCII": (new(session_id="sé"), "session_id"),
    "new: agent_name is empty": (new(agent_name=""), "agent_name"),
    "new: agent_name with a space": (new(agent_name=f"{SECRET} "), "agent_name"),
    "new: agent_name is too long": (new(agent_name="x" * 65), "agent_name"),
    "new: agent_name is a list": (new(agent_name=[SECRET]), "agent_name"),
    "new: parent is a text": (new(parent=SECRET), "parent"),
    "new: parent is empty": (new(parent={}), "parent.decide_by"),
    "parent: no session_id": (of_parent(session_id=None), "parent.session_id"),
    "parent: session_id with a space": (of_parent(session_id=f"{SECRET} "), "parent.session_id"),
    "parent: tool_use_id with a slash": (of_parent(tool_use_id="a/b"), "parent.tool_use_id"),
    "parent: tool_name is empty": (of_parent(tool_name=""), "parent.tool_name"),
    "parent: decide_by is a text": (of_parent(decide_by=SECRET), "parent.decide_by"),
    "parent: decide_by is 0": (of_parent(decide_by=0), "parent.decide_by"),
    "parent: decide_by is true": (of_parent(decide_by=True), "parent.decide_by"),
    "parent: depth is no whole number": (of_parent(depth=1.5), "parent.depth"),
    "parent: depth is below 0": (of_parent(depth=-1), "parent.depth"),
    "look: no toolName": (look(toolName=None), "toolName"),
    "look: toolName with a dot": (look(toolName=f"{SECRET}."), "toolName"),
    "look: no about": (look(about=None), "about"),
    "look: about is empty": (look(about=""), "about"),
    "look: about is a list": (look(about=[SECRET]), "about"),
    "look: about is too long": (look(about="x" * (MAX_ABOUT_CHARS + 1)), "about"),
    "cancel: no session_id": ('{"type": "cancel"}', "session_id"),
    "cancel: session_id is a list": (
        json.dumps({"type": "cancel", "session_id": [SECRET]}), "session_id"
    ),
    "existing: agent_name with a space": (existing(agent_name=f"{SECRET} "), "agent_name"),
    "existing: no session_id": (existing(session_id=None), "session_id"),
    "existing: session_id with a space": (existing(session_id=f"{SECRET} "), "session_id"),
    "existing: session_id is a list": (existing(session_id=[SECRET]), "session_id"),
    "existing: no toolName": (existing(toolName=None), "toolName"),
    "existing: toolName is empty": (existing(toolName=""), "toolName"),
    "existing: toolName with a dot": (existing(toolName=f"{SECRET}."), "toolName"),
    "existing: toolName is too long": (existing(toolName="x" * 65), "toolName"),
    "existing: no body": (existing(body=None), "body"),
    "existing: body is empty": (existing(body=[]), "body"),
    "existing: body is an object": (existing(body={"toolResult": RESULT}), "body"),
    "existing: an entry is a text": (existing(body=[SECRET]), "body[0].toolResult"),
    "existing: an entry is empty": (existing(body=[{}]), "body[0].toolResult"),
    "existing: toolResult is a list": (
        existing(body=[{"toolResult": [RESULT]}]), "body[0].toolResult"
    ),
    "existing: the second entry": (
        existing(body=[{"toolResult": RESULT}, {"toolResult": SECRET}]), "body[1].toolResult"
    ),
    "existing: one toolUseId twice": (existing(body=[{"toolResult": RESULT}] * 2), "body"),
    "result: no toolUseId": (result(toolUseId=None), "body[0].toolResult.toolUseId"),
    "result: toolUseId is empty": (result(toolUseId=""), "body[0].toolResult.toolUseId"),
    "result: toolUseId with a slash": (result(toolUseId=f"{SECRET}/"),
                                       "body[0].toolResult.toolUseId"),
    "result: toolUseId is too long": (result(toolUseId="x" * 129), "body[0].toolResult.toolUseId"),
    "result: no status": (result(status=None), "body[0].toolResult.status"),
    "result: unknown status": (result(status=SECRET), "body[0].toolResult.status"),
    "result: status is a list": (result(status=["success"]), "body[0].toolResult.status"),
    "result: no content": (result(content=None), "body[0].toolResult.content"),
    "result: content is empty": (result(content=[]), "body[0].toolResult.content"),
    "result: content is a text": (result(content=SECRET), "body[0].toolResult.content"),
    "result: content is an object": (result(content={"text": SECRET}),
                                     "body[0].toolResult.content"),
    "block: a text": (result(content=[SECRET]), "body[0].toolResult.content[0]"),
    "block: unknown kind": (result(content=[{"image": SECRET}]), "body[0].toolResult.content[0]"),
    "block: text is a number": (result(content=[{"text": 7}]), "body[0].toolResult.content[0]"),
    "block: text is empty": (result(content=[{"text": ""}]),
                             "body[0].toolResult.content[0].text"),
    "block: text is white space": (result(content=[{"text": " \n\t\u2003\u00a0"}]),
                                   "body[0].toolResult.content[0].text"),
    "block: text of an error is blank": (result(status="error", content=[{"text": "\r\n"}]),
                                         "body[0].toolResult.content[0].text"),
    "block: one text of two is blank": (result(content=[{"text": "x"}, {"text": "\t"}]),
                                        "body[0].toolResult.content[1].text"),
    "block: a blank text beside json": (result(content=[{"json": {}}, {"text": " "}]),
                                        "body[0].toolResult.content[1].text"),
    "block: json is a text": (result(content=[{"json": SECRET}]),
                              "body[0].toolResult.content[0]"),
    "block: json is null": (result(content=[{"json": None}]), "body[0].toolResult.content[0]"),
    "block: json is a list": (result(content=[{"json": [SECRET]}]),
                              "body[0].toolResult.content[0]"),
    "block: the second": (result(content=[{"text": "x"}, {"json": SECRET}]),
                          "body[0].toolResult.content[1]"),
    "block: an infinite number": (result(content=[{"json": {"n": 0}}]).replace("0}", "1e999}"),
                                  "body"),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_malformed_is_named_and_never_repeated(case: str) -> None:
    body, field = MALFORMED[case]
    with pytest.raises(MalformedMessageError) as refused:
        parse(body)
    reason = str(refused.value)
    assert reason.startswith(f"{field}: expected ")
    assert SECRET not in reason
    assert len(reason) < 200


def test_a_text_that_no_model_refuses_is_no_blank_one() -> None:
    """A character without width is no white space, to Converse neither."""
    (answer,) = results_of(result(content=[{"text": "\u200b"}, {"json": {}}]))
    assert answer["content"] == [{"text": "\u200b"}, {"json": {}}]


def test_a_refusal_says_what_came_in_its_place() -> None:
    assert reason_for(new(body={"task": None})).endswith("got nothing")
    assert reason_for(new(body={"task": [1, 2]})).endswith("got list of 2")
    assert reason_for(new(body={"task": {"a": 1}})).endswith("got dict of 1")
    assert reason_for(new(body={"task": 1.5})).endswith("got float")
    assert reason_for(new(session_id="a b")).endswith("got a text of 3 characters")


# --- what came in another's wrapping -------------------------------------------------------------

MESSAGE = new(body={"task": SECRET})
ARN = f"arn:aws:sns:eu-west-1:123456789012:{SECRET}"
SQS_RECORD = {"messageId": "m", "receiptHandle": "r", "body": MESSAGE, "attributes": {},
              "messageAttributes": {}, "md5OfBody": "x", "eventSource": "aws:sqs"}  # fmt: skip
S3_RECORD = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"bucket": SECRET}}
EVENT = {"version": "0", "id": "i", "detail-type": "task", "source": "shop", "resources": [],
         "detail": json.loads(MESSAGE)}  # fmt: skip
POINTER = {"s3BucketName": SECRET, "s3Key": "k"}
DESTINATION = {"version": "1.0", "requestContext": {"condition": "Success"}, "requestPayload": {},
               "responseContext": {"statusCode": 200}, "responsePayload": {"x": 1}}  # fmt: skip
CLOUD_EVENT = {"specversion": "1.0", "type": "shop.task", "source": "/s", "id": "1", "data": {}}


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


WRAPPED: dict[str, tuple[Any, str]] = {
    "SNS": ({"Type": "Notification", "MessageId": "m", "TopicArn": ARN, "Message": MESSAGE},
            "an SNS envelope: switch raw message delivery on"),
    "SNS, another's text": ({"Type": "Notification", "TopicArn": ARN, "Message": "Hello"},
                            "an SNS envelope: switch raw message delivery on"),
    "SNS asks first": ({"Type": "SubscriptionConfirmation", "Token": "t", "TopicArn": ARN,
                        "Message": "You have chosen", "SubscribeURL": "https://example.com"},
                       "confirm it, and switch raw message delivery on"),
    "EventBridge": (EVENT, "an EventBridge event: give the rule's target an input path"),
    "EventBridge, S3's": (EVENT | {"source": "aws.s3", "detail": {"bucket": SECRET}},
                          "an EventBridge event: give the rule's target an input path"),
    "EventBridge Scheduler": (EVENT | {"source": "aws.scheduler", "detail": "{}",
                                       "detail-type": "Scheduled Event"},
                              "a schedule's own event: give the schedule's target the message"),
    "a pipe, from SQS": (SQS_RECORD, "a record as an EventBridge pipe passes it on: give the pipe"),
    "a pipe, from a stream": ({"eventSource": "aws:kinesis", "data": in_base64(MESSAGE)},
                              "a record as an EventBridge pipe passes it on: give the pipe"),
    "S3": ({"Records": [S3_RECORD]}, "an S3 event: have a function"),
    "S3's test": ({"Service": "Amazon S3", "Event": "s3:TestEvent"},
                  "an S3 event: have a function"),
    "an SQS event": ({"Records": [SQS_RECORD]}, "an event with records: send what each of them"),
    "an SNS event": ({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": MESSAGE}}]},
                     "an event with records: send what each of them"),
    "what the CLI received": ({"Messages": [{"MD5OfBody": "x", "Body": MESSAGE}]},
                              "what a receive-message call returned: send the Body alone"),
    "one of these": ({"MessageId": "m", "MD5OfBody": "x", "Body": MESSAGE},
                     "what a receive-message call returned: send the Body alone"),
    "a request to SQS": ({"QueueUrl": "q", "MessageBody": MESSAGE},
                         "a SendMessage request: send its MessageBody alone"),
    "a Lambda destination": (DESTINATION, "a Lambda destination's envelope: have the function"),
    "API Gateway": ({"version": "2.0", "requestContext": {}, "headers": {}, "body": MESSAGE},
                    "an HTTP request as API Gateway passes it on: send its body alone"),
    "CloudEvents": (CLOUD_EVENT, "a CloudEvents envelope: send its data alone"),
    "the extended client": (["software.amazon.payloadoffloading.PayloadS3Pointer", POINTER],
                            "a pointer of the SQS extended client"),
    "an old extended client": (["com.amazon.sqs.javamessaging.MessageS3Pointer", POINTER],
                               "a pointer of the SQS extended client"),
    "a pointer by itself": (POINTER, "a pointer of the SQS extended client"),
    "a pointer of another client": ({"S3Payload": {"Bucket": SECRET, "Key": "k"}},
                                    "a pointer of the SQS extended client"),
    "in another object": ({"id": 1, "payload": json.loads(MESSAGE)},
                          "a message inside another object: send it by itself"),
    "as a text in another object": ({"default": MESSAGE},
                                    "a message inside another object: send it by itself"),
    "an array": ([json.loads(MESSAGE), json.loads(MESSAGE)], "an array: send each message by"),
    "JSON in JSON": (MESSAGE, "a text that is JSON itself: encode it once, not twice"),
    "JSON in JSON in JSON": (json.dumps(MESSAGE), "a text that is JSON itself: encode it once"),
    "an array in JSON": (f"[{MESSAGE}]", "a text that is JSON itself: encode it once, not twice"),
    "base64 in JSON": (in_base64(MESSAGE), "base64 text: send the JSON itself"),
}  # fmt: skip
"""What came, before it became the body's JSON, and what its reason must say."""

NO_JSON = {
    "a byte order mark": ("\ufeff" + MESSAGE, "a text with a byte order mark: send UTF-8 without"),
    "one read as Latin-1": ("\xef\xbb\xbf" + MESSAGE, "a text with a byte order mark"),
    "base64": (in_base64(MESSAGE), "base64 text: send the JSON itself"),
    "base64 in lines": (base64.encodebytes(MESSAGE.encode()).decode(), "base64 text: send"),
    "base64 for URLs": (base64.urlsafe_b64encode(json.dumps([{"ü?>": "ÿ"}]).encode()).decode(),
                        "base64 text: send the JSON itself"),
    "base64 of gzip": (base64.b64encode(gzip.compress(MESSAGE.encode())).decode(), "base64 text"),
    "URL-encoded": (urllib.parse.quote(MESSAGE), "URL-encoded text: decode it"),
    "HTML-escaped": (html.escape(MESSAGE), "HTML-escaped text: send the JSON itself"),
    "Python's notation": (str(json.loads(MESSAGE)), "a dictionary as Python prints it: send what"),
    "lines of JSON": (f"{MESSAGE}\n{MESSAGE}\n", "more than one line of JSON: send each line"),
}  # fmt: skip

BODIES = {name: (json.dumps(value), said) for name, (value, said) in WRAPPED.items()} | NO_JSON


@pytest.mark.parametrize("name", BODIES)
def test_a_message_of_the_wrong_wrapping_is_told_what_it_is_and_what_to_do(name: str) -> None:
    body, said = BODIES[name]
    reason = reason_for(body)
    assert reason.startswith("body: expected ")
    assert said in reason
    assert SECRET not in reason
    assert len(reason) <= MAX_REASON_CHARS


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (new(body=json.dumps({"task": SECRET})), "body"),
        (existing(body=json.dumps([{"toolResult": RESULT}])), "body"),
        (existing(body=[json.dumps({"toolResult": RESULT})]), "body[0].toolResult"),
        (existing(body=[{"toolResult": json.dumps(RESULT)}]), "body[0].toolResult"),
        (result(content=json.dumps(RESULT["content"])), "body[0].toolResult.content"),
        (result(content=[json.dumps({"text": SECRET})]), "body[0].toolResult.content[0]"),
    ],
)
def test_a_field_that_was_encoded_twice_is_told_so(body: str, field: str) -> None:
    reason = reason_for(body)
    assert reason.startswith(f"{field}: expected ")
    assert reason.endswith("got a text that is JSON itself: encode it once, not twice")


@pytest.mark.parametrize(
    "body", [SECRET, "hello", "eyes", "e3t7", "7", "null", "[]", '"hello"', "{}", "<xml/>", "="]
)
def test_what_is_nothing_known_is_not_guessed(body: str) -> None:
    assert not any(what in reason_for(body) for _, what, _ in WRAPPINGS)


@pytest.mark.parametrize("name", WRAPPED)
def test_a_message_that_has_the_fields_of_a_wrapping_too_is_a_message(name: str) -> None:
    """Unknown fields are ignored; only what is no message is looked at."""
    value, _ = WRAPPED[name]
    if isinstance(value, dict):
        assert parse(json.dumps(value | json.loads(new()))) == NewTask("Write")


def test_every_reason_that_names_a_wrapping_fits() -> None:
    longest = max(len(f"{what}: {to_do}") for _, what, to_do in WRAPPINGS)
    field = 'body[99].toolResult.content[99]: expected {"text": "…"} or {"json": {…}}, got '
    assert len(field) + longest <= MAX_REASON_CHARS


@pytest.mark.parametrize("unit", ["{", "[", " ", "e", "eyJ", "\n", "%7B", "\\", '"', "{'"])
def test_the_longest_body_is_named_in_no_time(unit: str) -> None:
    body = unit * (1_048_576 // len(unit))
    started = time.perf_counter()
    for text in (body, json.dumps(body), json.dumps({"x": body}), body + "!"):
        reason_for(text)
    assert time.perf_counter() - started < 5


def reason_for(body: str) -> str:
    with pytest.raises(MalformedMessageError) as refused:
        parse(body)
    return str(refused.value)


# --- any text, any JSON --------------------------------------------------------------------------

texts = st.text(st.characters(codec=None), max_size=20)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
ids = st.from_regex(r"[A-Za-z0-9._:-]{1,128}", fullmatch=True)
sayable = st.text(st.characters(codec="utf-8"), min_size=1)
tasks = sayable.filter(lambda text: bool(text.strip()))
blocks = st.fixed_dictionaries({}, optional={"text": sayable | any_json, "json": any_json})
results = st.fixed_dictionaries(
    {
        "toolUseId": st.sampled_from(["use-1", "use-2"]) | any_json,
        "status": st.sampled_from(["success", "error"]) | any_json,
        "content": st.lists(blocks, max_size=3) | any_json,
    }
)
bodies = (
    st.fixed_dictionaries({"task": sayable | any_json})
    | st.lists(st.fixed_dictionaries({"toolResult": results | any_json}), max_size=3)
    | any_json
)
nearly_messages = st.fixed_dictionaries(
    {"type": st.sampled_from(["new", "existing"]) | any_json, "body": bodies},
    optional={"session_id": ids | any_json, "toolName": st.just("render") | any_json},
)


def parses_or_refuses(body: str) -> None:
    """Nothing but a `MalformedMessageError` comes out, and nothing that could not go on."""
    try:
        parsed = parse(body)
    except MalformedMessageError:
        return
    match parsed:
        case NewTask(task):
            assert task.strip()
            task.encode()
        case ToolResults(_, _, answers):
            assert answers
            texts = [b["text"] for answer in answers for b in answer["content"] if "text" in b]
            assert all(text.strip() for text in texts)
            json.dumps(answers, allow_nan=False, ensure_ascii=False).encode()


@given(texts)
def test_any_text_parses_or_is_malformed(body: str) -> None:
    parses_or_refuses(body)


@given(any_json)
def test_any_json_parses_or_is_malformed(value: Any) -> None:
    parses_or_refuses(json.dumps(value))


@given(nearly_messages)
def test_anything_like_a_message_parses_or_is_malformed(message: Any) -> None:
    parses_or_refuses(json.dumps(message))


@pytest.mark.parametrize(
    "body",
    [
        '{"type": "new", "body": {"task": "x"}, "more": %s}',
        '{"type": "new", "body": {"task": %s}}',
        '{"type": %s}',
        result(content=[{"json": {"k": 0}}]).replace('"k": 0', '"k": %s'),
    ],
    ids=["unknown field", "task", "type", "json block"],
)
def test_any_depth_parses_or_is_malformed(body: str) -> None:
    """Python's own limit lies somewhere in between, and each step has another one."""
    for depth in range(1, 1_200):
        parses_or_refuses(nested(body, depth))


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 4_300, "9" * 4_301, "-0", "1E-999"])
def test_any_number_parses_or_is_malformed(number: str) -> None:
    parses_or_refuses(result(content=[{"json": {"k": 0}}]).replace('"k": 0', f'"k": {number}'))
    parses_or_refuses(new(body={"task": 0}).replace("0", number))
    parses_or_refuses('{"type": ' + number + "}")


# --- what is built is understood -----------------------------------------------------------------


@given(tasks, st.none() | ids)
def test_a_built_new_message_parses_to_what_it_was_built_from(
    task: str, session_id: str | None
) -> None:
    assert parse(build_new(task, session_id)) == NewTask(task, session_id)


@given(ids, st.sampled_from(["human_approval", "a-b_C9"]), st.lists(tasks, min_size=1))
def test_a_built_existing_message_parses_to_what_it_was_built_from(
    session_id: str, tool_name: str, said: list[str]
) -> None:
    answers = [tool_result(f"use-{n}", "success", text) for n, text in enumerate(said)]
    parsed = parse(build_existing(session_id, tool_name, answers))
    assert parsed == ToolResults(session_id, tool_name, tuple(answers))


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_numbers_in_a_result_come_out_as_they_went_in(number: float) -> None:
    answer = {"toolUseId": "u", "status": "success", "content": [{"json": {"n": number}}]}
    (parsed,) = results_of(build_existing("s", "t", [answer]))
    came = parsed["content"][0]["json"]["n"]
    assert (type(came), came) == (type(number), number)
    assert math.copysign(1, came) == math.copysign(1, number)


def test_a_tool_result_is_converses_own_shape() -> None:
    assert tool_result("u", "error", "no") == {
        "toolUseId": "u",
        "status": "error",
        "content": [{"text": "no"}],
    }


def test_a_new_message_without_a_session_id_carries_none() -> None:
    assert json.loads(build_new("Write")) == {"type": "new", "body": {"task": "Write"}}
