"""The pages of sessions: what each waits for, what happened, what is cancelled, what is refused."""

import base64
import gzip
import io
import json
import time
from dataclasses import replace
from email.message import Message
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local import mail_page, pages, session_page
from local import view as local_view
from local.address import ROWS, Address, address_of
from local.console import Console
from local.conversation import conversation
from local.front_door import FrontDoor
from local.guard import Guard
from local.mail import Link, Mail, Question
from local.mail_links import Asked, ids_in, questions_of, sessions_of
from local.markup import deadline, folded, moment, moment_of
from local.operators import Operators
from local.problems import Problems
from local.records import Record, Records
from local.run import _say_what_next
from local.server import Answer, Request
from local.session_list import nested, part_of_list, session_list
from local.session_routes import Sessions
from local.settings import make_settings
from local.signatures import OwnerKey
from local.ten_steps import ENDED, WAITS, place_in_words, place_of, ten_steps
from local.timeline import Entry, steps, timeline
from local.traces import Span, Traces
from local.verdicts import count_open, verdicts
from local.view import ARRIVING, RUNNING, SessionRow, View, row_of
from local.waiting import inputs, party, waiting

from longrunning import codec
from longrunning.waits.item import Call, Status, Wait, to_item

HOSTILE = "<script>alert('x')</script>\u202e"
NO_END = 100 * 365 * 86_400
NOW = int(time.time())


def wait_of(tool_name: str, tool_use_id: str = "t-1", **fields: Any) -> Wait:
    return Wait(
        "s-1", tool_use_id, "post-generator", tool_name, NOW, NOW + fields.pop("seconds", 60),
        **fields,
    )  # fmt: skip


def approval(tool_use_id: str = "t-1", content: str = "A post.", **fields: Any) -> Wait:
    call = Call("publish_post", content)
    return wait_of("publish_post", tool_use_id, call=call, **fields)


def result(text: str, status: str = "success") -> dict[str, Any]:
    return {"toolUseId": "t-1", "status": status, "content": [{"text": text}]}


def row(session_id: str = "s-1", **fields: Any) -> SessionRow:
    known = {"task": "Write", "status": "waiting", "outcome": "", "reason": "", "last_words": ""}
    return SessionRow(session_id, **{**known, "changed_at": NOW, **fields})


def use(tool_use_id: str, name: str, given: dict[str, Any]) -> dict[str, Any]:
    block = {"toolUse": {"toolUseId": tool_use_id, "name": name, "input": given}}
    return {"role": "assistant", "content": [block]}


def task(text: str = "Write") -> dict[str, Any]:
    return {"role": "user", "content": [{"text": text}]}


# --- what a session waits for --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool_name", "action", "given", "said"),
    [
        ("publish_post", "publish_post", {}, "a person: publish_post"),
        ("human_approval", "publish_post", {"name": "x"}, "a person: publish_post"),
        ("wait_until", "", {"time": "2027-03-01"}, "a timer"),
        ("run_job", "", {"job": "picture"}, "a job: picture"),
        ("run_job", "", {}, "the tool run_job"),
        ("run_job", "", {"job": ["picture"]}, "the tool run_job"),
        ("ask_agent", "", {"name": "brand-evaluator"}, "another agent: brand-evaluator"),
        ("ask_agent", "", {}, "the tool ask_agent"),
        ("call_partner", "", {"job": "x", "name": "y"}, "the tool call_partner"),
    ],
)
def test_for_whom_a_wait_is_in_plain_words(
    tool_name: str, action: str, given: dict[str, Any], said: str
) -> None:
    assert party(tool_name, action, given) == said


def test_a_wait_says_since_when_and_until_when() -> None:
    asked = waiting("publish_post", {}, approval())
    assert asked.when == f"since {moment(NOW)}, until {moment(NOW + 60)}"
    assert waiting("publish_post", {}, approval(seconds=NO_END)).when.endswith(", no deadline")
    assert waiting("run_job", {}, None).when == "about to be asked"


def test_a_timer_says_when_it_is_due() -> None:
    timer = wait_of("wait_until", seconds=3_700, remind_at=NOW + 100)
    said = waiting("wait_until", {}, timer).when
    assert f"due at {moment(NOW + 100)}, until {moment(NOW + 3_700)}" in said


@pytest.mark.parametrize(
    ("wait", "said"),
    [
        (approval(status=Status.APPROVED, decision="approved"), "approved"),
        (wait_of("run_job", status=Status.RESOLVED), "resolved"),
        (wait_of("run_job", status=Status.CANCELLED), "cancelled"),
    ],
    ids=["approved", "resolved", "cancelled"],
)
def test_an_answer_that_the_agent_has_not_taken_is_said(wait: Wait, said: str) -> None:
    assert f"{said}: the agent has not gone on yet" in waiting("x", {}, wait).when


def test_times_of_other_days_have_their_date() -> None:
    assert moment(0) == "1 Jan 1970, 00:00:00 UTC"
    assert moment(1_795_964_251.9) == "29 Nov 2026, 14:57:31 UTC"
    assert moment_of("2026-11-29T14:57:31.000Z") == "29 Nov 2026, 14:57:31 UTC"
    assert moment_of("some day") == "some day"
    assert deadline(NOW, NOW + NO_END) == "no deadline"


# --- the list ------------------------------------------------------------------------------------


