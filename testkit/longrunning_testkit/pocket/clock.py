"""Time that a test moves."""

START = 1_773_482_400  # 2026-03-14T10:00:00Z

_LOOK_NS = 1_000


class Clock:
    """Seconds since the epoch. It stands still but for a microsecond at every look.

    So two posts have two times, as on any machine, and the same test has the same times again.
    """

    def __init__(self, start: float = START) -> None:
        self._now_ns = int(start * 1e9)

    def __call__(self) -> float:
        return self.time_ns() / 1e9

    def time_ns(self) -> int:
        self._now_ns += _LOOK_NS
        return self._now_ns

    def step(self, seconds: float) -> None:
        """Moves on; time never goes back."""
        assert seconds >= 0
        self._now_ns += int(seconds * 1e9)
