"""The ids of tool uses: each once in the conversation, and each once among a session's records."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from longrunning.agent.conversation import tool_uses
from longrunning.agent.sendable import sendable_text
from longrunning.messages import TOOL_USE_ID_PATTERN


def name_apart(messages: Sequence[Any]) -> None:
    """Renames a tool use of the last message whose id occurred before in the conversation.

    Models' APIs want each id once. The given one stays the end of the new one: what a provider
    has put into it, such as a signature, is still there.
    """
    *earlier, message = messages
    uses = tool_uses(message)
    taken = {use["toolUseId"] for m in earlier for use in tool_uses(m)} if uses else set()
    for use in uses:
        use["toolUseId"] = sendable_text(use["toolUseId"])
        if use["toolUseId"] in taken:
            use["toolUseId"] = f"{uuid.uuid4().hex[:8]}_{use['toolUseId']}"
        taken.add(use["toolUseId"])


def new_record_id(tool_use_id: str, is_recorded: Callable[[str], bool]) -> str:
    """Returns the key under which a tool use is recorded, unique in the session.

    The provider's own id, unless it cannot be a key, or was one before: everything is keyed by
    session and tool use id, and an old decision must never answer a new question.

    Args:
        tool_use_id: The id in the conversation.
        is_recorded: Tells whether the session has a record of this id already.
    """
    can_be_key = TOOL_USE_ID_PATTERN.fullmatch(tool_use_id) is not None
    if can_be_key and not is_recorded(tool_use_id):
        return tool_use_id
    return f"tooluse_{uuid.uuid4().hex}"
