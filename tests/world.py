"""The world of the tests that go through the example: the project's agent, and UniTok."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSRequest

import kit_path  # noqa: F401 - first: `worlds` lies there
import publish_post
import unitok_handler
from longrunning_testkit import worlds
from longrunning_testkit.worlds import (
    LINK_KEYS,
    MADE_ONCE,
    REGION,
    SERVICES,
    Context,
    Mail,
    forget_environments,
    http_event,
    is_versioned,
    lifecycle_rules,
    mails_of,
    make_clients,
)

__all__ = [
    "LINK_KEYS",
    "REGION",
    "SERVICES",
    "TABLES",
    "Context",
    "Mail",
    "World",
    "forget_environments",
    "http_event",
    "is_signed",
    "is_versioned",
    "lasting_for_a_test",
    "lifecycle_rules",
    "mails_of",
    "make_clients",
    "make_world",
    "set_environment",
]

TABLES = {**worlds.TABLES, "POSTS_TABLE_NAME": "PostsTable"}

if unitok_handler._store not in MADE_ONCE:
    MADE_ONCE.append(unitok_handler._store)


@dataclass
class World(worlds.World):
    """A world whose receiver is UniTok."""

    tables: tuple[str, ...] = tuple(TABLES)

    def posts(self) -> list[dict[str, Any]]:
        """Returns what is published, newest first."""
        found: list[dict[str, Any]] = []
        query: str | None = "limit=100"
        while query:
            event = http_event("GET", urlsplit(f"http://unitok/posts?{query}"), {}, None)
            answer = unitok_handler.handler(event, None)
            found += json.loads(answer["body"])["posts"]
            older = re.match(r"<\?(.+?)>", answer["headers"].get("link", ""))
            query = older and older[1]
        return found


def make_world(monkeypatch: pytest.MonkeyPatch, receiver_url: str = "") -> World:
    """Makes an empty stack as the template declares it, which lasts until the patch is undone.

    Args:
        monkeypatch: What installs it.
        receiver_url: Where UniTok listens; without one, posts go to its handler directly.
    """
    url = receiver_url or "https://unitok.example.com"
    if not receiver_url:
        monkeypatch.setattr(publish_post, "_send", _send_to_unitok)
    tables = MappingProxyType(TABLES)
    return worlds.make_world(monkeypatch, World, tables, PUBLISH_ENDPOINT_URL=url)


def set_environment(
    monkeypatch: pytest.MonkeyPatch, resources: dict[str, str], receiver_url: str
) -> dict[str, str]:
    """Gives the functions their settings; returns them."""
    url = receiver_url or "https://unitok.example.com"
    return worlds.set_environment(monkeypatch, resources, PUBLISH_ENDPOINT_URL=url)


def lasting_for_a_test(monkeypatch: pytest.MonkeyPatch, receiver_url: str = "") -> Iterator[World]:
    """Yields an empty stack for one test, and sees at its end that nothing odd was asked."""
    yield from worlds.lasting(make_world(monkeypatch, receiver_url))


def is_signed(headers: dict[str, str]) -> bool:
    """Whether a request carries an IAM signature."""
    return "AWS4-HMAC-SHA256" in headers.get("authorization", "")


def _send_to_unitok(request: AWSRequest) -> publish_post._Answer:
    """Hands a signed post to UniTok's handler, as its API would."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = request.data.decode()
    event = http_event("POST", urlsplit(request.url), headers, body, iam=is_signed(headers))
    answer = unitok_handler.handler(event, None)
    return publish_post._Answer(answer["statusCode"], answer["body"].encode())
