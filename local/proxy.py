"""Passes a request on to the HTTP API that has a route for its path.

The event a function gets is the emulator's, as API Gateway makes it (payload format 2.0); nothing
of it is made here. Two things the emulator does otherwise than AWS are made good: it answers
OPTIONS itself, and it would let a browser of any origin read the answer. A signature is for this
address, so it is checked here, and the request is signed anew for the API's.
"""

import http.client
import json
import re
import threading
from collections.abc import Callable
from http import HTTPStatus

from local.routes import Route
from local.server import Answer, Headers, Request
from local.signatures import OwnerKey
from local.stack import Stack

TIMEOUT_SECONDS = 30  # What an HTTP API gives its function.
# A worker of the emulator takes one request; each new one costs a start of Python. More at once
# than this only makes everybody wait for the starts.
MAX_REQUESTS_AT_ONCE = 8
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
     "transfer-encoding", "upgrade", "host", "content-length"}
)  # fmt: skip
_OWN_ANSWER_HEADERS = frozenset({"date", "server"})


class Proxy:
    """The HTTP APIs of a stack.

    Args:
        stack: The stack.
        port: The emulator's port.
        owner: Who may sign.
    """

    def __init__(self, stack: Stack, port: int, owner: OwnerKey) -> None:
        self._port = port
        self._owner = owner
        self._routes = [
            (_matcher(route.path), route, stack.physical_ids[route.api])
            for route in stack.routes
            if route.api in stack.physical_ids
        ]
        self._slots = threading.BoundedSemaphore(MAX_REQUESTS_AT_ONCE)

    def answer(self, request: Request) -> Answer | None:
        """Returns the API's answer, or None when no API has such a path."""
        found = [(route, api) for matches, route, api in self._routes if matches(request.path)]
        if not found:
            return None
        methods = _methods([route for route, _ in found])
        if request.method == "OPTIONS":
            return Answer(HTTPStatus.NO_CONTENT, [("Allow", ", ".join(sorted(methods)))])
        takes_head = {"HEAD", "ANY"} & {route.method for route, _ in found}
        method = "GET" if request.method == "HEAD" and not takes_head else request.method
        needs_iam = any(route.needs_iam for route, _ in found if route.method in (method, "ANY"))
        host = f"{found[0][1]}.execute-api.localhost:{self._port}"
        headers = self._sent_headers(request, method, host, needs_iam)
        with self._slots:
            return self._forward(method, request, headers)

    def _forward(self, method: str, request: Request, headers: Headers) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_SECONDS)
        try:
            connection.putrequest(method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value.encode("latin-1"))
            connection.endheaders(request.body or None)
            response = connection.getresponse()
            return Answer(response.status, _answer_headers(response), response.read())
        except TimeoutError:
            return _failed(HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable")
        except (OSError, ValueError, http.client.HTTPException):
            return _failed(HTTPStatus.BAD_GATEWAY, "The emulator did not answer")
        finally:
            connection.close()

    def _sent_headers(self, request: Request, method: str, host: str, needs_iam: bool) -> Headers:
        received = request.headers.items()
        if needs_iam and self._is_signed(request):
            received = self._owner.sign(request, method, host)
        passed = [(n, v) for n, v in received if n.lower() not in _HOP_BY_HOP]
        length = [("Content-Length", str(len(request.body)))] if request.body else []
        return [("Host", host), *passed, ("X-Forwarded-For", "127.0.0.1"), *length]

    def _is_signed(self, request: Request) -> bool:
        headers = {name.lower(): value for name, value in request.headers.items()}
        return self._owner.has_signed(request.method, request.target, headers, request.body)


def _failed(status: HTTPStatus, message: str) -> Answer:
    body = json.dumps({"message": message}).encode()
    return Answer(status, [("Content-Type", "application/json")], body)


def _matcher(path: str) -> Callable[[str], object]:
    parts = re.split(r"(\{[^}]+\})", path)
    return re.compile("".join(map(_part_pattern, parts))).fullmatch


def _part_pattern(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    return ".+" if part.endswith("+}") else "[^/]+"


def _methods(routes: list[Route]) -> set[str]:
    methods = {route.method for route in routes} | {"OPTIONS"}
    if "ANY" in methods:
        return {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return methods | ({"HEAD"} if "GET" in methods else set())


def _answer_headers(response: http.client.HTTPResponse) -> Headers:
    return [
        (name, value)
        for name, value in response.getheaders()
        if name.lower() not in _HOP_BY_HOP | _OWN_ANSWER_HEADERS
        and not name.lower().startswith("access-control-")
    ]
