"""An empty stack in memory, with the tests' own agent and receiver."""

from collections.abc import Iterator

import pytest
from benchmarks.recorder import Recorder

from sample_fixtures import set_clock, shared_clients, world
from sample_world import World

__all__ = ["set_clock", "shared_clients", "world"]


@pytest.fixture
def recorder(world: World) -> Iterator[Recorder]:
    """What the functions ask of AWS, and what that is billed."""
    recorder = Recorder()
    with recorder.installed():
        yield recorder
