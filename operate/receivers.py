"""EDIT ME for a tool of your own: where the effects of a protected tool can be counted."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Receiver:
    """A table with one item per effect: its `idempotency_key`, and `created_at` in epoch seconds.

    The receiver's own table, or the one that stands in front of a receiver without keys.
    """

    table: str
    """Its logical id in template.yaml; where a stack was looked up, its name."""
    partition: dict[str, str] = field(default_factory=dict)
    """What its key has besides `idempotency_key`."""


RECEIVERS = {"publish_post": Receiver("PostsTable", {"feed": "unitok"})}
"""By the protected tool's name. A tool that is not here, or whose table the stack does not have, is
not compared: its approvals are counted by what is recorded of them, and the ledger says so."""
