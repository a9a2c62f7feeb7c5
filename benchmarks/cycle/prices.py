"""What a cycle uses of AWS, and what that costs: us-east-1, on demand, dollars per million.

Write units are what the engine reports (`ConsumedCapacity`, the indexes included). Read units are
computed here from the sizes of the items read, because the engine reports them flat. Both are the
same functions for every contender.

Source: DynamoDB, "Item sizes and formats" and "Read and write operations"; the list prices of
DynamoDB, S3, Lambda and Step Functions.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

READ = "November 2026"
"""When the list prices were read."""

DOLLARS_PER_WRITE_UNIT = 0.625
DOLLARS_PER_READ_UNIT = 0.125
DOLLARS_PER_S3_REQUEST = {
    "PutObject": 5.0,
    "ListObjectsV2": 5.0,
    "GetObject": 0.4,
    "HeadObject": 0.4,
    "DeleteObject": 0.0,
}
DOLLARS_PER_DURABLE_OPERATION = 8.0
DOLLARS_PER_DURABLE_BYTE = 0.25 / 1e9 * 1e6
DOLLARS_PER_TRANSITION = 25.0

WRITE_UNIT_BYTES, READ_UNIT_BYTES = 1024, 4096
NOT_COORDINATION = ("s3 ", "sqs ReceiveMessage", "sqs DeleteMessage", "secretsmanager ")
"""The conversation's base; what Lambda's poller does; the key that an environment reads once."""

READS = ("GetItem", "Query", "BatchGetItem")
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")


@dataclass(frozen=True)
class Call:
    """One AWS call: what was asked and what came back."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    answer: Mapping[str, Any]

    @property
    def write_units(self) -> float:
        """Write units; a refused conditional write costs as much as the item it did not write."""
        if self.service != "dynamodb" or self.operation not in WRITES:
            return 0
        if "Error" in self.answer:
            size = item_size(self.parameters.get("Item", {}))
            return max(1, math.ceil(size / WRITE_UNIT_BYTES))
        consumed = self.answer["ConsumedCapacity"]
        tables = consumed if isinstance(consumed, list) else [consumed]
        return float(sum(table["CapacityUnits"] for table in tables))

    @property
    def read_units(self) -> float:
        """Read units, half of them where nobody asked for consistency."""
        if self.service != "dynamodb" or self.operation not in READS:
            return 0
        asked = [self.parameters, *self.parameters.get("RequestItems", {}).values()]
        rate = 1 if any(part.get("ConsistentRead") for part in asked) else 0.5
        match self.operation:
            case "GetItem":
                sizes = [item_size(self.answer.get("Item", {}))]
            case "Query":  # Billed by the sum of what it reads.
                sizes = [sum(map(item_size, self.answer.get("Items", [])))]
            case _:
                tables = self.answer.get("Responses", {}).values()
                sizes = [item_size(item) for items in tables for item in items]
        return rate * sum(max(1, math.ceil(size / READ_UNIT_BYTES)) for size in sizes)

    @property
    def table(self) -> str:
        """The table; "" for a call of no table, or of several."""
        return str(self.parameters.get("TableName", ""))

    @property
    def is_conditional_write(self) -> bool:
        """Whether it is a write that may be refused."""
        return "ConditionExpression" in self.parameters


@dataclass(frozen=True)
class Usage:
    """What one cycle used, or several on average."""

    calls: Mapping[str, float] = field(default_factory=dict)
    """By service and operation, such as `dynamodb PutItem`."""
    written: Mapping[str, float] = field(default_factory=dict)
    """Write units by table."""
    read: Mapping[str, float] = field(default_factory=dict)
    """Read units by table."""
    conditional_writes: float = 0
    bytes_sent: float = 0
    bytes_received: float = 0
    durable_operations: float = 0
    durable_bytes: float = 0

    @property
    def requests(self) -> float:
        """AWS calls of every kind."""
        return sum(self.calls.values())

    @property
    def coordination(self) -> float:
        """AWS calls for what is no storage of the conversation in S3, and done for each task."""
        return sum(n for name, n in self.calls.items() if not name.startswith(NOT_COORDINATION))

    @property
    def s3_requests(self) -> dict[str, float]:
        """S3 requests by operation."""
        return {
            name.removeprefix("s3 "): count
            for name, count in self.calls.items()
            if name.startswith("s3 ")
        }

    @property
    def write_units(self) -> float:
        """Of all tables and their indexes."""
        return sum(self.written.values())

    @property
    def read_units(self) -> float:
        """Of all tables."""
        return sum(self.read.values())

    @property
    def dollars(self) -> float:
        """Dollars per million for storage: DynamoDB, S3, and what durable functions bill."""
        s3 = sum(DOLLARS_PER_S3_REQUEST[name] * n for name, n in self.s3_requests.items())
        return (
            sum(self.dollars_of_table(table) for table in {*self.written, *self.read})
            + s3
            + self.durable_operations * DOLLARS_PER_DURABLE_OPERATION
            + self.durable_bytes * DOLLARS_PER_DURABLE_BYTE
        )

    def dollars_of_table(self, table: str) -> float:
        """Dollars per million for one table."""
        written, read = self.written.get(table, 0), self.read.get(table, 0)
        return written * DOLLARS_PER_WRITE_UNIT + read * DOLLARS_PER_READ_UNIT


def usage_of(calls: Iterable[Call], bytes_sent: int = 0, bytes_received: int = 0) -> Usage:
    """Adds up the calls of one cycle."""
    called: Counter[str] = Counter()
    written: Counter[str] = Counter()
    read: Counter[str] = Counter()
    conditional_writes = 0
    for call in calls:
        called[f"{call.service} {call.operation}"] += 1
        written[call.table] += call.write_units
        read[call.table] += call.read_units
        conditional_writes += call.is_conditional_write
    return Usage(
        called,
        +written,
        +read,
        conditional_writes,
        bytes_sent=bytes_sent,
        bytes_received=bytes_received,
    )


def mean(usages: Sequence[Usage]) -> Usage:
    """Returns the average cycle."""

    def average(name: str) -> Any:
        values = [getattr(usage, name) for usage in usages]
        if not isinstance(values[0], Mapping):
            return sum(values) / len(values)
        keys = sorted({key for value in values for key in value})
        return {key: sum(value.get(key, 0) for value in values) / len(values) for key in keys}

    return Usage(*map(average, Usage.__dataclass_fields__))


def item_size(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Returns the bytes that DynamoDB bills an item by."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, inner),) = value.items()
    match kind:
        case "S":
            return len(inner.encode())
        case "B":
            return len(inner)
        case "N":
            return (len(inner.lstrip("-").replace(".", "")) + 1) // 2 + 1
        case "M":
            return 3 + len(inner) + item_size(inner)
        case "L":
            return 3 + sum(1 + _value_size(element) for element in inner)
        case _:  # BOOL, NULL
            return 1
