"""A DynamoDB table: its keys, its items, and the pages that a query or a scan reads."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from longrunning_testkit.pocket.attributes import Item, order_of, size_of
from longrunning_testkit.pocket.errors import AwsError, NotInPocketError, invalid
from longrunning_testkit.pocket.journal import Journal

MAX_ITEM_BYTES = 400 * 1024
MAX_PAGE_BYTES = 1024 * 1024
KEY_BYTES = (2_048, 1_024)
"""Of a hash and of a range key, of the table's or of an index."""

Key = tuple[Any, Any]
"""Order of an item's hash and range attributes."""

_WRONG_KEY = "The provided key element does not match the schema"


@dataclass(frozen=True)
class Index:
    """Keys of a table or of an index, and which attributes an index holds (None: all)."""

    name: str
    hash: str
    range: str | None
    is_local: bool = False
    projected: frozenset[str] | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.hash, self.range) if self.range else (self.hash,)

    def entry(self, item: Item) -> Item:
        """Returns what an index holds of an item."""
        if self.projected is None:
            return item
        return {name: value for name, value in item.items() if name in self.projected}


@dataclass(frozen=True)
class Page:
    """What one query or scan read, in order, and the key to go on after; None at the end."""

    items: list[Item]
    last_key: Item | None
    size: int
    """Bytes."""


