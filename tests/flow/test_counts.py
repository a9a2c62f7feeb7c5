"""What one approval without faults costs: counts, never times.

`docs/architecture.md` states these figures; a change that makes them grow has to say why there.
"""

import math
from collections import Counter
from typing import Any

import botocore.client
import pytest

from converse_stand_in import tool_use
from world import World

WRITES = ("PutItem", "UpdateItem")
DRAFT = "Two rides for the price of one, all summer long, at Unicorn Rentals!"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Records every AWS call of the functions, UniTok's own ones left out."""
    made: list[tuple[str, dict[str, Any]]] = []
    real = botocore.client.BaseClient._make_api_call

    def call(self: Any, operation: str, kwargs: dict[str, Any]) -> Any:
        if "posts" not in kwargs.get("TableName", ""):
            made.append((operation, kwargs))
        return real(self, operation, kwargs)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return made


def test_an_approval_takes_11_calls_of_which_6_are_conditional_writes(
    world: World, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    world.play(
        [
            [tool_use("ask-1", "human_approval", {"content": DRAFT})],
            [tool_use("post-1", "publish_post", {"content": DRAFT})],
            "Done.",
        ]
    )
    walk(world)  # The first one also reads the link key, once per environment.
    calls.clear()
    world.play(
        [
            [tool_use("ask-1", "human_approval", {"content": DRAFT})],
            [tool_use("post-1", "publish_post", {"content": DRAFT})],
            "Done.",
        ]
    )
    approval_sizes = walk(world)
    counted = Counter(
        operation
        for operation, _ in calls
        # What the test itself does, and the key that every new environment reads.
        if operation not in ("SendMessage", "ReceiveMessage", "DeleteMessage", "Query", "Scan")
        and operation != "GetSecretValue"
    )
    counted["SendMessage"] = sum("existing" in k.get("MessageBody", "") for _, k in calls)
    assert counted == {
        "ChangeMessageVisibility": 2,  # a crashed worker's message comes back soon
        "PutItem": 3,  # C1, C2, C6
        "UpdateItem": 3,  # C3, C4, C5
        "GetItem": 1,  # the session, before the resume
        "Publish": 1,
        "SendMessage": 1,
    }
    assert counted.total() == 11
    writes = [k for operation, k in calls if operation in WRITES]
    assert all("ConditionExpression" in write for write in writes)
    assert [math.ceil(size / 1024) for size in approval_sizes] == [1, 1]


def walk(world: World) -> list[int]:
    """One approval from task to post; returns the item's size when asked and when spent."""
    session_id = world.start()
    sizes = [item_size(world, session_id)]
    (mail,) = world.read_mail()
    world.click(mail.links["approve"])
    world.deliver_all()
    return [*sizes, item_size(world, session_id)]


def item_size(world: World, session_id: str) -> int:
    """Bytes that DynamoDB bills an approval item by: names and values in UTF-8."""
    table = world.env["APPROVALS_TABLE_NAME"]
    items = world.aws["dynamodb"].scan(TableName=table)["Items"]
    item = next(i for i in items if i["session_id"]["S"] == session_id)
    return sum(len(name) + len(str(next(iter(v.values()))).encode()) for name, v in item.items())
