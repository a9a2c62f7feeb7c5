"""What the emulator's CloudFormation leaves out or does otherwise, said so that it understands.

The template stays as it is; this is the processed copy that only the emulator sees. Each function
names one gap of ministack 1.5.33; proofs/integration/test_gaps.py fails once it is closed, or is
not filled. On AWS none of this exists.
"""

from collections.abc import Callable
from typing import Any

from local.routes import API_TYPE, Resources, Route, Template, routes

_FUNCTION = "AWS::Lambda::Function"
_SECRET = "AWS::SecretsManager::Secret"  # noqa: S105 - a type's name
_TABLE = "AWS::DynamoDB::Table"


def fill(template: Template, parameters: dict[str, str], root: Template) -> Template:
    """Returns the template as the emulator understands it.

    Args:
        template: The processed template: the root, or one that it nests.
        parameters: The values that are not the root's defaults.
        root: The root, which hands a nested one its parameters under the same names.
    """
    template = with_numbers(template, parameters, root)
    template = with_split_conditions(template, parameters)
    template = with_secret_arns(template)
    template = with_text_environments(template)
    template = with_mail_at_once(template)
    template = with_batches_of_mail(template)
    template = with_any_sender(template)
    return with_routes_as_resources(template)


def with_numbers(template: Template, parameters: dict[str, str], root: Template) -> Template:
    """A parameter of type Number arrives as text: every reference becomes the number itself."""
    numbers = {
        name: int(parameters.get(name, root["Parameters"][name].get("Default")))
        for name, declared in template.get("Parameters", {}).items()
        if declared["Type"] == "Number"
    }
    return _with_references(template, numbers)


def with_split_conditions(template: Template, parameters: dict[str, str]) -> Template:
    """A part of a parameter, in a condition, fails the stack: it becomes the part itself."""

    def split(value: Any) -> Any:
        match value:
            case {"Fn::Select": [int(place), {"Fn::Split": [str(mark), {"Ref": str(name)}]}]}:
                declared = template["Parameters"][name]
                return parameters.get(name, declared.get("Default")).split(mark)[place]
            case dict():
                return {key: split(inner) for key, inner in value.items()}
            case list():
                return [split(inner) for inner in value]
        return value

    return template | {"Conditions": split(template.get("Conditions", {}))}


def with_secret_arns(template: Template) -> Template:
    """`Ref` of a secret gives its name, not its ARN: it becomes the attribute that does."""
    arns = {
        logical_id: {"Fn::GetAtt": [logical_id, "Id"]}
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == _SECRET
    }
    return _with_references(template, arns)


def with_text_environments(template: Template) -> Template:
    """A number of a mapping stays a number in an environment, and no process starts with one."""

    def with_texts(properties: dict[str, Any]) -> dict[str, Any]:
        variables = properties.get("Environment", {}).get("Variables", {})
        texts = {name: _as_text(value) for name, value in variables.items()}
        return properties | {"Environment": {"Variables": texts}}

    return _with_properties(template, _FUNCTION, with_texts)


def with_mail_at_once(template: Template) -> Template:
    """An e-mail subscription is never suspended, however much it gets: nothing waits for it."""

    def at_once(properties: dict[str, Any]) -> dict[str, Any]:
        variables = properties.get("Environment", {}).get("Variables", {})
        if "MAXIMUM_CONCURRENCY" not in variables:
            return properties
        return properties | {"Environment": {"Variables": variables | {"MAXIMUM_CONCURRENCY": "0"}}}

    return _with_properties(template, _FUNCTION, at_once)


def with_batches_of_mail(template: Template) -> Template:
    """`sns:Publish` does not allow PublishBatch, as it does on AWS: it gets a name of its own."""

    def allowed(statement: dict[str, Any]) -> dict[str, Any]:
        actions = statement["Action"]
        named = [actions] if isinstance(actions, str) else list(actions)
        if "sns:Publish" not in named:
            return statement
        return statement | {"Action": [*named, "sns:PublishBatch"]}

    return _with_statements(template, allowed)


