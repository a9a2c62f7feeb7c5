"""Reads what the law is counted from. Changes nothing: a dead letter is looked at and given back.

The order matters while the stack works: the tables, then how many messages are on their way, then
the dead letters. A message that dies meanwhile is then seen in one of the two places.
"""

import sys
import time
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from longrunning.people import shared_pace
from operate.errors import OperateError
from operate.receivers import Receiver
from operate.rows import Approval, Letter, Post, Session
from operate.stacks import THREADS, Stack

LOOK_SECONDS = 600
"""How long a dead letter that is looked at is hidden from others, should we die meanwhile."""

MAX_LETTERS = 20_000
"""Looked at in one go: a few minutes."""

WAIT_SECONDS = 1
"""A receive that waits asks all of the queue's servers: only then an empty answer is the end."""

TELL_SECONDS = 2
"""Between two lines of progress."""

Message = dict[str, Any]

R = TypeVar("R", Session, Approval, Post)


@dataclass
class Rows:
    """All that was read."""

    sessions: list[Session]
    approvals: list[Approval]
    posts: list[Post]
    counted: frozenset[str]
    """Actions whose effects are among the posts."""
    letters: list[Letter] = field(default_factory=list)
    on_their_way: int = 0
    unseen_letters: int = 0
    """Dead letters that someone else looks at just now."""

    def replace(self, session_ids: Collection[str], newer: "Rows") -> None:
        """Puts what was read again of some sessions in the place of what was read before."""
        self.sessions = [s for s in self.sessions if s.session_id not in session_ids]
        self.sessions += newer.sessions
        self.approvals = [a for a in self.approvals if a.session_id not in session_ids]
        self.approvals += newer.approvals
        self.posts = [p for p in self.posts if p.key.partition("/")[0] not in session_ids]
        self.posts += newer.posts


