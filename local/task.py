"""`make task TASK="…"`: sends a task to the stack that runs."""

import argparse
import http.client
import json
import os
from typing import Any
from urllib.parse import urlsplit

import boto3

from local import tasks
from local.console import Console, LocalError
from local.settings import make_settings, port_from_environment


def main(console: Console, options: argparse.Namespace) -> int:
    """Sends TASK; returns the exit status.

    Raises:
        LocalError: There is no task, or no stack runs.
    """
    settings = make_settings(port_from_environment(), options.state_dir)
    task = os.environ.get("TASK", "")
    if not task.strip():
        raise LocalError('There is no task. Say what to write: make task TASK="…"')
    try:
        stack = json.loads(settings.stack_json.read_text())
    except FileNotFoundError as error:
        raise LocalError("No stack runs here. Start one in another terminal: make run") from error
    if not _answers(stack["front_url"]):
        raise LocalError("The stack of .local/stack.json does not answer. Start one: make run")
    session_id = tasks.send(_sqs(stack), stack["queue_url"], task)
    console.say(f"Sent, as session {session_id}.")
    console.say(f"What the agent asks comes to {stack['front_url']}/local/mail")
    console.say(f"What has come of the task is on {stack['front_url']}")
    return 0


def _sqs(stack: dict[str, Any]) -> Any:
    return boto3.client(
        "sqs",
        endpoint_url=stack["endpoint_url"],
        region_name=stack["region"],
        aws_access_key_id=stack["access_key_id"],
        aws_secret_access_key=stack["secret_access_key"],
    )


def _answers(front_url: str) -> bool:
    connection = http.client.HTTPConnection(urlsplit(front_url).netloc, timeout=5)
    try:
        connection.request("HEAD", "/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
