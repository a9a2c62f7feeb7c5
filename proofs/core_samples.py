"""What the tests of the core share: sample items, recording clients, DynamoDB's arithmetic."""

import io
import json
import math
import random
import string
from dataclasses import dataclass, field, replace
from typing import Any

from longrunning.waits.item import Call, Wait

NOW = 1_773_482_400  # 2026-03-14T10:00:00Z
DAY_SECONDS = 86_400
SESSION_ID = "6f1d7a52-3c0e-4c57-9d0b-2a9f4be1c0de"
TOOL_USE_ID = "tooluse_Zk3vX0hYQm2rT9bL1cWd5A"


CALL_PARTS = ("action", "content", "arguments")


def wait_of(**values: Any) -> Wait:
    """A wait from flat values, as its item has them: a call's parts among them make its call."""
    return changed(Wait("", "", "", "", 0, 0), **values)


def changed(wait: Wait, **values: Any) -> Wait:
    """A wait with other values; those of its call's parts change its call."""
    parts = {name: values.pop(name) for name in CALL_PARTS if name in values}
    if parts:
        values["call"] = replace(wait.call or Call("", ""), **parts)
    return replace(wait, **values)


def asked(**changes: Any) -> Wait:
    """An approval that waits, as `human_approval` asks for it: one ordinary post."""
    approval = wait_of(
        session_id=SESSION_ID,
        tool_use_id=TOOL_USE_ID,
        agent_name="post-generator",
        tool_name="human_approval",
        action="publish_post",
        content="Meet Rainbow Dash, our fastest unicorn! 🦄 Rides from Saturday on, $5 an hour.",
        content_schema={"type": "string", "minLength": 1, "maxLength": 262_144},
        arguments={"author": "Unicorn Rentals", "unicorn_color": "rainbow", "image_url": None},
        requested_at=NOW,
        decide_by=NOW + DAY_SECONDS,
        due_at=NOW + DAY_SECONDS,
        expires_at=NOW + 91 * DAY_SECONDS,
    )
    return changed(approval, **changes)


def job(**changes: Any) -> Wait:
    """A wait for a job, whose result only a message brings."""
    waiting = Wait(
        session_id=SESSION_ID,
        tool_use_id="tooluse_job",
        agent_name="post-generator",
        tool_name="render_video",
        requested_at=NOW,
        decide_by=NOW + DAY_SECONDS,
    )
    return replace(waiting, **changes)


@dataclass
class Recorded:
    """An AWS client that notes what is called on it, in one list with others.

    `failures` holds exceptions to raise, by operation, instead of calling.
    """

    client: Any
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failures: dict[str, Exception] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        """Returns the client's own attribute; an operation is wrapped."""
        attribute = getattr(self.client, name)
        if name == "exceptions":
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((name, kwargs))
            if name in self.failures:
                raise self.failures[name]
            return attribute(*args, **kwargs)

        return call

    @property
    def operations(self) -> list[str]:
        """The names of the calls, in order."""
        return [name for name, _ in self.calls]

    def named(self, operation: str) -> list[dict[str, Any]]:
        """The arguments of each call of one operation."""
        return [kwargs for name, kwargs in self.calls if name == operation]


@dataclass
class LogLines:
    """The lines that the project's loggers write."""

    stream: io.StringIO

    @property
    def text(self) -> str:
        """All of it."""
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """One object a line."""
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def messages(self) -> list[str]:
        """What the lines say."""
        return [line["message"] for line in self.lines]


def metrics(output: str) -> dict[str, float]:
    """The metrics in what a function wrote to standard output: values by name."""
    found = {}
    for line in output.splitlines():
        document = json.loads(line)
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
            found |= {metric["Name"]: document[metric["Name"]] for metric in directive["Metrics"]}
    return found


def item_bytes(item: dict[str, Any]) -> int:
    """Bytes that DynamoDB bills an item by.

    Source: DynamoDB, "Item sizes and formats".
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(attribute: dict[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return math.ceil(len(value.lstrip("-")) / 2) + 1 + value.startswith("-")
        case "B":
            return len(value)
        case "L":
            return 3 + sum(1 + _value_bytes(item) for item in value)
        case "M":
            return 3 + item_bytes(value) + len(value)
        case _:  # NULL, BOOL
            return 1


def noise(size: int, seed: str = "x") -> str:
    """Letters that compress by a quarter at most: a text that is long stays long."""
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=size))  # noqa: S311
