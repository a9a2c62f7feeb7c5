"""Operators who are people decide without a link; and any operator gives more time."""

import json
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

import operator_handler
from converse_stand_in import tool_use
from longrunning import sessions
from longrunning.people.policy import Policy
from longrunning.waits.deadlines import MAX_EXTRA_SECONDS
from longrunning.waits.item import Status, Wait
from longrunning_testkit.worlds import http_event
from sample_people import PEOPLE, set_people, two_of_three, use_people
from sample_refund import Refunds, refund_tool
from sample_world import World
from test_any_call import ASKED, COMPLETE, refund
from test_detours import last_results
from test_people import links_of, say

HOUR = 3_600  # The world's approvals wait for one.
DRAFT = "Summer at Unicorn Rentals: two rides for one!"
ROLE = "assumed-role/Approvers/"


@pytest.fixture
def refunds(world: World) -> Refunds:
    """Two of three must agree to a refund; each of them may sign."""
    refunds = Refunds()
    use_people(world, two_of_three, refund_tool(refunds))
    give_signatures(world)
    return refunds


def give_signatures(world: World) -> None:
    people = {name: replace_iam(name) for name in PEOPLE}
    set_people(world.monkeypatch, people)


def replace_iam(name: str) -> Any:
    return PEOPLE[name]._replace(iam=f"{ROLE}{name}")


def operator(
    world: World, action: str, fields: dict[str, Any], by: str = "olga", method: str = "POST"
) -> dict[str, Any]:
    """Sends a request as who signs; returns status and document, in which there is no link."""
    query = f"?{urlencode(fields)}" if method == "GET" else ""
    url = urlsplit(f"https://approvals.example.com/operator/{action}{query}")
    body = None if method == "GET" else json.dumps(fields)
    event = http_event(method, url, {"content-type": "application/json"}, body, iam=True)
    arn = f"arn:aws:sts::123456789012:{ROLE}{by}"
    event["requestContext"]["authorizer"]["iam"]["userArn"] = arn
    answer = operator_handler.handler(event, None)
    for mail in world.mails:
        for link in mail.links.values():
            assert urlsplit(link).path.rpartition("/")[2] not in answer["body"]
    return {"code": answer["statusCode"], **json.loads(answer["body"])}


def of(wait: Wait, **more: Any) -> dict[str, Any]:
    return {"session_id": wait.session_id, "tool_use_id": wait.tool_use_id, **more}


def shown(world: World, wait: Wait) -> dict[str, Any]:
    return operator(world, "approval", of(wait), method="GET")


def record(world: World, session_id: str) -> Wait:
    (found,) = world.approvals(session_id)
    return found


def asked(world: World) -> tuple[Wait, dict[str, str]]:
    world.play([[refund()], "Done."])
    session_id = world.start()
    return record(world, session_id), links_of(world.read_mail())


def draft(world: World) -> tuple[Wait, str]:
    """Asks whoever has the link; returns the record and the link."""
    world.play([[tool_use("ask-1", "human_approval", {"content": DRAFT})],
                [tool_use("post-1", "publish_post", {"content": DRAFT})], "Done."])  # fmt: skip
    session_id = world.start()
    (mail,) = world.read_mail()
    return record(world, session_id), mail.links["approve"]


# --- decide --------------------------------------------------------------------------------------


def test_a_signature_and_a_link_agree_and_it_is_paid_once(world: World, refunds: Refunds) -> None:
    wait, links = asked(world)
    seen = shown(world, wait)["digest"]
    first = operator(world, "decide", of(wait, decision="approved", seen=seen, comment="Y"), "ann")
    assert (first["code"], first["status"]) == (200, "PENDING")
    assert world.deliver() is None, "nobody is told before the last one"
    assert say(world, links["cyd"])["status"] == "APPROVED"
    assert world.deliver_all() == 1
    assert list(refunds.paid.values()) == [COMPLETE]
    found = record(world, wait.session_id)
    assert [(v["by"], v["via"]) for v in found.votes or ()] == [("ann", "iam"), ("cyd", "link")]


