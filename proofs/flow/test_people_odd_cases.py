"""Odd cases of who decides and of what is edited: stale pages, odd values, people who leave."""

import json
import re
from html import unescape
from typing import Any

import pytest

from converse_stand_in import tool_use
from longrunning.agent import worker
from longrunning.agent.calls import ProtectedTool
from longrunning.people.directory import Person
from longrunning.people.policy import Policy
from longrunning.waits.item import Status
from longrunning.waits.votes import MAX_VOTES
from sample_people import ANN, BOB, CYD, PEOPLE, set_people, two_of_three, use_people
from sample_refund import SPEC, RefundRefusedError, Refunds, refund_tool
from sample_world import World
from test_any_call import ASKED, HTML, post_json, refund
from test_people import asked, by_rule, links_of, record, say


def tool_with(refunds: Refunds, editable: tuple[str, ...], **properties: Any) -> ProtectedTool:
    spec = json.loads(json.dumps(SPEC))
    spec["inputSchema"]["json"]["properties"] |= properties
    return ProtectedTool(spec, refunds, RefundRefusedError, None, "refunded", editable)


def browser_form(page: str) -> dict[str, str]:
    """What a browser sends of the page's form, untouched (HTML: value sanitization)."""
    form: dict[str, str] = {}
    for kind, attrs in re.findall(r'<input type="(\w+)"([^>]*)>', page):
        name = unescape(re.search(r'name="([^"]*)"', attrs)[1])
        value = unescape(re.search(r'value="([^"]*)"', attrs)[1])
        if kind in ("text", "email", "hidden"):
            if kind != "hidden":
                value = value.replace("\n", "").replace("\r", "")
        if kind == "date" and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            value = ""
        form[name] = value
    for attrs, text in re.findall(r"<textarea ([^>]*)>\n?(.*?)</textarea>", page, re.S):
        name = unescape(re.search(r'name="([^"]*)"', attrs)[1])
        form[name] = unescape(text).replace("\r\n", "\n").replace("\n", "\r\n")
    for attrs, inner in re.findall(r"<select ([^>]*)>(.*?)</select>", page, re.S):
        name = unescape(re.search(r'name="([^"]*)"', attrs)[1])
        options = re.findall(r'<option value="([^"]*)"( selected)?>', inner)
        chosen = [v for v, s in options if s] or [options[0][0]]
        form[name] = unescape(chosen[0])
    return form


def press(world: World, link: str, decision: str = "approved", **more: str) -> dict[str, Any]:
    page = world.request("GET", link, accept=HTML)["body"]
    form = {**browser_form(page), **more, "decision": decision}
    return world.request("POST", link, form, accept=HTML)


@pytest.fixture
def refunds(world: World) -> Refunds:
    refunds = Refunds()
    use_people(world, two_of_three, refund_tool(refunds))
    return refunds


