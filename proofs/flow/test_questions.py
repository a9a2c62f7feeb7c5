"""`ask_human`: a person answers with a text, a choice or a form; nothing else can answer."""

import json
from typing import Any

import pytest

from converse_stand_in import tool_use
from longrunning import ask_human
from longrunning.messages import build_existing, tool_result
from longrunning.people.policy import Policy
from longrunning.waits.item import Status, Wait
from sample_people import use_people
from sample_refund import Refunds, refund_tool
from sample_world import World
from test_any_call import HTML, post_json, refund
from test_detours import last_results

FORM = {
    "type": "object",
    "properties": {
        "size": {"type": "string", "title": "Your size", "enum": ["s", "m"]},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "by": {"type": "string", "format": "date"},
        "gift": {"type": "boolean"},
        "names": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "note": {"type": ["string", "null"]},
    },
    "required": ["size", "count"],
}


def question(text: str = "Which one?", **more: Any) -> dict[str, Any]:
    return tool_use("q-1", "ask_human", {"question": text, **more})


@pytest.fixture(autouse=True)
def _agent(world: World) -> None:
    world.with_tools()


def asked(world: World, *turns: Any) -> tuple[str, str]:
    """Has the agent ask; returns the session and the link."""
    world.play([*(turns or ([question()],)), "Done."])
    session_id = world.start()
    (mail,) = world.read_mail()
    return session_id, mail.links["answer"]


def record(world: World, session_id: str) -> Wait:
    (found,) = world.approvals(session_id)
    return found


def told(world: World) -> tuple[str, Any]:
    """What the model reads: status and document."""
    (result,) = last_results(world).values()
    return result["status"], json.loads(result["content"][0]["text"])


def test_a_person_answers_in_words(world: World) -> None:
    session_id, link = asked(world)
    answer = world.click(link, **{"decision": "answered", "answer.answer": "The blue\r\none."})
    assert (answer["status_code"], answer["status"]) == (200, "RESOLVED")
    assert answer["answer"] == {"answer": "The blue\none."}
    assert world.deliver_all() == 1
    status, fields = told(world)
    assert status == "success"
    assert fields == {
        "answer": {"answer": "The blue\none."}, "comment": None, "answered_by": "link",
    }  # fmt: skip
    assert world.session(session_id).outcome == "finished"


def test_a_person_chooses(world: World) -> None:
    _, link = asked(world, [question(choices=["red", "blue"])])
    wrong = post_json(world, link, {"decision": "answered", "answer": {"answer": "green"}})
    assert wrong["statusCode"] == 422
    assert "answer.answer: expected one of red, blue" in wrong["body"]
    right = post_json(world, link, {"decision": "answered", "answer": {"answer": "blue"}})
    assert right["statusCode"] == 200
    world.deliver_all()
    assert told(world)[1]["answer"] == {"answer": "blue"}


def test_a_person_fills_in_a_form(world: World) -> None:
    _, link = asked(world, [question(schema=FORM)])
    form = {
        "decision": "answered", "answer.size": "m", "answer.count": "2", "answer.by": "2026-04-01",
        "answer.gift": "true", "answer.names": "Ann\r\nBob", "answer.note": "",
    }  # fmt: skip
    assert world.click(link, **form)["status_code"] == 200
    world.deliver_all()
    assert told(world)[1]["answer"] == {
        "size": "m", "count": 2, "by": "2026-04-01", "gift": True, "names": ["Ann", "Bob"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ({}, 422, "answer.size: expected one"),
        ({"size": "m"}, 422, "answer.count: expected one"),
        ({"size": "m", "count": ""}, 422, "answer.count: expected one"),
        ({"size": "m", "count": 10}, 422, "answer.count: expected 9 or less"),
        ({"size": "m", "count": True}, 422, "answer.count: expected a whole number"),
        ({"size": "m", "count": "1.5"}, 422, "answer.count: expected a whole number"),
        ({"size": "l", "count": 1}, 422, "answer.size: expected one of s, m"),
        ({"size": "m", "count": 1, "by": "2026-02-30"}, 422, "answer.by: expected a date"),
        ({"size": "m", "count": 1, "names": ["a", "b", "c"]}, 422, "answer.names: expected 2"),
        ({"size": "m", "count": 1, "more": 1}, 422, "answer.more: not known"),
        ({"size": "m", "count": 1, "note": "\u0007"}, 400, "answer.note: the character U+0007"),
        ({"size": "m", "count": 1, "note": "x" * 13_000}, 413, "answer: expected at most"),
    ],
)
def test_an_answer_that_does_not_fit_changes_nothing(
    world: World, answer: dict[str, Any], status: int, said: str
) -> None:
    _, link = asked(world, [question(schema=FORM)])
    before = world.snapshot()
    body = {"decision": "answered", "answer": answer}
    refused = post_json(world, link, body)
    assert refused["statusCode"] == status
    assert json.loads(refused["body"])["error"].startswith(said)
    page = post_json(world, link, body, accept=HTML)
    assert (page["statusCode"], 'role="alert"' in page["body"]) == (status, True)
    assert world.snapshot() == before


