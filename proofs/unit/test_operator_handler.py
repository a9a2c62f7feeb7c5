"""The operators' API: what is open, what was decided, and withdrawing what waits."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

import operator_handler
import operator_services
from approval_api_driver import FakeQueue
from core_samples import NOW, SESSION_ID, TOOL_USE_ID, LogLines, Recorded, asked, job, metrics
from longrunning import messages
from longrunning.people.directory import Person
from longrunning.sessions import COMPLETED, WAITING, Session, SessionStore
from longrunning.waits.deadlines import Deadlines
from longrunning.waits.item import Edit, Wait
from longrunning.waits.open_waits import SHARDS, OpenWaits
from longrunning.waits.votes import Votes
from operator_services import Services
from session_facts import SessionFacts
from wait_store import WaitStore

ARN = "arn:aws:sts::123456789012:assumed-role/Operators/ann@example.com"
ANN = {"iam": {"userArn": ARN, "accountId": "123456789012"}}
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/test-post-generator-task-queue"
CANCELLATION = {"session_id": SESSION_ID, "tool_use_id": TOOL_USE_ID, "comment": "Wrong price."}
FAULT = ClientError({"Error": {"Code": "InternalServerError"}}, "x")


def make_services(
    dynamodb: Recorded, approvals: str, sessions: str, queue: FakeQueue, **people: Person
) -> Services:
    """The services of the function over the tests' tables."""
    return Services(
        approvals=WaitStore(dynamodb, approvals),
        open=OpenWaits(dynamodb, approvals),
        sessions=SessionFacts(dynamodb, sessions),
        sqs=queue,
        task_queue_url=QUEUE_URL,
        votes=Votes(dynamodb, approvals),
        deadlines=Deadlines(dynamodb, approvals),
        people=people,
    )


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
    made = make_services(dynamodb, approvals_table, sessions_table, queue)
    monkeypatch.setattr(operator_handler, "services", lambda: made)
    monkeypatch.setattr(operator_handler.time, "time", lambda: NOW + 60.5)
    return made


def send(
    method: str,
    path: str,
    query: dict[str, str] | None = None,
    body: str | None = None,
    *,
    authorizer: dict[str, Any] | None = ANN,
    content_type: str = "application/json",
    raw_query: str = "",
) -> dict[str, Any]:
    event: dict[str, Any] = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": raw_query,
        "headers": {"content-type": content_type},
        "requestContext": {"http": {"method": method, "path": path}, "authorizer": authorizer},
        "isBase64Encoded": False,
    }
    event |= {"queryStringParameters": query} if query else {}
    event |= {"body": body} if body is not None else {}
    response = operator_handler.handler(event, None)
    assert response["headers"]["content-type"] == "application/json"
    assert response["headers"]["cache-control"] == "no-store"
    assert response["headers"]["x-content-type-options"] == "nosniff"
    return {"status_code": response["statusCode"], **json.loads(response["body"])}


def listed(**query: str) -> dict[str, Any]:
    return send("GET", "/operator/approvals", query)


def history(session_id: str = SESSION_ID) -> dict[str, Any]:
    return send("GET", "/operator/history", {"session_id": session_id})


def cancel(**changes: Any) -> dict[str, Any]:
    return send("POST", "/operator/cancel", body=json.dumps({**CANCELLATION, **changes}))


def ask(store: WaitStore, number: int, **changes: Any) -> Wait:
    """Asks for an approval in a session of its own; the sessions spread over the shards."""
    due_at = changes.pop("due_at", NOW + number)
    approval, _ = store.put_if_absent(asked(session_id=f"s-{number}", due_at=due_at, **changes))
    return approval


def claim(store: WaitStore, approval: Wait) -> None:
    lease = {"now": NOW, "lease_until": NOW}
    store.claim(approval.session_id, [approval.tool_use_id], [], [], **lease)


