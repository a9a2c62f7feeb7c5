"""The conversation as the agent has it, as HTML."""

import json
from collections.abc import Sequence
from typing import Any

from local.markup import folded, shown

_LABELS = {"user": "To the agent", "assistant": "The agent"}


def conversation(messages: Sequence[dict[str, Any]], unread: int) -> str:
    """Returns all messages.

    Args:
        messages: As the agent has them.
        unread: How many earlier ones could not be read.
    """
    parts = []
    if unread:
        parts.append(
            f'<p class="problem">{unread} earlier messages stand in S3 and could not be read.</p>\n'
        )
    parts += map(_message, messages)
    return "".join(parts) or '<p class="soft">It is empty.</p>\n'


def _message(message: dict[str, Any]) -> str:
    role = str(message.get("role", ""))
    content = message.get("content")
    blocks = content if isinstance(content, list) else [content]
    inner = "".join(map(_block, blocks))
    return f'<section class="message {_kind(role)}">\n<h3>{_label(role)}</h3>\n{inner}</section>\n'


def _label(role: str) -> str:
    said = _LABELS.get(role)
    return f'{said} <span class="soft">({role})</span>' if said else shown(role)


def _kind(role: str) -> str:
    return role if role in _LABELS else "other"


def _block(block: Any) -> str:
    match block:
        case {"text": str(text)}:
            return folded(text)
        case {"toolUse": dict(use)}:
            name, about = shown(str(use.get("name", ""))), _id(use)
            return f"<p>It uses <b>{name}</b> {about}</p>\n{folded(_json(use.get('input')))}"
        case {"toolResult": dict(result)}:
            status = shown(str(result.get("status", "")))
            return f"<p>Result: <b>{status}</b> {_id(result)}</p>\n{_results(result)}"
    return folded(_json(block))


def _results(result: dict[str, Any]) -> str:
    content = result.get("content")
    return "".join(map(_block, content if isinstance(content, list) else [content]))


def _id(block: dict[str, Any]) -> str:
    return f'<code class="soft">{shown(str(block.get("toolUseId", "")))}</code>'


def _json(value: Any) -> str:
    """Returns a value as text; bytes, which JSON has not, by their number."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=_size)


def _size(value: Any) -> str:
    return f"({len(value):,} bytes)" if isinstance(value, bytes) else str(value)