class Tables:
    """The emulator's tables, and what was asked of them."""

    def __init__(self, **tables: list[dict[str, Any]]) -> None:
        self.tables = tables
        self.scans: list[str] = []
        self.objects: dict[str, bytes] = {}

    def client(self, _: str) -> Any:
        return self

    def scan(self, TableName: str, **request: Any) -> dict[str, Any]:
        """Answers with one item at a time, as if each filled a page."""
        items, start = self.tables[TableName], request.get("ExclusiveStartKey", 0)
        if not start:
            self.scans.append(TableName)
        more = {"LastEvaluatedKey": start + 1} if start + 1 < len(items) else {}
        return {"Items": items[start : start + 1], **more}

    def query(
        self, TableName: str, ExpressionAttributeValues: dict[str, Any], **_: Any
    ) -> dict[str, Any]:
        if TableName == "posts":
            start = ExpressionAttributeValues[":start"]["S"]
            keys = ((item["idempotency_key"]["S"], item) for item in self.tables["posts"])
            return {"Items": [item for key, item in keys if key.startswith(start)]}
        wanted = next(iter(ExpressionAttributeValues.values()))
        return {"Items": [i for i in self.tables[TableName] if i["session_id"] == wanted]}

    def get_paginator(self, _: str) -> Any:
        return SimpleNamespace(paginate=lambda **request: [self.query(**request)])

    def get_object(self, Key: str, **_: Any) -> dict[str, Any]:
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def view(self) -> View:
        return View(self, "sessions", "q", "d", "waits")  # type: ignore[arg-type]

    def records(self, posts: str | None = "posts") -> Records:
        return Records(self, self.view(), "waits", "bucket", posts)  # type: ignore[arg-type]


def item(session_id: str = "s-1", **fields: Any) -> dict[str, Any]:
    known = {"agent_name": "post-generator", "messages": [task()], "status": "waiting"}
    known |= {"pending": [], "outcome": "", "paused_at": NOW}
    return codec.to_item({"session_id": session_id, **known, **fields})


def test_a_waiting_session_says_each_of_its_waits_with_two_scans() -> None:
    pending = [
        {"tool_use_id": "t-1", "tool_name": "publish_post"},
        {"tool_use_id": "t-2", "tool_name": "run_job", "given_id": "theirs"},
    ]
    messages = [task(), use("theirs", "run_job", {"job": "picture"})]
    tables = Tables(
        sessions=[item("other", status="completed"), item(pending=pending, messages=messages)],
        waits=[to_item(wait_of("run_job", "t-2")), to_item(approval())],
    )
    rows = {found.session_id: found for found in tables.view().sessions()}
    assert [w.who for w in rows["s-1"].waits] == ["a person: publish_post", "a job: picture"]
    assert rows["other"].waits == ()
    assert tables.scans == ["sessions", "waits"]


def test_what_is_in_the_table_beside_waits_is_none() -> None:
    """Who sends e-mails writes there when the next may go out."""
    pace = {"session_id": {"S": "#pace"}, "tool_use_id": {"S": "0"}, "next_at": {"N": "1"}}
    tables = Tables(sessions=[item()], waits=[pace, to_item(approval())])
    assert [ids[0] for ids in tables.view().waits()] == [approval().session_id]


def test_where_nothing_waits_only_the_sessions_are_read() -> None:
    tables = Tables(sessions=[item(status="completed")], waits=[])
    assert [found.agent_name for found in tables.view().sessions()] == ["post-generator"]
    assert tables.scans == ["sessions"]


def test_a_row_links_to_its_page_and_says_what_it_waits_for() -> None:
    waits = (waiting("wait_until", {}, wait_of("wait_until")), waiting("x", {}, None))
    page = pages.landing([row("a:b", waits=waits)], (0, 0), 0).decode()
    assert 'href="/local/sessions/a%3Ab"' in page
    assert f"Waits for a timer, since {moment(NOW)}, until" in page
    assert "Waits for the tool x, about to be asked" in page


def test_a_session_stands_below_the_one_that_asked_for_it() -> None:
    rows = [row("child", parent_id="s-1"), row("lost", parent_id="gone"), row("s-1")]
    assert nested(rows) == [(rows[1], []), (rows[2], [(rows[0], [])])]
    page = session_list(nested(rows))
    assert page.index('sessions/s-1"') < page.index('class="children"')
    assert page.index('class="children"') < page.index('sessions/child"')


def test_a_session_that_names_itself_as_its_parent_is_shown() -> None:
    rows = [row("s-1", parent_id="s-1")]
    assert nested(rows) == [(rows[0], [])]


def test_the_list_ends_somewhere_and_says_so() -> None:
    rows = [row(f"s-{n}") for n in range(ROWS + 3)]
    rows.append(row("child", parent_id="s-0"))
    first, ways = part_of_list(rows, Address("/"))
    assert session_list(first).count('class="status"') == ROWS + 1, "a child counts with its parent"
    assert "1 to 20 of 23" in ways and 'href="/?page=2">Older</a>' in ways and "Newer" not in ways
    for number in (2, 99):
        last, ways = part_of_list(rows, Address("/", number, reloads=True))
        assert [found.session_id for found, _ in last] == ["s-20", "s-21", "s-22"]
        assert "21 to 23 of 23" in ways and 'href="/?reload=1">Newer</a>' in ways
    assert part_of_list(rows[:ROWS], Address("/"))[1] == ""


def test_nothing_hostile_in_the_list_is_html() -> None:
    waits = (waiting(HOSTILE, {}, None),)
    hostile = row(
        HOSTILE, task=HOSTILE, outcome=HOSTILE, last_words=HOSTILE, agent_name=HOSTILE, waits=waits
    )
    page = pages.landing([hostile], (0, 0), 0).decode()
    assert "<script" not in page and "\u202e" not in page
    assert page.count("&lt;script&gt;") == page.count("[U+202E]") == 7


# --- one session, read ---------------------------------------------------------------------------


