"""`make approvals`: lists what waits, shows it, decides it, gives it more time.

DO says what, ID which: `<session>/<tool use>`, as the list shows it.

    (none)    list what is open                     approve   read it, agree to it
    show      one approval whole                    deny      COMMENT= is what the agent is told
    history   a session: who decided what           answer    a question: ANSWER='{"size": "m"}'
    cancel    withdraw it, whatever the tool        decline   a question: there is no answer
    extend    HOURS= more, with new links           resend    the e-mail again, within a minute

JSON=1 prints JSON alone. Only who is asked by name decides: the person of `people.toml` whose `iam`
is who calls. On the stack that `make run` runs, that is `root`.
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from longrunning.messages import SESSION_ID_PATTERN, TOOL_USE_ID_PATTERN
from operate import approvals_text as text
from operate.clicks import NoAnswerError
from operate.errors import OperateError
from operate.operator_api import OperatorApi, RefusedError
from operate.stacks import Stack

DONE, REFUSED = 0, 1
"""Exit statuses; 2 is that of every command that could not do its work."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What the environment asks for."""

    do: str
    session_id: str
    tool_use_id: str
    env: Mapping[str, str]

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Wanted":
        """Reads it.

        Raises:
            OperateError: It asks for something else.
        """
        do = env.get("DO", "").strip() or "list"
        if do not in ACTIONS:
            raise OperateError(f"DO={do}: expected one of {', '.join(ACTIONS)}.")
        session_id, _, tool_use_id = env.get("ID", "").strip().partition("/")
        if do == "list":
            return cls(do, "", "", env)
        is_one = bool(TOOL_USE_ID_PATTERN.fullmatch(tool_use_id)) or do == "history"
        if not SESSION_ID_PATTERN.fullmatch(session_id) or not is_one:
            raise OperateError("ID: expected <session>/<tool use>, as make approvals lists it.")
        return cls(do, session_id, tool_use_id, env)

    @property
    def ids(self) -> dict[str, str]:
        """The approval, as the API takes it."""
        return {"session_id": self.session_id, "tool_use_id": self.tool_use_id}

    @property
    def comment(self) -> dict[str, str]:
        """The comment, if there is one."""
        comment = self.env.get("COMMENT", "")
        return {"comment": comment} if comment else {}

    @property
    def as_json(self) -> bool:
        """Whether a program reads it."""
        return self.env.get("JSON") == "1"


def main(stack: Stack) -> int:
    """Does what the environment says; returns the exit status.

    Raises:
        OperateError: It could not be done.
    """
    wanted = Wanted.read(os.environ)
    try:
        found = ACTIONS[wanted.do](OperatorApi.of(stack), wanted)
    except RefusedError as error:
        print(error, file=sys.stderr)
        return REFUSED
    except NoAnswerError as error:
        raise OperateError(str(error)) from error
    shown = json.dumps(found, indent=2) if wanted.as_json else _in_words(wanted.do, found)
    print(shown)
    return DONE


def _in_words(do: str, found: Document) -> str:
    if do == "list":
        return text.table(found["approvals"], time.time())
    if do == "show":
        return text.whole(found, time.time())
    return text.history(found) if do == "history" else text.outcome(do, found)


def _list(api: OperatorApi, _: Wanted) -> Document:
    return {"approvals": list(api.open_approvals())}


def _show(api: OperatorApi, wanted: Wanted) -> Document:
    return api.get("approval", **wanted.ids)


def _history(api: OperatorApi, wanted: Wanted) -> Document:
    return api.get("history", session_id=wanted.session_id)


def _approve(api: OperatorApi, wanted: Wanted) -> Document:
    """Shows what is agreed to, asks, and sends the digest of what was shown."""
    found = _open(api, wanted, is_question=False)
    print(text.whole(found, time.time()), file=sys.stderr if wanted.as_json else sys.stdout)
    _consent(wanted)
    return api.post(
        "decide", **wanted.ids, decision="approved", seen=found["digest"], **wanted.comment
    )


def _deny(api: OperatorApi, wanted: Wanted) -> Document:
    found = _open(api, wanted, is_question=False)
    return api.post(
        "decide", **wanted.ids, decision="denied", seen=found["digest"], **wanted.comment
    )


def _answer(api: OperatorApi, wanted: Wanted) -> Document:
    try:
        answer = json.loads(wanted.env.get("ANSWER", ""))
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise OperateError("""ANSWER: expected a JSON object, such as ANSWER='{"size": "m"}'.""")
    found = _open(api, wanted, is_question=True)
    reply = {"decision": "answered", "answer": answer, "seen": found["digest"]}
    return api.post("decide", **wanted.ids, **reply, **wanted.comment)


def _decline(api: OperatorApi, wanted: Wanted) -> Document:
    _open(api, wanted, is_question=True)
    return api.post("decide", **wanted.ids, decision="declined", **wanted.comment)


def _cancel(api: OperatorApi, wanted: Wanted) -> Document:
    return api.post("cancel", **wanted.ids, **wanted.comment)


def _extend(api: OperatorApi, wanted: Wanted) -> Document:
    """Names the deadline that was read: a second one at the same time is told so."""
    given = wanted.env.get("HOURS", "").strip()
    if not re.fullmatch("[1-9][0-9]{0,2}", given):
        raise OperateError(f"HOURS={given}: expected a whole number of hours, such as HOURS=24.")
    found = api.get("approval", **wanted.ids)
    return api.post("extend", **wanted.ids, hours=int(given), decide_by=found["decide_by"])


def _resend(api: OperatorApi, wanted: Wanted) -> Document:
    return api.post("resend", **wanted.ids)


def _open(api: OperatorApi, wanted: Wanted, *, is_question: bool) -> Document:
    """Reads what is to be decided.

    Raises:
        RefusedError: It is decided, or of the other kind.
    """
    found = api.get("approval", **wanted.ids)
    if is_question != (found["answer_schema"] is not None):
        fits = "show, approve or deny" if is_question else "show, answer or decline"
        kind = "no question" if is_question else "a question"
        raise RefusedError(f"DO={wanted.do}: this is {kind}. Take one of {fits}.")
    return found


def _consent(wanted: Wanted) -> None:
    """Asks once, on a terminal; YES=1 is the answer for everything else.

    Raises:
        OperateError: Nobody has agreed.
    """
    if wanted.env.get("YES") == "1":
        return
    if sys.stdin.isatty():
        print("Approve exactly this? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
    raise OperateError("Nothing was approved. If it may be: make approvals DO=approve YES=1 …")


ACTIONS: dict[str, Callable[[OperatorApi, Wanted], Document]] = {
    "list": _list,
    "show": _show,
    "approve": _approve,
    "deny": _deny,
    "answer": _answer,
    "decline": _decline,
    "cancel": _cancel,
    "extend": _extend,
    "resend": _resend,
    "history": _history,
}
