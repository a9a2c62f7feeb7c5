"""Fixtures of the core's unit tests: tables and bucket in memory, and what was logged."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from hypothesis import settings

import aws_template
from core_samples import LogLines, Recorded
from longrunning import observability
from longrunning.sessions import SessionStore
from longrunning.waits.open_waits import OpenWaits
from pocket import Clock, Pocket
from sample_fixtures import shared_clients  # noqa: F401 - a fixture
from wait_store import WaitStore

REGION = "eu-west-1"
BUCKET = "test-agent-state"

settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")


@pytest.fixture(scope="session")
def aws_clients() -> dict[str, Any]:
    """Low-level clients; they reach the AWS in memory only within the fixtures below."""
    services = ("dynamodb", "s3", "secretsmanager", "sqs")
    return {name: boto3.client(name, region_name=REGION) for name in services}


@pytest.fixture(scope="session")
def tables() -> dict[str, dict[str, Any]]:
    """What CreateTable takes, by logical id, as the template declares it."""
    names = ("SessionsTable", "ApprovalsTable", "PostsTable")
    return {name: aws_template.table_properties(name) for name in names}


@pytest.fixture
def pocket(monkeypatch: pytest.MonkeyPatch) -> Pocket:
    """An AWS in memory, with nothing in it, that every client talks to."""
    pocket = Pocket(Clock())
    pocket.install(monkeypatch)
    return pocket


@pytest.fixture
def dynamodb(
    aws_clients: dict[str, Any], pocket: Pocket, tables: dict[str, dict[str, Any]]
) -> Recorded:
    """The tables; records every call."""
    for table in tables.values():
        pocket.dynamodb.add_table(table)
    return Recorded(aws_clients["dynamodb"])


@pytest.fixture
def s3(aws_clients: dict[str, Any], pocket: Pocket, dynamodb: Recorded) -> Recorded:
    """The bucket of the bases; its calls are noted in one list with those of `dynamodb`."""
    pocket.s3.add_bucket(BUCKET, is_versioned=True)
    return Recorded(aws_clients["s3"], dynamodb.calls)


@pytest.fixture
def approvals_table(tables: dict[str, dict[str, Any]]) -> str:
    """The name of the table."""
    return str(tables["ApprovalsTable"]["TableName"])


@pytest.fixture
def sessions_table(tables: dict[str, dict[str, Any]]) -> str:
    """The name of the table."""
    return str(tables["SessionsTable"]["TableName"])


@pytest.fixture
def approval_store(dynamodb: Recorded, approvals_table: str) -> WaitStore:
    """The table `approvals`."""
    return WaitStore(dynamodb, approvals_table)


@pytest.fixture
def open_approvals(dynamodb: Recorded, approvals_table: str) -> OpenWaits:
    """The same table as the sweeper sees it."""
    return OpenWaits(dynamodb, approvals_table)


@pytest.fixture
def session_store(dynamodb: Recorded, s3: Recorded, sessions_table: str) -> SessionStore:
    """The table `agent-memory-store` and its bucket."""
    return SessionStore(dynamodb, sessions_table, s3, BUCKET)


@pytest.fixture
def log_lines() -> Iterator[LogLines]:
    """Collects what is logged, and leaves the project's loggers as they were."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(observability.JsonFormatter())
    root = logging.getLogger(observability.ROOT_LOGGER_NAME)
    before = root.handlers, root.level, root.propagate
    root.handlers, root.propagate = [handler], False
    root.setLevel("DEBUG")
    yield LogLines(stream)
    root.handlers, root.level, root.propagate = before
    root.setLevel(before[1])