def test_a_session_has_its_whole_conversation_waits_children_and_posts() -> None:
    asked = wait_of("ask_agent", "t-2")
    earlier = [task("First"), use("t-1", "publish_post", {"content": "A post."})]
    base = {"key": "short/s-1/1", "count": 2, "version_id": "v", "digest": "d"}
    post = {"idempotency_key": "s-1/t-1", "content": "A post.", "created_at": NOW + 9}
    foreign = {**post, "idempotency_key": "s-10/t-1"}
    tables = Tables(
        sessions=[
            item(messages=[use("t-2", "ask_agent", {"name": "judge"})], base=base),
            item(asked.name, parent={"session_id": "s-1"}, agent_name="judge"),
        ],
        waits=[to_item(w) for w in (asked, approval(status=Status.SPENT, decision="approved"))],
        posts=[codec.to_item(post), codec.to_item(foreign)],
    )
    tables.objects["short/s-1/1"] = gzip.compress(codec.to_json(earlier))
    record = tables.records().find("s-1")
    assert record and [m["role"] for m in record.messages] == ["user", "assistant", "assistant"]
    assert [wait.tool_use_id for wait in record.waits] == ["t-1", "t-2"]
    assert record.children["t-2"].parent_id == "s-1"
    assert set(record.posts) == {"t-1"}
    assert record.given(asked) == {"name": "judge"}
    assert tables.records(None).find("s-1").posts == {}  # type: ignore[union-attr]
    assert tables.records().find("s-9") is None


@pytest.mark.parametrize(
    "data", [None, b"no gzip", gzip.compress(b"no JSON", mtime=0), b"\x1f\x8b"]
)
def test_an_earlier_part_that_cannot_be_read_is_counted(data: bytes | None) -> None:
    tables = Tables(sessions=[item(base={"key": "k", "count": 7})], waits=[], posts=[])
    if data is not None:
        tables.objects["k"] = data
    record = tables.records().find("s-1")
    assert record and (len(record.messages), record.unread) == (1, 7)
    assert "7 earlier messages stand in S3" in conversation(record.messages, record.unread)


def test_an_agent_whose_input_is_unknown_is_named_by_its_session() -> None:
    asked = wait_of("ask_agent")
    record = Record(row(), waits=(asked,), children={"t-1": row("c", agent_name="judge")})
    assert [entry.title for entry in timeline(record, [])][1] == "Waits for another agent: judge"


# --- what happened -------------------------------------------------------------------------------


def told(*waits: Wait, **fields: Any) -> list[Entry]:
    """What a session's page tells after the task."""
    posts = fields.pop("posts", {})
    return timeline(Record(row(**fields), (task(),), waits=waits, posts=posts), [])[1:]


def titles(*waits: Wait, **fields: Any) -> list[str]:
    return [entry.title for entry in told(*waits, **fields)]


def test_what_waits_is_told_with_its_text() -> None:
    [asked] = told(approval())
    assert (asked.title, asked.text) == ("Waits for a person: publish_post", "A post.")
    assert asked.note == f"until {moment(NOW + 60)}" and asked.asked == approval()


def test_a_decision_is_told_with_who_when_the_comment_and_the_edit() -> None:
    answered = {"decided_by": "link", "decided_at": NOW + 5, "comment": "Good."}
    wait = approval(status=Status.SPENT, decision="approved", edited_content="Mine.", **answered)
    post = {"content": "Mine.", "created_at": NOW + 7}
    _, decided, edited, published = told(wait, posts={"t-1": post})
    assert (decided.at, decided.title, decided.note, decided.text) == (
        NOW + 5, "Approved: publish_post", "by link", "Good.",
    )  # fmt: skip
    assert (edited.title, edited.text) == ("The approver's own text", "Mine.")
    assert (published.at, published.title, published.bound) == (NOW + 7, "Published", "")


def test_several_are_told_with_who_was_asked_and_what_each_said_of_which_version() -> None:
    old, new = approval().in_force.digest, approval(edited_content="Mine.").in_force.digest
    said = [("ann", "link", NOW + 1, old, None), ("bob", "signed-in", NOW + 2, new, "Shorter.")]
    votes = [
        {"by": by, "via": via, "at": at, "decision": "approved", "digest": digest, "comment": note}
        for by, via, at, digest, note in said
    ]
    wait = approval(approvers=["ann", "bob", "cyd"], needed=2, votes=votes, edited_content="Mine.")
    _, asked, ann, bob = told(wait)
    assert (asked.title, asked.note) == ("Asked: ann, bob, cyd", "2 must approve")
    assert (ann.at, ann.title, ann.note) == (NOW + 1, f"ann: approved {old[:12]}", "via link")
    assert (bob.at, bob.title, bob.text) == (NOW + 2, f"bob: approved {new[:12]}", "Shorter.")
    decided = approval(status=Status.APPROVED, decision="approved", approvers=["ann"],
                       decided_by="ann", decided_at=NOW + 3, via="iam")  # fmt: skip
    assert told(decided)[-1].note == "by ann, via iam"


@pytest.mark.parametrize(
    ("fields", "last"),
    [
        ({"status": Status.DENIED, "decision": "denied"}, "Denied: publish_post"),
        ({"status": Status.SPENT, "decision": "approved"}, "Published"),
        (
            {"status": Status.SPENT, "decision": "approved", "refused": True},
            "Refused by its receiver: publish_post",
        ),
        (
            {"status": Status.APPROVED, "decision": "approved", "not_done": "max_tokens"},
            "Not done: publish_post",
        ),
        ({"status": Status.APPROVED, "decision": "approved"}, "Approved: publish_post"),
        ({"status": Status.EXPIRED}, "Expired without an answer: a person: publish_post"),
        ({"status": Status.CANCELLED}, "Cancelled: a person: publish_post"),
    ],
    ids=str,
)
def test_what_came_of_an_approval_is_told(fields: dict[str, Any], last: str) -> None:
    entry = told(approval(decided_at=NOW + 1, **fields))[-1]
    assert entry.title == last
    is_effect = last.startswith(("Published", "Refused", "Not done"))
    assert entry.bound == ("after" if is_effect else "")


