"""The stack's HTTP APIs before the real handlers: as WSGI, with events as API Gateway makes them.

Which routes there are, and which of them want a signature, is the template's. An error that a
handler does not handle goes through to the test.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

import approval_handler
import aws_template
import operator_handler
import unitok_handler
from world import Context, is_signed

HANDLERS: dict[str, Callable[[dict[str, Any], Any], dict[str, Any]]] = {
    "ApprovalFunction": approval_handler.handler,
    "OperatorFunction": operator_handler.handler,
    "UniTokFunction": unitok_handler.handler,
}
SIGNATURE = {"Authorization": "AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20260922/us-east-1"}
CALLER = {"iam": {"userArn": "arn:aws:sts::123456789012:assumed-role/Operators/ann"}}
TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml")
"""Source: API Gateway, "HTTP APIs: payload format version 2.0": what is not given in base64."""


@dataclass(frozen=True)
class Route:
    """A route of the template and the function behind it."""

    name: str
    """Such as `GET /posts`."""
    method: str
    path: re.Pattern[str]
    needs_signature: bool
    handler: Callable[[dict[str, Any], Any], dict[str, Any]]


def routes() -> dict[str, Route]:
    """Returns the template's routes by name, such as `GET /posts`."""
    resources = aws_template.load()["Resources"]
    found = {}
    for function, handler in HANDLERS.items():
        for event in resources[function]["Properties"]["Events"].values():
            given = event["Properties"]
            pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", given["Path"]))
            needs_signature = given.get("Auth", {}).get("Authorizer") == "AWS_IAM"
            name = f"{given['Method']} {given['Path']}"
            found[name] = Route(name, given["Method"], pattern, needs_signature, handler)
    return found


@dataclass
class Gateway:
    """All the stack's HTTP APIs.

    Attributes:
        forgets_authorizers: Whether to hand unsigned requests on, as a wrong template would.
        reached: How many requests a handler has answered.
    """

    forgets_authorizers: bool = False
    reached: int = 0
    _routes: dict[str, Route] = field(default_factory=routes)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answers a WSGI request."""
        path, query = _text(environ["REQUEST_URI"]), _text(environ["QUERY_STRING"])
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") or (name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value)
        }
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        answer = self.answer(environ["REQUEST_METHOD"], path, query, headers, body)
        status = HTTPStatus(answer["statusCode"])
        start_response(f"{status.value} {status.phrase}", list(answer["headers"].items()))
        return [answer["body"].encode()]

    def answer(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes = b""
    ) -> dict[str, Any]:
        """Answers a request as API Gateway does: itself, or by the function of its route."""
        for route in self._routes.values():
            parameters = route.path.fullmatch(path)
            if route.method == method and parameters:
                break
        else:
            return _own_answer(HTTPStatus.NOT_FOUND)
        may_sign = route.needs_signature and is_signed(headers)
        if route.needs_signature and not may_sign and not self.forgets_authorizers:
            return _own_answer(HTTPStatus.FORBIDDEN)
        event = http_event(method, unquote(path), query, headers, body)
        event["routeKey"] = route.name
        event["pathParameters"] = {k: unquote(v) for k, v in parameters.groupdict().items()}
        if may_sign:
            event["requestContext"]["authorizer"] = CALLER
        self.reached += 1
        return route.handler(event, Context())


def http_event(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> dict[str, Any]:
    """Builds an event of payload format 2.0; several values of a name become one."""
    values: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        values[name] = f"{values[name]},{value}" if name in values else value
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}
    event: dict[str, Any] = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {"http": http, "stage": "$default"},
        "isBase64Encoded": False,
    }
    if values:
        event["queryStringParameters"] = values
    if body:
        event |= _body(headers.get("content-type", "text/plain"), body)
    return event


def _body(content_type: str, body: bytes) -> dict[str, Any]:
    if content_type.startswith(TEXT_TYPES):
        return {"body": body.decode(errors="replace")}
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _text(wsgi_text: str) -> str:
    """WSGI passes bytes on as if they were Latin-1. Source: PEP 3333."""
    return wsgi_text.encode("latin-1").decode(errors="replace")


def _own_answer(status: HTTPStatus) -> dict[str, Any]:
    return {
        "statusCode": status.value,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"message": status.phrase}),
    }
