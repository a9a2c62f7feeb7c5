"""Clocks that are wrong: each function has one of its own, and any of them may jump.

Whatever they say, an approval has one end, the agent is told of it once, and nothing is published
that nobody approved. AWS's own clock, by which messages come back, is the world's.
"""

import json
from collections.abc import Callable
from types import ModuleType

import pytest

import agent_handler
import approval_handler
import sweeper_handler
from converse_stand_in import tool_use
from longrunning.waits.item import Status
from sample_world import World
from wait_store import WaitStore

DRAFT = "Rides for two"
HOUR_SECONDS = 3_600
SCRIPT = [
    [tool_use("ask-1", "human_approval", {"content": DRAFT})],
    [tool_use("post-1", "publish_post", {"content": DRAFT})],
    "Published.",
]

SetClock = Callable[[ModuleType, float], None]


def ask(world: World) -> tuple[str, str]:
    """Has the agent ask, within an hour; returns the session and the link that approves."""
    world.play(SCRIPT)
    session_id = world.start()
    (mail,) = world.read_mail()
    return session_id, mail.links["approve"]


def told(world: World) -> list[str]:
    """What the model was told of its question, each time that it ran."""
    results = [
        block["toolResult"]["content"][0]["text"]
        for request in world.stand_in.requests[1:]
        for block in request["messages"][2]["content"]
    ]
    return [json.loads(text)["decision"] for text in results]


def contents(world: World) -> list[str]:
    return [post["content"] for post in world.posts()]


def test_an_api_that_is_ahead_takes_no_decision_and_the_sweeper_still_ends_it(
    world: World, set_clock: SetClock
) -> None:
    session_id, link = ask(world)
    set_clock(approval_handler, 2 * HOUR_SECONDS)
    assert world.click(link)["status_code"] == 410
    world.step(HOUR_SECONDS)
    world.sweep()
    world.play(["Nobody decided."])
    world.deliver_until_quiet()
    assert world.session(session_id).outcome == "expired"
    assert contents(world) == []


@pytest.mark.parametrize("first", ["click", "sweep"])
def test_an_api_that_is_behind_and_the_sweeper_agree_on_one_end(
    world: World, set_clock: SetClock, first: str
) -> None:
    session_id, link = ask(world)
    set_clock(approval_handler, -2 * HOUR_SECONDS)
    world.step(HOUR_SECONDS)
    if first == "sweep":
        world.sweep()
    status = world.click(link)["status_code"]
    world.sweep()
    world.deliver_until_quiet()
    assert status == (200 if first == "click" else 410)
    assert contents(world) == ([DRAFT] if first == "click" else [])
    assert set(told(world)) == {"approved" if first == "click" else "expired"}
    (approval, *_) = world.approvals(session_id)
    assert approval.status == (Status.SPENT if first == "click" else Status.EXPIRED)


def test_a_sweeper_that_is_ahead_ends_it_early_and_a_click_is_too_late(
    world: World, set_clock: SetClock
) -> None:
    _, link = ask(world)
    set_clock(sweeper_handler, 2 * HOUR_SECONDS)
    assert world.sweep()["expired"] == 1
    assert world.sweep()["expired"] == 0
    assert world.click(link)["status_code"] == 410
    world.deliver_until_quiet()
    assert set(told(world)) == {"expired"}
    assert contents(world) == []


def test_a_sweeper_that_is_behind_leaves_a_question_open_that_nobody_can_answer(
    world: World, set_clock: SetClock
) -> None:
    session_id, link = ask(world)
    set_clock(sweeper_handler, -2 * HOUR_SECONDS)
    world.step(HOUR_SECONDS)
    assert world.sweep()["expired"] == 0
    assert world.click(link)["status_code"] == 410
    world.step(2 * HOUR_SECONDS)
    assert world.sweep()["expired"] == 1
    world.play(["Nobody decided."])
    world.deliver_until_quiet()
    assert world.session(session_id).outcome == "expired"


def test_a_lease_from_before_the_clock_jumped_back_is_waited_for(
    world: World, set_clock: SetClock
) -> None:
    session_id, link = ask(world)
    world.click(link)
    now = int(world.clock())
    store = WaitStore(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
    store.claim(session_id, ["ask-1"], [], [], now=now, lease_until=now + 125)  # that worker died
    set_clock(agent_handler, -HOUR_SECONDS)
    world.deliver_until_quiet()
    assert contents(world) == [DRAFT]
    assert world.clock() - now > HOUR_SECONDS
    assert world.dead_letters() == []


def test_a_decision_from_the_future_is_told_again_in_the_end(
    world: World, set_clock: SetClock
) -> None:
    session_id, link = ask(world)
    set_clock(approval_handler, HOUR_SECONDS // 2)
    world.click(link)
    lost = world.receive()
    assert lost
    world.aws["sqs"].delete_message(
        QueueUrl=world.env["TASK_QUEUE_URL"], ReceiptHandle=lost["receiptHandle"]
    )
    resent = []
    for _ in range(60):
        world.step(60)
        resent.append(world.sweep()["resent"])
        world.deliver_until_quiet()
    assert resent.index(1) > HOUR_SECONDS // 2 // 60
    assert sum(resent) == 1
    assert contents(world) == [DRAFT]
    assert world.session(session_id).outcome == "published"


def test_an_agent_whose_clock_jumps_back_between_two_questions_asks_both(
    world: World, set_clock: SetClock
) -> None:
    session_id, link = ask(world)
    world.play([[tool_use("ask-2", "human_approval", {"content": "Another"})], *SCRIPT[1:]])
    world.click(link, decision="denied")
    set_clock(agent_handler, -HOUR_SECONDS // 2)
    world.deliver_until_quiet()
    (mail,) = world.read_mail()
    first, second = world.approvals(session_id)
    assert second.requested_at < first.requested_at
    assert world.click(mail.links["approve"])["status_code"] == 200
    world.deliver_until_quiet()
    assert world.approvals(session_id)[1].status == Status.APPROVED
    assert contents(world) == []


@pytest.mark.parametrize("late_one_comes_first", [True, False])
def test_an_expired_link_says_nothing_that_a_click_under_way_could_belie(
    world: World, set_clock: SetClock, late_one_comes_first: bool
) -> None:
    """At the very end one click is in time by its clock and another one is too late by its own."""
    session_id, link = ask(world)
    (approval,) = world.approvals(session_id)
    world.step(approval.decide_by - world.clock())
    answers = {}
    for seconds in (0, -1) if late_one_comes_first else (-1, 0):
        set_clock(approval_handler, seconds)
        answers[seconds] = world.click(link)
    assert answers[-1]["status_code"] == 200
    assert answers[0]["status_code"] == 410
    assert "What was decided before that stands." in answers[0]["error"]
    world.sweep()
    world.deliver_until_quiet()
    assert contents(world) == [DRAFT]


def test_of_two_decisions_the_one_that_seems_to_be_the_last_resumes_in_the_end(
    world: World, set_clock: SetClock
) -> None:
    texts = ("One", "Two")
    world.play([[tool_use(text, "publish_post", {"content": text}) for text in texts], "Done."])
    session_id = world.start()
    first, second = world.read_mail()
    set_clock(approval_handler, 600)
    assert world.click(first.links["approve"])["status_code"] == 200
    world.deliver_until_quiet()
    set_clock(approval_handler, 0)
    assert world.click(second.links["approve"])["status_code"] == 200
    world.deliver_until_quiet()
    for _ in range(15):
        world.step(60)
        world.sweep()
        world.deliver_until_quiet()
    assert sorted(contents(world)) == ["One", "Two"]
    assert world.session(session_id).outcome == "published"
