"""A small X-Ray daemon: what the functions trace, kept in memory.

On AWS a daemon beside each function takes the same datagrams. Here they tell which step happened
when, and which AWS calls it took.

Source: AWS X-Ray, "Sending segment documents to the daemon" and "Segment documents".
"""

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

KEPT_SPANS = 20_000
_DATAGRAM_BYTES = 65_536
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Span:
    """A subsegment that ended. Times are epoch seconds.

    Attributes:
        name: A step of the walk, or an AWS service.
        operation: The AWS operation, or "".
        annotations: Such as `session_id`.
        is_fault: Whether it ended by an error.
    """

    name: str
    operation: str
    start: float
    end: float
    trace_id: str
    span_id: str
    parent_id: str
    annotations: dict[str, str] = field(default_factory=dict)
    is_fault: bool = False


def parse_datagram(data: bytes) -> list[Span]:
    """Returns the subsegments in a datagram: a line of header, then a JSON document."""
    _, _, text = data.partition(b"\n")
    document = json.loads(text)
    return _spans(document, document.get("trace_id", ""), document.get("parent_id", ""))


def _spans(document: dict[str, Any], trace_id: str, parent_id: str) -> list[Span]:
    if document.get("in_progress") or "end_time" not in document:
        return []
    own = Span(
        name=document["name"],
        operation=document.get("aws", {}).get("operation", ""),
        start=document["start_time"],
        end=document["end_time"],
        trace_id=trace_id,
        span_id=document["id"],
        parent_id=parent_id,
        annotations=document.get("annotations", {}),
        is_fault=bool(document.get("fault")),
    )
    children = document.get("subsegments", [])
    return [own, *(span for child in children for span in _spans(child, trace_id, own.span_id))]


class Traces:
    """Listens until closed."""

    def __init__(self) -> None:
        self._spans: deque[Span] = deque(maxlen=KEPT_SPANS)
        self._count = 0
        self._arrived = threading.Condition()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def open(self) -> str:
        """Starts to listen on a free port; returns the address, as the functions get it."""
        self._socket.bind(("127.0.0.1", 0))
        threading.Thread(target=self._listen, daemon=True).start()
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        """Stops listening."""
        self._socket.close()

    def add(self, spans: list[Span]) -> None:
        """Takes spans."""
        with self._arrived:
            self._spans.extend(spans)
            self._count += len(spans)
            self._arrived.notify_all()

    def all(self) -> list[Span]:
        """Returns every span, in the order they ended."""
        with self._arrived:
            return list(self._spans)

    def since(self, count: int) -> tuple[list[Span], int]:
        """Returns the spans that came after the first `count`, and how many came in all."""
        with self._arrived:
            new = min(self._count - count, len(self._spans))
            return list(self._spans)[len(self._spans) - new :], self._count

    def as_json(self) -> bytes:
        """Returns the spans as a list of objects."""
        return json.dumps([asdict(span) for span in self.all()]).encode()

    def wait_for(self, wanted: Callable[[Span], bool], timeout_seconds: float) -> Span | None:
        """Returns the first span that is wanted, waiting for it; None when it does not come."""
        deadline = time.monotonic() + timeout_seconds
        with self._arrived:
            while True:
                found = next((span for span in self._spans if wanted(span)), None)
                left = deadline - time.monotonic()
                if found or left <= 0:
                    return found
                self._arrived.wait(min(left, _POLL_SECONDS))

    def _listen(self) -> None:
        while True:
            try:
                spans = parse_datagram(self._socket.recv(_DATAGRAM_BYTES))
            except OSError:
                return  # Closed.
            except (ValueError, KeyError):
                continue  # Not a segment document: tracing must never stop the work.
            self.add(spans)