class Reader:
    """Reads one stack, and counts what that takes.

    Attributes:
        items: Items read from the tables.
        read_units: DynamoDB read units of all that.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._told = time.monotonic()
        self.items = 0
        self.read_units = 0.0

    def read(self) -> Rows:
        """Reads everything.

        Raises:
            OperateError: Something could not be read.
        """
        stack = self._stack
        with explained():
            return self.with_queues(
                Rows(
                    list(self._scan(stack.sessions_table, Session, "sessions")),
                    list(self._scan(stack.approvals_table, Approval, "approvals")),
                    [p for r in self._receivers() for p in self._scan(r.table, Post, "posts")],
                    frozenset(stack.receivers),
                )
            )

    def read_again(self, rows: Rows, session_ids: Collection[str]) -> Rows:
        """Reads some sessions and the queues again: a scan of a stack at work is no snapshot."""
        with explained():
            found = list(self._of_sessions(self._stack.sessions_table, Session, session_ids))
            approvals = list(self._of_sessions(self._stack.approvals_table, Approval, session_ids))
            keys = {a.key for a in approvals}
            keys |= {p.key for p in rows.posts if p.key.partition("/")[0] in session_ids}
            posts = list(self._posts(sorted(keys)))
            rows.replace(session_ids, Rows(found, approvals, posts, rows.counted))
            return self.with_queues(rows)

    def with_queues(self, rows: Rows) -> Rows:
        """Adds what the queues hold."""
        waiting, in_use = self._lengths(self._stack.task_queue_url)
        rows.on_their_way = waiting + in_use
        rows.unseen_letters = self._lengths(self._stack.dead_letter_queue_url)[1]
        rows.letters = [Letter.of(message) for message in self.look_at_letters()]
        return rows

    def look_at_letters(self) -> list[Message]:
        """Returns the dead letters, and gives them back."""
        found: list[Message] = []
        try:
            for messages in receive(self._stack, LOOK_SECONDS, MAX_LETTERS):
                found += messages
                self._tell("dead letters", len(found))
        finally:
            give_back(self._stack, found)
        return found

    def missing_bases(self, sessions: Iterable[Session]) -> list[str]:
        """Returns the sessions whose conversation in S3 is not there."""

        def is_missing(session: Session) -> bool:
            version = {"VersionId": session.base_version} if session.base_version else {}
            try:
                s3.head_object(Bucket=self._stack.state_bucket, Key=session.base_key, **version)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return True
                raise
            return False

        s3 = self._stack.s3
        based = [session for session in sessions if session.base_key]
        with explained(), ThreadPoolExecutor(THREADS) as threads:
            answers = threads.map(is_missing, based)
            return [s.session_id for s, missing in zip(based, answers, strict=True) if missing]

    def _lengths(self, queue_url: str) -> tuple[int, int]:
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "Delayed", "NotVisible")]
        found = self._stack.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        waiting, delayed, in_use = (int(found["Attributes"][name]) for name in names)
        return waiting + delayed, in_use

    def _scan(self, table: str, kind: type[R], what: str) -> Iterator[R]:
        pages = self._stack.dynamodb.get_paginator("scan").paginate(
            TableName=table, ConsistentRead=True, **_projection(kind)
        )
        yield from self._rows(pages, kind, what)

    def _of_sessions(self, table: str, kind: type[R], ids: Collection[str]) -> Iterator[R]:
        for session_id in ids:
            pages = self._stack.dynamodb.get_paginator("query").paginate(
                TableName=table,
                KeyConditionExpression="session_id = :id",
                ExpressionAttributeValues={":id": {"S": session_id}},
                ConsistentRead=True,
                **_projection(kind),
            )
            yield from self._rows(pages, kind, "again")

    def _receivers(self) -> list[Receiver]:
        """Returns each table of effects once: two tools may share one."""
        return list({r.table: r for r in self._stack.receivers.values()}.values())

    def _posts(self, keys: Collection[str]) -> Iterator[Post]:
        for receiver, key in product(self._receivers(), keys):
            named = receiver.partition | {"idempotency_key": key}
            found = self._stack.dynamodb.get_item(
                TableName=receiver.table,
                Key={name: {"S": value} for name, value in named.items()},
                ConsistentRead=True,
                **_projection(Post),
            )
            if "Item" in found:
                yield from self._rows([found | {"Items": [found["Item"]]}], Post, "again")

    def _rows(self, pages: Iterable[dict[str, Any]], kind: type[R], what: str) -> Iterator[R]:
        count = 0
        for page in pages:
            self.read_units += page.get("ConsumedCapacity", {}).get("CapacityUnits", 0)
            for item in page["Items"]:
                count += 1
                if item.get("session_id", {}).get("S") != shared_pace.PARTITION:
                    yield kind.of(item)
            self._tell(what, count)
        self.items += count

    def _tell(self, what: str, count: int) -> None:
        """Says how far it is, should it take long."""
        if time.monotonic() - self._told > TELL_SECONDS:
            self._told = time.monotonic()
            print(f"  {what}: {count:,} so far", file=sys.stderr, flush=True)


def receive(stack: Stack, hidden_seconds: int, most: int) -> Iterator[list[Message]]:
    """Takes dead letters off their queue for a while, ten at a time and none of them twice.

    Args:
        stack: The stack.
        hidden_seconds: How long they stay hidden, unless they are given back.
        most: At most so many.
    """
    seen: set[str] = set()
    while len(seen) < most:
        found = stack.sqs.receive_message(
            QueueUrl=stack.dead_letter_queue_url,
            MaxNumberOfMessages=min(10, most - len(seen)),
            VisibilityTimeout=hidden_seconds,
            WaitTimeSeconds=WAIT_SECONDS,
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        new = [message for message in found if message["MessageId"] not in seen]
        if not new:
            return
        seen.update(message["MessageId"] for message in new)
        yield new


def give_back(stack: Stack, messages: list[Message]) -> None:
    """Shows dead letters to others again, at once."""
    for start in range(0, len(messages), 10):
        stack.sqs.change_message_visibility_batch(
            QueueUrl=stack.dead_letter_queue_url,
            Entries=[
                {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
                for n, message in enumerate(messages[start : start + 10])
            ],
        )


@contextmanager
def explained() -> Iterator[None]:
    """Turns an error of AWS into one that says which call failed.

    Raises:
        OperateError: A call failed.
    """
    try:
        yield
    except ClientError as error:
        told = error.response["Error"]
        raise OperateError(f"{error.operation_name}: {told['Code']}") from error
    except BotoCoreError as error:
        raise OperateError(f"AWS does not answer: {error}") from error


def _projection(kind: type[R]) -> dict[str, Any]:
    """Names the attributes to return: many of them are words that DynamoDB reserves."""
    paths = [name.split(".") for name in kind.ATTRIBUTES]
    return {
        "ProjectionExpression": ", ".join(".".join(f"#{n}" for n in path) for path in paths),
        "ExpressionAttributeNames": {f"#{name}": name for path in paths for name in path},
        "ReturnConsumedCapacity": "TOTAL",
    }
