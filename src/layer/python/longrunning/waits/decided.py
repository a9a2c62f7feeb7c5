"""What people, and rules, have decided: the sparse index over it, the latest first.

The index `decided-approvals` holds what somebody with a name has decided, and what ended without,
in partitions of a month (UTC). Nothing else is in it, and costs more than before there were names.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from longrunning import codec
from longrunning.waits.item import month_of
from longrunning.waits.table import WaitTable, key_of

INDEX_NAME = "decided-approvals"
MONTHS = 13
"""How far it is looked back for."""


class DecidedEntry(NamedTuple):
    """One entry of the index. `decided_at` is in epoch seconds."""

    session_id: str
    tool_use_id: str
    decided_at: int


class DecidedWaits(WaitTable):
    """The table `approvals`, by when something was decided."""

    def entries(self, now: int, most: int, after: DecidedEntry | None = None) -> list[DecidedEntry]:
        """Returns at most so many entries, the latest first.

        Args:
            now: Epoch seconds.
            most: How many.
            after: Where an earlier reading stopped.
        """
        found: list[DecidedEntry] = []
        for month in _months_from(after.decided_at if after else now):
            start = after if after and month_of(after.decided_at) == month else None
            found += self._of_month(month, most - len(found), start)
            if len(found) == most:
                break
        return found

    def _of_month(
        self, month: str, most: int, after: DecidedEntry | None
    ) -> Iterator[DecidedEntry]:
        start = {"ExclusiveStartKey": _index_key(month, after)} if after else {}
        answer = self._client.query(
            TableName=self._table,
            IndexName=INDEX_NAME,
            KeyConditionExpression="decided_month = :month",
            ExpressionAttributeValues={":month": {"S": month}},
            ScanIndexForward=False,
            Limit=most,
            **start,
        )
        for item in map(codec.from_item, answer["Items"]):
            yield DecidedEntry(item["session_id"], item["tool_use_id"], item["decided_at"])


def _months_from(at: int) -> Iterator[str]:
    year, month = map(int, month_of(at).split("-"))
    for number in range(year * 12 + month - 1, year * 12 + month - 1 - MONTHS, -1):
        yield f"{number // 12:04d}-{number % 12 + 1:02d}"


def _index_key(month: str, entry: DecidedEntry) -> dict[str, Any]:
    place = {"decided_month": {"S": month}, "decided_at": {"N": str(entry.decided_at)}}
    return key_of(entry.session_id, entry.tool_use_id) | place
