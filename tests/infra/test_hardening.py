"""What protects the data: encryption, backups, what stays, what is logged and what is not."""

import json
import re
from typing import Any

import pytest
import yaml

import aws_template
from aws_template import as_list, of_type, properties
from sam_clone import processed_resources

TEMPLATE = aws_template.load()
RESOURCES = aws_template.resources()
TABLES = of_type("AWS::DynamoDB::Table")
APIS = of_type("AWS::Serverless::HttpApi")
LOG_GROUPS = of_type("AWS::Logs::LogGroup")
FUNCTIONS = of_type("AWS::Serverless::Function")
MAKEFILE = (aws_template.ROOT / "Makefile").read_text()
API_SETTINGS: dict[str, Any] = TEMPLATE["Globals"]["HttpApi"]

ENCRYPTED_BY = {
    "AWS::DynamoDB::Table": {"SSESpecification": {"SSEEnabled": True}},
    "AWS::SQS::Queue": {"SqsManagedSseEnabled": True},
    "AWS::S3::Bucket": {
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
            ]
        }
    },
}
KEYS_OF_TOPICS = {
    "ApprovalTopic": "alias/aws/sns",
    "EscalationTopic": "alias/aws/sns",
    "AlarmTopic": None,
}
"""The texts of alarms have names and counts, and AWS's key would keep CloudWatch out."""
ALWAYS_ENCRYPTED = {
    "AWS::Lambda::Version",
    "AWS::Logs::LogGroup",
    "AWS::SecretsManager::Secret",
    "AWS::Serverless::Function",
    "AWS::Serverless::LayerVersion",
    "AWS::StepFunctions::StateMachine",
}
"""By AWS, with a key of its own; a key of the stack's would be an option, not the encryption."""
HOLD_NO_DATA = {
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Events::Rule",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::EventSourceMapping",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Serverless::HttpApi",
}
LOGGED = {
    "requestTime",
    "identity.sourceIp",
    "identity.userArn",
    "routeKey",
    "status",
    "responseLatency",
    "error.responseType",
    "requestId",
    "integration.requestId",
}
"""Source: API Gateway, "Logging variables for HTTP APIs". None of them holds a path or a query."""


# --- at rest -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ENCRYPTED_BY)
def test_what_is_stored_is_encrypted(kind: str) -> None:
    assert of_type(kind)
    for name in of_type(kind):
        assert ENCRYPTED_BY[kind].items() <= properties(name).items()


def test_topics_that_carry_links_are_encrypted() -> None:
    topics = of_type("AWS::SNS::Topic")
    assert {name: properties(name).get("KmsMasterKeyId") for name in topics} == KEYS_OF_TOPICS


def test_every_type_of_resource_is_known_to_be_encrypted_or_to_hold_nothing() -> None:
    known = ENCRYPTED_BY.keys() | ALWAYS_ENCRYPTED | HOLD_NO_DATA | {"AWS::SNS::Topic"}
    assert {resource["Type"] for resource in RESOURCES.values()} == known