def test_what_another_effect_than_a_post_did_is_told() -> None:
    wait = wait_of("x", call=Call("send_mail", ""), status=Status.SPENT, decision="approved")
    assert titles(wait)[-1] == "Done: send_mail"


CALLED = {"status": Status.SPENT, "decision": "approved", "claimed_by": "m-1/x"}
"""An approval whose call was begun, by a delivery of the message m-1."""


def fault(error: str = "MaxRetryError", cause: str = "NameResolutionError", tries: int = 2) -> str:
    """What the agent's function logs of a message that failed."""
    known = {"message": "failed, will be delivered again", "message_id": "m-1"}
    return json.dumps({**known, "error": error, "cause": cause, "receive_count": tries})


def call_of(**fields: Any) -> Wait:
    return wait_of("send_reply", call=Call("send_reply", "Hi."), **{**CALLED, **fields})


def test_a_call_that_is_not_known_to_have_arrived_is_not_done() -> None:
    record = Record(row(), waits=(call_of(),), unsaved=frozenset({"t-1"}))
    last = timeline(record, [])[-1]
    assert (last.title, last.bound) == ("send_reply is being called", "after")
    problems = Problems(Console())
    problems.read(fault())
    last = timeline(record, [], problems.of)[-1]
    assert (last.title, last.note) == ("send_reply is being called", "the last try failed")
    assert last.text == (
        "MaxRetryError, because of NameResolutionError. "
        "That was try 2 of 5; the next one comes by itself."
    )
    problems.read(fault(tries=5))
    assert "last of 5 tries: make redrive" in timeline(record, [], problems.of)[-1].text


@pytest.mark.parametrize(
    ("fields", "record", "last"),
    [
        ({}, {}, "Done: send_reply"),
        ({"answer": {"status": "success", "text": "Sent."}}, {"t-1"}, "Done: send_reply"),
        ({"refused": True}, {"t-1"}, "Refused by its receiver: send_reply"),
    ],
    ids=["saved", "answered", "refused"],
)
def test_what_is_recorded_tells_that_a_call_is_over(
    fields: dict[str, Any], record: set[str], last: str
) -> None:
    called = Record(row(), waits=(call_of(**fields),), unsaved=frozenset(record))
    assert timeline(called, [])[-1].title == last


def test_the_list_says_of_a_call_what_the_page_of_its_session_says() -> None:
    shown = row(waits=(waiting("send_reply", {}, call_of()),))
    problems = Problems(Console())
    url = {("s-1", "t-1"): "http://localhost:3000/approvals/x"}

    def page() -> str:
        return pages.landing([shown], (0, 0), 0, decided_at=url, failure_of=problems.of).decode()

    assert "approved: send_reply is being called" in page() and "failed" not in page()
    assert "Waited for a person: send_reply" in page() and "Waits for" not in page()
    problems.read(fault())
    assert "because of NameResolutionError. That was try 2 of 5" in page()
    assert "has not gone on yet" not in page() and "Read and decide" not in page()
    over = waiting("send_reply", {}, call_of(answer={"status": "success", "text": "Sent."}))
    assert "approved: the agent has not gone on yet" in over.when


def test_a_call_that_fails_is_told_on_both_pages_of_the_front_door() -> None:
    pending = [{"tool_use_id": "t-1", "tool_name": "send_reply"}]
    door, _ = door_of(sessions=[item(pending=pending)], waits=[to_item(call_of())])
    door.view.with_arriving = lambda rows: rows  # type: ignore[method-assign]
    door.view.queue_lengths = lambda: (0, 0)  # type: ignore[method-assign]
    door.sessions.problems.read(fault())
    for path in ("/", "/local/sessions/s-1"):
        page = ask(door, "GET", path).body.decode()
        assert "send_reply is being called" in page and "NameResolutionError" in page
        assert "Done: send_reply" not in page
    saved, _ = door_of(sessions=[item()], waits=[to_item(call_of())])
    assert b"Done: send_reply" in ask(saved, "GET", "/local/sessions/s-1").body


@pytest.mark.parametrize(
    ("status", "title"), [("success", "Answered: a timer"), ("error", "Failed: a timer")]
)
def test_a_result_is_told(status: str, title: str) -> None:
    resolved = {"status": Status.RESOLVED, "decided_at": NOW + 3}
    answer = told(wait_of("wait_until", result=result("It is time.", status), **resolved))[-1]
    assert (answer.title, answer.text, answer.at) == (title, "It is time.", NOW + 3)


def test_who_cancelled_is_told() -> None:
    cancelled = {
        "status": Status.CANCELLED,
        "decided_by": "iam:root",
        "comment": "The sale is off.",
    }
    entry = told(wait_of("run_job", decided_at=NOW + 3, **cancelled))[-1]
    assert (entry.note, entry.text) == ("by iam:root", "The sale is off.")


def test_what_happened_is_in_the_order_of_time_and_ends_with_the_end() -> None:
    first = wait_of("run_job", "t-1", status=Status.RESOLVED, decided_at=NOW + 30)
    second = replace(wait_of("wait_until", "t-2"), requested_at=NOW + 10)
    ended = {"status": "completed", "outcome": "failed", "reason": "max_tokens"}
    assert titles(first, second, **ended, last_words="No.", changed_at=NOW + 40) == [
        "Waits for the tool run_job",
        "Waits for a timer",
        "Answered: the tool run_job",
        "Ended: failed (max_tokens)",
    ]


