"""A person's answer to a question of `ask_human`: first the record, then the message.

decision=answered&answer.size=m
{"decision": "answered", "answer": {"size": "m"}}
decision=declined&comment=ask+the+shop
"""

import json
from typing import Any

from approval_services import Services
from decisions import DECIDED_BY_LINK, VIA_LINK, tell_agent
from longrunning import ask_human, observability, tracing
from longrunning.http import RefusedError, check_sendable, clean_comment
from longrunning.messages import tool_result
from longrunning.people import forms
from longrunning.people.links import Link
from longrunning.text import normalise_newlines
from longrunning.waits.answers import Decided
from longrunning.waits.item import Wait
from review_request import ANSWERED, Choice

NOT_A_QUESTION = 'decision: expected "approved" or "denied": this is no question'

logger = observability.get_logger("approval_api")


def answer(services: Services, link: Link, choice: Choice, now: int) -> Decided:
    """Records an answer, or that there will be none, and tells the agent.

    Raises:
        RefusedError: It is no question, or the answer does not fit it; nothing has changed.
        NotSentError: The answer is recorded, the message is not on the queue.
    """
    ids = {"session_id": link.session_id, "tool_use_id": link.tool_use_id}
    with tracing.subsegment("decide", **ids):
        asked = services.approvals.get(link.session_id, link.tool_use_id)
        if asked is None or asked.call is None:
            return Decided("unknown", asked)
        if not asked.is_question:
            raise RefusedError(400, NOT_A_QUESTION)
        by = link.person or DECIDED_BY_LINK
        done = services.approvals.answer_question(
            link.session_id,
            link.tool_use_id,
            _result(asked, choice, by),
            answered_by=by,
            via=VIA_LINK if link.person else None,
            now=now,
        )
    logger.info("answer", extra={**ids, "choice": choice.decision, "outcome": done.outcome})
    if done.approval and done.outcome in ("decided", "repeated"):
        if done.outcome == "decided":
            observability.put_metric("QuestionAnswered")
        tell_agent(services, done.approval, again=None)
    return done


def answer_of(question: Wait) -> dict[str, Any] | None:
    """Returns what was answered, by field; None where nothing was."""
    said = json.loads((question.result or {}).get("content", [{"text": "{}"}])[0]["text"])
    found: dict[str, Any] | None = said.get("answer")
    return found


def _result(asked: Wait, choice: Choice, by: str) -> dict[str, Any]:
    comment = clean_comment(choice.comment)
    if choice.decision != ANSWERED:
        said = {"declined": True, "comment": comment, "answered_by": by}
        return tool_result(asked.tool_use_id, "error", json.dumps(said, ensure_ascii=False))
    given = _read(choice.answer or {}, asked.answer_schema or {})
    if problem := ask_human.problem_of(given, asked.answer_schema or {}):
        raise RefusedError(422, problem)
    answered = {"answer": given, "comment": comment, "answered_by": by}
    text = json.dumps(answered, ensure_ascii=False)
    if len(json.dumps(given, ensure_ascii=False).encode()) > ask_human.MAX_ANSWER_BYTES:
        raise RefusedError(413, f"answer: expected at most {ask_human.MAX_ANSWER_BYTES} bytes")
    return tool_result(asked.tool_use_id, "success", text)


def _read(sent: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Reads texts as a form's; a blank one of a field that is not required is none."""
    given = {}
    for name, value in sent.items():
        field = schema["properties"].get(name)
        if field is None:
            given[name] = value  # Which is refused, by its name.
            continue
        where = f"answer.{name}"
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                check_sendable(where, text)
        if isinstance(value, str):
            if not value.strip():
                if name in schema.get("required", ()):
                    raise RefusedError(422, f"{where}: expected one")
                continue
            try:
                value = forms.read(normalise_newlines(value), field)
            except forms.NotReadError as error:
                raise RefusedError(422, f"{where}: {error}") from error
        given[name] = value
    return given
