"""An approval of a call that has no text: every argument is shown, and some may be changed."""

import json
from typing import Any

import pytest

import agent_handler
from converse_stand_in import tool_use
from longrunning.waits.item import Call, Edit, Status
from longrunning_testkit import approve
from sample_refund import Refunds, refund_tool
from sample_world import World
from test_detours import last_results

ASKED = {"order_id": "4711", "amount": 60, "reason": "late"}
COMPLETE = {**ASKED, "notify": True, "pay_on": None}
HTML = "text/html"


def refund(**changes: Any) -> dict[str, Any]:
    return tool_use("pay-1", "send_refund", {**ASKED, **changes})


@pytest.fixture
def refunds(world: World) -> Refunds:
    """Where the money goes."""
    refunds = Refunds()
    world.with_tools(refund_tool(refunds))
    return refunds


def asked_for(world: World, *turns: Any) -> tuple[str, str]:
    """Has the agent ask; returns the session and the link."""
    world.play([*turns, "Done."])
    session_id = world.start()
    (mail,) = world.read_mail()
    return session_id, mail.links["approve"]


def test_the_kit_approves_with_arguments_of_the_approvers_own(
    world: World, refunds: Refunds
) -> None:
    world.play([[refund()], "Done."])
    world.start()
    approve(world, arguments={"amount": 40.5, "notify": False})
    assert list(refunds.paid.values()) == [{**COMPLETE, "amount": 40.5, "notify": False}]


def test_exactly_the_call_that_was_approved_is_made(world: World, refunds: Refunds) -> None:
    session_id, link = asked_for(world, [refund()])
    assert refunds.paid == {}
    assert world.click(link, decision="approved")["status_code"] == 200
    assert world.deliver_all() == 1
    assert list(refunds.paid.values()) == [COMPLETE]
    assert world.session(session_id).outcome == "refunded"
    (told,) = last_results(world).values()
    fields = json.loads(told["content"][0]["text"])
    assert (fields["arguments"], fields["edited"]) == (COMPLETE, False)
    assert "content" not in fields
    assert "arguments_asked" not in fields


def test_an_edit_of_the_arguments_is_what_is_made_and_told(world: World, refunds: Refunds) -> None:
    session_id, link = asked_for(world, [refund()])
    form = {"decision": "approved", "arguments.amount": "40.50", "arguments.notify": "false"}
    answer = world.click(link, **form)
    assert answer["status_code"] == 200
    world.deliver_all()
    assert list(refunds.paid.values()) == [{**COMPLETE, "amount": 40.5, "notify": False}]
    (approval,) = world.approvals(session_id)
    assert approval.status == Status.SPENT
    assert approval.edit == Edit(None, {"amount": 40.5, "notify": False})
    (told,) = last_results(world).values()
    fields = json.loads(told["content"][0]["text"])
    assert fields["arguments"] == {**COMPLETE, "amount": 40.5, "notify": False}
    assert fields["arguments_asked"] == {"amount": 60, "notify": True}
    assert fields["edited"] is True


def test_json_edits_them_with_their_types(world: World, refunds: Refunds) -> None:
    _, link = asked_for(world, [refund()])
    body = {"decision": "approved", "arguments": {"amount": 40, "items": ["a", "b"]}}
    assert post_json(world, link, body)["statusCode"] == 200
    world.deliver_all()
    assert list(refunds.paid.values()) == [{**COMPLETE, "amount": 40, "items": ["a", "b"]}]


def test_what_comes_back_as_it_went_is_no_edit(world: World, refunds: Refunds) -> None:
    session_id, link = asked_for(world, [refund(items=["a", "b"])])
    form = {
        "decision": "approved", "arguments.amount": "60", "arguments.reason": "late",
        "arguments.notify": "true", "arguments.pay_on": "", "arguments.items": "a\r\nb",
    }  # fmt: skip
    assert world.click(link, **form)["status_code"] == 200
    world.deliver_all()
    (approval,) = world.approvals(session_id)
    assert approval.edit == Edit()
    assert list(refunds.paid.values()) == [{**COMPLETE, "items": ["a", "b"]}]