class Table:
    """A table as CreateTable declares it. It keeps what it is given; the caller copies."""

    def __init__(self, properties: dict[str, Any], journal: Journal) -> None:
        self._journal = journal
        self.name: str = properties["TableName"]
        self.types: dict[str, str] = {
            a["AttributeName"]: a["AttributeType"] for a in properties["AttributeDefinitions"]
        }
        self.main = _index(properties["KeySchema"])
        self.indexes: dict[str, Index] = {}
        for parameter in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
            for given in properties.get(parameter, ()):
                is_local = parameter.startswith("Local")
                index = _index(given["KeySchema"], given["IndexName"])
                projected = _projected(given["Projection"], {*self.main.keys, *index.keys})
                index = Index(index.name, index.hash, index.range, is_local, projected)
                self.indexes[index.name] = index
        self._items: dict[Any, dict[Any, Item]] = {}

    def key_of(self, key: Item) -> Key:
        """Returns an item's place.

        Raises:
            AwsError: It is not this table's key, exactly.
        """
        if key.keys() != set(self.main.keys):
            raise invalid(_WRONG_KEY)
        return self._place(key)

    def get(self, key: Key) -> Item | None:
        return self._items.get(key[0], {}).get(key[1])

    def put(self, item: Item) -> None:
        """Raises: AwsError if the item cannot be kept."""
        place = self._place(item)
        for index in self.indexes.values():
            for name, most in zip(index.keys, KEY_BYTES, strict=False):
                if name in item:
                    self._check_key(item, name, most, f" IndexName: {index.name}")
        local = [index.entry(item) for index in self.indexes.values() if index.is_local]
        if sum(map(size_of, [item, *local])) > MAX_ITEM_BYTES:
            raise invalid("Item size has exceeded the maximum allowed size")
        self._journal.note(place, self.get(place))
        self._items.setdefault(place[0], {})[place[1]] = item

    def delete(self, key: Key) -> None:
        if (before := self.get(key)) is not None:
            self._journal.note(key, before)
            del self._items[key[0]][key[1]]

    def restored_to(self, moment: float) -> dict[Any, dict[Any, Item]]:
        """Returns what a restore to a moment of the past would hold, in the form of `_items`."""
        found = {key: dict(partition) for key, partition in self._items.items()}
        for place, before in self._journal.since(moment):
            if before is None:
                found.get(place[0], {}).pop(place[1], None)
            else:
                found.setdefault(place[0], {})[place[1]] = before
        return found

    def restore(self, moment: float) -> None:
        """Makes the table hold what it held at a moment of the past."""
        wanted = self.restored_to(moment)
        for item in list(self.all()):
            self.delete(self._place(item))
        for partition in wanted.values():
            for item in partition.values():
                self.put(item)

    def all(self) -> Iterable[Item]:
        return (item for partition in self._items.values() for item in partition.values())

    def page(
        self,
        index: Index,
        wanted: Callable[[Item], bool],
        *,
        start: Item | None,
        limit: int | None,
        forward: bool = True,
    ) -> Page:
        """Reads on in the order of an index, until `limit` items or 1 MB are read.

        Args:
            index: The table's own keys, or an index; items without its keys are not in it.
            wanted: Whether an item is in the part that is asked for.
            start: The key after which to go on.
            limit: At most so many items.
            forward: In ascending order.
        """
        keys = set(index.keys)
        there = [item for item in self.all() if keys <= item.keys() and wanted(item)]
        there.sort(key=lambda item: self._position(index, item), reverse=not forward)
        if start is not None:
            there = [i for i in there if self._is_after(index, start, i, forward)]
        read: list[Item] = []
        size = 0
        for item in there:
            entry = index.entry(item)
            entry_bytes = size_of(entry)
            if len(read) == limit or (read and size + entry_bytes > MAX_PAGE_BYTES):
                return Page(read, self._last_key(index, read[-1]), size)
            size += entry_bytes
            read.append(entry)
        is_full = limit is not None and len(read) == limit
        return Page(read, self._last_key(index, read[-1]) if is_full and read else None, size)

    def _is_after(self, index: Index, start: Item, item: Item, forward: bool) -> bool:
        here, there = self._position(index, item), self._position(index, start)
        return bool(here > there if forward else here < there)

    def _position(self, index: Index, item: Item) -> list[Any]:
        return [order_of(item[name]) for name in (*index.keys, *self.main.keys)]

    def _last_key(self, index: Index, item: Item) -> Item:
        return {name: item[name] for name in {*index.keys, *self.main.keys}}

    def _place(self, item: Item) -> Key:
        for name, most in zip(self.main.keys, KEY_BYTES, strict=False):
            if name not in item:
                raise invalid(f"One of the required keys was not given a value: {name}")
            self._check_key(item, name, most, "")
        range_key = order_of(item[self.main.range]) if self.main.range else None
        return order_of(item[self.main.hash]), range_key

    def _check_key(self, item: Item, name: str, most: int, index: str) -> None:
        if self.types[name] not in item[name]:
            if not index:
                raise invalid(f"{_WRONG_KEY}. Type mismatch for key {name}")
            raise invalid(f"Type mismatch for Index Key {name}{index}")
        if item[name] in ({"S": ""}, {"B": b""}):
            raise invalid(f"A key attribute cannot contain an empty string value. Key: {name}")
        ((kind, value),) = item[name].items()
        if kind != "N" and len(value.encode() if kind == "S" else value) > most:
            reason = f"Size of key {name} has exceeded the maximum size limit of {most} bytes"
            raise invalid(f"One or more parameter values were invalid: {reason}{index}")

    def index(self, name: str | None) -> Index:
        """Returns the keys to read by."""
        if name is None:
            return self.main
        if name not in self.indexes:
            raise invalid(f"The table does not have the specified index: {name}")
        return self.indexes[name]


def no_such_table() -> AwsError:
    """DynamoDB's answer for a table that is not there."""
    return AwsError("ResourceNotFoundException", "Requested resource not found")


def _index(key_schema: list[dict[str, str]], name: str = "") -> Index:
    keys = {key["KeyType"]: key["AttributeName"] for key in key_schema}
    return Index(name, keys["HASH"], keys.get("RANGE"))


def _projected(projection: dict[str, Any], keys: set[str]) -> frozenset[str] | None:
    match projection["ProjectionType"]:
        case "ALL":
            return None
        case "KEYS_ONLY":
            return frozenset(keys)
        case "INCLUDE":
            return frozenset(keys | set(projection["NonKeyAttributes"]))
    raise NotInPocketError(str(projection))
