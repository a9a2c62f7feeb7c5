"""What people, other systems and time do, each in one call, up to where the agent stops again."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from longrunning.messages import build_existing, tool_result
from longrunning_testkit.converse_stand_in import Block, tool_use
from longrunning_testkit.worlds import Mail, World


def ask(tool_use_id: str, content: str, **arguments: Any) -> Block:
    """Returns the model's call of `human_approval`.

    Args:
        tool_use_id: Of this call.
        content: The text to approve.
        **arguments: The other arguments of the protected tool, as `arguments` has them.
    """
    given = {"content": content, **({"arguments": arguments} if arguments else {})}
    return tool_use(tool_use_id, "human_approval", given)


def approve(
    world: World,
    comment: str = "",
    content: str | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Mail:
    """Approves the one question that was asked since the last look, and lets the agent go on.

    Args:
        world: Where it was asked.
        comment: What the approver says.
        content: The approver's own text, in place of the one that was asked for.
        arguments: Values of the approver's own for `editable` arguments, such as `{"amount": 25}`.

    Returns:
        The e-mail that asked.
    """
    own = {f"arguments.{name}": _typed(value) for name, value in (arguments or {}).items()}
    return _decide(world, "approve", comment, content, own)


def deny(world: World, comment: str = "") -> Mail:
    """Denies the one question that was asked since the last look, and lets the agent go on."""
    return _decide(world, "deny", comment, None, {})


def answer(
    world: World, session_id: str, tool_use_id: str, result: str, status: str = "success"
) -> None:
    """Sends a message with a tool's result, as anyone may who can send to the queue.

    A tool without `look` is answered by it; to one with `look` it is only a hint.
    """
    (name,) = [
        p.tool_name for p in world.session(session_id).pending if p.tool_use_id == tool_use_id
    ]
    world.send(build_existing(session_id, name, [tool_result(tool_use_id, status, result)]))
    world.deliver_until_quiet()


def let_time_pass(world: World, time: timedelta) -> None:
    """Moves the clock; then the sweeper comes, and what it sends is delivered."""
    world.step(time.total_seconds())
    sweep(world)


def sweep(world: World) -> dict[str, int]:
    """Has the sweeper come, and delivers what it sends; returns what it says it did."""
    done = world.sweep()
    world.deliver_until_quiet()
    return done


def told(world: World, tool_use_id: str) -> tuple[str, str]:
    """Returns what the model was last told of a tool use: `success` or `error`, and the text."""
    results = [
        block["toolResult"]
        for message in world.stand_in.requests[-1]["messages"]
        for block in message["content"]
        if block.get("toolResult", {}).get("toolUseId") == tool_use_id
    ]
    assert results, f"the model was told nothing of {tool_use_id}"
    return results[-1].get("status", "success"), results[-1]["content"][0].get("text", "")


def _typed(value: Any) -> str:
    """Returns a value as a person types it into the form."""
    return value if isinstance(value, str) else json.dumps(value)


def _decide(
    world: World, label: str, comment: str, content: str | None, arguments: Mapping[str, str]
) -> Mail:
    mails = world.read_mail()
    assert len(mails) == 1, f"{len(mails)} questions since the last look, not one"
    form = {"comment": comment} if comment else {}
    form |= {"content": content} if content is not None else {}
    form |= arguments
    said = world.click(mails[0].links[label], **form)
    assert said["status_code"] == 200, said
    world.deliver_until_quiet()
    return mails[0]
