"""The ten steps, watched from outside: tables, e-mail, pages, and what the functions traced."""

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from local.console import LocalError
from local.lifecycle import Running
from local.mail import Mail
from local.traces import Span

STEP_SECONDS = 60
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Happened:
    """A step that happened, at `at` (epoch seconds)."""

    at: float
    note: str


class Walk:
    """Follows one task through the steps; each method waits for its step or raises LocalError."""

    def __init__(self, run: Running, session_id: str, task: str) -> None:
        """Takes the stack and the task that was sent to it."""
        self._run = run
        self._session_id = session_id
        self._task = task
        self._mail: Mail | None = None
        self.post: dict[str, Any] = {}

    def steps(self) -> list[tuple[str, Callable[[], Happened]]]:
        """Returns the steps by name, in order."""
        return [
            ("arrive", self._arrive),
            ("validate", self._validate),
            ("load", self._load),
            ("run", self._run_agent),
            ("pause", self._pause),
            ("save", self._save),
            ("notify", self._notify),
            ("decide", self._decide),
            ("resume", self._resume),
            ("publish", self._publish),
        ]

    def _arrive(self) -> Happened:
        first = self._first_of_run(self._span("load"))
        return Happened(first.start, "the agent function has the message")

    def _validate(self) -> Happened:
        return Happened(self._span("load").start, f"a new task: session {self._session_id}")

    def _load(self) -> Happened:
        return Happened(self._span("load").end, "no earlier run of this session")

    def _run_agent(self) -> Happened:
        return Happened(self._span("run").end, "the agent wrote a draft")

    def _pause(self) -> Happened:
        ended = self._span("run").end
        self._span("save")
        waiting = self._session()["pending"]["L"]
        if not waiting:
            raise LocalError("the agent ended without asking")
        return Happened(ended, f"it asked for approval and stopped ({len(waiting)} waiting)")

    def _save(self) -> Happened:
        status = self._session()["status"]["S"]
        if status != "waiting":
            raise LocalError(f"the session is {status}")
        return Happened(self._span("save").end, f"the session is {status}; nothing runs now")

    def _notify(self) -> Happened:
        notified = self._span("notify")
        if not self._run.mailbox.wait_for(1, STEP_SECONDS):
            raise LocalError("no e-mail came")
        self._mail = self._run.mailbox.all()[0]
        return Happened(notified.end, f"e-mail: {self._mail.subject}")

    def _decide(self) -> Happened:
        link = self._link("approve")
        before = self._approvals()
        status, page = request("GET", link, {"Accept": "text/html"})
        if status != http.HTTPStatus.OK or not self._is_shown_on(page):
            raise LocalError(f"the page does not show the text (status {status})")
        if self._approvals() != before:
            raise LocalError("looking at the page changed something")
        headers = {"Accept": "application/json", "Content-Type": _FORM}
        status, answer = request("POST", link, headers, b"decision=approved")
        if status != http.HTTPStatus.OK:
            raise LocalError(f"the answer was {status}: {answer}")
        decided = json.loads(answer)["decision"]
        return Happened(self._span("decide").end, f"the page shows the text; {decided}")

    def _resume(self) -> Happened:
        return Happened(self._span("resume").end, "the agent goes on where it stopped")

    def _publish(self) -> Happened:
        published = self._span("publish")
        url = f"{self._run.settings.front_url}/posts"
        status, text = request("GET", url, {"Accept": "application/json"})
        posts = json.loads(text)["posts"] if status == http.HTTPStatus.OK else []
        if len(posts) != 1 or self._task not in posts[0]["content"]:
            raise LocalError(f"the post is not there (status {status}, {len(posts)} posts)")
        self.post = posts[0]
        self._wait_until_completed()
        return Happened(published.end, "UniTok has the post, and has it once")

    def _is_shown_on(self, page: str) -> bool:
        """Tells whether a page has every line of the task that it shows as it is."""
        text = unescape(page)
        return all(line in text for line in self._task.splitlines() if line.isprintable())

    def _span(self, name: str) -> Span:
        """Returns this session's span of a step."""

        def is_wanted(span: Span) -> bool:
            return span.name == name and span.annotations.get("session_id") == self._session_id

        return self._wait(is_wanted, f"nothing happened for {STEP_SECONDS} s")

    def _wait(self, is_wanted: Callable[[Span], bool], problem: str) -> Span:
        deadline = time.monotonic() + STEP_SECONDS
        while time.monotonic() < deadline:
            self._run.emulator.check()
            span = self._run.traces.wait_for(is_wanted, timeout_seconds=1)
            if span is not None:
                return span
        raise LocalError(problem)

    def _first_of_run(self, span: Span) -> Span:
        """Returns the first span of the same invocation."""
        same = [other for other in self._run.traces.all() if other.trace_id == span.trace_id]
        return min(same, key=lambda other: other.start)

    def _session(self) -> dict[str, Any]:
        item = self._run.view.item(self._session_id)
        if item is None:
            raise LocalError("the session is not in the table")
        return item

    def _approvals(self) -> list[dict[str, Any]]:
        return self._run.view.waits_of(self._session_id)

    def _link(self, label: str) -> str:
        links = self._mail.links if self._mail else ()
        for link in links:
            if link.label == label:
                return link.url
        raise LocalError(f"the e-mail has no link to {label}")

    def _wait_until_completed(self) -> None:
        deadline = time.monotonic() + STEP_SECONDS
        while self._session()["status"]["S"] != "completed":
            if time.monotonic() > deadline:
                raise LocalError("the session did not end")
            time.sleep(_POLL_SECONDS)


_FORM = "application/x-www-form-urlencoded"


def request(
    method: str, url: str, headers: dict[str, str], body: bytes | None = None
) -> tuple[int, str]:
    """Sends one request; returns status and body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=STEP_SECONDS)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body, headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()