def test_nobody_votes_twice_with_a_link_and_a_signature(world: World, refunds: Refunds) -> None:
    wait, links = asked(world)
    say(world, links["ann"])
    body = of(wait, decision="approved", seen=wait.in_force.digest)
    again = operator(world, "decide", body, "ann")
    assert (again["code"], again["status"], len(again["votes"])) == (200, "PENDING", 1)


def test_who_reads_an_edited_call_agrees_to_what_was_read(world: World, refunds: Refunds) -> None:
    wait, links = asked(world)
    seen = shown(world, wait)["digest"]
    say(world, links["bob"], arguments={"amount": 40})
    late = operator(world, "decide", of(wait, decision="approved", seen=seen), "ann")
    assert late["code"] == 409
    found = shown(world, wait)
    assert (found["arguments"]["amount"], found["asked_arguments"]["amount"]) == (
        40, ASKED["amount"]
    )  # fmt: skip
    body = of(wait, decision="approved", seen=found["digest"])
    assert operator(world, "decide", body, "ann")["status"] == "APPROVED"
    world.deliver_all()
    assert [paid["amount"] for paid in refunds.paid.values()] == [40]


def test_an_operator_who_is_nobody_decides_nothing(world: World, refunds: Refunds) -> None:
    wait, _ = asked(world)
    before = world.snapshot()
    for decision in ("approved", "denied"):
        body = of(wait, decision=decision, seen=wait.in_force.digest)
        assert operator(world, "decide", body)["code"] == 403
    assert world.snapshot() == before


def test_who_has_left_decides_nothing_from_then_on(world: World, refunds: Refunds) -> None:
    wait, _ = asked(world)
    set_people(world.monkeypatch, {"bob": replace_iam("bob"), "cyd": replace_iam("cyd")})
    body = of(wait, decision="denied", seen=wait.in_force.digest)
    assert operator(world, "decide", body, "ann")["code"] == 403
    assert operator(world, "decide", body, "bob")["status"] == "DENIED"


def test_what_is_asked_of_whoever_has_the_link_is_not_decided_by_a_signature(world: World) -> None:
    give_signatures(world)
    wait, link = draft(world)
    assert operator(world, "decide", of(wait, decision="approved"), "ann")["code"] == 403
    assert world.click(link)["status_code"] == 200
    assert operator(world, "decide", of(wait, decision="approved"), "ann")["code"] == 403


def test_the_model_is_told_who_has_denied_and_why(world: World) -> None:
    use_people(world, lambda *_: Policy(people=("ann", "bob")), refund_tool(Refunds()))
    give_signatures(world)
    wait, links = asked(world)
    body = of(wait, decision="denied", comment="Not yet.")
    assert operator(world, "decide", body, "ann")["via"] == "iam"
    world.deliver_all()
    (told,) = last_results(world).values()
    said = json.loads(told["content"][0]["text"])
    assert (said["decision"], said["decided_by"], said["comment"]) == ("denied", "ann", "Not yet.")
    assert world.click(links["bob"], decision="approved")["status_code"] == 409


def test_a_question_is_answered_with_a_signature(world: World) -> None:
    use_people(world, lambda *_: Policy(people=("ann",)))
    give_signatures(world)
    world.play([[tool_use("q-1", "ask_human", {"question": "Size?", "choices": ["s", "m"]})], "Ok"])
    wait = record(world, world.start())
    assert shown(world, wait)["answer_schema"]["properties"]["answer"]["enum"] == ["s", "m"]
    body = of(wait, decision="answered", answer={"answer": "m"})
    assert operator(world, "decide", body, "bob")["code"] == 403
    assert operator(world, "decide", body, "ann")["status"] == "RESOLVED"
    assert shown(world, wait)["answer"] == {"answer": "m"}
    world.deliver_all()
    (told,) = last_results(world).values()
    said = json.loads(told["content"][0]["text"])
    assert (said["answer"], said["answered_by"]) == ({"answer": "m"}, "ann")


# --- more time -----------------------------------------------------------------------------------


