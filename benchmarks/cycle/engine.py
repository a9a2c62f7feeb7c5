"""The engine: the local AWS emulator in a process of its own, with what the contenders store in.

It lives in an environment of its own, because its pins exclude ours.
"""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from local.emulator import Emulator
from local.mail import subscribe_queue
from local.settings import REGION

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv/local/bin/python"
NOBODY = "127.0.0.1:9"

BUCKETS = {"ours": "agent-state", "peers": "peers"}
LEDGER, LEDGER_INDEX = "ledger", "open"
PEER_TABLES = {
    LEDGER: ("session_id", "tool_use_id"),
    "plain": ("session_id", None),
    "strands-storage": ("pk", "sk"),
    "langgraph": ("PK", "SK"),
}
"""Hash and range key of each peer's table, as its documentation has it."""

LINK_KEYS = {"current": "k1", "k1": "a-key-for-benchmarks-of-48-characters-in-length."}


@dataclass(frozen=True)
class Engine:
    """A running engine. Its own clients are counted by nobody."""

    dynamodb: Any
    s3: Any
    sqs: Any
    tables: dict[str, str]
    """Ours by logical id in the template."""
    queue_url: str
    mail_queue_url: str
    """Where what the topic sends can be read."""
    topic_arn: str
    secret_arn: str

    def clear(self) -> None:
        """Empties buckets and the peers' tables: all of it lies in memory."""
        for bucket in BUCKETS.values():
            for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                if found := [{"Key": object_["Key"]} for object_ in page.get("Contents", [])]:
                    self.s3.delete_objects(Bucket=bucket, Delete={"Objects": found})
        for name in PEER_TABLES:
            self.dynamodb.delete_table(TableName=name)
            self.dynamodb.create_table(**peer_table(name))


@contextlib.contextmanager
def running_engine(our_tables: dict[str, dict[str, Any]]) -> Iterator[Engine]:
    """Starts an engine, makes what is stored in, and points this process's AWS clients to it.

    Args:
        our_tables: What `create_table` takes, by logical id in the template.
    """
    with tempfile.TemporaryDirectory(prefix="cycle-") as folder:
        emulator = Emulator(Path(folder), NOBODY)
        with mock.patch.object(sys, "executable", str(PYTHON)):
            emulator.start()
        try:
            emulator.wait_until_ready()
            with mock.patch.dict(os.environ, _environment(emulator)):
                yield _furnished(emulator, our_tables)
        finally:
            emulator.stop()


def _furnished(emulator: Emulator, our_tables: dict[str, dict[str, Any]]) -> Engine:
    names = ("dynamodb", "s3", "sqs", "sns", "secretsmanager")
    dynamodb, s3, sqs, sns, secrets = map(emulator.client, names)
    for properties in our_tables.values():
        dynamodb.create_table(**properties)
    for name in PEER_TABLES:
        dynamodb.create_table(**peer_table(name))
    for bucket in BUCKETS.values():
        s3.create_bucket(Bucket=bucket)
    topic_arn = sns.create_topic(Name="notifications")["TopicArn"]
    mail_queue_url, _ = subscribe_queue(sqs, sns, "mail", [topic_arn])
    secret = secrets.create_secret(Name="link-keys", SecretString=json.dumps(LINK_KEYS))
    return Engine(
        dynamodb,
        s3,
        sqs,
        tables={name: properties["TableName"] for name, properties in our_tables.items()},
        queue_url=sqs.create_queue(QueueName="tasks")["QueueUrl"],
        mail_queue_url=mail_queue_url,
        topic_arn=topic_arn,
        secret_arn=secret["ARN"],
    )


def peer_table(name: str) -> dict[str, Any]:
    """Returns what `create_table` takes of a peer's table."""
    hash_key, range_key = PEER_TABLES[name]
    keys = {hash_key: "HASH"} | ({range_key: "RANGE"} if range_key else {})
    index = _LEDGER_INDEX if name == LEDGER else {}
    kinds = dict.fromkeys(keys, "S") | ({"open_shard": "S", "due_at": "N"} if index else {})
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _schema(keys),
        "AttributeDefinitions": [
            {"AttributeName": n, "AttributeType": kind} for n, kind in kinds.items()
        ],
        **index,
    }


def _schema(keys: dict[str, str]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()]


_LEDGER_INDEX: dict[str, Any] = {
    "GlobalSecondaryIndexes": [
        {
            "IndexName": LEDGER_INDEX,
            "KeySchema": _schema({"open_shard": "HASH", "due_at": "RANGE"}),
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ]
}
"""What is open, by when it is due."""


def _environment(emulator: Emulator) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": emulator.endpoint_url,
        "AWS_ACCESS_KEY_ID": emulator.access_key_id,
        "AWS_SECRET_ACCESS_KEY": emulator.secret_access_key,
        "AWS_SESSION_TOKEN": "",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
