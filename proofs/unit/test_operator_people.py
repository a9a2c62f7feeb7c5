"""The operators' API for people: one whole approval, deciding it, more time, its e-mail again."""

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from test_operator_handler import FAULT, make_services, send

import operator_handler
from approval_api_driver import FakeQueue
from core_samples import NOW, SESSION_ID, TOOL_USE_ID, LogLines, Recorded, asked, job, metrics
from longrunning.ask_human import question_of
from longrunning.people.directory import Person
from longrunning.text import utc
from longrunning.waits import votes
from longrunning.waits.deadlines import KEPT_AFTER_SECONDS, MAX_EXTRA_SECONDS, Deadlines
from longrunning.waits.item import Call, Edit, Status, Wait
from longrunning.waits.timeouts import WITHOUT_END_SECONDS
from longrunning.waits.votes import Vote
from operator_requests import MAX_CALLER_CHARS, MAX_HOURS
from operator_services import Services
from wait_store import WaitStore

HOUR, DAY = 3_600, 86_400
AT = NOW + 60
"""When the requests come."""
IDS = {"session_id": SESSION_ID, "tool_use_id": TOOL_USE_ID}
KEYS = (SESSION_ID, TOOL_USE_ID)
LONG = "user/" + "x" * (MAX_CALLER_CHARS - len("iam:user/"))
PEOPLE = {
    "ann": Person("ann", "Ann Kovač", "ann@example.com", "assumed-role/Approvers/ann"),
    "bob": Person("bob", "Bob", "bob@example.com", "user/bob"),
    "cyd": Person("cyd", "Cyd", "cyd@example.com"),
    "dan": Person("dan", "Dan", "dan@example.com", LONG),
}
FORM = {
    "type": "object",
    "properties": {"size": {"type": "string", "enum": ["s", "m"]}, "count": {"type": "integer"}},
    "required": ["size"],
}


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


@pytest.fixture(autouse=True)
def services(
    dynamodb: Recorded,
    approvals_table: str,
    sessions_table: str,
    queue: FakeQueue,
    monkeypatch: pytest.MonkeyPatch,
) -> Services:
    made = make_services(dynamodb, approvals_table, sessions_table, queue, **PEOPLE)
    monkeypatch.setattr(operator_handler, "services", lambda: made)
    monkeypatch.setattr(operator_handler.time, "time", lambda: AT + 0.5)
    return made


def signer(name: str) -> dict[str, Any]:
    """What API Gateway says of who has signed."""
    kind = "sts" if name.startswith("assumed-role") else "iam"
    return {"iam": {"userArn": f"arn:aws:{kind}::123456789012:{name}"}}


ANN, BOB = (signer(str(PEOPLE[name].iam)) for name in ("ann", "bob"))
OPERATOR = signer("assumed-role/Operators/olga")


def post(action: str, by: dict[str, Any] = ANN, **fields: Any) -> dict[str, Any]:
    body = {name: value for name, value in {**IDS, **fields}.items() if value is not ...}
    return send("POST", f"/operator/{action}", body=json.dumps(body), authorizer=by)


def show(**ids: str) -> dict[str, Any]:
    return send("GET", "/operator/approval", {**IDS, **ids}, authorizer=OPERATOR)


def ask(store: WaitStore, **changes: Any) -> Wait:
    return store.put_if_absent(asked(**{"approvers": ["ann", "bob"], **changes}))[0]


def ask_question(store: WaitStore, **changes: Any) -> Wait:
    question, schema = question_of({"question": "Which?", "schema": FORM})
    call = Call("ask_human", question)
    wait = replace(asked(approvers=["ann", "bob"]), call=call, answer_schema=schema, **changes)
    return store.put_if_absent(wait)[0]


def stands(store: WaitStore) -> Wait:
    found = store.get(*KEYS)
    assert found
    return found


