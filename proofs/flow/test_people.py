"""Who decides: people by name, several who must agree, rules, and whoever may not."""

import json
from typing import Any

import pytest

from converse_stand_in import tool_use
from longrunning.people.policy import Policy
from longrunning.waits.item import Status, Wait
from longrunning.waits.votes import MAX_VOTES
from longrunning_testkit.worlds import Mail
from sample_people import BOB, CYD, PEOPLE, set_people, two_of_three, use_people
from sample_refund import Refunds, refund_tool
from sample_world import World
from test_any_call import ASKED, COMPLETE, HTML, post_json, refund
from test_detours import last_results

WRITES = ("PutItem", "UpdateItem", "TransactWriteItems")


@pytest.fixture
def refunds(world: World) -> Refunds:
    """Two of three must agree to a refund."""
    refunds = Refunds()
    use_people(world, two_of_three, refund_tool(refunds))
    return refunds


def asked(world: World, *turns: Any, **fields: str) -> tuple[str, dict[str, str]]:
    """Has the agent ask; returns the session and each person's link."""
    world.play([*(turns or ([refund()],)), "Done."])
    session_id = world.start(**fields)
    return session_id, links_of(world.read_mail())


def links_of(mails: list[Mail]) -> dict[str, str]:
    return {str(mail.to): mail.links["approve"] for mail in mails}


def say(world: World, link: str, decision: str = "approved", **more: Any) -> dict[str, Any]:
    """Votes on what the link shows now; returns status and document."""
    seen = more.pop("seen", None) or json.loads(world.request("GET", link)["body"]).get("digest")
    answer = post_json(world, link, {"decision": decision, "seen": seen, **more})
    return {"code": answer["statusCode"], **json.loads(answer["body"])}


def record(world: World, session_id: str) -> Wait:
    (found,) = world.approvals(session_id)
    return found


# --- names ---------------------------------------------------------------------------------------


def test_each_person_gets_links_of_their_own_and_decides_in_their_name(world: World) -> None:
    refunds = Refunds()
    use_people(world, lambda *_: Policy(people=("ann", "bob")), refund_tool(refunds))
    session_id, links = asked(world)
    assert links.keys() == {"ann", "bob"}
    assert links["ann"] != links["bob"]
    answer = world.click(links["bob"], decision="approved", comment="Fine")
    assert (answer["status_code"], answer["decided_by"], answer["via"]) == (200, "bob", "link")
    world.deliver_all()
    assert list(refunds.paid.values()) == [COMPLETE]
    found = record(world, session_id)
    assert (found.approvers, found.needed, found.votes) == (["ann", "bob"], None, None)
    (told,) = last_results(world).values()
    assert json.loads(told["content"][0]["text"])["decided_by"] == "bob"
    assert world.click(links["ann"], decision="denied")["status_code"] == 409


def test_an_e_mail_says_whose_it_is(world: World, refunds: Refunds) -> None:
    asked(world)
    mails = {mail.to: mail for mail in world.mails}
    assert "They are for Ann Kovač: whoever uses them decides in that name" in mails["ann"].body
    assert "2 of 3 people must approve it." in mails["ann"].body
    assert "Anyone who has them" not in mails["ann"].body
    assert mails["ann"].subject == mails["bob"].subject


