"""Tells by the record what came of an approved call: done, refused, or never made.

    status     also in the record           effect
    APPROVED                                none yet: the agent goes on with it
    APPROVED   `not_done`, a stop reason    `not_done`: its session ended without the call
    SPENT      `refused`, or an `answer`    `refused`: its receiver said no for good
               that is an error
    SPENT                               `done`: its tool was given exactly what was approved

A call that fails is made again with the same key, for as long as nobody knows that it arrived:
`done` says that it was made, and not how often.
"""

from typing import Any

from longrunning.waits.item import Status, Wait

DONE, REFUSED, NOT_DONE = "done", "refused", "not_done"

MAX_REASON_CHARS = 300
"""Of what a receiver said; its whole answer is the agent's to read."""


def effect_of(approval: Wait) -> str | None:
    """Returns `done`, `refused` or `not_done`; None while nothing came of it, or ever will."""
    if approval.status == Status.SPENT:
        said_no = (approval.answer or {}).get("status") == "error"
        return REFUSED if approval.refused or said_no else DONE
    if approval.status == Status.APPROVED and approval.not_done is not None:
        return NOT_DONE
    return None


def reason_of(approval: Wait) -> str | None:
    """Returns why it was not done: the receiver's words, or the stop reason of the agent's run."""
    match effect_of(approval):
        case "refused":
            text = (approval.answer or {}).get("text")
            return str(text)[:MAX_REASON_CHARS] if text else None
        case "not_done":
            return approval.not_done
    return None


def facts_of(approval: Wait) -> dict[str, Any]:
    """Returns both as the HTTP APIs show them."""
    return {"effect": effect_of(approval), "effect_reason": reason_of(approval)}
