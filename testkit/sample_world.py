"""The world of the tests of the library: their own agent, and a receiver in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

import agent_handler
import sample_agent
import sample_post
from longrunning_testkit import worlds


@dataclass
class World(worlds.World):
    """A world whose agent is `sample_agent`."""

    receiver: sample_post.Receiver = field(default_factory=sample_post.Receiver)

    def posts(self) -> list[dict[str, Any]]:
        """Returns what is published, newest first."""
        return self.receiver.posts()

    def snapshot(self) -> dict[str, Any]:
        """Everything stored, at the receiver too."""
        return {**super().snapshot(), "posts": self.posts()}


def use_sample(monkeypatch: pytest.MonkeyPatch, receiver: sample_post.Receiver) -> None:
    """Puts the tests' own agent in the place of the project's."""
    monkeypatch.setattr(agent_handler, "agent_definition", sample_agent)
    monkeypatch.setattr(sample_post, "send", receiver.take)


def lasting_for_a_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Yields an empty stack for one test."""
    world = worlds.make_world(monkeypatch, World)
    use_sample(monkeypatch, world.receiver)
    yield from worlds.lasting(world)
