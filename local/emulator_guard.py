"""Who may use the emulator: programs of this machine that prove which key they hold.

ministack takes a few things for good that AWS does not, and that nothing on a developer's machine
should rest on. The guard stands before it and refuses them:

- its admin routes (`/_ministack/reset`, `/_ministack/sqs/messages`, …) ask for no signature and
  answer any origin, so a web page could empty or read the stack;
- the owner's key, any number of 12 digits and any Authorization it cannot read are the owner's,
  whatever the signature: here the owner's signature is checked, and the others are nobody's;
- a route with AWS_IAM takes any Authorization that is no signature.

While it is held, only the owner's requests pass: functions meet a service that is not there for a
moment, and what the emulator has can be read or put as a whole.

And the template's policies refuse connections without TLS: loopback needs none, and stands in for
it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from ministack.core.iam_evaluator import is_root_access_key
from ministack.core.sigv4 import decode_header_value
from ministack.services.apigateway import route_authorization_type

from local.emulator_messages import GO_PATH, HOLD_PATH, LETTERS_PATH, MESSAGES_PATH
from local.signatures import OwnerKey

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Asgi = Callable[[Scope, Any, Any], Awaitable[None]]

READY_PATH = "/_ministack/ready"
OWNER_PATHS = frozenset({MESSAGES_PATH, LETTERS_PATH, HOLD_PATH, GO_PATH})
"""All messages, what SES sent, links and all, and the hold: the owner's signature opens them, and
nothing else."""
QUIET_SECONDS = 5
"""How long a hold waits for the calls that had begun."""

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
        self._is_held = False
        self._calls = 0  # Of others than the owner, on their way.
        self._owner = OwnerKey(access_key_id, secret_access_key)

    async def __call__(self, scope: Scope, receive: Receive, send: Any) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        headers, key = _headers(scope), None
        is_refused = scope["type"] != "http" or _comes_from_elsewhere(scope, headers)
        if not is_refused:
            key = _claimed_key(scope, headers)
            is_refused = key is None or (scope["path"] in OWNER_PATHS and not _is_owners(key))
            if not is_refused and _is_owners(key):
                body, receive = await _buffer(receive)
                target = f"{scope['raw_path'].decode('latin-1')}?{_query(scope)}"
                is_refused = not self._owner.has_signed(scope["method"], target, headers, body)
        if is_refused:
            await _answer(scope, send, 403, b'{"message": "Forbidden"}')
        elif scope["path"] in (HOLD_PATH, GO_PATH):
            await self._hold(scope["path"] == HOLD_PATH)
            await _answer(scope, send, 200, b"{}")
        elif _is_owners(key):
            await self._inner(_as_secure(scope), receive, send)
        elif self._is_held and scope["path"] != READY_PATH:
            await _answer(scope, send, 503, b'{"message": "Service Unavailable"}')
        else:
            await self._pass(scope, receive, send)

    async def _hold(self, is_held: bool) -> None:
        self._is_held = is_held
        until = time.monotonic() + QUIET_SECONDS
        while is_held and self._calls and time.monotonic() < until:
            await asyncio.sleep(0.01)

    async def _pass(self, scope: Scope, receive: Receive, send: Any) -> None:
        """A call of an HTTP API is not counted: it waits for a function, which is held itself."""
        is_call = not _host(_headers(scope)).endswith(_API_HOST)
        self._calls += is_call
        try:
            await self._inner(_as_secure(scope), receive, send)
        finally:
            self._calls -= is_call


def _is_owners(key: str | None) -> bool:
    """The emulator takes no key at all for the owner's, too: here it is nobody's."""
    return bool(key) and is_root_access_key(key)


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


async def _answer(scope: Scope, send: Any, status: int, body: bytes) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    length = str(len(body)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