class TestShowing:
    def test_the_whole_call_is_shown_as_asked_and_as_in_force(
        self, approval_store: WaitStore
    ) -> None:
        text = "x" * 5_000
        editable = {"amount": {"type": "integer"}}
        ask(approval_store, content=text, arguments={"amount": 60}, editable=editable)
        edit = Edit("Mine", {"amount": 40})
        approval_store.decide(
            *KEYS, "approved", decided_by="ann", via="link", now=AT, edit=edit,
            digest=stands(approval_store).edited(edit).digest,
        )  # fmt: skip
        found = show()
        wanted = {
            "status_code": 200, "status": "APPROVED",
            "content": "Mine", "arguments": {"amount": 40},
            "asked_content": text, "asked_arguments": {"amount": 60}, "editable": editable,
            "answer_schema": None, "answer": None, "edited": True, "approvers": ["ann", "bob"],
            "digest": stands(approval_store).in_force.digest,
        }  # fmt: skip
        assert {name: found[name] for name in wanted} == wanted

    def test_a_question_is_shown_with_its_form_and_then_its_answer(
        self, approval_store: WaitStore
    ) -> None:
        ask_question(approval_store)
        found = show()
        assert (found["content"], found["answer"]) == ("Which?", None)
        assert found["answer_schema"]["properties"].keys() == FORM["properties"].keys()
        post("decide", decision="answered", answer={"size": "m"})
        assert show()["answer"] == {"size": "m"}

    def test_what_no_person_decides_is_shown_too(self, approval_store: WaitStore) -> None:
        waiting, _ = approval_store.put_if_absent(job())
        found = show(tool_use_id=waiting.tool_use_id)
        assert (found["status_code"], found["content"], found["arguments"]) == (200, None, None)

    @pytest.mark.parametrize("ids", [{"session_id": "other"}, {"tool_use_id": "other"}])
    def test_what_is_not_there_is_404(self, approval_store: WaitStore, ids: dict[str, str]) -> None:
        ask(approval_store)
        assert show(**ids)["status_code"] == 404

    @pytest.mark.parametrize(
        "query", [None, {"session_id": "a"}, {"tool_use_id": "a"}, {**IDS, "session_id": "a/b"},
                  {**IDS, "tool_use_id": "a.b"}]
    )  # fmt: skip
    def test_what_names_none_is_400(self, query: dict[str, str] | None) -> None:
        assert send("GET", "/operator/approval", query)["status_code"] == 400


