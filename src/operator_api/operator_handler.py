"""Lists what is open, shows it, decides, cancels, gives more time: the operators' routes.

| Request | Answer |
|---|---|
| `GET /operator/approvals?limit=…&next=…` | `{"approvals": […], "next"}`, the earliest due first |
| `GET /operator/approval?session_id=…&tool_use_id=…` | the whole approval; 404 |
| `GET /operator/history?session_id=…` | `{"session", "approvals": […]}`, the first asked first |
| the same of a session that never was | 404 |
| `POST /operator/decide` | 200, also when repeated or counted; 403; 404; 409 and what stands |
| `POST /operator/cancel` | 200, also when repeated; 404; 409 and what stands |
| `POST /operator/extend`, `/resend` | 200; 404; 409 and what stands; 422 |
| without an identity / a request that cannot be read | 403 / 400, 415 |
| anything while a service behind this fails | 503; sending it again is safe |

Bodies are JSON; `operator_requests.py` has their fields. An extension is safe to send again if it
names the deadline that was read. Only a person of `people.toml` who was asked by name decides:
`approving.py`. Times are epoch seconds. `session` is null once its item is gone, or `{"agent_name",
"status", "outcome", "reason", "last_words"}`. The routes ask for an IAM signature, or for a JWT
(`docs/adapt.md`). No answer holds a link, a token, or of a conversation more than these last words.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

import approving
import cancelling
import extending
import listing
from longrunning import observability
from longrunning.http import Event, RefusedError, Response, json_answer
from longrunning.waits.answers import Decided
from longrunning.waits.votes import TooManyAtOnceError
from operator_records import NOT_THERE, record_of
from operator_requests import (
    caller_of,
    parse_cancellation,
    parse_choice,
    parse_extension,
    parse_named,
    parse_page,
    parse_resend,
    parse_session_id,
)
from operator_services import Services, services
from telling import NotSentError

RETRY_AFTER_SECONDS = 5
UNAVAILABLE = "Something failed on our side. Please send it again."
STATUS_OF_OUTCOME = {
    "decided": 200, "repeated": 200, "counted": 200, "conflict": 409, "expired": 409
}  # fmt: skip


class Action(NamedTuple):
    """What changes something: how its body is read, and what does it."""

    parse: Callable[[Event], Any]
    do: Callable[[Services, Any, str, int], Decided]


ACTIONS = {
    "decide": Action(parse_choice, approving.decide),
    "cancel": Action(parse_cancellation, cancelling.cancel),
    "extend": Action(parse_extension, extending.extend),
    "resend": Action(parse_resend, extending.resend),
}
POSTS = "POST /operator/decide, cancel, extend or resend"

logger = observability.get_logger("operator_api")


def handler(event: Event, context: Any) -> Response:
    """Answers one HTTP API request (payload format 2.0)."""
    try:
        return _route(event)
    except RefusedError as refusal:
        logger.info("refused", extra={"status": refusal.status, "reason": refusal.logged})
        return json_answer(refusal.status, {"error": refusal.reason})
    except NotSentError as error:
        facts = observability.facts_of(error)
        logger.error("it is recorded, its message was not sent", extra=facts)
        return _unavailable(str(error))
    except (BotoCoreError, ClientError, TooManyAtOnceError) as error:
        logger.error("an AWS call failed", extra=observability.facts_of(error))
        return _unavailable(UNAVAILABLE)


def _route(event: Event) -> Response:
    # The routes ask for an identity. If a changed template forgot to, nobody gets past this.
    caller = caller_of(event)
    # The last segment alone: a stage or a mapped domain may put its own path before it.
    match event["requestContext"]["http"]["method"], event["rawPath"].rpartition("/")[2]:
        case "GET", "approvals":
            return json_answer(200, listing.open_page(services().open, parse_page(event)))
        case "GET", "approval":
            return json_answer(200, listing.whole(record_of(services(), parse_named(event))))
        case "GET", "history":
            return json_answer(200, _history(parse_session_id(event)))
        case "POST", action if action in ACTIONS:
            return _do(ACTIONS[action], event, caller)
    raise RefusedError(404, f"expected GET /operator/approvals, approval or history, or {POSTS}")


def _do(action: Action, event: Event, caller: str) -> Response:
    """Does what changes something, and answers with what stands then."""
    wanted = action.parse(event)
    done = action.do(services(), wanted, caller, int(time.time()))
    if done.approval is None:
        raise RefusedError(404, NOT_THERE)
    return json_answer(STATUS_OF_OUTCOME[done.outcome], listing.document(done.approval))


def _history(session_id: str) -> dict[str, Any]:
    asked, found = services().approvals.of_session(session_id), services().sessions.of(session_id)
    if not asked and not found:
        raise RefusedError(404, "session_id: no such session")
    return listing.history(asked, found)


def _unavailable(reason: str) -> Response:
    return json_answer(503, {"error": reason}, retry_after=str(RETRY_AFTER_SECONDS))
