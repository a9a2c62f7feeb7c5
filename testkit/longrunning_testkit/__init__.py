"""A kit for tests of your own agents: the whole stack in one process, without AWS and a model.

    world.with_tools(my_tool)                             # or the project's own agents
    world.play([[tool_use("use-1", "my_tool", {…})], "Done."])
    session_id = world.start("The task")
    approve(world)

`docs/testing.md` tells what there is, with examples.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longrunning_testkit.agents import an_agent
    from longrunning_testkit.converse_stand_in import Said, text, throttled, tool_use
    from longrunning_testkit.fixtures import world
    from longrunning_testkit.people import answer, approve, ask, deny, let_time_pass, sweep, told
    from longrunning_testkit.receivers import Receiver
    from longrunning_testkit.worlds import Mail, World, make_world

__all__ = [
    "Mail",
    "Receiver",
    "Said",
    "World",
    "an_agent",
    "answer",
    "approve",
    "ask",
    "deny",
    "let_time_pass",
    "make_world",
    "sweep",
    "text",
    "throttled",
    "told",
    "tool_use",
    "world",
]

_PARTS = ("agents", "converse_stand_in", "fixtures", "people", "receivers", "worlds")
"""Imported when a name of theirs is asked for: the AWS in memory goes without the functions."""


def __getattr__(name: str) -> Any:
    """Returns a name of the kit's face from the part that has it."""
    if name in __all__:
        for part in map(import_module, (f"{__name__}.{part}" for part in _PARTS)):
            if hasattr(part, name):
                return getattr(part, name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
