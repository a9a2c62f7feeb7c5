"""The conservation law over a whole world: what must be true at any moment, and at the end.

The sums are counted by `operate/conservation.py`, as `make ledger` counts them. What is added here
needs to know what people saw, what they sent and what they were answered.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from operate import conservation

import approval_handler
from ask_agent import MAX_DEPTH
from living_world import Decision, LivingWorld
from longrunning import codec
from longrunning.agent.conversation import text_of
from longrunning.waits.item import Status, Wait, from_item
from other_systems import Work
from stories import AGENT

DASHES = "-" * 72
"""The line in an e-mail below which the agent's text stands."""


@dataclass(frozen=True)
class Books:
    """All that is stored at one moment, by the key of the approval or the session."""

    living: LivingWorld
    sessions: dict[str, dict[str, Any]]
    approvals: dict[str, Wait]
    posts: dict[str, dict[str, Any]]
    open: frozenset[str]
    """Keys of the approvals in the sweeper's index."""
    ledger: conservation.Ledger

    @classmethod
    def of(cls, living: LivingWorld) -> "Books":
        """Reads everything."""
        sessions, approvals, posts = map(living.scan, ("SESSIONS", "APPROVALS", "POSTS"))
        records = [from_item(item) for item in approvals]
        return cls(
            living,
            {item["session_id"]["S"]: codec.from_item(item) for item in sessions},
            {record.key: record for record in records},
            {item["idempotency_key"]["S"]: codec.from_item(item) for item in posts},
            frozenset(
                record.key
                for record, item in zip(records, approvals, strict=True)
                if "open_shard" in item
            ),
            living.ledger((sessions, approvals, posts)),
        )


def breaks_now(living: LivingWorld) -> list[str]:
    """Lists what breaks the law at any moment; nothing, if it holds."""
    return _breaks_now(Books.of(living))


def breaks_at_the_end(living: LivingWorld) -> list[str]:
    """Lists what breaks the law once all is quiet."""
    books = Books.of(living)
    ended = {k for k, session in books.sessions.items() if session["status"] == "completed"}
    return [
        *_breaks_now(books),
        *(f"not ended: {task}" for task in (living.tasks.keys() | books.sessions.keys()) - ended),
        *(f"dead letter: {letter}" for letter in living.dead_letters()),
        *(f"still open: {key}" for key in books.open),
        *([] if books.ledger.sums_hold else [f"the sums differ: {books.ledger}"]),
        *(line for key in ended for line in _broken_conversation(books, key)),
        *(f"says otherwise: {key}" for key in ended if not _says_what_it_published(books, key)),
    ]


def _breaks_now(books: Books) -> list[str]:
    # A message may still bring on whatever does not move.
    passing = ("stuck", "never asked") if books.ledger.on_their_way else ()
    if books.living.by_hand:  # A sweep, or a dead letter that goes back, would tell the other one.
        passing += ("orphan child", "deaf parent")
    violations = (v for v in books.ledger.violations if v.kind not in passing)
    return [
        *(f"{v.kind}: {v.session_id} {v.tool_use_id}" for v in violations),
        *_posts_that_nobody_approved(books),
        *_people_misled(books),
        *_sessions_of_nobody(books),
        *_work_of_nobody(books),
        *_results_of_nobody(books),
        *_systems_misled(books),
    ]


def _says_what_it_published(books: Books, session_id: str) -> bool:
    """A session says that it published if, and only if, there is a post."""
    is_posted = any(key.startswith(f"{session_id}/") for key in books.posts)
    return is_posted == (books.sessions[session_id]["outcome"] == "published")


def _posts_that_nobody_approved(books: Books) -> Iterator[str]:
    """A post is the text that somebody saw and approved, or what they made of it."""
    for key, post in books.posts.items():
        record = books.approvals.get(key)
        if record is None or record.status != Status.SPENT:
            yield f"posted, not spent: {key}"
            continue
        seen = books.living.mails[key].body.partition(f"{DASHES}\n")[2].rstrip("\n")
        approvals = [d.form for d in books.living.decisions_on(key) if _approves(d)]
        if post["content"] not in {form.get("content", seen) for form in approvals}:
            yield f"posted another text than was approved: {key} {post['content']}"
        arguments = record.asked.arguments
        if {name: post[name] for name in arguments} != arguments:
            yield f"posted with other arguments than were shown: {key}"


def _approves(decision: Decision) -> bool:
    return decision.form["decision"] == "approved"


def _people_misled(books: Books) -> Iterator[str]:
    """Nobody is told what is not so, and no two people are told opposite things."""
    for key in books.living.mails.keys() - books.approvals.keys():
        yield f"a link is out for nothing: {key}"
    for decision in books.living.decisions:
        record = books.approvals.get(decision.key)
        if decision.status and record and not _is_told_rightly(decision, record):
            yield f"told {decision} of {record}"
    for key, status in books.living.cancellations:
        is_cancelled = books.approvals[key].status == Status.CANCELLED
        if status in (200, 409) and is_cancelled != (status == 200):
            yield f"an operator was told {status} of {books.approvals[key]}"


