"""Open waits by the thousand: approvals, questions, timers and jobs; some decided, some due."""

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from core_samples import asked, job
from longrunning.waits.item import Status, Wait, to_item

BATCH = 25
"""Source: DynamoDB, "BatchWriteItem"."""

DUE = 20
"""Of each kind that a sweep has something to do for, however many are open."""

DAY_SECONDS = 86_400
ANSWER_SCHEMA = {
    "type": "object",
    "properties": {"reason": {"type": "string"}},
    "required": ["reason"],
}


def mixed(count: int, now: int, seed: int) -> Iterator[Wait]:
    """Yields waits that are not due, of all kinds.

    Of 20 thirteen are approvals, two questions, four timers or jobs, and one is an approval that is
    decided and not claimed yet.
    """
    rng = random.Random(seed)  # noqa: S311
    for number in range(count):
        at = {
            "session_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            "requested_at": now - rng.randrange(DAY_SECONDS // 2),
            "decide_by": now + DAY_SECONDS,
            "due_at": now + DAY_SECONDS // 2 + rng.randrange(DAY_SECONDS // 2),
        }
        match number % 20:
            case 0 | 1 | 2 | 3:
                yield job(**at)
            case 4 | 5:
                yield asked(**at, answer_schema=ANSWER_SCHEMA)
            case 6:
                yield decided(asked(**at), now)
            case _:
                yield asked(**at)


def decided(wait: Wait, now: int) -> Wait:
    """Returns it as a click leaves it: so late that no sweep tells of it again meanwhile."""
    said = {"decision": "approved", "decided_by": "link", "decided_at": now + DAY_SECONDS}
    return replace(wait, status=Status.APPROVED, **said)


def due(now: int) -> Iterator[tuple[str, Wait]]:
    """Yields waits that a sweep has something to do for, and what becomes of them."""
    for number in range(DUE):
        ids = {"session_id": str(uuid.UUID(int=number + 1, version=4)), "requested_at": now - 9_000}
        yield "expired", asked(**ids, decide_by=now - 10, due_at=now - 10)
        ids = {**ids, "session_id": str(uuid.UUID(int=number + 1_001, version=4))}
        yield "looked", job(**ids, decide_by=now + 9_000, due_at=now - 10, remind_at=now - 10)
        ids = {**ids, "session_id": str(uuid.UUID(int=number + 2_001, version=4))}
        yield "closed", asked(**ids, decide_by=now + 9_000, due_at=now - 10)


def put_all(dynamodb: Any, table: str, waits: Iterator[Wait]) -> None:
    """Writes them, 25 at a time."""
    batch: list[dict[str, Any]] = []
    for wait in waits:
        batch.append({"PutRequest": {"Item": to_item(wait)}})
        if len(batch) == BATCH:
            _write(dynamodb, table, batch)
            batch = []
    _write(dynamodb, table, batch)


def _write(dynamodb: Any, table: str, batch: Sequence[dict[str, Any]]) -> None:
    if batch:
        dynamodb.batch_write_item(RequestItems={table: list(batch)})