def test_more_time_sends_new_links_within_a_minute_and_the_old_ones_end(world: World) -> None:
    wait, old = draft(world)
    world.step(HOUR // 2)
    assert world.sweep()["reminded"] == 1, "as planned"
    world.read_mail()
    world.step(HOUR // 2 - 60)
    moved = operator(world, "extend", of(wait, hours=24))
    assert (moved["code"], moved["decide_by"]) == (200, wait.decide_by + 24 * HOUR)
    assert world.sweep()["reminded"] == 1
    (mail,) = world.read_mail()
    new = mail.links["approve"]
    assert new != old
    world.step(120)
    assert world.sweep()["expired"] == 0
    assert world.click(old)["status_code"] == 410
    assert world.click(new)["status_code"] == 200
    world.deliver_all()
    assert [post["content"] for post in world.posts()] == [DRAFT]
    assert world.session(wait.session_id).status == sessions.COMPLETED


def test_the_later_end_is_an_end(world: World) -> None:
    wait, _ = draft(world)
    operator(world, "extend", of(wait, hours=2))
    world.step(3 * HOUR - 5)
    assert world.sweep()["expired"] == 0
    world.step(5)
    assert world.sweep()["expired"] == 1
    late = operator(world, "extend", of(wait, hours=1))
    assert (late["code"], late["status"]) == (409, "EXPIRED")


def test_the_planned_reminder_is_sent_as_long_before_the_end_as_planned(world: World) -> None:
    wait, _ = draft(world)
    operator(world, "extend", of(wait, hours=2))
    assert world.sweep()["reminded"] == 1
    world.step(2 * HOUR + HOUR // 2 - 5)
    assert world.sweep()["reminded"] == 0
    world.step(5)
    assert world.sweep()["reminded"] == 1
    world.step(600)
    assert world.sweep()["reminded"] == 0


def test_the_session_is_there_at_the_last_moment_of_the_latest_end(world: World) -> None:
    wait, _ = draft(world)
    while operator(world, "extend", of(wait, hours=168))["code"] == 200:
        pass
    assert operator(world, "extend", of(wait, hours=168))["code"] == 422
    found = record(world, wait.session_id)
    assert found.decide_by == wait.decide_by + MAX_EXTRA_SECONDS
    assert found.expires_at is not None
    assert found.decide_by < world.session(wait.session_id).expires_at < found.expires_at


def test_those_who_have_agreed_are_not_asked_again(world: World, refunds: Refunds) -> None:
    wait, links = asked(world)
    say(world, links["ann"])
    operator(world, "extend", of(wait, hours=2))
    world.sweep()
    new = links_of(world.read_mail())
    assert new.keys() == {"bob", "cyd"}
    world.step(HOUR + 60)
    assert say(world, new["bob"])["status"] == "APPROVED", "ann's vote counts on"
    world.deliver_all()
    assert list(refunds.paid.values()) == [COMPLETE]


def test_an_edit_and_more_time_at_once_are_both_told(world: World, refunds: Refunds) -> None:
    wait, links = asked(world)
    say(world, links["ann"])
    say(world, links["bob"], arguments={"amount": 40})
    operator(world, "extend", of(wait, hours=2))
    assert world.sweep()["reminded"] == 1
    assert links_of(world.read_mail()).keys() == {"ann", "cyd"}


def test_the_e_mail_is_sent_again_with_the_same_links_and_then_as_planned(world: World) -> None:
    wait, link = draft(world)
    assert operator(world, "resend", of(wait))["code"] == 200
    assert operator(world, "resend", of(wait))["code"] == 200
    assert world.sweep()["reminded"] == 1
    (mail,) = world.read_mail()
    assert mail.links["approve"] == link
    assert world.sweep()["reminded"] == 0
    world.step(HOUR // 2)
    assert world.sweep()["reminded"] == 1, "as planned"
    assert record(world, wait.session_id).status == Status.PENDING


def test_the_history_tells_who_has_moved_the_end(world: World) -> None:
    wait, _ = draft(world)
    operator(world, "extend", of(wait, hours=2))
    found = operator(world, "history", {"session_id": wait.session_id}, method="GET")
    (entry,) = found["approvals"]
    assert (entry["first_decide_by"], entry["decide_by"]) == (
        wait.decide_by, wait.decide_by + 2 * HOUR
    )  # fmt: skip
    assert entry["asked_again_by"] == f"iam:{ROLE}olga"
