"""The one address, http://localhost:3000: pages of its own, and the stack's HTTP APIs behind it.

| Request | Answer |
|---|---|
| `GET /` | a page to send a task, and the sessions |
| `POST /local/tasks` | sends `task` (form or JSON): 303, or for programs 202 `{"session_id"}` |
| `GET /local/sessions/<session_id>` | a session: what happened, its conversation |
| `POST /local/sessions/<session_id>/cancel` | cancels the wait of `tool_use_id` (form): 303 |
| `GET /local/mail`, `/local/mail.json` | the approver's e-mails |
| `GET /local/traces.json` | what the functions traced |
| a path that some HTTP API has a route for | that API's answer |

A link to an approval that is not there may be one from before a restart: that is said.
HEAD answers like GET.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import parse_qs, urlencode

from local import mail_page, pages
from local.address import Address, address_of
from local.guard import Guard
from local.mail import Mailbox
from local.mail_links import pages_of
from local.proxy import Proxy
from local.server import Answer, Request
from local.session_routes import PATH, Sessions
from local.traces import Traces
from local.verdicts import count_open, verdicts
from local.view import View

_JSON = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
_LINKS = "/approvals/"
_GONE = (
    "There is no approval here. What was asked before {}, when this stack started, is gone: "
    "make run KEEP=1 keeps it over a restart."
)
_EMPTY_TASK = "Please write what the agent shall do."


@dataclass(frozen=True)
class FrontDoor:
    """Answers every request.

    Attributes:
        sessions: The pages of single sessions.
        send_task: Takes the task and returns the session's id.
        is_scripted: Whether the model is the scripted one.
        started_at: When the stack was started, epoch seconds.
        has_feed: Whether the stack has UniTok.
    """

    guard: Guard
    proxy: Proxy
    mailbox: Mailbox
    traces: Traces
    view: View
    sessions: Sessions
    send_task: Callable[[str], str]
    is_scripted: bool
    started_at: float
    has_feed: bool = True

    def __call__(self, request: Request) -> Answer:
        """Returns the answer to one request."""
        reason = self.guard.refusal(request.method, request.headers)
        if reason is not None:
            return Answer(HTTPStatus.FORBIDDEN, _JSON, json.dumps({"error": reason}).encode())
        answer = self._answer(request)
        return answer if self.has_feed else replace(answer, body=pages.without_feed(answer.body))

    def _answer(self, request: Request) -> Answer:
        if request.path == "/" or request.path.startswith("/local/"):
            return self._own(request)
        answer = self.proxy.answer(request)
        if answer is None:
            return _page(HTTPStatus.NOT_FOUND, pages.not_found(self._open_mails()))
        is_gone = answer.status == HTTPStatus.NOT_FOUND
        return self._gone(answer) if is_gone and request.path.startswith(_LINKS) else answer

    def _gone(self, answer: Answer) -> Answer:
        """Says what the approval API cannot know: links of before a restart lead nowhere."""
        kind = dict((name.lower(), value) for name, value in answer.headers).get("content-type", "")
        if "json" not in kind:
            return _page(answer.status, pages.gone(self.started_at, self._open_mails()))
        reason = _GONE.format(pages.moment(self.started_at))
        return Answer(answer.status, _JSON, json.dumps({"error": reason}).encode())

    def _own(self, request: Request) -> Answer:
        method = "GET" if request.method == "HEAD" else request.method
        if request.path.startswith(PATH):
            return self.sessions.answer(method, request)
        match method, request.path:
            case "GET", "/":
                sent = parse_qs(request.query).get("sent", [""])[0]
                address = address_of("/", request.query)
                return _page(HTTPStatus.OK, self._landing(address, sent=sent), address)
            case "POST", "/local/tasks":
                return self._take_task(request)
            case "GET", "/local/mail":
                return self._mail(address_of(request.path, request.query))
            case "GET", "/local/mail.json":
                return Answer(HTTPStatus.OK, _JSON, self.mailbox.as_json())
            case "GET", "/local/traces.json":
                return Answer(HTTPStatus.OK, _JSON, self.traces.as_json())
        return Answer(HTTPStatus.NOT_FOUND, _JSON, b'{"error": "There is nothing here."}')

    def _take_task(self, request: Request) -> Answer:
        wants_json = "json" in request.headers.get("Accept", "")
        task = _task_in(request)
        if task is None or not task.strip():
            if wants_json:
                return _json(HTTPStatus.BAD_REQUEST, {"error": _EMPTY_TASK})
            return _page(HTTPStatus.BAD_REQUEST, self._landing(Address("/"), problem=_EMPTY_TASK))
        session_id = self.send_task(task)
        if wants_json:
            return _json(HTTPStatus.ACCEPTED, {"session_id": session_id})
        location = "/?" + urlencode({"sent": session_id})
        return Answer(HTTPStatus.SEE_OTHER, [("Location", location)])

    def _landing(self, address: Address, *, sent: str = "", problem: str = "") -> bytes:
        mails = self.mailbox.all()
        return pages.landing(
            self.view.with_arriving(self.view.sessions()),
            self.view.queue_lengths(),
            self._open_mails(),
            is_scripted=self.is_scripted,
            sent=sent,
            problem=problem,
            address=address,
            decided_at=pages_of(mails),
            failure_of=self.sessions.problems.of,
        )

    def _mail(self, address: Address) -> Answer:
        mails = self.mailbox.all()
        page = mail_page.mailbox(mails, verdicts(mails, self.view.waits), address)
        return Answer(HTTPStatus.OK, [*mail_page.HEADERS, *address.headers], page)

    def _open_mails(self) -> int:
        return count_open(self.mailbox.all(), self.view.waits)


def _task_in(request: Request) -> str | None:
    """Returns the task of a form or a JSON body; None where there is none."""
    text = request.body.decode("utf-8", "replace")
    if "json" in request.headers.get("Content-Type", ""):
        try:
            task = json.loads(text)["task"]
        except (ValueError, KeyError, TypeError):
            return None
        return task if isinstance(task, str) else None
    # Browsers send the lines of a text area with CRLF.
    task = parse_qs(text).get("task", [""])[0]
    return str(task).replace("\r\n", "\n")


def _page(status: int, page: bytes, address: Address | None = None) -> Answer:
    return Answer(status, [*pages.HEADERS, *(address.headers if address else [])], page)


def _json(status: HTTPStatus, value: object) -> Answer:
    return Answer(status, _JSON, json.dumps(value).encode())