class TestListing:
    def test_nothing_open_is_an_empty_list(self) -> None:
        assert listed() == {"status_code": 200, "approvals": [], "next": None}

    def test_an_entry_says_what_waits_since_when_and_until_when(
        self, approval_store: WaitStore
    ) -> None:
        approval_store.put_if_absent(asked(content="x" * 199 + "🦄" + "y" * 100))
        [entry] = listed()["approvals"]
        assert entry == {
            "session_id": SESSION_ID,
            "tool_use_id": TOOL_USE_ID,
            "agent_name": "post-generator",
            "tool_name": "human_approval",
            "action": "publish_post",
            "status": "PENDING",
            "requested_at": NOW,
            "decide_by": NOW + 86_400,
            "due_at": NOW + 86_400,
            "first_decide_by": None,
            "asked_again_by": None,
            "decision": None,
            "decided_by": None,
            "decided_at": None,
            "via": None,
            "comment": None,
            "requested_by": None,
            "approvers": None,
            "needed": None,
            "votes": None,
            "effect": None,
            "effect_reason": None,
            "edited": False,
            "digest": asked(content="x" * 199 + "🦄" + "y" * 100).asked.digest,
            "preview": "x" * 199 + "🦄",
        }

    def test_a_tool_that_is_no_approval_is_listed_too(self, approval_store: WaitStore) -> None:
        approval_store.put_if_absent(job(due_at=NOW))
        [entry] = listed()["approvals"]
        facts = (entry["tool_name"], entry["action"], entry["digest"], entry["preview"])
        assert facts == ("render_video", "", None, "")

    def test_the_earliest_due_comes_first_whatever_its_shard(
        self, approval_store: WaitStore
    ) -> None:
        for number in range(20):
            ask(approval_store, number, due_at=NOW + number * 7 % 20)
        due = [entry["due_at"] for entry in listed()["approvals"]]
        assert due == list(range(NOW, NOW + 20))

    @pytest.mark.parametrize("limit", [1, 3, 10, 20, 100])
    def test_pages_lead_through_all_of_them_once(
        self, approval_store: WaitStore, limit: int
    ) -> None:
        for number in range(20):
            ask(approval_store, number, due_at=NOW + number // 6)  # Many are due at once.
        found, sizes, query = [], [], {"limit": str(limit)}
        for _ in range(21):
            page = listed(**query)
            sizes.append(len(page["approvals"]))
            found += [(entry["due_at"], entry["session_id"]) for entry in page["approvals"]]
            if page["next"] is None:
                break
            query["next"] = page["next"]
        assert sorted(found) == sorted((NOW + n // 6, f"s-{n}") for n in range(20))
        assert [due for due, _ in found] == sorted(due for due, _ in found)
        assert sizes == [limit] * (20 // limit) + ([20 % limit] if 20 % limit else [])

    def test_a_page_starts_where_the_last_one_ended_though_that_is_claimed_now(
        self, approval_store: WaitStore
    ) -> None:
        asked_for = [ask(approval_store, number) for number in range(8)]
        first = listed(limit="4")
        for approval in asked_for[:4]:
            approval_store.decide(
                approval.session_id, approval.tool_use_id, "denied", decided_by="link", now=NOW
            )
            claim(approval_store, approval)
        second = listed(limit="4", next=first["next"])
        assert [entry["session_id"] for entry in second["approvals"]] == [
            "s-4",
            "s-5",
            "s-6",
            "s-7",
        ]

    def test_a_page_has_fifty_unless_asked(self, approval_store: WaitStore) -> None:
        for number in range(51):
            ask(approval_store, number)
        page = listed()
        assert len(page["approvals"]) == 50
        assert page["next"]

    def test_a_page_reads_no_more_of_the_index_than_it_needs(
        self, approval_store: WaitStore, dynamodb: Recorded
    ) -> None:
        for number in range(30):
            ask(approval_store, number)
        queries: list[dict[str, Any]] = []
        event = "provide-client-params.dynamodb.Query"
        note = lambda params, **_: queries.append(dict(params))  # noqa: E731
        dynamodb.client.meta.events.register(event, note)
        try:
            listed(limit="2")
        finally:
            dynamodb.client.meta.events.unregister(event, note)
        assert [query["Limit"] for query in queries] == [3] * len(SHARDS)
        assert {query["IndexName"] for query in queries} == {"open-approvals"}
        assert dynamodb.operations.count("get_item") == 2
        assert "scan" not in dynamodb.operations

    def test_decided_but_not_yet_resumed_is_still_open(self, approval_store: WaitStore) -> None:
        approval = ask(approval_store, 1)
        ids = (approval.session_id, approval.tool_use_id)
        approval_store.decide(*ids, "approved", decided_by="link", now=NOW, edit=Edit("Mine"))
        [entry] = listed()["approvals"]
        facts = (entry["status"], entry["decided_by"], entry["edited"], entry["preview"])
        assert facts == ("APPROVED", "link", True, "Mine")

    def test_what_a_worker_has_claimed_is_not_open(self, approval_store: WaitStore) -> None:
        approval = ask(approval_store, 1)
        ids = (approval.session_id, approval.tool_use_id)
        approval_store.decide(*ids, "approved", decided_by="link", now=NOW)
        claim(approval_store, approval)
        assert listed()["approvals"] == []

    @pytest.mark.parametrize("stands", [None, asked(due_at=None)])
    def test_an_entry_that_the_index_has_not_dropped_yet_is_left_out(
        self,
        approval_store: WaitStore,
        services: Services,
        monkeypatch: pytest.MonkeyPatch,
        stands: Wait | None,
    ) -> None:
        ask(approval_store, 1)
        monkeypatch.setattr(services.open, "get", lambda *_: stands)
        assert listed()["approvals"] == []

    @pytest.mark.parametrize(
        "limit", ["0", "-1", "101", "1000", "1.5", "", "ten", "1,2", "１", " 1"]
    )
    def test_a_limit_that_is_none_is_400(self, limit: str) -> None:
        assert listed(limit=limit)["status_code"] == 400

    @pytest.mark.parametrize("limit", ["1", "9", "10", "99", "100"])
    def test_a_limit_of_1_to_100_is_taken(self, limit: str) -> None:
        assert listed(limit=limit)["status_code"] == 200

    @pytest.mark.parametrize(
        "places",
        [
            [], None, 7, "x", {"4": [1, "s", "t"]}, {"0": [1, "s"]}, {"0": [1, "s", "t", "u"]},
            {"0": ["1", "s", "t"]}, {"0": [True, "s", "t"]}, {"0": [-1, "s", "t"]},
            {"0": [10**12, "s", "t"]}, {"0": [1.5, "s", "t"]}, {"0": [1, "s/", "t"]},
            {"0": [1, "", "t"]}, {"0": [1, "s", "t.t"]}, {"0": [1, None, "t"]}, {"0": 1},
        ],
    )  # fmt: skip
    def test_a_next_that_no_page_gave_is_400(self, places: Any) -> None:
        token = base64.urlsafe_b64encode(json.dumps(places).encode()).decode().rstrip("=")
        answer = listed(next=token)
        assert (answer["status_code"], answer["error"][:5]) == (400, "next:")

    @pytest.mark.parametrize("token", ["", "!", "ü", "e30=x", "_" * 40, "W1" * 50_000])
    def test_a_next_that_is_no_token_is_400(self, token: str) -> None:
        assert listed(next=token)["status_code"] == 400


class TestHistory:
    def test_all_approvals_of_a_session_come_in_the_order_of_asking(
        self, approval_store: WaitStore
    ) -> None:
        for number, name in enumerate(["z", "a", "m"]):
            approval_store.put_if_absent(asked(tool_use_id=name, requested_at=NOW + number))
        ask(approval_store, 1)
        found = history()["approvals"]
        assert [entry["tool_use_id"] for entry in found] == ["z", "a", "m"]

    def test_it_tells_who_decided_what_and_when_with_the_digest_and_the_comment(
        self, approval_store: WaitStore
    ) -> None:
        approval_store.put_if_absent(asked())
        approval_store.decide(
            SESSION_ID, TOOL_USE_ID, "approved", decided_by="link", now=NOW + 9, comment="ok",
            edit=Edit("Mine"),
        )  # fmt: skip
        [entry] = history()["approvals"]
        wanted = {
            "status": "APPROVED", "decision": "approved", "decided_by": "link",
            "decided_at": NOW + 9, "comment": "ok", "edited": True,
            "digest": replace(asked().asked, content="Mine").digest,
        }  # fmt: skip
        assert {name: entry[name] for name in wanted} == wanted

    @pytest.mark.parametrize(
        ("changes", "effect", "reason"),
        [
            ({"status": "SPENT"}, "done", None),
            ({"status": "APPROVED", "not_done": "end_turn"}, "not_done", "end_turn"),
            (
                {"status": "SPENT", "refused": True, "answer": {"status": "error", "text": "No."}},
                "refused", "No.",
            ),
        ],
    )  # fmt: skip
    def test_it_tells_what_came_of_it(
        self, approval_store: WaitStore, changes: dict[str, Any], effect: str, reason: str
    ) -> None:
        approval_store.put_if_absent(asked(decision="approved", **changes))
        [entry] = history()["approvals"]
        assert (entry["status"], entry["effect"], entry["effect_reason"]) == (
            changes["status"], effect, reason
        )  # fmt: skip

    def test_a_session_that_never_was_is_404(self) -> None:
        assert history("nobody")["status_code"] == 404


class TestHistoryOfASession:
    @pytest.fixture
    def save(self, session_store: SessionStore) -> Callable[..., None]:
        """Saves a session whose conversation holds a secret."""

        def save(**changes: Any) -> None:
            text = {"role": "user", "content": [{"text": "hush-hush"}]}
            session = Session(SESSION_ID, "post-generator", [text], COMPLETED)
            session_store.create(replace(session, **changes))

        return save

    def test_it_tells_how_the_session_ended_and_the_agents_last_words(
        self, approval_store: WaitStore, save: Callable[..., None]
    ) -> None:
        approval_store.put_if_absent(asked())
        save(outcome="failed", reason="max_tokens", last_words="I could not finish this task.")
        assert history()["session"] == {
            "agent_name": "post-generator",
            "status": "completed",
            "outcome": "failed",
            "reason": "max_tokens",
            "last_words": "I could not finish this task.",
        }

    def test_what_a_session_has_not_is_null(
        self, approval_store: WaitStore, save: Callable[..., None]
    ) -> None:
        approval_store.put_if_absent(asked())
        save(status=WAITING)
        assert history()["session"] == {
            "agent_name": "post-generator",
            "status": "waiting",
            "outcome": None,
            "reason": None,
            "last_words": None,
        }

    def test_a_session_that_is_gone_is_null_and_its_approvals_are_there(
        self, approval_store: WaitStore
    ) -> None:
        approval_store.put_if_absent(asked())
        found = history()
        assert (found["status_code"], found["session"]) == (200, None)
        assert len(found["approvals"]) == 1

    def test_a_session_that_ended_without_asking_anybody_is_told_too(
        self, save: Callable[..., None]
    ) -> None:
        save(outcome="failed", reason="end_turn", last_words="'ticket' is a required property")
        found = history()
        assert (found["status_code"], found["approvals"]) == (200, [])
        assert found["session"]["last_words"] == "'ticket' is a required property"

    def test_of_two_agents_sessions_it_is_the_one_that_asked_last(
        self, approval_store: WaitStore, save: Callable[..., None]
    ) -> None:
        for name, at in (("a-agent", NOW), ("z-agent", NOW + 1), ("k-agent", NOW - 1)):
            save(agent_name=name)
            changes = {"tool_use_id": name, "agent_name": name, "requested_at": at}
            approval_store.put_if_absent(asked(**changes))
        assert history()["session"]["agent_name"] == "z-agent"

    def test_no_message_of_the_conversation_is_read(
        self, approval_store: WaitStore, save: Callable[..., None], dynamodb: Recorded
    ) -> None:
        approval_store.put_if_absent(asked())
        save()
        asked_for: list[dict[str, Any]] = []
        event = "provide-client-params.dynamodb.Query"
        note = lambda params, **_: asked_for.append(dict(params))  # noqa: E731
        dynamodb.client.meta.events.register(event, note)
        try:
            assert "hush" not in json.dumps(history())
        finally:
            dynamodb.client.meta.events.unregister(event, note)
        of_session = asked_for[-1]
        names = of_session["ExpressionAttributeNames"]
        projected = {names[part.strip()] for part in of_session["ProjectionExpression"].split(",")}
        assert projected == {"agent_name", "status", "outcome", "reason", "last_words"}
        assert of_session["ConsistentRead"] is True

    @pytest.mark.parametrize(
        "query", [None, {"session_id": ""}, {"session_id": "a/b"}, {"id": "a"}]
    )
    def test_what_is_no_session_id_is_400(self, query: dict[str, str] | None) -> None:
        assert send("GET", "/operator/history", query)["status_code"] == 400


class TestCancelling:
    @pytest.fixture(autouse=True)
    def waiting(self, approval_store: WaitStore) -> None:
        approval_store.put_if_absent(asked())

    def test_it_is_recorded_with_who_when_and_why(self, approval_store: WaitStore) -> None:
        answer = cancel()
        wanted = {
            "status_code": 200,
            "status": "CANCELLED",
            "decided_by": "iam:assumed-role/Operators/ann@example.com",
            "decided_at": NOW + 60,
            "comment": "Wrong price.",
            "decision": None,
        }
        assert {name: answer[name] for name in wanted} == wanted
        stored = approval_store.get(SESSION_ID, TOOL_USE_ID)
        assert stored
        assert (stored.status, stored.decided_by) == ("CANCELLED", wanted["decided_by"])

    def test_the_agent_is_told(self, queue: FakeQueue) -> None:
        cancel()
        [body] = queue.bodies
        message = messages.parse(body)
        assert isinstance(message, messages.ToolResults)
        assert (message.session_id, message.tool_name) == (SESSION_ID, "human_approval")
        assert message.results[0]["toolUseId"] == TOOL_USE_ID
        assert message.results[0]["status"] == "error"

    def test_the_record_comes_before_the_message(
        self, queue: FakeQueue, approval_store: WaitStore
    ) -> None:
        queue.error = EndpointConnectionError(endpoint_url="x")
        answer = cancel()
        assert (answer["status_code"], answer["error"][:12]) == (503, "It is record")
        stored = approval_store.get(SESSION_ID, TOOL_USE_ID)
        assert stored
        assert stored.status == "CANCELLED"
        queue.error = None
        assert cancel()["status_code"] == 200
        assert len(queue.bodies) == 1

    def test_twice_changes_nothing_and_tells_the_agent_again(
        self, queue: FakeQueue, approval_store: WaitStore
    ) -> None:
        first = cancel()
        stored = approval_store.get(SESSION_ID, TOOL_USE_ID)
        second = cancel(comment="Another reason.")
        assert second == first
        assert approval_store.get(SESSION_ID, TOOL_USE_ID) == stored
        assert len(queue.bodies) == 2
        assert queue.bodies[0] == queue.bodies[1]

    @pytest.mark.parametrize(
        ("decision", "status"), [("approved", "APPROVED"), ("denied", "DENIED")]
    )
    def test_what_is_decided_stands_409(
        self, approval_store: WaitStore, queue: FakeQueue, decision: str, status: str
    ) -> None:
        approval_store.decide(SESSION_ID, TOOL_USE_ID, decision, decided_by="link", now=NOW)
        answer = cancel()
        facts = (
            answer["status_code"],
            answer["status"],
            answer["decided_by"],
            answer["decided_at"],
        )
        assert facts == (409, status, "link", NOW)
        assert queue.bodies == []

    def test_a_tool_that_is_no_approval_can_be_cancelled(
        self, approval_store: WaitStore, queue: FakeQueue
    ) -> None:
        waiting, _ = approval_store.put_if_absent(job())
        assert cancel(tool_use_id=waiting.tool_use_id)["status"] == "CANCELLED"
        message = messages.parse(queue.bodies[0])
        assert isinstance(message, messages.ToolResults)
        assert message.tool_name == "render_video"

    def test_a_click_that_comes_later_is_told_that_it_is_over(
        self, approval_store: WaitStore
    ) -> None:
        cancel()
        late = approval_store.decide(
            SESSION_ID, TOOL_USE_ID, "approved", decided_by="link", now=NOW
        )
        assert late.outcome == "expired"

    @pytest.mark.parametrize(
        "ids", [{"session_id": "other"}, {"tool_use_id": "other"}], ids=["session", "tool use"]
    )
    def test_what_does_not_exist_is_404(self, queue: FakeQueue, ids: dict[str, str]) -> None:
        assert cancel(**ids)["status_code"] == 404
        assert queue.bodies == []

    @pytest.mark.parametrize(
        "changes",
        [
            {"session_id": None}, {"session_id": 7}, {"session_id": "a b"}, {"tool_use_id": ""},
            {"tool_use_id": ["x"]}, {"comment": 1}, {"comment": "x" * 4_001}, {"comment": "\0"},
            {"comment": "\ud800"},
        ],
    )  # fmt: skip
    def test_what_cannot_be_taken_is_400(self, queue: FakeQueue, changes: dict[str, Any]) -> None:
        assert cancel(**changes)["status_code"] == 400
        assert queue.bodies == []

    @pytest.mark.parametrize("name", ["reason", "Comment", "decision", "status", "sessionId", ""])
    def test_a_field_that_is_not_known_is_400_and_named(
        self, queue: FakeQueue, approval_store: WaitStore, name: str
    ) -> None:
        answer = cancel(**{name: "x"})
        assert answer["status_code"] == 400
        assert answer["error"].startswith(f"{name or chr(34) * 2}: ")
        assert "session_id, tool_use_id, comment" in answer["error"]
        stored = approval_store.get(SESSION_ID, TOOL_USE_ID)
        assert stored
        assert (stored.status, queue.bodies) == ("PENDING", [])

    @pytest.mark.parametrize("query", ["comment=x", "reason=x", "x"])
    def test_what_stands_in_the_query_is_400_and_named(self, queue: FakeQueue, query: str) -> None:
        answer = send("POST", "/operator/cancel", body=json.dumps(CANCELLATION), raw_query=query)
        assert answer["status_code"] == 400
        assert answer["error"].startswith(query.partition("=")[0] + ": ")
        assert queue.bodies == []

    @pytest.mark.parametrize(
        "body", [None, "", "[]", "{", '{"session_id": "a", "session_id": "b"}']
    )
    def test_a_body_that_is_no_object_is_400(self, body: str | None) -> None:
        assert send("POST", "/operator/cancel", body=body)["status_code"] == 400

    @pytest.mark.parametrize(
        "content_type",
        ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"],
    )
    def test_only_json_is_taken(self, queue: FakeQueue, content_type: str) -> None:
        body = json.dumps(CANCELLATION)
        answer = send("POST", "/operator/cancel", body=body, content_type=content_type)
        assert answer["status_code"] == 415
        assert queue.bodies == []

    def test_an_empty_comment_is_none(self) -> None:
        assert cancel(comment=" \r\n ")["comment"] is None

    def test_only_the_first_time_is_counted(self, capsys: pytest.CaptureFixture[str]) -> None:
        cancel()
        assert metrics(capsys.readouterr().out) == {"ApprovalCancelled": 1}
        cancel()
        assert metrics(capsys.readouterr().out) == {}


ROUTES = [
    ("GET", "/operator/approvals"),
    ("GET", "/operator/approval"),
    ("GET", "/operator/history"),
    ("POST", "/operator/decide"),
    ("POST", "/operator/cancel"),
    ("POST", "/operator/extend"),
    ("POST", "/operator/resend"),
]


class TestCallers:
    @pytest.mark.parametrize(("method", "path"), ROUTES)
    @pytest.mark.parametrize(
        "authorizer",
        [
            None, {}, {"iam": None}, {"iam": {}}, {"iam": {"userArn": ""}}, {"jwt": {}},
            {"jwt": {"claims": {}}}, {"jwt": {"claims": {"email": "ann@example.com"}}},
            {"lambda": {"name": "ann"}},
        ],
    )  # fmt: skip
    def test_nobody_gets_in_without_an_identity(
        self, dynamodb: Recorded, method: str, path: str, authorizer: dict[str, Any] | None
    ) -> None:
        body = json.dumps(CANCELLATION) if method == "POST" else None
        query = {"session_id": SESSION_ID}
        answer = send(method, path, query, body, authorizer=authorizer)
        assert answer["status_code"] == 403
        assert dynamodb.calls == []

    @pytest.mark.parametrize(
        ("authorizer", "name"),
        [
            (ANN, "iam:assumed-role/Operators/ann@example.com"),
            ({"iam": {"userArn": "arn:aws:iam::123456789012:user/ops/ann"}}, "iam:user/ops/ann"),
            ({"iam": {"userArn": "arn:aws:iam::1:user/a:b/ann"}}, "iam:user/a:b/ann"),
            ({"iam": {"userArn": "arn:aws:iam::123456789012:root"}}, "iam:root"),
            (
                {"jwt": {"claims": {"sub": "1-2", "email": "a@b.c", "email_verified": "true"}}},
                "jwt:a@b.c",
            ),
            ({"jwt": {"claims": {"sub": "1-2", "email": "a@b.c", "email_verified": "false"}}},
             "jwt:1-2"),
            ({"jwt": {"claims": {"sub": "1-2", "email": "a@b.c"}}}, "jwt:1-2"),
            ({"jwt": {"claims": {"sub": "link"}}}, "jwt:link"),
            ({"jwt": {"claims": {"sub": "x" * 900}}}, "jwt:" + "x" * 196),
        ],
    )  # fmt: skip
    def test_the_record_names_who_cancelled(
        self, approval_store: WaitStore, authorizer: dict[str, Any], name: str
    ) -> None:
        approval_store.put_if_absent(asked())
        body = json.dumps(CANCELLATION)
        answer = send("POST", "/operator/cancel", body=body, authorizer=authorizer)
        assert (answer["status_code"], answer["decided_by"]) == (200, name)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/operator/approvals"), ("GET", "/operator/cancel"), ("GET", "/operator/decide"),
     ("PUT", "/operator/extend"), ("POST", "/operator/approval"), ("DELETE", "/operator/history"),
     ("GET", "/operator"), ("GET", "/"), ("GET", "/operator/approvals/x")],
)  # fmt: skip
def test_another_route_is_404(method: str, path: str) -> None:
    assert send(method, path)["status_code"] == 404


def test_a_path_before_the_route_may_come_from_a_domain() -> None:
    assert send("GET", "/v1/operator/approvals")["status_code"] == 200


@pytest.mark.parametrize("operation", ["get_paginator", "update_item", "send_message"])
def test_when_aws_fails_the_same_may_be_sent_again(
    dynamodb: Recorded, queue: FakeQueue, approval_store: WaitStore, operation: str
) -> None:
    approval_store.put_if_absent(asked())
    dynamodb.failures[operation] = FAULT
    queue.error = FAULT if operation == "send_message" else None
    answers = [listed(), history()] if operation == "get_paginator" else [cancel()]
    for answer in answers:
        assert answer["status_code"] == 503
        assert "again" in answer["error"]


def test_a_503_says_when_to_come_back(dynamodb: Recorded) -> None:
    dynamodb.failures["get_paginator"] = FAULT
    event = {
        "rawPath": "/operator/approvals",
        "requestContext": {"http": {"method": "GET"}, "authorizer": ANN},
    }
    response = operator_handler.handler(event, None)
    assert response["headers"]["retry-after"] == "5"


def test_nothing_of_a_text_a_comment_or_a_caller_is_logged(
    approval_store: WaitStore, queue: FakeQueue, log_lines: LogLines
) -> None:
    approval_store.put_if_absent(asked(content="hush-hush"))
    listed()
    history()
    cancel(comment="hush-hush")
    cancel(session_id="hush hush")
    queue.error = FAULT
    cancel()
    assert "cancel" in log_lines.messages
    for secret in ("hush", "ann@example.com", "Wrong price"):
        assert secret not in log_lines.text


def test_services_are_made_once_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("APPROVALS_TABLE_NAME", "test-approvals")
    monkeypatch.setenv("SESSIONS_TABLE_NAME", "test-sessions")
    monkeypatch.setenv("TASK_QUEUE_URL", QUEUE_URL)
    operator_services.services.cache_clear()
    try:
        made = operator_services.services()
        assert operator_services.services() is made
        assert made.task_queue_url == QUEUE_URL
    finally:
        operator_services.services.cache_clear()


def test_the_preview_is_of_the_text_that_counts() -> None:
    edited = replace(asked(), edited_content="Mine")
    assert operator_handler.listing.document(edited)["preview"] == "Mine"


def test_the_name_of_an_unknown_field_is_answered_and_not_logged(log_lines: LogLines) -> None:
    assert cancel(**{"hush-hush": 1})["error"].startswith("hush-hush: ")
    assert "refused" in log_lines.messages
    assert "hush" not in log_lines.text
