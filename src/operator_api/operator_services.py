"""The clients of the operators' API, made once per environment at its first event."""

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session  # not boto3: its resource layer is a sixth of the start-up time
from botocore.config import Config

from longrunning import observability, tracing
from longrunning.people.directory import People, read_people
from longrunning.waits.answers import Answers
from longrunning.waits.deadlines import Deadlines
from longrunning.waits.open_waits import OpenWaits
from longrunning.waits.votes import Votes
from session_facts import SessionFacts


@dataclass(frozen=True)
class Services:
    """The approvals from all sides, facts of sessions, the queue with its client, the people."""

    approvals: Answers
    open: OpenWaits
    sessions: SessionFacts
    sqs: Any
    task_queue_url: str
    votes: Votes
    deadlines: Deadlines
    people: People


@cache
def services() -> Services:
    """Reads the environment, makes the clients, starts logs and traces.

    Raises:
        PeopleError: `people.toml` is not as it must be.
    """
    observability.configure(
        os.environ.get("LOG_LEVEL", "INFO"),
        os.environ.get("METRICS_NAMESPACE", "HumanApproval"),
    )
    if os.environ.get("AWS_XRAY_DAEMON_ADDRESS"):
        tracing.enable()
    # All tries of one stuck call together are shorter than the function's timeout.
    config = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 3})
    session = botocore.session.get_session()
    dynamodb, sqs = (session.create_client(name, config=config) for name in ("dynamodb", "sqs"))
    table_name = os.environ["APPROVALS_TABLE_NAME"]
    return Services(
        approvals=Answers(dynamodb, table_name),
        open=OpenWaits(dynamodb, table_name),
        sessions=SessionFacts(dynamodb, os.environ["SESSIONS_TABLE_NAME"]),
        sqs=sqs,
        task_queue_url=os.environ["TASK_QUEUE_URL"],
        votes=Votes(dynamodb, table_name),
        deadlines=Deadlines(dynamodb, table_name),
        people=read_people(),
    )