def test_get_shows_the_call_that_its_digest_is_of(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    say(world, links["bob"], arguments={"amount": 400})
    shown = json.loads(world.request("GET", links["ann"])["body"])
    assert shown["digest"] == record(world, session_id).in_force.digest
    assert shown["arguments"]["amount"] == 400


def test_a_line_break_in_a_short_text_is_not_lost_by_the_page(world: World) -> None:
    refunds = Refunds()
    tool = tool_with(refunds, ("note",), note={"type": "string", "maxLength": 60})
    world.with_tools(tool)
    world.play([[refund(note="Not to Ann\nto Bob")], "Done."])
    world.start()
    (mail,) = world.read_mail()
    assert press(world, mail.links["approve"])["statusCode"] == 200
    world.deliver_all()
    assert [p["note"] for p in refunds.paid.values()] == ["Not to Ann\nto Bob"]


def test_a_date_that_is_none_is_not_emptied_by_the_page(world: World) -> None:
    refunds = Refunds()
    world.with_tools(refund_tool(refunds))
    world.play([[refund(pay_on="1 April 2026")], "Done."])
    session_id = world.start()
    (mail,) = world.read_mail()
    press(world, mail.links["approve"])
    world.deliver_all()
    assert [p["pay_on"] for p in refunds.paid.values()] in ([], ["1 April 2026"])
    assert not record(world, session_id).is_edited


def test_an_untouched_page_is_no_edit_of_an_edited_list(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    say(world, links["bob"], arguments={"items": ["one\nitem "]})
    before = record(world, session_id).in_force
    assert press(world, links["ann"])["statusCode"] == 200
    assert record(world, session_id).in_force == before
    assert record(world, session_id).status == Status.APPROVED


def test_a_denial_is_taken_when_the_votes_are_full(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    for n in range(MAX_VOTES):
        person = ("ann", "bob")[n % 2]
        assert say(world, links[person], arguments={"amount": 100 + n})["code"] == 200
    assert say(world, links["cyd"], "denied")["code"] == 200
    assert record(world, session_id).status == Status.DENIED


def test_two_long_comments_in_chinese(world: World, refunds: Refunds) -> None:
    _, links = asked(world)
    assert say(world, links["ann"], comment="好" * 4000)["code"] == 200
    assert say(world, links["bob"], comment="好" * 4000)["code"] == 200


def test_the_button_to_send_it_again_works_for_a_vote(world: World, refunds: Refunds) -> None:
    import approval_services

    session_id, links = asked(world)
    say(world, links["ann"])
    sqs = approval_services.services().sqs
    with world.monkeypatch.context() as patch:
        from botocore.exceptions import EndpointConnectionError

        def fails(**_: Any) -> None:
            raise EndpointConnectionError(endpoint_url="x")

        patch.setattr(sqs, "send_message", fails)
        failed = press(world, links["bob"])
    assert failed["statusCode"] == 503
    assert record(world, session_id).status == Status.APPROVED
    form = {**browser_form(failed["body"]), "decision": "approved"}
    assert world.request("POST", links["bob"], form, accept=HTML)["statusCode"] == 200
    assert world.deliver_all() == 1


def test_a_stale_edit_is_not_called_counted(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    first = record(world, session_id).in_force.digest
    say(world, links["ann"], arguments={"amount": 40})
    late = say(world, links["ann"], seen=first, arguments={"amount": 30})
    assert late["code"] == 409


def test_a_stale_edit_after_the_decision_is_a_conflict(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    first = record(world, session_id).in_force.digest
    say(world, links["ann"], arguments={"amount": 40})
    say(world, links["bob"])
    assert record(world, session_id).status == Status.APPROVED
    late = say(world, links["cyd"], seen=first, arguments={"amount": 30})
    assert late["code"] == 409


def test_a_stale_plain_approval_after_the_decision(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    first = record(world, session_id).in_force.digest
    say(world, links["ann"], arguments={"amount": 400})
    say(world, links["bob"])
    late = say(world, links["cyd"], seen=first)
    assert late["code"] == 409


def test_a_big_integer_is_refused_and_no_crash(world: World) -> None:
    refunds = Refunds()
    world.with_tools(tool_with(refunds, ("count",), count={"type": "integer"}))
    world.play([[refund(count=1)], "Done."])
    world.start()
    (mail,) = world.read_mail()
    answer = post_json(
        world, mail.links["approve"], {"decision": "approved", "arguments": {"count": 10**400}}
    )
    assert answer["statusCode"] in (200, 422)


def test_null_is_held_to_an_enum(world: World) -> None:
    refunds = Refunds()
    world.with_tools(
        tool_with(refunds, ("how",), how={"type": ["string", "null"], "enum": ["a", "b"]})
    )
    world.play([[refund(how="a")], "Done."])
    world.start()
    (mail,) = world.read_mail()
    answer = post_json(
        world, mail.links["approve"], {"decision": "approved", "arguments": {"how": None}}
    )
    assert answer["statusCode"] == 422


def test_unique_is_as_in_json(world: World) -> None:
    refunds = Refunds()
    world.with_tools(
        tool_with(
            refunds,
            ("ids",),
            ids={"type": "array", "items": {"type": "number"}, "uniqueItems": True},
        )
    )
    world.play([[refund(ids=[1])], "Done."])
    world.start()
    (mail,) = world.read_mail()
    answer = world.click(
        mail.links["approve"], **{"decision": "approved", "arguments.ids": "1\n1.0"}
    )
    assert answer["status_code"] == 422


def test_an_argument_twice_is_refused(world: World) -> None:
    refunds = Refunds()
    world.with_tools(refund_tool(refunds))
    world.play([[refund()], "Done."])
    world.start()
    (mail,) = world.read_mail()
    body = {"decision": "approved", "arguments": {"amount": 40}, "arguments.amount": "400"}
    assert post_json(world, mail.links["approve"], body)["statusCode"] == 400


def test_what_was_denied_is_not_asked_again_though_it_was_edited(world: World) -> None:
    refunds = Refunds()
    use_people(world, two_of_three, refund_tool(refunds))
    again = tool_use("pay-2", "send_refund", ASKED)
    _, links = asked(world, [refund()], [again])
    say(world, links["bob"], arguments={"amount": 40})
    say(world, links["cyd"], "denied")
    world.deliver_all()
    assert world.read_mail() == [], "exactly the same would be refused without asking anybody"


def test_what_was_denied_after_an_edit_is_not_asked_again_in_a_later_run(world: World) -> None:
    refunds = Refunds()
    use_people(world, two_of_three, refund_tool(refunds))
    other = tool_use("pay-2", "send_refund", {**ASKED, "amount": 70})
    again = tool_use("pay-3", "send_refund", {**ASKED, "amount": 40})
    _, links = asked(world, [refund()], [other], [again])
    say(world, links["bob"], arguments={"amount": 40})
    say(world, links["cyd"], "denied")
    world.deliver_all()
    links = links_of(world.read_mail())
    assert len(links) == 3
    say(world, links["cyd"], "denied")
    world.deliver_all()
    assert world.read_mail() == [], "40 was denied by a person who saw 40"


def test_fewer_are_left_than_must_agree(world: World, refunds: Refunds) -> None:
    asked(world)
    set_people(world.monkeypatch, {"ann": ANN})
    world.step(1_900)
    assert world.sweep()["failed"] == 1


def test_head_of_one_who_left_is_in_the_api_document(world: World, refunds: Refunds) -> None:
    from pathlib import Path

    _, links = asked(world)
    set_people(world.monkeypatch, {"bob": BOB, "cyd": CYD})
    code = world.request("HEAD", links["ann"])["statusCode"]
    api = json.loads((Path(__file__).parents[2] / "docs/openapi.json").read_text())
    assert str(code) in api["paths"]["/approvals/{token}"]["head"]["responses"]


def test_a_rule_does_not_run_what_nobody_waits_for_any_more(world: World) -> None:
    refunds = Refunds()
    use_people(world, by_rule, refund_tool(refunds))
    world.play([[refund(amount=5)], "Done."])
    parent = {
        "session_id": "gone-1",
        "tool_use_id": "t-1",
        "tool_name": "ask_agent",
        "decide_by": int(world.clock()) + 9999,
        "depth": 1,
    }
    from longrunning.agent.ending import Ending

    calls = iter([True])
    world.monkeypatch.setattr(Ending, "is_awaited", lambda *_: next(calls, False))
    world.send(
        json.dumps(
            {"type": "new", "session_id": "child-1", "parent": parent, "body": {"task": "Refund"}}
        )
    )
    world.deliver_all()
    assert refunds.paid == {}


def test_a_broken_policy_does_not_keep_a_child_from_being_withdrawn(world: World) -> None:
    refunds = Refunds()
    use_people(world, lambda *_: Policy(people=("ann", "bob")), refund_tool(refunds))
    world.play([[refund()], "Done."])
    parent = {
        "session_id": "gone-1",
        "tool_use_id": "t-1",
        "tool_name": "ask_agent",
        "decide_by": int(world.clock()) + 9999,
        "depth": 1,
    }
    from longrunning.agent.ending import Ending

    waits = [True]
    world.monkeypatch.setattr(Ending, "is_awaited", lambda *_: waits[0])
    world.send(
        json.dumps(
            {"type": "new", "session_id": "child-1", "parent": parent, "body": {"task": "Refund"}}
        )
    )
    world.deliver_all()
    (found,) = world.approvals("child-1")
    assert found.approvers == ["ann", "bob"]
    waits[0] = False
    set_people(world.monkeypatch, {"ann": ANN})  # Bob has left.
    world.send(json.dumps({"type": "cancel", "session_id": "child-1"}))
    world.deliver_until_quiet()
    (found,) = world.approvals("child-1")
    assert found.status == Status.CANCELLED


def test_a_policy_that_raises_is_logged_as_the_docs_say(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any) -> Policy:
        raise KeyError("amount")

    use_people(world, broken, refund_tool(Refunds()))
    world.play([[refund()], "Done."])
    world.start()
    assert "the policy cannot be done" in capsys.readouterr().out


def test_an_added_argument_is_in_page_and_mail_of_a_call_without(world: World) -> None:
    refunds = Refunds()
    spec = {
        "name": "send_refund",
        "description": "x",
        "inputSchema": {"json": {"type": "object", "properties": {"amount": {"type": "integer"}}}},
    }
    use_people(
        world,
        two_of_three,
        ProtectedTool(spec, refunds, RefundRefusedError, None, "refunded", ("amount",)),
    )
    _, links = asked(world, [tool_use("pay-1", "send_refund", {})])
    say(world, links["bob"], arguments={"amount": 4000})
    page = world.request("GET", links["ann"], accept=HTML)["body"]
    assert "nothing else" not in page
    world.step(1_900)
    world.sweep()
    assert "amount: 4000\n" in world.read_mail()[0].body


def test_a_person_not_asked_decides_nothing_alone(world: World) -> None:
    from longrunning.people.links import LinkKeys, make_token
    from longrunning_testkit.worlds import LINK_KEYS

    use_people(world, lambda *_: Policy(people=("bob",)), refund_tool(Refunds()))
    session_id, _ = asked(world)
    found = record(world, session_id)
    keys = LinkKeys.parse(json.dumps(LINK_KEYS))
    token = make_token(keys, session_id, found.tool_use_id, found.decide_by, person="ann")
    link = f"https://approvals.example.com/approvals/{token}"
    assert world.click(link, decision="approved")["status_code"] == 403


def test_an_untouched_page_approves_what_was_asked(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    assert press(world, links["ann"])["statusCode"] == 200
    assert press(world, links["bob"])["statusCode"] == 200
    found = record(world, session_id)
    assert (found.status, found.is_edited) == (Status.APPROVED, False)


def test_the_largest_item_fits(world: World) -> None:
    refunds = Refunds()
    spec = {
        "name": "send_refund",
        "description": "x",
        "inputSchema": {
            "json": {
                "type": "object",
                "required": ["text", "blob"],
                "properties": {"text": {"type": "string"}, "blob": {"type": "string"}},
            }
        },
    }
    use_people(
        world,
        two_of_three,
        ProtectedTool(spec, refunds, RefundRefusedError, "text", "refunded", ("blob",)),
    )
    session_id, links = asked(
        world, [tool_use("pay-1", "send_refund", {"text": "a" * 148_000, "blob": "b" * 16_300})]
    )
    assert (
        say(
            world,
            links["ann"],
            content="c" * 148_000,
            arguments={"blob": "d" * 16_300},
            comment="x" * 4000,
        )["code"]
        == 200
    )
    for n in range(3):
        assert (
            say(
                world,
                links["bob"],
                content="c" * 148_000,
                arguments={"blob": "d" * 16_000 + str(n)},
                comment="y" * 4000,
            )["code"]
            == 200
        )
    assert say(world, links["cyd"], comment="好" * 900)["code"] == 200
    world.deliver_all()
    assert world.session(session_id).outcome == "refunded"


def test_a_program_that_does_as_the_docs_say_approves_what_it_has_read(
    world: World, refunds: Refunds
) -> None:
    _, links = asked(world)
    say(world, links["bob"], arguments={"amount": 400})
    shown = json.loads(world.request("GET", links["ann"])["body"])
    form = {"decision": "approved", "seen": shown["digest"]}
    world.click(links["ann"], **form)
    world.deliver_all()
    assert [p["amount"] for p in refunds.paid.values()] in ([], [shown["arguments"]["amount"]])


def test_a_vote_of_an_untouched_page_is_for_what_the_page_showed(
    world: World, refunds: Refunds
) -> None:
    """bob edits by JSON, ann presses Approve and touches nothing, cyd approves: it runs."""
    session_id, links = asked(world)
    say(world, links["bob"], arguments={"items": ["one\nitem"]})
    shown = record(world, session_id).in_force.digest
    press(world, links["ann"])
    press(world, links["cyd"])
    world.deliver_all()
    (vote,) = [v for v in record(world, session_id).votes or () if v["by"] == "ann"]
    assert vote["digest"] == shown


def test_an_address_that_is_none_does_not_block_the_buttons(world: World) -> None:
    """Chromium 156: an invalid type=email in closed details stops Approve and Deny, silently."""
    refunds = Refunds()
    world.with_tools(tool_with(refunds, ("to",), to={"type": "string", "format": "email"}))
    world.play([[refund(to="Ann K <ann@example.com>")], "Done."])
    world.start()
    (mail,) = world.read_mail()
    page = world.request("GET", mail.links["approve"], accept=HTML)["body"]
    assert 'type="email"' not in page or "novalidate" in page


def test_the_reminder_at_half_time_is_not_lost_by_an_edit(world: World, refunds: Refunds) -> None:
    _, links = asked(world)
    say(world, links["ann"])
    say(world, links["bob"], arguments={"amount": 40})
    world.step(60)
    world.sweep()
    assert {m.to for m in world.read_mail()} == {"ann", "cyd"}
    world.step(1_900)
    world.sweep()
    assert {m.to for m in world.read_mail()} == {"ann", "cyd"}


HOSTILE = '<i id="x">&\'"$title'


def test_hostile_names_are_escaped_and_ids_unique(world: World) -> None:
    refunds = Refunds()
    name = "a.b[0] <b>\"'$what"
    tool = tool_with(
        refunds,
        (name, "content", "seen"),
        **{
            name: {"type": "string", "title": HOSTILE, "enum": [HOSTILE, "ok"]},
            "content": {"type": "string"},
            "seen": {"type": "string", "maxLength": 9},
        },
    )
    use_people(world, two_of_three, tool)
    set_people(world.monkeypatch, {**PEOPLE, "ann": ANN._replace(name=HOSTILE)})
    session_id, links = asked(world, [refund(**{name: HOSTILE, "content": "c", "seen": "s"})])
    pages = [world.request("GET", links["ann"], accept=HTML)["body"]]
    pages.append(press(world, links["ann"], comment=HOSTILE)["body"])
    pages.append(world.request("GET", links["bob"], accept=HTML)["body"])
    pages.append(press(world, links["bob"], **{f"arguments.{name}": "ok"})["body"])
    pages.append(press(world, links["cyd"])["body"])
    for page in pages:
        assert '<i id="x">' not in page and "<b>" not in page
        ids = re.findall(r'\bid="([^"]*)"', page)
        assert len(ids) == len(set(ids))
        for ref in re.findall(r'aria-(?:labelledby|describedby)="([^"]*)"', page):
            assert ref in ids
    assert record(world, session_id).status == Status.APPROVED
    world.deliver_all()
    (paid,) = refunds.paid.values()
    assert (paid[name], paid["content"], paid["seen"]) == ("ok", "c", "s")


def test_many_rules_in_a_row_go_on_by_messages(world: World) -> None:
    """Each decision of a rule goes on inside the one before: not without an end."""
    refunds = Refunds()
    use_people(world, by_rule, refund_tool(refunds))
    count, most = 10, 5
    world.monkeypatch.setattr(worker, "MAX_AT_ONCE", most)
    calls = [tool_use(f"pay-{n}", "send_refund", {**ASKED, "amount": 1 + n / 10})
             for n in range(count)]  # fmt: skip
    world.play([*([call] for call in calls), "Done."])
    session_id = world.start()
    assert len(refunds.paid) == most
    assert world.deliver_all() == 1
    assert len(refunds.paid) == count
    assert world.session(session_id).outcome == "refunded"


def test_all_of_twenty_may_agree_after_an_edit(world: World) -> None:
    many = {f"p{n}": Person(f"p{n}", f"P {n}", f"p{n}@example.com") for n in range(20)}
    use_people(world, lambda *_: Policy(people=tuple(many), needed=20), refund_tool(Refunds()))
    set_people(world.monkeypatch, many)
    session_id, links = asked(world)
    for id_ in list(many)[:19]:
        say(world, links[id_])
    say(world, links["p19"], arguments={"amount": 40})
    for id_ in list(many)[:19]:
        assert say(world, links[id_])["code"] == 200
    assert record(world, session_id).status == Status.APPROVED


def test_a_vote_that_is_sent_twice_is_counted_once(world: World, refunds: Refunds) -> None:
    """The network loses the answer, and the same request comes again."""
    session_id, links = asked(world)
    seen = record(world, session_id).in_force.digest
    for _ in range(2):
        assert say(world, links["ann"], seen=seen, arguments={"amount": 40})["code"] == 200
    assert len(record(world, session_id).votes or ()) == 1
