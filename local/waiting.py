"""What a session waits for, in plain words: for whom, since when, until when."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from local.layer import Status, Wait
from local.markup import deadline, moment

Stage = Literal["saved", "asked", "answered"]

TIMER, JOB, AGENT = "wait_until", "run_job", "ask_agent"
"""The example's long-running tools; any other is named as it is."""


@dataclass(frozen=True)
class Waiting:
    """One wait of a session that waits now.

    Attributes:
        who: For whom or what, such as `a person: publish_post`.
        when: Since when, and until when.
        asked: Who of the people was asked, such as `ann, bob (2 must agree)`; "" of anything else.
        tool_use_id: What waits.
        stage: How far it has come.
        message_id: The message whose delivery goes on with it; "" before that.
        is_called: Whether its approved call is being made.
    """

    who: str
    when: str
    asked: str = ""
    tool_use_id: str = ""
    stage: Stage = "asked"
    message_id: str = ""
    is_called: bool = False


def waiting(tool_name: str, given: dict[str, Any], wait: Wait | None) -> Waiting:
    """Says one wait.

    Args:
        tool_name: The tool that waits.
        given: What the agent gave the tool, where that is known.
        wait: Its record; None where it is not there yet.
    """
    if wait is None:
        return Waiting(party(tool_name, "", given), "about to be asked", stage="saved")
    return Waiting(
        party_of(wait, given),
        ", ".join(_when(wait)),
        _asked(wait) if wait.call else "",
        wait.tool_use_id,
        "asked" if wait.status == Status.PENDING else "answered",
        message_of(wait),
        is_called(wait),
    )


def party(tool_name: str, action: str, given: dict[str, Any]) -> str:
    """Says who or what is to answer."""
    if action:
        return f"a person: {action}"
    job, agent = given.get("job"), given.get("name")
    if tool_name == TIMER:
        return "a timer"
    if tool_name == JOB and isinstance(job, str):
        return f"a job: {job}"
    if tool_name == AGENT and isinstance(agent, str):
        return f"another agent: {agent}"
    return f"the tool {tool_name}"


def party_of(wait: Wait, given: dict[str, Any]) -> str:
    """Says who or what is to answer a wait."""
    return party(wait.tool_name, wait.call.action if wait.call else "", given)


def is_called(wait: Wait) -> bool:
    """Whether an approved call was begun, and nothing tells that it has arrived.

    A session that was saved since tells that it has; this wait's own record does not know.
    """
    return wait.status == Status.SPENT and not wait.answer and not wait.refused


def message_of(wait: Wait) -> str:
    """Returns the id of the message whose delivery goes on with a wait; "" before that."""
    return (wait.claimed_by or "").partition("/")[0]


def until(wait: Wait) -> str:
    """Says until when a wait lasts, and when a timer is due."""
    end = deadline(wait.requested_at, wait.decide_by)
    if wait.tool_name == TIMER and not wait.call and wait.remind_at:
        return f"due at {moment(wait.remind_at)}, {end}"
    return end


def inputs(messages: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Returns what the agent gave each tool use of a conversation, by its id there."""
    return {use.get("toolUseId", ""): _object(use.get("input")) for use in _tool_uses(messages)}


def _asked(wait: Wait) -> str:
    """Says who decides; who is not asked by name has the e-mail that every approver gets."""
    if not wait.approvers:
        return "the approver"
    names = ", ".join(wait.approvers)
    return f"{names} ({wait.needed} must agree)" if (wait.needed or 1) > 1 else names


def _when(wait: Wait) -> Iterator[str]:
    yield f"since {moment(wait.requested_at)}"
    if wait.status == Status.PENDING:
        yield until(wait)
    elif is_called(wait):
        yield f"approved: {wait.asked.action} is being called"
    else:
        yield f"{wait.decision or wait.status.lower()}: the agent has not gone on yet"


def _tool_uses(messages: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for message in messages:
        for block in message.get("content", ()):
            if isinstance(block, dict) and isinstance(block.get("toolUse"), dict):
                yield block["toolUse"]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
