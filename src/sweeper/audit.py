"""Which open approvals a sweep looks up though they are not due, to find a message that was lost.

A decision moves nothing in the index (docs/decisions/0015), so nothing there tells that one was
made. While up to 500 are open, each sweep looks up all of them. Of more, it looks up those in a
window of a ring (docs/decisions/0020):

- The place of an approval on the ring is a hash of its key: it stays, and those that come and go
  are spread evenly.
- A window begins where the last one ended. A note in the table says where: a sweep that is late,
  left out, failed or made by another function environment leaves nothing out.
- A window is as wide a part of the ring as 500 for each minute since the last one are of all.

So after as many minutes as 500 goes into the most that were open meanwhile, the windows have
covered the ring, whatever came and went.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Any

from gauges import note_failure
from longrunning.open_approvals import SHARDS, OpenApprovals, OpenEntry, batches

AUDITED_PER_MINUTE = 500
"""Open approvals that are not due, but looked up for a decision: up to so many are all of them."""

MAX_PAUSE_SECONDS = 1_200
"""A longer pause widens a window no further, nor does the first one of all: twice the longest
`SweepMinutes`."""

FIRST_ENTRIES = 5_000
"""Read of each shard first: what is due stands there, for the index is sorted by it."""

MAX_ENTRIES_PER_SHARD = 30_000
"""Of more, each sweep reads a part that begins where the last one ended, and what is due."""

RING = 2**32


@dataclass(frozen=True)
class Place:
    """How far the audit of one shard has come."""

    start: int = 0
    """Where on the ring its window begins."""
    width: int = 0
    """The window's, while the shard is read in parts: all of them are seen through the same one."""
    after: OpenEntry | None = None
    """Where in the index the last sweep stopped; None: at its end."""


@dataclass(frozen=True)
class Note:
    """What one sweep leaves to the next."""

    looked_at: int
    """When it looked: epoch seconds."""
    places: Mapping[str, Place]
    """By shard."""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "Note":
        """Reads what `values` returned."""
        places = {
            shard: Place(start, width, OpenEntry(*after) if after else None)
            for shard, (start, width, after) in values["places"].items()
        }
        return cls(values["looked_at"], places)

    def values(self) -> dict[str, Any]:
        """Returns it as the table keeps it."""
        places = {
            shard: [place.start, place.width, list(astuple(place.after)) if place.after else None]
            for shard, place in self.places.items()
        }
        return {"looked_at": self.looked_at, "places": places}


class Audit:
    """The part of one sweep: it reads what is open, chooses, and notes how far it has come."""

    def __init__(self, approvals: OpenApprovals, now: int) -> None:
        """Takes the table, and epoch seconds."""
        self._approvals = approvals
        self._now = now
        self._width = 0
        self._is_blind = False
        self._found: dict[str, list[OpenEntry]] = {}
        self._stopped_at: dict[str, OpenEntry | None] = {}

    def read(self) -> list[OpenEntry]:
        """Reads the open approvals: what is due, and as many others as one sweep can."""
        for shard in SHARDS:
            self._read(shard)
        return [entry for found in self._found.values() for entry in found]

    def find(self, each: Callable[..., Iterable[list[OpenEntry]]]) -> list[OpenEntry]:
        """Looks up this sweep's part; returns what is decided and not due.

        Args:
            each: `map`, or that of an executor.
        """
        try:
            found = each(lambda b: list(self._approvals.decided_among(b)), batches(self._choose()))
            return [entry for batch in found for entry in batch]
        except Exception as error:  # What is due must not wait for this.
            self._fail(error)
            return []

    def _choose(self) -> list[OpenEntry]:
        """Returns what this sweep looks up of what it read, none of it due."""
        others = {s: [e for e in es if e.due_at > self._now] for s, es in self._found.items()}
        count = sum(map(len, others.values()))
        if count <= AUDITED_PER_MINUTE:  # And no note is read or written.
            return [entry for entries in others.values() for entry in entries]
        self._width = width_of(count, self._pause_seconds)
        windows = {shard: (self._place(shard).start, self._width_in(shard)) for shard in SHARDS}
        chosen = [e for s in SHARDS for e in others[s] if is_in_window(e, *windows[s])]
        # An entry that moves while the index is read is there twice.
        return [] if self._is_blind else list({_id(entry): entry for entry in chosen}.values())

    def done(self) -> None:
        """Notes that what was found is looked after, unless another sweep was faster."""
        if not self._width or self._is_blind:
            return
        places = {shard: self._next(shard) for shard in SHARDS}
        was = self._last.looked_at if self._last else None
        try:
            self._approvals.write_note(Note(self._now, places).values(), was)
        except Exception as error:  # The next sweep looks at the same ones.
            self._fail(error)

    def _read(self, shard: str) -> None:
        found = list(self._approvals.entries(shard, FIRST_ENTRIES))
        stopped_at = None
        if len(found) == FIRST_ENTRIES:
            after = self._place(shard).after
            rest = self._approvals.entries(shard, MAX_ENTRIES_PER_SHARD, after or found[-1])
            part = list(rest)
            stopped_at = part[-1] if len(part) == MAX_ENTRIES_PER_SHARD else None
            if after:  # The two may overlap: what is due is of the first, all else of the part.
                found = [entry for entry in found if entry.due_at <= self._now]
                part = [entry for entry in part if entry.due_at > self._now]
            found += part
        self._found[shard], self._stopped_at[shard] = found, stopped_at

    @cached_property
    def _last(self) -> Note | None:
        """Read only in a sweep that cannot look up all. What is due does not wait for it."""
        try:
            values = self._approvals.read_note()
            return Note.parse(values) if values else None
        except Exception as error:
            self._fail(error)
            return None

    def _fail(self, error: Exception) -> None:
        note_failure(error)
        self._is_blind = True

    @property
    def _pause_seconds(self) -> int:
        return self._now - self._last.looked_at if self._last else MAX_PAUSE_SECONDS

    def _place(self, shard: str) -> Place:
        return self._last.places.get(shard, Place()) if self._last else Place()

    def _width_in(self, shard: str) -> int:
        return self._place(shard).width or self._width

    def _next(self, shard: str) -> Place:
        start, width = self._place(shard).start, self._width_in(shard)
        stopped_at = self._stopped_at[shard]
        return Place(start, width, stopped_at) if stopped_at else Place((start + width) % RING)


def width_of(count: int, seconds: int) -> int:
    """Returns how wide a window is, so that it goes round in `count / 500` minutes at most.

    Args:
        count: How many are open and not due.
        seconds: How long the last window is ago.
    """
    seconds = min(max(seconds, 0), MAX_PAUSE_SECONDS)
    return min(RING, -(-RING * AUDITED_PER_MINUTE * seconds // (60 * count)))


def is_in_window(entry: OpenEntry, start: int, width: int) -> bool:
    """Whether an approval's place is among the `width` places that begin at `start`."""
    return (place_of(entry) - start) % RING < width


def place_of(entry: OpenEntry) -> int:
    """Returns the place of an approval on the ring, the same as long as it is open."""
    key = f"{entry.session_id}/{entry.tool_use_id}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=4).digest())


def _id(entry: OpenEntry) -> tuple[str, str]:
    return entry.session_id, entry.tool_use_id