class TestDeciding:
    @pytest.mark.parametrize("decision", ["approved", "denied"])
    def test_one_who_is_asked_decides_in_that_name_and_the_agent_is_told(
        self, approval_store: WaitStore, queue: FakeQueue, decision: str
    ) -> None:
        ask(approval_store)
        answer = post("decide", decision=decision, comment=" Fine. ")
        assert (answer["status_code"], answer["decision"], answer["decided_by"]) == (
            200, decision, "ann"
        )  # fmt: skip
        assert (answer["via"], answer["comment"], answer["decided_at"]) == ("iam", "Fine.", AT)
        assert stands(approval_store).status == decision.upper()
        assert len(queue.bodies) == 1

    @pytest.mark.parametrize(
        "by",
        [
            OPERATOR,
            signer("assumed-role/Approvers/Ann"),
            signer("assumed-role/Approvers/ann2"),
            signer("user/assumed-role/Approvers/ann"),
            signer("root"),
            signer("None"),
            signer(LONG),
            signer(LONG + "y"),
            {"jwt": {"claims": {"email": "ann@example.com", "email_verified": "true"}}},
            {"jwt": {"claims": {"sub": "assumed-role/Approvers/ann"}}},
        ],
    )
    @pytest.mark.parametrize("decision", ["approved", "denied"])
    def test_who_is_nobody_in_people_toml_is_403_and_nothing_is_read(
        self, approval_store: WaitStore, queue: FakeQueue, dynamodb: Recorded,
        by: dict[str, Any], decision: str,
    ) -> None:  # fmt: skip
        before = ask(approval_store, approvers=["ann", "cyd", "dan"])
        dynamodb.calls.clear()
        answer = post("decide", by, decision=decision)
        assert (answer["status_code"], "people.toml" in answer["error"]) == (403, True)
        assert dynamodb.calls == []
        assert (stands(approval_store), queue.bodies) == (before, [])

    @pytest.mark.parametrize("changes", [{"approvers": None}, {"approvers": ["bob"]},
                                         {"approvers": ["annie"]}, {"approvers": []}])  # fmt: skip
    @pytest.mark.parametrize("needed", [None, 2])
    def test_who_is_not_asked_by_name_is_403(
        self, approval_store: WaitStore, queue: FakeQueue, changes: Any, needed: int | None
    ) -> None:
        before = ask(approval_store, needed=needed, **changes)
        seen = before.in_force.digest
        assert post("decide", decision="approved", seen=seen)["status_code"] == 403
        assert (stands(approval_store), queue.bodies) == (before, [])

    def test_who_is_not_asked_is_403_also_once_it_is_decided(
        self, approval_store: WaitStore, queue: FakeQueue
    ) -> None:
        ask(approval_store, approvers=["bob"])
        post("decide", BOB, decision="approved")
        assert post("decide", decision="approved")["status_code"] == 403
        assert len(queue.bodies) == 1

    def test_the_same_again_tells_the_agent_again_and_changes_nothing(
        self, approval_store: WaitStore, queue: FakeQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        ask(approval_store)
        first = post("decide", decision="approved")
        found = stands(approval_store)
        assert metrics(capsys.readouterr().out) == {"ApprovalApproved": 1, "TimeToDecision": 60}
        assert post("decide", decision="approved") == first
        assert metrics(capsys.readouterr().out) == {}
        assert (stands(approval_store), len(queue.bodies)) == (found, 2)

    def test_the_opposite_is_409_and_what_stands(
        self, approval_store: WaitStore, queue: FakeQueue
    ) -> None:
        ask(approval_store)
        post("decide", BOB, decision="denied")
        answer = post("decide", decision="approved")
        assert (answer["status_code"], answer["decision"], answer["decided_by"]) == (
            409, "denied", "bob"
        )  # fmt: skip
        assert len(queue.bodies) == 1

    @pytest.mark.parametrize("changes", [{"decide_by": AT}, {"status": Status.EXPIRED},
                                         {"status": Status.CANCELLED}])  # fmt: skip
    @pytest.mark.parametrize("needed", [None, 2])
    def test_what_is_over_is_409_and_what_stands(
        self, approval_store: WaitStore, queue: FakeQueue, changes: Any, needed: int | None
    ) -> None:
        before = ask(approval_store, needed=needed, **changes)
        answer = post("decide", decision="approved", seen=before.in_force.digest)
        assert (answer["status_code"], answer["status"]) == (409, before.status)
        assert (stands(approval_store), queue.bodies) == (before, [])

    def test_what_was_read_is_checked_where_it_is_said(
        self, approval_store: WaitStore, queue: FakeQueue
    ) -> None:
        before = ask(approval_store)
        answer = post("decide", decision="approved", seen="0" * 64)
        assert (answer["status_code"], "look at it again" in answer["error"]) == (409, True)
        assert (stands(approval_store), queue.bodies) == (before, [])
        seen = before.in_force.digest
        assert post("decide", decision="approved", seen=seen)["status_code"] == 200

    def test_the_record_comes_before_the_message(
        self, approval_store: WaitStore, queue: FakeQueue
    ) -> None:
        ask(approval_store)
        queue.error = EndpointConnectionError(endpoint_url="x")
        answer = post("decide", decision="approved")
        assert (answer["status_code"], answer["error"][:14]) == (503, "It is recorded")
        assert stands(approval_store).status == "APPROVED"
        queue.error = None
        assert post("decide", decision="approved")["status_code"] == 200
        assert len(queue.bodies) == 1

    @pytest.mark.parametrize("field", ["content", "arguments", "edit", "decided_by", "via"])
    def test_an_edit_or_a_name_is_400_and_named(
        self, approval_store: WaitStore, queue: FakeQueue, field: str
    ) -> None:
        before = ask(approval_store)
        answer = post("decide", decision="approved", **{field: {"amount": 1}})
        assert (answer["status_code"], answer["error"].split(":")[0]) == (400, field)
        assert (stands(approval_store), queue.bodies) == (before, [])

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"session_id": ...}, "session_id"), ({"session_id": "a b"}, "session_id"),
            ({"tool_use_id": 7}, "tool_use_id"), ({"decision": ...}, "decision"),
            ({"decision": "yes"}, "decision"), ({"decision": ["approved"]}, "decision"),
            ({"decision": "answered"}, "answer"), ({"decision": "declined"}, "decision"),
            ({"comment": 1}, "comment"), ({"comment": "x" * 4_001}, "comment"),
            ({"comment": "\0"}, "comment"), ({"seen": 1}, "seen"), ({"answer": "m"}, "answer"),
            ({"answer": {}}, "answer"), ({"answer": []}, "answer"),
            ({"decision": "answered", "answer": {"size": "m"}}, "decision"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_read_is_400_and_named(
        self, approval_store: WaitStore, queue: FakeQueue, changes: dict[str, Any], field: str
    ) -> None:
        before = ask(approval_store)
        answer = post("decide", **{"decision": "approved", **changes})
        assert (answer["status_code"], answer["error"].split(":")[0]) == (400, field)
        assert (stands(approval_store), queue.bodies) == (before, [])

    def test_what_no_person_decides_is_422(
        self, approval_store: WaitStore, queue: FakeQueue
    ) -> None:
        waiting, _ = approval_store.put_if_absent(job())
        answer = post("decide", decision="approved", tool_use_id=waiting.tool_use_id)
        assert (answer["status_code"], queue.bodies) == (422, [])

    @pytest.mark.parametrize("ids", [{"session_id": "other"}, {"tool_use_id": "other"}])
    def test_what_is_not_there_is_404(self, approval_store: WaitStore, ids: dict[str, str]) -> None:
        ask(approval_store)
        assert post("decide", decision="approved", **ids)["status_code"] == 404

    def test_nothing_of_a_comment_or_a_caller_is_logged(
        self, approval_store: WaitStore, log_lines: LogLines
    ) -> None:
        ask(approval_store)
        post("decide", OPERATOR, decision="approved")
        post("decide", decision="approved", comment="hush")
        post("extend", hours=1)
        assert {"decide", "refused", "extend"} <= {*log_lines.messages}
        for secret in ("hush", "olga", "assumed-role"):
            assert secret not in log_lines.text


class TestVoting:
    @pytest.fixture
    def before(self, approval_store: WaitStore) -> Wait:
        return ask(approval_store, approvers=["ann", "bob", "cyd"], needed=2)

    def test_each_vote_is_counted_and_the_last_one_decides(
        self, approval_store: WaitStore, queue: FakeQueue, before: Wait
    ) -> None:
        seen = before.in_force.digest
        first = post("decide", decision="approved", seen=seen, comment="Yes")
        assert (first["status_code"], first["status"], len(first["votes"])) == (200, "PENDING", 1)
        assert queue.bodies == []
        assert post("decide", decision="approved", seen=seen)["votes"] == first["votes"]
        assert queue.bodies == []
        last = post("decide", BOB, decision="approved", seen=seen)
        assert (last["status_code"], last["status"], last["decided_by"]) == (200, "APPROVED", "bob")
        assert [(v["by"], v["via"]) for v in last["votes"]] == [("ann", "iam"), ("bob", "iam")]
        assert len(queue.bodies) == 1

    def test_the_first_denial_denies(
        self, approval_store: WaitStore, queue: FakeQueue, before: Wait
    ) -> None:
        answer = post("decide", decision="denied", seen=before.in_force.digest)
        assert (answer["status"], len(queue.bodies)) == ("DENIED", 1)

    def test_what_was_read_must_be_said(self, approval_store: WaitStore, before: Wait) -> None:
        answer = post("decide", decision="approved")
        assert (answer["status_code"], answer["error"][:5]) == (400, "seen:")
        assert stands(approval_store) == before

    def test_a_call_that_was_edited_since_is_409_and_nothing_is_counted(
        self, approval_store: WaitStore, services: Services, before: Wait
    ) -> None:
        seen = before.in_force.digest
        vote = Vote("cyd", "link", "approved", seen)
        services.votes.vote(*KEYS, vote, lambda _: Edit("Mine"), AT)
        edited = stands(approval_store)
        answer = post("decide", decision="approved", seen=seen)
        assert (answer["status_code"], "look at it again" in answer["error"]) == (409, True)
        assert stands(approval_store) == edited
        answer = post("decide", decision="approved", seen=edited.in_force.digest)
        assert (answer["status"], answer["decided_by"]) == ("APPROVED", "ann")

    def test_too_many_votes_are_409_and_too_many_at_once_503(
        self, approval_store: WaitStore, before: Wait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = before.in_force.digest
        monkeypatch.setattr(votes, "MAX_VOTES", 0)
        answer = post("decide", decision="approved", seen=seen)
        assert (answer["status_code"], answer["error"][:8]) == (409, "Too much")
        monkeypatch.setattr(votes, "TRIES", 0)
        assert post("decide", decision="approved", seen=seen)["status_code"] == 503
        assert stands(approval_store) == before


class TestAnswering:
    def test_one_who_is_asked_answers_and_the_agent_is_told(
        self, approval_store: WaitStore, queue: FakeQueue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        ask_question(approval_store)
        answer = post("decide", decision="answered", answer={"size": "m", "count": "3"})
        assert (answer["status_code"], answer["status"], answer["via"]) == (200, "RESOLVED", "iam")
        assert metrics(capsys.readouterr().out) == {"QuestionAnswered": 1}
        assert show()["answer"] == {"size": "m", "count": 3}
        again = post("decide", decision="answered", answer={"size": "m", "count": 3})
        assert (again["status_code"], len(queue.bodies)) == (200, 2)
        other = post("decide", decision="answered", answer={"size": "s"})
        assert (other["status_code"], len(queue.bodies)) == (409, 2)

    def test_a_question_may_be_declined(self, approval_store: WaitStore, queue: FakeQueue) -> None:
        ask_question(approval_store)
        answer = post("decide", decision="declined", comment="Ask the shop.")
        assert (answer["status_code"], answer["decided_by"]) == (200, "ann")
        result = stands(approval_store).result
        assert result
        assert json.loads(result["content"][0]["text"]) == {
            "declined": True, "comment": "Ask the shop.", "answered_by": "ann"
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("fields", "status", "field"),
        [
            ({"decision": "approved"}, 400, "decision"),
            ({"decision": "declined", "answer": {"size": "m"}}, 400, "answer"),
            ({"decision": "answered"}, 400, "answer"),
            ({"decision": "answered", "answer": {}}, 422, "answer.size"),
            ({"decision": "answered", "answer": {"size": "l"}}, 422, "answer.size"),
            ({"decision": "answered", "answer": {"size": "m", "x": 1}}, 422, "answer.x"),
            ({"decision": "answered", "answer": {"size": "m", "count": 1.5}}, 422, "answer.count"),
            ({"decision": "answered", "answer": {"size": "\0"}}, 400, "answer.size"),
        ],
    )
    def test_what_does_not_fit_changes_nothing(
        self, approval_store: WaitStore, fields: dict[str, Any], status: int, field: str
    ) -> None:
        before = ask_question(approval_store)
        answer = post("decide", **fields)
        assert (answer["status_code"], answer["error"].split(":")[0]) == (status, field)
        assert stands(approval_store) == before

    def test_who_is_not_asked_does_not_answer(self, approval_store: WaitStore) -> None:
        before = ask_question(approval_store)
        reply = {"decision": "answered", "answer": {"size": "m"}}
        assert post("decide", OPERATOR, **reply)["status_code"] == 403
        assert post("decide", seen="0" * 64, **reply)["status_code"] == 409
        assert stands(approval_store) == before


class TestExtending:
    def test_the_end_is_later_and_the_e_mail_is_due(self, approval_store: WaitStore) -> None:
        before = ask(approval_store)
        answer = post("extend", OPERATOR, hours=24)
        wanted = {
            "status_code": 200, "status": "PENDING", "decide_by": before.decide_by + DAY,
            "first_decide_by": before.decide_by, "due_at": AT,
            "asked_again_by": "iam:assumed-role/Operators/olga",
        }  # fmt: skip
        assert {name: answer[name] for name in wanted} == wanted
        assert (stands(approval_store).remind_at, stands(approval_store).due_at) == (AT, AT)

    def test_what_is_to_come_stays_as_long_before_the_end(self, approval_store: WaitStore) -> None:
        remind_at, escalate_at = NOW + 12 * HOUR, NOW + 18 * HOUR
        ask(approval_store, remind_at=remind_at, escalate_at=escalate_at, due_at=remind_at)
        post("extend", hours=5)
        found = stands(approval_store)
        assert found.planned_remind_at == remind_at + 5 * HOUR
        assert found.escalate_at == escalate_at + 5 * HOUR
        post("extend", hours=2)
        found = stands(approval_store)
        assert found.planned_remind_at == remind_at + 7 * HOUR
        assert found.escalate_at == escalate_at + 7 * HOUR
        assert found.first_decide_by == NOW + DAY

    def test_a_reminder_that_is_due_is_not_sent_twice(self, approval_store: WaitStore) -> None:
        ask(approval_store, remind_at=NOW + 30, due_at=NOW + 30)
        post("extend", hours=5)
        assert stands(approval_store).planned_remind_at is None

    def test_seven_days_in_all_and_not_a_second_more(self, approval_store: WaitStore) -> None:
        before = ask(approval_store)
        assert post("extend", hours=100)["status_code"] == 200
        assert post("extend", hours=68)["decide_by"] == before.decide_by + MAX_EXTRA_SECONDS
        found = stands(approval_store)
        answer = post("extend", hours=1)
        assert (answer["status_code"], answer["error"].split(":")[0]) == (422, "hours")
        assert utc(before.decide_by + MAX_EXTRA_SECONDS) in answer["error"]
        assert stands(approval_store) == found

    @pytest.mark.parametrize(("kept_hours", "status"), [(1, 200), (0, 422)])
    def test_its_record_is_kept_long_enough_after_the_end(
        self, approval_store: WaitStore, kept_hours: int, status: int
    ) -> None:
        expires_at = NOW + DAY + KEPT_AFTER_SECONDS + kept_hours * HOUR
        ask(approval_store, expires_at=expires_at)
        assert post("extend", hours=1)["status_code"] == status

    def test_what_another_agent_waits_for_ends_in_time_for_it(
        self, approval_store: WaitStore
    ) -> None:
        before = ask(approval_store, depth=1)
        answer = post("extend", hours=1)
        assert (answer["status_code"], "another agent" in answer["error"]) == (422, True)
        assert stands(approval_store) == before

    def test_what_has_no_end_has_none_to_move(self, approval_store: WaitStore) -> None:
        before = ask(approval_store, decide_by=NOW + WITHOUT_END_SECONDS)
        answer = post("extend", hours=1)
        assert (answer["status_code"], "no end" in answer["error"]) == (422, True)
        assert stands(approval_store) == before

    @pytest.mark.parametrize("changes", [{"decide_by": AT}, {"status": Status.EXPIRED},
                                         {"status": Status.CANCELLED}, {"status": Status.SPENT},
                                         {"status": Status.DENIED}])  # fmt: skip
    def test_what_is_over_or_decided_is_409_and_what_stands(
        self, approval_store: WaitStore, changes: dict[str, Any]
    ) -> None:
        before = ask(approval_store, **changes)
        answer = post("extend", hours=1)
        assert (answer["status_code"], answer["status"]) == (409, before.status)
        assert stands(approval_store) == before

    def test_the_same_again_changes_nothing_where_it_names_the_deadline_that_was_read(
        self, approval_store: WaitStore
    ) -> None:
        before = ask(approval_store)
        first = post("extend", hours=1, decide_by=before.decide_by)
        found = stands(approval_store)
        assert post("extend", hours=1, decide_by=before.decide_by) == first
        assert stands(approval_store) == found
        for by, hours in ((BOB, 1), (ANN, 2)):
            answer = post("extend", by, hours=hours, decide_by=before.decide_by)
            assert (answer["status_code"], answer["decide_by"]) == (409, found.decide_by)
        assert stands(approval_store) == found

    def test_a_question_can_have_more_time_too(self, approval_store: WaitStore) -> None:
        before = ask_question(approval_store)
        assert post("extend", hours=1)["decide_by"] == before.decide_by + HOUR

    @pytest.mark.parametrize("hours", [..., None, 0, -1, 1.5, 1.0, "1", True, MAX_HOURS + 1,
                                       10**30, [1]])  # fmt: skip
    def test_hours_that_are_none_are_400(self, approval_store: WaitStore, hours: Any) -> None:
        before = ask(approval_store)
        answer = post("extend", hours=hours)
        assert (answer["status_code"], answer["error"].split(":")[0]) == (400, "hours")
        assert stands(approval_store) == before

    @pytest.mark.parametrize("read", [-1, 1.5, "1", True, 10**12, []])
    def test_a_deadline_that_is_none_is_400(self, approval_store: WaitStore, read: Any) -> None:
        ask(approval_store)
        answer = post("extend", hours=1, decide_by=read)
        assert (answer["status_code"], answer["error"].split(":")[0]) == (400, "decide_by")


class TestResending:
    def test_the_e_mail_is_due_and_the_planned_reminder_stays(
        self, approval_store: WaitStore
    ) -> None:
        planned = NOW + 12 * HOUR
        before = ask(approval_store, remind_at=planned, due_at=planned)
        answer = post("resend", OPERATOR)
        assert (answer["status_code"], answer["due_at"]) == (200, AT)
        assert answer["asked_again_by"] == "iam:assumed-role/Operators/olga"
        found = stands(approval_store)
        assert (found.remind_at, found.planned_remind_at) == (AT, planned)
        assert (found.decide_by, found.first_decide_by) == (before.decide_by, None)

    def test_while_it_is_due_the_same_again_changes_nothing(
        self, approval_store: WaitStore
    ) -> None:
        ask(approval_store)
        first = post("resend")
        found = stands(approval_store)
        assert post("resend", BOB) == first
        assert stands(approval_store) == found

    @pytest.mark.parametrize("changes", [{"decide_by": AT}, {"status": Status.EXPIRED},
                                         {"status": Status.APPROVED}])  # fmt: skip
    def test_what_is_over_or_decided_is_409_and_what_stands(
        self, approval_store: WaitStore, changes: dict[str, Any]
    ) -> None:
        before = ask(approval_store, **changes)
        answer = post("resend")
        assert (answer["status_code"], answer["status"]) == (409, before.status)
        assert stands(approval_store) == before


@pytest.mark.parametrize("action", ["decide", "extend", "resend"])
class TestEachThatChanges:
    FIELDS: dict[str, dict[str, Any]] = {  # noqa: RUF012
        "decide": {"decision": "approved"}, "extend": {"hours": 1}, "resend": {},
    }  # fmt: skip

    def test_what_is_not_there_is_404(self, approval_store: WaitStore, action: str) -> None:
        ask(approval_store)
        answer = post(action, tool_use_id="other", **self.FIELDS[action])
        assert answer["status_code"] == 404

    def test_a_tool_that_no_person_decides_is_422(
        self, approval_store: WaitStore, action: str
    ) -> None:
        waiting, _ = approval_store.put_if_absent(job())
        answer = post(action, tool_use_id=waiting.tool_use_id, **self.FIELDS[action])
        assert (answer["status_code"], answer["error"].split(":")[0]) == (422, "tool_use_id")
        assert approval_store.get(waiting.session_id, waiting.tool_use_id) == waiting

    @pytest.mark.parametrize("ids", [{"session_id": ...}, {"session_id": "a/b"},
                                     {"tool_use_id": ...}, {"tool_use_id": ["x"]}])  # fmt: skip
    def test_ids_that_are_none_are_400(self, action: str, ids: dict[str, Any]) -> None:
        answer = post(action, **{**self.FIELDS[action], **ids})
        assert (answer["status_code"], answer["error"].split(":")[0]) == (400, next(iter(ids)))

    def test_a_field_that_is_not_known_is_400_and_named(self, action: str) -> None:
        answer = post(action, **{**self.FIELDS[action], "forever": True})
        assert (answer["status_code"], answer["error"].split(":")[0]) == (400, "forever")

    def test_only_json_is_taken_and_nothing_in_the_query(self, action: str) -> None:
        path, body = f"/operator/{action}", json.dumps({**IDS, **self.FIELDS[action]})
        assert send("POST", path, body=body, content_type="text/plain")["status_code"] == 415
        assert send("POST", path, body=body, raw_query="hours=2")["status_code"] == 400

    def test_when_aws_fails_the_same_may_be_sent_again(
        self, approval_store: WaitStore, dynamodb: Recorded, action: str
    ) -> None:
        ask(approval_store)
        for operation in ("get_item", "update_item"):
            dynamodb.failures[operation] = FAULT
            assert post(action, **self.FIELDS[action])["status_code"] == 503
            del dynamodb.failures[operation]
        assert post(action, **self.FIELDS[action])["status_code"] == 200


class TestTheWriteItself:
    """What happens between the read and the write: the condition holds against it."""

    @pytest.fixture
    def found(self, approval_store: WaitStore) -> Wait:
        return ask(approval_store)

    def test_a_decision_in_between_stands(
        self, approval_store: WaitStore, services: Services, found: Wait
    ) -> None:
        post("decide", decision="approved")
        decided = stands(approval_store)
        later = found.decide_by + HOUR
        assert services.deadlines.extend(found, later, by="iam:x", now=AT).outcome == "conflict"
        assert services.deadlines.ask_again(found, by="iam:x", now=AT).outcome == "conflict"
        assert stands(approval_store) == decided

    def test_a_cancellation_in_between_stands(
        self, approval_store: WaitStore, services: Services, found: Wait
    ) -> None:
        post("cancel")
        cancelled = stands(approval_store)
        later = found.decide_by + HOUR
        assert services.deadlines.extend(found, later, by="iam:x", now=AT).outcome == "conflict"
        assert services.deadlines.ask_again(found, by="iam:x", now=AT).outcome == "conflict"
        assert stands(approval_store) == cancelled

    def test_of_two_at_once_the_first_one_counts(
        self, approval_store: WaitStore, services: Services, found: Wait
    ) -> None:
        first = services.deadlines.extend(found, found.decide_by + 5 * HOUR, by="iam:x", now=AT)
        second = services.deadlines.extend(found, found.decide_by + HOUR, by="iam:y", now=AT)
        assert (first.outcome, second.outcome) == ("decided", "conflict")
        assert stands(approval_store).decide_by == found.decide_by + 5 * HOUR

    def test_a_write_whose_answer_was_lost_is_told_as_done(
        self, services: Services, found: Wait
    ) -> None:
        later = found.decide_by + HOUR
        services.deadlines.extend(found, later, by="iam:x", now=AT)
        again = services.deadlines.extend(found, later, by="iam:x", now=AT)
        other = services.deadlines.extend(found, later, by="iam:y", now=AT)
        assert (again.outcome, other.outcome) == ("repeated", "conflict")

    def test_what_is_gone_is_unknown(self, dynamodb: Recorded, approvals_table: str) -> None:
        deadlines, gone = Deadlines(dynamodb, approvals_table), asked(session_id="gone")
        assert deadlines.extend(gone, NOW + 2 * DAY, by="x", now=AT).outcome == "unknown"
        assert deadlines.ask_again(gone, by="x", now=AT).outcome == "unknown"

    def test_its_time_may_be_over_when_the_e_mail_is_to_be_sent(
        self, approval_store: WaitStore, services: Services, found: Wait
    ) -> None:
        late = services.deadlines.ask_again(found, by="x", now=found.decide_by)
        assert late.outcome == "conflict"
        assert stands(approval_store) == found
