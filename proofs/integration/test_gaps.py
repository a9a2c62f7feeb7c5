"""The gaps of the emulator that `local/gaps.py` fills: once one is closed, its function can go."""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from local.gaps import fill, time_to_live

from local_stack import LocalStack, wait_until

ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    },
}
INTEGRATION = {
    "type": "aws_proxy",
    "httpMethod": "POST",
    "payloadFormatVersion": "2.0",
    "uri": {"Fn::Sub": "arn:aws:lambda:us-east-1:000000000000:function:${Function}"},
}
TEMPLATE = {
    "Parameters": {"Number": {"Type": "Number", "Default": 3}},
    "Mappings": {"Map": {"a": {"Seconds": 3600}}},
    "Resources": {
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "TimeToLiveSpecification": {"AttributeName": "until", "Enabled": True},
            },
        },
        "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": "x"}},
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Role": ROLE,
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {"ZipFile": "def handler(event, context): pass"},
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Runtime": "python3.12",
                "Environment": {
                    "Variables": {
                        "SECONDS": {"Fn::FindInMap": ["Map", "a", "Seconds"]},
                        "SECRET": {"Ref": "Secret"},
                        "PLAIN": 7,
                        "MAXIMUM_CONCURRENCY": {"Ref": "Number"},
                    }
                },
            },
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
                "Enabled": False,
                "ScalingConfig": {"MaximumConcurrency": {"Ref": "Number"}},
            },
        },
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {
                "Body": {
                    "openapi": "3.0.1",
                    "info": {"title": "gaps", "version": "1"},
                    "paths": {
                        "/things/{id}": {
                            "Fn::If": [
                                "Always",
                                {"get": {"x-amazon-apigateway-integration": INTEGRATION}},
                                {"Ref": "AWS::NoValue"},
                            ]
                        }
                    },
                }
            },
        },
    },
    "Conditions": {"Always": {"Fn::Equals": ["a", "a"]}},
}


@pytest.fixture(scope="module", params=["as it is", "filled"])
def created(stack: LocalStack, request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """What came of the template, as it is and filled."""
    is_filled = request.param == "filled"
    template = fill(TEMPLATE, {"Number": "5"}, TEMPLATE) if is_filled else TEMPLATE
    cloudformation = stack.client("cloudformation")
    name = f"gaps-{'filled' if is_filled else 'open'}"
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "Number", "ParameterValue": "5"}],
        Capabilities=["CAPABILITY_IAM"],
    )

    def is_done() -> bool:
        status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        return str(status) == "CREATE_COMPLETE"

    wait_until(is_done)
    resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    ids = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources}
    yield _observe(stack, ids) | {"is_filled": is_filled}
    cloudformation.delete_stack(StackName=name)
    cloudformation.close()


def _observe(stack: LocalStack, ids: dict[str, str]) -> dict[str, Any]:
    functions, apis = stack.client("lambda"), stack.client("apigatewayv2")
    configuration = functions.get_function_configuration(FunctionName=ids["Function"])
    raw: list[bytes] = []  # boto3 makes a number of a text.
    functions.meta.events.register(
        "before-parse.lambda.GetEventSourceMapping",
        lambda response_dict, **_: raw.append(response_dict["body"]),
    )
    functions.get_event_source_mapping(UUID=ids["Mapping"])
    observed = {
        "routes": [r["RouteKey"] for r in apis.get_routes(ApiId=ids["Api"])["Items"]],
        "environment": configuration["Environment"]["Variables"],
        "concurrency": json.loads(raw[0])["ScalingConfig"]["MaximumConcurrency"],
        "ttl": stack.dynamodb.describe_time_to_live(TableName=ids["Table"]),
    }
    functions.close()
    apis.close()
    return observed


def test_an_api_has_the_routes_of_its_body(created: dict[str, Any]) -> None:
    assert created["routes"] == (["GET /things/{id}"] if created["is_filled"] else [])


def test_a_reference_to_a_secret_is_its_arn(created: dict[str, Any]) -> None:
    is_arn = created["environment"]["SECRET"].startswith("arn:aws:secretsmanager:")
    assert is_arn is created["is_filled"]


def test_an_environment_holds_texts(created: dict[str, Any]) -> None:
    expected = ("3600", "7") if created["is_filled"] else (3600, 7)
    environment = created["environment"]
    assert (environment["SECONDS"], environment["PLAIN"]) == expected