@pytest.mark.parametrize(
    ("edit", "status", "said"),
    [
        ({"amount": 501}, 422, "arguments.amount: expected 500 or less"),
        ({"amount": 0}, 422, "arguments.amount: expected more than 0"),
        ({"amount": True}, 422, "arguments.amount: expected a number, such as 40.5"),
        ({"amount": "much"}, 422, "arguments.amount: expected a number, such as 40.5"),
        ({"amount": None}, 422, "arguments.amount: expected a number, such as 40.5"),
        ({"reason": "rain"}, 422, "arguments.reason: expected one of late, broken, other"),
        ({"notify": "maybe"}, 422, "arguments.notify: expected true or false"),
        ({"pay_on": "2026-02-30"}, 422, "arguments.pay_on: expected a date, such as 2026-03-14"),
        ({"items": ["a"] * 4}, 422, "arguments.items: expected 3 or less, got 4"),
        ({"items": [1]}, 422, "arguments.items: line 1: expected a text"),
        ({"items": ["\u0007"]}, 400, "arguments.items: the character U+0007 cannot be passed on"),
        ({"order_id": "4712"}, 400, "arguments.order_id: cannot be changed; amount, reason"),
        ({"iban": "DE00"}, 400, "arguments.iban: cannot be changed; amount, reason"),
        ({"items": ["x" * 20_000]}, 413, "arguments: expected at most 16384 bytes in all"),
    ],
)
def test_an_edit_that_cannot_be_taken_changes_nothing(
    world: World, refunds: Refunds, edit: dict[str, Any], status: int, said: str
) -> None:
    _, link = asked_for(world, [refund()])
    before = world.snapshot()
    answer = post_json(world, link, {"decision": "approved", "arguments": edit})
    assert answer["statusCode"] == status
    assert json.loads(answer["body"])["error"].startswith(said)
    assert world.snapshot() == before
    page = post_json(world, link, {"decision": "approved", "arguments": edit}, accept=HTML)
    assert page["statusCode"] == status
    assert 'role="alert"' in page["body"], "and a person gets the form back"


def test_an_argument_that_was_not_given_can_be_added(world: World, refunds: Refunds) -> None:
    _, link = asked_for(world, [refund()])
    world.click(link, **{"decision": "approved", "arguments.pay_on": "2026-04-01"})
    world.deliver_all()
    assert [paid["pay_on"] for paid in refunds.paid.values()] == ["2026-04-01"]


def test_a_denial_edits_nothing(world: World, refunds: Refunds) -> None:
    session_id, link = asked_for(world, [refund()])
    refused = post_json(world, link, {"decision": "denied", "arguments": {"amount": 1}})
    assert refused["statusCode"] == 400
    assert "arguments: expected none or as asked" in refused["body"]
    assert post_json(world, link, {"decision": "denied", "arguments": {"amount": 60}})[
        "statusCode"
    ] == 200  # fmt: skip
    world.deliver_all()
    assert refunds.paid == {}
    assert world.session(session_id).outcome == "denied"


def test_another_edit_than_the_one_in_force_is_told_so(world: World, refunds: Refunds) -> None:
    _, link = asked_for(world, [refund()])
    forty = {"decision": "approved", "arguments": {"amount": 40}}
    for body, status in (
        (forty, 200),
        (forty, 200),
        ({"decision": "approved", "arguments": {"amount": 60}}, 409),
        ({"decision": "approved", "arguments": {"amount": 41}}, 409),
        ({"decision": "approved"}, 200),
    ):
        assert post_json(world, link, body)["statusCode"] == status, body
    world.deliver_all()
    assert [paid["amount"] for paid in refunds.paid.values()] == [40]


