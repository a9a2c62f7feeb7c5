"""The routes of the stack's HTTP APIs, read from the OpenAPI documents that SAM wrote."""

from dataclasses import dataclass
from typing import Any

Template = dict[str, Any]
Resources = dict[str, dict[str, Any]]

API_TYPE = "AWS::ApiGatewayV2::Api"
_ANY_METHOD = "x-amazon-apigateway-any-method"
_INTEGRATION = "x-amazon-apigateway-integration"
_IAM_TYPE = "awsSigv4"


@dataclass(frozen=True)
class Route:
    """A route of an HTTP API.

    Attributes:
        api: The API's logical id.
        method: `GET`, …, or `ANY`.
        path: Such as `/approvals/{token}`.
        needs_iam: Whether a caller must sign (AWS_IAM).
        integration: The OpenAPI integration.
        condition: The template's condition it depends on, if any.
    """

    api: str
    method: str
    path: str
    needs_iam: bool
    integration: dict[str, Any]
    condition: str | None


def routes(template: Template) -> list[Route]:
    """Returns the routes of every HTTP API of a processed template."""
    return [
        route
        for api, resource in template["Resources"].items()
        if resource["Type"] == API_TYPE
        for route in _routes_of(api, resource)
    ]


def _routes_of(api: str, resource: dict[str, Any]) -> list[Route]:
    body = resource["Properties"].get("Body", {})
    schemes = body.get("components", {}).get("securitySchemes", {})
    iam = {n for n, s in schemes.items() if s.get("x-amazon-apigateway-authtype") == _IAM_TYPE}
    found = []
    for path, operations in body.get("paths", {}).items():
        for method, written in _unwrap(operations)[0].items():
            operation, condition = _unwrap(written)
            named = {name for need in operation.get("security", []) for name in need}
            found.append(
                Route(
                    api=api,
                    method="ANY" if method == _ANY_METHOD else method.upper(),
                    path=path,
                    needs_iam=bool(named & iam),
                    integration=operation[_INTEGRATION],
                    condition=condition or resource.get("Condition"),
                )
            )
    return found


def _unwrap(value: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """SAM writes what has a condition as `{"Fn::If": [condition, value, NoValue]}`."""
    if list(value) != ["Fn::If"]:
        return value, None
    condition, taken, _ = value["Fn::If"]
    return taken, condition
