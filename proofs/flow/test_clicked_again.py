"""A second message for an answer that another one is resuming: over at once, and for good.

SQS deletes a message for all its deliveries, so what ends here must never claim later; and the one
that stays must come back whatever befalls its worker.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from converse_stand_in import Turn, tool_use
from longrunning import sessions
from longrunning.agent.worker import Worker
from longrunning.waits.claims import MAX_MESSAGES_OVER, Claims
from longrunning.waits.item import Wait
from sample_world import World
from test_overtaken import ProcessEnds, end_leases, handle

ONE = [tool_use("ask-1", "human_approval", {"content": "One"})]
TWO = [*ONE, tool_use("ask-2", "human_approval", {"content": "Two"})]
asked = pytest.mark.parametrize("questions", [ONE, TWO], ids=["one", "two"])

Record = dict[str, Any]


def clicked(world: World, questions: Turn, times: int) -> tuple[str, list[Record]]:
    """Has the agent ask, all be approved, and the last link be pressed so often."""
    world.play([questions])
    session_id = world.start()
    mails = world.read_mail()
    for mail in mails:
        world.click(mail.links["approve"])
    for _ in mails[1:]:
        record = world.receive()
        assert record
        world.aws["sqs"].delete_message(
            QueueUrl=world.env["TASK_QUEUE_URL"], ReceiptHandle=record["receiptHandle"]
        )
    for _ in range(times - 1):
        world.click(mails[-1].links["approve"])
    records = [world.receive() for _ in range(times)]
    return session_id, [record for record in records if record]


def fences(world: World, session_id: str) -> set[int]:
    return {approval.fence for approval in world.approvals(session_id)}


def dies(during: Callable[[], Any]) -> Callable[[], Turn]:
    """A worker that dies at its model, after something else has happened."""

    def turn() -> Turn:
        during()
        raise ProcessEnds

    return turn


@pytest.fixture(autouse=True)
def dead_workers_give_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases end by their time, as those of a process that is gone."""
    release = Claims.release

    def unless_dead(claims: Claims, claimed: Sequence[Wait], *more: Any) -> None:
        if not isinstance(sys.exc_info()[1], ProcessEnds):
            release(claims, claimed, *more)

    monkeypatch.setattr(Claims, "release", unless_dead)


@asked
def test_a_click_while_the_agent_goes_on_is_over_at_once(world: World, questions: Turn) -> None:
    session_id, (first, second) = clicked(world, questions, 2)
    ended: list[bool] = []

    def click_again() -> Turn:
        ended.append(world.handle(second))
        return "Done."

    before = world.clock()
    assert handle(world, first, 1, click_again)
    assert ended == [True]
    assert world.clock() - before < 1
    assert fences(world, session_id) == {1}
    assert world.session(session_id).status == sessions.COMPLETED


@asked
def test_another_delivery_of_the_same_message_waits(world: World, questions: Turn) -> None:
    session_id, (first,) = clicked(world, questions, 1)
    waits: list[bool] = []

    def deliver_again() -> None:
        waits.append(not world.handle(first, receive_count=2))

    with pytest.raises(ProcessEnds):
        handle(world, first, 1, dies(deliver_again))
    end_leases(world, session_id)
    assert waits == [True]
    assert handle(world, first, 3, "Done.")
    assert world.session(session_id).status == sessions.COMPLETED


@asked
def test_what_is_over_never_claims_although_the_first_worker_died(
    world: World, questions: Turn
) -> None:
    """Two deliveries of the second message: one ends it, the other must not take the turn."""
    session_id, (first, second) = clicked(world, questions, 2)
    with pytest.raises(ProcessEnds):
        handle(world, first, 1, dies(lambda: world.handle(second)))
    end_leases(world, session_id)
    world.play([])
    assert world.handle(second, receive_count=2)
    assert fences(world, session_id) == {1}
    assert handle(world, first, 2, "Done.")
    assert world.session(session_id).status == sessions.COMPLETED


