"""Of a turn with several questions, a message that comes before all are decided is over."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import approval_handler
import sample_post as publish_post
from converse_stand_in import tool_use
from longrunning import sessions
from longrunning.agent.worker import Worker
from longrunning.waits.claims import Claims
from longrunning.waits.item import Status, Wait
from longrunning_testkit.worlds import Mail
from sample_world import World

SetClock = Callable[[ModuleType, float], None]


def ask(tool_use_id: str, content: str) -> dict[str, Any]:
    return tool_use(tool_use_id, "human_approval", {"content": content})


@pytest.fixture
def two_asked(world: World) -> tuple[str, Mail, Mail]:
    """A session that asks two questions in one turn; its clock stands still."""
    world.play([[ask("ask-1", "One"), ask("ask-2", "Two")], "I stop."])
    session_id = world.start()
    first, second = world.read_mail()
    return session_id, first, second


def fences(world: World, session_id: str) -> set[int]:
    return {approval.fence for approval in world.approvals(session_id)}


def lose(world: World) -> None:
    """Loses all messages that wait."""
    while lost := world.receive():
        world.aws["sqs"].delete_message(
            QueueUrl=world.env["TASK_QUEUE_URL"], ReceiptHandle=lost["receiptHandle"]
        )


@pytest.mark.parametrize("ahead", [0, 600, -600], ids=["same second", "ahead", "behind"])
def test_a_duplicate_of_an_earlier_message_never_takes_the_turn(
    world: World, two_asked: tuple[str, Mail, Mail], set_clock: SetClock, ahead: int
) -> None:
    """SQS deletes a message for all its deliveries: nobody brings back what a duplicate claims."""
    session_id, first, second = two_asked
    world.click(first.links["deny"])
    earlier = world.receive()
    assert earlier
    assert world.handle(earlier), "not all is decided: acknowledged, and gone"
    set_clock(approval_handler, ahead)
    world.click(second.links["deny"])
    assert world.handle(earlier, receive_count=2), "its duplicate, still on its way"
    assert fences(world, session_id) == {0}
    world.deliver_until_quiet()
    assert world.session(session_id).status == sessions.COMPLETED


def test_a_message_whose_other_delivery_has_claimed_comes_back(
    world: World, two_asked: tuple[str, Mail, Mail], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two deliveries of one message: the first finds one question open, the second none."""
    session_id, first, second = two_asked
    world.click(first.links["deny"])
    earlier = world.receive()
    assert earlier
    acknowledge = Claims._acknowledge

    def overtaken(claims: Claims, approval: Wait, now: int) -> None:
        world.click(second.links["deny"])
        lose(world)
        with monkeypatch.context() as patch:
            patch.setattr(Worker, "_run", fail)
            assert not world.handle(earlier, receive_count=2), "claims, and dies"
        acknowledge(claims, approval, now)

    with monkeypatch.context() as patch:
        patch.setattr(Claims, "_acknowledge", overtaken)
        assert not world.handle(earlier), "acknowledged, it would be gone for the other one, too"
    assert fences(world, session_id) == {1}
    assert world.handle(earlier, receive_count=3)
    assert world.session(session_id).status == sessions.COMPLETED


def test_a_message_that_is_over_while_it_claims_does_not_claim(
    world: World, two_asked: tuple[str, Mail, Mail], monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id, first, second = two_asked
    world.click(first.links["deny"])
    earlier = world.receive()
    assert earlier
    world.click(second.links["deny"])
    claim_all = Claims._claim_all

    def overtaken(claims: Claims, *claim: Any) -> list[Wait]:
        claims._acknowledge(next(a for a in claim[0] if a.tool_use_id == "ask-1"), 0)
        return claim_all(claims, *claim)

    with monkeypatch.context() as patch:
        patch.setattr(Claims, "_claim_all", overtaken)
        assert not world.handle(earlier)
    assert world.handle(earlier, receive_count=2), "over: the other decision's message resumes"
    assert fences(world, session_id) == {0}
    world.deliver_until_quiet()
    assert world.session(session_id).status == sessions.COMPLETED


@pytest.mark.parametrize(("delivered", "resent"), [(False, 2), (True, 1)])
def test_the_last_decision_resumes_also_where_its_message_was_lost(
    world: World, two_asked: tuple[str, Mail, Mail], delivered: bool, resent: int
) -> None:
    session_id, first, second = two_asked
    world.click(first.links["deny"])
    if delivered:
        world.deliver_until_quiet()
    world.click(second.links["deny"])
    lose(world)
    world.step(150)
    assert world.sweep()["resent"] == resent, "only what was not acknowledged"
    world.deliver_until_quiet()
    assert world.session(session_id).status == sessions.COMPLETED


def test_the_model_is_told_of_an_effect_that_was_redone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Approved in an earlier turn, spent by a worker that failed: nothing is left to publish."""
    publish = tool_use("post-1", "publish_post", {"content": "One"})
    world.play([[ask("ask-1", "One")], [ask("ask-2", "Two")], [publish], "Done."])
    session_id = world.start()
    for _ in range(2):
        (mail,) = world.read_mail()
        world.click(mail.links["approve"])
        record = world.receive()
        assert record
        with monkeypatch.context() as patch:
            patch.setattr(publish_post, "send", fail)
            handled = world.handle(record)
    assert not handled, "the second resume spent the first approval, and its effect failed"
    assert world.handle(record, receive_count=2)
    told = json.dumps(world.stand_in.requests[-1]["messages"])
    assert "Published; do not do it again." in told
    spent = next(a for a in world.approvals(session_id) if a.tool_use_id == "ask-1")
    assert spent.status == Status.SPENT
    assert [post["content"] for post in world.posts()] == ["One"]


def fail(*_: Any) -> Any:
    raise publish_post.PublishFailedError("the receiver is down")
