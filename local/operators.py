"""Cancels a wait as an operator would: one signed request to the stack's own API."""

import json
from email.message import Message

from local.proxy import Proxy
from local.server import Request
from local.signatures import OwnerKey

_PATH = "/operator/cancel"
_NO_API = "This stack has no operator API, so nothing was cancelled."
_ANSWERED = "Nothing was cancelled: it was {} before."


class Operators:
    """The operator API, called by the stack's owner.

    Args:
        proxy: Has the API.
        owner: Signs.
        host: The front door's, such as `localhost:3000`.
    """

    def __init__(self, proxy: Proxy, owner: OwnerKey, host: str) -> None:
        self._proxy = proxy
        self._owner = owner
        self._host = host

    def cancel(self, session_id: str, tool_use_id: str) -> tuple[int, str]:
        """Cancels a wait; returns the API's status and, unless that is 200, what went wrong."""
        wanted = {"session_id": session_id, "tool_use_id": tool_use_id}
        answer = self._proxy.answer(self._signed(json.dumps(wanted).encode()))
        if answer is None:
            return 404, _NO_API
        if answer.status == 200:
            return 200, ""
        return answer.status, _problem(answer.body)

    def _signed(self, body: bytes) -> Request:
        headers = Message()
        headers["Content-Type"] = "application/json"
        unsigned = Request("POST", _PATH, headers, body)
        sent = Message()
        sent["Host"] = self._host
        for name, value in self._owner.sign(unsigned, "POST", self._host):
            sent[name] = value
        return Request("POST", _PATH, sent, body)


def _problem(body: bytes) -> str:
    """Returns what the API said: an error, or the record as it stands."""
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if isinstance(said, dict) and said.get("status"):
        return _ANSWERED.format(str(said["status"]).lower())
    fields = said if isinstance(said, dict) else {}
    reason = fields.get("error") or fields.get("message") or "no reason was given"
    return f"The operator API did not cancel it: {reason}"
