"""The agent function in a process of its own: takes messages off the queue until it has enough.

    python -m benchmarks.throughput.agent_loop <messages>

`profile.py` starts it beneath a profiler, with the function's own environment. It does what Lambda
does: receives a message, calls the handler, deletes what was handled.
"""

import os
import socket
import sys
import time
import types
from functools import cache
from typing import Any

import boto3
from botocore.client import BaseClient

from benchmarks.throughput.flame import AWS_FILE, ROOT

TIMEOUT_MS = 120_000
IDLE_SECONDS = 30
"""So long without a message, and somebody else has failed."""


class Context:
    """Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Returns the function's whole timeout."""
        return TIMEOUT_MS


def main() -> None:
    """Handles so many messages; exits with an error if no more come."""
    wanted = int(sys.argv[1])
    _name_aws_calls()
    daemon = _trace_daemon()
    import agent_handler

    sqs, queue_url = boto3.client("sqs"), os.environ["TASK_QUEUE_URL"]
    last = time.monotonic()
    while wanted:
        if time.monotonic() - last > IDLE_SECONDS:
            sys.exit(f"{wanted} messages have not come")
        found = sqs.receive_message(
            QueueUrl=queue_url, AttributeNames=["All"], WaitTimeSeconds=1
        ).get("Messages", [])
        for message in found:
            os.environ["_X_AMZN_TRACE_ID"] = _trace_header()
            answer = agent_handler.handler({"Records": [_record(message)]}, Context())
            if answer["batchItemFailures"]:
                sys.exit(f"a message failed: {message['Body'][:200]}")
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
            wanted, last = wanted - 1, time.monotonic()
    daemon.close()


def _name_aws_calls() -> None:
    """Gives every AWS call a frame of its own name, such as `DynamoDB PutItem`, in its stack."""
    real = BaseClient._make_api_call

    @cache
    def named(name: str) -> types.FunctionType:
        def call(self: Any, operation: str, arguments: Any) -> Any:
            return real(self, operation, arguments)

        code = call.__code__.replace(co_name=name, co_qualname=name, co_filename=AWS_FILE)
        return types.FunctionType(code, call.__globals__, name, None, call.__closure__)

    def dispatch(self: Any, operation: str, arguments: Any) -> Any:
        return named(f"{self.meta.service_model.service_id} {operation}")(
            self, operation, arguments
        )

    BaseClient._make_api_call = dispatch


def _trace_daemon() -> socket.socket:
    """Every message is traced, to a socket that nobody reads."""
    daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    daemon.bind(("127.0.0.1", 0))
    os.environ["AWS_XRAY_DAEMON_ADDRESS"] = f"127.0.0.1:{daemon.getsockname()[1]}"
    os.environ["LAMBDA_TASK_ROOT"] = str(ROOT / "src/agent")
    return daemon


def _trace_header() -> str:
    root = f"1-{int(time.time()):08x}-{os.urandom(12).hex()}"
    return f"Root={root};Parent={os.urandom(8).hex()};Sampled=1"


def _record(message: dict[str, Any]) -> dict[str, Any]:
    """As Lambda hands it over."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }


if __name__ == "__main__":
    main()