def _is_told_rightly(told: Decision, record: Wait) -> bool:
    asked = told.form["decision"]
    match told.status:
        case 200:
            same_text = told.form.get("content", record.in_force.content) == record.in_force.content
            return asked == told.said["decision"] == record.decision and same_text
        case 409:
            is_other = asked != record.decision or "content" in told.form
            return told.said["decision"] == record.decision and is_other
        case 410 if told.said["error"] == approval_handler.EXPIRED:
            return True  # "What was decided before that stands": it says nothing more.
        case 410:
            return record.decision is None
        case 500 | 502 | 503 | 504:
            return True
    return False


def _sessions_of_nobody(books: Books) -> Iterator[str]:
    """A session is a task that somebody sent, or one that another agent's wait is for."""
    names = {r.name: r.key for r in books.approvals.values() if r.tool_name == AGENT}
    for session_id, session in books.sessions.items():
        parent = session.get("parent") or {}
        key = f"{parent.get('session_id')}/{parent.get('tool_use_id')}"
        if session_id not in books.living.tasks and names.get(session_id) != key:
            yield f"nobody's session: {session_id}"


def _work_of_nobody(books: Books) -> Iterator[str]:
    """Work is started for a wait that is recorded, and under its name alone."""
    systems = books.living.systems
    for name, work in (systems.jobs | systems.builds).items():
        record = books.approvals.get(work.key)
        if record is None or record.name != name:
            yield f"started for nobody: {work}"


def _results_of_nobody(books: Books) -> Iterator[str]:
    """What a wait came to is what its source says, and not before it does."""
    for record in books.approvals.values():
        if record.status == Status.RESOLVED and not _is_sources_own(books, record):
            yield f"no source says so: {record}"


def _is_sources_own(books: Books, record: Wait) -> bool:
    text = (record.result or {})["content"][0]["text"]
    decided_at, jobs, builds = record.decided_at or 0, *_works(books, record.name)
    match record.tool_name:
        case "wait_until":
            time = datetime.fromtimestamp(record.remind_at or 0, UTC).isoformat()
            return bool(text == f"It is {time} now." and decided_at >= (record.remind_at or 0))
        case "encode_video":
            return bool(jobs and text == jobs.output and decided_at >= int(jobs.ends_at or 0))
        case "await_build":
            return bool(builds and text == builds.output)
        case "ask_agent" if text.startswith("ask_agent could not be started: agents ask"):
            return record.depth == MAX_DEPTH
        case "ask_agent":
            child = books.living.session(record.name)
            said = next((text_of(m) for m in child.messages[::-1] if m["role"] == "assistant"), "")
            answer = {"outcome": child.outcome, "said": said}
            return child.status == "completed" and bool(json.loads(text) == answer)
    return True  # The message's own word.


def _works(books: Books, name: str) -> tuple[Work | None, Work | None]:
    systems = books.living.systems
    return systems.jobs.get(name), systems.builds.get(name)


def _systems_misled(books: Books) -> Iterator[str]:
    """What calls back is told that its answer counts if, and only if, it does."""
    systems = books.living.systems
    for name, status in systems.callbacks:
        record = books.approvals[systems.builds[name].key]
        told = 200 if record.status == Status.RESOLVED else 410
        if status is not None and status < 500 and status != told:
            yield f"a system was told {status} of {record}"


def _broken_conversation(books: Books, session_id: str) -> Iterator[str]:
    """Each tool use has one result, in its turn's order, and it tells what was decided.

    And nothing is forgotten: whatever was asked for is in the conversation.
    """
    messages = books.living.session(session_id).messages
    told = {
        block["toolResult"]["toolUseId"]
        for message in messages
        for block in message["content"]
        if "toolResult" in block
    }
    for record in books.approvals.values():
        if record.session_id == session_id and record.tool_use_id not in told:
            yield f"the model was never told of {record}"
    for message, answer in zip(messages, [*messages[1:], {"content": []}], strict=True):
        uses = [block["toolUse"] for block in message["content"] if "toolUse" in block]
        results = [block["toolResult"] for block in answer["content"] if "toolResult" in block]
        if uses and [u["toolUseId"] for u in uses] != [r["toolUseId"] for r in results]:
            yield f"results do not match: {session_id} {uses} {results}"
            continue
        for result in results if uses else ():
            record = books.approvals.get(f"{session_id}/{result['toolUseId']}")
            if record and not _tells(result, record):
                yield f"the model was told {result} of {record}"


def _tells(result: dict[str, Any], record: Wait) -> bool:
    if record.status == Status.RESOLVED:
        return {**(record.result or {}), "toolUseId": record.tool_use_id} == result
    told = json.loads(result["content"][0]["text"])
    decision = record.decision or record.status.lower()
    is_approved = record.status in (Status.APPROVED, Status.SPENT)
    return told["decision"] == decision and (
        not is_approved or told["content"] == record.in_force.content
    )
