"""Who may use the emulator: programs of this machine that prove which key they hold.

ministack takes a few things for good that AWS does not, and that nothing on a developer's machine
should rest on. The guard stands before it and refuses them:

- its admin routes (`/_ministack/reset`, `/_ministack/sqs/messages`, …) ask for no signature and
  answer any origin, so a web page could empty or read the stack;
- the owner's key, any number of 12 digits and any Authorization it cannot read are the owner's,
  whatever the signature: here the owner's signature is checked, and the others are nobody's;
- a route with AWS_IAM takes any Authorization that is no signature.

And the template's policies refuse connections without TLS: loopback needs none, and stands in for
it.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from ministack.core.iam_evaluator import is_root_access_key
from ministack.core.sigv4 import decode_header_value
from ministack.services.apigateway import route_authorization_type

from local.emulator_messages import LETTERS_PATH, MESSAGES_PATH
from local.signatures import OwnerKey

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Asgi = Callable[[Scope, Any, Any], Awaitable[None]]

READY_PATH = "/_ministack/ready"
OWNER_PATHS = frozenset({MESSAGES_PATH, LETTERS_PATH})
"""All messages, and what SES sent, links and all: the owner's signature opens them, and nothing
else."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_API_HOST = ".execute-api.localhost"
_SIGNATURE = "AWS4-HMAC-SHA256 "
# HTTP APIs answer under their host name, as on AWS; the emulator's other ways to them are closed.
_CLOSED_PATHS = ("/_ministack/", "/_aws/", "/restapis/")
_QUERY_KEYS = ("X-Amz-Credential", "AWSAccessKeyId")


class Guard:
    """An ASGI application before another one.

    Args:
        inner: The emulator.
        access_key_id: The owner's key.
        secret_access_key: The owner's secret.
    """

    def __init__(self, inner: Asgi, access_key_id: str, secret_access_key: str) -> None:
        self._inner = inner
        self._owner = OwnerKey(access_key_id, secret_access_key)

    async def __call__(self, scope: Scope, receive: Receive, send: Any) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        headers = _headers(scope)
        is_refused = scope["type"] != "http" or _comes_from_elsewhere(scope, headers)
        if not is_refused:
            key = _claimed_key(scope, headers)
            is_refused = key is None or (
                scope["path"] in OWNER_PATHS and not is_root_access_key(key)
            )
            if not is_refused and key and is_root_access_key(key):
                body, receive = await _buffer(receive)
                target = f"{scope['raw_path'].decode('latin-1')}?{_query(scope)}"
                is_refused = not self._owner.has_signed(scope["method"], target, headers, body)
        if is_refused:
            await _refuse(scope, send)
        else:
            await self._inner(_as_secure(scope), receive, send)


def _headers(scope: Scope) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope.get("headers", []):
        name, value = raw_name.decode("latin-1").lower(), decode_header_value(raw_value)
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _comes_from_elsewhere(scope: Scope, headers: dict[str, str]) -> bool:
    host, path = _host(headers), scope["path"]
    is_ours = host in _LOOPBACK or host.endswith(".localhost")
    is_closed = path.startswith(_CLOSED_PATHS) and path not in {READY_PATH, *OWNER_PATHS}
    is_browser = "origin" in headers and not host.endswith(_API_HOST)
    return not is_ours or is_closed or is_browser


def _claimed_key(scope: Scope, headers: dict[str, str]) -> str | None:
    """Returns the key a request claims to hold, "" for none, None where that is no honest claim."""
    authorization = headers.get("authorization")
    query = parse_qs(_query(scope), keep_blank_values=True)
    if authorization is None:
        claimed = [value.split("/")[0] for name in _QUERY_KEYS for value in query.get(name, [])]
        # ministack checks presigned requests, but the owner's.
        return None if any(is_root_access_key(key) for key in claimed) else ""
    if authorization.startswith(_SIGNATURE):
        return authorization.partition("Credential=")[2].partition("/")[0] or None
    return None if _must_sign(scope, headers) else ""


def _must_sign(scope: Scope, headers: dict[str, str]) -> bool:
    """Only an HTTP API's route may have an Authorization of another kind, if it asks for none."""
    host = _host(headers)
    if not host.endswith(_API_HOST):
        return True
    api_id = host.removesuffix(_API_HOST)
    kind = route_authorization_type(api_id, "$default", scope["method"], scope["path"])
    return bool(kind == "AWS_IAM")


def _query(scope: Scope) -> str:
    return str(scope.get("query_string", b"").decode())


def _host(headers: dict[str, str]) -> str:
    return headers.get("host", "").rpartition(":")[0].lower()


async def _buffer(receive: Receive) -> tuple[bytes, Receive]:
    """Reads a whole body; returns it, and a way to read it again."""
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    body = b"".join(message.get("body", b"") for message in messages)
    waiting = iter(messages)

    async def again() -> dict[str, Any]:
        return next(waiting, None) or await receive()

    return body, again


def _as_secure(scope: Scope) -> Scope:
    others = [pair for pair in scope["headers"] if pair[0].lower() != b"x-forwarded-proto"]
    return {**scope, "headers": [*others, (b"x-forwarded-proto", b"https")]}


async def _refuse(scope: Scope, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = b'{"message": "Forbidden"}'
    length = str(len(body)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
