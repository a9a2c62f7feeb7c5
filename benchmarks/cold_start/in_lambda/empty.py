"""A handler that does nothing: what any Python function takes to start."""

from typing import Any


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answers."""
    return {}
