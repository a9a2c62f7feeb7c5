"""An empty stack in moto, and a receiver behind a socket."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
import pytest
from moto import mock_aws

import agent_handler
import approval_services
import aws_template
import unitok_handler
from world import LINK_KEYS, REGION, World, http_event


@pytest.fixture(scope="session", autouse=True)
def shared_clients() -> Iterator[None]:
    """Makes every AWS client once: making one takes longer than most tests here."""
    made: dict[Any, Any] = {}
    create = botocore.session.Session.create_client

    def create_once(self: Any, service_name: str, *args: Any, **kwargs: Any) -> Any:
        if service_name not in made:
            made[service_name] = create(self, service_name, *args, **kwargs)
        return made[service_name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session.Session, "create_client", create_once)
        yield


@pytest.fixture
def receiver() -> Iterator[str]:
    """UniTok's real handler behind a socket; yields its URL."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            signed = "AWS4-HMAC-SHA256" in headers.get("authorization", "")
            event = http_event("POST", urlsplit(self.path), headers, body, iam=signed)
            answer = unitok_handler.handler(event, None)
            data = answer["body"].encode()
            self.send_response(answer["statusCode"])
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Keeps the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, receiver: str) -> Iterator[World]:
    """An empty stack: tables as the template declares them, queues, topic, bucket, secret."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        services = ("dynamodb", "sqs", "sns", "s3", "secretsmanager")
        aws = {name: boto3.client(name, region_name=REGION) for name in services}
        env = _make_resources(aws) | {
            "APPROVAL_BASE_URL": "https://approvals.example.com",
            "DECIDE_WITHIN_SECONDS": "3600",
            "RETENTION_DAYS": "90",
            "MODEL_ID": "stand-in",
            "PUBLISH_ENDPOINT_URL": receiver,
            "PUBLISH_TOKEN_SECRET_ARN": "",
            "METRICS_NAMESPACE": "test",
        }
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        caches = (agent_handler._resources, approval_services.services, unitok_handler._store)
        for cached in caches:
            cached.cache_clear()
        yield World(aws, env, monkeypatch)
        for cached in caches:
            cached.cache_clear()


def _make_resources(aws: dict[str, Any]) -> dict[str, str]:
    env = {}
    for name, logical_id in {
        "SESSIONS_TABLE_NAME": "SessionsTable",
        "APPROVALS_TABLE_NAME": "ApprovalsTable",
        "POSTS_TABLE_NAME": "PostsTable",
    }.items():
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
    secret = aws["secretsmanager"].create_secret(
        Name="link-keys", SecretString=json.dumps(LINK_KEYS)
    )
    return env | {
        "APPROVAL_TOPIC_ARN": topic,
        "STATE_BUCKET_NAME": "test-agent-state",
        "LINK_KEYS_SECRET_ARN": secret["ARN"],
    }
