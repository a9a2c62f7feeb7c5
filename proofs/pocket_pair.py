"""The AWS in memory beside the emulator: the same calls to both, and what both answer."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

import aws_template
from pocket import Pocket

SERVICES = ("dynamodb", "sqs", "sns", "s3", "secretsmanager", "sesv2")
TABLES = ("SessionsTable", "ApprovalsTable", "PostsTable")
BUCKET = SECRET = TOPIC = TASKS = "pocket-differential"
PLAIN_BUCKET = "pocket-differential-plain"
"""It keeps no versions."""
DEAD_LETTERS = "pocket-differential-dead-letters"
MAX_RECEIVES = 3
HIDDEN_SECONDS = 600

_NOT_COMPARED = (
    # The one's own, or of the moment:
    *("ResponseMetadata", "MessageId", "ReceiptHandle", "SenderId", "SentTimestamp"),
    *("ApproximateFirstReceiveTimestamp", "TopicArn", "ARN", "DeadLetterQueueSourceArn"),
    # Read by nobody here, and left out in memory:
    *("MD5OfMessageAttributes", "VersionId", "VersionStages", "CreatedDate", "LastModified"),
    *("AcceptRanges", "ContentType", "Metadata", "ServerSideEncryption", "ChecksumType"),
    *("ChecksumCRC32", "ContentLength", "SequenceNumber", "DisplayName", "Owner", "Policy"),
    *("EffectiveDeliveryPolicy", "DeliveryPolicy", "KmsMasterKeyId"),
)


@dataclass
class Pair:
    """Both, with the same resources in them, and what those are called.

    Attributes:
        pocket: The one in memory.
        clients: The emulator's, by service; what the pocket one is asked goes by their models.
        tables: Names of tables by logical id.
        tasks_url: A queue with a dead-letter queue, whose URL is `dead_letters_url`.
    """

    pocket: Pocket
    clients: dict[str, Any]
    tables: dict[str, str] = field(default_factory=dict)
    tasks_url: str = ""
    dead_letters_url: str = ""
    topic_arn: str = ""
    _handles: dict[str, str] = field(default_factory=dict)
    _versions: dict[str, str] = field(default_factory=dict)

    def ask(self, service: str, operation: str, **params: Any) -> tuple[Any, Any]:
        """Asks both; returns the two answers, or codes of errors, ready to be compared."""
        client, theirs = self.clients[service], dict(params)
        if "ReceiptHandle" in params:
            handle = params["ReceiptHandle"]
            theirs["ReceiptHandle"] = self._handles.get(handle, handle)
        if "VersionId" in params:
            version = params["VersionId"]
            theirs["VersionId"] = self._versions.get(version, version)
        answers = (
            _answer(lambda: self.pocket.call(client, operation, params)),
            _answer(lambda: client._make_api_call(operation, theirs)),
        )
        if operation == "ReceiveMessage":
            self._pair_up(*answers)
        if service == "s3" and "VersionId" in answers[0]:
            self._versions[answers[0]["VersionId"]] = answers[1]["VersionId"]
        return _comparable(answers[0]), _comparable(answers[1])

    def newest_version(self) -> str:
        """Returns the id, for `ask`, of the version of an object that was told of last."""
        return [*self._versions][-1]

    def receive(self, url: str, **params: Any) -> tuple[list[str], tuple[Any, Any]]:
        """Receives from both; returns receipt handles for `ask`, and the two answers."""
        before = set(self._handles)
        everything = {"AttributeNames": ["All"], "MessageAttributeNames": ["All"]}
        answers = self.ask("sqs", "ReceiveMessage", QueueUrl=url, **everything, **params)
        return [handle for handle in self._handles if handle not in before], answers

    def _pair_up(self, mine: Any, theirs: Any) -> None:
        """Remembers which receipt handles are of the same message; bodies are unique."""
        others = {m["Body"]: m["ReceiptHandle"] for m in theirs.get("Messages", ())}
        for message in mine.get("Messages", ()):
            self._handles[message["ReceiptHandle"]] = others.get(message["Body"], "")


@contextmanager
def pair_with(clients: dict[str, Any]) -> Iterator[Pair]:
    """Makes the same resources in both; those in the emulator are deleted afterwards."""
    pair = Pair(Pocket(time.time), clients)
    with ExitStack() as undo:
        _add_tables(pair, undo)
        _add_queues(pair, undo)
        _add_the_rest(pair, undo)
        yield pair


def _add_tables(pair: Pair, undo: ExitStack) -> None:
    dynamodb = pair.clients["dynamodb"]
    for logical_id in TABLES:
        table = aws_template.table_properties(logical_id)
        table["TableName"] = f"pocket-differential-{logical_id}"
        dynamodb.create_table(**table)
        undo.callback(dynamodb.delete_table, TableName=table["TableName"])
        pair.tables[logical_id] = pair.pocket.dynamodb.add_table(table)


def _add_queues(pair: Pair, undo: ExitStack) -> None:
    """The pocket queues go by the emulator's URLs."""
    sqs, queues = pair.clients["sqs"], pair.pocket.sqs.queues
    pair.dead_letters_url = sqs.create_queue(QueueName=DEAD_LETTERS)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=pair.dead_letters_url, AttributeNames=["QueueArn"])
    to = arn["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn": "{to}", "maxReceiveCount": {MAX_RECEIVES}}}'
    settings = {"RedrivePolicy": policy, "VisibilityTimeout": str(HIDDEN_SECONDS)}
    pair.tasks_url = sqs.create_queue(QueueName=TASKS, Attributes=settings)["QueueUrl"]
    for url in (pair.tasks_url, pair.dead_letters_url):
        undo.callback(sqs.delete_queue, QueueUrl=url)
    mine = pair.pocket.sqs.add_queue(DEAD_LETTERS)
    queues[pair.dead_letters_url] = queues.pop(mine)
    mine = pair.pocket.sqs.add_queue(
        TASKS,
        pair.dead_letters_url,
        visibility_seconds=HIDDEN_SECONDS,
        max_receive_count=MAX_RECEIVES,
    )
    queues[pair.tasks_url] = queues.pop(mine)


