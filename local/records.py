"""One session, whole: its conversation, what it waited for, whom it asked, what it published."""

import gzip
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from local.emulator import Emulator
from local.layer import Wait, WaitTable, codec, inline_messages
from local.view import SessionRow, View, row_of
from local.waiting import AGENT, inputs

_FEED = "unitok"
"""The partition of UniTok's posts."""


@dataclass(frozen=True)
class Record:
    """A session with all that belongs to it.

    Attributes:
        row: As the list of sessions shows it.
        messages: The conversation as the agent has it.
        unread: How many earlier messages could not be read.
        waits: In the order of asking.
        children: The sessions of the agents that it asked, by the tool use that asked.
        posts: What it published, `{"content", "created_at"}`, by the tool use that allowed it.
        unsaved: The tool uses that the session, as it is saved, has still to go on with.
    """

    row: SessionRow
    messages: tuple[dict[str, Any], ...] = ()
    unread: int = 0
    waits: tuple[Wait, ...] = ()
    children: dict[str, SessionRow] = field(default_factory=dict)
    posts: dict[str, dict[str, Any]] = field(default_factory=dict)
    unsaved: frozenset[str] = frozenset()

    def given(self, wait: Wait) -> dict[str, Any]:
        """Returns what the agent gave the tool that waits, where that is known."""
        child = self.children.get(wait.tool_use_id)
        known = {"name": child.agent_name} if child else {}
        return self._inputs.get(wait.tool_use_id, known)

    @cached_property
    def _inputs(self) -> dict[str, dict[str, Any]]:
        return inputs(self.messages)


class Records:
    """Reads sessions one by one.

    Args:
        emulator: Where they are.
        view: The sessions.
        waits_table: The table of what they wait for.
        bucket: Where the earlier parts of long conversations are.
        posts_table: UniTok's posts; None where there are none.
    """

    def __init__(
        self,
        emulator: Emulator,
        view: View,
        waits_table: str,
        bucket: str,
        posts_table: str | None = None,
    ) -> None:
        self._dynamodb = emulator.client("dynamodb")
        self._s3 = emulator.client("s3")
        self._view = view
        self._waits = WaitTable(self._dynamodb, waits_table)
        self._bucket = bucket
        self._posts_table = posts_table

    def all_waits(self) -> dict[tuple[str, str], Wait]:
        """Returns all that any session waits for, or has, by session and tool use."""
        return self._view.waits()

    def find(self, session_id: str) -> Record | None:
        """Returns a session with all that belongs to it; None where there is no such session."""
        item = self._view.item(session_id)
        if item is None:
            return None
        fields = codec.from_item(item)
        messages, unread = self._conversation(fields)
        waits = _in_order(self._waits.of_session(session_id), messages)
        return Record(
            row=row_of(item),
            messages=tuple(messages),
            unread=unread,
            waits=tuple(waits),
            children=self._children(waits),
            posts=self._posts(session_id),
            unsaved=_unsaved(fields),
        )

    def _conversation(self, fields: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
        """Returns all messages, or those of the item and how many more there are in S3."""
        own, base = inline_messages({"messages": [], **fields}), fields.get("base")
        if not base:
            return own, 0
        version = {"VersionId": base["version_id"]} if base.get("version_id") else {}
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=base["key"], **version)
            return codec.from_json(gzip.decompress(found["Body"].read())) + own, 0
        except (ClientError, OSError, EOFError, ValueError, zlib.error):
            return own, base["count"]

    def _children(self, waits: list[Wait]) -> dict[str, SessionRow]:
        asked = {w.tool_use_id: self._view.session(w.name) for w in waits if w.tool_name == AGENT}
        return {tool_use_id: row for tool_use_id, row in asked.items() if row}

    def _posts(self, session_id: str) -> dict[str, dict[str, Any]]:
        if not self._posts_table:
            return {}
        start = f"{session_id}/"
        items = self._dynamodb.query(
            TableName=self._posts_table,
            KeyConditionExpression="feed = :feed AND begins_with(idempotency_key, :start)",
            ExpressionAttributeValues={":feed": {"S": _FEED}, ":start": {"S": start}},
        )["Items"]
        posts = map(codec.from_item, items)
        return {post["idempotency_key"].removeprefix(start): post for post in posts}


def _unsaved(fields: dict[str, Any]) -> frozenset[str]:
    pending = (wait["tool_use_id"] for wait in fields.get("pending", ()))
    return frozenset({*pending, *fields.get("unspent", ())})


def _in_order(waits: list[Wait], messages: list[dict[str, Any]]) -> list[Wait]:
    """Sorts waits by when they were asked; of the same second, as the conversation has them."""
    places = {tool_use_id: place for place, tool_use_id in enumerate(inputs(messages))}
    last = len(places)
    return sorted(waits, key=lambda w: (w.requested_at, places.get(w.tool_use_id, last)))