def test_the_bucket_is_nobody_elses() -> None:
    for bucket in of_type("AWS::S3::Bucket"):
        assert set(properties(bucket)["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(properties(bucket)["PublicAccessBlockConfiguration"]) == 4
        ownership = properties(bucket)["OwnershipControls"]["Rules"]
        assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]


# --- on the way ----------------------------------------------------------------------------------


def test_unencrypted_connections_are_denied_everywhere() -> None:
    denied = set()
    for policy in of_type(
        "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy"
    ):
        statement = properties(policy)["PolicyDocument"]["Statement"][0]
        assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        assert statement["Action"] in ("sqs:*", "sns:Publish", "s3:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        denied |= {resource.removesuffix(".Arn") for resource in as_list(statement["Resource"])}
    protected = {*of_type("AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::S3::Bucket")}
    assert denied == protected | {"${StateBucket.Arn}/*"}


def test_a_policy_applies_to_what_it_names() -> None:
    for policy in of_type("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        attached = properties(policy).get("Queues") or properties(policy)["Topics"]
        for statement in properties(policy)["PolicyDocument"]["Statement"]:
            named = {name.removesuffix(".Arn") for name in as_list(statement["Resource"])}
            assert named == set(attached)
            assert len(named) == 1, "SQS takes one resource in a statement"
            assert RESOURCES[policy].get("Condition") == RESOURCES[attached[0]].get("Condition")


def test_alarms_and_the_rule_of_this_account_may_send_and_nobody_else_is_let_in() -> None:
    allowed = [
        (policy, statement["Principal"], statement["Condition"])
        for policy in of_type("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")
        for statement in properties(policy)["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    own_account = {"StringEquals": {"aws:SourceAccount": "AWS::AccountId"}}
    of_the_rule = {"ArnEquals": {"aws:SourceArn": "JobEndedRule.Arn"}}
    events = {"Service": "events.amazonaws.com"}
    assert allowed == [
        ("QueuePolicy", events, of_the_rule),
        ("DeadLetterQueuePolicy", events, of_the_rule),
        ("AlarmTopicPolicy", {"Service": "cloudwatch.amazonaws.com"}, own_account),
    ]


# --- what stays ----------------------------------------------------------------------------------


@pytest.mark.parametrize("logical_id", [*TABLES, "StateBucket"])
def test_what_was_decided_outlives_the_stack(logical_id: str) -> None:
    resource = RESOURCES[logical_id]
    assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
    assert resource["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("table", TABLES)
def test_tables_can_be_restored_and_protected(table: str) -> None:
    backups = properties(table)["PointInTimeRecoverySpecification"]
    assert backups == {"PointInTimeRecoveryEnabled": True}
    assert properties(table)["DeletionProtectionEnabled"] == ["ProtectTables", True, False]
    assert TEMPLATE["Conditions"]["ProtectTables"] == ["DeletionProtection", "true"]


# --- logs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", LOG_GROUPS)
def test_logs_are_kept_as_long_as_the_parameter_says(group: str) -> None:
    assert properties(group)["RetentionInDays"] == "LogRetentionDays"


def test_every_function_and_every_api_has_a_log_group_of_its_own() -> None:
    groups = [properties(name)["LoggingConfig"]["LogGroup"] for name in FUNCTIONS]
    groups += [
        properties(name)["AccessLogSettings"]["DestinationArn"].removesuffix(".Arn")
        for name in APIS
    ]
    assert sorted(groups) == sorted(LOG_GROUPS)


def test_access_logs_hold_no_path() -> None:
    logged = API_SETTINGS["AccessLogSettings"]["Format"]
    assert set(re.findall(r"\$context\.([\w.]+)", logged)) == LOGGED
    assert "\n" not in logged
    assert all(value.startswith("$context.") for value in json.loads(logged).values())
    assert not any("Format" in properties(api)["AccessLogSettings"] for api in APIS)


def test_every_stage_of_an_api_logs_and_is_throttled_as_the_globals_say() -> None:
    stages = [r for r in processed_resources().values() if r["Type"] == "AWS::ApiGatewayV2::Stage"]
    assert len(stages) == len(APIS)
    for stage in stages:
        assert stage["Properties"]["AccessLogSettings"].keys() == {"DestinationArn", "Format"}
        limits = stage["Properties"]["DefaultRouteSettings"]
        assert limits == API_SETTINGS["DefaultRouteSettings"]


def test_apis_are_throttled() -> None:
    settings = API_SETTINGS["DefaultRouteSettings"]
    assert 0 < settings["ThrottlingRateLimit"] <= settings["ThrottlingBurstLimit"] <= 200
    assert not any({"DefaultRouteSettings", "RouteSettings"} & set(properties(api)) for api in APIS)


def test_operators_sign_and_holders_of_a_link_or_of_a_cookie_need_not() -> None:
    routes = {
        (event["Properties"]["Path"], event["Properties"].get("Auth", {}).get("Authorizer"))
        for name in ("ApprovalFunction", "OperatorFunction")
        for event in properties(name)["Events"].values()
    }
    assert routes == {
        ("/approvals/{token}", None),
        ("/callbacks/{token}", None),
        ("/inbox", None),
        ("/inbox/{proxy+}", None),
        *(
            (f"/operator/{name}", "AWS_IAM")
            for name in (
                "approvals",
                "approval",
                "history",
                "decide",
                "cancel",
                "extend",
                "resend",
                "inbox-link",
            )
        ),
    }


# --- checkov -------------------------------------------------------------------------------------


def test_every_finding_that_is_left_has_its_reason_beside_it() -> None:
    settings = (aws_template.ROOT / ".checkov.yaml").read_text()
    skipped = re.findall(r"^  - (\S+) # (.+)$", settings, re.MULTILINE)
    assert [check for check, _ in skipped] == yaml.safe_load(settings)["skip-check"]
    assert [reason for _, reason in skipped if len(reason.split()) < 3] == []
    for file in aws_template.files().values():
        assert "checkov:skip" not in file.read_text(), "beside the others, with its reason"


def test_checkov_reads_every_template() -> None:
    (read,) = re.findall(r"^TEMPLATES := (.+)$", MAKEFILE, re.MULTILINE)
    assert sorted(read.split()) == sorted(
        str(file.relative_to(aws_template.ROOT)) for file in aws_template.files().values()
    )
    assert "$(TEMPLATES:%=--file %)" in MAKEFILE


def test_all_functions_but_the_sweeper_are_traced() -> None:
    """What checkov is told to leave out for one function holds for no other."""
    own = {name: properties(name).get("Tracing") for name in FUNCTIONS}
    assert {name: tracing for name, tracing in own.items() if tracing} == {
        "SweeperFunction": "PassThrough"
    }
    assert TEMPLATE["Globals"]["Function"]["Tracing"] == "Active"
