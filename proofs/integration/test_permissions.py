"""Least privilege, tried: a role may do what `tests/rights.py` lists for it, and nothing else.

Functions that have each role try every call of `proofs/every_call.py` on the emulator, which
enforces the template's own policies. That what is listed is also enough, every other test here
shows: their flows run under the same roles.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.credentials import Credentials

from every_call import PROBE, Call, Right, every_call
from local_stack import ROOT, LocalStack
from rights import FROM_MAIL_FROM, RIGHTS, TRACING

ROLES = [role for role in RIGHTS if role not in ("SweepScheduleRole", "PictureRole")]
"""Those of functions."""

ONLY_LAMBDA_CAN = {("SweeperFunction.Arn", "lambda:InvokeFunction")}
SESSION = {"session_id": {"S": "nobody"}, "agent_name": {"S": "none"}}

Try = Callable[[str, list[Call]], list[bool]]


@pytest.fixture(scope="module")
def ids(stack: LocalStack) -> dict[str, str]:
    return stack.physical_ids()


@pytest.fixture(scope="module")
def calls(stack: LocalStack, ids: dict[str, str]) -> dict[Right, Call]:
    return every_call(ids, {name: stack.api_url(name) for name in ("UniTokApi", "ApprovalApi")})


@pytest.fixture(scope="module")
def try_as(stack: LocalStack, ids: dict[str, str]) -> Iterator[Try]:
    """Has a function with a role try calls; returns for each whether it was let through."""
    functions, made = stack.client("lambda"), {}

    def try_as(role: str, calls: list[Call]) -> list[bool]:
        name = made.setdefault(role, f"probe-{role}")
        if name not in [f["FunctionName"] for f in functions.list_functions()["Functions"]]:
            _make_probe(functions, name, ids, role)
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(calls))
        found = json.loads(answer["Payload"].read())
        assert isinstance(found, list), found
        return found

    yield try_as
    for name in made.values():
        functions.delete_function(FunctionName=name)
    functions.close()


def _make_probe(functions: Any, name: str, ids: dict[str, str], role: str) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("probe.py", PROBE)
    of_the_role = ids[f"{role.removesuffix('Role')}Function"]
    configuration = functions.get_function_configuration(FunctionName=of_the_role)
    functions.create_function(
        FunctionName=name,
        Role=configuration["Role"],
        Runtime=configuration["Runtime"],
        Handler="probe.handler",
        Code={"ZipFile": code.getvalue()},
        Timeout=60,
    )


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_is_listed_and_nothing_else(
    role: str, try_as: Try, calls: dict[Right, Call]
) -> None:
    let_through = try_as(role, list(calls.values()))
    allowed = {right for right, is_allowed in zip(calls, let_through, strict=True) if is_allowed}
    assert allowed == _listed(role) & calls.keys()


def test_every_listed_right_is_tried(calls: dict[Right, Call]) -> None:
    listed = {right for role in RIGHTS for right in _listed(role)}
    untried = listed - calls.keys()
    bedrock = {r for r, _ in untried if r == "ModelId" or ":bedrock:" in r}
    mail = set(FROM_MAIL_FROM)  # test_demo_tells_of_people_who_must_agree shows it is enough.
    not_in_this_stack = {"OidcClientSecretArn", "PublishTokenSecretArn"} | bedrock | mail
    # The emulator lets nobody trace, and knows no ARN of a log group that ends in `:*` as AWS does.
    not_emulated = {*TRACING} | {r for r, _ in untried if r.endswith("LogGroup.Arn")}
    assert {resource for resource, _ in untried} == not_in_this_stack | not_emulated


def _listed(role: str) -> set[Right]:
    return {(resource, action) for resource, actions in RIGHTS[role].items() for action in actions}


@pytest.mark.parametrize(
    ("asked_for", "is_allowed"),
    [
        ({"ProjectionExpression": "session_id, agent_name, pending"}, True),
        ({"ProjectionExpression": "#s", "ExpressionAttributeNames": {"#s": "status"}}, True),
        ({"ProjectionExpression": "messages"}, False),
        ({"ProjectionExpression": "pending, messages[0]"}, False),
        ({"ProjectionExpression": "#m", "ExpressionAttributeNames": {"#m": "messages"}}, False),
        ({"AttributesToGet": ["messages"]}, False),
        ({}, False),
    ],
)
def test_the_sweeper_learns_what_a_session_waits_for_and_reads_no_message(
    asked_for: dict[str, Any], is_allowed: bool, try_as: Try, ids: dict[str, str]
) -> None:
    arguments = {"TableName": ids["SessionsTable"], "Key": SESSION, **asked_for}
    assert try_as("SweeperRole", [("dynamodb", "get_item", arguments)]) == [is_allowed]


@pytest.mark.parametrize(
    ("asked_for", "is_allowed"),
    [
        ({"ProjectionExpression": "agent_name, outcome, last_words"}, True),
        ({"ProjectionExpression": "#s", "ExpressionAttributeNames": {"#s": "status"}}, True),
        ({"ProjectionExpression": "messages"}, False),
        ({"ProjectionExpression": "outcome, messages[0]"}, False),
        ({"ProjectionExpression": "#m", "ExpressionAttributeNames": {"#m": "messages"}}, False),
        ({"ProjectionExpression": "pending"}, False),
        ({"Select": "ALL_ATTRIBUTES"}, False),
        ({}, False),
    ],
)
def test_operators_learn_how_a_session_ended_and_read_no_message(
    asked_for: dict[str, Any], is_allowed: bool, try_as: Try, ids: dict[str, str]
) -> None:
    arguments = {
        "TableName": ids["SessionsTable"],
        "KeyConditionExpression": "session_id = :s",
        "ExpressionAttributeValues": {":s": {"S": "nobody"}},
        **asked_for,
    }
    assert try_as("OperatorRole", [("dynamodb", "query", arguments)]) == [is_allowed]


@pytest.fixture
def operator(stack: LocalStack) -> Iterator[Credentials]:
    """A person with the policy of docs/operate.md and nothing else."""
    iam, api_id = stack.client("iam"), stack.physical_ids()["ApprovalApi"]
    [policy] = re.findall(r"```json\n(.*?)```", (ROOT / "docs/operate.md").read_text(), re.DOTALL)
    account = {"eu-west-1": "us-east-1", "123456789012": "000000000000", "abcdefghij": api_id}
    for example, ours in account.items():
        assert example in policy
        policy = policy.replace(example, ours)
    iam.create_user(UserName="operator")
    iam.put_user_policy(UserName="operator", PolicyName="operator", PolicyDocument=policy)
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    yield Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    iam.delete_access_key(UserName="operator", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="operator", PolicyName="operator")
    iam.delete_user(UserName="operator")
    iam.close()


def test_the_policy_in_the_guide_is_enough_for_an_operator_and_for_nothing_else(
    stack: LocalStack, task: str, operator: Credentials
) -> None:
    session_id, _ = stack.ask(task)
    [approval] = stack.approvals(session_id)
    wanted = {"session_id": session_id, "tool_use_id": approval["tool_use_id"]["S"]}
    url = f"{stack.api_url('ApprovalApi')}/operator"
    assert stack.signed("GET", f"{url}/approvals", operator).status == 200
    cancelled = stack.signed("POST", f"{url}/cancel", operator, wanted)
    assert (cancelled.status, cancelled.json["status"]) == (200, "CANCELLED")
    assert cancelled.json["decided_by"] == "iam:user/operator"
    found = stack.signed("GET", f"{url}/history?session_id={session_id}", operator)
    assert [a["tool_use_id"] for a in found.json["approvals"]] == [wanted["tool_use_id"]]
    assert found.json["session"]["agent_name"] == approval["agent_name"]["S"]
    assert stack.signed("POST", f"{stack.api_url('UniTokApi')}/posts", operator, {}).status == 403
    stack.wait_until_completed(session_id)
