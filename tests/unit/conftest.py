"""Fixtures of the core's unit tests: tables and bucket on moto, and what was logged.

moto lets two racing conditional writes both win, and its transactions are not atomic: nothing here
proves a race. Those tests are in tests/integration.
"""

import io
import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from hypothesis import settings
from moto import mock_aws

import aws_template
from core_samples import LogLines, Recorded
from longrunning import observability
from longrunning.approvals import ApprovalStore
from longrunning.open_approvals import OpenApprovals
from longrunning.sessions import SessionStore

REGION = "eu-west-1"
BUCKET = "test-agent-state"

settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")


@pytest.fixture(scope="session")
def aws_clients() -> dict[str, Any]:
    """Low-level clients, made once; they reach moto only within the fixtures below."""
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    session = boto3.Session(region_name=REGION, **keys)
    return {name: session.client(name) for name in ("dynamodb", "s3")}


@pytest.fixture(scope="session")
def tables() -> dict[str, dict[str, Any]]:
    """What `create_table` takes, by logical id, as the template declares it."""
    return {i: aws_template.table_properties(i) for i in ("SessionsTable", "ApprovalsTable")}


@pytest.fixture
def dynamodb(aws_clients: dict[str, Any], tables: dict[str, dict[str, Any]]) -> Iterator[Recorded]:
    """The two tables of the core; records every call."""
    client = aws_clients["dynamodb"]
    with mock_aws():
        for table in tables.values():
            client.create_table(**table)
        yield Recorded(client)


@pytest.fixture
def s3(aws_clients: dict[str, Any], dynamodb: Recorded) -> Recorded:
    """The bucket of the bases; its calls are noted in one list with those of `dynamodb`."""
    location = {"LocationConstraint": REGION}
    aws_clients["s3"].create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
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
def approval_store(dynamodb: Recorded, approvals_table: str) -> ApprovalStore:
    """The table `approvals`."""
    return ApprovalStore(dynamodb, approvals_table)


@pytest.fixture
def open_approvals(dynamodb: Recorded, approvals_table: str) -> OpenApprovals:
    """The same table as the sweeper sees it."""
    return OpenApprovals(dynamodb, approvals_table)


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
