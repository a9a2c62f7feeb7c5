"""What the functions ask of the AWS in memory, and what it would be billed: for tests and tables.

Units are DynamoDB's: a write is billed on the larger of the old and the new item, an entry of an
index that comes, goes or changes likewise, and a transaction twice.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import botocore.client
from botocore.exceptions import ClientError

from benchmarks.cycle.prices import Call, Usage, usage_of
from longrunning_testkit.pocket.attributes import Item, size_of
from longrunning_testkit.pocket.tables import Index, Table

TRANSACTION, TIMES = "TransactWriteItems", 2


class Recorder:
    """Notes every call of the functions, and what each write is billed.

    Attributes:
        calls: Since the last `take`.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._write_units = 0
        self._is_paused = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Listens to every botocore client of this process; a receiver's own table is left out."""
        real_call, real_put = botocore.client.BaseClient._make_api_call, Table.put

        def put(table: Table, item: Item) -> None:
            old = table.get(table._place(item))
            real_put(table, item)
            self._write_units += write_units(table, old, item)

        def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            self._write_units = 0
            service = client.meta.service_model.service_name
            try:
                answer = real_call(client, operation, parameters)
            except ClientError as refused:
                self._note(service, operation, parameters, dict(refused.response))
                raise
            units = self._write_units * (TIMES if operation == TRANSACTION else 1)
            billed = {"ConsumedCapacity": {"CapacityUnits": units}}
            self._note(service, operation, parameters, {**answer, **billed})
            return answer

        with (
            mock.patch.object(Table, "put", put),
            mock.patch.object(botocore.client.BaseClient, "_make_api_call", call),
        ):
            yield

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Notes nothing in here: what others do, and what somebody only looks at."""
        self._is_paused, before = True, self._is_paused
        try:
            yield
        finally:
            self._is_paused = before

    def take(self) -> Usage:
        """Returns what was used since the last time."""
        calls, self.calls = self.calls, []
        return usage_of(calls)

    def _note(self, service: str, operation: str, parameters: Any, answer: dict[str, Any]) -> None:
        if not self._is_paused and "posts" not in parameters.get("TableName", ""):
            self.calls.append(Call(service, operation, parameters, answer))


def write_units(table: Table, old: Item | None, new: Item) -> int:
    """Of the item, and of each index whose entry comes, goes or changes; a move is two."""
    units = _kilobytes(old, new)
    for index in table.indexes.values():
        before, after = _entry(index, old), _entry(index, new)
        is_move = before and after and any(before[k] != after[k] for k in index.keys)
        if is_move:
            units += _kilobytes(before) + _kilobytes(after)
        elif before != after:
            units += _kilobytes(before, after)
    return units


def _entry(index: Index, item: Item | None) -> Item | None:
    return index.entry(item) if item and all(key in item for key in index.keys) else None


def _kilobytes(*items: Item | None) -> int:
    return math.ceil(max(size_of(item or {}) for item in items) / 1024)
