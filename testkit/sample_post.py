"""The protected tool of the tests' own agent, and the receiver in memory behind it.

The tests of the library use these, never the project's own tool: that one is yours to replace.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

TOOL_SPEC: dict[str, Any] = {
    "name": "publish_post",
    "description": "Publishes a post, exactly as it was approved.",
    "inputSchema": {
        "json": {
            "type": "object",
            "properties": {
                "content": {
                    "type": "string",
                    "description": "The text of the post.",
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

REFUSED_STATUSES = (400, 413, 422)


class PublishRefusedError(Exception):
    """The receiver refused the post for good; the model reads why."""


class PublishFailedError(Exception):
    """Nobody knows whether the post arrived: a fault."""


@dataclass(frozen=True)
class Request:
    """What the receiver is sent: the key among the headers, the post as JSON."""

    headers: dict[str, str]
    data: bytes


@dataclass(frozen=True)
class Answer:
    """What the receiver says; the body is JSON."""

    status: int
    body: bytes


@dataclass
class Receiver:
    """Keeps one post for each idempotency key, and gives its first answer again."""

    kept: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, request: Request) -> Answer:
        """Takes a post; a second one with the same key and another text is refused."""
        key, post = request.headers["Idempotency-Key"], json.loads(request.data)
        made = self.kept.setdefault(key, post | {"post_id": f"{len(self.kept) + 1}"})
        if made != post | {"post_id": made["post_id"]}:
            return Answer(422, b'{"error": "Idempotency-Key: was used for another post"}')
        return Answer(201, json.dumps({"post_id": made["post_id"]}).encode())

    def posts(self) -> list[dict[str, Any]]:
        """Returns what was published, newest first."""
        return list(reversed(self.kept.values()))


def send(_: Request) -> Answer:
    """Sends a request to the receiver; a world puts its own in this place."""
    raise PublishFailedError("there is no receiver")


def make_publisher() -> Callable[..., str]:
    """Makes `publish_post`, which sends one post for each `idempotency_key`."""

    def publish_post(
        content: str,
        author: str = "Unicorn Rentals",
        unicorn_color: str = "rainbow",
        image_url: str | None = None,
        *,
        idempotency_key: str,
    ) -> str:
        post = {
            "content": content,
            "author": author,
            "unicorn_color": unicorn_color,
            "image_url": image_url,
        }
        headers = {"Idempotency-Key": idempotency_key}
        return _said_to_model(send(Request(headers, json.dumps(post).encode())))

    return publish_post


def _said_to_model(answer: Answer) -> str:
    said = json.loads(answer.body)
    if 200 <= answer.status < 300:
        return f"Published as post {said['post_id']}." if "post_id" in said else "Published."
    if answer.status in REFUSED_STATUSES:
        reason = said.get("error", "no reason given")
        raise PublishRefusedError(f"The receiver refused the post ({answer.status}): {reason}")
    raise PublishFailedError(f"the receiver answered {answer.status}")
