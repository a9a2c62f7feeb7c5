"""One German among English approvers: e-mails, pages and refusals are in the language of each."""

import json

import pytest
from botocore.exceptions import EndpointConnectionError

import approval_services
from longrunning.waits.item import Status
from sample_people import ANN, BOB, CYD, set_people, two_of_three, use_people
from sample_refund import Refunds, refund_tool
from sample_world import World
from test_any_call import COMPLETE, HTML
from test_people import asked, record, say

DORA = ANN._replace(language="de", time_zone="Europe/Berlin")
PEOPLE = {"ann": DORA, "bob": BOB, "cyd": CYD}


@pytest.fixture
def refunds(world: World) -> Refunds:
    """Two of three must agree to a refund; Ann reads German, in Berlin."""
    refunds = Refunds()
    use_people(world, two_of_three, refund_tool(refunds))
    set_people(world.monkeypatch, PEOPLE)
    return refunds


def look(world: World, link: str, **form: str) -> tuple[int, str]:
    """Opens a page, or sends its form; returns status and page."""
    answer = world.request("POST" if form else "GET", link, form or None, accept=HTML)
    return answer["statusCode"], answer["body"]


def test_each_gets_an_e_mail_in_their_own_language_and_zone(world: World, refunds: Refunds) -> None:
    asked(world)
    mails = {str(mail.to): mail for mail in world.mails}
    german, english = mails["ann"], mails["bob"]
    assert german.subject.startswith("Freigabe erbeten: tested-agent will send_refund aufrufen")
    assert "Die Links sind für Ann Kovač bestimmt" in german.body
    assert "Entscheiden Sie bis: " in german.body
    assert " Uhr (Europe/Berlin)" in german.body
    assert "2 von 3 Personen müssen zustimmen." in german.body
    assert english.subject.startswith("Approval needed: ")
    assert "Decide until: " in english.body and " UTC" in english.body
    assert german.links.keys() == english.links.keys() == {"approve", "deny"}


def test_a_german_edits_and_votes_and_the_last_vote_is_an_english_one(
    world: World, refunds: Refunds
) -> None:
    session_id, links = asked(world)
    status, page = look(world, links["ann"])
    assert (status, '<html lang="de">' in page) == (200, True)
    assert "tested-agent bittet um Ihre Freigabe" in page
    seen = record(world, session_id).in_force.digest
    form = {"decision": "approved", "seen": seen, "arguments.amount": "40"}
    status, page = look(world, links["ann"], **form)
    assert (status, "Gezählt: 1 von 2" in page) == (200, True)
    assert '<span class="unseen">entfernt: </span>60</del>' in page
    _, english = look(world, links["bob"])
    assert '<html lang="en">' in english
    assert "approved this" in english and "hat dies freigegeben" not in english
    assert say(world, links["bob"])["status"] == "APPROVED"
    world.deliver_all()
    assert list(refunds.paid.values()) == [{**COMPLETE, "amount": 40}]
    _, page = look(world, links["ann"])
    assert "hat genau diesen Aufruf bekommen" in page


def test_a_german_denies(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    seen = record(world, session_id).in_force.digest
    status, page = look(world, links["ann"], decision="denied", seen=seen, comment="Zu viel")
    assert (status, "✕</span> Abgelehnt</span>" in page) == (200, True)
    assert "wird nicht aufgerufen" in page and "Zu viel" in page
    assert record(world, session_id).status == Status.DENIED
    status, page = look(world, links["ann"], decision="approved", seen=seen)
    assert (status, "Die erste Entscheidung gilt." in page) == (409, True)


def test_a_german_is_reminded_in_german_and_told_of_an_edit(world: World, refunds: Refunds) -> None:
    _, links = asked(world)
    say(world, links["ann"])
    say(world, links["bob"], arguments={"amount": 40})
    world.step(60)
    world.sweep()
    reminded = {str(mail.to): mail for mail in world.read_mail()}
    assert reminded["ann"].subject.startswith("Erinnerung, Freigabe erbeten")
    assert "Die Anfrage wurde inzwischen bearbeitet" in reminded["ann"].body
    assert reminded["cyd"].subject.startswith("Reminder, approval needed")


def test_a_german_is_refused_in_german_and_programs_and_the_log_in_english(
    world: World, refunds: Refunds
) -> None:
    session_id, links = asked(world)
    seen = record(world, session_id).in_force.digest
    say(world, links["bob"], arguments={"amount": 40})
    status, page = look(world, links["ann"], decision="approved", seen=seen)
    assert (status, "nachdem Sie es geöffnet haben" in page) == (409, True)
    assert "edited after you opened it" in say(world, links["ann"], seen=seen)["error"]
    world.step(3_601)
    for answer in (look(world, links["ann"]), look(world, links["ann"], decision="denied")):
        assert answer[0] == 410
        assert '<html lang="de">' in answer[1]
        assert "Dieser Link ist abgelaufen" in answer[1]
    english = json.loads(world.request("GET", links["ann"])["body"])
    assert english["error"] == "This link has expired. What was decided before that stands."
    set_people(world.monkeypatch, {"bob": BOB})
    status, page = look(world, links["ann"])
    assert (status, '<html lang="en">' in page) == (410, True), "whoever has left has no language"


def test_what_fails_behind_a_german_page_is_said_in_german(world: World, refunds: Refunds) -> None:
    session_id, links = asked(world)
    say(world, links["bob"])
    seen = record(world, session_id).in_force.digest

    def fails(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="x")

    world.monkeypatch.setattr(approval_services.services().sqs, "send_message", fails)
    status, page = look(world, links["ann"], decision="approved", seen=seen)
    assert status == 503
    assert "Ihre Entscheidung ist gespeichert" in page
    assert ">Noch einmal senden</button>" in page
