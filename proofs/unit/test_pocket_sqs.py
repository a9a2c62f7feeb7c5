"""The tests' own SQS: how large a message is, and for how long one can be hidden."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from pocket import Pocket

MAX_BYTES = 1_048_576
HOUR_SECONDS = 3_600


@pytest.fixture
def url(pocket: Pocket) -> str:
    """A queue."""
    return pocket.sqs.add_queue("tasks")


def text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def code_of(call: Any, **request: Any) -> str:
    try:
        call(**request)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_a_message_is_as_large_as_its_body_and_its_attributes(
    aws_clients: dict[str, Any], url: str
) -> None:
    send = aws_clients["sqs"].send_message
    attributes = {"reason": text("because")}
    room = MAX_BYTES - len("reason" + "String" + "because")
    fitting = {"QueueUrl": url, "MessageAttributes": attributes, "MessageBody": "x" * room}
    assert code_of(send, **fitting) == ""
    assert code_of(send, **fitting | {"MessageBody": "x" * (room + 1)}) == "InvalidParameterValue"


def test_a_message_has_at_most_ten_attributes(aws_clients: dict[str, Any], url: str) -> None:
    send = aws_clients["sqs"].send_message
    ten = {f"n{number}": text("x") for number in range(10)}
    request = {"QueueUrl": url, "MessageBody": "x"}
    assert code_of(send, **request, MessageAttributes=ten) == ""
    eleven = ten | {"more": text("x")}
    assert code_of(send, **request, MessageAttributes=eleven) == "InvalidParameterValue"


def test_a_message_is_hidden_for_at_most_12_hours_after_it_was_received(
    aws_clients: dict[str, Any], pocket: Pocket, url: str
) -> None:
    sqs = aws_clients["sqs"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    [message] = sqs.receive_message(QueueUrl=url, VisibilityTimeout=11 * HOUR_SECONDS)["Messages"]
    received = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
    pocket.clock.step(10 * HOUR_SECONDS)  # type: ignore[attr-defined]
    hide = sqs.change_message_visibility
    assert code_of(hide, **received, VisibilityTimeout=43_201) == "InvalidParameterValue"
    assert code_of(hide, **received, VisibilityTimeout=2 * HOUR_SECONDS) == "InvalidParameterValue"
    assert code_of(hide, **received, VisibilityTimeout=2 * HOUR_SECONDS - 1) == ""
    pocket.clock.step(2 * HOUR_SECONDS)  # type: ignore[attr-defined]
    [again] = sqs.receive_message(QueueUrl=url)["Messages"]
    received = {"QueueUrl": url, "ReceiptHandle": again["ReceiptHandle"]}
    assert code_of(hide, **received, VisibilityTimeout=11 * HOUR_SECONDS) == "", "counted anew"
