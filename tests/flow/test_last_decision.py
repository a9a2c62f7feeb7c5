"""Of a turn with several questions, the message of the last decision is the one that resumes."""

import json
from typing import Any

import pytest

import publish_post
from converse_stand_in import tool_use
from longrunning import approvals, sessions
from world import World


def ask(tool_use_id: str, content: str) -> dict[str, Any]:
    return tool_use(tool_use_id, "human_approval", {"content": content})


def test_a_duplicate_of_an_earlier_message_never_takes_the_turn(world: World) -> None:
    """SQS deletes a message for all its deliveries: nobody brings back what a duplicate claims."""
    world.play([[ask("ask-1", "One"), ask("ask-2", "Two")], "I stop."])
    session_id = world.start()
    first, second = world.read_mail()
    world.click(first.links["deny"])
    earlier = world.receive()
    assert earlier
    assert world.handle(earlier), "not all is decided: acknowledged, and gone"
    world.step(1)
    world.click(second.links["deny"])
    assert world.handle(earlier, receive_count=2), "its duplicate, still on its way"
    assert {a.fence for a in world.approvals(session_id)} == {0}
    world.deliver_until_quiet()
    assert world.session(session_id).status == sessions.COMPLETED


@pytest.mark.parametrize("last", [0, 1])
def test_whichever_was_decided_last_resumes_also_where_its_message_was_lost(
    world: World, last: int
) -> None:
    world.play([[ask("ask-1", "One"), ask("ask-2", "Two")], "I stop."])
    session_id = world.start()
    mails = world.read_mail()
    for n in (1 - last, last):
        world.click(mails[n].links["deny"])
        world.step(1)
    while lost := world.receive():
        world.aws["sqs"].delete_message(
            QueueUrl=world.env["TASK_QUEUE_URL"], ReceiptHandle=lost["receiptHandle"]
        )
    world.step(150)
    assert world.sweep()["resent"] == 1, "the last one's alone"
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
            patch.setattr(publish_post, "_send", fail)
            handled = world.handle(record)
    assert not handled, "the second resume spent the first approval, and its effect failed"
    assert world.handle(record, receive_count=2)
    told = json.dumps(world.stand_in.requests[-1]["messages"])
    assert "Published; do not publish it again." in told
    spent = next(a for a in world.approvals(session_id) if a.tool_use_id == "ask-1")
    assert spent.status == approvals.SPENT
    assert [post["content"] for post in world.posts()] == ["One"]


def fail(_: Any) -> Any:
    raise publish_post.PublishFailedError("the receiver is down")
