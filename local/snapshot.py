"""All that a stack holds, as one value: taken while nothing changes, put into a new stack.

A new stack is made of the templates as they are; only what is in its tables, buckets, queues and
secrets comes from the old one, by the logical ids of the templates. A job that runs is started
anew. Logs and traces are left behind.
"""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from local.emulator import Emulator
from local.emulator_messages import messages_in
from local.layer import Status, wait_items
from local.routes import Resources
from local.stack import Stack

TABLE, BUCKET = "AWS::DynamoDB::Table", "AWS::S3::Bucket"
QUEUE, SECRET = "AWS::SQS::Queue", "AWS::SecretsManager::Secret"
MACHINE = "AWS::StepFunctions::StateMachine"
MOST_DELAY_SECONDS = 900
FOLLOW_SECONDS = 3
"""How long a message is held back, so that its session knows its new id before it comes."""

_BYTES = "__bytes__"

Content = dict[str, Any]
Versions = dict[tuple[str, str], str]
"""By key and old version: the new version."""


class Snapshot:
    """Takes and puts what a stack holds.

    Args:
        emulator: Where the stack is.
        stack: Its names.
        resources: Of all its templates.
        waits_table: The table of what sessions wait for.
    """

    def __init__(
        self, emulator: Emulator, stack: Stack, resources: Resources, waits_table: str
    ) -> None:
        self._emulator = emulator
        self._ids = {
            kind: {
                logical_id: stack.physical_ids[logical_id]
                for logical_id, resource in resources.items()
                if resource["Type"] == kind and logical_id in stack.physical_ids
            }
            for kind in (TABLE, BUCKET, QUEUE, SECRET, MACHINE)
        }
        self._waits_table = waits_table
        self._dynamodb = emulator.client("dynamodb")
        self._s3 = emulator.client("s3")
        self._sqs = emulator.client("sqs")
        self._secrets = emulator.client("secretsmanager")
        self._states = emulator.client("stepfunctions")

    def take(self) -> Content:
        """Returns what the stack holds; nothing may change meanwhile."""
        tables = {key: self._items(name) for key, name in self._ids[TABLE].items()}
        queues = {key: self._messages(url) for key, url in self._ids[QUEUE].items()}
        return {
            TABLE: tables,
            BUCKET: {key: list(self._objects(name)) for key, name in self._ids[BUCKET].items()},
            QUEUE: queues,
            SECRET: {key: self._secret(arn) for key, arn in self._ids[SECRET].items()},
            MACHINE: {key: list(self._jobs(arn)) for key, arn in self._ids[MACHINE].items()},
        }

    def missing(self, content: Content) -> list[str]:
        """Returns the logical ids of what was taken and has no place in this stack."""
        return sorted(
            key for kind, known in self._ids.items() for key in content[kind] if key not in known
        )

    def put(self, content: Content) -> None:
        """Puts what was taken, but for messages and jobs, into a stack that nothing uses yet."""
        versions: Versions = {}
        for bucket, objects in self._known(content, BUCKET):
            versions |= self._put_objects(bucket, objects)
        for secret, value in self._known(content, SECRET):
            self._secrets.put_secret_value(SecretId=secret, **value)
        for table, items in self._known(content, TABLE):
            self._put_items(table, [_free(_with_version(item, versions)) for item in items])

    def send(self, content: Content) -> None:
        """Puts messages and jobs: with them the stack goes on by itself.

        A message has another id now. The one that paused a session may have to finish that pause,
        which no other message may: so its session is told the new id.
        """
        for machine, jobs in self._known(content, MACHINE):
            for job in jobs:
                self._states.start_execution(stateMachineArn=machine, **job)
        paused = self._paused_by(content)
        for queue, messages in self._known(content, QUEUE):
            for message in messages:
                sessions = paused.get(message.get("id", ""), [])
                new_id = self._send(queue, message, FOLLOW_SECONDS if sessions else 0)
                for table, item in sessions:
                    self._rename_pauser(table, item, new_id)

    def _paused_by(self, content: Content) -> dict[str, list[tuple[str, dict[str, Any]]]]:
        """Returns the sessions, each with its table, by the id of the message that paused them."""
        found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        for table, items in self._known(content, TABLE):
            for item in items:
                if "paused_by" in item:
                    found.setdefault(item["paused_by"]["S"], []).append((table, item))
        return found

    def _rename_pauser(self, table: str, item: dict[str, Any], new_id: str) -> None:
        """Tells a session the new id, unless another message has paused it since."""
        with suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
            self._dynamodb.update_item(
                TableName=table,
                Key={name: item[name] for name in ("session_id", "agent_name")},
                UpdateExpression="SET paused_by = :new",
                ConditionExpression="paused_by = :old",
                ExpressionAttributeValues={":new": {"S": new_id}, ":old": item["paused_by"]},
            )

    def _known(self, content: Content, kind: str) -> Iterator[tuple[str, Any]]:
        for logical_id, name in self._ids[kind].items():
            if logical_id in content[kind]:
                yield name, content[kind][logical_id]

    def _items(self, table: str) -> list[dict[str, Any]]:
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def _put_items(self, table: str, items: list[dict[str, Any]]) -> None:
        for item in items:  # One by one: each is as large as it may be.
            self._dynamodb.put_item(TableName=table, Item=item)

    def _objects(self, bucket: str) -> Iterator[dict[str, Any]]:
        """Returns every version, the oldest first: a session may point to any of them."""
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        found = [
            (v, k) for page in pages for k in ("Versions", "DeleteMarkers") for v in page.get(k, ())
        ]
        for version, kind in sorted(reversed(found), key=lambda one: one[0]["LastModified"]):
            named = {"key": version["Key"], "version": version["VersionId"]}
            if kind == "DeleteMarkers":
                yield {**named, "body": None}
                continue
            got = self._s3.get_object(
                Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"]
            )
            yield {**named, "body": got["Body"].read(), "type": got.get("ContentType", "")}

    def _put_objects(self, bucket: str, objects: list[dict[str, Any]]) -> Versions:
        versions: Versions = {}
        for one in objects:
            if one["body"] is None:
                self._s3.delete_object(Bucket=bucket, Key=one["key"])
                continue
            kind = {"ContentType": one["type"]} if one["type"] else {}
            put = self._s3.put_object(Bucket=bucket, Key=one["key"], Body=one["body"], **kind)
            versions[one["key"], one["version"]] = put.get("VersionId", "")
        return versions

    def _messages(self, queue_url: str) -> list[dict[str, Any]]:
        """What was received is free again: whoever had it is gone. Only a delay is kept."""
        return [
            {
                "id": message["MessageId"],
                "body": _with_session_id(message["Body"], message["MessageId"]),
                "attributes": message["MessageAttributes"],
                "visible_at": 0 if message["ReceiveCount"] else message["VisibleAt"],
            }
            for message in messages_in(self._emulator, queue_url)
        ]

    def _send(self, queue_url: str, message: dict[str, Any], least_delay: int) -> str:
        delay = int(message["visible_at"] - time.time())
        sent = self._sqs.send_message(
            QueueUrl=queue_url,
            MessageBody=message["body"],
            MessageAttributes=message["attributes"],
            DelaySeconds=min(max(delay, least_delay), MOST_DELAY_SECONDS),
        )
        return str(sent["MessageId"])

    def _secret(self, arn: str) -> dict[str, Any]:
        found = self._secrets.get_secret_value(SecretId=arn)
        return {name: found[name] for name in ("SecretString", "SecretBinary") if name in found}

    def _jobs(self, machine_arn: str) -> Iterator[dict[str, Any]]:
        """Returns the jobs whose end nobody has taken yet: they run, or are waited for."""
        waited_for = self._awaited()
        pages = self._states.get_paginator("list_executions").paginate(stateMachineArn=machine_arn)
        for found in (one for page in pages for one in page["executions"]):
            if found["status"] == "RUNNING" or found["name"] in waited_for:
                arn = found["executionArn"]
                told = self._states.describe_execution(executionArn=arn)
                yield {"name": found["name"], "input": told["input"]}

    def _awaited(self) -> set[str]:
        waits = map(wait_items.from_item, self._items(self._waits_table))
        return {wait.name for wait in waits if wait.status == Status.PENDING}


