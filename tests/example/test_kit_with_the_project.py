"""The test kit with the project's own agents, as it is without a word of a test."""

from collections.abc import Iterator

import pytest

import agent_definition
import publish_post
from longrunning_testkit import Receiver, World, approve, ask, make_world, tool_use
from longrunning_testkit.worlds import lasting


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The kit's own fixture is this, and makes its clients anew."""
    yield from lasting(make_world(monkeypatch, World))


def test_the_projects_own_agents_run_unless_a_test_gives_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver("Published.")
    monkeypatch.setattr(agent_definition, "make_publisher", lambda *_: receiver)
    post = tool_use("post-1", "publish_post", {"content": "Hi", "unicorn_color": "blue"})
    world.play([[ask("ask-1", "Hi", unicorn_color="blue")], [post], "Done."])
    session_id = world.start()
    approve(world)
    assert [call["unicorn_color"] for call in receiver.made] == ["blue"]
    session = world.session(session_id)
    assert (session.agent_name, session.outcome) == (agent_definition.AGENT_NAME, "published")


def test_a_refusal_of_the_receiver_is_told_and_makes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver(publish_post.PublishRefusedError("No unicorns today."))
    monkeypatch.setattr(agent_definition, "make_publisher", lambda *_: receiver)
    world.play([[tool_use("post-1", "publish_post", {"content": "Hi"})], "I see."])
    session_id = world.start()
    approve(world)
    assert receiver.made == []
    assert world.approvals(session_id)[0].refused
