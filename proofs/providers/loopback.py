"""A model's API on this machine: it plays a script, and refuses what breaks the API's rules.

The real client of a provider runs against it, so what a test proves is that the conversation goes
to that provider and comes back. Nothing leaves the machine.
"""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A call of a tool, as a model makes it."""

    name: str | None
    arguments: dict[str, Any]
    id: str | None
    """As the provider gives both; None for JSON's null."""


Turn = str | Sequence[Call]
Script = Sequence[Turn] | Callable[[Body], Turn]


class RuleBrokenError(Exception):
    """A request breaks one of the API's rules; the server answers with status 400."""


class ModelApi:
    """Serves one API from a script, for as long as the `with` block lasts.

    Attributes:
        requests: The body of every request, in order.
        headers: Its headers, their names in lower case.
        refused: Which rule each refused request broke.
    """

    def __init__(
        self,
        script: Script,
        check: Callable[[Body], None],
        answer: Callable[[Turn], Iterator[Body | str]],
        write: Callable[[Body | str], bytes] | None = None,
    ) -> None:
        """Starts the server.

        Args:
            script: The turns, or a function from a request to a turn.
            check: Raises `RuleBrokenError` for what the API would refuse.
            answer: What the API streams for a turn: objects, or texts that are no JSON.
            write: How it writes each of them; a server-sent event where it is not said.
        """
        self.requests: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.refused: list[str] = []
        self._script, self._check, self._answer = script, check, answer
        self._write = write or _event
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "ModelApi":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def respond(self, body: Body) -> tuple[int, bytes]:
        """Returns the status, and the stream of server-sent events or the error."""
        number = len(self.requests)
        self.requests.append(body)
        try:
            self._check(body)
        except RuleBrokenError as broken:
            self.refused.append(str(broken))
            error = {"message": str(broken), "type": "invalid_request_error", "code": 400}
            return 400, json.dumps({"error": error}).encode()
        turn = self._script(body) if callable(self._script) else self._script[number]
        return 200, b"".join(self._write(piece) for piece in self._answer(turn))


def expect(holds: bool, where: str, expected: str) -> None:
    """Raises `RuleBrokenError` unless the rule holds."""
    if not holds:
        raise RuleBrokenError(f"{where}: expected {expected}")


def _event(piece: Body | str) -> bytes:
    text = piece if isinstance(piece, str) else json.dumps(piece)
    return f"data: {text}\r\n\r\n".encode()


def _handler_of(api: ModelApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            api.headers.append({name.lower(): value for name, value in self.headers.items()})
            status, data = api.respond(json.loads(self._read()))
            self.send_response(status)
            self.send_header(
                "Content-Type", "text/event-stream" if status == 200 else "application/json"
            )
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _read(self) -> bytes:
            return self.rfile.read(int(self.headers["Content-Length"]))

        def log_message(self, *_: Any) -> None:
            """Keeps the test's output clean."""

    return Handler
