"""DynamoDB: reads that are always current, writes one at a time, transactions all or nothing."""

from collections.abc import Callable, Iterable
from typing import Any

from longrunning_testkit.pocket import expressions
from longrunning_testkit.pocket.attributes import Item, copied, size_of, stored
from longrunning_testkit.pocket.errors import AwsError, NotInPocketError, invalid
from longrunning_testkit.pocket.evaluation import Bound, bind
from longrunning_testkit.pocket.expressions import Node
from longrunning_testkit.pocket.reading import Reading
from longrunning_testkit.pocket.tables import Table

MAX_TRANSACTION = 100
MAX_TRANSACTION_BYTES = 4 * 1024 * 1024
MAX_BATCH = 100
MAX_BATCH_BYTES = 16 * 1024 * 1024

FAILED = "The conditional request failed"
Names = dict[str, str]


class DynamoDB(Reading):
    """All tables, by name."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._conflicts: list[tuple[str, Any]] = []
        self._unprocessed: list[int] = []

    def conflict_at_next_write(self, table_name: str, key: Item, writes: int = 1) -> None:
        """Has the next writes of an item, one by one, meet a transaction on it.

        A call here is over before the next one begins, so that none ever does by itself.
        """
        self._conflicts += [(table_name, self.table(table_name).key_of(stored(key)))] * writes

    def leave_unprocessed(self, keys: int, calls: int = 1) -> None:
        """Has the next BatchGetItem calls leave their last keys to another call, never all."""
        self._unprocessed += [keys] * calls

    def put_item(
        self,
        TableName: str,
        Item: Item,
        ConditionExpression: str | None = None,
        ExpressionAttributeNames: Names | None = None,
        ExpressionAttributeValues: Item | None = None,
        ReturnValues: str = "NONE",
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        table, parsed = self.table(TableName), _parsed(ConditionExpression)
        bound = bind(parsed, ExpressionAttributeNames, ExpressionAttributeValues)
        item = stored(Item)
        place = table.key_of(_keys(table, item))
        self._check_conflict(table, place)
        old = table.get(place)
        _check(bound, parsed, old, ReturnValuesOnConditionCheckFailure)
        table.put(item)
        return _returned(ReturnValues, {"ALL_OLD": old})

    def delete_item(
        self,
        TableName: str,
        Key: Item,
        ConditionExpression: str | None = None,
        ExpressionAttributeNames: Names | None = None,
        ExpressionAttributeValues: Item | None = None,
        ReturnValues: str = "NONE",
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        table, parsed = self.table(TableName), _parsed(ConditionExpression)
        bound = bind(parsed, ExpressionAttributeNames, ExpressionAttributeValues)
        key = table.key_of(stored(Key))
        self._check_conflict(table, key)
        old = table.get(key)
        _check(bound, parsed, old, ReturnValuesOnConditionCheckFailure)
        table.delete(key)
        return _returned(ReturnValues, {"ALL_OLD": old})

    def update_item(
        self,
        TableName: str,
        Key: Item,
        UpdateExpression: str | None = None,
        ConditionExpression: str | None = None,
        ExpressionAttributeNames: Names | None = None,
        ExpressionAttributeValues: Item | None = None,
        ReturnValues: str = "NONE",
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        table, parsed = self.table(TableName), _parsed(ConditionExpression, UpdateExpression)
        bound = bind(parsed, ExpressionAttributeNames, ExpressionAttributeValues)
        actions, key = parsed.get("UpdateExpression", ()), stored(Key)
        _check_names(bound, actions, table)
        place = table.key_of(key)
        self._check_conflict(table, place)
        old = table.get(place)
        _check(bound, parsed, old, ReturnValuesOnConditionCheckFailure)
        new = bound.changed(actions, old or key)
        table.put(new)
        return _returned(ReturnValues, {"ALL_OLD": old, "ALL_NEW": new})

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:
        if len(TransactItems) > MAX_TRANSACTION:
            raise invalid("Member must have length less than or equal to 100")
        before: dict[tuple[str, Any], Item | None] = {}
        for entry in TransactItems:
            (request,) = entry.values()
            table = self.table(request["TableName"])
            place = table.key_of(_keys(table, stored(request.get("Key") or request["Item"])))
            if (table.name, place) in before:
                raise invalid("Transaction request cannot include multiple operations on one item")
            _check_expressions(table, request)
            before[table.name, place] = table.get(place)
        reasons = [self._attempt(*next(iter(entry.items()))) for entry in TransactItems]
        if any(reason["Code"] != "None" for reason in reasons):
            self._restore(before)
            codes = ", ".join(reason["Code"] for reason in reasons)
            message = "Transaction cancelled, please refer to the reasons"
            raise AwsError(
                "TransactionCanceledException",
                f"{message} [{codes}]",
                CancellationReasons=reasons,
            )
        if self._size_of(before) > MAX_TRANSACTION_BYTES:
            self._restore(before)
            raise invalid("The aggregate size of the items in the transaction cannot exceed 4 MB")
        return {}

    def batch_get_item(self, RequestItems: dict[str, dict[str, Any]]) -> dict[str, Any]:
        if sum(len(request["Keys"]) for request in RequestItems.values()) > MAX_BATCH:
            raise invalid("Too many items requested for the BatchGetItem call")
        responses: dict[str, list[Item]] = {}
        left: dict[str, Any] = {}
        size = 0
        room = sum(len(request["Keys"]) for request in RequestItems.values())
        room = max(1, room - (self._unprocessed.pop(0) if self._unprocessed else 0))
        for name, request in RequestItems.items():
            table = self.table(name)
            places = [table.key_of(stored(key)) for key in request["Keys"]]
            if len(set(places)) < len(places):
                raise invalid("Provided list of item keys contains duplicates")
            responses[name] = []
            for n, key in enumerate(request["Keys"]):
                size += size_of(table.get(places[n]) or {})
                room -= 1
                if size > MAX_BATCH_BYTES or room < 0:
                    left[name] = {**request, "Keys": request["Keys"][n:]}
                    break
                one = {k: v for k, v in request.items() if k != "Keys"}
                found = self.get_item(name, key, **one)
                responses[name] += [found["Item"]] if "Item" in found else []
        return {"Responses": responses, "UnprocessedKeys": left}

    def delete_expired(self, table_name: str, attribute: str, now: float) -> None:
        """Does what time to live does, some time after it is over."""
        table = self.table(table_name)
        for item in [i for i in table.all() if float(i.get(attribute, {"N": "inf"})["N"]) < now]:
            table.delete(table.key_of(_keys(table, item)))

    def _attempt(self, kind: str, request: dict[str, Any]) -> dict[str, Any]:
        """Makes one write of a transaction; returns the reason that it gives."""
        writes = {"Put": self.put_item, "Update": self.update_item, "Delete": self.delete_item}
        if kind not in writes:
            raise NotInPocketError(f"{kind} in a transaction")
        try:
            writes[kind](**request)
        except AwsError as error:
            code = error.code.removesuffix("Exception").replace("Validation", "ValidationError")
            return {"Code": code, "Message": error.message, **error.members}
        return {"Code": "None"}

    def _check_conflict(self, table: Table, place: Any) -> None:
        if (table.name, place) in self._conflicts:
            self._conflicts.remove((table.name, place))
            message = "Transaction is ongoing for the item"
            raise AwsError("TransactionConflictException", message)

    def _size_of(self, before: dict[tuple[str, Any], Item | None]) -> int:
        """Returns the size of a transaction's items as they are now, or were before they went."""
        now = [(self.table(name).get(place), was) for (name, place), was in before.items()]
        return sum(size_of(found if found is not None else was or {}) for found, was in now)

    def _restore(self, before: dict[tuple[str, Any], Item | None]) -> None:
        for (name, place), item in before.items():
            table = self.table(name)
            table.delete(place)
            if item is not None:
                table.put(item)


