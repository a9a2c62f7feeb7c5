"""An empty stack in memory, and a receiver behind a socket."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest

import unitok_handler
from pocket import clients_made_once
from world import World, forget_environments, http_event, is_signed, lasting_for_a_test


@pytest.fixture(scope="session", autouse=True)
def shared_clients() -> Iterator[None]:
    """Makes every AWS client once."""
    with clients_made_once():
        yield


@pytest.fixture(scope="session")
def receiver() -> Iterator[str]:
    """UniTok's real handler behind a socket; yields its URL."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            parts = urlsplit(self.path)
            event = http_event("POST", parts, headers, body, iam=is_signed(headers))
            answer = unitok_handler.handler(event, None)
            data = answer["body"].encode()
            self.send_response(answer["statusCode"])
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Keeps the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, receiver: str) -> Iterator[World]:
    """An empty stack: all that the template declares, as far as the functions use it."""
    yield from lasting_for_a_test(monkeypatch, receiver)


@pytest.fixture
def set_clock(world: World) -> Callable[[ModuleType, float], None]:
    """Sets the clock of one function to so many seconds before or after the world's."""

    class Wrong:
        def __init__(self, seconds: float) -> None:
            self.time = lambda: world.clock() + seconds
            self.sleep = world.step

    def set_clock(module: ModuleType, seconds: float) -> None:
        world.monkeypatch.setattr(module, "time", Wrong(seconds))
        forget_environments()

    return set_clock
