"""The child process that alone has the credentials of a profile: it passes calls on to Bedrock.

    python -m local.bedrock_process <listening socket's file descriptor>

Started by `local.bedrock`. The first line of standard input is JSON: `profile`, `model_id`, and
`secret`, the first part of every path. The rest of it is a pipe that the parent holds: its end is
the end of this process. The first line of standard output says `{"region": …}` or
`{"problem": …}`; later ones are the calls that failed, `{"code", "message"}`.

A call arrives with the emulator's signature, which means nothing to AWS. It is signed anew, for the
one model, and goes to the region of the profile. Credentials are in this memory and nowhere else.
"""

import contextlib
import hmac
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from local.bedrock_profile import NOT_ACCEPTED, ProfileError, explain

OPERATIONS = ("converse", "converse-stream", "invoke", "invoke-with-response-stream")
"""What AgentRole may call of the model."""

TIMEOUT_SECONDS = (5, 60)
"""To connect, and between two pieces of an answer: BedrockModel gives up before."""

_SERVICE = "bedrock-runtime"
_SIGNED_AS = "bedrock"
_KEPT_HEADERS = ("content-type", "accept")
_PIECE_BYTES = 8192


@dataclass(frozen=True)
class Access:
    """What one call needs."""

    endpoint_url: str
    region: str
    credentials: ReadOnlyCredentials
    ca_bundle: str | None


class Profile:
    """An AWS profile, read when first needed and again after Bedrock has not accepted it.

    Args:
        name: Its name, as in `~/.aws/config`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._session: boto3.Session | None = None
        self._client: Any = None

    def access(self) -> Access:
        """Returns what a call needs; credentials that end are renewed.

        Raises:
            ProfileError: There is no such profile, or no credentials; its text says what to do.
        """
        with self._lock:
            try:
                return self._access()
            except (BotoCoreError, ClientError) as error:
                self._session = None
                raise explain(error, self.name) from error

    def forget(self) -> None:
        """Has the next call read the profile again: somebody may have signed in meanwhile."""
        with self._lock:
            self._session = None

    def _access(self) -> Access:
        if self._session is None:
            region = os.environ.get("AWS_REGION") or None  # The CLI knows it, boto3 does not.
            session = boto3.Session(profile_name=self.name, region_name=region)
            config = Config(retries={"total_max_attempts": 1})
            self._client = session.client(_SERVICE, config=config)
            self._session = session
        credentials = self._session.get_credentials()
        if credentials is None:
            self._session = None
            raise explain(None, self.name)
        return Access(
            self._client.meta.endpoint_url,
            self._client.meta.region_name,
            credentials.get_frozen_credentials(),
            self._session._session.get_config_variable("ca_bundle"),
        )


class Handler(BaseHTTPRequestHandler):
    """Passes one call on."""

    protocol_version = "HTTP/1.1"
    timeout = 75

    def __init__(self, given: dict[str, str], profile: Profile, *args: Any) -> None:
        """Takes what standard input said, the profile, and what the server gives."""
        self._given = given
        self._profile = profile
        super().__init__(*args)

    def do_POST(self) -> None:
        """Signs the request, sends it and hands back the answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if refusal := self._refusal():
            self._refuse(403, "AccessDeniedException", refusal)
            return
        try:
            access = self._profile.access()
        except ProfileError as error:
            self._refuse(403, "ExpiredTokenException", str(error))
            return
        try:
            answer = self._send(access, body)
        except HTTPClientError as error:
            where = f"{access.endpoint_url} does not answer ({type(error).__name__})"
            self._refuse(503, "ServiceUnavailableException", where)
            return
        if answer.status_code == 200:
            self._stream(answer)
        else:
            self._hand_back(answer)

    def log_message(self, *_: Any) -> None:
        """Logs nothing: the path has the secret."""

    def _refusal(self) -> str:
        """Returns why a call is not passed on, or ""."""
        _, secret, *parts = self.path.split("/")
        if not hmac.compare_digest(secret.encode(), self._given["secret"].encode()):
            return "Only the agent of this run may call Bedrock here."
        model_id = self._given["model_id"]
        allowed = [["model", model_id, operation] for operation in OPERATIONS]
        if [unquote(part) for part in parts] not in allowed:
            return f"Only {model_id} may be called here, and on AWS: it is MODEL_ID."
        return ""

    def _send(self, access: Access, body: bytes) -> Any:
        path = "/".join(["", *self.path.split("/")[2:]])
        url = access.endpoint_url.rstrip("/") + path
        headers = {n: self.headers[n] for n in _KEPT_HEADERS if n in self.headers}
        request = AWSRequest("POST", url, data=body, headers=headers, stream_output=True)
        SigV4Auth(access.credentials, _SIGNED_AS, access.region).add_auth(request)
        http = URLLib3Session(
            timeout=TIMEOUT_SECONDS,
            proxies=get_environ_proxies(url),
            verify=access.ca_bundle or True,
        )
        return http.send(request.prepare())

    def _stream(self, answer: Any) -> None:
        self.send_response(200)
        self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for piece in answer.raw.stream(_PIECE_BYTES, decode_content=False):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        except Exception:  # The one side or the other is gone: the agent sees a broken answer.
            self.close_connection = True
        finally:
            answer.raw.close()

    def _hand_back(self, answer: Any) -> None:
        """Hands an error on to the agent, and tells the parent."""
        body = answer.content
        code = (answer.headers.get("x-amzn-ErrorType") or "").partition(":")[0]
        if code in NOT_ACCEPTED:
            self._profile.forget()
        _tell(code=code or str(answer.status_code), message=_message(body))
        self._answer(answer.status_code, code, body)

    def _refuse(self, status: int, code: str, message: str) -> None:
        _tell(code=code, message=message)
        self._answer(status, code, json.dumps({"message": message}).encode())

    def _answer(self, status: int, code: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("x-amzn-ErrorType", code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Serves on a socket that the parent has opened."""

    daemon_threads = True

    def __init__(self, descriptor: int, handler: Any) -> None:
        """Takes the socket's file descriptor."""
        super().__init__(("127.0.0.1", 0), handler, bind_and_activate=False)
        self.socket.close()
        self.socket = socket.socket(fileno=descriptor)
        self.server_address = self.socket.getsockname()

    def handle_error(self, *_: Any) -> None:
        """A client that went away is no news."""


def _message(body: bytes) -> str:
    with contextlib.suppress(ValueError, AttributeError):
        found = json.loads(body)
        return str(found.get("message") or found.get("Message") or "")
    return ""


def _tell(**line: str) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


@contextlib.contextmanager
def _ready(profile: Profile) -> Iterator[None]:
    try:
        access = profile.access()
    except ProfileError as error:
        _tell(problem=str(error))
        sys.exit(1)
    _tell(region=access.region)
    yield


def main() -> None:
    """Serves until the parent ends."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # Ctrl-C is the parent's to handle.
    given = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    profile = Profile(given["profile"])
    with _ready(profile):
        Server(int(sys.argv[1]), partial(Handler, given, profile)).serve_forever()


if __name__ == "__main__":
    main()
