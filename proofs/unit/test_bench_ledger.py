"""The ledger that `make bench cycle` puts beside snapshots: as good a record as ours, and as cheap
as it can be. A rival that loses a decision, or pays for a call too many, would flatter us."""

from collections.abc import Iterator
from typing import Any

import pytest
from benchmarks.cycle.conversation import POST_BYTES, make_post
from benchmarks.cycle.engine import LEDGER, peer_table
from benchmarks.cycle.ledger import Ledger
from benchmarks.recorder import Recorder
from botocore.exceptions import ClientError

from pocket import Pocket

SESSION, USE = "equal-ledger-50-0123456789abcdef", f"tooluse_{1:022x}"
LENGTHS = (POST_BYTES, 1_000, 10_000)


@pytest.fixture
def recorder(pocket: Pocket) -> Iterator[Recorder]:
    pocket.dynamodb.add_table(peer_table(LEDGER))
    recorder = Recorder()
    with recorder.installed():
        yield recorder


@pytest.fixture
def ledger(aws_clients: dict[str, Any], recorder: Recorder) -> Ledger:
    return Ledger(aws_clients["dynamodb"], keeps_text=True)


def text(post_bytes: int = POST_BYTES) -> str:
    return make_post(1, post_bytes)


def walk(ledger: Ledger, content: str) -> None:
    ledger.ask(SESSION, USE, content)
    ledger.decide(SESSION, USE)
    ledger.claim(SESSION, USE)
    ledger.spend(SESSION, USE, content)


@pytest.mark.parametrize(("post_bytes", "units"), [(POST_BYTES, 6), (1_000, 8), (10_000, 16)])
def test_only_the_first_write_pays_for_a_long_text(
    ledger: Ledger, recorder: Recorder, post_bytes: int, units: int
) -> None:
    walk(ledger, text(post_bytes))
    usage = recorder.take()
    assert usage.write_units == units  # Two of them are the index's.
    assert usage.conditional_writes == 4
    assert usage.requests == 4 + (post_bytes > POST_BYTES)
    assert usage.read_units == 0


@pytest.mark.parametrize("post_bytes", LENGTHS)
def test_digests_cost_the_same_for_every_text(
    aws_clients: dict[str, Any], recorder: Recorder, post_bytes: int
) -> None:
    walk(Ledger(aws_clients["dynamodb"], keeps_text=False), text(post_bytes))
    usage = recorder.take()
    assert (usage.write_units, usage.conditional_writes, usage.requests) == (6, 4, 4)


def test_each_step_happens_once_and_of_the_approved_text_alone(ledger: Ledger) -> None:
    walk_to = [ledger.decide, ledger.claim]
    ledger.ask(SESSION, USE, text())
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        ledger.ask(SESSION, USE, text())
    for step in walk_to:
        step(SESSION, USE)
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            step(SESSION, USE)
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        ledger.spend(SESSION, USE, "Another text.")
    ledger.spend(SESSION, USE, text())
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        ledger.spend(SESSION, USE, text())


def test_the_index_has_what_is_asked_until_it_is_claimed(
    ledger: Ledger, aws_clients: dict[str, Any]
) -> None:
    def entries() -> int:
        return sum(
            aws_clients["dynamodb"].query(
                TableName=LEDGER,
                IndexName="open",
                KeyConditionExpression="open_shard = :shard",
                ExpressionAttributeValues={":shard": {"S": str(shard)}},
            )["Count"]
            for shard in range(4)
        )

    ledger.ask(SESSION, USE, text())
    ledger.decide(SESSION, USE)
    assert entries() == 1, "a decision whose message is lost is still found"
    ledger.claim(SESSION, USE)
    assert entries() == 0
