"""What the functions log: every line in a file, the readable ones compact on the screen."""

import json
import threading
from pathlib import Path
from typing import Any, TextIO

from botocore.exceptions import BotoCoreError, ClientError

from local.console import Console
from local.emulator import Emulator
from local.places import with_place
from local.problems import Problems

AGENT = "agent"
"""What the agent's function is called on the screen."""

_POLL_SECONDS = 0.5
_STOP_SECONDS = 1
_PLATFORM_LINES = ("START RequestId:", "END RequestId:", "REPORT RequestId:", "INIT_START")
_HIDDEN_KEYS = frozenset({"timestamp", "level", "logger", "message", "exception", "at"})


def compact(function: str, line: str) -> str | None:
    """Returns a log line for the screen, or None for one that is only for the file.

    `{"timestamp": "…T09:30:00.000Z", "level": "INFO", "message": "paused", "session_id": "s"}`
    becomes `09:30:00.000 agent    paused session_id=s`. A fault names its line of src/ first.
    Metrics and the platform's own lines are for the file.
    """
    if not line.strip() or line.startswith(_PLATFORM_LINES):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return f"             {function:<8} {line}"
    if not isinstance(record, dict) or "_aws" in record:
        return None
    hidden = _HIDDEN_KEYS | ({"where"} if "at" in record else set())
    extras = [f"{key}={_words(value)}" for key, value in record.items() if key not in hidden]
    level = record.get("level", "INFO")
    words = [
        str(record.get("timestamp", ""))[11:23].ljust(12),
        f"{function:<8}",
        *([level] if level != "INFO" else []),
        str(record.get("message", "")),
        *([f"at {record['at']}:"] if "at" in record else []),
        *extras,
    ]
    trace = record.get("exception")
    return " ".join(words) + (f"\n{trace}" if trace else "")


def _words(value: Any) -> str:
    """Returns a value in one line; frames one after the other."""
    parts = value if isinstance(value, list) else [value]
    return " | ".join(" ".join(str(part).split()) for part in parts)


class FunctionLogs:
    """Follows the functions' log groups until stopped.

    Args:
        emulator: Where CloudWatch Logs answers.
        log_groups: The group of each function, by the name to show.
        path: The file that gets every line.
        console: The screen.
        problems: Is told what the agent's function logs.
        root: The project's folder.
    """

    def __init__(
        self,
        emulator: Emulator,
        log_groups: dict[str, str],
        path: Path,
        console: Console,
        problems: Problems,
        root: Path,
    ) -> None:
        self._logs = emulator.client("logs")
        self._groups = log_groups
        self._path = path
        self._console = console
        self._problems = problems
        self._root = root
        self._seen: set[tuple[str, str]] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> None:
        """Starts to follow in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stops, after the lines that are there."""
        self._stopping.set()
        self._thread.join(timeout=_STOP_SECONDS)

    def _follow(self) -> None:
        with self._path.open("w") as file:
            is_last = False
            while not is_last:
                is_last = self._stopping.wait(_POLL_SECONDS)
                for function, group in self._groups.items():
                    try:
                        self._read_group(function, group, file)
                    except (BotoCoreError, ClientError):
                        continue  # No invocation yet: the group does not exist.

    def _read_group(self, function: str, group: str, file: TextIO) -> None:
        """Reads the invocations not seen yet: each has one stream, written at its end."""
        for name in reversed(self._new_streams(group)):
            self._seen.add((group, name))
            events = self._logs.get_log_events(
                logGroupName=group, logStreamName=name, startFromHead=True
            )["events"]
            for event in events:
                self._take(function, event["message"], file)

    def _new_streams(self, group: str) -> list[str]:
        """Returns the names of the streams not seen yet, newest first."""
        found: list[str] = []
        pages = self._logs.get_paginator("describe_log_streams").paginate(
            logGroupName=group, orderBy="LastEventTime", descending=True
        )
        for page in pages:
            names = [stream["logStreamName"] for stream in page["logStreams"]]
            new = [name for name in names if (group, name) not in self._seen]
            found += new
            if len(new) < len(names):
                break
        return found

    def _take(self, function: str, line: str, file: TextIO) -> None:
        line = with_place(line, self._root)
        file.write(f"{function} {line}\n")
        file.flush()
        text = compact(function, line)
        if text is not None:
            self._console.log(text)
        if function == AGENT:
            self._problems.read(line)