def _parsed(condition: str | None, update: str | None = None) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    if update is not None:
        parsed["UpdateExpression"] = expressions.update(update)
    if condition is not None:
        parsed["ConditionExpression"] = expressions.condition(condition)
    return parsed


def _check_expressions(table: Table, request: dict[str, Any]) -> None:
    """Of a transaction, no expression may be wrong in itself."""
    parsed = _parsed(request.get("ConditionExpression"), request.get("UpdateExpression"))
    given = (request.get(f"ExpressionAttribute{what}") for what in ("Names", "Values"))
    _check_names(bind(parsed, *given), parsed.get("UpdateExpression", ()), table)


def _check_names(bound: Bound, actions: Iterable[Node], table: Table) -> None:
    """An update changes each attribute once, and none of the key."""
    names = [bound.name(action[1]) for action in actions]
    if len(set(names)) < len(names):
        raise invalid("Invalid UpdateExpression: Two document paths overlap with each other")
    for name in set(names) & set(table.main.keys):
        raise invalid(f"Cannot update attribute {name}. This attribute is part of the key")


def _check(bound: Bound, parsed: dict[str, Any], old: Item | None, on_failure: str) -> None:
    if "ConditionExpression" not in parsed or bound.holds(parsed["ConditionExpression"], old or {}):
        return
    shown = {"Item": copied(old)} if old and on_failure == "ALL_OLD" else {}
    raise AwsError("ConditionalCheckFailedException", FAILED, **shown)


def _returned(wanted: str, attributes: dict[str, Item | None]) -> dict[str, Any]:
    if wanted == "NONE":
        return {}
    if wanted not in attributes:
        raise NotInPocketError(f"ReturnValues {wanted}")
    found = attributes[wanted]
    return {"Attributes": copied(found)} if found else {}


def _keys(table: Table, item: Item) -> Item:
    return {name: item[name] for name in table.main.keys if name in item}