def test_the_same_call_again_is_neither_asked_nor_paid_twice(
    world: World, refunds: Refunds
) -> None:
    """With the arguments that a person has edited, as those are what was approved."""
    again = tool_use("pay-2", "send_refund", {**ASKED, "amount": 40})
    world.play([[refund()], [again], "Done."])
    session_id = world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["approve"], **{"decision": "approved", "arguments.amount": "40"})
    world.deliver_all()
    assert world.read_mail() == []
    assert [paid["amount"] for paid in refunds.paid.values()] == [40]
    assert len(world.approvals(session_id)) == 1


def test_a_call_that_was_denied_is_not_asked_again_and_another_one_is(
    world: World, refunds: Refunds
) -> None:
    other = tool_use("pay-2", "send_refund", {**ASKED, "amount": 61})
    same = tool_use("pay-3", "send_refund", {**ASKED, "notify": True})
    world.play([[refund()], [other], [same], "Done."])
    session_id = world.start()
    for amount in ("60", "61"):
        (mail,) = world.read_mail()
        assert f"amount: {amount}\n" in mail.body
        world.click(mail.links["deny"], decision="denied")
        world.deliver_all()
    assert world.read_mail() == [], "the first call again, in a later run"
    assert world.session(session_id).outcome == "denied"
    assert refunds.paid == {}


def test_true_is_not_one(world: World) -> None:
    """A gate that compares as Python does would take `true` for 1."""
    refunds = Refunds()
    tool = refund_tool(refunds)
    spec = json.loads(json.dumps(tool.spec))
    spec["inputSchema"]["json"]["properties"]["amount"] = {}
    world.with_tools(type(tool)(spec, refunds, tool.refused, None, "refunded"))
    one = tool_use("pay-1", "send_refund", {**ASKED, "amount": 1})
    true = tool_use("pay-2", "send_refund", {**ASKED, "amount": True})
    world.play([[one], [true], "Done."])
    world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["approve"], decision="approved")
    world.deliver_all()
    assert len(refunds.paid) == 1
    assert len(world.read_mail()) == 1, "the second one asks by itself"


def test_the_page_and_the_e_mail_show_every_argument(world: World, refunds: Refunds) -> None:
    _, link = asked_for(world, [refund(items=["a <b>", "c"])])
    (mail,) = world.mails
    case = "order_id: 4711, amount: 60, reason: la..."
    asks = "tested-agent wants to run send_refund"
    assert mail.subject == f'Approval needed: {asks}: "{case}"'
    for line in ('order_id: "4711"', "amount: 60", "notify: true", 'items: ["a <b>", "c"]'):
        assert f"  {line}\n" in mail.body
    assert "written by the agent" not in mail.body, "there is no text below"
    page = world.request("GET", link, accept=HTML)["body"]
    assert "with exactly the values below" in page
    for cell in ("4711", "60", "late", "yes", "<em>none</em>", "<li>a &lt;b&gt;</li>"):
        assert f"<td>{cell}" in page or f"<ul>{cell}" in page
    assert 'name="content"' not in page
    shown = json.loads(world.request("GET", link)["body"])
    assert shown["content"] is None
    assert shown["editable"]["amount"] == {
        "type": "number", "title": "Amount in EUR", "exclusiveMinimum": 0, "maximum": 500,
    }  # fmt: skip
    world.click(link, **{"decision": "approved", "arguments.amount": "40"})
    decided = world.request("GET", link, accept=HTML)["body"]
    assert '<del><span class="unseen">removed: </span>60</del>' in decided
    assert '<ins><span class="unseen">added: </span>40</ins>' in decided


def test_human_approval_asks_for_the_first_tool_with_a_text(world: World) -> None:
    from gate_stage import ARCHIVE_SPEC, NoForGoodError, Receiver
    from longrunning.agent.calls import ProtectedTool

    archived = Receiver("Archived.")
    archive = ProtectedTool(ARCHIVE_SPEC, archived, NoForGoodError, content_field="reason")
    world.with_tools(refund_tool(Refunds()), archive)
    world.play([[tool_use("ask-1", "human_approval", {"content": "Old."})], "Done."])
    session_id = world.start()
    (approval,) = world.approvals(session_id)
    assert (approval.asked.action, approval.asked.content) == ("archive_post", "Old.")