def test_the_task_came_when_the_first_step_was_traced() -> None:
    span = Span("load", "", NOW - 5.5, NOW - 5.0, "t", "1", "0", {"session_id": "s-1"})
    spans = steps([replace(span, start=NOW), span, replace(span, annotations={})], "s-1")
    assert [found.start for found in spans] == [NOW - 5.5, NOW]
    [came] = timeline(Record(row(), (task("Do it"),)), spans)
    assert (came.at, came.title, came.text, came.bound) == (
        NOW - 6,
        "The task came",
        "Do it",
        "",
    )
    [came] = timeline(Record(row(parent_id="p")), [])
    assert (came.title, came.text, came.bound) == ("Another agent asked", "Write", "by")


# --- the page ------------------------------------------------------------------------------------


def page_of(record: Record, asked: list[Asked] | None = None, **fields: Any) -> str:
    return session_page.session(record, timeline(record, []), [], asked or [], 0, **fields).decode()


def test_the_page_has_a_button_for_what_is_open_and_says_what_it_does() -> None:
    page = page_of(Record(row(), waits=(approval(), approval("t-2", status=Status.EXPIRED))))
    assert page.count("<form") == page.count("Cancel this wait") == 1
    assert 'action="/local/sessions/s-1/cancel"' in page and 'value="t-1"' in page
    assert page.index("The agent is told that it was cancelled, and goes on.") < page.index(
        "Cancel this wait"
    )
    both = page_of(Record(row(), waits=(approval(), approval("t-2"))))
    assert both.count("goes on once all else that it waits for is answered, too.") == 2


def test_the_page_links_to_parent_children_and_mails() -> None:
    asked = wait_of("ask_agent", "t-2")
    child = row(asked.name, status="completed", outcome="finished")
    record = Record(row(parent_id="p-1"), waits=(approval(), asked), children={"t-2": child})
    page = page_of(
        record, [Asked(3, "Please <decide>", "t-1", "http://localhost:3000/approvals/x")]
    )
    assert 'Asked for by <a href="/local/sessions/p-1">' in page
    assert f'href="/local/sessions/{asked.name}"' in page and "completed, finished" in page
    assert '<a href="/local/mail?item=3#mail-3">Please &lt;decide&gt;</a>' in page
    assert '<a href="http://localhost:3000/approvals/x">Read and decide</a>' in page


def test_the_page_shows_the_conversation_with_roles_inputs_and_results() -> None:
    messages = (
        task("Write"),
        use("t-1", "publish_post", {"content": "A post.", "number": 0.5}),
        {"role": "user", "content": [{"toolResult": result("Published.")}]},
        {"role": "assistant", "content": [{"image": {"source": {"bytes": b"12345"}}}]},
    )
    page = conversation(messages, 0)
    assert page.count("<h3>To the agent") == page.count("<h3>The agent ") == 2
    assert "It uses <b>publish_post</b>" in page and "&quot;number&quot;: 0.5" in page
    assert "Result: <b>success</b>" in page and "Published." in page and "(5 bytes)" in page


@pytest.mark.parametrize("content", [None, "text", [7], [{"toolUse": 1}], [{"toolResult": {}}]])
def test_an_odd_message_is_shown_as_it_is(content: Any) -> None:
    assert "<h3>&lt;b&gt;</h3>" in conversation([{"role": "<b>", "content": content}], 0)


def test_a_long_text_is_folded_and_whole() -> None:
    long = "word " * 200 + "end"
    assert folded(long).startswith("<details><summary>") and long in folded(long)
    assert folded("\n" * 9 + "x").startswith("<details>")
    assert folded("short").startswith("<pre") and folded("") == ""


def test_nothing_hostile_on_the_page_is_html() -> None:
    waits = (
        approval(content=HOSTILE),
        approval(
            "t-2", status=Status.DENIED, decision="denied", decided_by=HOSTILE, comment=HOSTILE
        ),
        wait_of(HOSTILE, "t-3", status=Status.RESOLVED, result=result(HOSTILE)),
        wait_of("ask_agent", "t-4"),
    )
    messages = (task(HOSTILE), use(HOSTILE, HOSTILE, {HOSTILE: HOSTILE}), {HOSTILE: "\ud800"})
    hostile = row(HOSTILE, agent_name=HOSTILE, outcome=HOSTILE, parent_id=HOSTILE)
    record = Record(hostile, messages, waits=waits, children={"t-4": row(HOSTILE, status=HOSTILE)})
    span = Span(HOSTILE, HOSTILE, NOW, NOW, "t", "1", "0")
    asked = [Asked(1, HOSTILE, "t-1", 'http://localhost:3000/approvals/"><script>')]
    page = session_page.session(
        record, timeline(record, []), [span], asked, 0, problem=HOSTILE
    ).decode()
    assert "<script" not in page and "\u202e" not in page


# --- e-mails -------------------------------------------------------------------------------------


def url_of(*fields: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(fields).encode()).rstrip(b"=").decode()
    return f"http://localhost:3000/approvals/{payload}.signature?decision=approved"


def mail_of(*urls: str) -> Mail:
    questions = tuple(Question("?", (Link("approve", url), Link("deny", url))) for url in urls)
    return Mail("Subject", "Body", "2026-01-31T09:30:00.000Z", questions)


