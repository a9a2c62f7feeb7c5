"""People with names are e-mailed by SES, where MailFrom says so: the stories of people once more.

Each is told over both, and must end alike.
"""

import re
from typing import Any

import pytest

from inbox_browser import Browser, sign_in_link
from longrunning_testkit.pocket import AwsError
from sample_people import set_people, two_of_three, use_people
from sample_refund import Refunds, refund_tool
from sample_world import World
from test_any_call import COMPLETE
from test_people import asked, links_of, record, say

MAIL_FROM = "approvals@example.com"
THROTTLED = AwsError("TooManyRequestsException", "Maximum sending rate exceeded.", status=429)
REJECTED = AwsError("MessageRejected", "Email address is not verified: bob@example.com")
IN_TROUBLE = AwsError("InternalServiceErrorException", "Try again", status=500)
DENIED = AwsError("AccessDeniedException", "No identity-based policy", status=403)

either_way = pytest.mark.parametrize("by", ["SNS", "SES"])


@pytest.fixture
def refunds(world: World) -> Refunds:
    """Two of three must agree to a refund."""
    refunds = Refunds()
    use_people(world, two_of_three, refund_tool(refunds))
    return refunds


@pytest.fixture
def by_ses(world: World, refunds: Refunds) -> None:
    world.with_mail_from()


def choose(world: World, by: str) -> None:
    if by == "SES":
        world.with_mail_from()


def told_by_ses(world: World) -> list[str]:
    return [one.to[0].partition("@")[0] for one in world.pocket.sesv2.sent]


def published(world: World, topic: str = "APPROVAL_TOPIC_ARN") -> list[Any]:
    return world.pocket.sns.topics[world.env[topic]].published


# --- the same stories ----------------------------------------------------------------------------


@either_way
def test_each_person_gets_links_of_their_own(world: World, refunds: Refunds, by: str) -> None:
    choose(world, by)
    session_id, links = asked(world)
    assert links.keys() == {"ann", "bob", "cyd"}
    assert len(set(links.values())) == 3
    for id_ in ("ann", "cyd"):
        assert say(world, links[id_])["code"] == 200
    world.deliver_all()
    assert list(refunds.paid.values()) == [COMPLETE]
    assert [vote["by"] for vote in record(world, session_id).votes or ()] == ["ann", "cyd"]
    assert (len(published(world)), len(world.pocket.sesv2.sent)) == {
        "SNS": (3, 0), "SES": (0, 3)}[by]  # fmt: skip


@either_way
def test_after_an_edit_those_who_had_agreed_are_asked_again(
    world: World, refunds: Refunds, by: str
) -> None:
    choose(world, by)
    _, links = asked(world)
    say(world, links["ann"])
    say(world, links["bob"], arguments={"amount": 40})
    world.step(60)
    assert world.sweep()["reminded"] == 1
    again = links_of(world.read_mail())
    assert again == {id_: links[id_] for id_ in ("ann", "cyd")}, "the very same links"


@either_way
def test_who_signs_in_gets_an_e_mail(world: World, refunds: Refunds, by: str) -> None:
    choose(world, by)
    ann = Browser()
    assert ann.ask().status == 200
    assert "Nothing waits for you" in ann.post(sign_in_link(world)).text
    assert Browser().ask("eve@example.com").status == 200
    assert len(published(world)) + len(world.pocket.sesv2.sent) == 1


# --- what goes by SES ----------------------------------------------------------------------------


@pytest.mark.usefixtures("by_ses")
def test_a_letter_is_from_mail_from_to_one_person_as_text_and_as_html(world: World) -> None:
    asked(world)
    for one in world.pocket.sesv2.sent:
        assert (one.sender, len(one.to)) == (MAIL_FROM, 1)
        assert one.headers == {"Auto-Submitted": "auto-generated"}
        urls = set(re.findall(r"https://\S+", one.text))
        assert set(re.findall(r'href="([^"]+)"', one.html)) == urls
        assert len(urls) == 2
    names = {one.to[0]: one.html for one in world.pocket.sesv2.sent}
    assert "They are for Ann Kovač" in names["ann@example.com"]


@pytest.mark.usefixtures("by_ses")
def test_what_is_asked_of_nobody_by_name_and_escalations_stay_on_sns(world: World) -> None:
    world.monkeypatch.setenv("ON_SILENCE", "escalate")
    world.with_mail_from()
    asked(world)
    world.step(2_000)
    world.sweep()
    world.step(1_000)
    assert world.sweep()["escalated"] == 1
    assert len(published(world, "ESCALATION_TOPIC_ARN")) == 1
    assert published(world) == []
    world.with_tools(refund_tool(Refunds()))
    asked(world)
    assert (len(published(world)), len(world.pocket.sesv2.sent)) == (1, 6)


@pytest.mark.usefixtures("by_ses")
def test_a_reminder_by_name_needs_no_subscription(world: World) -> None:
    """Nobody has confirmed the topic, which such an e-mail does not go to."""
    world.pocket.sns.topics[world.env["APPROVAL_TOPIC_ARN"]].confirmed = 0
    asked(world)
    world.step(1_801)
    assert world.sweep()["reminded"] == 1
    assert told_by_ses(world) == ["ann", "bob", "cyd"] * 2


# --- what fails ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("by_ses")
def test_the_rate_of_the_account_is_waited_for_and_nobody_gets_two(world: World) -> None:
    world.pocket.sesv2.per_second = 1
    before = world.clock()
    asked(world)
    assert told_by_ses(world) == ["ann", "bob", "cyd"]
    assert 2 <= world.clock() - before < 5
    assert world.deliver() is None


