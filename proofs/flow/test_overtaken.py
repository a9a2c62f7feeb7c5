"""A worker that outlives its lease, and the one that took over: what the older one did is void.

The older one stands still in its model's call, as Lambda may freeze a process; meanwhile another
delivery of the same message goes its way, with a model of its own.
"""

from collections.abc import Callable
from typing import Any

import pytest

import sample_post as publish_post
from converse_stand_in import Script, Turn, tool_use
from longrunning.waits.item import Status
from sample_world import World

DRAFT = "Rides for two"
ASK = [tool_use("ask-1", "human_approval", {"content": DRAFT})]
PUBLISH = [tool_use("post-1", "publish_post", {"content": DRAFT})]


class ProcessEnds(BaseException):
    """The end of a process: nothing catches it."""


def model(*turns: Turn | Callable[[], Turn]) -> Script:
    """Plays turns; a function is called when it is its turn, in the middle of a run."""
    left = iter(turns)

    def script(_: dict[str, Any]) -> Turn:
        turn = next(left)
        return turn() if callable(turn) else turn

    return script


def handle(world: World, record: dict[str, Any], receive_count: int, *turns: Any) -> bool:
    """Has a worker handle a message, with a model of its own."""
    world.play(model(*turns))
    return world.handle(record, receive_count)


def approved(world: World) -> tuple[str, dict[str, Any]]:
    """Has the last question approved; returns the session and the message of the decision."""
    (mail,) = world.read_mail()
    session_id: str = world.click(mail.links["approve"])["session_id"]
    record = world.receive()
    assert record
    return session_id, record


def asked_and_approved(world: World) -> tuple[str, dict[str, Any]]:
    """Has the agent ask, and a person approve."""
    world.play([ASK])
    world.start()
    return approved(world)


def end_leases(world: World, session_id: str) -> None:
    """Lets time pass until another worker may come; of a lease that was given back, a second."""
    ends = max(approval.lease_until for approval in world.approvals(session_id))
    world.step(max(ends - world.clock(), 0) + 1)


def contents(world: World) -> list[str]:
    return [post["content"] for post in world.posts()]


def test_a_lease_lasts_longer_than_the_function(world: World) -> None:
    session_id, record = asked_and_approved(world)
    leases: list[float] = []

    def look() -> Turn:
        leases.extend(a.lease_until - world.clock() for a in world.approvals(session_id))
        return "Done."

    assert handle(world, record, 1, look)
    assert [lease > world.context.remaining_seconds for lease in leases] == [True]


def test_a_worker_that_was_overtaken_saves_nothing(world: World) -> None:
    session_id, record = asked_and_approved(world)
    assert not handle(world, record, 1, overtaking(world, session_id, record), "Old words.")
    assert world.session(session_id).status == "waiting"
    assert handle(world, record, 3, "New words.")
    assert world.session(session_id).messages[-1]["content"] == [{"text": "New words."}]


def overtaking(world: World, session_id: str, record: dict[str, Any]) -> Callable[[], Turn]:
    """What happens in the middle of a run: another worker takes over, and dies at its model."""

    def overtaking() -> Turn:
        end_leases(world, session_id)
        with pytest.raises(ProcessEnds):
            handle(world, record, 2, ProcessEnds())
        return [tool_use("use-1", "no_such_tool", {})]

    return overtaking


def test_after_a_repeated_resume_the_next_question_can_be_answered(world: World) -> None:
    world.play([ASK])
    session_id = world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["deny"])
    record = world.receive()
    assert record
    another = [tool_use("ask-2", "human_approval", {"content": "Another"})]
    assert not handle(world, record, 1, RuntimeError("the model is down"))
    assert handle(world, record, 2, another)
    _, record = approved(world)
    assert handle(world, record, 1, "Done.")
    assert world.session(session_id).status == "completed"


def test_a_worker_that_was_overtaken_publishes_nothing(world: World) -> None:
    session_id, record = asked_and_approved(world)
    assert not handle(world, record, 1, overtaking(world, session_id, record), PUBLISH, "Done.")
    assert contents(world) == []
    assert handle(world, record, 3, "It shall not be published.")
    assert contents(world) == []


def test_of_two_workers_that_both_publish_the_effect_happens_once(world: World) -> None:
    session_id, record = asked_and_approved(world)

    def newer_one_does_it_all() -> Turn:
        end_leases(world, session_id)
        assert handle(world, record, 2, PUBLISH, "Done.")
        return PUBLISH

    handle(world, record, 1, newer_one_does_it_all, "Done.")
    assert contents(world) == [DRAFT]
    assert world.session(session_id).outcome == "published"
    assert [a.status for a in world.approvals(session_id)] == [Status.SPENT]


def test_what_an_earlier_turn_approved_and_was_spent_still_happens(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id, record = asked_and_approved(world)
    another = [tool_use("ask-2", "human_approval", {"content": "Another"})]
    assert handle(world, record, 1, another)
    assert world.session(session_id).unspent == ("ask-1",)
    _, record = approved(world)

    def down(_: Any) -> Any:
        raise publish_post.PublishFailedError("the receiver is down")

    with monkeypatch.context() as patch:
        patch.setattr(publish_post, "send", down)
        assert not handle(world, record, 1, PUBLISH)
    assert contents(world) == []
    assert handle(world, record, 2, "I do not remember any post.")
    assert contents(world) == [DRAFT]


def test_a_task_that_two_deliveries_start_at_once_has_one_session(world: World) -> None:
    world.send('{"type": "new", "body": {"task": "Announce it"}}')
    record = world.receive()
    assert record

    def other_delivery_is_faster() -> Turn:
        assert handle(world, record, 1, ASK)
        return ASK

    assert handle(world, record, 1, other_delivery_is_faster)
    assert len(world.approvals(record["messageId"])) == 1
    assert world.dead_letters() == []
