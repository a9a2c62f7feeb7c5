"""The fixture of the test kit: an empty stack in memory, with the agents of `src/agent`."""

from longrunning_testkit import world

__all__ = ["world"]