@pytest.mark.usefixtures("by_ses")
def test_what_stays_throttled_fails_and_is_delivered_again(world: World) -> None:
    world.pocket.sesv2.fails["bob@example.com"] = [THROTTLED] * 5
    before = world.clock()
    _, links = asked(world)
    assert (told_by_ses(world), links.keys()) == (["ann"], {"ann"})
    assert world.clock() - before < 11, "no longer than its patience"
    world.deliver_until_quiet()
    again = links_of(world.read_mail())
    assert again.keys() == {"ann", "bob", "cyd"}
    assert again["ann"] == links["ann"]


@pytest.mark.usefixtures("by_ses")
def test_a_service_in_trouble_is_asked_once_more_for_this_one_alone(world: World) -> None:
    world.pocket.sesv2.fails["bob@example.com"] = [IN_TROUBLE]
    asked(world)
    assert told_by_ses(world) == ["ann", "bob", "cyd"]
    world.pocket.sesv2.fails["ann@example.com"] = [IN_TROUBLE, IN_TROUBLE]
    asked(world)
    assert told_by_ses(world) == ["ann", "bob", "cyd"], "twice is a fault: it is tried again"
    world.deliver_until_quiet()
    assert told_by_ses(world) == ["ann", "bob", "cyd"] * 2


@pytest.mark.usefixtures("by_ses")
def test_whom_ses_refuses_is_loud_and_keeps_nobody_else_from_being_asked(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.pocket.sesv2.fails["bob@example.com"] = [REJECTED] * 9
    session_id, links = asked(world)
    assert links.keys() == {"ann", "cyd"}
    assert world.deliver() is None, "two are enough: nothing is sent again"
    logged = capsys.readouterr().out
    assert '"person": "bob", "code": "MessageRejected"' in logged
    assert "`make approvers` says what is not verified" in logged
    assert '"EmailRefused": 1' in logged
    assert "bob@example.com" not in logged
    assert say(world, links["ann"])["code"] == say(world, links["cyd"])["code"] == 200
    assert record(world, session_id).decided_by == "cyd"


@pytest.mark.usefixtures("by_ses")
def test_too_few_who_are_reached_is_a_fault_that_ends_as_a_dead_letter(world: World) -> None:
    for id_ in ("bob", "cyd"):
        world.pocket.sesv2.fails[f"{id_}@example.com"] = [REJECTED] * 9
    asked(world)
    world.deliver_until_quiet()
    assert len(world.dead_letters()) == 1
    assert told_by_ses(world) == ["ann"] * 5


@pytest.mark.usefixtures("by_ses")
def test_a_reminder_to_too_few_fails_and_is_due_again(world: World) -> None:
    asked(world)
    for id_ in ("bob", "cyd"):
        world.pocket.sesv2.fails[f"{id_}@example.com"] = [REJECTED]
    world.step(1_801)
    assert world.sweep()["failed"] == 1
    world.step(301)
    assert world.sweep()["reminded"] == 1


def test_a_sender_that_is_not_verified_reaches_nobody_and_is_loud(
    world: World, refunds: Refunds
) -> None:
    world.with_mail_from()
    world.pocket.sesv2.add_identity(MAIL_FROM, is_verified=False)
    asked(world)
    world.deliver_until_quiet()
    assert (told_by_ses(world), len(world.dead_letters())) == ([], 1)


@pytest.mark.usefixtures("by_ses")
def test_in_the_sandbox_whoever_is_verified_is_asked(world: World) -> None:
    world.pocket.sesv2.is_sandbox = True
    for verified in ("ann@example.com", "cyd@example.com"):
        world.pocket.sesv2._identities.pop("example.com", None)
        world.pocket.sesv2.add_identity(verified)
    _, links = asked(world)
    assert links.keys() == {"ann", "cyd"}


@pytest.mark.usefixtures("by_ses")
def test_a_right_that_is_missing_is_a_fault_at_once(world: World) -> None:
    world.pocket.sesv2.fails["ann@example.com"] = [DENIED]
    asked(world)
    assert told_by_ses(world) == []
    world.deliver_until_quiet()
    assert told_by_ses(world) == ["ann", "bob", "cyd"]


@pytest.mark.usefixtures("by_ses")
def test_an_address_that_ses_cannot_read_is_refused_like_one_it_does_not_know(
    world: World,
) -> None:
    from sample_people import PEOPLE

    set_people(world.monkeypatch, PEOPLE | {"bob": PEOPLE["bob"]._replace(email="bób@example.com")})
    _, links = asked(world)
    assert links.keys() == {"ann", "cyd"}


@pytest.mark.usefixtures("by_ses")
def test_who_signs_in_and_is_refused_learns_nothing(world: World) -> None:
    world.pocket.sesv2.fails["ann@example.com"] = [REJECTED]
    known, unknown = Browser().ask("ann@example.com"), Browser().ask("eve@example.com")
    assert (known.status, known.body) == (unknown.status, unknown.body)
    assert world.pocket.sesv2.sent == []


@pytest.mark.usefixtures("by_ses")
def test_a_sign_in_that_could_not_be_sent_is_sent_at_the_next_try(world: World) -> None:
    world.pocket.sesv2.fails["ann@example.com"] = [DENIED]
    ann = Browser()
    assert ann.ask().status == 503
    assert ann.ask().status == 200
    assert "Nothing waits for you" in ann.post(sign_in_link(world)).text