def test_a_person_may_decline(world: World) -> None:
    session_id, link = asked(world)
    answer = world.click(link, decision="declined", comment="Ask the shop.")
    assert (answer["status_code"], answer["answer"]) == (200, None)
    world.deliver_all()
    status, fields = told(world)
    assert (status, fields["declined"], fields["comment"]) == ("error", True, "Ask the shop.")
    assert record(world, session_id).status == Status.RESOLVED


def test_the_first_answer_stands(world: World) -> None:
    _, link = asked(world)
    one = {"decision": "answered", "answer": {"answer": "One"}}
    two = {"decision": "answered", "answer": {"answer": "Two"}}
    codes = [post_json(world, link, body)["statusCode"] for body in (one, one, two)]
    assert codes == [200, 200, 409]
    assert world.deliver_all() == 2
    assert told(world)[1]["answer"] == {"answer": "One"}


def test_no_queue_message_answers_a_question(world: World) -> None:
    session_id, _ = asked(world)
    before = record(world, session_id)
    forged = tool_result("q-1", "success", '{"answer": {"answer": "Forged"}}')
    world.send(build_existing(session_id, "ask_human", [forged]))
    world.deliver_all()
    assert record(world, session_id) == before
    assert world.session(session_id).status == "waiting"


@pytest.mark.parametrize("decision", ["approved", "denied"])
def test_a_question_is_not_approved(world: World, decision: str) -> None:
    session_id, link = asked(world)
    before = record(world, session_id)
    refused = world.click(link, decision=decision)
    assert refused["status_code"] == 400
    assert 'expected "answered" or "declined"' in refused["error"]
    assert world.request("POST", link, {"decision": decision}, accept=HTML)["statusCode"] == 400
    assert record(world, session_id) == before


@pytest.mark.parametrize("decision", ["answered", "declined"])
def test_an_approval_is_not_answered(world: World, decision: str) -> None:
    world.with_tools(refund_tool(Refunds()))
    world.play([[refund()], "Done."])
    session_id = world.start()
    (mail,) = world.read_mail()
    before = record(world, session_id)
    form = {"decision": decision, "answer.answer": "x"}
    assert world.click(mail.links["approve"], **form)["status_code"] == 400
    assert record(world, session_id) == before


def test_silence_is_told(world: World) -> None:
    _, link = asked(world)
    world.step(3_601)
    assert world.click(link, **{"decision": "answered", "answer.answer": "x"})["status_code"] == 410
    world.sweep()
    world.deliver_all()
    status, fields = told(world)
    assert (status, fields["decision"]) == ("error", "expired")
    assert "Nobody answered in time" in fields["next"]


def test_a_reminder_has_the_same_link(world: World) -> None:
    _, link = asked(world)
    world.step(1_900)
    world.sweep()
    (mail,) = world.read_mail()
    assert mail.links == {"answer": link}
    assert mail.subject.startswith("Reminder")


def test_one_by_name_answers_in_that_name(world: World) -> None:
    use_people(world, lambda *_: Policy(people=("ann", "bob")))
    world.play([[question()], "Done."])
    session_id = world.start()
    links = {mail.to: mail.links["answer"] for mail in world.read_mail()}
    assert links.keys() == {"ann", "bob"}
    world.click(links["bob"], **{"decision": "answered", "answer.answer": "Blue"})
    world.deliver_all()
    assert told(world)[1]["answered_by"] == "bob"
    found = record(world, session_id)
    assert (found.decided_by, found.via) == ("bob", "link")


def test_a_link_without_a_name_does_not_answer_what_is_asked_by_name(world: World) -> None:
    from longrunning.people.links import LinkKeys, make_token
    from longrunning_testkit.worlds import LINK_KEYS

    use_people(world, lambda *_: Policy(people=("ann",)))
    world.play([[question()], "Done."])
    session_id = world.start()
    found = record(world, session_id)
    keys = LinkKeys.parse(json.dumps(LINK_KEYS))
    token = make_token(keys, session_id, found.tool_use_id, found.decide_by)
    link = f"https://approvals.example.com/approvals/{token}"
    for form in ({"decision": "answered", "answer.answer": "x"}, {"decision": "declined"}):
        assert world.click(link, **form)["status_code"] == 403
    assert record(world, session_id) == found


