"""Pages of what is open, out of all partitions of the index, the earliest due first."""

import heapq
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from longrunning.codec import base64url, from_base64url
from longrunning.messages import SESSION_ID_PATTERN, TOOL_USE_ID_PATTERN
from longrunning.waits.open_waits import SHARDS, OpenEntry, OpenWaits

MAX_TIME = 10**12

Positions = Mapping[str, OpenEntry]
"""How far each partition has been read: the last entry, by partition."""


class OpenPage(NamedTuple):
    """The entries of a page, and where the next one starts; None: there are no more."""

    entries: list[OpenEntry]
    next: Positions | None


def read_page(
    table: OpenWaits, most: int, after: Positions, shards: Sequence[str] = SHARDS
) -> OpenPage:
    """Reads a page; the index is a moment behind.

    Args:
        table: The table.
        most: Entries, at most.
        after: Where the page before has ended; empty for the first one.
        shards: Which partitions.
    """
    streams = (_entries(table, shard, most, after) for shard in shards)
    merged = heapq.merge(*streams, key=lambda found: (found[1].due_at, found[0]))
    found = list(islice(merged, most + 1))
    shown = found[:most]
    has_more = len(found) > most
    return OpenPage([entry for _, entry in shown], {**after, **dict(shown)} if has_more else None)


def written(positions: Positions) -> str:
    """Returns positions as a text for a URL; the inverse of `read_positions`."""
    places = {
        shard: [entry.due_at, entry.session_id, entry.tool_use_id]
        for shard, entry in positions.items()
    }
    return base64url(json.dumps(places).encode())


def read_positions(text: str) -> Positions:
    """Reads what `written` has given; anything else may come.

    Raises:
        ValueError: It is something else.
    """
    try:
        places = json.loads(from_base64url(text))
        return {shard: _entry(shard, *place) for shard, place in places.items()}
    except (TypeError, AttributeError, RecursionError) as error:
        raise ValueError(text) from error


def _entries(
    table: OpenWaits, shard: str, most: int, after: Positions
) -> Iterator[tuple[str, OpenEntry]]:
    # One more than asked for, to learn whether there are more.
    for entry in table.entries(shard, most + 1, after.get(shard)):
        yield shard, entry


def _entry(shard: str, due_at: Any, session_id: Any, tool_use_id: Any) -> OpenEntry:
    """Accepts only what the index could hold: it becomes a key of a query."""
    fits = shard in SHARDS and type(due_at) is int and 0 <= due_at < MAX_TIME
    fits = fits and SESSION_ID_PATTERN.fullmatch(session_id) is not None
    if not fits or not TOOL_USE_ID_PATTERN.fullmatch(tool_use_id):
        raise ValueError(shard)
    return OpenEntry(session_id, tool_use_id, due_at, requested_at=0)
