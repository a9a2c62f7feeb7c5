"""Every AWS call of the functions in a test, and what each is billed: counts, never times.

Units are DynamoDB's: a write is billed on the larger of the old and the new item.
"""

import math
from typing import Any

import botocore.client
import pytest
from benchmarks.cycle.prices import Call, Usage, usage_of
from pocket.attributes import Item, size_of
from pocket.tables import Index, Table

from sample_world import World


class Recorder:
    """Notes every call of the functions, and what each write is billed."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.write_units = 0

    def take(self) -> Usage:
        """Returns what was used since the last time."""
        calls, self.calls = self.calls, []
        return usage_of(calls)


@pytest.fixture
def recorder(world: World, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    real_call, real_put = botocore.client.BaseClient._make_api_call, Table.put

    def put(table: Table, item: Item) -> None:
        old = table.get(table._place(item))
        real_put(table, item)
        recorder.write_units = write_units(table, old, item)

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        answer = real_call(client, operation, parameters)
        billed = {"ConsumedCapacity": {"CapacityUnits": recorder.write_units}}
        service = client.meta.service_model.service_name
        if "posts" not in parameters.get("TableName", ""):
            recorder.calls.append(Call(service, operation, parameters, {**answer, **billed}))
        return answer

    monkeypatch.setattr(Table, "put", put)
    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return recorder


def write_units(table: Table, old: Item | None, new: Item) -> int:
    """Of the item, and of each index whose entry comes, goes or changes; a move is two."""
    units = kilobytes(old, new)
    for index in table.indexes.values():
        before, after = entry(index, old), entry(index, new)
        is_move = before and after and any(before[k] != after[k] for k in index.keys)
        if is_move:
            units += kilobytes(before) + kilobytes(after)
        elif before != after:
            units += kilobytes(before, after)
    return units


def entry(index: Index, item: Item | None) -> Item | None:
    return index.entry(item) if item and all(key in item for key in index.keys) else None


def kilobytes(*items: Item | None) -> int:
    return math.ceil(max(size_of(item or {}) for item in items) / 1024)
