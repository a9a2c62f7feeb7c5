"""The open waits: the sparse index over them, and the sweeper's conditional writes.

An item is open from the moment it is recorded (C2) until a worker claims it (C4). The index
`open-approvals` holds the open ones alone, in `OPEN_SHARDS` partitions, by when they are due.
Every write here is conditional on what was read: of two sweepers one wins, and a click that comes
first stands.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from longrunning import codec
from longrunning.waits.item import OPEN_SHARDS, TOOL_SHARD, Status, Wait, month_of
from longrunning.waits.table import WaitTable, key_of

INDEX_NAME = "open-approvals"
APPROVAL_SHARDS = tuple(str(shard) for shard in range(OPEN_SHARDS))
SHARDS = (*APPROVAL_SHARDS, *(f"{TOOL_SHARD}{shard}" for shard in APPROVAL_SHARDS))

BATCH_SIZE = 100
"""Source: DynamoDB, "BatchGetItem": at most 100 items."""

SWEEPER = "sweeper"
"""Who decided what nobody decided."""

NOTE_KEY = key_of("#sweeper", "#audit")
"""The sweeper's note to itself: an item of the table, whose key no session's id can be."""


class NotAnsweredError(Exception):
    """Expected an answer for some of the keys asked for; DynamoDB gave none."""


@dataclass(frozen=True)
class OpenEntry:
    """One entry of the index. Times are epoch seconds."""

    session_id: str
    tool_use_id: str
    due_at: int
    requested_at: int


class OpenWaits(WaitTable):
    """The table `approvals`, as the sweeper sees it."""

    def entries(self, shard: str, most: int, after: OpenEntry | None = None) -> Iterator[OpenEntry]:
        """Yields the entries of one shard, the earliest due first; never the table itself.

        Args:
            shard: One of `SHARDS`.
            most: At most so many.
            after: Where an earlier reading stopped, whether or not that entry is still there.
        """
        start = {"ExclusiveStartKey": _index_key(shard, after)} if after else {}
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=INDEX_NAME,
            KeyConditionExpression="open_shard = :shard",
            ExpressionAttributeValues={":shard": {"S": shard}},
            PaginationConfig={"PageSize": most},
            **start,
        )
        items = (codec.from_item(item) for page in pages for item in page["Items"])
        for item in itertools.islice(items, most):
            requested_at = item.get("requested_at", item["due_at"])  # A stray item stops no sweep.
            yield OpenEntry(item["session_id"], item["tool_use_id"], item["due_at"], requested_at)

    def decided_among(self, entries: Sequence[OpenEntry]) -> Iterator[OpenEntry]:
        """Yields those that somebody has decided and no worker has claimed yet.

        Raises:
            NotAnsweredError: DynamoDB would not answer for all of them.
        """
        for batch in batches(entries):
            keys = [key_of(e.session_id, e.tool_use_id) for e in batch]
            decided = {_id(i) for i in self._statuses(keys) if i.get("status") != Status.PENDING}
            yield from (e for e in batch if (e.session_id, e.tool_use_id) in decided)

    def read_note(self) -> dict[str, Any] | None:
        """Reads the sweeper's note to itself, consistently; None if there is none yet."""
        found = self._client.get_item(TableName=self._table, Key=NOTE_KEY, ConsistentRead=True)
        return codec.from_item(found["Item"]) if "Item" in found else None

    def write_note(self, note: dict[str, Any], was: int | None) -> bool:
        """Replaces the note; of two sweeps that read the same one, the first to write wins.

        Args:
            note: `{"looked_at": 1773482400, "places": …}`.
            was: `looked_at` of the note that was read; None if there was none.

        Returns:
            Whether it was written.
        """
        bound = {f":{name}": value for name, value in note.items()} | {":was": was}
        condition = "attribute_not_exists(session_id)" if was is None else "looked_at = :was"
        try:
            self._client.update_item(
                TableName=self._table,
                Key=NOTE_KEY,
                UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in note),
                ConditionExpression=condition,
                ExpressionAttributeValues=codec.to_item(bound),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _statuses(self, keys: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Reads id and status of each item that is there.

        An answer holds 16 MB of whole items at most, whatever of them is asked for: of items with
        long texts DynamoDB leaves some to the next call.
        """
        wanted = {
            "ProjectionExpression": "session_id, tool_use_id, #s",
            "ExpressionAttributeNames": {"#s": "status"},
        }
        while keys:
            asked = {self._table: {"Keys": keys, **wanted}}
            answer = self._client.batch_get_item(RequestItems=asked)
            yield from map(codec.from_item, answer["Responses"].get(self._table, ()))
            left = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            if len(left) >= len(keys):
                raise NotAnsweredError(NotAnsweredError.__doc__)
            keys = left

    def expire(self, wait: Wait, now: int) -> Wait | None:
        """Ends what nobody decided in time; None if it changed since it was read."""
        values = {"status": Status.EXPIRED, "decided_by": SWEEPER, "decided_at": now}
        if wait.approvers is not None:
            values["decided_month"] = month_of(now)
        return self._if_pending(wait, values, "decide_by <= :now", {":now": now})

    def postpone(self, wait: Wait, until: int) -> Wait | None:
        """Takes what is due for this sweeper alone; it is due again at `until`, should this fail.

        Returns:
            The item as it stands; None if another sweeper, or a decision, was faster.
        """
        return self._if_pending(wait, {"due_at": until}, "due_at = :due", {":due": wait.due_at})

    def step_done(self, wait: Wait, done: Wait, next_at: int) -> Wait | None:
        """Notes that a reminder (`remind_at`) or an escalation (`escalate_at`) is sent.

        Args:
            wait: As `postpone` returned it.
            done: As it is to be: what is None then is removed.
            next_at: When the next step is due.
        """
        steps = ("remind_at", "planned_remind_at", "escalate_at")
        gone = [name for name in steps if getattr(wait, name) and not getattr(done, name)]
        return self._if_pending(
            wait,
            {"due_at": next_at, "remind_at": done.remind_at},
            "due_at = :due",
            {":due": wait.due_at},
            extra=f" REMOVE {', '.join(gone)}" if gone else "",
        )

    def take_resend(self, wait: Wait, now: int) -> Wait | None:
        """Takes the right to send a decision's message again; of two sweepers one gets it."""
        bound = {":status": wait.status, ":fence": wait.fence, ":was": wait.resends}
        same = "resends = :was" if wait.resends else "attribute_not_exists(resends)"
        return self._if_same(
            wait,
            {"resends": (wait.resends or 0) + 1, "resent_at": now},
            f"attribute_exists(due_at) AND #status = :status AND fence = :fence AND {same}",
            {name: value for name, value in bound.items() if value is not None},
        )

    def close(self, wait: Wait, now: int) -> Wait | None:
        """Takes an item off the index that no session waits for; an open question is cancelled."""
        bound = {":status": wait.status, ":fence": wait.fence}
        values = {"status": Status.CANCELLED, "decided_by": SWEEPER, "decided_at": now}
        return self._if_same(
            wait,
            values if wait.status == Status.PENDING else {},
            "#status = :status AND fence = :fence",
            bound,
            extra=" REMOVE open_shard, due_at",
        )

    def _if_pending(
        self,
        wait: Wait,
        values: dict[str, Any],
        condition: str,
        bound: dict[str, Any],
        extra: str = "",
    ) -> Wait | None:
        return self._if_same(
            wait,
            values,
            f"#status = :pending AND {condition}",
            {":pending": Status.PENDING, **bound},
            extra,
        )

    def _if_same(
        self,
        wait: Wait,
        values: dict[str, Any],
        condition: str,
        bound: dict[str, Any],
        extra: str = "",
    ) -> Wait | None:
        updated, _ = self._update(
            wait.session_id, wait.tool_use_id, values, condition, bound, extra=extra
        )
        return updated


def batches(entries: Sequence[OpenEntry]) -> Iterable[Sequence[OpenEntry]]:
    """Yields them by as many as one call takes."""
    for start in range(0, len(entries), BATCH_SIZE):
        yield entries[start : start + BATCH_SIZE]


def _index_key(shard: str, entry: OpenEntry) -> dict[str, Any]:
    key = {"open_shard": {"S": shard}, "due_at": {"N": str(entry.due_at)}}
    return {**key, **key_of(entry.session_id, entry.tool_use_id)}


def _id(item: dict[str, Any]) -> tuple[str, str]:
    return item["session_id"], item["tool_use_id"]
