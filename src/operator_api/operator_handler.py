"""Lists what is open, shows what was decided, cancels what waits: the operators' routes.

| Request | Answer |
|---|---|
| `GET /operator/approvals?limit=…&next=…` | `{"approvals": […], "next"}`, the earliest due first |
| `GET /operator/history?session_id=…` | `{"session", "approvals": […]}`, the first asked first |
| the same of a session that never was | 404 |
| `POST /operator/cancel` | 200, also when repeated; 404; 409 and what stands |
| without an identity / a request that cannot be read | 403 / 400, 415 |
| anything while a service behind this fails | 503; sending it again is safe |

A cancellation is JSON, `{"session_id", "tool_use_id", "comment"}`, the last may be left out. Times
are epoch seconds. `session` is null once its item is gone, or `{"agent_name", "status", "outcome",
"reason", "last_words"}`. The routes ask for an IAM signature, or for a JWT (`docs/adapt.md`). No
answer holds a link, a token, or of a conversation more than these last words.
"""

import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import cancelling
import listing
from longrunning import observability
from longrunning.http import Event, RefusedError, Response, json_answer
from operator_requests import caller_of, parse_cancellation, parse_page, parse_session_id
from operator_services import services

RETRY_AFTER_SECONDS = 5
UNAVAILABLE = "Something failed on our side. Please send it again."
STATUS_OF_OUTCOME = {"decided": 200, "repeated": 200, "conflict": 409}

logger = observability.get_logger("operator_api")


def handler(event: Event, context: Any) -> Response:
    """Answers one HTTP API request (payload format 2.0)."""
    try:
        return _route(event)
    except RefusedError as refusal:
        logger.info("refused", extra={"status": refusal.status, "reason": refusal.logged})
        return json_answer(refusal.status, {"error": refusal.reason})
    except cancelling.NotSentError as error:
        facts = observability.facts_of(error)
        logger.error("the cancellation is recorded, its message was not sent", extra=facts)
        return _unavailable(str(error))
    except (BotoCoreError, ClientError) as error:
        logger.error("an AWS call failed", extra=observability.facts_of(error))
        return _unavailable(UNAVAILABLE)


def _route(event: Event) -> Response:
    # The routes ask for an identity. If a changed template forgot to, nobody gets past this.
    caller = caller_of(event)
    # The last segment alone: a stage or a mapped domain may put its own path before it.
    match event["requestContext"]["http"]["method"], event["rawPath"].rpartition("/")[2]:
        case "GET", "approvals":
            return json_answer(200, listing.open_page(services().open, parse_page(event)))
        case "GET", "history":
            return json_answer(200, _history(parse_session_id(event)))
        case "POST", "cancel":
            return _cancel(event, caller)
    raise RefusedError(404, "expected GET /operator/approvals or history, or POST /operator/cancel")


def _history(session_id: str) -> dict[str, Any]:
    asked, found = services().approvals.of_session(session_id), services().sessions.of(session_id)
    if not asked and not found:
        raise RefusedError(404, "session_id: no such session")
    return listing.history(asked, found)


def _cancel(event: Event, caller: str) -> Response:
    wanted = parse_cancellation(event)
    decided = cancelling.cancel(services(), wanted, caller, int(time.time()))
    if decided.approval is None:
        raise RefusedError(404, "tool_use_id: no such approval of this session")
    return json_answer(STATUS_OF_OUTCOME[decided.outcome], listing.document(decided.approval))


def _unavailable(reason: str) -> Response:
    return json_answer(503, {"error": reason}, retry_after=str(RETRY_AFTER_SECONDS))