def test_an_e_mail_belongs_to_the_sessions_of_its_links() -> None:
    urls = [url_of(1, "s-1", "t-1", 9, "k"), url_of(1, "s-1", "t-2", 9, "k")]
    mails = [mail_of(url_of(1, "s-2", "t-9", 9, "k")), mail_of(*urls)]
    asked = questions_of(mails, "s-1")
    assert [(q.number, q.tool_use_id, q.url) for q in asked] == [
        (2, "t-1", urls[0]),
        (2, "t-2", urls[1]),
    ]
    assert sessions_of(mails[1]) == ["s-1"]
    page = mail_page.mailbox(mails).decode()
    assert page.index('id="mail-2"') < page.index('href="/local/sessions/s-1"')
    assert page.index('href="/local/sessions/s-1"') < page.index('id="mail-1"')


@pytest.mark.parametrize(
    "url",
    ["", "http://x/approvals/abc.DEF", url_of(), url_of(1, 2, 3), url_of(1, "s"), "http://x/%"],
)
def test_a_link_that_names_no_session_belongs_to_none(url: str) -> None:
    assert ids_in(url) is None
    assert sessions_of(mail_of(url)) == []


# --- requests ------------------------------------------------------------------------------------


class Api:
    """The operator API behind the proxy."""

    def __init__(self, answer: Answer | None) -> None:
        self.given = answer
        self.requests: list[Request] = []

    def answer(self, request: Request) -> Answer | None:
        self.requests.append(request)
        return self.given


OWNER = OwnerKey("KEY", "secret")


def door_of(answer: Answer | None = None, **tables: list[dict[str, Any]]) -> tuple[FrontDoor, Api]:
    api, mailbox, traces = Api(answer), SimpleNamespace(all=lambda: []), Traces()
    traces.close()
    known = {"sessions": [item()], "waits": [to_item(approval())], "posts": []}
    made = Tables(**{**known, **tables})
    operators = Operators(api, OWNER, "localhost:3000")  # type: ignore[arg-type]
    problems = Problems(Console())
    sessions = Sessions(made.records(), operators, mailbox, traces, problems)  # type: ignore[arg-type]
    parts: Any = {"guard": Guard(3000), "proxy": api, "mailbox": mailbox, "traces": traces}
    parts |= {"view": made.view(), "sessions": sessions, "send_task": None, "is_scripted": True}
    return FrontDoor(**parts, started_at=0), api


def ask(door: FrontDoor, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    sent = Message()
    for name, value in {"Host": "localhost:3000", **headers}.items():
        sent[name.replace("_", "-")] = value
    return door(Request(method, path, sent, body))


def test_the_front_door_has_a_page_for_each_session() -> None:
    door, _ = door_of(sessions=[item("a:b")])
    for path in ("/local/sessions/a:b", "/local/sessions/a%3Ab", "/local/sessions/a:b?cancelled=1"):
        answer = ask(door, "GET", path)
        assert answer.status == 200 and answer.headers == pages.HEADERS
    assert b"It is cancelled, and the agent is told." in answer.body
    assert ask(door, "HEAD", "/local/sessions/a:b").status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/local/sessions/s-9"),
        ("GET", "/local/sessions/"),
        ("GET", "/local/sessions/%3Cscript%3E"),
        ("GET", "/local/sessions/s-1/other"),
        ("GET", "/local/sessions/s-1/cancel"),
        ("POST", "/local/sessions/s-1"),
        ("DELETE", "/local/sessions/s-1"),
    ],
)
def test_what_is_no_session_has_a_page_with_a_way_back(method: str, path: str) -> None:
    answer = ask(door_of()[0], method, path)
    assert answer.status == 404 and b"There is no such session" in answer.body
    assert b'<a href="/">All sessions</a>' in answer.body


CANCEL = "/local/sessions/s-1/cancel"


def test_a_wait_is_cancelled_by_a_signed_request_to_the_operator_api() -> None:
    door, api = door_of(Answer(200, [], b"{}"))
    answer = ask(door, "POST", CANCEL, b"tool_use_id=t-1", Origin="http://localhost:3000")
    assert (answer.status, answer.headers) == (
        303,
        [("Location", "/local/sessions/s-1?cancelled=1")],
    )
    [sent] = api.requests
    assert json.loads(sent.body) == {"session_id": "s-1", "tool_use_id": "t-1"}
    headers = {name.lower(): value for name, value in sent.headers.items()}
    assert headers["content-type"] == "application/json"
    assert len(sent.headers.get_all("Host", [])) == 1
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=KEY/")
    assert "SignedHeaders=host;x-amz-date" in headers["authorization"]


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        (Answer(409, [], b'{"status": "DENIED"}'), 409, "it was denied before"),
        (Answer(404, [], b'{"error": "no <such> one"}'), 404, "no &lt;such&gt; one"),
        (Answer(503, [], b'{"message": "Service Unavailable"}'), 503, "Service Unavailable"),
        (Answer(502, [], b"no JSON"), 502, "no reason was given"),
        (None, 404, "has no operator API"),
    ],
    ids=["decided", "unknown", "busy", "broken", "without"],
)
def test_what_was_not_cancelled_says_why(given: Answer | None, status: int, said: str) -> None:
    answer = ask(door_of(given)[0], "POST", CANCEL, b"tool_use_id=t-1")
    assert answer.status == status
    assert 'role="alert"' in answer.body.decode() and said in answer.body.decode()


@pytest.mark.parametrize("body", [b"", b"tool_use_id=", b"tool_use_id=a/b", b"\xff", b"other=t-1"])
def test_a_form_that_names_no_wait_cancels_nothing(body: bytes) -> None:
    door, api = door_of()
    answer = ask(door, "POST", CANCEL, body)
    assert answer.status == 400 and not api.requests


@pytest.mark.parametrize("headers", [{"Origin": "http://evil"}, {"Sec_Fetch_Site": "cross-site"}])
def test_another_sites_page_cancels_nothing(headers: dict[str, str]) -> None:
    door, api = door_of()
    assert ask(door, "POST", CANCEL, b"tool_use_id=t-1", **headers).status == 403
    assert not api.requests