def test_a_page_says_whose_link_it_is_and_who_must_agree(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    say(world, links["bob"], comment="Good <b>")
    page = world.request("GET", links["ann"], accept=HTML)["body"]
    assert "This link is for Ann Kovač" in page
    assert "2 of these must approve it: Ann Kovač, Bob, Cyd." in page
    assert "Approved so far by Bob." in page
    assert "<q>Good &lt;b&gt;</q>" in page
    digest = record(world, session_id).in_force.digest
    assert f'<input type="hidden" name="seen" value="{digest}">' in page


def test_one_who_has_left_decides_nothing_from_then_on(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    set_people(world.monkeypatch, {"bob": BOB, "cyd": CYD})
    before = world.snapshot()
    assert say(world, links["ann"], seen="x")["code"] == 403
    assert world.request("GET", links["ann"])["statusCode"] == 403
    assert world.request("GET", links["ann"], accept=HTML)["statusCode"] == 403
    assert world.snapshot() == before
    assert say(world, links["bob"])["code"] == say(world, links["cyd"])["code"] == 200
    assert record(world, session_id).status == Status.APPROVED


def test_a_link_without_a_name_decides_nothing_that_is_asked_by_name(
    world: World, refunds: Refunds
) -> None:
    """Such links exist: of before there were names, or for a topic of an earlier release."""
    from longrunning.people.links import LinkKeys, make_token
    from longrunning_testkit.worlds import LINK_KEYS

    for policy in (two_of_three, lambda *_: Policy(people=("ann",))):
        use_people(world, policy, refund_tool(refunds))
        session_id, _ = asked(world)
        found = record(world, session_id)
        keys = LinkKeys.parse(json.dumps(LINK_KEYS))
        token = make_token(keys, session_id, found.tool_use_id, found.decide_by)
        link = f"https://approvals.example.com/approvals/{token}"
        for decision in ("approved", "denied"):
            answer = world.click(link, decision=decision)
            assert answer["status_code"] == 403
        assert record(world, session_id) == found


def test_a_persons_single_link_is_no_vote_and_a_vote_no_single_decision(
    world: World, refunds: Refunds
) -> None:
    """The flag is signed into the link; the record holds against a wrong one, too."""
    from longrunning.people.links import VOTES, LinkKeys, make_token
    from longrunning_testkit.worlds import LINK_KEYS

    keys = LinkKeys.parse(json.dumps(LINK_KEYS))
    for policy, flags in ((two_of_three, 0), (lambda *_: Policy(people=("ann",)), VOTES)):
        use_people(world, policy, refund_tool(refunds))
        session_id, _ = asked(world)
        found = record(world, session_id)
        ids = (session_id, found.tool_use_id, found.decide_by)
        token = make_token(keys, *ids, person="ann", flags=flags)
        link = f"https://approvals.example.com/approvals/{token}"
        assert say(world, link)["code"] == 403
        assert record(world, session_id) == found


# --- several -------------------------------------------------------------------------------------


def test_two_of_three_must_approve_the_same_call(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    first = say(world, links["ann"], comment="Yes")
    assert (first["code"], first["status"], len(first["votes"])) == (200, "PENDING", 1)
    assert world.deliver() is None, "nobody is told before the last one"
    last = say(world, links["cyd"], comment="Me too")
    assert (last["code"], last["status"], last["decided_by"]) == (200, "APPROVED", "cyd")
    assert world.deliver_all() == 1
    assert list(refunds.paid.values()) == [COMPLETE]
    found = record(world, session_id)
    assert [(v["by"], v["decision"], v["via"]) for v in found.votes or ()] == [
        ("ann", "approved", "link"), ("cyd", "approved", "link"),
    ]  # fmt: skip
    assert {v["digest"] for v in found.votes or ()} == {found.in_force.digest}
    (told,) = last_results(world).values()
    assert json.loads(told["content"][0]["text"])["comment"] == "ann: Yes\ncyd: Me too"


def test_one_person_counts_once_however_often(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    for _ in range(3):
        assert say(world, links["ann"])["code"] == 200
    assert record(world, session_id).status == Status.PENDING
    assert len(record(world, session_id).votes or ()) == 1
    assert world.deliver() is None


def test_one_person_counts_once_over_an_edit_and_back(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    say(world, links["ann"])
    say(world, links["bob"], arguments={"amount": 40})
    back = say(world, links["ann"], arguments={"amount": 60})
    assert (back["code"], back["status"]) == (200, "PENDING"), "ann twice, for the very same call"
    assert record(world, session_id).approved_by == ("ann",)


def test_a_link_of_somebody_who_is_not_asked_counts_for_nothing(world: World) -> None:
    """Such a link is made for nobody; the record does not rely on that."""
    from longrunning.people.links import VOTES, LinkKeys, make_token
    from longrunning_testkit.worlds import LINK_KEYS

    use_people(world, lambda *_: Policy(people=("ann", "bob"), needed=2), refund_tool(Refunds()))
    session_id, _ = asked(world)
    found = record(world, session_id)
    ids = (session_id, found.tool_use_id, found.decide_by)
    keys = LinkKeys.parse(json.dumps(LINK_KEYS))
    token = make_token(keys, *ids, person="cyd", flags=VOTES)
    link = f"https://approvals.example.com/approvals/{token}"
    for decision in ("approved", "denied"):
        assert say(world, link, decision)["code"] == 403
    assert record(world, session_id) == found


def test_the_first_denial_decides(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    say(world, links["ann"])
    denied = say(world, links["bob"], "denied", comment="No")
    assert (denied["code"], denied["status"], denied["decided_by"]) == (200, "DENIED", "bob")
    world.deliver_all()
    assert refunds.paid == {}
    assert world.session(session_id).outcome == "denied"
    assert say(world, links["cyd"])["code"] == 409
    assert say(world, links["cyd"], "denied")["code"] == 200


def test_one_may_deny_what_one_has_approved(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    say(world, links["ann"])
    assert say(world, links["ann"], "denied")["status"] == "DENIED"
    assert record(world, session_id).status == Status.DENIED


def test_an_edit_leaves_the_earlier_votes_behind_and_they_are_told(
    world: World, refunds: Refunds
) -> None:
    session_id, links = asked(world)
    say(world, links["ann"])
    edited = say(world, links["bob"], arguments={"amount": 40})
    assert (edited["code"], edited["status"]) == (200, "PENDING"), "ann approved 60"
    assert record(world, session_id).approved_by == ("bob",)
    world.step(60)
    world.sweep()
    reminded = world.read_mail()
    assert {mail.to for mail in reminded} == {"ann", "cyd"}
    assert "amount: 40\n" in reminded[0].body, "what is in force, not what was asked"
    assert "It was edited since it was asked" in reminded[0].body
    page = world.request("GET", links["ann"], accept=HTML)["body"]
    assert '<del><span class="unseen">removed: </span>60</del>' in page
    assert "approved an earlier version" in page
    assert say(world, links["ann"])["status"] == "APPROVED"
    world.deliver_all()
    assert list(refunds.paid.values()) == [{**COMPLETE, "amount": 40}]


def test_a_vote_for_what_was_edited_meanwhile_is_shown_again(
    world: World, refunds: Refunds
) -> None:
    session_id, links = asked(world)
    seen = record(world, session_id).in_force.digest
    say(world, links["bob"], arguments={"amount": 40})
    before = record(world, session_id)
    late = say(world, links["ann"], seen=seen)
    assert late["code"] == 409
    assert "edited after you opened it" in late["error"]
    form = {"decision": "approved", "seen": seen, "comment": "Kept", "arguments.amount": "60"}
    answer = world.request("POST", links["ann"], form, accept=HTML)
    assert answer["statusCode"] == 409
    assert ">Kept</textarea>" in answer["body"].replace("\n", "")
    assert 'value="40"' in answer["body"]
    assert record(world, session_id) == before


def test_an_edit_back_to_what_was_asked_is_no_edit_any_more(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    say(world, links["ann"])
    say(world, links["bob"], arguments={"amount": 40})
    back = say(world, links["cyd"], arguments={"amount": 60})
    assert back["status"] == "APPROVED", "ann and cyd agree to the very same call"
    world.deliver_all()
    found = record(world, session_id)
    assert (found.is_edited, found.edited_arguments) == (False, None)
    assert list(refunds.paid.values()) == [COMPLETE]


def test_an_edit_that_changes_nothing_is_a_plain_approval(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    say(world, links["ann"], arguments={"amount": 40})
    again = say(world, links["bob"], arguments={"amount": 40.0})
    assert again["status"] == "APPROVED"
    assert record(world, session_id).edit.arguments == {"amount": 40}


def test_without_what_was_seen_nothing_is_counted(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    for body in ({"decision": "approved"}, {"decision": "denied", "seen": None}):
        answer = post_json(world, links["ann"], body)
        assert answer["statusCode"] == 400
        assert "seen: expected the digest" in answer["body"]
    assert record(world, session_id).votes is None


def test_the_page_of_a_counted_vote_says_how_many_it_takes(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    seen = record(world, session_id).in_force.digest
    form = {"decision": "approved", "seen": seen, "arguments.amount": "60"}
    page = world.request("POST", links["ann"], form, accept=HTML)
    assert page["statusCode"] == 200
    assert "Counted: 1 of 2" in page["body"]


def test_too_many_votes_are_told(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    for n in range(MAX_VOTES):
        person = ("ann", "bob")[n % 2]
        assert say(world, links[person], arguments={"amount": 100 + n})["code"] == 200
    full = say(world, links["ann"], arguments={"amount": 1})
    assert full["code"] == 409
    assert "Too much was said" in full["error"]
    assert say(world, links["ann"])["code"] == 409
    assert len(record(world, session_id).votes or ()) == MAX_VOTES


def test_what_nobody_agrees_on_expires(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    say(world, links["ann"])
    world.step(3_601)
    assert say(world, links["bob"], seen="x")["code"] == 410
    world.sweep()
    world.deliver_all()
    assert world.session(session_id).outcome == "expired"
    assert refunds.paid == {}


def test_a_reminder_goes_to_those_who_have_not_agreed(world: World, refunds: Refunds) -> None:
    _, links = asked(world)
    say(world, links["ann"])
    world.step(1_900)
    world.sweep()
    assert {mail.to for mail in world.read_mail()} == {"bob", "cyd"}


def test_an_escalation_has_no_links_of_what_is_asked_by_name(
    monkeypatch: pytest.MonkeyPatch, world: World, refunds: Refunds
) -> None:
    monkeypatch.setenv("ON_SILENCE", "escalate")
    use_people(world, two_of_three, refund_tool(refunds))
    asked(world)
    world.step(2_800)
    world.sweep()
    topic = world.pocket.sns.topics[world.env["ESCALATION_TOPIC_ARN"]]
    (mail,) = topic.published
    assert "https://" not in mail.message
    assert "Asked: Ann Kovač, Bob, Cyd. Needed: 2." in mail.message
    assert [m.links for m in world.read_mail("ESCALATION_TOPIC_ARN")] == [{}]


def test_more_than_ten_people_get_their_e_mails_in_batches(world: World) -> None:
    from longrunning.people.directory import Person

    many = {f"p{n}": Person(f"p{n}", f"P {n}", f"p{n}@example.com") for n in range(20)}
    use_people(world, lambda *_: Policy(people=tuple(many), needed=20), refund_tool(Refunds()))
    set_people(world.monkeypatch, many)
    session_id, links = asked(world)
    assert links.keys() == many.keys()
    for person in many:
        assert say(world, links[person])["code"] == 200
    assert record(world, session_id).status == Status.APPROVED


# --- whoever requested it ------------------------------------------------------------------------


@pytest.mark.parametrize("requester", ["ann", "Ann", "ANN@example.com"])
def test_the_requester_is_not_asked_where_that_is_barred(world: World, requester: str) -> None:
    policy = Policy(people=("ann", "bob", "cyd"), needed=2, self_approval=False)
    use_people(world, lambda *_: policy, refund_tool(Refunds()))
    session_id, links = asked(world, requested_by=requester)
    assert links.keys() == {"bob", "cyd"}
    found = record(world, session_id)
    assert (found.approvers, found.requested_by) == (["bob", "cyd"], requester)
    assert world.session(session_id).requested_by == requester


def test_the_policy_gets_the_requester_and_the_call(world: World) -> None:
    got: list[Any] = []

    def policy(call: Any, requested_by: str | None) -> Policy:
        got.append((call.action, call.arguments["amount"], requested_by))
        return Policy(people=("ann",))

    use_people(world, policy, refund_tool(Refunds()))
    asked(world, requested_by="shop:17")
    assert set(got) == {("send_refund", 60, "shop:17")}


# --- rules ---------------------------------------------------------------------------------------


def by_rule(call: Any, requested_by: str | None) -> Policy:
    if call.arguments["amount"] <= 50:
        return Policy.decide("approved", rule="small-refund")
    if call.arguments["amount"] > 400:
        return Policy.decide("denied", rule="too-large")
    return Policy(people=("ann",))


@pytest.mark.parametrize(
    ("amount", "is_asked", "outcome", "decided_by"),
    [
        (50, False, "refunded", "rule:small-refund"),
        (50.01, True, "", None),
        (400, True, "", None),
        (400.01, False, "denied", "rule:too-large"),
    ],
)
def test_a_rule_decides_what_it_names_and_nothing_beside(
    world: World, amount: float, is_asked: bool, outcome: str, decided_by: str | None
) -> None:
    refunds = Refunds()
    use_people(world, by_rule, refund_tool(refunds))
    session_id, links = asked(world, [refund(amount=amount)])
    assert bool(links) is is_asked
    found = record(world, session_id)
    assert (found.decided_by, found.via) == (decided_by, "rule" if decided_by else None)
    assert world.session(session_id).outcome == outcome
    assert [paid["amount"] for paid in refunds.paid.values()] == [50] * (amount == 50)
    assert world.deliver() is None, "it went on at once"


def test_what_a_rule_has_decided_goes_on_after_a_crash(world: World) -> None:
    refunds = Refunds()
    use_people(world, by_rule, refund_tool(refunds))
    world.play([[refund(amount=5)], "Done."])
    world.send(json.dumps({"type": "new", "body": {"task": "Refund"}}))
    world.with_time_left(17)  # No time for an effect: the run ends, the message comes back.
    message = world.receive()
    assert message
    from longrunning.agent import worker

    def dies(*_: Any) -> None:
        raise RuntimeError("dies")

    with world.monkeypatch.context() as patch:
        patch.setattr(worker.Worker, "go_on_at_once", dies)
        assert not world.handle(message)
    world.with_time_left(120)
    world.deliver_until_quiet()
    assert len(refunds.paid) == 1


def test_a_turn_of_a_rule_and_a_person_waits_for_the_person(world: World) -> None:
    refunds = Refunds()
    use_people(world, by_rule, refund_tool(refunds))
    large = tool_use("pay-2", "send_refund", {**ASKED, "amount": 60})
    session_id, links = asked(world, [refund(amount=5), large])
    assert refunds.paid == {}
    world.click(links["ann"], decision="denied")
    world.deliver_all()
    assert [paid["amount"] for paid in refunds.paid.values()] == [5]
    assert world.session(session_id).outcome in ("refunded", "denied")


def test_the_page_of_a_rule_says_so(world: World) -> None:
    from longrunning.people.links import LinkKeys, make_token
    from longrunning_testkit.worlds import LINK_KEYS

    use_people(world, by_rule, refund_tool(Refunds()))
    session_id, _ = asked(world, [refund(amount=5)])
    found = record(world, session_id)
    keys = LinkKeys.parse(json.dumps(LINK_KEYS))
    token = make_token(keys, session_id, found.tool_use_id, found.decide_by, person="ann")
    url = f"https://approvals.example.com/approvals/{token}"
    assert (
        "The rule small-refund: nobody was asked" in world.request("GET", url, accept=HTML)["body"]
    )


# --- policies that cannot be done ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        (Policy(people=("ann", "eve")), "not in people.toml: eve"),
        (Policy(people=()), "1 needed, 0 can approve"),
        (Policy(people=("ann", "bob"), needed=3), "3 needed, 2 can approve"),
        (Policy(people=("ann", "ann"), needed=2), "2 needed, 1 can approve"),
        (Policy(people=("ann",), needed=0), "0 needed, 1 can approve"),
        (Policy(people=("ann",), needed=True), "True needed"),
        (Policy(people=("ann",), self_approval=False), "does not say requested_by"),
        (Policy(decision="approved"), "expected Policy.decide"),
        (Policy(people=("ann",), decision="approved", rule="x"), "expected Policy.decide"),
        (Policy.decide("maybe", rule="x"), "expected Policy.decide"),  # type: ignore[arg-type]
        (Policy.decide("approved", rule="No Name"), "expected Policy.decide"),
        (None, "expected a Policy, got NoneType"),
        (True, "expected a Policy, got bool"),
        ("ann", "expected a Policy, got str"),
    ],
)
def test_a_policy_that_cannot_be_done_is_loud_and_asks_nobody(
    world: World, policy: Any, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refunds = Refunds()
    use_people(world, lambda *_: policy, refund_tool(refunds))
    world.play([[refund()], "Done."])
    session_id = world.start()
    assert world.read_mail() == []
    assert world.approvals(session_id) == []
    assert why in capsys.readouterr().out
    world.deliver_until_quiet()
    assert len(world.dead_letters()) == 1
    assert (refunds.paid, world.read_mail(), world.approvals(session_id)) == ({}, [], [])


def test_a_policy_that_fails_is_loud_and_goes_on_once_it_is_mended(world: World) -> None:
    refunds = Refunds()

    def broken(*_: Any) -> Policy:
        raise KeyError("amount")

    use_people(world, broken, refund_tool(refunds))
    world.play([[refund()], "Done."])
    session_id = world.start()
    use_people(world, lambda *_: Policy(people=("ann",)), refund_tool(refunds))
    world.deliver_until_quiet()
    links = links_of(world.read_mail())
    assert links.keys() == {"ann"}
    world.click(links["ann"], decision="approved")
    world.deliver_all()
    assert world.session(session_id).outcome == "refunded"


def test_all_are_gone_is_a_fault_and_not_silence(world: World, refunds: Refunds) -> None:
    asked(world)
    set_people(world.monkeypatch, {})
    world.step(1_900)
    assert world.sweep()["failed"] == 1


# --- what it costs -------------------------------------------------------------------------------


def test_the_calls_of_two_of_three(world: World, refunds: Refunds) -> None:
    from botocore.client import BaseClient

    made: list[str] = []
    real = BaseClient._make_api_call

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        made.append(operation)
        return real(client, operation, parameters)

    world.monkeypatch.setattr(BaseClient, "_make_api_call", call)
    session_id, links = asked(world)
    seen = record(world, session_id).in_force.digest
    for person in ("ann", "bob"):
        made.append(person)
        post_json(world, links[person], {"decision": "approved", "seen": seen})
        made.append("done")
    votes = [made[made.index(p) + 1 :][: made[made.index(p) :].index("done") - 1]
             for p in ("ann", "bob")]  # fmt: skip
    votes = [[name for name in calls if name != "GetSecretValue"] for calls in votes]
    assert votes == [["GetItem", "UpdateItem"], ["GetItem", "UpdateItem", "SendMessage"]]
    assert made.count("PublishBatch") == 1
    assert len(PEOPLE) == 3
