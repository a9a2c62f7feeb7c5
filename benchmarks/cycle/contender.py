"""What is compared: something that pauses an agent, and goes on with it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.cycle.conversation import Conversation

EQUAL = "Strands snapshots, S3Storage, and an equal ledger"
DIGESTS = "Strands snapshots, S3Storage, and a ledger of digests"
"""Of those that are close, the two that have a record of their own."""

Cycle = Callable[[], None]
"""One cycle of a paused session: the approval comes, the agent publishes, asks again, is saved."""


@dataclass(frozen=True)
class Offers:
    """What stands beside the price; as its documentation and code have it."""

    decision_record: str = "no"
    """Who decided what about which exact text, and when."""
    first_decision_wins: str = "no"
    """Of two that differ."""
    one_effect: str = "no"
    """However often a message comes, whenever a worker dies."""


@dataclass(frozen=True)
class Contender:
    """One way to pause and resume.

    Attributes:
        name: As the tables show it.
        open: Makes a session that is paused at the end of a conversation; returns what takes it
            through one cycle. It is called outside of what is measured, and measures itself.
        offers: What it gives beside storage.
        without: Name of the contender that runs the same agent and stores nothing.
        has_cpu: Whether its CPU can be told from its engine's.
        is_peer: Whether it is one of those to compare with; what such a one cannot do is a result.
        is_close: Whether longer texts and longer sessions are tried with it, too.
    """

    name: str
    open: Callable[[Conversation], Cycle]
    offers: Offers = field(default_factory=Offers)
    without: str = "the agent alone"
    has_cpu: bool = True
    is_peer: bool = True
    is_close: bool = False
