"""Cancels what waits and wakes the agent: first the record, then the message."""

from longrunning import observability, tracing
from longrunning.waits.answers import Decided
from operator_requests import Cancellation
from operator_services import Services
from telling import tell_agent

logger = observability.get_logger("operator_api")


def cancel(services: Services, wanted: Cancellation, caller: str, now: int) -> Decided:
    """Records a cancellation and tells the agent; the same again only tells the agent again.

    Raises:
        NotSentError: It is cancelled, the message is not on the queue.
    """
    ids = {"session_id": wanted.session_id, "tool_use_id": wanted.tool_use_id}
    with tracing.subsegment("decide", **ids):
        decided = services.approvals.cancel(
            **ids, decided_by=caller, now=now, comment=wanted.comment
        )
    logger.info("cancel", extra={**ids, "outcome": decided.outcome})
    if decided.outcome == "decided":
        observability.put_metric("ApprovalCancelled")
    if decided.approval and decided.outcome in ("decided", "repeated"):
        tell_agent(services, decided.approval)
    return decided
