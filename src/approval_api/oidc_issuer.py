"""Asks the issuer with which people sign in: where to send them, and who has come back.

Its answers count because they come from it over TLS: OpenID Connect Core 1.0, 3.1.3.7, point 6. So
whatever is fetched is fetched over https, from where the issuer's own document says, and what
answers with a redirect is not followed.
"""

import base64
import json
import re
import ssl
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from longrunning.http import RefusedError

TIMEOUT_SECONDS = 3
"""To connect, and for each piece: two requests together end before the function does."""

MAX_ANSWER_BYTES = 100_000

LOCAL_HOSTS = ("localhost", "127.0.0.1")

NOT_ACCEPTED = "What came back does not prove who you are. Nothing has changed. Please try again."

_CODE = re.compile(r"[a-z_]{1,40}")
_FORM = "application/x-www-form-urlencoded"


class IssuerError(Exception):
    """The issuer does not answer as it must. The text holds nothing that it, or anybody, sent."""


class Issuer(NamedTuple):
    """An issuer, and who this API is there."""

    url: str
    """As the claim `iss` has it, to the letter."""
    client_id: str
    is_local: bool = False
    """Whether it may be asked without TLS, on this very machine."""


class Endpoints(NamedTuple):
    """Where people are sent, and where their codes are exchanged."""

    authorization: str
    token: str


@cache
def endpoints(issuer: Issuer) -> Endpoints:
    """Reads the issuer's document, once per environment.

    Raises:
        IssuerError: It is not there, of somebody else, or leads to where nothing is encrypted.
    """
    status, document = _ask(issuer, f"{issuer.url.rstrip('/')}/.well-known/openid-configuration")
    if status != 200 or document.get("issuer") != issuer.url:
        raise IssuerError(f"its document: status {status}, or of another issuer")
    found = Endpoints(*(document.get(f"{name}_endpoint", "") for name in Endpoints._fields))
    for url in found:
        check_url(issuer, url)
    return found


def claims_of_code(
    issuer: Issuer, code: str, verifier: str, redirect_uri: str, client_secret: str
) -> dict[str, Any]:
    """Exchanges a code for what the issuer says of who has signed in.

    Args:
        issuer: Whom to ask.
        code: As the browser brought it.
        verifier: Of PKCE.
        redirect_uri: As it was sent along with the browser.
        client_secret: Empty: this is a public client.

    Raises:
        RefusedError: 403, the code is none, was used already, or is not this browser's.
        IssuerError: Something else went wrong there.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "client_id": issuer.client_id,
        "code_verifier": verifier,
    }
    headers = _basic(issuer.client_id, client_secret) if client_secret else {}
    status, answer = _ask(issuer, endpoints(issuer).token, form, **headers)
    if status == 400 and answer.get("error") == "invalid_grant":
        raise RefusedError(403, NOT_ACCEPTED, "the issuer does not know the code")
    if status != 200:
        raise IssuerError(f"its tokens: status {status}, {name_of_error(answer.get('error'))}")
    return _payload(answer.get("id_token"))


def check_url(issuer: Issuer, url: object) -> None:
    """Lets https through, and http to this machine if the stack itself is on it.

    Raises:
        IssuerError: It is something else.
    """
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        is_local = issuer.is_local and parts.hostname in LOCAL_HOSTS
        is_url = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        is_local = is_url = False
        parts = urlsplit("")
    if not is_url or not (parts.scheme == "https" or (parts.scheme == "http" and is_local)):
        raise IssuerError("a URL that is not https")


def name_of_error(error: object) -> str:
    """Returns an issuer's word for what went wrong, as it may be logged."""
    is_name = isinstance(error, str) and _CODE.fullmatch(error)
    return str(error) if is_name else "without a name for it"


def _ask(
    issuer: Issuer, url: str, form: dict[str, str] | None = None, **headers: str
) -> tuple[int, dict[str, Any]]:
    """Sends one request; returns the status and the JSON object, empty for anything else."""
    check_url(issuer, url)
    parts = urlsplit(url)
    connection = _connect(parts.scheme, parts.hostname or "", parts.port)
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    sent = {"accept": "application/json", **headers, **({"content-type": _FORM} if form else {})}
    body = urlencode(form) if form else None
    try:
        connection.request("POST" if form else "GET", path, body, sent)
        answer = connection.getresponse()
        text = answer.read(MAX_ANSWER_BYTES + 1)
    except (OSError, HTTPException, ValueError) as error:
        raise IssuerError(f"no answer: {type(error).__name__}") from None
    finally:
        connection.close()
    if len(text) > MAX_ANSWER_BYTES:
        raise IssuerError("an answer that is too long")
    return answer.status, _object(text)


def _connect(scheme: str, host: str, port: int | None) -> HTTPConnection:
    if scheme == "http":
        return HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    context = ssl.create_default_context()
    return HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)


def _basic(client_id: str, client_secret: str) -> dict[str, str]:
    # Source: RFC 6749, 2.3.1: each is form-encoded before.
    pair = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
    return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _payload(token: object) -> dict[str, Any]:
    """Returns the claims of an ID token, which has just come from its issuer."""
    parts = token.split(".") if isinstance(token, str) else []
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
    except (IndexError, ValueError):
        payload = b""
    return _object(payload)


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
