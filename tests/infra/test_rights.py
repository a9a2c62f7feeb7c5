"""What each function may do: exactly the rights it uses, each for one resource."""

import re
from typing import Any

import pytest

from aws_template import as_list, of_type, properties, resources
from rights import CONDITIONS, RIGHTS, TRACING
from sam_clone import ROOT, processed_resources

SOURCES = {
    properties(name)["Role"].removesuffix(".Arn"): properties(name)["CodeUri"]
    for name in of_type("AWS::Serverless::Function")
}
# Lambda itself uses these, to hand the queue's messages to the function.
USED_BY_LAMBDA = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
CALLED = {"s3:GetObjectVersion": "get_object"}  # By what name, where it is not the right's.
IN_THE_CODE = (
    "ses:",
    "dynamodb:",
    "s3:Get",
    "s3:Put",
    "s3:Delete",
    "sns:",
    "sqs:",
    "secretsmanager:",
)


def statements(role: str) -> list[dict[str, Any]]:
    """The statements of a role; a conditional one is `[condition, statement, no value]`.

    The example's receiver adds a policy of its own, which goes with it.
    """
    [policy] = properties(role)["Policies"]
    found = list(policy["PolicyDocument"]["Statement"])
    for name in of_type("AWS::IAM::Policy"):
        if role in properties(name)["Roles"]:
            found += properties(name)["PolicyDocument"]["Statement"]
    return [statement[1] if isinstance(statement, list) else statement for statement in found]


def actions(statement: dict[str, Any]) -> list[str]:
    return as_list(statement["Action"])


def test_every_role_of_the_template_is_listed() -> None:
    assert set(RIGHTS) == set(of_type("AWS::IAM::Role"))
    assert not of_type("AWS::IAM::ManagedPolicy", "AWS::IAM::User")
    roles = {name: properties(name)["Roles"] for name in of_type("AWS::IAM::Policy")}
    assert roles == {
        "MailPolicy": ["AgentRole", "ApprovalRole", "SweeperRole"],
        "LongToolsPolicy": ["AgentRole"],
        "PostingPolicy": ["AgentRole"],
    }
    assert not any("ManagedPolicyArns" in properties(role) for role in RIGHTS)


def test_nobody_may_send_by_ses_without_mail_from() -> None:
    assert resources()["MailPolicy"]["Condition"] == "UseMailFrom"


def test_sam_makes_no_role_of_its_own() -> None:
    made = processed_resources()
    roles = {name for name, resource in made.items() if resource["Type"] == "AWS::IAM::Role"}
    assert roles == set(RIGHTS)
    [schedule] = [r for r in made.values() if r["Type"] == "AWS::Scheduler::Schedule"]
    assert schedule["Properties"]["Target"]["RoleArn"] == {
        "Fn::GetAtt": ["SweepScheduleRole", "Arn"]
    }


def test_every_function_has_a_role_of_its_own() -> None:
    functions = of_type("AWS::Serverless::Function")
    roles = {f"{name.removesuffix('Function')}Role.Arn" for name in functions}
    assert {properties(name)["Role"] for name in functions} == roles
    assert not any("Policies" in properties(name) for name in functions)


@pytest.mark.parametrize("role", RIGHTS)
def test_rights_are_exactly_these(role: str) -> None:
    found: dict[str, set[str]] = {}
    for statement in statements(role):
        assert statement["Effect"] == "Allow"
        for resource in as_list(statement["Resource"]):
            found.setdefault(resource, set()).update(actions(statement))
    assert found == RIGHTS[role]


@pytest.mark.parametrize("role", RIGHTS)
def test_conditions_are_exactly_these(role: str) -> None:
    found = {
        (role, resource): statement["Condition"]
        for statement in statements(role)
        for resource in as_list(statement["Resource"])
        if "Condition" in statement
    }
    assert found == {key: value for key, value in CONDITIONS.items() if key[0] == role}


@pytest.mark.parametrize("role", RIGHTS)
def test_only_tracing_has_no_resource_to_name(role: str) -> None:
    unbound = [set(actions(s)) for s in statements(role) if s["Resource"] == "*"]
    assert unbound in ([], [TRACING["*"]])
    assert not any("*" in action for s in statements(role) for action in actions(s))


SERVICES = {
    "SweepScheduleRole": "scheduler.amazonaws.com",
    "PictureRole": "states.amazonaws.com",
}


@pytest.mark.parametrize("role", RIGHTS)
def test_a_role_is_for_one_service(role: str) -> None:
    [statement] = properties(role)["AssumeRolePolicyDocument"]["Statement"]
    if role in SOURCES:
        assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    else:
        assert statement["Principal"] == {"Service": SERVICES[role]}
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "AWS::AccountId"}}


@pytest.mark.parametrize("role", SOURCES)
def test_every_right_is_used_by_the_code(role: str) -> None:
    code = "".join(
        path.read_text()
        for folder in (SOURCES[role], "src/layer/python")
        for path in (ROOT / folder).rglob("*.py")
    )
    granted = {action for statement in statements(role) for action in actions(statement)}
    for action in sorted(granted - USED_BY_LAMBDA):
        if action.startswith(IN_THE_CODE):
            call = re.sub(r"(?<!^)(?=[A-Z])", "_", action.partition(":")[2]).lower()
            call = CALLED.get(action, call)
            assert re.search(rf'[.("]{call}\b', code), f"{role}: {call} is never called"
