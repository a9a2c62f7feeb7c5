"""An empty stack in memory, with the tests' own agent and receiver."""

from sample_fixtures import set_clock, shared_clients, world

__all__ = ["set_clock", "shared_clients", "world"]
