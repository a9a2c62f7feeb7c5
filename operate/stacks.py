"""The stack to look at: the one that `make run` runs, or a deployed one by its name."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from operate.errors import OperateError
from operate.receivers import RECEIVERS, Receiver

LOCAL_NAME = "local"
"""What `make run` calls its stack."""

THREADS = 16

_ALARM = "AWS::CloudWatch::Alarm"
_NESTED_STACK = "AWS::CloudFormation::Stack"

_NEEDED = ("SessionsTable", "ApprovalsTable", "StateBucket", "TaskQueue", "DeadLetterQueue")
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=THREADS,
)


def _unreached(service: str) -> Any:
    raise OperateError(f"This stack was not looked up, so there is no client of {service}.")


@dataclass(frozen=True)
class Stack:
    """A stack: its clients, and the names of what is counted."""

    name: str
    dynamodb: Any
    sqs: Any
    s3: Any
    sessions_table: str
    approvals_table: str
    receivers: dict[str, Receiver]
    """By action; not those whose table this stack does not have."""
    state_bucket: str
    task_queue_url: str
    dead_letter_queue_url: str
    resources: dict[str, str] = field(default_factory=dict)
    """Physical ids by logical id, those of its nested stacks among them."""
    alarms: dict[str, str] = field(default_factory=dict)
    """Logical ids of its alarms by their names."""
    front_url: str = ""
    """Where `make run` answers, such as `http://localhost:3000`; "" for a deployed stack."""
    session: Any = None
    """The boto3 session that the clients are made by."""
    client: Callable[[str], Any] = _unreached
    """Makes a client of one more service, by its name."""


def find(name: str, state_dir: Path) -> Stack:
    """Finds a stack's resources through CloudFormation.

    Args:
        name: A deployed stack's, in the account and region that this shell works with; "" is the
            local stack.
        state_dir: Where the local stack says how to reach it.

    Raises:
        OperateError: There is no such stack, or it does not answer.
    """
    try:
        if name:
            # boto3 itself reads AWS_DEFAULT_REGION alone; the AWS CLI reads this one before it.
            region = os.environ.get("AWS_REGION") or None
            return _stack(name, boto3.Session(region_name=region), {})
        local = _local(state_dir)
        _keep_to_this_machine()
        keys = {key: local[key] for key in ("access_key_id", "secret_access_key")}
        session = boto3.Session(
            region_name=local["region"], **{f"aws_{name}": key for name, key in keys.items()}
        )
        stack = _stack(LOCAL_NAME, session, {"endpoint_url": local["endpoint_url"]})
        return replace(stack, front_url=local["front_url"])
    except (BotoCoreError, ClientError) as error:
        raise OperateError(_explained(error, name)) from error


def _stack(name: str, session: Any, where: dict[str, str]) -> Stack:
    def client(service: str) -> Any:
        return session.client(service, config=_CONFIG, **where)

    every = list(_resources(client("cloudformation"), name))
    # Those of the stack itself come last: no nested one may stand in the place of its queue.
    found = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in reversed(every)}
    if missing := [logical_id for logical_id in _NEEDED if logical_id not in found]:
        raise OperateError(f"Stack {name} has no {missing[0]}: it is not this template's.")
    return Stack(
        name=name,
        dynamodb=client("dynamodb"),
        sqs=client("sqs"),
        s3=client("s3"),
        sessions_table=found["SessionsTable"],
        approvals_table=found["ApprovalsTable"],
        receivers={
            action: replace(receiver, table=found[receiver.table])
            for action, receiver in RECEIVERS.items()
            if receiver.table in found
        },
        state_bucket=found["StateBucket"],
        task_queue_url=found["TaskQueue"],
        dead_letter_queue_url=found["DeadLetterQueue"],
        resources=found,
        alarms={
            r["PhysicalResourceId"]: r["LogicalResourceId"]
            for r in every
            if r["ResourceType"] == _ALARM
        },
        session=session,
        client=client,
    )


def _resources(cloudformation: Any, name: str) -> Iterator[dict[str, Any]]:
    """Yields what a stack is made of, then what its nested stacks are made of.

    A stack may have more than one page of them. A nested one is named by its physical id.
    """
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    own = [
        resource
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource.get("PhysicalResourceId")
        and not resource["ResourceStatus"].startswith("DELETE")
    ]
    yield from own
    for resource in own:
        if resource["ResourceType"] == _NESTED_STACK:
            yield from _resources(cloudformation, resource["PhysicalResourceId"])


def _local(state_dir: Path) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads((state_dir / "stack.json").read_text())
    except FileNotFoundError as error:
        raise OperateError(
            "No stack runs here. Start one in another terminal: make run\n"
            "Or name a deployed one: STACK=name"
        ) from error
    return found


def _keep_to_this_machine() -> None:
    """No proxy of the shell is asked, and no profile or account of it is touched."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        os.environ[name] = os.devnull
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost,127.0.0.1,::1"


def _explained(error: Exception, name: str) -> str:
    if not name and isinstance(error, EndpointConnectionError):
        return "The stack of .local/stack.json does not answer. Start one: make run"
    if not isinstance(error, ClientError):
        return f"AWS cannot be asked: {error}\nSet the profile and region, such as AWS_PROFILE=…"
    told = error.response["Error"]
    if told["Code"] == "ValidationError":
        return f"There is no stack {name} in this account and region."
    return f"{error.operation_name}: {told['Code']}: {told.get('Message', '')}"
