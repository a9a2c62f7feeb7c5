"""The inbox: what waits for a person, all that is open, what was decided; several at once."""

import base64
import html
import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

import approval_services
from converse_stand_in import tool_use
from inbox_browser import SITE, Browser, Page
from longrunning.people.policy import Policy
from longrunning.waits.item import Status
from longrunning_testkit.worlds import forget_environments
from sample_people import use_people
from sample_refund import Refunds, refund_tool
from sample_world import World
from test_any_call import refund
from test_detours import last_results
from test_people import record, two_of_three


def of_ann_and_bob(*_: object) -> Policy:
    return Policy(people=("ann", "bob"))


@pytest.fixture
def refunds(world: World) -> Refunds:
    """One of Ann and Bob decides on a refund."""
    refunds = Refunds()
    use_people(world, of_ann_and_bob, refund_tool(refunds))
    return refunds


def ask(world: World, **changes: object) -> str:
    """Has the agent ask for a refund; returns the session. Whoever is answered is done."""

    def script(request: Any) -> Any:
        is_new = "text" in request["messages"][-1]["content"][0]
        return [refund(**changes)] if is_new else "Done."

    world.play(script)
    return world.start()


def ref_of(world: World, session_id: str) -> str:
    return f"{session_id}/{record(world, session_id).tool_use_id}"


def url_of(world: World, session_id: str) -> str:
    return f"/inbox/approvals/{ref_of(world, session_id)}"


# --- the lists -----------------------------------------------------------------------------------


def test_a_person_finds_what_waits_decides_it_and_is_led_to_the_next(
    world: World, refunds: Refunds
) -> None:
    first, second = ask(world, order_id="1111"), ask(world, order_id="2222")
    ann = Browser()
    page = ann.sign_in(world)
    assert "2 wait for you" in page.text
    assert "order_id: 1111" in page.text
    assert "order_id: 2222" in page.text
    assert "Sign out" in page.text
    page = ann.get(url_of(world, first))
    assert "This link is for" not in page.text
    done = ann.post(page.url, decision="approved", comment="Fine")
    assert (done.status, "Approved" in done.text) == (200, True)
    found = record(world, first)
    assert (found.status, found.decided_by, found.via) == (Status.APPROVED, "ann", "signed-in")
    assert done.link("Next: order_id: 2222").endswith(url_of(world, second))
    world.deliver_all()
    assert [paid["order_id"] for paid in refunds.paid.values()] == ["1111"]
    page = ann.get()
    assert "One waits for you" in page.text
    done = ann.post(url_of(world, second), decision="denied", comment="No")
    assert done.link("Nothing more waits for you") == f"{SITE}/inbox"
    assert "Nothing waits for you" in ann.get().text


def test_all_that_is_open_is_shown_to_all_and_decided_by_those_alone_who_are_asked(
    world: World, refunds: Refunds
) -> None:
    session_id = ask(world)
    cyd = Browser()
    assert "Nothing waits for you" in cyd.sign_in(world, "cyd").text
    page = cyd.get("/inbox?view=open")
    assert "not waiting for you" in page.text
    assert not page.picks
    page = cyd.get(page.link("order_id"))
    assert "You are not asked for this" in page.text
    assert 'name="decision"' not in page.body
    before = world.snapshot()
    for decision in ("approved", "denied"):
        assert cyd.post(url_of(world, session_id), decision=decision).status == 403
    assert world.snapshot() == before


def test_what_is_decided_is_open_no_more_before_the_agent_has_heard_of_it(
    world: World, refunds: Refunds
) -> None:
    session_id = ask(world)
    ann = Browser()
    ann.sign_in(world)
    ann.post(url_of(world, session_id), decision="approved")
    for view in ("mine", "open"):
        assert "order_id" not in ann.get(f"/inbox?view={view}").text
    assert "order_id" in ann.get("/inbox?view=decided").text


