"""UniTok, the example's publishing target: `POST /posts`, `GET /posts`, `GET /feed`.

| Request | Answer |
|---|---|
| signed `POST /posts` with `Idempotency-Key` | 201 and the post; again: 200 and the same post |
| the same key with another body | 422 |
| a body that cannot be read / a value that is not allowed | 400 / 422 |
| an anonymous POST | 403 |
| `GET /posts?limit=…&before=<post_id>` | `{"posts": [post, …]}`, newest first; 20, or `limit` |
| `GET /feed` | the same posts as a page |

A post: `{"post_id", "content", "author", "unicorn_color", "image_url", "created_at"}`, the last in
epoch seconds. A refusal: `{"error": "<reason>"}`. HEAD answers as GET does, without the body.

Anybody may read, so an answer has bounds: 100 posts, and 256 KB of them unless the first alone is
larger. Wherever older posts are left out, a `Link` header with `rel="next"` leads to them.

What the template gives it:
  table   `feed` (S, HASH), `idempotency_key` (S, RANGE);
          local index `newest-first`: `feed` (HASH), `post_id` (S, RANGE), KEYS_ONLY
  rights  dynamodb:PutItem and dynamodb:BatchGetItem on the table,
          dynamodb:Query on its index `newest-first`
  routes  POST /posts with AWS_IAM; GET and HEAD of /posts and /feed for everybody
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session  # not boto3: its resource layer is a sixth of the start-up time
from botocore.config import Config

from longrunning import observability, tracing
from longrunning.http import Event, RefusedError, Response, json_answer
from unitok_feed import FEED_HEADERS, render_feed, render_post
from unitok_posts import Post, PostStore
from unitok_requests import Page, parse_idempotency_key, parse_page, parse_submission

MAX_POSTS_BYTES = 262_144
"""Of all posts in one answer; a larger one has an answer of its own, of 1.6 MB at most. Whoever
reads pays nothing: what leaves AWS and what is read for it is paid by the stack's owner."""

POSTS_PER_ANSWER = 20
MAX_POSTS_PER_ANSWER = 100

STATUS_OF_OUTCOME = {"created": 201, "repeated": 200}

logger = observability.get_logger("unitok")


@dataclass(frozen=True)
class Listing:
    """Posts as text, as many as fit one answer, and the query of the next page, if there is one."""

    parts: list[str]
    next_query: str | None


def handler(event: Event, context: Any) -> Response:
    """Answers one HTTP API request (payload format 2.0).

    Raises:
        botocore.exceptions.ClientError: DynamoDB failed; the caller gets 500 and may repeat.
    """
    method = event["requestContext"]["http"]["method"]
    try:
        response = _route("GET" if method == "HEAD" else method, event, _store())
    except RefusedError as refusal:
        logger.info("refused", extra={"status": refusal.status, "reason": refusal.logged})
        response = json_answer(refusal.status, {"error": refusal.reason})
    return {**response, "body": ""} if method == "HEAD" else response


def _route(method: str, event: Event, store: PostStore) -> Response:
    # The last segment alone: a stage or a mapped domain may put its own path before it.
    match method, event["rawPath"].rstrip("/").rpartition("/")[2]:
        case "POST", "posts":
            return _post(event, store)
        case "GET", "posts":
            return _list(event, store)
        case "GET", "feed":
            return _feed(event, store)
    raise RefusedError(404, "expected POST or GET /posts, or GET /feed")


def _post(event: Event, store: PostStore) -> Response:
    # The route asks for an IAM signature. If a changed template forgot to, nobody may post.
    if not (event["requestContext"].get("authorizer") or {}).get("iam"):
        raise RefusedError(403, "expected a request signed with AWS credentials")
    key = parse_idempotency_key(event)
    stored = store.put_once(key, parse_submission(event), time.time_ns())
    logger.info("post", extra={"outcome": stored.outcome, "post_id": stored.post.post_id})
    if stored.outcome == "conflict":
        # Not 409, which would say that the first request with this key is still at work.
        raise RefusedError(422, "Idempotency-Key: it was used for another post already")
    return json_answer(STATUS_OF_OUTCOME[stored.outcome], stored.post.as_document())


def _list(event: Event, store: PostStore) -> Response:
    page = parse_page(event.get("queryStringParameters") or {})
    listing = _read(store, page, _document)
    response = json_answer(200, f'{{"posts": [{", ".join(listing.parts)}]}}')
    if listing.next_query:
        response["headers"]["link"] = f'<{listing.next_query}>; rel="next"'
    return response


def _feed(event: Event, store: PostStore) -> Response:
    page = parse_page(event.get("queryStringParameters") or {})
    listing = _read(store, page, render_post)
    body = render_feed(listing.parts, listing.next_query, is_first=page.before is None)
    return {"statusCode": 200, "headers": {**FEED_HEADERS}, "body": body}


def _read(store: PostStore, page: Page, render: Callable[[Post], str]) -> Listing:
    """Renders posts until `limit` or the answer's size is reached, and one whatever its size."""
    parts: list[str] = []
    size_bytes, last_id = 0, ""
    most = min(page.limit or POSTS_PER_ANSWER, MAX_POSTS_PER_ANSWER)
    # One more than asked for, to learn whether there are more.
    for post in store.newest(Page(most + 1, page.before)):
        part = render(post)
        size_bytes += len(part.encode())
        if len(parts) == most or (parts and size_bytes > MAX_POSTS_BYTES):
            limit = f"&limit={page.limit}" if page.limit else ""
            return Listing(parts, f"?before={last_id}{limit}")
        parts.append(part)
        last_id = post.post_id
    return Listing(parts, None)


def _document(post: Post) -> str:
    return json.dumps(post.as_document())


@cache
def _store() -> PostStore:
    """Reads the environment and makes the client once, at the first event."""
    observability.configure(
        os.environ.get("LOG_LEVEL", "INFO"), os.environ.get("METRICS_NAMESPACE", "UniTok")
    )
    if os.environ.get("AWS_XRAY_DAEMON_ADDRESS"):
        tracing.enable()
    # All tries of one stuck call together are shorter than the function's timeout of 10 s.
    config = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 3})
    client = botocore.session.get_session().create_client("dynamodb", config=config)
    return PostStore(client, os.environ["POSTS_TABLE_NAME"])
