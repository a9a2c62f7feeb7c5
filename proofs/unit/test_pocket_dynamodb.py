"""The tests' own DynamoDB: limits of transactions, batches and keys; conflicts; restored tables."""

from copy import deepcopy
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError
from botocore.validate import ParamValidator

from core_samples import DAY_SECONDS
from pocket import Pocket

KB = 1_024
KEYS = ("session_id", "tool_use_id")


@pytest.fixture
def table(pocket: Pocket, tables: dict[str, dict[str, Any]]) -> str:
    """The table `approvals`."""
    return pocket.dynamodb.add_table(tables["ApprovalsTable"])


@pytest.fixture
def client(aws_clients: dict[str, Any], table: str) -> Any:
    """A client of an AWS with one table."""
    return aws_clients["dynamodb"]


def key(name: str) -> dict[str, Any]:
    return {"session_id": {"S": name}, "tool_use_id": {"S": "x"}}


def put(client: Any, table: str, name: str, size: int = 1) -> None:
    client.put_item(TableName=table, Item=key(name) | {"note": {"S": "x" * size}})


def names(client: Any, table: str) -> list[str]:
    pages = client.get_paginator("scan").paginate(TableName=table)
    return sorted(item["session_id"]["S"] for page in pages for item in page["Items"])


def restored(pocket: Pocket, table: str, moment: float) -> list[str]:
    found = pocket.dynamodb.table(table).restored_to(moment)
    return sorted(item["session_id"]["S"] for part in found.values() for item in part.values())


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


# --- attributes ----------------------------------------------------------------------------------

ODD = [{}, None, "x", {"S": 1}, {"N": 1}, {"B": 1}, {"BOOL": "true"}, {"NULL": None}, {"S": None},
       {"S": "x", "T": "y"}, {"T": "x"}, {"SS": [1]}, {"S": "x", "N": "1"},
       {"L": {"S": "x"}}, {"L": [{"S": 1}]}, {"L": ["x"]}, {"L": ({"S": "x"},)},
       {"M": [{"S": "x"}]}, {"M": {"a": {"S": 1}}}, {"M": {1: {"S": "x"}}}, {"M": {"a": "x"}},
       {"B": bytearray(b"x")}, {"L": [{"M": {"a": {"L": [{"BOOL": 1}]}}}]}]  # fmt: skip
PLAIN = {"M": {"a": {"L": [{"S": "x"}, {"N": "1"}, {"BOOL": True}, {"NULL": True}, {"B": b"x"}]}}}


@pytest.mark.parametrize("attribute", [*ODD, PLAIN], ids=repr)
def test_what_botocore_refuses_as_an_attribute_is_refused_in_its_words(
    client: Any, table: str, attribute: Any
) -> None:
    params = {"TableName": table, "Item": key("a") | {"odd": attribute}}
    shape = client.meta.service_model.operation_model("PutItem").input_shape
    theirs = ParamValidator().validate(params, shape)
    try:
        client.put_item(**params)
    except ParamValidationError as error:
        assert str(error) == str(ParamValidationError(report=theirs.generate_report()))
        return
    except Exception as other:
        assert isinstance(other, ClientError)
    assert not theirs.has_errors()


# --- transactions --------------------------------------------------------------------------------


def update(table: str, name: str, note: str = "new") -> dict[str, Any]:
    request = {"TableName": table, "Key": key(name), "UpdateExpression": "SET #n = :n"}
    names, values = {"#n": "status"}, {":n": {"S": note}}
    bound = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
    return {"Update": {**request, **bound}}


def test_a_transaction_counts_its_items_as_they_are_afterwards(client: Any, table: str) -> None:
    many = [f"item-{number:02}" for number in range(11)]
    for name in many:
        put(client, table, name, 380 * KB)
    small = [update(table, name) for name in many]
    assert sum(len(str(entry)) for entry in small) < 10 * KB, "the request itself is small"
    client.transact_write_items(TransactItems=small[:10])
    with pytest.raises(ClientError) as error:
        client.transact_write_items(TransactItems=small)
    assert code_of(error) == "ValidationException"
    assert "4 MB" in str(error.value)
    assert "status" not in client.get_item(TableName=table, Key=key(many[10]))["Item"]


def test_a_transaction_of_deletions_counts_what_it_deletes(client: Any, table: str) -> None:
    many = [f"item-{number:02}" for number in range(11)]
    for name in many:
        put(client, table, name, 390 * KB)
    gone = [{"Delete": {"TableName": table, "Key": key(name)}} for name in many]
    with pytest.raises(ClientError) as error:
        client.transact_write_items(TransactItems=gone)
    assert code_of(error) == "ValidationException"
    assert names(client, table) == many


