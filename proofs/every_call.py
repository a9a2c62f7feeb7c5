"""One call for each resource of the stack and each action worth trying, and a function to try them.

None of the calls changes anything, allowed or not: each asks for what is not there, or for what no
service accepts. Where a right is missing, IAM refuses before the service looks.
"""

from collections.abc import Iterator
from typing import Any

from rights import (
    DECIDED_APPROVALS,
    NEWEST_POSTS,
    OBJECTS,
    OPEN_APPROVALS,
    PICTURES,
    POST_TO_UNITOK,
)

Right = tuple[str, str]
"""A resource as `rights.py` writes it, and an action."""
Call = tuple[str, str, dict[str, Any]]
"""Service, method of its boto3 client, arguments. For an HTTP API: method, and a URL."""
Tries = Iterator[tuple[str, Call]]

FUNCTIONS = ("Agent", "Approval", "UniTok", "Sweeper", "Operator")
KEYS = {
    "SessionsTable": {"session_id": {"S": "nobody"}, "agent_name": {"S": "none"}},
    "ApprovalsTable": {"session_id": {"S": "nobody"}, "tool_use_id": {"S": "none"}},
    "PostsTable": {"feed": {"S": "none"}, "idempotency_key": {"S": "none"}},
}
INDEXES = {
    OPEN_APPROVALS: ("ApprovalsTable", "open_shard"),
    DECIDED_APPROVALS: ("ApprovalsTable", "decided_month"),
    NEWEST_POSTS: ("PostsTable", "feed"),
}
MAX_MESSAGE_BYTES = 256 * 1024  # Source: SNS, "Publish".
PREFIXES = {"stepfunctions": "states"}
OTHER_NAMES = {"ListObjectsV2": "ListBucket", "Invoke": "InvokeFunction"}

PROBE = """
import urllib.error
import urllib.request
from functools import cache

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError

REFUSED = ("AccessDenied", "AccessDeniedException", "AuthorizationError")


def handler(event, context):
    return [is_let_in(method, **a) if s == "execute-api" else is_allowed(s, method, a)
            for s, method, a in event]


@cache
def client_of(service):
    return boto3.client(service, config=Config(parameter_validation=False))


def is_allowed(service, method, arguments):
    try:
        getattr(client_of(service), method)(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"] not in REFUSED
    return True


def is_let_in(method, url):
    request = AWSRequest(method, url, data=b"{}" if method == "POST" else None)
    credentials = boto3.Session().get_credentials()
    SigV4Auth(credentials, "execute-api", "us-east-1").add_auth(request)
    sent = urllib.request.Request(url, request.data, dict(request.headers), method=method)
    try:
        return urllib.request.urlopen(sent).status != 403
    except urllib.error.HTTPError as error:
        return error.code != 403
"""
"""A function that tries calls and returns for each whether IAM let it through."""


def every_call(ids: dict[str, str], api_urls: dict[str, str]) -> dict[Right, Call]:
    """Returns the calls by the right that each needs.

    Args:
        ids: The physical ids of the stack's resources.
        api_urls: The URLs of its HTTP APIs, by logical id.
    """
    tries = [*_of_tables(ids), *_of_queues(ids), *_of_topics(ids), *_of_bucket(ids), *_of_jobs(ids)]
    tries += _others(ids)
    calls = {(resource, _action(call)): call for resource, call in tries}
    for resource, method, url in (
        (POST_TO_UNITOK, "POST", f"{api_urls['UniTokApi']}/posts"),
        ("GET /operator/approvals", "GET", f"{api_urls['ApprovalApi']}/operator/approvals"),
        *(
            (f"POST /operator/{name}", "POST", f"{api_urls['ApprovalApi']}/operator/{name}")
            for name in ("decide", "cancel", "extend", "resend")
        ),
    ):
        calls[resource, "execute-api:Invoke"] = ("execute-api", method, {"url": url})
    return calls


def _action(call: Call) -> str:
    service, method, arguments = call
    action = "".join(word.capitalize() for word in method.split("_"))
    if "VersionId" in arguments:
        action = f"{action}Version"
    service = PREFIXES.get(service, service)
    return f"{service}:{OTHER_NAMES.get(action, action)}"


