"""Says on the screen how a session has ended, where that is worth a look.

The words of a conversation are for the screen of whoever runs this stack, and for nothing else: the
functions log none.
"""

from botocore.exceptions import BotoCoreError, ClientError

from local.console import Console
from local.traces import Traces
from local.view import SessionRow, View

LOUD_OUTCOMES = ("denied", "expired", "cancelled", "not_done", "failed", "stopped")
"""Any other is a good end, in a tool's own word, such as `published`."""
SHOWN_CHARACTERS = 200
SAVE = "save"
"""The step after which a session may have ended."""


class Endings:
    """Looks at each session that was saved, and says once how it has ended.

    Args:
        view: Where the sessions are.
        traces: Tells which were saved.
        console: The screen.
    """

    def __init__(self, view: View, traces: Traces, console: Console) -> None:
        self._view = view
        self._traces = traces
        self._console = console
        self._spans_seen = 0
        self._saved: set[str] = set()

    def look(self) -> None:
        """Says what has ended since the last look."""
        spans, self._spans_seen = self._traces.since(self._spans_seen)
        self._saved |= {span.annotations.get("session_id", "") for span in spans
                        if span.name == SAVE}  # fmt: skip
        for session_id in sorted(self._saved):
            try:
                row = self._view.session(session_id)
            except (BotoCoreError, ClientError):
                return  # The emulator is busy or going down; the next look asks again.
            self._saved.remove(session_id)
            if row and row.outcome and row.has_ended and row.outcome in LOUD_OUTCOMES:
                self._console.error(ending(row))


def ending(row: SessionRow) -> str:
    """Returns `session s-1 ended: failed (max_tokens): I could not …`, in one line."""
    words = " ".join(row.last_words.split())
    words = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words)
    if len(words) > SHOWN_CHARACTERS:
        words = f"{words[:SHOWN_CHARACTERS]} …"
    reason = f" ({row.reason})" if row.reason else ""
    return f"session {row.session_id} ended: {row.outcome}{reason}{': ' * bool(words)}{words}"