def with_any_sender(template: Template) -> Template:
    """The right to send is asked for with no identity and no `ses:FromAddress`: it has neither."""

    def allowed(statement: dict[str, Any]) -> dict[str, Any]:
        match statement:
            case {"Action": "ses:SendEmail", "Effect": "Allow"}:
                return {"Action": "ses:SendEmail", "Effect": "Allow", "Resource": "*"}
        return statement

    return _with_statements(template, allowed)


def with_routes_as_resources(template: Template) -> Template:
    """An API comes up without the routes of its OpenAPI `Body`: they become resources."""

    def without_body(properties: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in properties.items() if name != "Body"}
        title = properties["Body"]["info"]["title"]
        return {"Name": title, "ProtocolType": "HTTP"} | kept

    added = {}
    for number, route in enumerate(routes(template)):
        integration_id = f"LocalIntegration{number}"
        added[integration_id] = _integration(route)
        added[f"LocalRoute{number}"] = _route(route, integration_id)
    bare = _with_properties(template, API_TYPE, without_body)
    return bare | {"Resources": bare["Resources"] | added}


def time_to_live(resources: Resources) -> dict[str, dict[str, Any]]:
    """A table's `TimeToLiveSpecification` is ignored: returns it by logical id, to be set later."""
    return {
        logical_id: resource["Properties"]["TimeToLiveSpecification"]
        for logical_id, resource in resources.items()
        if resource["Type"] == _TABLE and "TimeToLiveSpecification" in resource["Properties"]
    }


def _with_references(template: Template, values: dict[str, Any]) -> Template:
    def replaced(value: Any) -> Any:
        match value:
            case {"Ref": str(name)} if name in values:
                return values[name]
            case dict():
                return {key: replaced(inner) for key, inner in value.items()}
            case list():
                return [replaced(inner) for inner in value]
        return value

    return template | {"Resources": replaced(template["Resources"])}


def _with_statements(
    template: Template, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> Template:
    """Returns a template whose policies have other statements, wherever they stand."""

    def changed(value: Any) -> Any:
        match value:
            case {"Action": _, "Effect": _}:
                return change(value)
            case dict():
                return {key: changed(inner) for key, inner in value.items()}
            case list():
                return [changed(inner) for inner in value]
        return value

    return template | {"Resources": changed(template["Resources"])}


def _with_properties(
    template: Template, kind: str, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> Template:
    resources = {
        logical_id: resource | {"Properties": change(resource["Properties"])}
        if resource["Type"] == kind
        else resource
        for logical_id, resource in template["Resources"].items()
    }
    return template | {"Resources": resources}


def _as_text(value: Any) -> Any:
    return {"Fn::Join": ["", [value]]} if isinstance(value, dict) else str(value)


def _integration(route: Route) -> dict[str, Any]:
    properties = {
        "IntegrationType": route.integration["type"].upper(),
        "IntegrationUri": route.integration["uri"],
        "IntegrationMethod": route.integration["httpMethod"],
        "PayloadFormatVersion": route.integration["payloadFormatVersion"],
    }
    return _api_resource(route, "Integration", properties)


def _route(route: Route, integration_id: str) -> dict[str, Any]:
    is_default = route.path == "/$default"
    properties = {
        "RouteKey": "$default" if is_default else f"{route.method} {route.path}",
        "AuthorizationType": "AWS_IAM" if route.needs_iam else "NONE",
        "Target": {"Fn::Sub": f"integrations/${{{integration_id}}}"},
    }
    return _api_resource(route, "Route", properties)


def _api_resource(route: Route, kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    condition = {"Condition": route.condition} if route.condition else {}
    return condition | {
        "Type": f"AWS::ApiGatewayV2::{kind}",
        "Properties": {"ApiId": {"Ref": route.api}} | properties,
    }
