"""What a person's browser does with a link: opens the page, and sends its form. No redirects.

Nothing here prints a link or keeps one in an error: whoever has it can decide.
"""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from longrunning.text import normalise_newlines

TIMEOUT_SECONDS = 35
"""An HTTP API itself gives up after 30."""

CANCELLED = "make smoke did not get to its end."
"""What the agent is told beside the cancellation."""

_PAGE = {"Accept": "text/html,application/xhtml+xml"}
_JSON = {"Accept": "application/json"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class NoAnswerError(Exception):
    """Nobody answered at this address."""


@dataclass(frozen=True)
class Answer:
    """What an HTTP API said."""

    status: int
    text: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object of the answer; empty if it is none."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def look(url: str) -> tuple[Answer, Answer]:
    """Opens a link as a person does and as a program does; returns the page and the JSON."""
    return send("GET", url, _PAGE), send("GET", url, _JSON)


def press(url: str, decision: str, page: str, content: str) -> Answer:
    """Sends the form of the page as a browser does: to the same address, without its query.

    Args:
        url: The link.
        decision: `approved` or `denied`.
        page: The page; where it offers to edit the text, the form holds the text.
        content: The text as it was asked: browsers send its lines with CRLF.
    """
    fields = {"comment": "", "decision": decision}
    if 'name="content"' in page:
        shown = content.replace("\0", "\ufffd")  # HTML has no NUL
        fields["content"] = normalise_newlines(shown).replace("\n", "\r\n")
    return send("POST", url.partition("?")[0] + "?", _PAGE | _FORM, urlencode(fields).encode())


def decide(url: str, decision: str) -> Answer:
    """Sends a decision as a program does."""
    body = urlencode({"decision": decision}).encode()
    return send("POST", url.partition("?")[0], _JSON | _FORM, body)


def cancel(session: Any, operator_url: str, session_id: str, tool_use_id: str) -> Answer:
    """Cancels what waits, as operators do: signed, so that the record says who it was.

    Args:
        session: The boto3 session of the caller.
        operator_url: As the stack's output `OperatorUrl` says.
        session_id: The waiting session.
        tool_use_id: The waiting tool use.
    """
    wanted = {"session_id": session_id, "tool_use_id": tool_use_id, "comment": CANCELLED}
    return signed(session, "POST", f"{operator_url}/cancel", wanted)


def signed(session: Any, method: str, url: str, document: dict[str, Any] | None = None) -> Answer:
    """Sends a request of an operator.

    Args:
        session: The boto3 session of the caller.
        method: `GET`, or `POST` with a document.
        url: The whole URL, its query encoded.
        document: What is sent as JSON.
    """
    body = None if document is None else json.dumps(document).encode()
    headers = _JSON if body is None else _JSON | {"Content-Type": "application/json"}
    request = AWSRequest(method, url, data=body, headers=headers)
    credentials = session.get_credentials().get_frozen_credentials()
    SigV4Auth(credentials, "execute-api", session.region_name).add_auth(request)
    return send(method, request.url, dict(request.headers.items()), body)


def send(method: str, url: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
    """Sends one HTTP request; any status is an answer.

    Raises:
        NoAnswerError: There was none; the message names the host and never the link.
    """
    opener = urllib.request.build_opener(_NoRedirects)
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 - http(s)
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
            return Answer(response.status, response.read().decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode("utf-8", "replace"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise NoAnswerError(f"{urlsplit(url).netloc} does not answer ({reason})") from None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer that is not expected: the form must not go elsewhere."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follows nothing."""
        return None
