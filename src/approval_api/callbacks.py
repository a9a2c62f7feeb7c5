"""POST /callbacks/{token}: what a system answers that speaks only HTTP, and holds the token.

    {"status": "success", "result": {"build": 17}}      or "error"; `result` is any JSON

| Request for /callbacks/{token} | Answer |
|---|---|
| POST, the first answer or the same again | 200 |
| POST, another answer than the first | 409 |
| a token that is unknown, not ours, or an approval's | 404, always the same body |
| a good token whose wait is over | 410 |
| what cannot be read or accepted | 400, 413, 415 |
| anything while a service behind this fails | 503; sending it again is safe |

The record comes first, then the message: so a message alone answers nothing.
"""

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from approval_services import Services
from longrunning import http, observability
from longrunning.http import Event, RefusedError, Response
from longrunning.messages import tool_result
from longrunning.people.links import FOR_CALLBACKS, InvalidLinkError, Link, read_token
from longrunning.waits.item import Wait, wake_up_message

ROUTE = "POST /callbacks/{token}"

MAX_BODY_BYTES = 65_536
FIELDS = ("status", "result")
STATUSES = ("success", "error")
RETRY_AFTER_SECONDS = "5"

NOT_FOUND = "There is no such callback. Please use the whole URL that you were given."
OVER = "Nobody waits for this any more."
OTHER = "Another answer came first, and stands."
NOT_SENT = "The answer is recorded, but the agent could not be told yet. Please send it again."

logger = observability.get_logger("callbacks")


def is_callback(event: Event) -> bool:
    """Tells whether a request is for a callback rather than for an approval."""
    return event.get("routeKey") == ROUTE


def answer(services: Services, event: Event, now: int) -> Response:
    """Records an answer, then tells the agent; the same again only tells the agent again.

    Raises:
        botocore.exceptions.ClientError: Something behind this failed; nothing may have changed.
    """
    try:
        wait = _recorded(services, event, now)
    except RefusedError as refusal:
        observability.put_metric("RequestRejected", status=str(refusal.status))
        logger.info("refused", extra={"status": refusal.status, "reason": refusal.logged})
        return http.json_answer(refusal.status, {"error": refusal.reason})
    logger.info("answered", extra={"session_id": wait.session_id, "tool_use_id": wait.tool_use_id})
    try:
        services.sqs.send_message(
            QueueUrl=services.task_queue_url, MessageBody=wake_up_message(wait)
        )
    except (BotoCoreError, ClientError) as error:
        facts = observability.facts_of(error)
        logger.error("the answer is recorded, its message was not sent", extra=facts)
        return http.json_answer(503, {"error": NOT_SENT}, retry_after=RETRY_AFTER_SECONDS)
    return http.json_answer(200, {"status": "recorded"})


def _recorded(services: Services, event: Event, now: int) -> Wait:
    link = _link(services, event, now)
    fields = _fields(event)
    result = tool_result(link.tool_use_id, fields["status"], _text(fields["result"]))
    done = services.approvals.answer(link.session_id, link.tool_use_id, result, now)
    match done.outcome:
        case "conflict":
            raise RefusedError(409, OTHER)
        case "expired":
            raise RefusedError(410, OVER)
    if done.approval is None or done.outcome == "unknown":
        raise RefusedError(404, NOT_FOUND)
    return done.approval


def _link(services: Services, event: Event, now: int) -> Link:
    try:
        token = (event.get("pathParameters") or {}).get("token") or ""
        link = read_token(services.keys, token, FOR_CALLBACKS)
    except InvalidLinkError as error:
        raise RefusedError(404, NOT_FOUND) from error
    if link.expires_at <= now:
        raise RefusedError(410, OVER)
    return link


def _fields(event: Event) -> dict[str, Any]:
    content_type = http.media_types(http.headers(event).get("content-type", ""))[0]
    if content_type != "application/json":
        raise RefusedError(415, "Content-Type: expected application/json")
    if len(event.get("body") or "") > 2 * MAX_BODY_BYTES:  # Base64 takes a third more.
        raise RefusedError(413, f"body: expected at most {MAX_BODY_BYTES} bytes")
    if len(http.body_text(event).encode(errors="surrogatepass")) > MAX_BODY_BYTES:
        raise RefusedError(413, f"body: expected at most {MAX_BODY_BYTES} bytes")
    http.no_query(event)
    fields = http.json_object(event)
    http.only_known(fields, FIELDS)
    if fields.get("status") not in STATUSES:
        raise RefusedError(400, 'status: expected "success" or "error"')
    if "result" not in fields:
        raise RefusedError(400, "result: expected any JSON, got nothing")
    return fields


def _text(result: Any) -> str:
    """Returns what the model reads: a text as it came, anything else as its JSON."""
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RefusedError(400, "result: expected valid Unicode") from error
    if not text.strip():
        raise RefusedError(400, "result: expected a text that is not blank")
    return text