def test_what_is_asked_of_nobody_by_name_is_decided_by_its_link_alone(world: World) -> None:
    use_people(world, None, refund_tool(Refunds()))  # type: ignore[arg-type]
    session_id = ask(world)
    ann = Browser()
    ann.sign_in(world)
    assert "order_id" in ann.get("/inbox?view=open").text
    assert "You are not asked for this" in ann.get(url_of(world, session_id)).text
    assert ann.post(url_of(world, session_id), decision="approved").status == 403
    assert record(world, session_id).status == Status.PENDING


def test_what_was_decided_is_listed_with_by_whom_the_latest_first(
    world: World, refunds: Refunds
) -> None:
    ann, bob = Browser(), Browser()
    ann.sign_in(world)
    bob.sign_in(world, "bob")
    sessions = [ask(world, order_id=f"{number}{number}{number}{number}") for number in range(1, 4)]
    ann.post(url_of(world, sessions[0]), decision="approved")
    world.step(60)
    bob.post(url_of(world, sessions[1]), decision="denied")
    world.step(4_000)
    world.sweep()
    waiting = ask(world, order_id="4444")
    page = ann.get("/inbox?view=decided")
    assert "4444" not in page.text, "it waits"
    assert waiting
    order = [page.text.index(number) for number in ("3333", "2222", "1111")]
    assert order == sorted(order)
    assert "Nobody decided in time" in page.text
    assert "Denied by Bob" in page.text
    assert "Approved by Ann Kovač" in page.text
    page = ann.get(page.link("2222"))
    assert "Denied" in page.text


def test_a_rule_and_a_cancellation_are_among_what_was_decided(world: World) -> None:
    def policy(call: object, requested_by: str | None) -> Policy:
        return Policy.decide("denied", rule="too-much")

    use_people(world, policy, refund_tool(Refunds()))
    ask(world)
    ann = Browser()
    ann.sign_in(world)
    assert "Denied by the rule too-much" in ann.get("/inbox?view=decided").text


