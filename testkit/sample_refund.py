"""The sample of a protected tool without a text: `send_refund`, whose amount may be changed."""

from dataclasses import dataclass, field
from typing import Any

from longrunning.agent.calls import ProtectedTool

SPEC: dict[str, Any] = {
    "name": "send_refund",
    "description": "Pays money back for an order.",
    "inputSchema": {
        "json": {
            "type": "object",
            "properties": {
                "order_id": {"type": "string", "pattern": "^[0-9]{4}$"},
                "amount": {
                    "type": "number",
                    "title": "Amount in EUR",
                    "exclusiveMinimum": 0,
                    "maximum": 500,
                },
                "reason": {"type": "string", "enum": ["late", "broken", "other"]},
                "notify": {"type": "boolean", "default": True},
                "pay_on": {"type": ["string", "null"], "format": "date", "default": None},
                "items": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
            },
            "required": ["order_id", "amount", "reason"],
        }
    },
}

EDITABLE = ("amount", "reason", "notify", "pay_on", "items")


class RefundRefusedError(Exception):
    """The receiver says no for good."""


@dataclass
class Refunds:
    """Takes refunds; the same key pays once."""

    paid: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __call__(self, *, idempotency_key: str, **refund: Any) -> str:
        """Pays, and says so."""
        self.paid.setdefault(idempotency_key, refund)
        return f"Refund {len(self.paid)} is paid."


def refund_tool(refunds: Refunds, editable: tuple[str, ...] = EDITABLE) -> ProtectedTool:
    """Returns the tool."""
    return ProtectedTool(
        SPEC, refunds, RefundRefusedError, content_field=None, done="refunded", editable=editable
    )