def test_a_tool_that_has_lost_its_text_since_is_not_called_without(world: World) -> None:
    from gate_stage import ARCHIVE_SPEC, NoForGoodError, Receiver
    from longrunning.agent.calls import ProtectedTool

    archived = Receiver("Archived.")
    world.with_tools(ProtectedTool(ARCHIVE_SPEC, archived, NoForGoodError, "reason"))
    world.play([[tool_use("old-1", "archive_post", {"reason": "Old."})], "Done."])
    world.start()
    (mail,) = world.read_mail()
    spec = {**ARCHIVE_SPEC, "inputSchema": {"json": {"type": "object", "properties": {
        "days": {"type": "integer"}}}}}  # fmt: skip
    world.with_tools(ProtectedTool(spec, archived, NoForGoodError, None))
    world.click(mail.links["approve"], decision="approved")
    world.deliver_all()
    assert archived.effects == []
    (told,) = last_results(world).values()
    assert "what was approved has one" in told["content"][0]["text"]


def post_json(world: World, link: str, body: Any, accept: str = "*/*") -> dict[str, Any]:
    """Sends a decision as JSON."""
    from urllib.parse import urlsplit

    import approval_handler
    from longrunning_testkit.worlds import http_event

    headers = {"accept": accept, "content-type": "application/json"}
    event = http_event("POST", urlsplit(link), headers, json.dumps(body))
    return approval_handler.handler(event, world.context)


def test_the_record_has_the_digest_of_the_edited_call(world: World, refunds: Refunds) -> None:
    session_id, link = asked_for(world, [refund()])
    world.click(link, **{"decision": "approved", "arguments.amount": "40"})
    (approval,) = world.approvals(session_id)
    (item,) = world.aws["dynamodb"].scan(TableName=world.env["APPROVALS_TABLE_NAME"])["Items"]
    assert item["digest"]["S"] == approval.in_force.digest != approval.asked.digest


def test_an_argument_that_cannot_be_changed_may_come_back(world: World, refunds: Refunds) -> None:
    _, link = asked_for(world, [refund()])
    same = {"decision": "approved", "arguments": {**ASKED, "amount": 60.0}}
    assert post_json(world, link, same)["statusCode"] == 200
    world.deliver_all()
    assert list(refunds.paid.values()) == [COMPLETE]


# --- what the agent was asked, and said before --------------------------------------------------


def test_people_see_how_the_task_and_the_last_words_begin_where_the_stack_shows_that(
    world: World, refunds: Refunds
) -> None:
    world.monkeypatch.setenv("SHOW_CONTEXT", "true")
    agent_handler._resources.cache_clear()
    words = {"text": "The customer <b>waits</b>. " + "x" * 500}
    world.play([[words, refund()], "Done."])
    session_id = world.start("Make it good with order 4711.")
    (mail,) = world.read_mail()
    page = world.request("GET", mail.links["approve"], accept=HTML)["body"]
    assert "For your information" in page
    assert "Make it good with order 4711." in page
    assert "The customer &lt;b&gt;waits&lt;/b&gt;." in page
    assert "x" * 240 not in page, "it begins so"
    assert "The customer" not in mail.body
    (approval,) = world.approvals(session_id)
    assert approval.in_force.digest == Call("send_refund", None, COMPLETE).digest


def test_by_default_nobody_sees_of_the_conversation_but_what_is_asked(
    world: World, refunds: Refunds
) -> None:
    world.play([[{"text": "The customer waits."}, refund()], "Done."])
    session_id = world.start("Make it good with order 4711.")
    (mail,) = world.read_mail()
    page = world.request("GET", mail.links["approve"], accept=HTML)["body"]
    for hidden in ("For your information", "Make it good", "The customer waits."):
        assert hidden not in page
    (approval,) = world.approvals(session_id)
    assert approval.context is None
