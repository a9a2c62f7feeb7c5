"""The pages of single sessions: what is asked for, and what is answered."""

import re
import time
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, unquote

from local import pages, session_page
from local.address import Address
from local.layer import SESSION_ID_PATTERN, TOOL_USE_ID_PATTERN
from local.mail import Mailbox
from local.mail_links import questions_of
from local.markup import session_url
from local.operators import Operators
from local.problems import Problems
from local.records import Records
from local.server import Answer, Request
from local.timeline import steps, timeline
from local.traces import Span, Traces
from local.verdicts import count_open

PATH = "/local/sessions/"
RECENT_SECONDS = 15 * 60
"""A task is tried five times in the first four minutes."""

RUN = "run"
"""The step in which the model is called."""

_ADDRESS = re.compile(re.escape(PATH) + "([^/]+)(/cancel)?")
_NO_WAIT = "Nothing was cancelled: the form names no wait."


@dataclass(frozen=True)
class Sessions:
    """Answers what begins with `PATH`."""

    records: Records
    operators: Operators
    mailbox: Mailbox
    traces: Traces
    problems: Problems

    def answer(self, method: str, request: Request) -> Answer:
        """Returns the answer to one request; HEAD comes as GET."""
        found = _ADDRESS.fullmatch(request.path)
        session_id = unquote(found[1]) if found else ""
        if not found or not SESSION_ID_PATTERN.fullmatch(session_id):
            return self._unknown()
        match method, found[2]:
            case "GET", None:
                is_cancelled = "cancelled" in parse_qs(request.query)
                return self._page(session_id, request, is_cancelled=is_cancelled)
            case "POST", "/cancel":
                return self._cancel(session_id, request)
        return self._unknown()

    def _cancel(self, session_id: str, request: Request) -> Answer:
        form = parse_qs(request.body.decode("utf-8", "replace"))
        tool_use_id = form.get("tool_use_id", [""])[0]
        if not TOOL_USE_ID_PATTERN.fullmatch(tool_use_id):
            return self._page(session_id, request, HTTPStatus.BAD_REQUEST, problem=_NO_WAIT)
        status, problem = self.operators.cancel(session_id, tool_use_id)
        if problem:
            return self._page(session_id, request, status, problem=problem)
        location = f"{session_url(session_id)}?cancelled=1"
        return Answer(HTTPStatus.SEE_OTHER, [("Location", location)])

    def _page(
        self,
        session_id: str,
        request: Request,
        status: int = HTTPStatus.OK,
        *,
        problem: str = "",
        is_cancelled: bool = False,
    ) -> Answer:
        record = self.records.find(session_id)
        address = Address(session_url(session_id), reloads="reload" in parse_qs(request.query))
        if record is None:
            return self._unknown(address)
        mails, spans = self.mailbox.all(), steps(self.traces.all(), session_id)
        page = session_page.session(
            record,
            timeline(record, spans, self.problems.of),
            spans,
            questions_of(mails, session_id),
            self._open_mails(),
            problem=problem or self._of_last_run(spans),
            is_cancelled=is_cancelled,
            address=address,
        )
        return Answer(status, [*pages.HEADERS, *address.headers], page)

    def _unknown(self, address: Address | None = None) -> Answer:
        last = self.problems.last
        is_recent = last is not None and time.time() - last.at < RECENT_SECONDS
        page = session_page.unknown(self._open_mails(), last if is_recent else None, address)
        headers = address.headers if address else []
        return Answer(HTTPStatus.NOT_FOUND, [*pages.HEADERS, *headers], page)

    def _open_mails(self) -> int:
        return count_open(self.mailbox.all(), self.records.all_waits)

    def _of_last_run(self, spans: list[Span]) -> str:
        """Says what has failed where the newest run of a session did; no record tells of it."""
        runs = [span for span in spans if span.name == RUN]
        last = self.problems.last
        is_of_it = runs and runs[-1].is_fault and last and last.at >= runs[-1].start
        return session_page.failed(last) if last and is_of_it else ""
