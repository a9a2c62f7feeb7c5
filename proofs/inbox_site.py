"""The approval API of a world, with its inbox, behind a server on loopback."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import approval_handler
from world import World, forget_environments, http_event

INBOX = "/inbox"


@contextmanager
def serve_world(world: World) -> Iterator[str]:
    """Serves it until the block ends; yields the URL, by a name for which browsers keep cookies."""

    class Front(BaseHTTPRequestHandler):
        def do(self) -> None:
            answer = approval_handler.handler(_event(self), world.context)
            self.send_response(answer["statusCode"])
            for name, value in answer["headers"].items():
                self.send_header(name, value)
            for cookie in answer.get("cookies", ()):
                self.send_header("set-cookie", cookie)
            self.end_headers()
            self.wfile.write(answer["body"].encode())

        do_GET = do_POST = do

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    url = f"http://localhost:{server.server_port}"
    world.monkeypatch.setenv("APPROVAL_BASE_URL", url)
    forget_environments()
    serve = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serve.daemon = True
    serve.start()
    yield url
    server.shutdown()
    server.server_close()


def _event(front: BaseHTTPRequestHandler) -> dict[str, Any]:
    parts = urlsplit(front.path)
    length = int(front.headers.get("content-length", 0))
    body = front.rfile.read(length).decode() if length else None
    headers = {name.lower(): value for name, value in front.headers.items()}
    event = http_event(front.command, parts, headers, body)
    if not parts.path.startswith(INBOX):
        return event
    rest = parts.path.removeprefix(INBOX).lstrip("/")
    named = {"routeKey": f"ANY {INBOX}/{{proxy+}}" if rest else f"ANY {INBOX}"}
    return {**event, **named, "pathParameters": {"proxy": rest} if rest else {}}