def test_inputs_of_a_conversation_are_objects() -> None:
    odd = {"content": ["text", {"toolUse": None}, {"toolUse": {"toolUseId": "t", "input": 7}}]}
    assert inputs([{}, odd]) == {"t": {}}


def test_a_stored_session_names_its_parent() -> None:
    assert row_of(item(parent={"session_id": "p-1"})).parent_id == "p-1"


def test_the_words_of_a_page_fit_any_agent() -> None:
    denied = row(status="completed", outcome="denied")
    page = pages.landing([denied], (0, 2), 0).decode()
    assert "What shall the agent do?" in page
    assert "post" not in page.partition("<main>")[2].replace('method="post"', "")
    assert "2 could not be handled: <code>make redrive DRY_RUN=1</code> tells why." in page


def test_only_a_stack_with_unitok_has_a_way_to_its_feed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    door, _ = door_of()
    for path in ("/local/sessions/s-1", "/local/sessions/s-9", "/local/mail", "/nothing"):
        assert b'href="/feed"' in ask(door, "GET", path).body
        assert b"feed" not in ask(replace(door, has_feed=False), "GET", path).body
    settings = make_settings(3000)
    for has_feed in (True, False):
        _say_what_next(Console(), settings, has_feed=has_feed)
        assert ("See what is out  http://localhost:3000/feed\nAWS" in capsys.readouterr().out) == (
            has_feed
        )


# --- the ten steps, and what reloads -------------------------------------------------------------


def waits_for(wait: Wait | None) -> SessionRow:
    return row(waits=(waiting("publish_post", {}, wait),))


@pytest.mark.parametrize(
    ("shown", "place", "words"),
    [
        (row(status=ARRIVING), "arrive", "step 1 of 10, arrive"),
        (row(status=RUNNING), "run", "step 4 of 10, run"),
        (waits_for(None), "notify", "step 7 of 10, notify"),
        (waits_for(approval()), WAITS, "between steps 7, notify, and 8, decide"),
        (waits_for(approval(status=Status.DENIED)), "resume", "step 9 of 10, resume"),
        (row(status="completed", outcome="published"), "publish", "step 10 of 10, publish"),
        (row(status="completed", outcome="denied"), ENDED, "ended"),
        (replace(waits_for(approval()), outcome="published"), WAITS, "between steps 7"),
    ],
    ids=["new", "at work", "asking", "asked", "decided", "published", "denied", "asked again"],
)
def test_each_session_stands_at_its_step(shown: SessionRow, place: str, words: str) -> None:
    assert place_of(shown) == place
    assert place_in_words(shown).startswith(words)
    assert words in pages.landing([shown], (0, 0), 0).decode()


def test_a_session_that_waits_stands_between_notify_and_decide() -> None:
    page = ten_steps([waits_for(approval()), row("s-2", status="completed", outcome="published")])
    names = ("arrive", "validate", "load", "run", "pause", "save", "notify", "waits",
             'href="/local/sessions/s-1"', "decide", "resume", "publish",
             'href="/local/sessions/s-2"')  # fmt: skip
    places = [page.index(f"<b>{name}</b>" if name.isalpha() else name) for name in names]
    assert places == sorted(places)


def test_a_step_with_many_sessions_names_four_and_counts_the_others() -> None:
    many = [waits_for(approval())] * 7
    page = ten_steps([*many, row("c", parent_id="s-1", status="completed", outcome="finished")])
    assert page.count('class="mark"') == 4 and "and 3 more" in page
    assert "ended" not in page, "what another session asked for, and has, is not in the way"


def message(body: Any, **fields: Any) -> dict[str, Any]:
    known = {"MessageId": "m-1", "IsVisible": True, "ReceiveCount": 1, "SentTimestamp": NOW}
    return {**known, "Body": body if isinstance(body, str) else json.dumps(body), **fields}


def test_a_task_that_has_no_session_yet_is_in_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    new = {"type": "new", "body": {"task": "Write"}}
    sent = [
        message({**new, "session_id": "s-1"}),
        message({**new, "session_id": "s-2"}, IsVisible=False, SentTimestamp=NOW + 1),
        message(new, MessageId="m-3", SentTimestamp=NOW + 2),
        message(new, MessageId="m-4", IsVisible=False, ReceiveCount=0, SentTimestamp=NOW + 3),
        *map(message, ("no JSON", [], {"type": "existing", "session_id": "s-4", "body": []})),
        message({"type": "existing", "session_id": "s-4", "body": {"task": "x"}}),
    ]
    monkeypatch.setattr(local_view, "messages_in", lambda _, url: sent if url == "q" else [])
    rows = Tables().view().with_arriving([row()])
    assert [(found.session_id, found.status) for found in rows] == [
        ("m-4", ARRIVING),
        ("m-3", ARRIVING),
        ("s-2", RUNNING),
        ("s-1", "waiting"),
    ]


def test_a_wait_says_who_is_asked_and_leads_to_where_it_is_decided() -> None:
    two = approval(approvers=["ann", "<bob>"], needed=2)
    shown = row(waits=tuple(waiting("x", {}, wait) for wait in (two, approval("t-2"))))
    decided_at = {("s-1", "t-2"): "http://localhost:3000/approvals/a?b&c"}
    page = pages.landing([shown], (0, 0), 0, decided_at=decided_at).decode()
    assert "asked: ann, &lt;bob&gt; (2 must agree), since" in page
    assert "asked: the approver, since" in page
    assert page.count("Read and decide") == 1
    assert 'href="http://localhost:3000/approvals/a?b&amp;c">Read and decide' in page
    assert "asked:" not in pages.landing([waits_for(None)], (0, 0), 0).decode()


