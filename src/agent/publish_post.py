"""EDIT ME: the protected tool. Its spec for the model, and how it reaches the receiver.

Nothing here decides whether a post may be published: the gate does, and it alone calls the
publisher, with an idempotency key that the model never sees. The receiver makes at most one post
per key, so a publisher may be called again after any fault.

Source: "Signing AWS requests" (SigV4) for API Gateway, service name `execute-api`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

TOOL_SPEC: dict[str, Any] = {
    "name": "publish_post",
    "description": (
        "Publishes a post on UniTok. It publishes only what a person approved: first ask with "
        "human_approval, then call this with exactly the approved content."
    ),
    "inputSchema": {
        "json": {
            "type": "object",
            "properties": {
                "content": {
                    "type": "string",
                    "description": "The text of the post, exactly as approved.",
                    "minLength": 1,
                    "maxLength": 262_144,
                },
                "author": {
                    "type": "string",
                    "description": "Who the post is by.",
                    "minLength": 1,
                    "maxLength": 100,
                    "default": "Unicorn Rentals",
                },
                "unicorn_color": {
                    "type": "string",
                    "description": "The colour of the unicorn beside the post.",
                    "enum": ["pink", "blue", "purple", "green", "yellow", "rainbow"],
                    "default": "rainbow",
                },
                "image_url": {
                    "type": ["string", "null"],
                    "description": "An https URL of a picture, or null.",
                    "maxLength": 2_048,
                    "default": None,
                },
            },
            "required": ["content"],
        }
    },
}

REFUSED_STATUSES = frozenset({400, 413, 422})
"""The receiver understood the request and will never accept it.

409 is none of them: it commonly says that the first request with this key is still at work.
"""

MAX_REASON_CHARS = 300

HTTP_TIMEOUT = urllib3.Timeout(connect=3, read=15)  # seconds; a redelivery repeats the call
HTTP_RETRIES = urllib3.Retry(connect=1, read=0, status=0, redirect=0, other=0)
"""One more try to connect, while nothing was sent; every other repeat is the queue's."""

OWN_HOSTS = ("localhost", "127.0.0.1", "::1")


class PublishRefusedError(Exception):
    """The receiver refused the post for good; the message says why and is for the model."""


class PublishFailedError(Exception):
    """Nobody knows whether the post arrived: a fault. Repeat it with the same idempotency key."""


class Publish(Protocol):
    """The function that is called with the tool's arguments and the key of the effect."""

    def __call__(
        self,
        content: str,
        author: str = "Unicorn Rentals",
        unicorn_color: str = "rainbow",
        image_url: str | None = None,
        *,
        idempotency_key: str,
    ) -> str:
        """Publishes and returns what the model reads."""


@dataclass(frozen=True)
class _Answer:
    """The receiver's answer; the body is JSON if all is well."""

    status: int
    body: bytes

    def field(self, name: str) -> str:
        """Returns a text field of the answer, "" if there is none."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return ""
        value = document.get(name) if isinstance(document, dict) else None
        return value[:MAX_REASON_CHARS] if isinstance(value, str) else ""


def make_publisher(
    endpoint_url: str,
    *,
    region: str,
    credentials: Credentials | None = None,
    read_token: Callable[[], str] | None = None,
) -> Publish:
    """Makes `publish_post` for one receiver.

    Args:
        endpoint_url: Where the receiver's `/posts` lies, such as
            `https://abc123.execute-api.eu-west-1.amazonaws.com`.
        region: The region to sign for.
        credentials: What signs, as `boto3.Session().get_credentials()` returns it: it renews
            itself, so it is asked at each call.
        read_token: Returns the bearer token of an external receiver. With it nothing is signed.

    Raises:
        ValueError: There is nothing to authenticate with, or a token would travel in the clear.
    """
    if read_token is None and credentials is None:
        raise ValueError("credentials: expected AWS credentials or a token, got neither")
    if read_token and not _is_private(endpoint_url):
        raise ValueError("endpoint_url: expected https where a token is sent")

    def authorise(request: AWSRequest) -> None:
        if read_token:
            request.headers["Authorization"] = f"Bearer {read_token().strip()}"
        elif credentials:
            frozen = credentials.get_frozen_credentials()
            SigV4Auth(frozen, "execute-api", region).add_auth(request)

    def publish_post(
        content: str,
        author: str = "Unicorn Rentals",
        unicorn_color: str = "rainbow",
        image_url: str | None = None,
        *,
        idempotency_key: str,
    ) -> str:
        """Publishes a post, at most once per `idempotency_key` however often it is called.

        Args:
            content: The approved text.
            author: Who the post is by.
            unicorn_color: One of pink, blue, purple, green, yellow, rainbow.
            image_url: An https URL, or None.
            idempotency_key: `session_id/tool_use_id` of the approval that allows it.

        Returns:
            What the model reads; it names the post's id.

        Raises:
            PublishRefusedError: The receiver will never accept this post.
            PublishFailedError: Anything else; the effect may or may not have happened.
        """
        request = AWSRequest(
            method="POST",
            url=f"{endpoint_url.rstrip('/')}/posts",
            headers={"Content-Type": "application/json", "Idempotency-Key": idempotency_key},
            data=json.dumps(
                {
                    "content": content,
                    "author": author,
                    "unicorn_color": unicorn_color,
                    "image_url": image_url,
                }
            ).encode(),
        )
        try:
            authorise(request)
        except (BotoCoreError, ClientError) as error:
            raise PublishFailedError(f"no credentials: {type(error).__name__}") from error
        return _said_to_model(_send(request))

    return publish_post


def _send(request: AWSRequest) -> _Answer:
    """Sends over a connection of its own: one that slept through a frozen Lambda may be dead."""
    headers: Mapping[str, str] = dict(request.headers.items())
    try:
        with urllib3.PoolManager(timeout=HTTP_TIMEOUT, retries=HTTP_RETRIES) as http:
            response = http.request(
                request.method, request.url, body=request.data, headers=headers, redirect=False
            )
    except urllib3.exceptions.HTTPError as error:
        raise PublishFailedError(f"the receiver did not answer: {type(error).__name__}") from error
    except (ValueError, OSError) as error:
        # Not chained: http.client repeats a header that it cannot send, and that may be the token.
        raise PublishFailedError(f"the request was not sent: {type(error).__name__}") from None
    return _Answer(response.status, response.data)


def _said_to_model(answer: _Answer) -> str:
    if 200 <= answer.status < 300:
        post_id = answer.field("post_id")
        return f"Published as post {post_id}." if post_id else "Published."
    if answer.status in REFUSED_STATUSES:
        reason = answer.field("error") or "no reason given"
        raise PublishRefusedError(f"The receiver refused the post ({answer.status}): {reason}")
    raise PublishFailedError(f"the receiver answered {answer.status}")


def _is_private(endpoint_url: str) -> bool:
    parts = urlsplit(endpoint_url)
    return parts.scheme == "https" or parts.hostname in OWN_HOSTS
