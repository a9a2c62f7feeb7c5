"""Bedrock's ConverseStream and a receiver of posts, on this machine: over HTTP, as the agent calls.

A model's client that holds the whole conversation in a request is a part of the agent's memory.

Source: Amazon Bedrock, "ConverseStream".
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bedrock_stand_in import event_message
from benchmarks.memory.script import Script, events


@contextmanager
def served(script: Script) -> Iterator[str]:
    """Plays a script until the end; yields its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(script))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(script: Script) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/posts":
                self._answer(201, "application/json", json.dumps({"post_id": "p" * 36}).encode())
            else:
                said = events(script.turn(body["messages"]))
                pieces = (event_message(*item) for event in said for item in event.items())
                self._answer(200, "application/vnd.amazon.eventstream", b"".join(pieces))

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    return Handler
