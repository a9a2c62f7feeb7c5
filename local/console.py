"""What the person at the terminal reads: steps with their times, and clear errors."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class LocalError(Exception):
    """The local stack could not do what it was asked; the message says why and what to do."""


class Console:
    """Prints whole lines, from any thread, at once.

    Attributes:
        shows_logs: Whether what the functions log is printed, too.
    """

    def __init__(self) -> None:
        self.shows_logs = True
        self._lock = threading.Lock()
        self._is_terminal = sys.stdout.isatty()
        self._has_colour = self._is_terminal and "NO_COLOR" not in os.environ

    def say(self, text: str = "") -> None:
        """Prints a line."""
        self._write(sys.stdout, text)

    def log(self, text: str) -> None:
        """Prints what a function logged."""
        if self.shows_logs:
            self.say(f"\033[2m{text}\033[0m" if self._has_colour else text)

    def error(self, text: str) -> None:
        """Prints a line to standard error."""
        self._write(sys.stderr, text)

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Times a step of the start; what is appended to the list is printed beside the time."""
        notes: list[str] = []
        started = time.monotonic()
        if self._is_terminal:
            sys.stdout.write(f"  {name} …")
            sys.stdout.flush()
        try:
            yield notes
        finally:
            if self._is_terminal:
                sys.stdout.write("\r\033[K")
        self.say(step_line(name, time.monotonic() - started, *notes))

    def _write(self, stream: object, text: str) -> None:
        with self._lock:
            print(text, file=stream, flush=True)  # type: ignore[call-overload]


def step_line(name: str, seconds: float, *notes: str) -> str:
    """Returns `  name   1.2 s  notes`."""
    return f"  {name:<10} {seconds:5.1f} s  {' '.join(notes)}".rstrip()
