"""The guide's change of the template, that lets operators in by JWT, done and checked."""

import json
import re
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest

from sam_clone import ROOT, environment, make_clone, run_sam

SAM_PYTHON = ROOT / ".venv/sam/bin/python"
ADAPT = ROOT / "docs/adapt.md"
EVENTS = "Events, all seven"
READING, CHANGING = ("approvals", "approval", "history"), ("decide", "cancel", "extend", "resend")
INBOX_LINK = "POST /operator/inbox-link"
"""Of the approval function: whose inbox it is only a signature tells."""

OPERATOR_ROUTES = [
    *(f"GET /operator/{name}" for name in READING),
    *(f"POST /operator/{name}" for name in CHANGING),
]


def block(title: str) -> str:
    """A YAML block of the guide by its first line, at the depth of a resource's properties."""
    found = re.search(rf"```yaml\n# {title}\n(.*?)```", ADAPT.read_text(), re.DOTALL)
    assert found, title
    return found[1]


def resource(template: str, logical_id: str) -> str:
    found = re.search(rf"^  {logical_id}:\n(?:    .*\n|\n)+", template, re.MULTILINE)
    assert found, logical_id
    return found[0]


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone whose template is changed as the guide says."""
    clone = make_clone(tmp_path_factory.mktemp("jwt"))
    template = (clone / "template.yaml").read_text()
    api, function = resource(template, "ApprovalApi"), resource(template, "OperatorFunction")
    authorizer = textwrap.indent(block("ApprovalApi, Properties, in place of Auth"), " " * 6)
    route = block(f"OperatorFunction, {EVENTS}, Properties, in place of Auth").strip()
    changed_api, apis = re.subn(r"^      Auth: .*\n", lambda _: authorizer, api, flags=re.MULTILINE)
    changed_function, routes = re.subn(r"Auth: \{Authorizer: AWS_IAM\}", lambda _: route, function)
    assert (apis, routes) == (1, len(OPERATOR_ROUTES))
    template = template.replace(api, changed_api).replace(function, changed_function)
    (clone / "template.yaml").write_text(template)
    return clone


def definition(template: Path) -> dict[str, Any]:
    """What CloudFormation gets of the approval API, after the SAM transform."""
    command = [SAM_PYTHON, ROOT / "local/transform.py", template, template, "bucket", "{}"]
    done = subprocess.run(
        command, env=environment(AWS_DEFAULT_REGION="eu-west-1"), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    processed = json.loads(done.stdout)["templates"][""]
    body: dict[str, Any] = processed["Resources"]["ApprovalApi"]["Properties"]["Body"]
    return body


def security(body: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{method.upper()} {path}": operation.get("security")
        for path, methods in body["paths"].items()
        for method, operation in methods.items()
    }


def test_the_template_as_it_is_asks_operators_for_a_signature() -> None:
    routes = security(definition(ROOT / "template.yaml"))
    assert {route for route, asks in routes.items() if asks} == {*OPERATOR_ROUTES, INBOX_LINK}
    assert all(routes[route] == [{"AWS_IAM": []}] for route in (*OPERATOR_ROUTES, INBOX_LINK))


def test_changed_as_the_guide_says_it_asks_operators_for_a_token(changed: Path) -> None:
    body = definition(changed / "template.yaml")
    routes = security(body)
    assert {route for route, asks in routes.items() if asks} == {*OPERATOR_ROUTES, INBOX_LINK}
    assert routes[INBOX_LINK] == [{"AWS_IAM": []}]
    assert all(routes[route] == [{"Operators": ["approvals/operate"]}] for route in OPERATOR_ROUTES)
    authorizer = body["components"]["securitySchemes"]["Operators"][
        "x-amazon-apigateway-authorizer"
    ]
    assert authorizer == {
        "type": "jwt",
        "identitySource": "$request.header.Authorization",
        "jwtConfiguration": {"issuer": "https://login.example.com", "audience": ["unicorn-posts"]},
    }


def test_the_changed_template_passes_sams_own_lint(changed: Path) -> None:
    assert "is a valid SAM Template" in run_sam(changed, "validate", "--lint").stdout