@asked
def test_who_is_over_while_it_claims_does_not_claim(
    world: World, questions: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between what it reads and its claim another delivery of its message ends."""
    session_id, (first, second) = clicked(world, questions, 2)
    with pytest.raises(ProcessEnds):
        handle(world, first, 1, dies(lambda: None))
    name = "_claim_all" if len(questions) > 1 else "_claim_one"
    claim = getattr(Claims, name)

    def overtaken(claims: Claims, *of: Any) -> Any:
        held = next(a for a in world.approvals(session_id) if a.tool_use_id == "ask-1")
        assert claims._note_over(held, second["messageId"])
        return claim(claims, *of)

    end_leases(world, session_id)
    world.play([])
    with monkeypatch.context() as patch:
        patch.setattr(Claims, name, overtaken)
        world.handle(second)
    assert fences(world, session_id) == {1}
    assert world.handle(second, receive_count=2), "over"
    assert handle(world, first, 2, "Done.")
    assert world.session(session_id).status == sessions.COMPLETED


@asked
def test_a_message_waits_for_a_later_claim(world: World, questions: Turn) -> None:
    """An older worker may still be there: whose message comes back is not sure."""
    session_id, (first, second, third) = clicked(world, questions, 3)
    assert not handle(world, first, 1, RuntimeError("the model is down"))
    waits: list[bool] = []

    def deliver_the_others() -> Turn:
        waits.extend(not world.handle(record, receive_count=2) for record in (first, third))
        return "Done."

    assert handle(world, second, 1, deliver_the_others)
    assert waits == [True, True]
    assert world.session(session_id).status == sessions.COMPLETED


@asked
def test_who_meets_a_later_claim_while_it_ends_comes_back(
    world: World, questions: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later claim may be another delivery's of the very message that was about to end."""
    session_id, (first, second) = clicked(world, questions, 2)
    note_over = Claims._note_over

    def overtaken(claims: Claims, *of: Any) -> bool:
        with monkeypatch.context() as patch:
            patch.setattr(Claims, "_note_over", note_over)
            end_leases(world, session_id)
            with pytest.raises(ProcessEnds):
                handle(world, second, 2, dies(lambda: None))
        return note_over(claims, *of)

    def deliver_the_second() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Claims, "_note_over", overtaken)
            assert not world.handle(second)

    with pytest.raises(ProcessEnds):
        handle(world, first, 1, dies(deliver_the_second))
    end_leases(world, session_id)
    assert handle(world, second, 3, "Done.")
    assert world.session(session_id).status == sessions.COMPLETED


def test_the_lease_of_an_earlier_turn_ends_no_message(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not be given back; the decision of the next turn must not be lost for it."""
    world.play([ONE, [tool_use("ask-2", "human_approval", {"content": "Two"})], "Done."])
    session_id = world.start()
    world.click(world.read_mail()[0].links["approve"])
    with monkeypatch.context() as patch:
        patch.setattr(Claims, "release", lambda *_: None)
        world.deliver_until_quiet()
    (left,) = (a for a in world.approvals(session_id) if a.tool_use_id == "ask-1")
    assert left.lease_until > world.clock()
    world.click(world.read_mail()[-1].links["approve"])
    record = world.receive()
    assert record
    assert not world.handle(record), "comes back when the lease is over"
    end_leases(world, session_id)
    assert world.handle(record, receive_count=2)
    assert world.session(session_id).status == sessions.COMPLETED


def test_an_item_does_not_grow_with_every_click(world: World) -> None:
    most = MAX_MESSAGES_OVER
    session_id, (first, *others) = clicked(world, ONE, most + 2)
    ended: list[bool] = []

    def click_again() -> Turn:
        ended.extend(world.handle(record) for record in others)
        return "Done."

    assert handle(world, first, 1, click_again)
    assert ended == [*[True] * most, False]
    (approval,) = world.approvals(session_id)
    assert len(approval.messages_over or ()) == most
    world.deliver_until_quiet()
    assert world.session(session_id).status == sessions.COMPLETED


@asked
def test_a_run_that_fails_goes_on_although_others_have_ended(
    world: World, questions: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id, (first, second) = clicked(world, questions, 2)
    run = Worker._run

    def ends_the_other(worker: Worker, *of: Any) -> Any:
        assert world.handle(second)
        return run(worker, *of)

    with monkeypatch.context() as patch:
        patch.setattr(Worker, "_run", ends_the_other)
        assert not handle(world, first, 1, RuntimeError("the model is down"))
    assert world.handle(second, receive_count=2)
    assert handle(world, first, 2, "Done.")
    assert world.session(session_id).status == sessions.COMPLETED
