"""What one approval without faults costs: counts, never times.

`docs/architecture.md` states these figures; a change that makes them grow has to say why there.
"""

import math
from collections import Counter
from typing import Any

import botocore.client
import botocore.session
import pytest
from benchmarks import bill, scale

from converse_stand_in import tool_use
from inbox_browser import Browser
from longrunning.people.policy import Policy
from longrunning.waits.decided import MONTHS
from longrunning_testkit.worlds import forget_environments
from sample_people import use_people
from sample_refund import Refunds, refund_tool
from sample_world import World
from test_any_call import ASKED

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


def test_a_message_makes_only_the_clients_that_it_calls(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes some 30 ms of a first answer. The last environment is that of the resume."""
    made: list[str] = []
    create = botocore.session.Session.create_client

    def note(self: Any, service: str, *args: Any, **kwargs: Any) -> Any:
        made.append(service)
        return create(self, service, *args, **kwargs)

    monkeypatch.setattr(botocore.session.Session, "create_client", note)
    post = {"content": DRAFT}
    world.play(
        [
            [tool_use("ask-1", "human_approval", post)],
            [tool_use("post-1", "publish_post", post)],
            "Done.",
        ]
    )
    forget_environments()
    world.start()
    assert {*made} - {"bedrock-runtime"} == {"dynamodb", "secretsmanager", "sns", "sqs"}
    (mail,) = world.read_mail()
    world.click(mail.links["approve"])
    forget_environments()
    made.clear()
    world.deliver_all()
    assert {*made} - {"bedrock-runtime"} == {"dynamodb", "sqs"}


def test_an_approval_is_a_kilobyte_of_logs(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.play(
        [
            [tool_use("ask-1", "human_approval", {"content": DRAFT})],
            [tool_use("post-1", "publish_post", {"content": DRAFT})],
            "Done.",
        ]
    )
    walk(world)
    assert 500 < len(capsys.readouterr().out.encode()) <= bill.LOG_BYTES


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
    counted = made_by(calls)
    assert counted == {
        "ChangeMessageVisibility": 2,  # a crashed worker's message comes back soon
        "PutItem": 3,  # C1, C2, C6
        "UpdateItem": 3,  # C3, C4, C5
        "Query": 1,  # the session, before the resume
        "Publish": 1,
        "SendMessage": 1,
    }
    assert counted.total() == 11
    writes = [k for operation, k in calls if operation in WRITES]
    assert all("ConditionExpression" in write for write in writes)
    # C2 to C5 write the approval item, C1 and C6 the session.
    assert [units(size) for size in approval_sizes] == [1, 1]
    sessions = [w["Item"] for w in writes if "memory-store" in w["TableName"] and "Item" in w]
    assert [units(item_size(item)) for item in sessions] == [1, 1]
    assert scale.SESSION_WRITE_UNITS == 3, "a text of 160 bytes more takes one more"


def test_a_long_text_is_billed_compressed(world: World) -> None:
    """Its record is written four times, and each of them bills the whole record."""
    text = " ".join(f"word {number}" for number in range(1_000))
    world.play(
        [
            [tool_use("ask-1", "human_approval", {"content": text})],
            [tool_use("post-1", "publish_post", {"content": text})],
            "Done.",
        ]
    )
    asked, spent = map(units, walk(world))
    assert len(text.encode()) > 8_500
    assert (asked, spent) == (3, 3)


def made_by(calls: list[tuple[str, dict[str, Any]]]) -> Counter[str]:
    """Counts the functions' calls: not the test's own, nor the key that an environment reads."""
    own = ("SendMessage", "ReceiveMessage", "DeleteMessage", "Scan", "GetSecretValue")
    counted = Counter(operation for operation, _ in calls if operation not in own)
    counted["SendMessage"] = sum("existing" in k.get("MessageBody", "") for _, k in calls)
    return counted


@pytest.mark.parametrize("needed", [1, 2, 3])
def test_k_of_n_people_take_a_read_and_a_write_more_for_each_that_must_agree(
    world: World, calls: list[tuple[str, dict[str, Any]]], needed: int
) -> None:
    """2 of n: 14 calls, of which 7 are conditional writes."""
    policy = Policy(people=("ann", "bob", "cyd"), needed=needed)
    use_people(world, lambda *_: policy, refund_tool(Refunds()))
    for _ in range(2):  # The first one also reads the link key.
        calls.clear()
        world.play([[tool_use("pay-1", "send_refund", ASKED)], "Done."])
        session_id = world.start()
        (found,) = world.approvals(session_id)
        links = {mail.to: mail.links["approve"] for mail in world.read_mail()}
        reads = len([operation for operation, _ in calls if operation == "Query"])
        for person in ("ann", "bob", "cyd")[:needed]:
            world.click(links[person], decision="approved", seen=found.in_force.digest)
        world.deliver_all()
    counted = made_by(calls)
    counted["Query"] -= reads  # The test's own look at the approval.
    votes = 0 if needed == 1 else needed
    assert counted == {
        "ChangeMessageVisibility": 2,
        "PutItem": 3,  # C1, C2, C6
        "UpdateItem": 3 + max(0, needed - 1),  # C3 or C3v of each, C4, C5
        **({"GetItem": votes} if votes else {}),  # C3v compares what was read
        "Query": 1,
        "PublishBatch": 1,
        "SendMessage": 1,
    }
    assert counted.total() == 11 + max(0, needed - 1) + votes
    writes = [k for operation, k in calls if operation in WRITES]
    assert len(writes) == 5 + needed
    assert all("ConditionExpression" in write for write in writes)


def test_a_page_of_the_inbox_takes_a_query_a_partition_and_a_read_a_hundred(
    world: World, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    policy = Policy(people=("ann",))
    use_people(world, lambda *_: policy, refund_tool(Refunds()))
    world.play([[tool_use("pay-1", "send_refund", ASKED)] for _ in range(3)])
    sessions = [world.start() for _ in range(3)]
    ann = Browser()
    ann.sign_in(world)
    for path, expected in (
        ("/inbox", {"Query": 4, "BatchGetItem": 1}),
        ("/inbox?view=decided", {"Query": MONTHS}),
        (f"/inbox/approvals/{sessions[0]}/pay-1", {"GetItem": 2}),
    ):
        calls.clear()
        assert ann.get(path).status == 200
        assert made_by(calls) == expected | {"SendMessage": 0}


def walk(world: World) -> list[int]:
    """One approval from task to post; returns the item's size when asked and when spent."""
    session_id = world.start()
    sizes = [approval_size(world, session_id)]
    (mail,) = world.read_mail()
    world.click(mail.links["approve"])
    world.deliver_all()
    return [*sizes, approval_size(world, session_id)]


def units(size: int) -> int:
    """Write units: one for each KB that has begun."""
    return math.ceil(size / 1024)


def approval_size(world: World, session_id: str) -> int:
    table = world.env["APPROVALS_TABLE_NAME"]
    items = world.aws["dynamodb"].scan(TableName=table)["Items"]
    item = next(i for i in items if i["session_id"]["S"] == session_id)
    return item_size(item)


def item_size(item: dict[str, Any]) -> int:
    """Bytes that DynamoDB bills an item by.

    Source: DynamoDB, "Item sizes and formats".
    """
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def value_size(value: dict[str, Any]) -> int:
    ((kind, inner),) = value.items()
    match kind:
        case "M":
            return 3 + len(inner) + item_size(inner)
        case "L":
            return 3 + sum(1 + value_size(element) for element in inner)
        case "N":
            return (len(inner) + 1) // 2 + 1
        case "NULL" | "BOOL":
            return 1
        case _:
            return len(inner.encode() if isinstance(inner, str) else inner)