def test_a_page_reloads_by_itself_on_wish_and_stops_on_wish() -> None:
    door, _ = door_of(sessions=[item("a:b")])
    for path in ("/local/mail", "/local/sessions/a%3Ab", "/local/sessions/not-yet"):
        answer = ask(door, "GET", path)
        assert "Refresh" not in dict(answer.headers)
        assert f'<a href="{path}?reload=1">Auto-reload</a>' in answer.body.decode()
        answer = ask(door, "GET", f"{path}?reload=1")
        assert dict(answer.headers)["Refresh"] == f"5; url={path}?reload=1"
        assert f'<a href="{path}">Stop reloading (5 s)</a>' in answer.body.decode()


@pytest.mark.parametrize("text", ["", "0", "-1", "x", "٣", "1" * 9, "1.5"])
def test_a_page_number_that_is_none_is_the_first(text: str) -> None:
    assert address_of("/", f"page={text}&item={text}") == Address("/")
    assert address_of("/", "page=3&item=7&reload=") == Address("/", 3, 7)
    assert address_of("/", "page=3&item=7&reload=1").at() == "/?page=3&reload=1"


# --- e-mails that are decided --------------------------------------------------------------------


def mails_of(*numbers: int) -> list[Mail]:
    return [
        replace(mail_of(url_of(1, "s-1", f"t-{n}", 9, "k")), subject=f"Mail <{n}>") for n in numbers
    ]


def test_what_is_decided_is_folded_below_what_is_open_and_says_how() -> None:
    mails = [*mails_of(1, 2, 3), replace(mail_of(), questions=(Question("?", ()),))]
    answered = {"decided_by": "ann", "decided_at": NOW + 5}
    waits = {
        ("s-1", "t-1"): approval(),
        ("s-1", "t-2"): approval("t-2", status=Status.SPENT, decision="approved", **answered),
    }
    ended = verdicts(mails, lambda: waits)
    assert ended == {
        ("s-1", "t-2"): f"Approved by ann, {moment(NOW + 5)}",
        ("s-1", "t-3"): "No longer there",
    }
    page = mail_page.mailbox(mails, ended).decode()
    assert "E-mail (1 open)</a>" in page and "4 sent, 1 open" in page
    open_one, notice, *folded_ones = page.split("<article>")[1:]
    assert "Mail &lt;1&gt;" in open_one and "<details" not in open_one
    assert 'class="button approve"' in open_one
    assert "<details" not in notice, "what asks nothing is not folded"
    assert [part.count("<details><summary>") for part in folded_ones] == [1, 1]
    assert "Mail &lt;3&gt;" in folded_ones[0] and "No longer there" in folded_ones[0]
    assert f"Approved by ann, {moment(NOW + 5)}" in folded_ones[1]
    assert "button" not in "".join(folded_ones) and folded_ones[1].count(">Its page</a>") == 1


@pytest.mark.parametrize(
    ("wait", "said"),
    [
        (approval(status=Status.EXPIRED), "Expired"),
        (approval(status=Status.CANCELLED, decided_by="iam:root"), "Cancelled by iam:root"),
        (wait_of("ask_human", status=Status.RESOLVED, decided_by="bob"), "Answered by bob"),
        (
            approval(status=Status.DENIED, decision="denied", decided_by="<b>"),
            "Denied by &lt;b&gt;",
        ),
    ],
    ids=["expired", "cancelled", "answered", "hostile"],
)
def test_how_each_end_of_a_question_is_said(wait: Wait, said: str) -> None:
    mails = mails_of(1)
    ended = verdicts(mails, lambda: {("s-1", "t-1"): wait})
    assert f'<p class="verdict">{said}</p>' in mail_page.mailbox(mails, ended).decode()


def test_of_several_questions_only_the_open_one_keeps_its_buttons() -> None:
    mail = mail_of(url_of(1, "s-1", "t-1", 9, "k"), url_of(1, "s-1", "t-2", 9, "k"))
    page = mail_page.mailbox([mail], {("s-1", "t-1"): "Denied by ann"}).decode()
    assert '<article>\n<h2 id="mail-1">' in page, "not folded: something is open"
    assert "1: Denied by ann." in page and "Approve 1" not in page and "Approve 2" in page


def test_e_mails_come_on_pages_and_a_link_finds_its_own() -> None:
    mails = mails_of(*range(1, 46))
    ended = {("s-1", f"t-{n}"): "Denied" for n in range(1, 46) if n != 1}
    first = mail_page.mailbox(mails, ended).decode()
    assert first.count("<article>") == ROWS and first.index("mail-1") < first.index("mail-45")
    assert "1 to 20 of 45" in first and 'href="/local/mail?page=2">Older</a>' in first
    found = mail_page.mailbox(mails, ended, Address("/local/mail", item=3)).decode()
    assert '<details open><summary><h2 id="mail-3">' in found and "41 to 45 of 45" in found
    assert "1 to 20" in mail_page.mailbox(mails, ended, Address("/local/mail", item=99)).decode()


def test_only_what_asks_has_the_waits_read() -> None:
    def read() -> Any:
        raise AssertionError("nothing asks")

    assert count_open([replace(mail_of(), questions=(Question("?", ()),))], read) == 0


def test_of_many_open_e_mails_the_first_are_whole_and_all_have_their_buttons() -> None:
    page = mail_page.mailbox(mails_of(*range(1, 6)), {}, Address("/local/mail", item=1)).decode()
    _, *parts = page.split("<article>")
    assert [part.count("<summary>Its text</summary>") for part in parts] == [0, 0, 0, 1, 0]
    assert all('class="button approve"' in part for part in parts)