def _add_the_rest(pair: Pair, undo: ExitStack) -> None:
    sns, s3, secrets = (pair.clients[name] for name in ("sns", "s3", "secretsmanager"))
    pair.topic_arn = sns.create_topic(Name=TOPIC)["TopicArn"]
    undo.callback(sns.delete_topic, TopicArn=pair.topic_arn)
    topics = pair.pocket.sns.topics
    topics[pair.topic_arn] = topics.pop(pair.pocket.sns.add_topic(TOPIC))
    topics[pair.topic_arn].confirmed = 0
    for name in (BUCKET, PLAIN_BUCKET):
        s3.create_bucket(Bucket=name)
        undo.callback(_delete_bucket, s3, name)
        pair.pocket.s3.add_bucket(name, is_versioned=name == BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    secrets.create_secret(Name=SECRET, SecretString="abc")
    undo.callback(secrets.delete_secret, SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    pair.pocket.secretsmanager.add_secret(SECRET, "abc")


def _delete_bucket(s3: Any, name: str) -> None:
    found = s3.list_object_versions(Bucket=name)
    for entry in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
        s3.delete_object(Bucket=name, Key=entry["Key"], VersionId=entry["VersionId"])
    s3.delete_bucket(Bucket=name)


def _answer(call: Any) -> dict[str, Any]:
    """Returns an answer, or of an error all that code here may look at."""
    try:
        found: dict[str, Any] = call()
    except ClientError as error:
        kind = type(error).__name__
        told = {"Code": error.response["Error"]["Code"], "Class": kind}
        reasons = error.response.get("CancellationReasons", ())
        codes = [(reason["Code"], reason.get("Item")) for reason in reasons]
        return {"Error": told, "Item": error.response.get("Item"), "Reasons": codes}
    return {**found, "Body": found["Body"].read()} if "Body" in found else found


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _comparable(v) for k, v in value.items() if k not in _NOT_COMPARED}
    if isinstance(value, list | tuple):
        return [_comparable(entry) for entry in value]
    return value