def test_decided_goes_on_from_page_to_page_over_months(
    world: World, refunds: Refunds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inbox_list.MAX_SHOWN", 2)
    ann = Browser()
    ann.sign_in(world)
    for number in range(5):
        session_id = ask(world, order_id=f"100{number}")
        ann.post(url_of(world, session_id), decision="denied")
        world.deliver_all()
        world.step(9 * 86_400)
        ann.sign_in(world)
    found: list[list[str]] = []
    page = ann.get("/inbox?view=decided")
    for _ in range(4):
        found.append([n for n in map(str, range(1000, 1005)) if f"order_id: {n}" in page.text])
        if "Earlier ones" not in page.text:
            break
        page = ann.get(page.link("Earlier ones"))
    assert found == [["1003", "1004"], ["1001", "1002"], ["1000"]]


def test_words_and_an_agent_narrow_a_list(world: World, refunds: Refunds) -> None:
    ask(world, order_id="1111", reason="late")
    ask(world, order_id="2222", reason="broken")
    ann = Browser()
    ann.sign_in(world)
    page = ann.get("/inbox?q=BROKEN+2222")
    assert "Found: 1 of yours" in page.text
    assert "1111" not in page.text
    assert 'value="BROKEN 2222"' in page.body
    assert "Nothing of that was found." in ann.get("/inbox?q=broken+1111").text
    agent = html.unescape(ann.get().body).partition('<option value="')[2]
    assert "Every agent" in agent
    assert "Nothing of that was found." in ann.get("/inbox?agent=somebody").text
    page = ann.get('/inbox?q="><script>')
    assert "<script>" not in page.body


def test_more_than_is_looked_at_goes_on_from_page_to_page(
    world: World, refunds: Refunds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inbox_list.MAX_LOOKED_AT", 2)
    for number in range(5):
        ask(world, order_id=f"100{number}")
    ann = Browser()
    page, found, sizes = ann.sign_in(world), set(), []
    for _ in range(4):
        rows = {n for n in map(str, range(1000, 1005)) if f"order_id: {n}" in page.text}
        sizes.append(len(rows))
        found |= rows
        if "look at the next ones" not in page.text:
            break
        page = ann.get(page.link("look at the next ones"))
    assert (len(found), sizes) == (5, [2, 2, 1])
    assert "<b>" not in ann.get().body.partition("<nav")[2].partition("</nav>")[0], "no false count"


def written(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("next_", [
    "x", "W10", "eyJ4IjogMX0", "%C3%A4", "e30", "WzFd",
    *map(written, [["a", "b", -1], ["a", "b", 10**12], ["a", "b", True], ["a b", "c", 1],
                   ["a", "b c", 1], ["a", "b", "1"], [1, 2, 3]]),
])  # fmt: skip
@pytest.mark.parametrize("view", ["mine", "decided"])
def test_a_next_that_no_page_gave_is_refused(world: World, view: str, next_: str) -> None:
    use_people(world, of_ann_and_bob, refund_tool(Refunds()))
    ann = Browser()
    ann.sign_in(world)
    page = ann.get(f"/inbox?view={view}&next={next_}")
    assert page.status == (200 if (view, next_) == ("mine", "e30") else 400)


def test_a_view_that_is_none_and_a_page_that_is_none(world: World, refunds: Refunds) -> None:
    ann = Browser()
    ann.sign_in(world)
    assert ann.get("/inbox?view=x").status == 400
    for path in ("x", "approvals/a", "approvals/a/b", "approvals/a/b/c", "approvals/%20/b"):
        assert ann.get(f"/inbox/{path}").status == 404
    for path in ("", "x", "approvals/a/b"):
        assert ann.post(f"/inbox/{path}", decision="approved").status == 404


def test_a_question_is_answered_in_the_inbox(world: World) -> None:
    from dataclasses import replace

    from longrunning import ask_human
    from longrunning_testkit.agents import an_agent
    from sample_people import PEOPLE, set_people

    set_people(world.monkeypatch, PEOPLE)
    world.with_agents(lambda model: [replace(an_agent(model), policy=of_ann_and_bob)])
    asks = tool_use("ask-1", "ask_human", {"question": "Which size?", "choices": ["s", "m"]})
    world.play([[asks], "Done."])
    session_id = world.start()
    ann = Browser()
    page = ann.sign_in(world)
    assert "asks" in page.text
    assert not page.picks, "a question is answered by itself"
    done = ann.post(
        url_of(world, session_id), {"decision": "answered", "answer.answer": "m"}.items()
    )
    assert done.status == 200
    found = record(world, session_id)
    assert (found.status, found.decided_by, found.via) == (Status.RESOLVED, "ann", "signed-in")
    assert "Answered by Ann Kovač" in ann.get("/inbox?view=decided").text
    assert ask_human  # The tool is the library's.


# --- several at once -----------------------------------------------------------------------------


def test_several_are_decided_together_after_each_was_shown_whole(
    world: World, refunds: Refunds
) -> None:
    sessions = [ask(world, order_id=f"100{number}") for number in range(3)]
    ann = Browser()
    page = ann.sign_in(world)
    assert len(page.picks) == 3
    page = ann.post("/inbox/batch", [("pick", ref_of(world, s)) for s in sessions[:2]])
    assert "Decide 2 together" in page.text
    for value in ("1000", "1001", "Amount in EUR"):
        assert value in page.text
    assert "1002" not in page.text
    ids = [part.partition('"')[0] for part in page.body.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
    fields = [*(("pick", ref) for ref in page.picks), *(("seen", digest) for digest in page.seen)]
    done = ann.post("/inbox/decide", fields, decision="approved", comment="Both fine")
    assert done.text.count("Approved.") == 2
    assert "One more waits for you" in done.text
    world.deliver_all()
    assert {paid["order_id"] for paid in refunds.paid.values()} == {"1000", "1001"}
    assert {record(world, s).comment for s in sessions[:2]} == {"Both fine"}
    assert record(world, sessions[2]).status == Status.PENDING


def test_of_several_each_has_its_own_outcome(world: World, refunds: Refunds) -> None:
    use_people(world, two_of_three, refund_tool(refunds))
    sessions = [ask(world, order_id=f"100{number}") for number in range(4)]
    ann, bob = Browser(), Browser()
    ann.sign_in(world)
    bob.sign_in(world, "bob")
    page = ann.post("/inbox/batch", [("pick", ref_of(world, s)) for s in sessions])
    fields = [*(("pick", ref) for ref in page.picks), *(("seen", digest) for digest in page.seen)]
    by_ref = dict(zip(page.picks, page.seen, strict=True))
    edited, denied = ref_of(world, sessions[0]), ref_of(world, sessions[1])
    bob.post(f"/inbox/approvals/{edited}", {"decision": "approved", "seen": by_ref[edited],
                                            "arguments.amount": "40"}.items())  # fmt: skip
    bob.post(f"/inbox/approvals/{denied}", decision="denied", seen=by_ref[denied])
    world.aws["dynamodb"].delete_item(
        TableName=world.env["APPROVALS_TABLE_NAME"],
        Key={"session_id": {"S": sessions[2]},
             "tool_use_id": {"S": record(world, sessions[2]).tool_use_id}},
    )  # fmt: skip
    done = ann.post("/inbox/decide", fields, decision="approved")
    assert "Edited after you opened it: not counted." in done.text
    assert "Decided before, otherwise. That stands." in done.text
    assert "There is no such approval." in done.text
    assert "Counted. Others must agree, too." in done.text
    assert record(world, sessions[0]).approved_by == ("bob",)
    assert record(world, sessions[3]).approved_by == ("ann",)


@pytest.mark.parametrize("fields", [
    [], [("pick", "x")], [("pick", "a/b")] * 21, [("pick", f"a/{n}") for n in range(21)],
    [("pick", "a/b")],
])  # fmt: skip
def test_what_cannot_be_ticked_is_refused(
    world: World, refunds: Refunds, fields: list[tuple[str, str]]
) -> None:
    ann = Browser()
    ann.sign_in(world)
    assert ann.post("/inbox/batch", fields).status in (400, 409)
    assert ann.post("/inbox/decide", fields, decision="approved").status == 400
    assert ann.post("/inbox/decide", [*fields, ("seen", "x")], decision="x").status == 400


def test_somebody_elses_are_never_decided_with_several(world: World, refunds: Refunds) -> None:
    session_id = ask(world)
    cyd = Browser()
    cyd.sign_in(world, "cyd")
    pick = ("pick", ref_of(world, session_id))
    assert cyd.post("/inbox/batch", [pick]).status == 409
    seen = ("seen", record(world, session_id).in_force.digest)
    done = cyd.post("/inbox/decide", [pick, seen], decision="approved")
    assert "You are not asked for it." in done.text
    assert record(world, session_id).status == Status.PENDING


# --- more time, the e-mail again, withdrawn -----------------------------------------------------


def mails_to(world: World, person: str) -> list[str]:
    topic = world.pocket.sns.topics[world.env["APPROVAL_TOPIC_ARN"]]
    return [p.subject for p in topic.published if p.attributes.get("approver") == person]


def act(world: World, browser: Browser, session_id: str, **form: str) -> Page:
    return browser.post(f"{url_of(world, session_id)}/act", **form)


def test_a_person_gives_more_time_and_the_links_are_sent_anew(
    world: World, refunds: Refunds
) -> None:
    session_id = ask(world)
    ann = Browser()
    ann.sign_in(world)
    page = ann.get(url_of(world, session_id))
    before = record(world, session_id).decide_by
    assert f'name="decide_by" value="{before}"' in page.body
    page = act(world, ann, session_id, do="extend", decide_by=str(before))
    found = record(world, session_id)
    assert (page.status, found.decide_by, found.asked_again_by) == (200, before + 86_400, "ann")
    again = act(world, ann, session_id, do="extend", decide_by=str(before))
    assert again.status == 409, "pressed twice is one day"
    assert record(world, session_id).decide_by == before + 86_400
    count = len(mails_to(world, "bob"))
    world.sweep()
    assert len(mails_to(world, "bob")) == count + 1
    for _ in range(9):
        end = str(record(world, session_id).decide_by)
        last = act(world, ann, session_id, do="extend", decide_by=end)
    assert last.status == 422
    assert record(world, session_id).decide_by == before + 7 * 86_400
    assert 'value="extend"' not in ann.get(url_of(world, session_id)).body


def test_a_person_has_the_e_mails_sent_again(world: World, refunds: Refunds) -> None:
    session_id = ask(world)
    ann = Browser()
    ann.sign_in(world)
    page = act(world, ann, session_id, do="resend")
    assert "sent again within a minute" in page.text
    counts = [len(mails_to(world, person)) for person in ("ann", "bob")]
    world.sweep()
    assert [len(mails_to(world, person)) for person in ("ann", "bob")] == [n + 1 for n in counts]


def test_who_requested_it_withdraws_it_and_the_agent_hears_why(
    world: World, refunds: Refunds
) -> None:
    world.play([[refund()], "Done."])
    session_id = world.start(requested_by="CYD@example.com")
    cyd = Browser()
    cyd.sign_in(world, "cyd")
    page = cyd.get(url_of(world, session_id))
    assert 'name="decision"' not in page.body, "and does not decide it"
    page = act(world, cyd, session_id, do="withdraw", comment="Not needed any more")
    assert "Withdrawn" in page.text
    assert "Not needed any more" in page.text
    world.deliver_all()
    found = record(world, session_id)
    assert (found.status, found.decided_by) == (Status.CANCELLED, "cyd")
    (told,) = last_results(world).values()
    assert "Not needed any more" in told["content"][0]["text"]
    assert "Withdrawn by Cyd" in cyd.get("/inbox?view=decided").text
    assert not refunds.paid


def test_who_is_neither_asked_nor_requested_it_does_nothing_about_it(
    world: World, refunds: Refunds
) -> None:
    session_id = ask(world)
    cyd = Browser()
    cyd.sign_in(world, "cyd")
    assert "/act" not in cyd.get(url_of(world, session_id)).body
    before = world.snapshot()
    end = str(record(world, session_id).decide_by)
    for do in ("extend", "resend", "withdraw", "x", ""):
        assert act(world, cyd, session_id, do=do, decide_by=end).status == 403
    assert world.snapshot() == before


def test_what_is_over_or_unknown_is_refused(world: World, refunds: Refunds) -> None:
    session_id = ask(world)
    ann = Browser()
    ann.sign_in(world)
    before = world.snapshot()
    assert act(world, ann, session_id, do="x").status == 400
    assert act(world, ann, session_id, do="extend", decide_by="x").status == 409
    assert act(world, ann, session_id, do="withdraw", comment="x" * 4_001).status == 400
    assert world.snapshot() == before
    ann.post(url_of(world, session_id), decision="denied")
    before = world.snapshot()
    for do in ("extend", "resend", "withdraw"):
        assert act(world, ann, session_id, do=do).status == 409
    assert world.snapshot() == before
    assert "/act" not in ann.get(url_of(world, session_id)).body


# --- signing in ----------------------------------------------------------------------------------


def test_who_is_not_signed_in_is_asked_to_and_comes_back_to_the_approval(
    world: World, refunds: Refunds
) -> None:
    session_id = ask(world)
    ann = Browser()
    page = ann.get(url_of(world, session_id))
    assert page.url.partition("?")[0] == f"{SITE}/inbox/sign-in"
    assert "order_id" not in page.text
    to = ref_of(world, session_id)
    assert f'name="to" value="{to}"' in page.body
    page = ann.sign_in(world, to=to)
    assert page.url == f"{SITE}{url_of(world, session_id)}"


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example/x", "../x", "a/b/c", "x"])
def test_it_leads_back_to_approvals_alone(world: World, refunds: Refunds, to: str) -> None:
    ann = Browser()
    assert 'name="to"' not in ann.get(f"/inbox/sign-in?to={to}").body
    assert ann.sign_in(world, to=to).url == f"{SITE}/inbox"


def test_the_e_mails_link_works_in_the_browser_that_asked_alone(
    world: World, refunds: Refunds
) -> None:
    ann, scanner = Browser(), Browser()
    ann.ask()
    link = sign_in(world)
    for stranger in (scanner, Browser(cookies={"__Host-asked": "x"})):
        assert stranger.get(link).status == 403
        assert stranger.post(link).status == 403
        assert "__Host-approver" not in stranger.cookies
    assert "Sign in as Ann Kovač" in ann.get(link).text
    assert "__Host-approver" not in ann.cookies, "a look signs nobody in"
    assert "Nothing waits for you" in ann.post(link).text
    assert "__Host-asked" not in ann.cookies


def sign_in(world: World) -> str:
    from inbox_browser import sign_in_link

    return sign_in_link(world)


def test_nobody_learns_who_is_an_approver_and_nobody_is_flooded(
    world: World, refunds: Refunds
) -> None:
    topic = world.pocket.sns.topics[world.env["APPROVAL_TOPIC_ARN"]]
    known, unknown = Browser().ask("Ann@Example.com "), Browser().ask("eve@example.com")
    assert (known.status, known.body) == (unknown.status, unknown.body)
    assert len(topic.published) == 1
    for _ in range(5):
        assert Browser().ask().body == known.body
    assert len(topic.published) == 1
    world.step(60)
    Browser().ask()
    assert len(topic.published) == 2
    assert {p.attributes["approver"] for p in topic.published} == {"ann"}
    assert Browser().post("/inbox/sign-in", email=" ").status == 400
    assert Browser().post("/inbox/sign-in", email="x" * 201).status == 400


def test_who_asks_twice_within_a_minute_gets_in_by_the_one_e_mail(
    world: World, refunds: Refunds
) -> None:
    """The second time none is sent: the first one's link must go on working in that browser."""
    session_id = ask(world)
    ann = Browser()
    ann.ask()
    ann.ask(to=ref_of(world, session_id))
    ann.ask("nobody@example.com", to=ref_of(world, session_id))
    page = ann.post(sign_in(world))
    assert page.url == f"{SITE}{url_of(world, session_id)}", "where the latest one leads"


@pytest.mark.parametrize("asked", ["", "x", "x~y", f"{'x' * 31}~", f"{'x' * 33}~"])
def test_what_no_browser_was_given_is_replaced(world: World, refunds: Refunds, asked: str) -> None:
    ann = Browser({"__Host-asked": asked})
    ann.ask()
    assert len(ann.cookies["__Host-asked"].partition("~")[0]) == 32
    assert ann.cookies["__Host-asked"] != asked


def test_an_e_mail_that_could_not_be_sent_is_sent_at_the_next_try(
    world: World, refunds: Refunds, monkeypatch: pytest.MonkeyPatch
) -> None:

    import inbox_services

    def fail(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="sns")

    ann = Browser()
    with monkeypatch.context() as patch:
        patch.setattr(inbox_services.inbox_services().sns, "publish", fail)
        assert ann.ask().status == 503
    assert ann.ask().status == 200
    assert "Nothing waits for you" in ann.post(sign_in(world)).text


def test_a_link_ends_after_ten_minutes_and_a_session_after_eight_hours(
    world: World, refunds: Refunds
) -> None:
    ann = Browser()
    ann.ask()
    link = sign_in(world)
    world.step(600)
    assert ann.post(link).status == 403
    ann.sign_in(world)
    world.step(8 * 3_600 - 1)
    assert ann.get().url == f"{SITE}/inbox"
    world.step(1)
    assert ann.get().url == f"{SITE}/inbox/sign-in"


def test_whoever_has_left_is_out_at_once(world: World, refunds: Refunds) -> None:
    from sample_people import BOB, set_people

    session_id = ask(world)
    ann, later = Browser(), Browser()
    ann.sign_in(world)
    world.step(60)
    later.ask()
    link = sign_in(world)
    set_people(world.monkeypatch, {"bob": BOB})
    assert ann.get().url == f"{SITE}/inbox/sign-in"
    assert ann.post(url_of(world, session_id), decision="approved").status == 403
    assert later.post(link).status == 403
    assert record(world, session_id).status == Status.PENDING


def test_signing_out_forgets_the_session(world: World, refunds: Refunds) -> None:
    ann = Browser()
    ann.sign_in(world)
    page = ann.post("/inbox/sign-out")
    assert page.url == f"{SITE}/inbox/sign-in"
    assert not ann.cookies


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://approvals.example.com",
                                    "https://approvals.example.com.evil.example"])  # fmt: skip
def test_a_form_of_another_site_changes_nothing(
    world: World, refunds: Refunds, origin: str | None
) -> None:
    session_id = ask(world)
    ann = Browser()
    ann.sign_in(world)
    ann.origin = origin
    before = world.snapshot()
    digest = record(world, session_id).in_force.digest
    ref = ("pick", ref_of(world, session_id))
    assert ann.post(url_of(world, session_id), decision="approved").status == 403
    assert ann.post("/inbox/decide", [ref, ("seen", digest)], decision="approved").status == 403
    assert ann.post("/inbox/sign-in", email="bob@example.com").status == 403
    assert ann.post("/inbox/sign-out").status == 403
    assert world.snapshot() == before


@pytest.mark.parametrize(
    "base", ["https://Approvals.Example.com", "https://approvals.example.com:443/"]
)
def test_a_base_url_is_the_origin_that_a_browser_makes_of_it(
    world: World, refunds: Refunds, base: str
) -> None:
    world.monkeypatch.setenv("APPROVAL_BASE_URL", base)
    forget_environments()
    assert Browser().ask().status == 200


def test_a_token_of_one_kind_opens_nothing_of_another(world: World, refunds: Refunds) -> None:
    """A review link never becomes a session, nor does what signs in; and the other way round."""
    import time

    from longrunning.people import passes
    from longrunning.people.links import VOTES, LinkKeys, make_callback_token, make_token
    from longrunning_testkit.worlds import LINK_KEYS

    session_id = ask(world)
    found = record(world, session_id)
    keys, end = LinkKeys.parse(json.dumps(LINK_KEYS)), int(time.time()) + 500
    ids = (session_id, found.tool_use_id, end)
    tokens = {
        "review": make_token(keys, *ids),
        "personal": make_token(keys, *ids, person="ann"),
        "vote": make_token(keys, *ids, person="ann", flags=VOTES),
        "sign-in": passes.make_sign_in(keys, "ann", passes.browser_of("x" * 32), end),
        "session": passes.make_session(keys, "ann", end),
        "callback": make_callback_token(keys, *ids),
        "gone": passes.make_gone(keys, passes.Gone("ann", "", end)),
    }
    for kind, token in tokens.items():
        page = Browser({"__Host-approver": token}).get()
        assert (page.url == f"{SITE}/inbox") == (kind == "session"), kind
        page = Browser({"__Host-asked": "x" * 32}).get(f"/inbox/sign-in/{token}")
        assert (page.status == 200) == (kind == "sign-in"), kind
        status = world.request("GET", f"{SITE}/approvals/{token}")["statusCode"]
        assert (status == 200) == (kind in ("review", "personal", "vote")), kind


# --- links that want a sign-in -------------------------------------------------------------------


def test_where_a_policy_wants_it_a_link_shows_and_only_who_is_signed_in_decides(
    world: World,
) -> None:
    refunds = Refunds()
    policy = Policy(people=("ann", "bob"), sign_in=True)
    use_people(world, lambda *_: policy, refund_tool(refunds))
    session_id = ask(world)
    (link,) = {mail.links["approve"] for mail in world.read_mail() if mail.to == "ann"}
    page = world.request("GET", link, accept="text/html")
    assert page["statusCode"] == 200
    assert "4711" in page["body"]
    assert 'name="decision"' not in page["body"]
    assert f"../inbox/approvals/{ref_of(world, session_id)}" in page["body"]
    for decision in ("approved", "denied"):
        assert world.click(link, decision=decision)["status_code"] == 403
    assert record(world, session_id).status == Status.PENDING
    ann = Browser()
    ann.sign_in(world)
    assert ann.post(url_of(world, session_id), decision="approved").status == 200
    world.deliver_all()
    assert len(refunds.paid) == 1


def test_votes_that_want_a_sign_in_are_counted_in_the_inbox(world: World) -> None:
    policy = Policy(people=("ann", "bob", "cyd"), needed=2, sign_in=True)
    use_people(world, lambda *_: policy, refund_tool(Refunds()))
    session_id = ask(world)
    digest = record(world, session_id).in_force.digest
    for person in ("ann", "bob"):
        browser = Browser()
        browser.sign_in(world, person)
        page = browser.get(url_of(world, session_id))
        assert page.seen == [digest]
        assert browser.post(page.url, decision="approved", seen=digest).status == 200
    found = record(world, session_id)
    assert (found.status, [v["via"] for v in found.votes or ()]) == (
        Status.APPROVED, ["signed-in", "signed-in"],
    )  # fmt: skip


# --- what every answer keeps to ------------------------------------------------------------------


def test_every_page_forbids_script_frames_and_keeping(world: World, refunds: Refunds) -> None:
    session_id = ask(world)
    ann = Browser()
    ann.sign_in(world)
    pages = [
        Browser().get(), Browser().ask("x@y.z"), ann.get(), ann.get("/inbox?view=decided"),
        ann.get(url_of(world, session_id)), ann.get("/inbox/nothing"),
        ann.post("/inbox/batch", [("pick", ref_of(world, session_id))]),
    ]  # fmt: skip
    for page in pages:
        assert "<script" not in page.body
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"
    assert {page.headers["referrer-policy"] for page in pages} == {"same-origin"}


def test_a_decision_that_could_not_be_told_is_sent_again_by_its_own_page(
    world: World, refunds: Refunds, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = ask(world)
    ann = Browser()
    ann.sign_in(world)

    def fail(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="sqs")

    with monkeypatch.context() as patch:
        patch.setattr(approval_services.services().sqs, "send_message", fail)
        page = ann.post(url_of(world, session_id), decision="approved")
    assert page.status == 503
    assert 'name="decision" value="approved">Send it again' in page.body
    assert page.headers["referrer-policy"] == "same-origin", "or its form had no origin"
    assert ann.post(page.url, decision="approved").status == 200
    world.deliver_all()
    assert len(refunds.paid) == 1


def test_a_vote_in_the_inbox_that_is_too_late_says_so(world: World, refunds: Refunds) -> None:
    session_id = ask(world)
    ann = Browser()
    ann.sign_in(world)
    world.step(3_600)
    page = ann.post(url_of(world, session_id), decision="approved")
    assert page.status == 410
    assert "Too late" in page.text
    assert "Sign out" in page.text
