"""What the template promises: names, limits, rights, encryption."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

import aws_template

ROOT = aws_template.ROOT
TEMPLATE = aws_template.load()
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]
STEPS = "arrive validate load run pause save notify decide resume publish".split()
FUNCTIONS = {
    "AgentFunction": "src/agent",
    "ApprovalFunction": "src/approval_api",
    "UniTokFunction": "src/unitok",
}

# Every right of every function. A new one is added here on purpose, or not at all.
TRACING = {"*": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}}
LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents"}
ITEMS = {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
MODEL = {"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}
ARN = "arn:${AWS::Partition}"
HERE = "${AWS::Region}:${AWS::AccountId}"
RIGHTS = {
    "AgentRole": {
        "TaskQueue.Arn": {
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ChangeMessageVisibility",
        },
        "DeadLetterQueue.Arn": {"sqs:SendMessage"},
        "SessionsTable.Arn": ITEMS,
        "ApprovalsTable.Arn": ITEMS | {"dynamodb:Query"},
        "${StateBucket.Arn}/*": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
        "StateBucket.Arn": {"s3:ListBucket"},
        "ApprovalTopic": {"sns:Publish"},
        "LinkKeys": {"secretsmanager:GetSecretValue"},
        "PublishTokenSecretArn": {"secretsmanager:GetSecretValue"},
        f"{ARN}:execute-api:{HERE}:${{UniTokApi}}/$default/POST/posts": {"execute-api:Invoke"},
        f"{ARN}:bedrock:${{AWS::Region}}::foundation-model/${{ModelId}}": MODEL,
        f"{ARN}:bedrock:{HERE}:inference-profile/${{ModelId}}": MODEL,
        f"{ARN}:bedrock:*::foundation-model/${{Vendor}}.${{Model}}*": MODEL,
        "AgentLogGroup.Arn": LOGGING,
        **TRACING,
    },
    "ApprovalRole": {
        "ApprovalsTable.Arn": {"dynamodb:GetItem", "dynamodb:UpdateItem"},
        "TaskQueue.Arn": {"sqs:SendMessage"},
        "LinkKeys": {"secretsmanager:GetSecretValue"},
        "ApprovalLogGroup.Arn": LOGGING,
        **TRACING,
    },
    "UniTokRole": {
        "PostsTable.Arn": {"dynamodb:PutItem", "dynamodb:BatchGetItem"},
        "${PostsTable.Arn}/index/newest-first": {"dynamodb:Query"},
        "UniTokLogGroup.Arn": LOGGING,
        **TRACING,
    },
}
# Lambda itself uses these, to hand the queue's messages to the function.
USED_BY_LAMBDA = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}


def properties(logical_id: str) -> dict[str, Any]:
    return RESOURCES[logical_id]["Properties"]


def of_type(kind: str) -> list[str]:
    return [name for name, resource in RESOURCES.items() if resource["Type"] == kind]


def statements(role: str) -> list[dict[str, Any]]:
    """The statements of a role; a conditional one is `[condition, statement, no value]`."""
    [policy] = properties(role)["Policies"]
    found = policy["PolicyDocument"]["Statement"]
    return [statement[1] if isinstance(statement, list) else statement for statement in found]


def as_list(value: Any) -> list[Any]:
    """One value or several; `!Sub [text, values]` is one text."""
    if isinstance(value, list) and isinstance(value[-1], dict):
        return value[:1]
    return value if isinstance(value, list) else [value]


def variables(function: str) -> set[str]:
    own = properties(function)["Environment"]["Variables"]
    return {*own, *TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]}


@pytest.mark.parametrize(
    ("logical_id", "property_name", "ending"),
    [
        ("TaskQueue", "QueueName", "post-generator-task-queue"),
        ("DeadLetterQueue", "QueueName", "post-generator-dead-letter-queue"),
        ("SessionsTable", "TableName", "agent-memory-store"),
        ("ApprovalsTable", "TableName", "approvals"),
        ("ApprovalTopic", "TopicName", "approval-notifications"),
        ("ApprovalApi", "Name", "approval-api"),
        ("UniTokApi", "Name", "unitok-api"),
    ],
)
def test_names_start_with_the_stack_and_end_as_documented(
    logical_id: str, property_name: str, ending: str
) -> None:
    assert properties(logical_id)[property_name] == f"${{AWS::StackName}}-{ending}"


def test_queue_hides_a_message_six_times_as_long_as_the_function_may_run() -> None:
    timeout_seconds = properties("AgentFunction")["Timeout"]
    assert properties("TaskQueue")["VisibilityTimeout"] >= 6 * timeout_seconds


def test_a_message_is_tried_five_times_and_then_kept_for_14_days() -> None:
    redrive = properties("TaskQueue")["RedrivePolicy"]
    assert redrive == {"deadLetterTargetArn": "DeadLetterQueue.Arn", "maxReceiveCount": 5}
    assert properties("DeadLetterQueue")["MessageRetentionPeriod"] == 14 * 86_400


def test_agent_is_given_one_message_at_a_time_and_reports_which_failed() -> None:
    event = properties("AgentFunction")["Events"]["Message"]
    assert event["Type"] == "SQS"
    assert event["Properties"] == {
        "Queue": "TaskQueue.Arn",
        "BatchSize": 1,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": "MaximumConcurrency"},
    }


@pytest.mark.parametrize("role", RIGHTS)
def test_rights_are_exactly_these(role: str) -> None:
    found: dict[str, set[str]] = {}
    for statement in statements(role):
        assert statement["Effect"] == "Allow"
        for resource in as_list(statement["Resource"]):
            found.setdefault(resource, set()).update(as_list(statement["Action"]))
    assert found == RIGHTS[role]


@pytest.mark.parametrize("role", RIGHTS)
def test_only_tracing_has_no_resource_to_name(role: str) -> None:
    unbound = [s["Action"] for s in statements(role) if s["Resource"] == "*"]
    assert unbound == [["xray:PutTraceSegments", "xray:PutTelemetryRecords"]]
    assert not any("*" in action for s in statements(role) for action in as_list(s["Action"]))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_right_is_used_by_the_code(function: str) -> None:
    role = properties(function)["Role"].removesuffix(".Arn")
    assert statements(role)
    code = "".join(
        path.read_text()
        for folder in (FUNCTIONS[function], "src/layer/python")
        for path in (ROOT / folder).rglob("*.py")
    )
    granted = {action for statement in statements(role) for action in as_list(statement["Action"])}
    checked = ("dynamodb:", "s3:Get", "s3:Put", "s3:Delete", "sns:", "sqs:", "secretsmanager:")
    for action in sorted(granted - USED_BY_LAMBDA):
        if action.startswith(checked):
            call = re.sub(r"(?<!^)(?=[A-Z])", "_", action.partition(":")[2]).lower()
            assert re.search(rf'[.("]{call}\b', code), f"{function} never calls {call}"


def test_a_model_in_another_region_is_reached_through_the_profile_only() -> None:
    [anywhere] = [s for s in statements("AgentRole") if "bedrock:*" in str(s["Resource"])]
    profile = f"{ARN}:bedrock:{HERE}:inference-profile/${{ModelId}}"
    assert anywhere["Condition"] == {"StringEquals": {"bedrock:InferenceProfileArn": profile}}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_is_given_every_variable_it_reads_and_no_other(function: str) -> None:
    code = "".join(path.read_text() for path in (ROOT / FUNCTIONS[function]).glob("*.py"))
    read = set(re.findall(r'env(?:iron)?(?:\.get\(|\[)"([A-Z_]+)"', code))
    assert {name for name in read if not name.startswith("AWS_")} == variables(function)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_has_a_role_a_log_group_with_retention_and_tracing(function: str) -> None:
    name = function.removesuffix("Function")
    assert properties(function)["Role"] == f"{name}Role.Arn"
    assert properties(function)["LoggingConfig"] == {"LogGroup": f"{name}LogGroup"}
    assert properties(f"{name}LogGroup")["RetentionInDays"] > 0
    assert TEMPLATE["Globals"]["Function"]["Tracing"] == "Active"


def test_open_approvals_are_indexed_by_the_time_they_are_due() -> None:
    [index] = properties("ApprovalsTable")["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "open-approvals"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["open_shard", "due_at"]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


@pytest.mark.parametrize("table", ["SessionsTable", "ApprovalsTable"])
def test_old_sessions_and_approvals_are_deleted(table: str) -> None:
    ttl = properties(table)["TimeToLiveSpecification"]
    assert ttl == {"AttributeName": "expires_at", "Enabled": True}


def test_bucket_keeps_an_object_longer_than_any_session_that_needs_it() -> None:
    [rule] = properties("StateBucket")["LifecycleConfiguration"]["Rules"]
    own = properties("AgentFunction")["Environment"]["Variables"]
    waiting_days = max(int(hours) for hours in TEMPLATE["Mappings"]["Hours"]) / 24
    assert rule["ExpirationInDays"] > int(own["RETENTION_DAYS"]) + waiting_days


def test_what_is_stored_is_encrypted() -> None:
    assert all(properties(queue)["SqsManagedSseEnabled"] for queue in of_type("AWS::SQS::Queue"))
    assert all(properties(topic)["KmsMasterKeyId"] for topic in of_type("AWS::SNS::Topic"))
    for bucket in of_type("AWS::S3::Bucket"):
        assert properties(bucket)["BucketEncryption"]
        assert set(properties(bucket)["PublicAccessBlockConfiguration"].values()) == {True}


@pytest.mark.parametrize(
    ("policy", "protected"),
    [
        ("QueuePolicy", ["TaskQueue", "DeadLetterQueue"]),
        ("ApprovalTopicPolicy", ["ApprovalTopic"]),
        ("StateBucketPolicy", ["StateBucket"]),
    ],
)
def test_unencrypted_connections_are_denied(policy: str, protected: list[str]) -> None:
    [statement] = properties(policy)["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    resources = {resource.removesuffix(".Arn") for resource in as_list(statement["Resource"])}
    assert resources >= set(protected)


def test_posting_needs_a_signature_and_reading_does_not() -> None:
    events = properties("UniTokFunction")["Events"].values()
    signed = {(e["Properties"]["Method"], "Auth" in e["Properties"]) for e in events}
    assert signed == {("POST", True), ("GET", False), ("HEAD", False)}


def test_unitok_is_there_only_when_no_other_endpoint_is_given() -> None:
    assert TEMPLATE["Conditions"]["UseUniTok"] == ["PublishEndpoint", ""]
    conditional = {name for name, r in RESOURCES.items() if r.get("Condition") == "UseUniTok"}
    named = {name for name in RESOURCES if "UniTok" in name}
    assert conditional == named | {"PostsTable"}


def test_link_keys_are_generated_and_never_written_down() -> None:
    generated = properties("LinkKeys")["GenerateSecretString"]
    assert generated["SecretStringTemplate"] == '{"current":"k1"}'
    assert generated["GenerateStringKey"] == "k1"
    assert generated["PasswordLength"] >= 32


def test_only_the_address_must_be_given() -> None:
    required = [name for name, parameter in PARAMETERS.items() if "Default" not in parameter]
    assert required == ["ApproverEmail"]
    assert all(parameter["Description"] for parameter in PARAMETERS.values())
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(PARAMETERS)


def test_hours_are_translated_into_seconds() -> None:
    hours = TEMPLATE["Mappings"]["Hours"]
    assert {key: int(value["Seconds"]) for key, value in hours.items()} == {
        key: int(key) * 3_600 for key in PARAMETERS["DecideWithinHours"]["AllowedValues"]
    }


def test_resources_stand_in_the_order_of_the_walk() -> None:
    banners = re.findall(r"^  # ── (\w+) ─+$", (ROOT / "template.yaml").read_text(), re.MULTILINE)
    assert banners == STEPS


def test_every_runtime_and_architecture_has_its_build_target() -> None:
    allowed = (PARAMETERS[name]["AllowedValues"] for name in ("PythonRuntime", "Architecture"))
    targets = {
        folder.name: re.search(r" (python\S+) (\S+) \. ", makefile_of(folder))
        for folder in (ROOT / "targets").iterdir()
        if folder.is_dir() and folder.name != "__pycache__"
    }
    assert set(targets) == {"-".join(pair) for pair in itertools.product(*allowed)}
    assert all(found and "-".join(found.groups()) == name for name, found in targets.items())


def makefile_of(folder: Path) -> str:
    return (folder / "Makefile").read_text()
