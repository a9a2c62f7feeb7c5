"""A person's answer to a question of `ask_human`: first the record, then the message.

decision=answered&answer.size=m
{"decision": "answered", "answer": {"size": "m"}}
decision=declined&comment=ask+the+shop
"""

from typing import Any

from approval_services import Services
from decisions import decider, tell_agent
from longrunning import observability, tracing
from longrunning.deciding import answer_of as answer_of
from longrunning.deciding import measure, result_of
from longrunning.http import RefusedError
from longrunning.people.links import Link
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
            measure(done.approval)
        tell_agent(services, done.approval, again=None)
    return done


def _result(asked: Wait, choice: Choice, by: str) -> dict[str, Any]:
    given = (choice.answer or {}) if choice.decision == ANSWERED else None
    return result_of(asked, given, choice.comment, by)
