"""An issuer of OpenID Connect on loopback: its document, its page, its tokens, and what goes wrong.

It holds what comes against what its page was opened with, as an issuer does: the client, the place
to come back to, PKCE, and that a code is used once.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from oidc_issuer import endpoints

CLIENT_ID = "inbox-client"
LEFT_OUT = object()
"""A claim that a token does not have."""

Answer = tuple[int, dict[str, str], bytes]


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class StandInIssuer:
    """An issuer at which whoever comes is signed in as `claims` say."""

    url: str
    claims: dict[str, Any] = field(default_factory=dict)
    """Beside those of every token, or in their place."""
    document: dict[str, Any] = field(default_factory=dict)
    """Of its discovery, in the place of what it would say."""
    client_secret: str = ""
    error: str = ""
    """What its page sends people back with, in the place of a code."""
    answers: dict[str, Answer] = field(default_factory=dict)
    """By path, in the place of what it would answer."""
    requests: list[str] = field(default_factory=list)
    """The paths that were asked for."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    issued: list[str] = field(default_factory=list)
    """Whatever nobody else may see: codes and tokens."""

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            **self.document,
        }

    def authorize(self, url: str) -> str:
        """What its page does: returns where the browser is sent back to."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        assert asked["scope"].split() == ["openid", "email"]
        if self.error:
            back = {"error": self.error, "state": asked["state"]}
        else:
            code = self.keep(secrets.token_urlsafe(16))
            self.codes[code] = asked
            back = {"code": code, "state": asked["state"]}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        if not self._is_client(form, authorization):
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form["code"], None)
        challenge = encoded(hashlib.sha256(form["code_verifier"].encode()).digest())
        if (
            asked is None
            or form["redirect_uri"] != asked["redirect_uri"]
            or challenge != asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        claims = {
            "iss": self.url,
            "sub": "sub-of-ann",
            "aud": CLIENT_ID,
            "exp": int(time.time()) + 3_600,
            "iat": int(time.time()),
            "nonce": asked["nonce"],
            "email": "ann@example.com",
            "email_verified": True,
            **self.claims,
        }
        given = {name: value for name, value in claims.items() if value is not LEFT_OUT}
        parts = ({"alg": "none"}, given)
        token = ".".join(encoded(json.dumps(part).encode()) for part in parts) + ".not-signed"
        access = self.keep(secrets.token_urlsafe(16))
        return 200, {"id_token": self.keep(token), "access_token": access, "token_type": "Bearer"}

    def keep(self, secret: str) -> str:
        self.issued.append(secret)
        return secret

    def _is_client(self, form: dict[str, str], authorization: str) -> bool:
        assert form["grant_type"] == "authorization_code"
        pair = base64.b64encode(f"{CLIENT_ID}:{self.client_secret}".encode()).decode()
        expected = f"Basic {pair}" if self.client_secret else ""
        return form["client_id"] == CLIENT_ID and authorization == expected


@contextmanager
def serve_issuer(host: str = "localhost") -> Iterator[StandInIssuer]:
    """Serves an issuer until the block ends."""

    class Front(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/authorize" and path not in issuer.answers:
                self._send(302, {"location": issuer.authorize(self.path)}, b"")
            elif path == "/.well-known/openid-configuration":
                self._answer(path, 200, issuer.discovery())
            else:
                self._answer(path, 404, {})

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            form = dict(parse_qsl(self.rfile.read(length).decode()))
            status, document = issuer.token(form, self.headers.get("authorization", ""))
            self._answer(urlsplit(self.path).path, status, document)

        def _answer(self, path: str, status: int, document: dict[str, Any]) -> None:
            issuer.requests.append(path)
            told = (status, {"content-type": "application/json"}, json.dumps(document).encode())
            self._send(*issuer.answers.get(path, told))

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                pass  # Whoever asked has read enough.

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    issuer = StandInIssuer(f"http://{host}:{server.server_port}")
    endpoints.cache_clear()
    serve = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serve.daemon = True
    serve.start()
    yield issuer
    server.shutdown()
    server.server_close()
    endpoints.cache_clear()
