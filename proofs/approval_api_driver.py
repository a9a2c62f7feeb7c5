"""Drives the approval API in tests: events as an HTTP API sends them, and stores that record."""

import base64
import json
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from core_samples import changed, wait_of
from longrunning.people.links import LinkKeys, make_token
from longrunning.waits.answers import Decided
from longrunning.waits.item import Edit, Status, Wait

NOW = 1_773_482_400  # 2026-03-14T10:00:00Z
DAY_SECONDS = 86_400
KEYS = LinkKeys.parse(json.dumps({"current": "k1", "k1": "one-" * 16}))
CONTENT = "Meet Rainbow Dash, our fastest unicorn.\n\nRides from Saturday on.\n"

FORM = "application/x-www-form-urlencoded"
HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def pending(**changes: Any) -> Wait:
    """An approval that waits, asked for an hour ago, open for a day."""
    approval = wait_of(
        session_id="session-1",
        tool_use_id="tooluse_1",
        agent_name="post-generator",
        tool_name="human_approval",
        action="publish_post",
        content=CONTENT,
        content_schema={"type": "string", "minLength": 1, "maxLength": 100_000},
        arguments={"author": "Unicorn Rentals", "unicorn_color": "rainbow", "image_url": None},
        requested_at=NOW - 3_600,
        decide_by=NOW + DAY_SECONDS,
    )
    return changed(approval, **changes)


def token_for(approval: Wait, keys: LinkKeys = KEYS, *, person: str | None = None) -> str:
    """The token that the approver, or a person, was sent."""
    ids = approval.session_id, approval.tool_use_id, approval.decide_by
    return make_token(keys, *ids, person=person)


def http_event(
    method: str,
    token: str,
    *,
    query: str = "",
    accept: str = "*/*",
    body: str | bytes | None = None,
    content_type: str = "",
) -> dict[str, Any]:
    """An event of payload format 2.0; a body of bytes comes as base64, one of text as it is."""
    headers = {"accept": accept, "host": "api.example.com"}
    if content_type:
        headers["content-type"] = content_type
    path = f"/approvals/{token}"
    event = {
        "version": "2.0",
        "routeKey": f"{method} /approvals/{{token}}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
            "stage": "$default",
        },
        "pathParameters": {"token": token},
        "isBase64Encoded": isinstance(body, bytes),
    }
    if body is not None:
        event["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    return event


def form_event(token: str, fields: dict[str, str], **more: Any) -> dict[str, Any]:
    """A POST of a form, as a browser sends it."""
    return http_event("POST", token, body=urlencode(fields).encode(), content_type=FORM, **more)


def json_event(token: str, document: Any, **more: Any) -> dict[str, Any]:
    """A POST of a JSON document."""
    body = json.dumps(document)
    return http_event("POST", token, body=body, content_type="application/json", **more)


@dataclass
class FakeApprovals:
    """Approvals in memory, with the rules of `WaitStore.decide`; counts its calls."""

    items: dict[tuple[str, str], Wait] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def put(self, approval: Wait) -> Wait:
        """Sets an approval, whatever was there."""
        self.items[approval.session_id, approval.tool_use_id] = approval
        return approval

    def get(self, session_id: str, tool_use_id: str) -> Wait | None:
        """Reads one."""
        self.calls.append("get")
        return self.items.get((session_id, tool_use_id))

    def decide(
        self,
        session_id: str,
        tool_use_id: str,
        decision: str,
        *,
        decided_by: str,
        now: int,
        comment: str | None = None,
        via: str | None = None,
        edit: Edit | None = None,
        digest: str | None = None,
    ) -> Decided:
        """Takes the first decision; the digest is that of the call with the edit, if it has one."""
        is_edit = edit is not None and edit != Edit()
        assert (digest is not None) == is_edit
        self.calls.append("decide")
        old = self.items.get((session_id, tool_use_id))
        if old is None or old.call is None:
            return Decided("unknown", old)
        if old.status == "PENDING" and old.decide_by > now:
            decided = replace(
                old,
                status=Status(decision.upper()),
                decision=decision,
                decided_by=decided_by,
                decided_at=now,
                comment=comment,
                edited_content=edit.content if edit else None,
                edited_arguments=(edit.arguments if edit else None) or None,
            )
            return Decided("decided", self.put(decided))
        if old.decision is None:
            return Decided("expired", old)
        is_same_call = edit is None or old.edited(edit).digest == old.in_force.digest
        same = old.decision == decision and is_same_call
        return Decided("repeated" if same else "conflict", old)

    def answer_question(
        self,
        session_id: str,
        tool_use_id: str,
        result: dict[str, Any],
        *,
        answered_by: str,
        via: str | None,
        now: int,
    ) -> Decided:
        """Takes the first answer."""
        old = self.items[session_id, tool_use_id]
        answered = replace(
            old, status=Status.RESOLVED, result=result, decided_by=answered_by, decided_at=now
        )
        return Decided("decided", self.put(answered))


@dataclass
class FakeQueue:
    """Keeps the messages that were sent; fails with `error` while one is set."""

    bodies: list[str] = field(default_factory=list)
    error: Exception | None = None

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:
        """Takes a message as SQS's client does."""
        if self.error:
            raise self.error
        self.bodies.append(MessageBody)