def test_a_transaction_has_at_most_a_hundred_actions(client: Any, table: str) -> None:
    actions = [update(table, f"item-{number}") for number in range(101)]
    with pytest.raises(ClientError) as error:
        client.transact_write_items(TransactItems=actions)
    assert code_of(error) == "ValidationException"
    client.transact_write_items(TransactItems=actions[:100])


@pytest.mark.parametrize("operation", ["put_item", "update_item", "delete_item"])
def test_a_single_write_can_meet_a_transaction(
    client: Any, pocket: Pocket, table: str, operation: str
) -> None:
    pocket.dynamodb.conflict_at_next_write(table, key("a"), writes=2)
    what = {"Item": key("a")} if operation == "put_item" else {"Key": key("a")}
    for _ in range(2):
        with pytest.raises(client.exceptions.TransactionConflictException):
            getattr(client, operation)(TableName=table, **what)
    assert names(client, table) == []
    put(client, table, "b")
    getattr(client, operation)(TableName=table, **what)


def test_a_transaction_can_meet_another_one(client: Any, pocket: Pocket, table: str) -> None:
    pocket.dynamodb.conflict_at_next_write(table, key("b"))
    actions = [update(table, "a"), update(table, "b")]
    with pytest.raises(client.exceptions.TransactionCanceledException) as error:
        client.transact_write_items(TransactItems=actions)
    codes = [reason["Code"] for reason in error.value.response["CancellationReasons"]]
    assert codes == ["None", "TransactionConflict"]
    assert names(client, table) == []
    client.transact_write_items(TransactItems=actions)
    assert names(client, table) == ["a", "b"]


# --- batches -------------------------------------------------------------------------------------


def test_a_batch_has_at_most_a_hundred_keys(client: Any, table: str) -> None:
    keys = [key(f"item-{number}") for number in range(101)]
    with pytest.raises(ClientError) as error:
        client.batch_get_item(RequestItems={table: {"Keys": keys}})
    assert code_of(error) == "ValidationException"
    client.batch_get_item(RequestItems={table: {"Keys": keys[:100], "ConsistentRead": True}})


def test_a_batch_that_is_too_large_says_which_keys_are_left(client: Any, table: str) -> None:
    many = [f"item-{number:02}" for number in range(42)]
    for name in many:
        put(client, table, name, 399 * KB)
    asked = {table: {"Keys": [key(name) for name in many], "ConsistentRead": True}}
    found = client.batch_get_item(RequestItems=asked)
    left = found["UnprocessedKeys"][table]
    assert len(found["Responses"][table]) == 41
    assert left == {"Keys": [key(many[-1])], "ConsistentRead": True}


def test_a_test_can_leave_keys_of_a_batch_to_the_next_call(
    client: Any, pocket: Pocket, table: str
) -> None:
    for name in ("a", "b", "c"):
        put(client, table, name)
    asked: dict[str, Any] = {table: {"Keys": [key(name) for name in ("a", "b", "c")]}}
    pocket.dynamodb.leave_unprocessed(2)
    found = client.batch_get_item(RequestItems=asked)
    assert len(found["Responses"][table]) == 1
    assert found["UnprocessedKeys"] == {table: {"Keys": [key("b"), key("c")]}}
    pocket.dynamodb.leave_unprocessed(99)
    found = client.batch_get_item(RequestItems=asked)
    assert len(found["Responses"][table]) == 1, "DynamoDB answers with one at least, or an error"
    assert client.batch_get_item(RequestItems=asked)["UnprocessedKeys"] == {}


# --- restored tables -----------------------------------------------------------------------------


def test_a_table_is_restored_to_any_moment_of_the_past(
    client: Any, pocket: Pocket, table: str
) -> None:
    moments, states = [], []
    for step in ("put a", "put b", "change a", "delete b", "cancelled", "put b again"):
        if step.startswith("put"):
            put(client, table, step.split()[1])
        elif step == "change a":
            client.transact_write_items(TransactItems=[update(table, "a")])
        elif step == "delete b":
            client.delete_item(TableName=table, Key=key("b"))
        else:
            pocket.dynamodb.conflict_at_next_write(table, key("c"))
            with pytest.raises(client.exceptions.TransactionCanceledException):
                actions = [update(table, "a", "no"), update(table, "c")]
                client.transact_write_items(TransactItems=actions)
        moments.append(pocket.clock())
        states.append(client.scan(TableName=table)["Items"])
        pocket.clock.step(1)  # type: ignore[attr-defined]
    for moment, state in reversed([*zip(moments, states, strict=True)]):
        pocket.dynamodb.table(table).restore(moment)
        assert sorted(client.scan(TableName=table)["Items"], key=str) == sorted(state, key=str)
    pocket.dynamodb.table(table).restore(moments[-1])
    assert len(client.scan(TableName=table)["Items"]) == 2, "a restore can be undone by another"


