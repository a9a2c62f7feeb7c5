"""The approval API: GET shows, POST decides, and only a link of ours does either."""

import hashlib
import json
import logging
import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from botocore.exceptions import ClientError
from strands.types.event_loop import StopReason

import approval_handler
import effect_words
from approval_api_driver import (
    CONTENT,
    DAY_SECONDS,
    FORM,
    HTML,
    KEYS,
    NOW,
    FakeApprovals,
    FakeQueue,
    form_event,
    http_event,
    json_event,
    pending,
    token_for,
)
from approval_services import Services
from longrunning import messages
from longrunning.people.links import LinkKeys, make_token
from longrunning.waits.item import Wait
from pocket import Pocket
from wait_store import WaitStore

TOKEN = token_for(pending())
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/test-post-generator-task-queue"
MAX_LAMBDA_ANSWER_BYTES = 6_291_556
SECURITY_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
}
ANSWER_FIELDS = {
    "session_id", "tool_use_id", "status", "decision", "decided_by", "decided_at", "comment",
    "effect", "effect_reason", "via", "approvers", "needed", "votes", "digest",
}  # fmt: skip


@pytest.fixture
def approvals() -> FakeApprovals:
    store = FakeApprovals()
    store.put(pending())
    return store


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A clock: `now.at = …` moves it."""

    class Clock:
        at = NOW

    monkeypatch.setattr(approval_handler.time, "time", lambda: Clock.at + 0.5)
    return Clock


@pytest.fixture(autouse=True)
def services(
    approvals: FakeApprovals, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> Services:
    made = Services(approvals, KEYS, queue, QUEUE_URL, approvals, {})  # type: ignore[arg-type]
    monkeypatch.setattr(approval_handler, "services", lambda: made)
    return made


def send(event: dict[str, Any]) -> dict[str, Any]:
    response = approval_handler.handler(event, None)
    assert len(json.dumps(response)) < MAX_LAMBDA_ANSWER_BYTES
    json.dumps(response, ensure_ascii=False).encode()  # Lambda's runtime answers in UTF-8
    return response


def decide(decision: str, token: str = TOKEN, **more: Any) -> dict[str, Any]:
    return send(json_event(token, {"decision": decision, **more}))


def document(response: dict[str, Any]) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(response["body"])
    return parsed


def sent(queue: FakeQueue) -> list[tuple[str, str, str]]:
    """The messages on the queue as (tool use, tool, status); each must be a valid one."""
    parsed = [messages.parse(body) for body in queue.bodies]
    assert all(isinstance(message, messages.ToolResults) for message in parsed)
    return [
        (message.results[0]["toolUseId"], message.tool_name, message.results[0]["status"])
        for message in parsed
        if isinstance(message, messages.ToolResults)
    ]


class TestLooking:
    def test_the_page_shows_content_who_asks_until_when_and_the_other_arguments(self) -> None:
        page = send(http_event("GET", TOKEN, accept=HTML))["body"]
        assert f'<pre id="content" dir="auto" wrap>\n{CONTENT}</pre>' in page
        assert page.count("<pre") == 1
        assert "post-generator" in page
        assert "Sunday, 15 March 2026, 10:00 UTC" in page
        assert "(24 hours left)" in page
        assert ">unicorn color</th><td>rainbow</td>" in page
        assert ">image url</th><td><em>none</em></td>" in page

    def test_json_shows_the_same(self) -> None:
        response = send(http_event("GET", TOKEN))
        assert response["statusCode"] == 200
        assert document(response) == {
            "session_id": "session-1",
            "tool_use_id": "tooluse_1",
            "status": "PENDING",
            "decision": None,
            "decided_by": None,
            "decided_at": None,
            "via": None,
            "comment": None,
            "approvers": None,
            "needed": None,
            "votes": None,
            "digest": pending().asked.digest,
            "effect": None,
            "effect_reason": None,
            "agent_name": "post-generator",
            "action": "publish_post",
            "content": CONTENT,
            "arguments": {
                "author": "Unicorn Rentals", "unicorn_color": "rainbow", "image_url": None
            },
            "editable": None,
            "answer_schema": None,
            "requested_at": NOW - 3_600,
            "decide_by": NOW + DAY_SECONDS,
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("query", "first"), [("decision=approved", "approved"), ("decision=denied", "denied")]
    )
    def test_the_links_answer_comes_first_and_stands_out(self, query: str, first: str) -> None:
        page = send(http_event("GET", TOKEN, query=query, accept=HTML))["body"]
        buttons = re.findall(r'<button class="(.*?)" name="decision" value="(.*?)"', page)
        assert [value for look, value in buttons if "first" in look] == [first]
        assert buttons[0][1] == first
        assert len(buttons) == 2

    def test_without_an_answer_in_the_link_no_button_stands_out(self) -> None:
        assert 'first" name="decision"' not in send(http_event("GET", TOKEN, accept=HTML))["body"]

    @pytest.mark.parametrize("content", ["\n\nstarts with lines", "ends with a line\n", "\n"])
    def test_no_newline_is_lost_to_html(self, content: str, approvals: FakeApprovals) -> None:
        approvals.put(pending(content=content))
        page = send(http_event("GET", TOKEN, accept=HTML))["body"]
        assert f"wrap>\n{content}</pre>" in page
        assert f'aria-describedby="edit-hint">\n{content}</textarea>' in page

    def test_markup_in_any_field_is_text(self, approvals: FakeApprovals) -> None:
        evil = "</textarea></pre></title></style><script>alert(1)</script><a href=x>&amp;$main"
        approvals.put(
            pending(content=evil, agent_name=evil, action=evil, arguments={evil: evil, "b": [evil]})
        )
        page = send(http_event("GET", TOKEN, accept=HTML))["body"]
        assert "<script" not in page
        assert "<a " not in page
        assert page.count("</style>") == page.count("</title>") == page.count("</pre>") == 1
        assert page.count("&amp;amp;$main") == 10

    def test_what_cannot_be_seen_is_marked(self, approvals: FakeApprovals) -> None:
        approvals.put(pending(content="pay\u202e\u200b me"))
        page = send(http_event("GET", TOKEN, accept=HTML))["body"]
        assert "pay<mark>[U+202E][U+200B]</mark> me</pre>" in page
        assert "stand for characters that cannot be seen" in page

    @pytest.mark.parametrize("accept", [HTML, "*/*"])
    @pytest.mark.parametrize("length", [175_000, 262_144])
    @pytest.mark.parametrize("character", ["\0", '"', "&", "\n"])
    def test_the_longest_content_fits_an_answer_of_lambda(
        self, accept: str, length: int, character: str, approvals: FakeApprovals
    ) -> None:
        approvals.put(pending(content=character * length))
        assert send(http_event("GET", TOKEN, accept=accept))["statusCode"] == 200

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    @pytest.mark.parametrize("query", ["decision=approved", "decision=denied"])
    @pytest.mark.parametrize("accept", [HTML, "*/*"])
    def test_get_head_and_options_change_nothing(
        self, method: str, query: str, accept: str, approvals: FakeApprovals, queue: FakeQueue
    ) -> None:
        for _ in range(100):
            event = http_event(method, TOKEN, query=query, accept=accept)
            assert send({**event, "body": "decision=approved"})["statusCode"] in (200, 204)
        assert set(approvals.calls) <= {"get"}
        assert approvals.items == {("session-1", "tooluse_1"): pending()}
        assert queue.bodies == []

    @pytest.mark.parametrize("accept", [HTML, "*/*"])
    @pytest.mark.parametrize("token", [TOKEN, "unknown"])
    def test_head_answers_as_get_without_the_body(self, accept: str, token: str) -> None:
        got = send(http_event("GET", token, accept=accept))
        assert send(http_event("HEAD", token, accept=accept)) == {**got, "body": ""}

    def test_options_names_the_methods_and_nothing_of_the_link(self) -> None:
        good, bad = send(http_event("OPTIONS", TOKEN)), send(http_event("OPTIONS", "x"))
        assert good == bad
        assert good["statusCode"] == 204
        assert good["headers"]["allow"] == "GET, HEAD, POST, OPTIONS"
        assert not [name for name in good["headers"] if name.startswith("access-control")]

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
    def test_other_methods_are_405(self, method: str) -> None:
        response = send(http_event(method, TOKEN, query="decision=approved"))
        assert response["statusCode"] == 405
        assert response["headers"]["allow"] == "GET, HEAD, POST, OPTIONS"


class TestDeciding:
    @pytest.mark.parametrize(
        ("decision", "status"), [("approved", "APPROVED"), ("denied", "DENIED")]
    )
    def test_the_first_decision_is_recorded_and_answered(
        self, decision: str, status: str, approvals: FakeApprovals
    ) -> None:
        response = decide(decision, comment=" go\r\non ")
        assert response["statusCode"] == 200
        assert document(response) == {
            "session_id": "session-1",
            "tool_use_id": "tooluse_1",
            "status": status,
            "decision": decision,
            "decided_by": "link",
            "decided_at": NOW,
            "via": None,
            "comment": "go\non",
            "approvers": None,
            "needed": None,
            "votes": None,
            "digest": pending().asked.digest,
            "effect": None,
            "effect_reason": None,
        }
        assert approvals.items["session-1", "tooluse_1"].status == status

    @pytest.mark.parametrize(("decision", "status"), [("approved", "success"), ("denied", "error")])
    @pytest.mark.parametrize("tool_name", ["human_approval", "publish_post"])
    def test_then_the_agent_is_told(
        self, decision: str, status: str, tool_name: str, approvals: FakeApprovals, queue: FakeQueue
    ) -> None:
        approvals.put(pending(tool_name=tool_name))
        decide(decision, comment="not in the message")
        assert sent(queue) == [("tooluse_1", tool_name, status)]
        assert "not in the message" not in queue.bodies[0]

    def test_a_plain_decision_takes_one_call_and_one_message(
        self, approvals: FakeApprovals, queue: FakeQueue
    ) -> None:
        send(form_event(TOKEN, {"decision": "approved"}))
        assert approvals.calls == ["decide"]
        assert len(queue.bodies) == 1

    def test_curl_can_post_the_link_as_it_is(self, approvals: FakeApprovals) -> None:
        assert send(http_event("POST", TOKEN, query="decision=denied"))["statusCode"] == 200
        assert approvals.items["session-1", "tooluse_1"].decision == "denied"

    def test_the_same_again_is_200_and_tells_the_agent_again(self, queue: FakeQueue) -> None:
        first = decide("approved", comment="one")
        again = decide("approved", comment="two")
        assert again["statusCode"] == 200
        assert document(again) == document(first)
        assert len(sent(queue)) == 2

    def test_the_same_again_is_200_after_the_effect_too(
        self, approvals: FakeApprovals, queue: FakeQueue
    ) -> None:
        approvals.put(pending(status="SPENT", decision="approved", decided_by="link", decided_at=9))
        response = decide("approved")
        assert response["statusCode"] == 200
        assert document(response)["status"] == "APPROVED"
        assert sent(queue) == [("tooluse_1", "human_approval", "success")]

    @pytest.mark.parametrize(("first", "second"), [("approved", "denied"), ("denied", "approved")])
    @pytest.mark.parametrize("accept", [HTML, "*/*"])
    def test_the_opposite_is_409_and_says_what_was_decided(
        self, first: str, second: str, accept: str, queue: FakeQueue
    ) -> None:
        decided = decide(first, comment="mine")
        response = send(json_event(TOKEN, {"decision": second}, accept=accept))
        assert response["statusCode"] == 409
        if accept == HTML:
            assert "the first decision stands" in response["body"]
            assert "<button" not in response["body"]
        else:
            assert document(response) == document(decided)
        assert len(queue.bodies) == 1

    def test_a_failed_send_is_503_and_the_repeat_sends(
        self, approvals: FakeApprovals, queue: FakeQueue
    ) -> None:
        queue.error = ClientError({"Error": {"Code": "Throttling"}}, "SendMessage")
        failed = decide("approved")
        assert failed["statusCode"] == 503
        assert "recorded" in document(failed)["error"]
        assert approvals.items["session-1", "tooluse_1"].status == "APPROVED"
        queue.error = None
        assert decide("approved")["statusCode"] == 200
        assert sent(queue) == [("tooluse_1", "human_approval", "success")]

    def test_the_page_after_a_failed_send_has_a_button_that_sends_again(
        self, queue: FakeQueue
    ) -> None:
        queue.error = ClientError({"Error": {"Code": "Throttling"}}, "SendMessage")
        page = send(form_event(TOKEN, {"decision": "denied"}, accept=HTML))["body"]
        assert re.findall(r'name="decision" value="(.*?)"', page) == ["denied"]

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_a_failed_read_or_write_is_503(
        self, method: str, approvals: FakeApprovals, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem")

        monkeypatch.setattr(approvals, "get", fail)
        monkeypatch.setattr(approvals, "decide", fail)
        response = send(http_event(method, TOKEN, query="decision=approved"))
        assert response["statusCode"] == 503
        assert response["headers"]["retry-after"]
        page = send(http_event(method, TOKEN, query="decision=approved", accept=HTML))
        assert page["statusCode"] == 503
        assert "<button" not in page["body"]  # it would send less than was sent before
        assert set(document(response)) == {"error"}

    @pytest.mark.parametrize("accept", [HTML, "*/*"])
    @pytest.mark.parametrize(
        ("status", "event"),
        [
            (400, http_event("POST", TOKEN)),
            (400, http_event("POST", TOKEN, query="decision=maybe")),
            (400, http_event("POST", TOKEN, body="{", content_type="application/json")),
            (400, form_event(TOKEN, {"decision": "denied", "comment": "x" * 4_001})),
            (400, json_event(TOKEN, {"decision": "denied", "comment": "\ud800"})),
            (400, json_event(TOKEN, {"decision": "denied", "comment": 1})),
            (400, json_event(TOKEN, {"decision": "approved", "content": "a\0"})),
            (413, json_event(TOKEN, {"decision": "approved", "content": "ü" * 175_000})),
            (415, http_event("POST", TOKEN, body="approved", content_type="text/plain")),
            (400, json_event(TOKEN, {"decision": "approved", "amount": 25})),
            (400, json_event(TOKEN, {"decision": "approved", "arguments": {"amount": 25}})),
            (400, form_event(TOKEN, {"decision": "approved", "amount": "25"})),
            (400, http_event("POST", TOKEN, query="decision=approved&amount=25")),
            (400, json_event(TOKEN, {"decision": "denied", "content": "Mine"})),
            (422, form_event(TOKEN, {"decision": "approved", "content": ""})),
            (422, json_event(TOKEN, {"decision": "approved", "content": "x" * 100_001})),
        ],
    )
    def test_what_cannot_be_taken_is_refused_and_changes_nothing(
        self, accept: str, status: int, event: Any, approvals: FakeApprovals, queue: FakeQueue
    ) -> None:
        response = send({**event, "headers": {**event["headers"], "accept": accept}})
        assert response["statusCode"] == status
        assert accept == HTML or set(document(response)) == {"error"}
        assert approvals.items == {("session-1", "tooluse_1"): pending()}
        assert queue.bodies == []


class TestEditing:
    def test_an_edit_goes_with_the_approval(self, approvals: FakeApprovals) -> None:
        response = send(form_event(TOKEN, {"decision": "approved", "content": "My\r\ntext"}))
        assert response["statusCode"] == 200
        assert approvals.items["session-1", "tooluse_1"].in_force.content == "My\ntext"

    def test_an_untouched_text_is_no_edit(self, approvals: FakeApprovals) -> None:
        as_browsers_send = CONTENT.replace("\n", "\r\n")
        send(form_event(TOKEN, {"decision": "approved", "content": as_browsers_send}))
        assert approvals.items["session-1", "tooluse_1"].edited_content is None

    def test_a_denial_on_the_page_leaves_the_edit_out(self, approvals: FakeApprovals) -> None:
        response = send(form_event(TOKEN, {"decision": "denied", "content": ""}, accept=HTML))
        approval = approvals.items["session-1", "tooluse_1"]
        assert response["statusCode"] == 200
        assert (approval.decision, approval.edited_content) == ("denied", None)

    @pytest.mark.parametrize(
        "event",
        [
            form_event(TOKEN, {"decision": "denied", "content": "Mine"}),
            json_event(TOKEN, {"decision": "denied", "content": "Mine"}),
            json_event(TOKEN, {"decision": "denied", "content": "Mine"}, accept=HTML),
            json_event(TOKEN, {"decision": "denied", "content": ""}),
        ],
        ids=["form", "JSON", "JSON for a person", "empty"],
    )
    def test_a_program_that_denies_and_edits_is_refused(
        self, event: Any, approvals: FakeApprovals, queue: FakeQueue
    ) -> None:
        response = send(event)
        assert response["statusCode"] == 400
        assert "content: " in response["body"]
        assert approvals.items == {("session-1", "tooluse_1"): pending()}
        assert queue.bodies == []

    def test_a_program_may_deny_with_the_text_as_it_was(self, approvals: FakeApprovals) -> None:
        assert decide("denied", content=CONTENT)["statusCode"] == 200
        approval = approvals.items["session-1", "tooluse_1"]
        assert (approval.decision, approval.edited_content) == ("denied", None)

    @pytest.mark.parametrize("kind", ["number", "integer", "boolean", "array", "object", "null"])
    def test_a_content_that_is_no_text_cannot_be_edited(
        self, kind: str, approvals: FakeApprovals, queue: FakeQueue
    ) -> None:
        """Asked for by a tool of before such were refused."""
        approvals.put(pending(content="70.0", content_schema={"type": kind}))
        response = decide("approved", content="25")
        assert response["statusCode"] == 422
        assert document(response)["error"].startswith("content: ")
        assert approvals.items["session-1", "tooluse_1"].status == "PENDING"
        assert queue.bodies == []
        assert 'name="content"' not in send(http_event("GET", TOKEN, accept=HTML))["body"]
        assert decide("approved", content="70.0")["statusCode"] == 200

    def test_the_same_edit_again_is_200(self, queue: FakeQueue) -> None:
        assert decide("approved", content="mine")["statusCode"] == 200
        assert decide("approved", content="mine")["statusCode"] == 200
        assert decide("approved")["statusCode"] == 200
        assert len(queue.bodies) == 3

    def test_another_edit_is_409(self, queue: FakeQueue) -> None:
        decide("approved", content="mine")
        assert decide("approved", content="yours")["statusCode"] == 409
        assert len(queue.bodies) == 1

    def test_the_untouched_text_after_an_edit_is_409(self, queue: FakeQueue) -> None:
        decide("approved", content="mine")
        assert decide("approved", content=CONTENT)["statusCode"] == 409
        assert len(queue.bodies) == 1

    def test_the_page_comes_back_with_what_was_typed(self) -> None:
        fields = {"decision": "approved", "comment": "because <b>", "content": "y" * 100_001}
        response = send(form_event(TOKEN, fields, accept=HTML))
        page = response["body"]
        assert response["statusCode"] == 422
        assert 'role="alert">content: expected at most 100000 characters' in page
        assert "\nbecause &lt;b&gt;</textarea>" in page
        assert f"\n{'y' * 100_001}</textarea>" in page
        assert "<details open>" in page
        assert f"wrap>\n{CONTENT}</pre>" in page

    def test_a_text_too_long_to_be_edited_has_no_editor(self, approvals: FakeApprovals) -> None:
        approvals.put(pending(content="x" * 200_000))
        page = send(http_event("GET", TOKEN, accept=HTML))["body"]
        assert 'name="content"' not in page
        assert "too long to be edited" in page

    def test_the_answer_shows_the_text_in_force(self) -> None:
        fields = {"decision": "approved", "content": "mine & yours"}
        page = send(form_event(TOKEN, fields, accept=HTML))["body"]
        assert "wrap>\nmine &amp; yours</pre>" in page
        assert f"removed: </span>{CONTENT}</del>" in page, "and beside it what was changed"
        assert page.count(CONTENT) == 1


class TestDecidedAlready:
    @pytest.mark.parametrize(
        ("status", "decision"),
        [("APPROVED", "approved"), ("SPENT", "approved"), ("DENIED", "denied")],
    )
    def test_the_page_says_what_was_decided_by_whom_and_when(
        self, status: str, decision: str, approvals: FakeApprovals
    ) -> None:
        approvals.put(
            pending(
                status=status,
                decision=decision,
                decided_by="link",
                decided_at=NOW - 60,
                comment="nice <3",
            )
        )
        response = send(http_event("GET", TOKEN, query="decision=denied", accept=HTML))
        page = response["body"]
        assert response["statusCode"] == 200
        assert decision.capitalize() in page
        assert "Somebody with the link" in page
        assert "Saturday, 14 March 2026, 09:59 UTC" in page
        assert "nice &lt;3" in page
        assert "<form" not in page
        assert "<button" not in page
        assert document(send(http_event("GET", TOKEN))).keys() == ANSWER_FIELDS

    @pytest.mark.parametrize(
        ("decision", "next_words"),
        [("approved", "goes on now and runs"), ("denied", "may come back with another text")],
    )
    def test_the_answer_page_says_what_happens_next(self, decision: str, next_words: str) -> None:
        page = send(form_event(TOKEN, {"decision": decision}, accept=HTML))["body"]
        assert "Thank you." in page
        assert next_words in page
        assert "<button" not in page

    @pytest.mark.parametrize("content", [CONTENT, "Mine"])
    def test_a_denial_after_an_edit_is_told_what_stands(
        self, content: str, approvals: FakeApprovals
    ) -> None:
        decide("approved", content="Mine")
        response = send(form_event(TOKEN, {"decision": "denied", "content": content}, accept=HTML))
        assert response["statusCode"] == 409
        assert decide("denied", content=CONTENT)["statusCode"] == 409
        stored = approvals.items["session-1", "tooluse_1"]
        assert (stored.decision, stored.in_force.content) == ("approved", "Mine")

    def test_an_operators_decision_names_the_operator(self, approvals: FakeApprovals) -> None:
        approvals.put(
            pending(status="DENIED", decision="denied", decided_by="ops@example", decided_at=NOW)
        )
        assert "ops@example" in send(http_event("GET", TOKEN, accept=HTML))["body"]


YES = {"status": "success", "text": "Published as post 1."}
NO = {"status": "error", "text": "Order <17> is\u200b closed."}


class TestWhatBecameOfIt:
    """An approval whose call is made, is refused or never comes is no longer "goes on now"."""

    def look(self, approvals: FakeApprovals, **changes: Any) -> tuple[str, dict[str, Any]]:
        """The page and the JSON of an approved approval."""
        approved = {"status": "APPROVED", "decision": "approved", "decided_by": "link"}
        approvals.put(pending(**approved | {"decided_at": NOW} | changes))
        page = send(http_event("GET", TOKEN, accept=HTML))
        assert page["statusCode"] == 200
        assert "<button" not in page["body"]
        return page["body"], document(send(http_event("GET", TOKEN)))

    def test_one_that_goes_on_says_so(self, approvals: FakeApprovals) -> None:
        page, found = self.look(approvals)
        assert "</span> Approved</span></h1>" in page
        assert "goes on now and runs <code>publish_post</code>" in page
        assert (found["effect"], found["effect_reason"]) == (None, None)

    def test_one_whose_call_was_made_says_so(self, approvals: FakeApprovals) -> None:
        page, found = self.look(approvals, status="SPENT")
        assert "was given exactly this text" in page
        assert "</span> Approved</span></h1>" in page  # Its receiver may not have answered yet.
        assert "goes on now" not in page
        assert (found["effect"], found["effect_reason"]) == ("done", None)

    def test_one_whose_receiver_has_answered_is_done(self, approvals: FakeApprovals) -> None:
        page, found = self.look(approvals, status="SPENT", answer=YES)
        assert "</span> Approved and done</span></h1>" in page
        assert "<title>Approved and done</title>" in page
        assert "Published as post 1." not in page  # The agent's to read.
        assert (found["effect"], found["effect_reason"]) == ("done", None)

    def test_one_that_its_receiver_refused_says_so_and_why(self, approvals: FakeApprovals) -> None:
        page, found = self.look(approvals, status="SPENT", refused=True, answer=NO)
        assert "</span> Approved, not done</span></h1>" in page
        assert "Approved, not done: the receiver refused it." in page
        assert "Order &lt;17&gt; is<mark>[U+200B]</mark> closed." in page
        assert "goes on now" not in page
        assert (found["effect"], found["effect_reason"]) == ("refused", NO["text"])
        assert found["status"] == "APPROVED"

    def test_one_that_was_refused_without_a_word_says_no_more(
        self, approvals: FakeApprovals
    ) -> None:
        page, found = self.look(approvals, status="SPENT", refused=True)
        assert "Approved, not done: the receiver refused it." in page
        assert "<q>" not in page
        assert (found["effect"], found["effect_reason"]) == ("refused", None)

    @pytest.mark.parametrize(
        ("reason", "words"),
        [
            ("end_turn", "the agent came to its end without making the call"),
            ("stop_sequence", "the agent came to its end without making the call"),
            ("tool_use", "the agent came to its end without making the call"),
            ("max_tokens", "an answer of the model was longer than it may be"),
            ("guardrail_intervened", "a guardrail stopped the model"),
            ("content_filtered", "the model&#x27;s provider withheld its answer"),
            ("limit_turns", "the agent had used up its turns"),
            ("limit_total_tokens", "the agent had used up its tokens"),
            ("cancelled", "the agent was stopped"),
            ("interrupt", "the agent stopped for something else"),
            ("model_context_window_exceeded", "the conversation was too long for the model"),
            ("", "the agent&#x27;s session ended"),
            ("<b>\u202eodd", "the agent&#x27;s session ended (&lt;b&gt;<mark>[U+202E]</mark>odd)"),
        ],
    )
    def test_one_that_was_never_made_says_so_and_why(
        self, reason: str, words: str, approvals: FakeApprovals
    ) -> None:
        page, found = self.look(approvals, not_done=reason)
        assert "</span> Approved, not done</span></h1>" in page
        assert f"Approved, not done: {words}." in page
        assert "goes on now" not in page
        assert (found["effect"], found["effect_reason"]) == ("not_done", reason)

    def test_every_stop_reason_of_strands_has_words_of_its_own(self) -> None:
        ours_and_strands = {*get_args(StopReason)} - {"checkpoint"}
        assert ours_and_strands <= effect_words.WHY_NOT_DONE.keys()

    @pytest.mark.parametrize("fate", [{"not_done": "end_turn"}, {"status": "SPENT", "answer": NO}])
    def test_a_second_click_is_told_what_became_of_it(
        self, fate: dict[str, Any], approvals: FakeApprovals
    ) -> None:
        self.look(approvals, **fate)
        page = send(form_event(TOKEN, {"decision": "approved"}, accept=HTML))["body"]
        assert "Approved, not done: " in page
        late = send(form_event(TOKEN, {"decision": "denied"}, accept=HTML))
        assert late["statusCode"] == 409
        assert "the first decision stands" in late["body"]
        assert "Approved, not done: " in late["body"]


class TestClosed:
    """What ended without a decision has a page that says how, and what it was about."""

    def look(self, approvals: FakeApprovals, **changes: Any) -> tuple[str, dict[str, Any]]:
        approvals.put(pending(**changes))
        pages = [send(http_event("GET", TOKEN, accept=HTML))]
        pages += [send(form_event(TOKEN, {"decision": "approved"}, accept=HTML))]
        assert [page["statusCode"] for page in pages] == [410, 410]
        assert pages[0]["body"] == pages[1]["body"]
        assert "<button" not in pages[0]["body"]
        answers = [send(http_event("GET", TOKEN)), decide("approved")]
        assert answers[0] == answers[1]
        return pages[0]["body"], document(answers[0])

    def test_a_cancelled_one_is_withdrawn_by_whom_when_and_why(
        self, approvals: FakeApprovals
    ) -> None:
        page, found = self.look(
            approvals, status="CANCELLED", decided_by="iam:user/ann<b>", decided_at=NOW,
            comment="The sale is off <3",
        )  # fmt: skip
        assert "<h1>Withdrawn</h1>" in page
        assert "Too late" not in page
        assert "post-generator" in page
        assert "<code>publish_post</code>" in page
        for words in ("iam:user/ann&lt;b&gt;", "Saturday, 14 March 2026, 10:00 UTC", "off &lt;3"):
            assert words in page
        assert CONTENT not in page
        assert found == {
            "error": "This request was cancelled: there is nothing to decide any more.",
            "session_id": "session-1",
            "tool_use_id": "tooluse_1",
            "status": "CANCELLED",
            "decided_by": "iam:user/ann<b>",
            "decided_at": NOW,
            "comment": "The sale is off <3",
            "agent_name": "post-generator",
            "action": "publish_post",
        }

    def test_one_that_its_session_no_longer_waits_for_says_so(
        self, approvals: FakeApprovals
    ) -> None:
        changes = {"status": "CANCELLED", "decided_by": "sweeper", "decided_at": NOW}
        page, _ = self.look(approvals, **changes)
        assert "<h1>Withdrawn</h1>" in page
        assert "no longer waits" in page
        assert "sweeper" not in page

    @pytest.mark.parametrize(
        "changes",
        [{"status": "EXPIRED", "decided_by": "sweeper", "decided_at": NOW}, {"decide_by": NOW}],
        ids=["swept", "not yet swept"],
    )
    def test_an_expired_one_is_too_late_and_says_what_it_was_about(
        self, changes: dict[str, Any], approvals: FakeApprovals
    ) -> None:
        page, found = self.look(approvals, **changes)
        assert "<h1>Too late</h1>" in page
        assert "post-generator" in page
        assert "<code>publish_post</code>" in page
        assert "sweeper" not in page
        assert found["status"] == "EXPIRED"
        assert found["error"] == "Nobody decided in time, so this is closed."

    def test_what_is_closed_is_counted_and_its_comment_is_not_logged(
        self, approvals: FakeApprovals, capsys: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:  # fmt: skip
        caplog.set_level("DEBUG")
        changes = {"decided_by": "iam:hush", "decided_at": NOW, "comment": "hush"}
        approvals.put(pending(status="CANCELLED", **changes))
        send(http_event("GET", TOKEN))
        out = capsys.readouterr().out
        assert json.loads(out)["RequestRejected"] == 1
        assert "hush" not in out + caplog.text + repr([vars(r) for r in caplog.records])


class TestLinksThatOpenNothing:
    """Unknown, tampered and foreign links cannot be told apart."""

    def refused(self, token: str, method: str = "GET", accept: str = "*/*") -> dict[str, Any]:
        return send(http_event(method, token, query="decision=approved", accept=accept))

    @pytest.mark.parametrize("accept", [HTML, "*/*"])
    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
    def test_all_of_them_are_404_with_one_constant_answer(
        self, accept: str, method: str, approvals: FakeApprovals, queue: FakeQueue
    ) -> None:
        other_key = LinkKeys.parse(json.dumps({"current": "k1", "k1": "other" * 16}))
        expiry = NOW + DAY_SECONDS
        approvals.put(pending(session_id="no-approval", call=None, tool_name="batch_job"))
        tokens = [
            "",
            "x",
            TOKEN[:-1],
            TOKEN + "a",
            make_token(KEYS, "session-1", "tooluse_unknown", expiry),
            make_token(KEYS, "session-unknown", "tooluse_1", expiry),
            make_token(KEYS, "no-approval", "tooluse_1", expiry),
            make_token(other_key, "session-1", "tooluse_1", expiry),
            make_token(other_key, "session-1", "tooluse_1", 1),
        ]
        answers = [self.refused(token, method, accept) for token in tokens]
        assert answers[0]["statusCode"] == 404
        assert all(answer == answers[0] for answer in answers)
        assert queue.bodies == []

    def test_every_flipped_bit_of_a_token_is_404(self, approvals: FakeApprovals) -> None:
        for position in range(len(TOKEN)):
            for bit in range(7):
                flipped = chr(ord(TOKEN[position]) ^ 1 << bit)
                tampered = TOKEN[:position] + flipped + TOKEN[position + 1 :]
                assert self.refused(tampered, "POST")["statusCode"] == 404
        assert approvals.calls == []

    def test_a_broken_request_with_a_broken_link_is_404_too(self) -> None:
        assert send(http_event("POST", "x", body="?", content_type="a/b"))["statusCode"] == 404

    def test_a_link_signed_before_a_rotation_still_decides(
        self, approvals: FakeApprovals, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rotated = LinkKeys("k2", {**KEYS.by_id, "k2": b"new" * 16})
        services = Services(approvals, rotated, queue, QUEUE_URL, approvals, {})  # type: ignore[arg-type]
        monkeypatch.setattr(approval_handler, "services", lambda: services)
        assert decide("approved")["statusCode"] == 200
        assert decide("approved", token_for(pending(), rotated))["statusCode"] == 200
        gone = Services(
            approvals, LinkKeys("k2", {"k2": b"new" * 16}), queue, QUEUE_URL, approvals, {}
        )  # type: ignore[arg-type]
        monkeypatch.setattr(approval_handler, "services", lambda: gone)
        assert decide("approved")["statusCode"] == 404

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize(("late_seconds", "status"), [(-1, 200), (0, 410), (1, 410)])
    def test_a_link_ends_with_its_second(
        self, method: str, late_seconds: int, status: int, now: Any, approvals: FakeApprovals
    ) -> None:
        now.at = NOW + DAY_SECONDS + late_seconds
        assert self.refused(TOKEN, method)["statusCode"] == status

    def test_an_expired_link_decides_nothing(
        self, now: Any, approvals: FakeApprovals, queue: FakeQueue
    ) -> None:
        now.at = NOW + DAY_SECONDS
        response = self.refused(TOKEN, "POST")
        assert "expired" in document(response)["error"]
        assert approvals.items == {("session-1", "tooluse_1"): pending()}
        assert queue.bodies == []

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"status": "EXPIRED"}, "Nobody decided in time"),
            ({"status": "CANCELLED"}, "was cancelled"),
            ({"decide_by": NOW}, "Nobody decided in time"),
        ],
    )
    def test_a_closed_approval_is_410_and_says_why(
        self, method: str, changes: Any, words: str, approvals: FakeApprovals, queue: FakeQueue
    ) -> None:
        approvals.put(pending(**changes))
        response = self.refused(TOKEN, method, HTML)
        assert response["statusCode"] == 410
        assert words in response["body"]
        assert "<button" not in response["body"]
        assert queue.bodies == []


class TestHeaders:
    @pytest.mark.parametrize("accept", [HTML, "*/*"])
    @pytest.mark.parametrize(
        "event",
        [
            http_event("GET", TOKEN),
            http_event("HEAD", TOKEN),
            http_event("OPTIONS", TOKEN),
            http_event("PUT", TOKEN),
            http_event("GET", "unknown"),
            http_event("POST", TOKEN),
            http_event("POST", TOKEN, query="decision=approved"),
        ],
    )
    def test_every_answer_is_private_and_forbids_all_but_its_form(
        self, accept: str, event: Any
    ) -> None:
        headers = send({**event, "headers": {"accept": accept}})["headers"]
        assert headers.items() >= SECURITY_HEADERS.items()
        policy = headers["content-security-policy"]
        for directive in ("default-src 'none'", "form-action 'self'", "frame-ancestors 'none'",
                          "base-uri 'none'"):  # fmt: skip
            assert directive in policy.split("; ")
        assert "unsafe" not in policy
        assert "script" not in policy

    def test_the_policy_allows_the_pages_own_style(self) -> None:
        response = send(http_event("GET", TOKEN, accept=HTML))
        style = re.findall("<style>(.*?)</style>", response["body"], re.DOTALL)
        digest = b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in response["headers"]["content-security-policy"]
        assert len(style) == 1

    def test_the_type_of_the_answer_is_named(self) -> None:
        page, data = (send(http_event("GET", TOKEN, accept=accept)) for accept in (HTML, "*/*"))
        assert page["headers"]["content-type"] == "text/html; charset=utf-8"
        assert data["headers"]["content-type"] == "application/json"


class TestWhatIsWritten:
    """Metrics count what happened; no line holds a token, a path or a text."""

    def lines(self, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    @pytest.mark.parametrize(
        ("decision", "name"), [("approved", "ApprovalApproved"), ("denied", "ApprovalDenied")]
    )
    def test_a_decision_is_counted_once_with_its_time(
        self, decision: str, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        decide(decision)
        decide(decision)
        metrics = [line for line in self.lines(capsys) if "_aws" in line]
        assert [line.get(name) for line in metrics] == [1, None]
        assert metrics[1]["TimeToDecision"] == 3_600

    def test_a_refusal_is_counted_with_its_status(self, capsys: pytest.CaptureFixture[str]) -> None:
        send(http_event("GET", "x"))
        send(form_event(TOKEN, {"decision": "approved", "content": ""}, accept=HTML))
        metrics = [line for line in self.lines(capsys) if "_aws" in line]
        counted = [(line["RequestRejected"], line["status"]) for line in metrics]
        assert counted == [(1, "404"), (1, "422")]

    def test_no_log_line_holds_a_token_or_a_text(
        self,
        queue: FakeQueue,
        caplog: pytest.LogCaptureFixture,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # Another test's handler may have configured it for Lambda.
        monkeypatch.setattr(logging.getLogger("longrunning"), "propagate", True)
        caplog.set_level("DEBUG")
        token = token_for(pending())
        fields = {"decision": "approved", "comment": "hush-comment", "content": "hush-content"}
        send(http_event("GET", token, accept=HTML))
        send(form_event(token, {**fields, "content": "hush\0"}, accept=HTML))
        send(form_event(token + "x", fields))
        send(http_event("POST", token, body="hush", content_type=FORM))
        send(json_event(token, {**fields, "hush": 1}))
        send(json_event(token, {**fields, "decision": "denied"}))
        send(http_event("POST", token, query="hush=1"))
        queue.error = ClientError({"Error": {"Code": "Throttling"}}, "SendMessage")
        send(form_event(token, fields))
        written = caplog.text + repr([vars(record) for record in caplog.records])
        written += capsys.readouterr().out
        assert "decide" in written
        for secret in (token, token.partition(".")[0], "hush", "Rainbow Dash", "/approvals/"):
            assert secret not in written


class TestOnAws:
    """The handler as Lambda starts it: environment, clients, table and queue."""

    @pytest.fixture(autouse=True)
    def services(
        self,
        monkeypatch: pytest.MonkeyPatch,
        pocket: Pocket,
        aws_clients: dict[str, Any],
        tables: dict[str, dict[str, Any]],
    ) -> Iterator[None]:
        approval_handler.services.cache_clear()
        root = logging.getLogger("longrunning")
        for name in ("handlers", "level", "propagate"):  # configured at the first event
            monkeypatch.setattr(root, name, getattr(root, name))
        self.pocket, self.sqs = pocket, aws_clients["sqs"]
        table_name = pocket.dynamodb.add_table(tables["ApprovalsTable"])
        self.queue_url = pocket.sqs.add_queue("tasks")
        secret = json.dumps({"current": "k1", "k1": "one-" * 16})
        secret_arn = pocket.secretsmanager.add_secret("link-keys", secret)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        monkeypatch.setenv("APPROVALS_TABLE_NAME", table_name)
        monkeypatch.setenv("TASK_QUEUE_URL", self.queue_url)
        monkeypatch.setenv("LINK_KEYS_SECRET_ARN", secret_arn)
        self.store = WaitStore(aws_clients["dynamodb"], table_name)
        self.store.put_if_absent(pending())
        yield
        approval_handler.services.cache_clear()

    def messages(self) -> list[str]:
        got = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        return [message["Body"] for message in got.get("Messages", [])]

    def found(self) -> Wait:
        approval = self.store.get("session-1", "tooluse_1")
        assert approval
        return approval

    def test_a_link_is_opened_and_the_text_edited_and_approved(self) -> None:
        assert CONTENT in send(http_event("GET", TOKEN, accept=HTML))["body"]
        assert self.found() == pending()
        response = send(form_event(TOKEN, {"decision": "approved", "content": "Mine.\r\n"}))
        assert document(response).keys() == ANSWER_FIELDS
        assert self.found().in_force.content == "Mine.\n"
        message = messages.parse(self.messages()[0])
        assert isinstance(message, messages.ToolResults)
        assert (message.session_id, message.tool_name) == ("session-1", "human_approval")

    def test_the_same_again_the_opposite_and_an_unknown_one(self) -> None:
        assert decide("denied", comment="no")["statusCode"] == 200
        assert decide("denied")["statusCode"] == 200
        assert decide("approved")["statusCode"] == 409
        unknown = make_token(KEYS, "session-2", "tooluse_1", NOW + 9)
        assert decide("denied", unknown)["statusCode"] == 404
        assert len(self.messages()) == 2
        assert self.found().comment == "no"

    def test_a_failed_send_leaves_the_decision_for_the_repeat(self) -> None:
        approval_handler.services()
        self.pocket.sqs.queues.clear()
        assert decide("approved")["statusCode"] == 503
        assert self.found().status == "APPROVED"

    def test_the_largest_content_and_edit_fit_the_table(self) -> None:
        big = pending(tool_use_id="big", content="x" * 200_000, content_schema={"type": "string"})
        self.store.put_if_absent(big)
        response = decide("approved", token_for(big), content="y" * 95_000, comment="ü" * 4_000)
        assert response["statusCode"] == 200

    def test_clients_and_keys_are_made_once(self) -> None:
        assert approval_handler.services() is approval_handler.services()
