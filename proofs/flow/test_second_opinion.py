"""The walkthrough and a denial once more, on moto: what one AWS in memory gets wrong, two may not.

Not for races: in moto two conditional writes at the same moment can both win.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws
from moto.core import patch_client

import aws_template
import test_detours
import test_walkthrough
from longrunning_testkit.worlds import (
    LINK_KEYS,
    REGION,
    TABLES,
    Mail,
    forget_environments,
    mails_of,
    make_clients,
    set_environment,
)
from pocket import Clock, Pocket
from sample_world import World, use_sample


class MotoWorld(World):
    """A world on moto, which sends e-mails to a queue."""

    def read_mail(self, topic: str = "APPROVAL_TOPIC_ARN") -> list[Mail]:
        """Returns the e-mails that came since the last look."""
        new: list[Mail] = []
        url = self.env["MAIL_QUEUE_URL"]
        while found := self.aws["sqs"].receive_message(QueueUrl=url).get("Messages"):
            published = json.loads(found[0]["Body"])
            base_url = self.env["APPROVAL_BASE_URL"]
            new += mails_of(published["Subject"], published["Message"], base_url)
            self.aws["sqs"].delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
        return new


@pytest.fixture
def moto_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An empty stack in moto, on this machine's clock."""
    clients = make_clients()
    for client in clients.values():
        patch_client(client)
    with mock_aws():
        env = set_environment(monkeypatch, make_resources(clients))
        monkeypatch.setenv("MAXIMUM_CONCURRENCY", "0")  # This clock is real: no e-mail waits.
        clock = Clock()
        world = MotoWorld(clients, env, monkeypatch, Pocket(clock), clock)
        use_sample(monkeypatch, world.receiver)
        yield world
    forget_environments()


def make_resources(aws: dict[str, Any]) -> dict[str, str]:
    env = {}
    for name, logical_id in TABLES.items():
        table = aws_template.table_properties(logical_id)
        aws["dynamodb"].create_table(**table)
        env[name] = table["TableName"]
    for name in ("TASK_QUEUE", "DEAD_LETTER_QUEUE", "MAIL_QUEUE"):
        env[f"{name}_URL"] = aws["sqs"].create_queue(QueueName=name.lower())["QueueUrl"]
    topic = aws["sns"].create_topic(Name="approval-notifications")["TopicArn"]
    mail_arn = f"arn:aws:sqs:{REGION}:123456789012:mail_queue"
    aws["sns"].subscribe(TopicArn=topic, Protocol="sqs", Endpoint=mail_arn)
    location = {"LocationConstraint": REGION}
    aws["s3"].create_bucket(Bucket="test-agent-state", CreateBucketConfiguration=location)
    versions = {"Status": "Enabled"}
    aws["s3"].put_bucket_versioning(Bucket="test-agent-state", VersioningConfiguration=versions)
    secret = json.dumps(LINK_KEYS)
    keys = aws["secretsmanager"].create_secret(Name="link-keys", SecretString=secret)
    return env | {
        "APPROVAL_TOPIC_ARN": topic,
        "STATE_BUCKET_NAME": "test-agent-state",
        "LINK_KEYS_SECRET_ARN": keys["ARN"],
    }


def test_the_walkthrough_is_the_same_on_moto(moto_world: World) -> None:
    test_walkthrough.test_walkthrough(moto_world)


def test_a_denial_is_the_same_on_moto(moto_world: World) -> None:
    test_detours.test_denied_with_a_comment_is_revised_and_asked_again(moto_world)
