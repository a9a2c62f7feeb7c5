"""The real approval handler behind a server on loopback, and what came of it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import approval_handler
from approval_api_driver import KEYS, FakeApprovals, FakeQueue, http_event, token_for
from approval_services import Services
from longrunning.people.directory import People
from longrunning.waits.item import Wait


@dataclass
class Site:
    """The approval API on loopback, and what came of it."""

    url: str = ""
    approvals: FakeApprovals = field(default_factory=FakeApprovals)
    queue: FakeQueue = field(default_factory=FakeQueue)
    people: People = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def link(self, approval: Wait, decision: str = "approved", person: str | None = None) -> str:
        """Stores an approval and returns its link, or that of a person."""
        self.approvals.put(approval)
        return f"{self.url}/approvals/{token_for(approval, person=person)}?decision={decision}"

    @property
    def answers(self) -> list[dict[str, Any]]:
        """What was answered to questions."""
        results = [wait.result for wait in self.approvals.items.values() if wait.result]
        return [json.loads(r["content"][0]["text"])["answer"] for r in results]

    def stored(self, approval: Wait) -> Wait:
        """The approval as it stands now."""
        return self.approvals.items[approval.session_id, approval.tool_use_id]

    def services(self) -> Services:
        """What the handler works with here."""
        return Services(self.approvals, KEYS, self.queue, "", self.approvals, self.people)  # type: ignore[arg-type]

    def answer(self, front: BaseHTTPRequestHandler) -> dict[str, Any]:
        """Turns a request into an event for the handler."""
        self.requests.append((front.command, front.path, dict(front.headers)))
        url = urlsplit(front.path)
        event = http_event(
            front.command,
            url.path.removeprefix("/approvals/"),
            query=url.query,
            accept=front.headers.get("accept", ""),
            body=front.rfile.read(int(front.headers.get("content-length", 0))) or None,
            content_type=front.headers.get("content-type", ""),
        )
        return approval_handler.handler(event, None)


@contextmanager
def serve() -> Iterator[Site]:
    """Serves the approval API until the block ends."""
    site = Site()

    class Front(BaseHTTPRequestHandler):
        def do(self) -> None:
            response = site.answer(self)
            self.send_response(response["statusCode"])
            for name, value in response["headers"].items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response["body"].encode())

        do_GET = do_POST = do

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    ).start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()
    server.server_close()
