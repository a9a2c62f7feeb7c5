"""The pace of many senders: places in one queue, kept in the table of the approvals."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from longrunning.people.pace import MARGIN_SECONDS, TooEarlyError

SHARED_PER_SECOND = 4

PARTITION = "~mail-pace"
"""Of the items of a `SharedPace` in the table of the approvals: no session can have this id."""

LEAD_SECONDS = 60
"""Who has a place far in the queue comes back so long before it: SQS may be late by as much."""

MAX_AWAY_SECONDS = 36_000
"""SQS keeps a message away for 12 hours at most."""

_STEP_MS = 1000 // SHARED_PER_SECOND
_KEPT_SECONDS = 86_400
_TRIES = 10


@dataclass
class SharedPace:
    """Lets the e-mails of many senders go one after the other, by places in one queue.

    An item holds the next free place, a time; who takes it moves it on, by a conditional write. A
    place that comes after the function's end is kept for the next delivery of the message.
    """

    dynamodb: Any
    """A low-level client."""
    table_name: str
    senders: str
    """Who shares it, such as `agents`."""
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    deadline: float = math.inf
    _is_repeated: bool = False

    def begin(self, deadline: float, *, is_repeated: bool) -> None:
        """Takes both."""
        self.deadline, self._is_repeated = deadline, is_repeated

    def wait(self, key: str) -> None:
        """Takes the next place and sleeps until its time."""
        kept_ms = self._take_kept(key) if self._is_repeated else None
        at_ms = self._take_free() if kept_ms is None else kept_ms
        now, at = self.clock(), at_ms / 1000
        if at > max(now, self.deadline - MARGIN_SECONDS):
            self._keep(key, at_ms)
            raise TooEarlyError(min(max(now, at - LEAD_SECONDS), now + MAX_AWAY_SECONDS))
        self.sleep(max(0, at - now))

    def _take_free(self) -> int:
        """Takes the next free place: now, or behind the last one that is taken."""
        for _ in range(_TRIES):
            now_ms = self._now_ms()
            values = {"now": now_ms, "step": _STEP_MS, "end": now_ms // 1000 + _KEPT_SECONDS}
            for place, condition in (
                (":now", "attribute_not_exists(free_ms) OR free_ms <= :now"),
                ("free_ms", "free_ms > :now"),
            ):
                change = f"SET free_ms = {place} + :step, expires_at = :end"
                if item := self._update(self.senders, change, values, condition):
                    return int(item["free_ms"]["N"]) - _STEP_MS
        raise TooEarlyError(self.clock())

    def _keep(self, key: str, at_ms: int) -> None:
        values = {"at": at_ms, "end": at_ms // 1000 + _KEPT_SECONDS}
        self._update(key, "SET at_ms = :at, kept = :at, expires_at = :end", values)

    def _take_kept(self, key: str) -> int | None:
        """Takes it once: another delivery at the same time gets a place of its own."""
        item = self._update(key, "REMOVE kept", {"now": self._now_ms()}, "kept > :now")
        return int(item["at_ms"]["N"]) if item else None

    def _update(
        self, name: str, change: str, values: dict[str, int], condition: str = ""
    ) -> dict[str, Any] | None:
        """Changes an item and returns it; None if the condition does not hold."""
        try:
            answer = self.dynamodb.update_item(
                TableName=self.table_name,
                Key={"session_id": {"S": PARTITION}, "tool_use_id": {"S": name}},
                UpdateExpression=change,
                ExpressionAttributeValues={f":{n}": {"N": str(v)} for n, v in values.items()},
                ReturnValues="ALL_NEW",
                **({"ConditionExpression": condition} if condition else {}),
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        found: dict[str, Any] = answer["Attributes"]
        return found

    def _now_ms(self) -> int:
        return math.ceil(self.clock() * 1000)
