"""What keeps a model from answering, in words that say what to do: on the screen and on pages.

What Bedrock has refused is known word for word (`local.bedrock`). Of any other provider the
functions log the name of the error, and that is enough to say what it mostly is.
"""

import json
import re
import time
from dataclasses import dataclass
from typing import Any

from local.console import Console

MAX_TRIES = 5
"""How often the task queue delivers a message (maxReceiveCount of the template)."""
_FAULT = "failed, will be delivered again"
_MISSING = re.compile(r"KeyError: '([A-Za-z_][A-Za-z0-9_]*)'\s*")
_AGAIN = "The task is tried again by itself."
_TODO = {
    **dict.fromkeys(
        ("AuthenticationError", "PermissionDeniedError"),
        "the provider does not take the key. Export the right one, and start again.",
    ),
    **dict.fromkeys(
        ("APIConnectionError", "ConnectError", "ConnectionError"),
        f"nothing answers at the model's address. Is the server running, and is its address "
        f"passed (make run PASS=...)? {_AGAIN}",
    ),
    **dict.fromkeys(
        ("NotFoundError", "ResponseError"),
        "the provider has no such model. Look at MODEL_ID.",
    ),
    **dict.fromkeys(
        ("APITimeoutError", "ReadTimeout", "ReadTimeoutError"),
        f"the model took too long. {_AGAIN}",
    ),
    **dict.fromkeys(
        ("ModelThrottledException", "RateLimitError"),
        f"the provider asks to wait. {_AGAIN}",
    ),
    "EndpointConnectionError": "a model of Bedrock needs a profile here: "
    "make run BEDROCK_PROFILE=name MODEL_ID=...",
}

_OF_ANY_CALL = {"ConnectError", "ConnectionError", "ReadTimeout", "ReadTimeoutError"}
"""A tool that calls somebody fails so, too: where it is the agent's own code, no model failed."""
_AGENTS_CODE = "src/agent/"


@dataclass(frozen=True)
class Problem:
    """Why the agent's function could not go on.

    Attributes:
        at: When that was known, epoch seconds.
        text: What happened and what to do.
    """

    at: float
    text: str


class Problems:
    """Says each on the screen, and keeps the last one, and the last of each message, for the pages.

    Args:
        console: The screen.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self.last: Problem | None = None
        self._of_messages: dict[str, Problem] = {}

    def say(self, text: str) -> None:
        """Takes a problem."""
        self.last = Problem(time.time(), text)
        self._console.error(text)

    def read(self, line: str) -> None:
        """Takes a line that the agent's function logged; most are no problem."""
        text, fault = problem_in(line), fault_in(line)
        if text:
            self.say(text)
        if fault:
            said = f"{text or name_of(fault)} {_what_then(fault)}"
            self._of_messages[str(fault.get("message_id"))] = Problem(time.time(), said)

    def of(self, message_id: str) -> Problem | None:
        """Returns what a message has failed with last, and whether it is tried again."""
        return self._of_messages.get(message_id)


def problem_in(line: str) -> str:
    """Returns the problem that a line of the log tells of, and what to do; "" for none."""
    if missing := _MISSING.fullmatch(line):
        name = missing[1]
        return (
            f"The agent's function has no variable {name}. If your shell has it: "
            f"make run PASS={name}; if not, first: export {name}=..."
        )
    fault = fault_in(line)
    is_own = str(fault.get("at", "")).startswith(_AGENTS_CODE)
    known = _TODO.keys() - (_OF_ANY_CALL if is_own else set())
    name = next((name for name in _names(fault) if name in known), "")
    return f"{name}: {_TODO[name]}" if name else ""


def fault_in(line: str) -> dict[str, Any]:
    """Returns the record of a message that failed and will be delivered again; {} of others."""
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    is_fault = isinstance(record, dict) and record.get("message") == _FAULT
    return record if is_fault else {}


def name_of(fault: dict[str, Any]) -> str:
    """Returns what failed, such as `MaxRetryError, because of NameResolutionError`."""
    place = f", at {fault['at']}" if fault.get("at") else ""
    return f"{', because of '.join(dict.fromkeys(_names(fault)))}{place}."


def _names(fault: dict[str, Any]) -> list[str]:
    return [str(fault[key]) for key in ("error", "cause") if fault.get(key)]


def _what_then(fault: dict[str, Any]) -> str:
    tries = fault.get("receive_count", 1)
    if tries < MAX_TRIES:
        return f"That was try {tries} of {MAX_TRIES}; the next one comes by itself."
    return f"That was the last of {MAX_TRIES} tries: make redrive DRY_RUN=1 shows the message."
