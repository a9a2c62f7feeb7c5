"""What a receiver that ignores idempotency keys costs: how many posts one approval can become.

The figures are those of docs/security.md.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import sample_post as publish_post
from converse_stand_in import tool_use
from longrunning.waits.item import Wait
from sample_world import World

DELIVERIES = 5  # The queue's maxReceiveCount.


class KeylessReceiver:
    """Publishes whatever comes, and loses some of its answers."""

    def __init__(self, loses: Callable[[int], bool] = lambda post: False) -> None:
        self.posts: list[tuple[str, bytes]] = []
        self._loses = loses

    def send(self, request: Any) -> publish_post.Answer:
        self.posts.append((request.headers["Idempotency-Key"], request.data))
        if self._loses(len(self.posts)):
            raise publish_post.PublishFailedError("the answer was lost")
        return publish_post.Answer(201, b'{"post_id": "17"}')


def approve_and_publish(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    receiver: KeylessReceiver,
    publish_calls: int = 1,
) -> Wait:
    """Lets a model ask and publish what was approved, so often; returns the approval."""
    monkeypatch.setattr(publish_post, "send", receiver.send)
    calls = [[tool_use(f"p-{n}", "publish_post", {"content": "Hi"})] for n in range(publish_calls)]
    world.play([[tool_use("ask-1", "human_approval", {"content": "Hi"})], *calls, "Done."])
    session_id = world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["approve"])
    world.deliver_until_quiet()
    [approval] = world.approvals(session_id)
    return approval


def test_without_a_fault_it_is_one_post(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = KeylessReceiver()
    approve_and_publish(world, monkeypatch, receiver)
    assert len(receiver.posts) == 1


def test_an_answer_that_is_lost_once_makes_two(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = KeylessReceiver(loses=lambda post: post == 1)
    approve_and_publish(world, monkeypatch, receiver)
    assert len(receiver.posts) == 2


def test_answers_that_are_always_lost_make_five_for_each_message(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = KeylessReceiver(loses=lambda post: True)
    approval = approve_and_publish(world, monkeypatch, receiver)
    assert len(receiver.posts) == DELIVERIES
    # Every one has the approved text and the same key, which the receiver might have looked at.
    assert len(Counter(receiver.posts)) == 1
    assert receiver.posts[0][0] == f"{approval.session_id}/{approval.tool_use_id}"
    (mail,) = world.mails
    world.click(mail.links["approve"])
    world.deliver_until_quiet()
    assert len(receiver.posts) == 2 * DELIVERIES


def test_a_model_that_publishes_again_makes_one_more_each_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = KeylessReceiver()
    approve_and_publish(world, monkeypatch, receiver, publish_calls=3)
    assert len(receiver.posts) == 3
