"""Fixtures: the project's own agent in an empty stack in memory, and UniTok behind a socket."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

import aws_template
import unitok_handler
from pocket import Clock, Pocket
from sample_fixtures import shared_clients  # noqa: F401 - a fixture
from world import REGION, World, http_event, is_signed, lasting_for_a_test


@pytest.fixture(scope="session")
def aws_clients() -> dict[str, Any]:
    """Low-level clients; they reach the AWS in memory only within the fixtures below."""
    return {name: boto3.client(name, region_name=REGION) for name in ("dynamodb",)}


@pytest.fixture(scope="session")
def tables() -> dict[str, dict[str, Any]]:
    """What CreateTable takes, by logical id, as the template declares it."""
    return {"PostsTable": aws_template.table_properties("PostsTable")}


@pytest.fixture
def pocket(monkeypatch: pytest.MonkeyPatch) -> Pocket:
    """An AWS in memory, with nothing in it, that every client talks to."""
    pocket = Pocket(Clock())
    pocket.install(monkeypatch)
    return pocket


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
