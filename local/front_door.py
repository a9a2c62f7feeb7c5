"""The one address, http://localhost:3000: pages of its own, and the stack's HTTP APIs behind it.

| Request | Answer |
|---|---|
| `GET /` | a page to send a task, and the sessions |
| `POST /local/tasks` | sends `task` (form or JSON): 303, or for programs 202 `{"session_id"}` |
| `GET /local/mail`, `/local/mail.json` | the approver's e-mails |
| `GET /local/traces.json` | what the functions traced |
| a path that some HTTP API has a route for | that API's answer |

HEAD answers like GET.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, urlencode

from local import pages
from local.guard import Guard
from local.mail import Mailbox
from local.proxy import Proxy
from local.server import Answer, Request
from local.traces import Traces
from local.view import View

_JSON = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
_EMPTY_TASK = "Please write what the agent shall do."


@dataclass(frozen=True)
class FrontDoor:
    """Answers every request; `send_task` takes the task and returns the session's id."""

    guard: Guard
    proxy: Proxy
    mailbox: Mailbox
    traces: Traces
    view: View
    send_task: Callable[[str], str]

    def __call__(self, request: Request) -> Answer:
        """Returns the answer to one request."""
        reason = self.guard.refusal(request.method, request.headers)
        if reason is not None:
            return Answer(HTTPStatus.FORBIDDEN, _JSON, json.dumps({"error": reason}).encode())
        if request.path == "/" or request.path.startswith("/local/"):
            return self._own(request)
        return self.proxy.answer(request) or _page(
            HTTPStatus.NOT_FOUND, pages.not_found(len(self.mailbox.all()))
        )

    def _own(self, request: Request) -> Answer:
        method = "GET" if request.method == "HEAD" else request.method
        match method, request.path:
            case "GET", "/":
                sent = parse_qs(request.query).get("sent", [""])[0]
                return _page(HTTPStatus.OK, self._landing(sent=sent))
            case "POST", "/local/tasks":
                return self._take_task(request)
            case "GET", "/local/mail":
                return _page(HTTPStatus.OK, pages.mailbox(self.mailbox.all()))
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
            return _page(HTTPStatus.BAD_REQUEST, self._landing(problem=_EMPTY_TASK))
        session_id = self.send_task(task)
        if wants_json:
            return _json(HTTPStatus.ACCEPTED, {"session_id": session_id})
        location = "/?" + urlencode({"sent": session_id})
        return Answer(HTTPStatus.SEE_OTHER, [("Location", location)])

    def _landing(self, *, sent: str = "", problem: str = "") -> bytes:
        return pages.landing(
            self.view.sessions(),
            self.view.queue_lengths(),
            len(self.mailbox.all()),
            sent=sent,
            problem=problem,
        )


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


def _page(status: HTTPStatus, page: bytes) -> Answer:
    return Answer(status, pages.HEADERS, page)


def _json(status: HTTPStatus, value: object) -> Answer:
    return Answer(status, _JSON, json.dumps(value).encode())