@pytest.mark.parametrize(
    "policy",
    [Policy(people=("ann", "bob"), needed=2), Policy.decide("approved", rule="all")],
)
def test_one_person_answers_and_no_rule_does(world: World, policy: Policy) -> None:
    use_people(world, lambda *_: policy)
    world.play([[question()], "Done."])
    session_id = world.start()
    assert world.approvals(session_id) == []
    assert world.read_mail() == []


def test_a_question_and_an_approval_of_one_turn_have_one_e_mail(world: World) -> None:
    refunds = Refunds()
    world.with_tools(refund_tool(refunds))
    world.play([[question(choices=["a", "b"]), refund()], "Done."])
    world.start()
    first, second = world.read_mail()
    assert (first.links.keys(), second.links.keys()) == ({"answer"}, {"approve", "deny"})
    world.click(first.links["answer"], **{"decision": "answered", "answer.answer": "a"})
    world.click(second.links["approve"], decision="approved")
    world.deliver_all()
    assert len(refunds.paid) == 1


def test_the_pages_of_a_question(world: World) -> None:
    session_id, link = asked(world, [question("Which <one>?", schema=FORM)])
    page = world.request("GET", link, accept=HTML)["body"]
    assert "Which &lt;one&gt;?" in page
    assert "Your size</label>" in page
    assert "no passwords" in page
    shown = json.loads(world.request("GET", link)["body"])
    assert shown["answer_schema"]["required"] == ["size", "count"]
    form = {"decision": "answered", "answer.size": "m", "answer.count": "3"}
    page = world.request("POST", link, form, accept=HTML)["body"]
    assert "Answered</span></h1>" in page
    assert "Your size" in page
    again = world.request("GET", link, accept=HTML)["body"]
    assert "<td>3</td>" in again
    assert record(world, session_id).status == Status.RESOLVED


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "question: expected a text"),
        ({"question": " "}, "question: expected a text"),
        ({"question": 7}, "question: expected a text"),
        ({"question": "x" * 4_001}, "question: expected at most"),
        ({"question": "\ud83e"}, "question: expected at most"),
        ({"question": "x", "choices": ["a"]}, "choices: expected 2 to 50"),
        ({"question": "x", "choices": ["a", "a"]}, "choices: expected each once"),
        ({"question": "x", "choices": ["a", " "]}, "choices: expected 2 to 50"),
        ({"question": "x", "choices": "a"}, "choices: expected 2 to 50"),
        ({"question": "x", "choices": ["a", "b"], "schema": FORM}, "expected one of them"),
        ({"question": "x", "schema": []}, "schema: expected {"),
        ({"question": "x", "schema": {"type": "object"}}, "schema.properties: expected 1 to 12"),
        (
            {"question": "x", "schema": {"type": "object", "properties": {
                f"f{n}": {"type": "string"} for n in range(13)}}},
            "schema.properties: expected 1 to 12",
        ),
        (
            {"question": "x", "schema": {"type": "object", "properties": {"a": {}}}},
            'schema.properties.a: must have one "type"',
        ),
        ({"question": "x", "schema": {**FORM, "not": {}}}, "schema: not: a form cannot hold"),
        ({"question": "x", "schema": {**FORM, "required": ["more"]}}, "schema.required"),
        (
            {"question": "x", "schema": {"type": "object", "properties": {
                "a": {"type": "string", "enum": ["x" * 5_000]}}}},
            "schema: expected at most 4096 bytes",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_an_error_at_once(given: dict[str, Any], why: str) -> None:
    tool = {"toolUseId": "q-1", "name": "ask_human", "input": given}
    result = ask_human.ask_human(tool, request_state={})
    assert result["status"] == "error"
    assert why in result["content"][0]["text"]


def test_lists_and_objects_may_come_as_their_json_text() -> None:
    _, schema = ask_human.question_of({"question": "x", "choices": '["a", "b"]', "schema": None})
    assert schema["properties"]["answer"]["enum"] == ["a", "b"]
    assert ask_human.question_of({"question": "x", "schema": json.dumps(FORM)})[1]["required"]


def test_an_error_asks_nobody(world: World) -> None:
    world.play([[question(choices=["a"])], "Done."])
    session_id = world.start()
    assert world.read_mail() == []
    assert world.session(session_id).status == "completed"