def as_text(content: Any) -> str:
    """Returns a snapshot as JSON."""
    return json.dumps(content, ensure_ascii=False, default=_from_bytes)


def from_text(text: str) -> Any:
    """Returns the snapshot that is written so.

    Raises:
        ValueError: It is not.
    """
    return json.loads(text, object_hook=_to_bytes)


def _with_version(item: dict[str, Any], versions: Versions) -> dict[str, Any]:
    """A session names the version of the object that it goes on from: it has another one now."""
    base = item.get("base", {}).get("M", {})
    old = (base.get("key", {}).get("S"), base.get("version_id", {}).get("S"))
    new = versions.get(old)
    return item | {"base": {"M": base | {"version_id": {"S": new}}}} if new else item


def _free(item: dict[str, Any]) -> dict[str, Any]:
    """Ends the lease of a wait: the worker that had it is gone with its run."""
    return item | {"lease_until": {"N": "0"}} if "lease_until" in item else item


def _with_session_id(body: str, message_id: str) -> str:
    """A task without an id gets that of its message, which is another when it is sent again."""
    try:
        message = json.loads(body)
    except ValueError:
        return body
    is_new = isinstance(message, dict) and message.get("type") == "new"
    if not is_new or message.get("session_id") is not None:
        return body
    return json.dumps({**message, "session_id": message_id}, ensure_ascii=False)


def _from_bytes(value: object) -> Any:
    if isinstance(value, bytes):
        return {_BYTES: base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} is no part of a snapshot")


def _to_bytes(value: dict[str, Any]) -> Any:
    return base64.b64decode(value[_BYTES]) if value.keys() == {_BYTES} else value
