"""DynamoDB's reads. "Eventually consistent" means current here, which AWS may be as well."""

import math
from collections.abc import Callable
from typing import Any

from longrunning_testkit.pocket import expressions
from longrunning_testkit.pocket.attributes import Item, copied, size_of, stored
from longrunning_testkit.pocket.errors import NotInPocketError, invalid
from longrunning_testkit.pocket.evaluation import Bound, bind
from longrunning_testkit.pocket.expressions import Node
from longrunning_testkit.pocket.journal import Journal
from longrunning_testkit.pocket.tables import Index, Page, Table, no_such_table

Names = dict[str, str]


class Reading:
    """The tables, and every operation that changes none of them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.tables: dict[str, Table] = {}

    def add_table(self, properties: dict[str, Any]) -> str:
        """Adds a table from what CreateTable takes; returns its name."""
        table = Table(properties, Journal(self._clock))
        self.tables[table.name] = table
        return table.name

    def table(self, name: str) -> Table:
        if name not in self.tables:
            raise no_such_table()
        return self.tables[name]

    def get_item(
        self,
        TableName: str,
        Key: Item,
        ConsistentRead: bool = False,
        ProjectionExpression: str | None = None,
        ExpressionAttributeNames: Names | None = None,
        ReturnConsumedCapacity: str = "NONE",
    ) -> dict[str, Any]:
        table, parsed = self.table(TableName), _parsed(projection=ProjectionExpression)
        bound = bind(parsed, ExpressionAttributeNames, None)
        item = table.get(table.key_of(stored(Key)))
        size = size_of(item) if item else 0
        used = _capacity(ReturnConsumedCapacity, TableName, size, ConsistentRead)
        return used if item is None else {"Item": _shown(bound, parsed, item), **used}

    def query(
        self,
        TableName: str,
        KeyConditionExpression: str,
        IndexName: str | None = None,
        FilterExpression: str | None = None,
        ProjectionExpression: str | None = None,
        ExpressionAttributeNames: Names | None = None,
        ExpressionAttributeValues: Item | None = None,
        ConsistentRead: bool = False,
        ScanIndexForward: bool = True,
        Select: str | None = None,
        Limit: int | None = None,
        ExclusiveStartKey: Item | None = None,
        ReturnConsumedCapacity: str = "NONE",
    ) -> dict[str, Any]:
        table = self.table(TableName)
        index = table.index(IndexName)
        if ConsistentRead and IndexName and not index.is_local:
            raise invalid("Consistent reads are not supported on global secondary indexes")
        parsed = _parsed(KeyConditionExpression, FilterExpression, ProjectionExpression)
        bound = bind(parsed, ExpressionAttributeNames, ExpressionAttributeValues)
        _check_key_condition(bound, parsed["KeyConditionExpression"], index)
        if bound.names_in(parsed.get("FilterExpression", ())) & set(index.keys):
            raise invalid("Filter Expression can only contain non-primary key attributes")
        page = table.page(
            index,
            lambda item: bound.holds(parsed["KeyConditionExpression"], item),
            start=ExclusiveStartKey and stored(ExclusiveStartKey),
            limit=Limit,
            forward=ScanIndexForward,
        )
        used = _capacity(ReturnConsumedCapacity, TableName, page.size, ConsistentRead)
        return _answer(bound, parsed, page, Select) | used

    def scan(
        self,
        TableName: str,
        IndexName: str | None = None,
        FilterExpression: str | None = None,
        ProjectionExpression: str | None = None,
        ExpressionAttributeNames: Names | None = None,
        ExpressionAttributeValues: Item | None = None,
        ConsistentRead: bool = False,
        Select: str | None = None,
        Limit: int | None = None,
        ExclusiveStartKey: Item | None = None,
        ReturnConsumedCapacity: str = "NONE",
    ) -> dict[str, Any]:
        table = self.table(TableName)
        parsed = _parsed(None, FilterExpression, ProjectionExpression)
        bound = bind(parsed, ExpressionAttributeNames, ExpressionAttributeValues)
        start = ExclusiveStartKey and stored(ExclusiveStartKey)
        page = table.page(table.index(IndexName), lambda _: True, start=start, limit=Limit)
        used = _capacity(ReturnConsumedCapacity, TableName, page.size, ConsistentRead)
        return _answer(bound, parsed, page, Select) | used


def _answer(bound: Bound, parsed: dict[str, Any], page: Page, select: str | None) -> dict[str, Any]:
    """A filter leaves items out after they were read, and counted towards limits."""
    if select not in (None, "COUNT", "SPECIFIC_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"):
        raise NotInPocketError(f"Select {select}")
    condition = parsed.get("FilterExpression")
    found = [i for i in page.items if condition is None or bound.holds(condition, i)]
    answer: dict[str, Any] = {"Count": len(found), "ScannedCount": len(page.items)}
    if select != "COUNT":
        answer["Items"] = [_shown(bound, parsed, item) for item in found]
    if page.last_key:
        answer["LastEvaluatedKey"] = copied(page.last_key)
    return answer


def _capacity(wanted: str, table_name: str, size: int, consistent: bool) -> dict[str, Any]:
    """One read unit for each 4 KB that has begun, half of that where it need not be current.

    Source: DynamoDB, "Read and write operations".
    """
    if wanted == "NONE":
        return {}
    if wanted != "TOTAL":
        raise NotInPocketError(f"ReturnConsumedCapacity {wanted}")
    units = max(1, math.ceil(size / 4_096)) * (1.0 if consistent else 0.5)
    return {"ConsumedCapacity": {"TableName": table_name, "CapacityUnits": units}}


def _parsed(
    keys: str | None = None, filters: str | None = None, projection: str | None = None
) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    if keys is not None:
        kind = "KeyConditionExpression"
        parsed[kind] = expressions.condition(keys, kind)
    if filters is not None:
        parsed["FilterExpression"] = expressions.condition(filters, "FilterExpression")
    if projection is not None:
        parsed["ProjectionExpression"] = expressions.projection(projection)
    return parsed


def _shown(bound: Bound, parsed: dict[str, Any], item: Item) -> Item:
    names = parsed.get("ProjectionExpression")
    return copied(item if names is None else bound.projected(names, item))


def _check_key_condition(bound: Bound, node: Node, index: Index) -> None:
    """One value of the hash key, and at most one condition on the range key."""
    parts = [node[1], node[2]] if node[0] == "AND" else [node]
    of_name = {bound.name(part[1]): part for part in parts if part[1][0] == "name"}
    if index.hash not in of_name:
        raise invalid(f"Query condition missed key schema element: {index.hash}")
    if of_name[index.hash][0] != "=":
        raise invalid("Query key condition not supported")
    if len(of_name) < len(parts) or not of_name.keys() <= set(index.keys):
        raise invalid("Query condition missed key schema element")
    if of_name.get(index.range or "", ("=",))[0] in ("<>", "IN", "OR", "NOT"):
        raise invalid("Invalid operator used in KeyConditionExpression")
