"""The arithmetic behind `make bench cycle`: sizes, units, prices, averages."""

from typing import Any

import pytest
from benchmarks.cycle.prices import Call, Usage, item_size, mean, usage_of

KB = 1024


def call(operation: str, answer: dict[str, Any] | None = None, **parameters: Any) -> Call:
    return Call("dynamodb", operation, {"TableName": "t", **parameters}, answer or {})


def item(size: int) -> dict[str, Any]:
    """An item of so many bytes."""
    return {"k": {"S": "x" * (size - 1)}}


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "é"}, 2),
        ({"B": b"abc"}, 3),
        ({"N": "-12.345"}, 4),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"L": [{"S": "ab"}]}, 3 + 1 + 2),
        ({"M": {"k": {"S": "ab"}}}, 3 + 1 + 1 + 2),
    ],
)
def test_an_item_is_as_large_as_dynamodb_bills_it(value: dict[str, Any], size: int) -> None:
    assert item_size({"name": value}) == len("name") + size


@pytest.mark.parametrize(
    ("size", "is_consistent", "units"),
    [(1, True, 1), (4 * KB, True, 1), (4 * KB + 1, True, 2), (4 * KB + 1, False, 1)],
)
def test_a_read_is_billed_by_4_kb_and_half_if_it_may_be_stale(
    size: int, is_consistent: bool, units: float
) -> None:
    read = call("GetItem", {"Item": item(size)}, ConsistentRead=is_consistent)
    assert read.read_units == units
    assert read.write_units == 0


def test_a_read_of_nothing_is_billed_too() -> None:
    assert call("GetItem", {}).read_units == 0.5
    assert call("Query", {"Items": []}).read_units == 0.5


def test_a_query_is_billed_by_the_sum_of_its_items_and_a_batch_by_each() -> None:
    items = [item(KB)] * 4
    assert call("Query", {"Items": items}, ConsistentRead=True).read_units == 1
    assert call("BatchGetItem", {"Responses": {"t": items}}).read_units == 4 * 0.5


def test_a_write_is_billed_what_the_engine_reports_for_every_table() -> None:
    one = {"CapacityUnits": 3.0}
    assert call("PutItem", {"ConsumedCapacity": one}).write_units == 3
    assert call("BatchWriteItem", {"ConsumedCapacity": [one, one]}).write_units == 6


def test_a_refused_write_is_billed_by_what_it_did_not_write() -> None:
    refused = {"Error": {"Code": "ConditionalCheckFailedException"}}
    assert call("PutItem", refused, Item=item(2 * KB)).write_units == 2
    assert call("UpdateItem", refused).write_units == 1


def test_only_writes_with_a_condition_count_as_conditional() -> None:
    written = {"ConsumedCapacity": {"CapacityUnits": 1}}
    conditional = call("PutItem", written, ConditionExpression="attribute_not_exists(k)")
    assert usage_of([conditional, call("PutItem", written)]).conditional_writes == 1


def test_dollars_are_units_and_requests_at_list_price() -> None:
    usage = Usage(
        calls={"s3 PutObject": 2, "s3 GetObject": 1, "s3 DeleteObject": 9, "sqs SendMessage": 7},
        written={"t": 4, "u": 4},
        read={"t": 8},
    )
    assert usage.dollars == pytest.approx(2 * 5 + 0.4 + 8 * 0.625 + 8 * 0.125)
    assert usage.dollars_of_table("t") == pytest.approx(4 * 0.625 + 8 * 0.125)


def test_durable_operations_cost_8_dollars_and_a_kilobyte_25_cents() -> None:
    usage = Usage(durable_operations=4, durable_bytes=1_000)
    assert usage.dollars == pytest.approx(4 * 8 + 0.25)


def test_an_unknown_request_has_no_price() -> None:
    with pytest.raises(KeyError, match="SelectObjectContent"):
        _ = Usage(calls={"s3 SelectObjectContent": 1}).dollars


def test_the_mean_counts_what_only_some_cycles_do() -> None:
    average = mean([Usage(calls={"s3 PutObject": 1}, bytes_sent=10), Usage(written={"t": 3})])
    assert average.calls == {"s3 PutObject": 0.5}
    assert average.written == {"t": 1.5}
    assert average.bytes_sent == 5
