"""An empty stack in memory, with the tests' own agent and receiver."""

from billed_calls import recorder
from sample_fixtures import set_clock, shared_clients, world

__all__ = ["recorder", "set_clock", "shared_clients", "world"]
