"""CHANGE ME: what your agent does when a person decides. docs/testing.md has the test kit."""

import pytest

import agent_definition
from longrunning_testkit import Receiver, World, approve, ask, deny, told, tool_use

DRAFT = "Summer at Unicorn Rentals: two rides for one!"


@pytest.fixture
def receiver(world: World, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """Stands where the posts go."""
    receiver = Receiver("Published.")
    monkeypatch.setattr(agent_definition, "make_publisher", lambda *_: receiver)
    return receiver


def test_a_post_is_published_once_and_only_once_it_is_approved(
    world: World, receiver: Receiver
) -> None:
    post = tool_use("post-1", "publish_post", {"content": DRAFT})
    world.play([[ask("ask-1", DRAFT)], [post], "It is published."])
    session_id = world.start("Announce the summer sale")
    assert receiver.made == []
    mail = approve(world)
    assert DRAFT in mail.body
    assert [call["content"] for call in receiver.made] == [DRAFT]
    session = world.session(session_id)
    assert (session.status, session.outcome) == ("completed", "published")


def test_a_denied_post_is_not_published_and_the_model_reads_why(
    world: World, receiver: Receiver
) -> None:
    world.play([[ask("ask-1", DRAFT)], "I leave it."])
    world.start("Announce the summer sale")
    deny(world, comment="One ride for one.")
    status, text = told(world, "ask-1")
    assert status == "error"
    assert "One ride for one." in text
    assert receiver.made == []


def test_what_was_not_approved_is_asked_for(world: World, receiver: Receiver) -> None:
    world.play([[tool_use("post-1", "publish_post", {"content": DRAFT})], "It is published."])
    session_id = world.start("Announce the summer sale")
    assert receiver.made == []
    assert world.session(session_id).status == "waiting"
    approve(world)
    assert len(receiver.made) == 1
