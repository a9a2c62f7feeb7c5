"""A receiver that does what one must: one effect for each idempotency key."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Receiver:
    """Stands behind a protected tool, as its function.

    Attributes:
        answer: What the model reads; an exception is raised instead, and nothing happens.
        made: The effects, each with the arguments of its call.
    """

    answer: str | Exception = "Done."
    made: list[dict[str, Any]] = field(default_factory=list)
    _answers: dict[str, str] = field(default_factory=dict)

    def __call__(self, *, idempotency_key: str, **call: Any) -> str:
        """Makes the effect, or gives the first answer again."""
        if idempotency_key not in self._answers:
            if isinstance(self.answer, Exception):
                raise self.answer
            self._answers[idempotency_key] = self.answer
            self.made.append(call)
        return self._answers[idempotency_key]
