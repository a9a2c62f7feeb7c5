"""What happened in a session, in the order of time, as its records tell it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from local.layer import Status, Wait, outcomes
from local.problems import Problem
from local.records import Record
from local.traces import Span
from local.waiting import is_called, message_of, party_of, until

Failures = Callable[[str], Problem | None]
"""By a message's id: what its last delivery has failed with."""

PUBLISH = "publish_post"
BY, AFTER = "by", "after"
DIGEST_CHARS = 12
"""Of a version of a call: enough to tell it from others of one approval."""


@dataclass(frozen=True)
class Entry:
    """One thing that happened.

    Attributes:
        at: When, epoch seconds; where no record tells, the latest or the earliest it can have been.
        title: What.
        note: More of it, in few words.
        text: The text that it is about.
        asked: The wait, where this is its beginning.
        bound: `by` or `after` where `at` is no more than that; else "".
    """

    at: int
    title: str
    note: str = ""
    text: str = ""
    asked: Wait | None = None
    bound: str = ""


def timeline(
    record: Record, spans: list[Span], failure_of: Failures = lambda _: None
) -> list[Entry]:
    """Returns what happened, the first first.

    Args:
        record: The session.
        spans: What the functions traced of it.
        failure_of: What a message has failed with.
    """
    entries = [_task(record, spans)]
    for wait in record.waits:
        entries += _of_wait(record, wait)
        if _is_under_way(record, wait):
            entries.append(_call(wait, failure_of(message_of(wait))))
    if record.row.has_ended:
        entries.append(_ended(record))
    return sorted(entries, key=lambda entry: entry.at)


def steps(spans: list[Span], session_id: str) -> list[Span]:
    """Returns what the functions traced of a session, in the order it began."""
    own = [span for span in spans if span.annotations.get("session_id") == session_id]
    return sorted(own, key=lambda span: span.start)


def _task(record: Record, spans: list[Span]) -> Entry:
    """The item does not tell when its task came; the first step that was traced does."""
    row = record.row
    title = "Another agent asked" if row.parent_id else "The task came"
    text = _first_text(record.messages) or row.task
    if spans:
        return Entry(int(spans[0].start), title, text=text)
    times = [row.changed_at, *(wait.requested_at for wait in record.waits)]
    return Entry(min(times), title, text=text, bound=BY)


def _of_wait(record: Record, wait: Wait) -> Iterator[Entry]:
    who = party_of(wait, record.given(wait))
    content = wait.call.summary if wait.call else ""
    yield Entry(wait.requested_at, f"Waits for {who}", until(wait), content, wait)
    yield from _asked_by_name(wait)
    answered_at = wait.decided_at or wait.decide_by
    via = f", via {wait.via}" if wait.via else ""
    by = f"by {wait.decided_by}{via}" if wait.decided_by else ""
    match wait.status:
        case Status.PENDING:
            return
        case Status.EXPIRED:
            yield Entry(answered_at, f"Expired without an answer: {who}", by)
        case Status.CANCELLED:
            yield Entry(answered_at, f"Cancelled: {who}", by, wait.comment or "")
        case Status.RESOLVED:
            yield Entry(answered_at, *_result(who, wait.result or {}))
        case _:
            yield from _decided(record, wait, by)


def _asked_by_name(wait: Wait) -> Iterator[Entry]:
    """Who was asked by name, and what each of several has said of which version of the call."""
    if wait.approvers:
        names, needed = ", ".join(wait.approvers), wait.needed or 1
        yield Entry(wait.requested_at, f"Asked: {names}", f"{needed} must approve")
    for vote in wait.votes or ():
        title = f"{vote['by']}: {vote['decision']} {vote['digest'][:DIGEST_CHARS]}"
        yield Entry(vote["at"], title, f"via {vote['via']}", vote["comment"] or "")


def _decided(record: Record, wait: Wait, by: str) -> Iterator[Entry]:
    decided_at = wait.decided_at or wait.requested_at
    verdict = (wait.decision or wait.status).capitalize()
    yield Entry(decided_at, f"{verdict}: {wait.asked.action}", by, wait.comment or "")
    if wait.edited_content is not None:
        yield Entry(decided_at, "The approver's own text", text=wait.edited_content)
    for name, value in (wait.edited_arguments or {}).items():
        yield Entry(decided_at, f"The approver's own {name}: {json.dumps(value)}")
    effect = outcomes.effect_of(wait)
    if effect is not None and not _is_under_way(record, wait):
        yield _effect(wait, effect, record.posts.get(wait.tool_use_id))


def _is_under_way(record: Record, wait: Wait) -> bool:
    """A call counts as done once its receiver's answer, its post or its session is saved."""
    is_saved = wait.tool_use_id in record.posts or wait.tool_use_id not in record.unsaved
    return is_called(wait) and not is_saved


def _call(wait: Wait, failure: Problem | None) -> Entry:
    title = f"{wait.asked.action} is being called"
    at = wait.decided_at or wait.requested_at
    if failure is None:
        return Entry(at, title, bound=AFTER)
    return Entry(int(failure.at), title, "the last try failed", failure.text)


def _effect(wait: Wait, effect: str, post: dict[str, Any] | None) -> Entry:
    """A wait does not tell when its call was made; the post that came of it does."""
    action = wait.asked.action
    at = post["created_at"] if post else wait.decided_at or wait.requested_at
    bound = "" if post else AFTER
    text = str((wait.answer or {}).get("text") or "")
    if effect == outcomes.DONE:
        title = "Published" if action == PUBLISH else f"Done: {action}"
        return Entry(at, title, "as a post of the feed" if post else "", text, bound=bound)
    said = "Refused by its receiver" if effect == outcomes.REFUSED else "Not done"
    reason = text or outcomes.reason_of(wait) or ""
    return Entry(at, f"{said}: {action}", text=reason, bound=AFTER)


def _result(who: str, result: dict[str, Any]) -> tuple[str, str, str]:
    failed = result.get("status") == "error"
    blocks = [block for block in result.get("content", ()) if isinstance(block, dict)]
    texts = [str(block.get("text", block.get("json", ""))) for block in blocks]
    return f"{'Failed' if failed else 'Answered'}: {who}", "", "\n".join(texts)


def _ended(record: Record) -> Entry:
    row = record.row
    reason = f" ({row.reason})" if row.reason else ""
    title = f"Ended: {row.outcome or 'completed'}{reason}"
    return Entry(row.changed_at, title, text=row.last_words)


def _first_text(messages: tuple[dict[str, Any], ...]) -> str:
    first = messages[0] if messages and messages[0].get("role") == "user" else {}
    texts = (b.get("text") for b in first.get("content", ()) if isinstance(b, dict))
    return next((text for text in texts if isinstance(text, str)), "")
