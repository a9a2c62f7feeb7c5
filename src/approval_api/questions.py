"""A person's answer to a question of `ask_human`: first the record, then the message.

decision=answered&answer.size=m
{"decision": "answered", "answer": {"size": "m"}}
decision=declined&comment=ask+the+shop
"""

import json
from typing import Any

from approval_services import Services
from decisions import decider, tell_agent
from edits import check_texts, read_typed
from longrunning import ask_human, observability, tracing
from longrunning.http import RefusedError, clean_comment
from longrunning.messages import tool_result
from longrunning.people.links import Link
from longrunning.waits.answers import Decided
from longrunning.waits.item import Wait, as_json
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
        by, via = decider(link)
        done = services.approvals.answer_question(
            link.session_id,
            link.tool_use_id,
            _result(asked, choice, by),
            answered_by=by,
            via=via,
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
        return tool_result(asked.tool_use_id, "error", as_json(said))
    given = _read(choice.answer or {}, asked.answer_schema or {})
    if problem := ask_human.problem_of(given, asked.answer_schema or {}):
        raise RefusedError(422, problem)
    answered = {"answer": given, "comment": comment, "answered_by": by}
    if len(as_json(given).encode()) > ask_human.MAX_ANSWER_BYTES:
        raise RefusedError(413, f"answer: expected at most {ask_human.MAX_ANSWER_BYTES} bytes")
    return tool_result(asked.tool_use_id, "success", as_json(answered))


def _read(sent: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Reads texts as a form's; a blank one of a field that is not required is none."""
    given = {}
    for name, value in sent.items():
        field = schema["properties"].get(name)
        if field is None:
            given[name] = value  # Which is refused, by its name.
            continue
        where = f"answer.{name}"
        check_texts(where, value)
        if isinstance(value, str):
            if not value.strip():
                if name in schema.get("required", ()):
                    raise RefusedError(422, f"{where}: expected one")
                continue
            value = read_typed(where, value, field)
        given[name] = value
    return given
