"""A small HTTP server on loopback: reads whole requests, hands them on, logs nothing.

Nothing, because paths hold tokens.
"""

import contextlib
import socket
import socketserver
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler

from local.console import LocalError

MAX_BODY_BYTES = 10_000_000  # What an HTTP API takes.
BACKLOG = 512
IDLE_SECONDS = 30

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """A whole request; `target` is path and query as the client sent them."""

    method: str
    target: str
    headers: Message
    body: bytes

    @property
    def path(self) -> str:
        """The path alone."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query alone."""
        return self.target.partition("?")[2]


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Headers
    body: bytes = b""


Application = Callable[[Request], Answer]

_TEXT = [("Content-Type", "text/plain; charset=utf-8")]


class LoopbackServer:
    """Threaded, on 127.0.0.1 and, where there is one, ::1.

    Args:
        port: Taken at once, so that a busy one is known before anything else starts.

    Raises:
        LocalError: The port is busy.
    """

    def __init__(self, port: int) -> None:
        self._servers: list[_Server] = []
        self._is_open = False
        try:
            self._bind(port)
        except OSError as error:
            self.close()
            raise LocalError(
                f"Port {port} is busy: another program, or another `make run`, listens there. "
                f"Stop it, or take another port: make run PORT={port + 1}"
            ) from error

    def open(self, application: Application) -> None:
        """Starts to answer."""
        self._is_open = True
        for server in self._servers:
            server.application = application
            server.server_activate()
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()

    def close(self) -> None:
        """Stops to answer and frees the port."""
        for server in self._servers:
            if self._is_open:
                server.shutdown()
            server.server_close()
        self._servers, self._is_open = [], False

    def _bind(self, port: int) -> None:
        _require_silence(socket.AF_INET, "127.0.0.1", port)
        self._servers.append(_Server(("127.0.0.1", port), _Handler, bind_and_activate=False))
        self._servers[0].server_bind()
        if _has_ipv6():
            _require_silence(socket.AF_INET6, "::1", port)
            self._servers.append(_Server6(("::1", port), _Handler, bind_and_activate=False))
            self._servers[1].server_bind()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = BACKLOG
    application: Application

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    server: _Server

    def _serve(self) -> None:
        refused = self._unreadable()
        if refused is not None:
            self.close_connection = True
            self._send(Answer(refused, [("Connection", "close")]))
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        request = Request(self.command, self.path, self.headers, body)
        try:
            answer = self.server.application(request)
        except Exception as error:  # Whatever it is: a person shall see more than an empty page.
            traceback.print_exc()
            text = f"This page could not be made: {type(error).__name__}. The terminal says more."
            answer = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, _TEXT, text.encode())
        self._send(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve

    def _unreadable(self) -> HTTPStatus | None:
        length = self.headers.get("Content-Length", "0")
        if not (self.path.startswith("/") and self.path.isascii()):
            return HTTPStatus.BAD_REQUEST
        if not (length.isascii() and length.isdigit()):
            return HTTPStatus.BAD_REQUEST
        if "Transfer-Encoding" in self.headers:
            return HTTPStatus.LENGTH_REQUIRED
        if int(length) > MAX_BODY_BYTES:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return None

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        has_length = self.command != "HEAD" and answer.status != HTTPStatus.NO_CONTENT
        if answer.body or has_length:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def version_string(self) -> str:
        """Names no versions."""
        return "local"

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing: a path may hold a token."""


def _has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


def _require_silence(family: int, host: str, port: int) -> None:
    """Not every system refuses to bind where another program listens on all addresses."""
    with socket.socket(family) as probe:
        probe.settimeout(1)
        if probe.connect_ex((host, port)) == 0:
            raise OSError("something listens there")
