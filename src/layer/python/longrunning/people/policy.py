"""Who must agree to a call: what a policy says, and whether it can be done.

A policy is a function of the adopter's, from a call and who requested it to a `Policy`. It reads no
clock and no network: the same call has the same policy, whoever records it. What it says is
written into the record when the question is asked, and stays.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from longrunning.people.directory import People

if TYPE_CHECKING:
    from longrunning.waits.item import Call, Decision

MAX_APPROVERS = 20

RULE_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class PolicyError(ValueError):
    """A policy cannot be done as it says: a fault of its own, and nobody is asked instead."""


@dataclass(frozen=True)
class Policy:
    """Who must agree to a call."""

    people: tuple[str, ...] = ()
    """Who is asked, by the ids of `people.toml`."""
    needed: int = 1
    """How many of them must approve the very same call. One denial is enough to deny it."""
    self_approval: bool = True
    """Whether the one who requested the task may be among them."""
    sign_in: bool = False
    """Whether they must sign in to decide: having the link is not enough."""
    decision: "Decision | None" = None
    """What a rule decides, with nobody asked."""
    rule: str | None = None
    """The name of that rule, for the record."""

    @classmethod
    def decide(cls, decision: "Decision", *, rule: str) -> "Policy":
        """Decides by a rule, which is recorded; nobody is asked.

        Args:
            decision: `approved` or `denied`.
            rule: The rule's name, of a-z, 0-9 and `-`.
        """
        return cls(decision=decision, rule=rule)


Decider = Callable[["Call", str | None], Policy]
"""From a call, and who requested its task if that is known, to its policy."""


def policy_of(decide: Decider, call: "Call", requested_by: str | None, people: People) -> Policy:
    """Asks a policy and checks its answer. The requester is left out where that is barred.

    Args:
        decide: The adopter's function.
        call: What is to be approved.
        requested_by: Who requested the task, by id or e-mail; None if nobody has said so.
        people: Who there is.

    Raises:
        PolicyError: It cannot be done as it says.
    """
    found = decide(call, requested_by)
    if not isinstance(found, Policy):
        raise PolicyError(f"{call.action}: expected a Policy, got {type(found).__name__}")
    if found.decision is not None or found.rule is not None:
        return _checked_rule(found, call)
    asked = tuple(dict.fromkeys(found.people))
    if unknown := sorted(set(asked) - set(people)):
        raise PolicyError(f"{call.action}: not in people.toml: {', '.join(map(str, unknown))}")
    if not found.self_approval:
        if requested_by is None:
            raise PolicyError(
                f"{call.action}: self_approval=False, but the task does not say requested_by"
            )
        asked = tuple(id_ for id_ in asked if not people[id_].is_called(requested_by))
    if len(asked) > MAX_APPROVERS:
        raise PolicyError(f"{call.action}: expected at most {MAX_APPROVERS} people")
    if not (_is_whole(found.needed) and 1 <= found.needed <= len(asked)):
        raise PolicyError(f"{call.action}: {found.needed} needed, {len(asked)} can approve")
    return replace(found, people=asked)


def _checked_rule(found: Policy, call: "Call") -> Policy:
    is_named = isinstance(found.rule, str) and RULE_PATTERN.fullmatch(found.rule)
    if found.decision not in ("approved", "denied") or not is_named or found.people:
        raise PolicyError(
            f'{call.action}: expected Policy.decide("approved" or "denied", rule="a-name")'
        )
    return found


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
