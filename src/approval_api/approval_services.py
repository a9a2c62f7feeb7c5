"""The clients and keys of the approval API, made once per environment at its first event."""

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session  # not boto3: its resource layer is a sixth of the start-up time
from botocore.config import Config

from longrunning import observability, tracing
from longrunning.people.directory import People, read_people
from longrunning.people.links import LinkKeys
from longrunning.waits.answers import Answers
from longrunning.waits.votes import Votes


@dataclass(frozen=True)
class Services:
    """The approvals, who there is, the keys of the links, the queue with its low-level client."""

    approvals: Answers
    keys: LinkKeys
    sqs: Any
    task_queue_url: str
    votes: Votes
    people: People


@cache
def services() -> Services:
    """Reads the environment and the key, makes the clients, starts logs and traces.

    Raises:
        botocore.exceptions.ClientError: The key cannot be read; the next event tries again.
        PeopleError: `people.toml` is not as it must be: nobody decides until it is.
    """
    observability.configure(
        os.environ.get("LOG_LEVEL", "INFO"),
        os.environ.get("METRICS_NAMESPACE", "HumanApproval"),
    )
    if os.environ.get("AWS_XRAY_DAEMON_ADDRESS"):
        tracing.enable()
    dynamodb, sqs, secrets = make_clients("dynamodb", "sqs", "secretsmanager")
    secret = secrets.get_secret_value(SecretId=os.environ["LINK_KEYS_SECRET_ARN"])
    table_name = os.environ["APPROVALS_TABLE_NAME"]
    return Services(
        approvals=Answers(dynamodb, table_name),
        keys=LinkKeys.parse(secret["SecretString"]),
        sqs=sqs,
        task_queue_url=os.environ["TASK_QUEUE_URL"],
        votes=Votes(dynamodb, table_name),
        people=read_people(),
    )


def make_clients(*service_names: str) -> list[Any]:
    """Makes low-level clients. All tries of one stuck call are shorter than the function's time."""
    config = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 3})
    session = botocore.session.get_session()
    return [session.create_client(name, config=config) for name in service_names]