def test_to_look_at_the_past_changes_nothing(client: Any, pocket: Pocket, table: str) -> None:
    put(client, table, "a")
    then = pocket.clock()
    put(client, table, "b")
    assert restored(pocket, table, then) == ["a"]
    assert names(client, table) == ["a", "b"]


def test_what_time_to_live_deleted_comes_back(client: Any, pocket: Pocket, table: str) -> None:
    client.put_item(TableName=table, Item=key("a") | {"expires_at": {"N": "1"}})
    then = pocket.clock()
    pocket.dynamodb.delete_expired(table, "expires_at", then)
    assert names(client, table) == []
    pocket.dynamodb.table(table).restore(then)
    assert names(client, table) == ["a"]


def test_no_backup_is_older_than_35_days_or_of_tomorrow(
    client: Any, pocket: Pocket, table: str
) -> None:
    put(client, table, "a")
    then = pocket.clock()
    for number in range(1_500):
        put(client, table, f"{number}")
    pocket.clock.step(35 * DAY_SECONDS - 1)  # type: ignore[attr-defined]
    for number in range(1_500):
        put(client, table, f"{number}")
    assert restored(pocket, table, then) == ["a"]
    for moment in (then - 2, then + 36 * DAY_SECONDS):
        with pytest.raises(Exception, match="Invalid restore time"):
            pocket.dynamodb.table(table).restored_to(moment)


def test_a_copy_of_the_tables_goes_its_own_way_by_the_same_clock(
    client: Any, pocket: Pocket, table: str
) -> None:
    put(client, table, "a")
    then = pocket.clock()
    kept = deepcopy(pocket.dynamodb.tables)
    put(client, table, "b")
    pocket.dynamodb.tables = kept
    pocket.clock.step(60)  # type: ignore[attr-defined]
    put(client, table, "c")
    assert names(client, table) == ["a", "c"]
    pocket.dynamodb.table(table).restore(then)
    assert names(client, table) == ["a"]


# --- sizes and depth -----------------------------------------------------------------------------


def refused(client: Any, operation: str, **request: Any) -> bool:
    try:
        getattr(client, operation)(**request)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ValidationException"
        return True
    return False


@pytest.mark.parametrize(
    ("attribute", "most"),
    [("session_id", 2_048), ("tool_use_id", 1_024), ("open_shard", 2_048)],
)
def test_a_key_has_a_longest_form_in_the_table_and_in_an_index(
    client: Any, table: str, attribute: str, most: int
) -> None:
    for text, is_too_long in (("ü" * (most // 2), False), ("ü" * (most // 2) + "x", True)):
        item = key("a") | {"due_at": {"N": "1"}, attribute: {"S": text}}
        assert refused(client, "put_item", TableName=table, Item=item) is is_too_long


def test_an_item_has_at_most_400_kb(client: Any, table: str) -> None:
    item = key("a") | {"note": {"S": ""}}
    own = len("session_id" + "a" + "tool_use_id" + "x" + "note")
    item["note"] = {"S": "x" * (400 * KB - own)}
    assert not refused(client, "put_item", TableName=table, Item=item)
    item["note"] = {"S": "x" * (400 * KB - own + 1)}
    assert refused(client, "put_item", TableName=table, Item=item)


def test_an_attribute_is_nested_at_most_32_deep(client: Any, table: str) -> None:
    def nested(depth: int) -> dict[str, Any]:
        return {"L": [nested(depth - 1)]} if depth > 1 else {"S": "x"}

    for depth, is_too_deep in ((32, False), (33, True)):
        item = key("a") | {"note": nested(depth)}
        assert refused(client, "put_item", TableName=table, Item=item) is is_too_deep


def test_an_expression_has_at_most_4_kb_and_is_not_empty(client: Any, table: str) -> None:
    request = {"TableName": table, "Key": key("a")}
    update = "SET " + ", ".join(f"a{number:04} = :v" for number in range(400))
    bound = {"ExpressionAttributeValues": {":v": {"S": "x"}}}
    short = update[:4_096].rpartition(",")[0]
    assert not refused(client, "update_item", **request, **bound, UpdateExpression=short)
    assert refused(client, "update_item", **request, **bound, UpdateExpression=update)
    assert refused(client, "update_item", **request, UpdateExpression=" ")
