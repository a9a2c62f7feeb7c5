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
from longrunning.waits.open_waits import APPROVAL_SHARDS, SHARDS, OpenEntry, OpenWaits, batches

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
class Window:
    """A part of the ring: `width` places, the first of them `start`."""

    start: int = 0
    width: int = RING

    def holds(self, place: int) -> bool:
        """Whether a place is in it."""
        return (place - self.start) % RING < self.width

    @property
    def end(self) -> int:
        """The first place after it."""
        return (self.start + self.width) % RING


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
    """A sweep's note for the next one."""

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


@dataclass(frozen=True)
class Plan:
    """The windows that one sweep looks through, by shard, and its note for the next one, if any."""

    windows: Mapping[str, Window]
    note: Note | None = None


class Audit:
    """The part of one sweep: it reads what is open, looks up, and notes how far it has come."""

    def __init__(self, approvals: OpenWaits, now: int) -> None:
        """Takes the table, and epoch seconds."""
        self._approvals = approvals
        self._now = now
        self._note: Note | None = None
        self._found: dict[str, list[OpenEntry]] = {}
        self._stopped_at: dict[str, OpenEntry | None] = {}

    def read(self) -> list[OpenEntry]:
        """Reads the open approvals: what is due, and as many others as one sweep can."""
        for shard in SHARDS:
            self._read(shard)
        return [entry for found in self._found.values() for entry in found]

    @property
    def open_approvals(self) -> list[OpenEntry]:
        """The entries that wait for a person."""
        return [e for shard in APPROVAL_SHARDS for e in self._found.get(shard, ())]

    def find(self, each: Callable[..., Iterable[list[OpenEntry]]]) -> list[OpenEntry]:
        """Looks up this sweep's part; returns what is decided and not due.

        Args:
            each: `map`, or that of an executor.
        """
        others = {s: [e for e in es if e.due_at > self._now] for s, es in self._found.items()}
        count = sum(map(len, others.values()))
        try:
            plan = make_plan(count, self._now, lambda: self._last, self._stopped_at)
            parts = batches(_chosen(others, plan.windows))
            found = each(lambda part: list(self._approvals.decided_among(part)), parts)
            decided = [entry for part in found for entry in part]
        except Exception as error:  # What is due must not wait for this.
            note_failure(error)
            return []
        self._note = plan.note
        return decided

    def done(self) -> None:
        """Notes that what was found is looked after, unless another sweep was faster."""
        if self._note:
            was = self._last.looked_at if self._last else None
            try:
                self._approvals.write_note(self._note.values(), was)
            except Exception as error:  # The next sweep looks at the same ones.
                note_failure(error)

    def _read(self, shard: str) -> None:
        found = list(self._approvals.entries(shard, FIRST_ENTRIES))
        stopped_at = None
        if len(found) == FIRST_ENTRIES:
            after = self._place(shard).after
            most = MAX_ENTRIES_PER_SHARD - (0 if after else FIRST_ENTRIES)
            part = list(self._approvals.entries(shard, most, after or found[-1]))
            stopped_at = part[-1] if len(part) == most else None
            if after:  # The two may overlap: what is due is of the first, all else of the part.
                found = [entry for entry in found if entry.due_at <= self._now]
                part = [entry for entry in part if entry.due_at > self._now]
            found += part
        self._found[shard], self._stopped_at[shard] = found, stopped_at

    def _place(self, shard: str) -> Place:
        try:
            return self._last.places.get(shard, Place()) if self._last else Place()
        except Exception as error:  # Nor for this.
            note_failure(error)
            return Place()

    @cached_property
    def _last(self) -> Note | None:
        """The last sweep's note. Read only by a sweep that cannot look up all."""
        values = self._approvals.read_note()
        return Note.parse(values) if values else None


def make_plan(
    count: int,
    now: int,
    read_last: Callable[[], Note | None],
    stopped_at: Mapping[str, OpenEntry | None],
) -> Plan:
    """Says what a sweep looks up: all of a few, a part of many.

    Args:
        count: How many it has read that are not due.
        now: Epoch seconds.
        read_last: What the last sweep left; called only where there are many.
        stopped_at: Where in the index it stopped, by shard; None: at its end.
    """
    if count <= AUDITED_PER_MINUTE:
        return Plan(dict.fromkeys(SHARDS, Window()))
    last = read_last() or Note(now - MAX_PAUSE_SECONDS, {})
    width = width_of(count, now - last.looked_at)
    places = {shard: last.places.get(shard, Place()) for shard in SHARDS}
    windows = {shard: Window(p.start, p.width or width) for shard, p in places.items()}
    if not width:
        return Plan(windows)
    next_places = {shard: _next(window, stopped_at[shard]) for shard, window in windows.items()}
    return Plan(windows, Note(now, next_places))


def width_of(count: int, seconds: int) -> int:
    """Returns how wide a window is, so that they go round in `count / 500` minutes.

    Args:
        count: How many are open and not due.
        seconds: How long the last window is ago.
    """
    seconds = min(max(seconds, 0), MAX_PAUSE_SECONDS)
    return min(RING, -(-RING * AUDITED_PER_MINUTE * seconds // (60 * count)))


def place_of(entry: OpenEntry) -> int:
    """Returns the place of an approval on the ring, the same as long as it is open."""
    key = f"{entry.session_id}/{entry.tool_use_id}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=4).digest())


def _chosen(
    entries: Mapping[str, Iterable[OpenEntry]], windows: Mapping[str, Window]
) -> list[OpenEntry]:
    """Each once: an entry that moves while the index is read is read twice."""
    chosen = {
        (entry.session_id, entry.tool_use_id): entry
        for shard, window in windows.items()
        for entry in entries[shard]
        if window.holds(place_of(entry))
    }
    return list(chosen.values())


def _next(window: Window, stopped_at: OpenEntry | None) -> Place:
    return Place(window.start, window.width, stopped_at) if stopped_at else Place(window.end)