def _of_tables(ids: dict[str, str]) -> Tries:
    for logical_id, key in KEYS.items():
        name, first = ids[logical_id], next(iter(key))
        table, there = {"TableName": name}, {"ConditionExpression": f"attribute_exists({first})"}
        for method, arguments in {
            "get_item": table | {"Key": key, "ProjectionExpression": first},
            "put_item": table | {"Item": key} | there,
            "update_item": table | {"Key": key} | there,
            "delete_item": table | {"Key": key} | there,
            "query": table | _nobodys(first) | {"ProjectionExpression": first},
            "scan": table | {"Limit": 1},
            "batch_get_item": {"RequestItems": {name: {"Keys": [key]}}},
            "batch_write_item": {"RequestItems": {name: [{"DeleteRequest": {"Key": key}}]}},
            "describe_table": table,
            "delete_table": table | {"TableName": f"{name}-none"},
        }.items():
            yield f"{logical_id}.Arn", ("dynamodb", method, arguments)
    for resource, (logical_id, first) in INDEXES.items():
        index = {"TableName": ids[logical_id], "IndexName": resource.rpartition("/")[2]}
        yield resource, ("dynamodb", "query", index | _nobodys(first))
        yield resource, ("dynamodb", "scan", index | {"Limit": 1})


def _nobodys(key: str) -> dict[str, Any]:
    return {
        "KeyConditionExpression": f"{key} = :none",
        "ExpressionAttributeValues": {":none": {"S": "none"}},
    }


def _of_queues(ids: dict[str, str]) -> Tries:
    for logical_id in ("TaskQueue", "DeadLetterQueue"):
        queue = {"QueueUrl": ids[logical_id]}
        receipt = queue | {"ReceiptHandle": "none"}
        for method, arguments in {
            "send_message": queue | {"MessageBody": "\0"},
            "receive_message": queue | {"MaxNumberOfMessages": 11},
            "delete_message": receipt,
            "change_message_visibility": receipt | {"VisibilityTimeout": 0},
            "get_queue_attributes": queue,
            "set_queue_attributes": queue | {"Attributes": {"VisibilityTimeout": "none"}},
            "purge_queue": queue,
        }.items():
            yield f"{logical_id}.Arn", ("sqs", method, arguments)


def _of_topics(ids: dict[str, str]) -> Tries:
    for logical_id in ("ApprovalTopic", "EscalationTopic", "AlarmTopic"):
        topic = {"TopicArn": ids[logical_id]}
        for method, arguments in {
            "publish": topic | {"Message": "x" * (MAX_MESSAGE_BYTES + 1)},
            "get_topic_attributes": topic,
            "subscribe": topic | {"Protocol": "none"},
            "list_subscriptions_by_topic": topic,
        }.items():
            yield logical_id, ("sns", method, arguments)


def _of_bucket(ids: dict[str, str]) -> Tries:
    bucket = {"Bucket": ids["StateBucket"]}
    there = bucket | {"Key": "nobody/none/none"}
    yield OBJECTS, ("s3", "get_object", there)
    yield OBJECTS, ("s3", "get_object", there | {"VersionId": "none"})
    yield OBJECTS, ("s3", "delete_object", there | {"VersionId": "none"})
    yield OBJECTS, ("s3", "put_object", there | {"Body": "", "IfMatch": '"none"'})
    yield OBJECTS, ("s3", "delete_object", there)
    yield "StateBucket.Arn", ("s3", "list_objects_v2", bucket | {"MaxKeys": 1})
    yield "StateBucket.Arn", ("s3", "get_bucket_policy", bucket)
    yield "StateBucket.Arn", ("s3", "delete_bucket_policy", bucket)


def _of_jobs(ids: dict[str, str]) -> Tries:
    machine = ids["PictureMachine"]
    execution = {"executionArn": f"{machine.replace(':stateMachine:', ':execution:')}:none"}
    start = {"stateMachineArn": machine, "name": "none", "input": "no JSON"}
    yield "PictureMachine", ("stepfunctions", "start_execution", start)
    described = {"stateMachineArn": machine}
    yield "PictureMachine", ("stepfunctions", "describe_state_machine", described)
    yield PICTURES, ("stepfunctions", "describe_execution", execution)
    yield PICTURES, ("stepfunctions", "stop_execution", execution)


def _others(ids: dict[str, str]) -> Tries:
    secret = {"SecretId": ids["LinkKeys"]}
    yield "LinkKeys", ("secretsmanager", "get_secret_value", secret)
    yield "LinkKeys", ("secretsmanager", "put_secret_value", secret | {"SecretString": ""})
    for name in FUNCTIONS:
        function = {"FunctionName": ids[f"{name}Function"]}
        yield f"{name}Function.Arn", ("lambda", "invoke", function | {"InvocationType": "DryRun"})
        yield f"{name}Function.Arn", ("lambda", "get_function", function)
    yield "*", ("iam", "list_roles", {})
    yield "*", ("kms", "list_keys", {})
    yield "*", ("cloudformation", "list_stacks", {})
