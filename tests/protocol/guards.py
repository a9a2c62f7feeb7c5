"""Every guard of the protocol, what it guards against, and where in the code it stands."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Guard:
    """A guard that can be taken away in the model."""

    name: str
    where: str
    """`module:function`, below src/."""
    text: str
    """What stands in that function and would not without the guard; white space does not count."""
    scenario: str
    """Where its removal shows."""
    problem: str = ""
    """What goes wrong without it; empty: it saves only cost, and nothing does."""