@pytest.mark.parametrize("is_filled", [False, True])
def test_who_may_publish_may_not_publish_in_batches(stack: LocalStack, is_filled: bool) -> None:
    """On AWS the right to publish is the right to publish in batches."""
    policy = {"Statement": [{"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}]}
    if is_filled:
        resource = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy}}
        filled = fill({"Resources": {"P": resource}}, {}, {"Resources": {}})
        policy = filled["Resources"]["P"]["Properties"]["PolicyDocument"]
    iam, name = stack.client("iam"), f"gaps-{is_filled}"
    iam.create_user(UserName=name)
    document = json.dumps({"Version": "2012-10-17", **policy})
    iam.put_user_policy(UserName=name, PolicyName="publish", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    sns = boto3.client(
        "sns",
        region_name=stack.description["region"],
        endpoint_url=stack.description["endpoint_url"],
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    topic = stack.client("sns").create_topic(Name=name)["TopicArn"]
    entries = [{"Id": "1", "Message": "Hello"}]
    try:
        sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
        may = True
    except sns.exceptions.AuthorizationErrorException:
        may = False
    assert may is is_filled


@pytest.mark.parametrize("is_filled", [False, True])
def test_who_may_send_from_one_address_may_not_send(stack: LocalStack, is_filled: bool) -> None:
    """On AWS the identity and the sender's address are there to be compared."""
    sender, name = "gaps@example.com", f"gaps-mail-{is_filled}"
    statement = {"Effect": "Allow", "Action": "ses:SendEmail",
                 "Resource": "arn:aws:ses:*:*:identity/*",
                 "Condition": {"StringEquals": {"ses:FromAddress": sender}}}  # fmt: skip
    policy: dict[str, Any] = {"Statement": [statement]}
    if is_filled:
        resource = {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": policy}}
        filled = fill({"Resources": {"P": resource}}, {}, {"Resources": {}})
        policy = filled["Resources"]["P"]["Properties"]["PolicyDocument"]
    iam = stack.client("iam")
    iam.create_user(UserName=name)
    document = json.dumps({"Version": "2012-10-17", **policy})
    iam.put_user_policy(UserName=name, PolicyName="send", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    ses = boto3.client(
        "sesv2",
        region_name=stack.description["region"],
        endpoint_url=stack.description["endpoint_url"],
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    stack.client("sesv2").create_email_identity(EmailIdentity=sender)
    body = {"Text": {"Data": "Hello"}}
    try:
        ses.send_email(
            FromEmailAddress=sender,
            Destination={"ToAddresses": ["ann@example.com"]},
            Content={"Simple": {"Subject": {"Data": "Hello"}, "Body": body}},
        )
        may = True
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDeniedException"
        may = False
    assert may is is_filled


def test_no_e_mail_waits_for_a_mailbox_that_takes_them_all(created: dict[str, Any]) -> None:
    expected = "0" if created["is_filled"] else "5"
    assert created["environment"]["MAXIMUM_CONCURRENCY"] == expected


def test_a_number_parameter_is_a_number(created: dict[str, Any]) -> None:
    assert created["concurrency"] == (5 if created["is_filled"] else "5")


def test_a_table_ignores_its_time_to_live(created: dict[str, Any]) -> None:
    assert created["ttl"]["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
    resources: Any = TEMPLATE["Resources"]
    assert time_to_live(resources) == {"Table": {"AttributeName": "until", "Enabled": True}}


def test_a_condition_cannot_look_at_a_part_of_a_parameter(stack: LocalStack) -> None:
    part = {"Fn::Select": [0, {"Fn::Split": [":", {"Ref": "Id"}]}]}
    template = {
        "Parameters": {"Id": {"Type": "String", "Default": "none"}},
        "Conditions": {"IsArn": {"Fn::Equals": [part, "arn"]}},
        "Resources": {
            "Always": {"Type": "AWS::SQS::Queue"},
            "OfAnArn": {"Type": "AWS::SQS::Queue", "Condition": "IsArn"},
        },
    }
    cloudformation = stack.client("cloudformation")
    parameters = [{"ParameterKey": "Id", "ParameterValue": "arn:aws:x"}]

    def create(name: str, body: dict[str, Any]) -> set[str]:
        text = json.dumps(body)
        cloudformation.create_stack(StackName=name, TemplateBody=text, Parameters=parameters)
        resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        cloudformation.delete_stack(StackName=name)
        return {resource["LogicalResourceId"] for resource in resources}

    with pytest.raises(ResponseParserError, match="InternalError"):
        create("split-open", template)
    assert create("split-filled", fill(template, {"Id": "arn:aws:x"}, template)) == {
        "Always", "OfAnArn"
    }  # fmt: skip
    cloudformation.close()


# --- gaps that nothing fills, for nothing rests on them -------------------------------------------


def test_the_time_limit_of_an_execution_is_not_kept(stack: LocalStack) -> None:
    """On AWS it would be TIMED_OUT. Nothing hangs on it: `run_job` has its own time."""
    states = stack.client("stepfunctions")
    (picture, *_) = states.list_state_machines()["stateMachines"]
    role = states.describe_state_machine(stateMachineArn=picture["stateMachineArn"])["roleArn"]
    definition = {
        "StartAt": "Sleep",
        "TimeoutSeconds": 1,
        "States": {"Sleep": {"Type": "Wait", "Seconds": 30, "End": True}},
    }
    made = states.create_state_machine(
        name="time-limit",
        definition=json.dumps(definition),
        roleArn=role,
    )
    started = states.start_execution(stateMachineArn=made["stateMachineArn"])["executionArn"]
    time.sleep(4)
    found = states.describe_execution(executionArn=started)
    states.stop_execution(executionArn=started)
    states.delete_state_machine(stateMachineArn=made["stateMachineArn"])
    assert found["status"] == "RUNNING"


def test_what_a_rule_copies_is_quoted(stack: LocalStack) -> None:
    """On AWS it is not: so the stack's own rule copies an ARN, and nothing else."""
    sqs, events = stack.client("sqs"), stack.client("events")
    queue = sqs.create_queue(QueueName="copied-by-a-rule")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name="copies", EventPattern=json.dumps({"source": ["gap"]}))
    transformer = {"InputPathsMap": {"said": "$.detail.said"}, "InputTemplate": '{"said": <said>}'}
    target = {"Id": "1", "Arn": arn["QueueArn"], "InputTransformer": transformer}
    events.put_targets(Rule="copies", Targets=[target])
    said = {"said": 'a "quoted" word'}
    events.put_events(Entries=[{"Source": "gap", "DetailType": "x", "Detail": json.dumps(said)}])
    found: list[Any] = []
    wait_until(lambda: bool(found.extend(_received(sqs, queue)) or found))
    events.remove_targets(Rule="copies", Ids=["1"])
    events.delete_rule(Name="copies")
    sqs.delete_queue(QueueUrl=queue)
    assert json.loads(found[0]["Body"]) == said


def _received(sqs: Any, queue: str) -> list[Any]:
    messages: list[Any] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", [])
    return messages
