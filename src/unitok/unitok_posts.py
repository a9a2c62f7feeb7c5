"""UniTok's posts in DynamoDB: one item per idempotency key, listed newest first.

| | |
|---|---|
| key | `feed` (always `unitok`), `idempotency_key` |
| index `newest-first` (local, keys only) | `feed`, `post_id` |
| attributes | `content`, `author`, `unicorn_color`, `image_url`, `created_at` (epoch seconds) |

The idempotency key is the sort key, so the condition of one put decides which of two racing posts
with the same key is the post. A *local* index, because it alone can be read consistently in the
order of `post_id`: a post is in the list as soon as its POST is answered. It holds keys only,
because DynamoDB counts an item's copies in local indexes towards the item's 400 KB.

The price of a local index: all posts of a feed together are limited to 10 GB. A `feed` per month
or per author lifts that.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Literal

from unitok_requests import Page, Submission

FEED = "unitok"
INDEX_NAME = "newest-first"

KEYS_PER_QUERY = 1_000
POSTS_PER_BATCH = 5
"""The index does not tell how large a post is: so few are read at once that little is read in vain,
1.3 MB at most. BatchGetItem takes 100 keys and answers with 16 MB."""

MAX_BATCH_TRIES = 5

Item = dict[str, Any]


class PostsUnavailableError(RuntimeError):
    """DynamoDB kept leaving keys unprocessed."""


@dataclass(frozen=True)
class Post:
    """A stored post. `post_id` sorts by time; `created_at` is in epoch seconds, UTC."""

    post_id: str
    content: str
    author: str
    unicorn_color: str
    image_url: str | None
    created_at: int

    def as_document(self) -> dict[str, Any]:
        """Returns the post as the API shows it."""
        return asdict(self)


@dataclass(frozen=True)
class Stored:
    """The outcome of a put, and the post that the key stands for now.

    Attributes:
        outcome: `created` (this put), `repeated` (an earlier put of the same post) or `conflict`
            (the key stands for another post).
        post: The stored post.
    """

    outcome: Literal["created", "repeated", "conflict"]
    post: Post


class PostStore:
    """The posts table."""

    def __init__(self, client: Any, table_name: str) -> None:
        """Keeps a low-level DynamoDB client and the table's name."""
        self._client = client
        self._table_name = table_name

    def put_once(self, idempotency_key: str, submission: Submission, now_ns: int) -> Stored:
        """Stores a post unless its key is taken. Repeating it is safe, also concurrently.

        Args:
            idempotency_key: What makes two requests the same post.
            submission: The post.
            now_ns: The time in nanoseconds since the epoch.
        """
        post = Post(
            post_id=_post_id(idempotency_key, now_ns),
            created_at=now_ns // 1_000_000_000,
            **asdict(submission),
        )
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item=_to_item(idempotency_key, post),
                ConditionExpression="attribute_not_exists(idempotency_key)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            return _existing(_from_item(error.response["Item"]), submission)
        return Stored("created", post)

    def newest(self, page: Page) -> Iterator[Post]:
        """Yields posts, newest first, reading no further than the caller takes them."""
        keys = islice(self._keys(page), page.limit)
        while batch := list(islice(keys, POSTS_PER_BATCH)):
            found = self._get(batch)
            yield from (found[key] for key in batch if key in found)

    def _keys(self, page: Page) -> Iterator[str]:
        condition, values = "feed = :feed", {":feed": {"S": FEED}}
        if page.before is not None:
            condition += " AND post_id < :before"
            values[":before"] = {"S": page.before}
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            IndexName=INDEX_NAME,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ScanIndexForward=False,
            ConsistentRead=True,
            PaginationConfig={"PageSize": min(page.limit or KEYS_PER_QUERY, KEYS_PER_QUERY)},
        )
        for answer in pages:
            yield from (item["idempotency_key"]["S"] for item in answer["Items"])

    def _get(self, idempotency_keys: list[str]) -> dict[str, Post]:
        keys = [_key(key) for key in idempotency_keys]
        wanted: Any = {self._table_name: {"Keys": keys, "ConsistentRead": True}}
        found: dict[str, Post] = {}
        for attempt in range(MAX_BATCH_TRIES):
            answer = self._client.batch_get_item(RequestItems=wanted)
            for item in answer["Responses"].get(self._table_name, []):
                found[item["idempotency_key"]["S"]] = _from_item(item)
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return found
            time.sleep(0.05 * 2**attempt)
        raise PostsUnavailableError(PostsUnavailableError.__doc__)


def _existing(post: Post, submission: Submission) -> Stored:
    same = all(getattr(post, field) == value for field, value in asdict(submission).items())
    return Stored("repeated" if same else "conflict", post)


def _post_id(idempotency_key: str, now_ns: int) -> str:
    """Returns 24 hexadecimal digits: microseconds, so that ids sort by time, then a digest.

    The digest keeps two posts of one microsecond apart without showing the key, which names the
    agent's session.
    """
    digest = hashlib.sha256(idempotency_key.encode()).hexdigest()
    return f"{now_ns // 1_000:014x}{digest[:10]}"


def _key(idempotency_key: str) -> Item:
    return {"feed": {"S": FEED}, "idempotency_key": {"S": idempotency_key}}


def _to_item(idempotency_key: str, post: Post) -> Item:
    image_url = {"NULL": True} if post.image_url is None else {"S": post.image_url}
    return {
        **_key(idempotency_key),
        "post_id": {"S": post.post_id},
        "content": {"S": post.content},
        "author": {"S": post.author},
        "unicorn_color": {"S": post.unicorn_color},
        "image_url": image_url,
        "created_at": {"N": str(post.created_at)},
    }


def _from_item(item: Item) -> Post:
    return Post(
        post_id=item["post_id"]["S"],
        content=item["content"]["S"],
        author=item["author"]["S"],
        unicorn_color=item["unicorn_color"]["S"],
        image_url=item["image_url"].get("S"),
        created_at=int(item["created_at"]["N"]),
    )
