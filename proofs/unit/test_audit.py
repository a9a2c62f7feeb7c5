"""The audit: every decision whose message was lost is found in time, however many are open."""

import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import pytest

import audit
import aws_template
from audit import RING, Audit, Note, Place, Window, make_plan, width_of
from core_samples import NOW, Recorded, asked
from longrunning.messages import SESSION_ID_PATTERN
from longrunning.waits.open_waits import SHARDS, OpenEntry, OpenWaits
from wait_store import WaitStore

PARAMETERS = aws_template.load()["Parameters"]
SWEEP_MINUTES = [int(minutes) for minutes in PARAMETERS["SweepMinutes"]["AllowedValues"]]
MOST_OPEN = 100_000
LATE_SECONDS = 59
"""The schedule starts a sweep within its minute, not at the same second of each."""

WHOLE = dict.fromkeys(SHARDS, None)
"""No shard is read in parts."""


def bound_seconds(most_open: int, sweep_minutes: int, a_minute: int = 500) -> float:
    """How long the audit takes to come by, as docs/operate.md states it."""
    return 60 * (sweep_minutes + most_open / a_minute)


# --- the arithmetic ------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [1, 59, 60, 61, 600])
@pytest.mark.parametrize("count", [501, 777, 10_000, 99_999, MOST_OPEN])
def test_windows_go_round_once_500_a_minute_are_all(count: int, seconds: int) -> None:
    sweeps = -(-60 * count // (500 * seconds))
    assert width_of(count, seconds) * sweeps >= RING
    assert width_of(count, seconds) * (sweeps - 1) < RING


def test_a_window_is_wider_the_longer_the_last_one_is_ago_within_reason() -> None:
    assert width_of(MOST_OPEN, 600) == pytest.approx(10 * width_of(MOST_OPEN, 60))
    assert width_of(MOST_OPEN, 86_400) == width_of(MOST_OPEN, 1_200)
    assert width_of(MOST_OPEN, -5) == width_of(MOST_OPEN, 0) == 0, "another sweep has just looked"
    assert 2 * 60 * max(SWEEP_MINUTES) <= audit.MAX_PAUSE_SECONDS, "one may be left out"


def test_up_to_500_are_all_looked_up_and_no_note_is_read() -> None:
    assert make_plan(500, NOW, pytest.fail, WHOLE) == audit.Plan(dict.fromkeys(SHARDS, Window()))


def test_the_next_window_begins_where_this_one_ends() -> None:
    last = Note(NOW - 60, {shard: Place(RING - 1) for shard in SHARDS})
    plan = make_plan(1_000, NOW, lambda: last, WHOLE)
    assert plan.windows["2"] == Window(RING - 1, RING // 2)
    assert plan.note == Note(NOW, {shard: Place(RING // 2 - 1) for shard in SHARDS})


def test_places_are_spread_evenly_whatever_ids_look_like() -> None:
    for ids in (map(str, range(8_000)), (f"2026-03-14T10:{n}:00Z" for n in range(8_000))):
        places = [audit.place_of(OpenEntry(i, "tooluse_1", 1, 1)) for i in ids]
        counts = [sum(p // (RING // 16) == sixteenth for p in places) for sixteenth in range(16)]
        assert 400 < min(counts) <= max(counts) < 600


def test_a_note_comes_back_as_it_was_kept() -> None:
    note = Note(NOW, {"0": Place(7, 9, OpenEntry("a", "b", 1, 2)), "1": Place(RING - 1)})
    assert Note.parse(note.values()) == note


# --- the bound -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """What one sweep looks at, and of how many."""

    at: int
    window: Window
    count: int


def look_on(minutes: int, first: int, change: str, seed: str) -> list[Look]:
    """Makes the plans of sweeps for so long, each a new function environment."""
    chance = random.Random(seed)  # noqa: S311
    count, looks = first, []
    last: Note | None = None
    factors = {"grows": (1.1, 1.1), "shrinks": (0.9, 0.9), "is steady": (1, 1)}
    for n in range(500 // minutes):
        at = NOW + 60 * minutes * n + chance.randrange(LATE_SECONDS + 1)
        plan = make_plan(count, at, partial(lambda note: note, last), WHOLE)
        looks.append(Look(at, plan.windows["0"], count))
        last = plan.note or last
        count = round(count * chance.uniform(*factors.get(change, (0.9, 1.1))))
        count = min(max(count, 1), MOST_OPEN)
    return looks


@pytest.mark.parametrize("change", ["grows", "shrinks", "goes up and down", "is steady"])
@pytest.mark.parametrize("minutes", SWEEP_MINUTES)
def test_every_place_comes_by_within_the_bound(minutes: int, change: str) -> None:
    """For 1 to 100,000 open, and up to a tenth more or fewer at each sweep."""
    for first in (1, 490, 501, 555, 3_000, 20_000, 60_000, 95_000, MOST_OPEN):
        looks = look_on(minutes, first, change, f"{minutes} {change} {first}")
        chance = random.Random(first)  # noqa: S311
        for place in (0, RING - 1, *(chance.randrange(RING) for _ in range(10))):
            seen = [n for n, k in enumerate(looks) if k.window.holds(place)]
            # Lost the moment after a look, or before the first of all.
            for since, found in zip([0, *seen], seen, strict=False):
                most = max(look.count for look in looks[since : found + 1])
                allowed = bound_seconds(most, minutes) + LATE_SECONDS
                assert looks[found].at - looks[since].at <= allowed, (first, most, place)
            if looks[-1].count == MOST_OPEN:
                assert looks[seen[-1]].at > looks[-1].at - bound_seconds(MOST_OPEN, minutes)


# --- the code as it runs, at a hundredth of the numbers -------------------------------------------


@dataclass
class Index:
    """The index of open approvals and the sweeper's note, in place of `OpenWaits`."""

    open: dict[str, OpenEntry] = field(default_factory=dict)
    decided: set[str] = field(default_factory=set)
    note: dict[str, Any] | None = None
    looked_up: int = 0
    asked: int = 0
    broken: bool = False

    def ask(self, count: int, due_at: int = NOW * 2) -> list[str]:
        """Adds open approvals; returns the ids of their sessions."""
        ids = [f"session-{self.asked + n}" for n in range(count)]
        self.asked += count
        self.open |= {i: OpenEntry(i, "use", due_at, NOW) for i in ids}
        return ids

    def entries(self, shard: str, most: int, after: OpenEntry | None = None) -> Iterator[OpenEntry]:
        start = (after.due_at, after.session_id) if after else (0, "")
        found = [
            (e.due_at, e.session_id, e)
            for e in self.open.values()
            if str(zlib.crc32(e.session_id.encode()) % 4) == shard
            and (e.due_at, e.session_id) > start
        ]
        return (entry for _, _, entry in sorted(found)[:most])

    def decided_among(self, entries: Sequence[OpenEntry]) -> Iterator[OpenEntry]:
        if self.broken:
            raise TimeoutError
        self.looked_up += len(entries)
        return (e for e in entries if e.session_id in self.decided)

    def read_note(self) -> dict[str, Any] | None:
        return self.note

    def write_note(self, note: dict[str, Any], was: int | None) -> bool:
        if was != (self.note and self.note["looked_at"]):
            return False
        self.note = note
        return True

    def begin(self, now: int) -> Audit:
        """Begins a sweep in a new function environment, and has it read and look up."""
        one = Audit(cast(OpenWaits, self), now)
        one.read()
        return one

    def sweep(self, now: int) -> set[str]:
        """Sweeps once; returns whose decision was found."""
        one = self.begin(now)
        found = {entry.session_id for entry in one.find(map)}
        one.done()
        return found


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Index:
    """One of which each sweep looks up five a minute."""
    monkeypatch.setattr(audit, "AUDITED_PER_MINUTE", 5)
    return Index()


def sweeps_until_found(index: Index, minutes: int, lost: str, chance: random.Random) -> int:
    """Sweeps until a decision is found, as others come and go; returns when: seconds."""
    for n in range(1, 1_000):
        if lost in index.sweep(NOW + 60 * minutes * n):
            return 60 * minutes * n
        count = len(index.open)
        wanted = min(max(round(count * chance.uniform(0.9, 1.1)), 1), 1_000)
        gone = chance.sample(sorted(index.open.keys() - {lost}), max(0, count - wanted))
        for session_id in gone:
            del index.open[session_id]
        index.ask(max(0, wanted - count))
    raise AssertionError("never found")


@pytest.mark.parametrize("count", [1, 5, 6, 60, 1_000])
@pytest.mark.parametrize("minutes", SWEEP_MINUTES)
def test_a_lost_decision_is_found_within_the_bound(index: Index, minutes: int, count: int) -> None:
    chance = random.Random(f"{minutes} {count}")  # noqa: S311
    for _ in range(3):
        ids = index.ask(count - len(index.open)) or sorted(index.open)
        lost = chance.choice(ids)
        index.decided = {lost}
        most = max(count, 1_000) if count == 1_000 else count * 2
        found_after = sweeps_until_found(index, minutes, lost, chance)
        assert found_after <= bound_seconds(most, minutes, a_minute=5)
        index.open.clear()
        index.note = None


def test_a_sweep_that_is_left_out_leaves_nothing_out(index: Index) -> None:
    index.decided = set(index.ask(50))
    found = [index.sweep(NOW + 60 * minute) for minute in (-9, 0, 1, 4, 5)][1:]
    assert [len(one) / 50 for one in found] == pytest.approx([0.9, 0.1, 0.3, 0.1], abs=0.15)


def test_of_two_sweeps_at_once_the_second_does_the_same_again(index: Index) -> None:
    index.decided = set(index.ask(50))
    index.sweep(NOW)
    first, second = index.begin(NOW + 60), index.begin(NOW + 61)
    found = first.find(map), second.find(map)
    assert {e.session_id for e in found[0]} <= {e.session_id for e in found[1]}
    first.done()
    noted = index.note
    second.done()
    assert index.note == noted


def test_a_second_sweep_in_the_same_second_skips_no_part(large: Index) -> None:
    large.sweep(NOW + 60)
    noted = large.note
    assert large.sweep(NOW + 60) == set()
    assert large.note == noted


def test_a_note_that_cannot_be_written_undoes_no_sweep(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(*_: Any) -> bool:
        raise TimeoutError

    index.decided = set(index.ask(50))
    monkeypatch.setattr(Index, "write_note", throttled)
    assert index.sweep(NOW) == index.decided


def test_an_entry_that_moves_while_it_is_read_is_looked_up_once(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DynamoDB refuses a batch that names one key twice."""
    index.ask(50)
    entries = Index.entries
    monkeypatch.setattr(Index, "entries", lambda *args: [*entries(*args)] * 2)
    index.sweep(NOW)
    assert index.looked_up == 50


def test_a_sweep_that_wakes_late_moves_nothing_back(index: Index) -> None:
    index.decided = set(index.ask(50))
    index.sweep(NOW)
    frozen = index.begin(NOW + 60)
    frozen.find(map)
    index.sweep(NOW + 120)
    noted = index.note
    frozen.done()
    assert index.note == noted


def test_what_could_not_be_looked_up_is_looked_up_by_the_next_sweep(index: Index) -> None:
    index.decided = set(index.ask(50))
    index.sweep(NOW)
    noted = index.note
    index.broken = True
    assert index.sweep(NOW + 60) == set()
    assert index.note == noted
    index.broken = False
    found = [index.sweep(NOW + 60 * minute) for minute in range(2, 11)]
    assert set.union(*found) == index.decided


def test_what_was_found_and_not_looked_after_is_found_again(index: Index) -> None:
    index.decided = set(index.ask(50))
    index.sweep(NOW)
    without_time = {e.session_id for e in index.begin(NOW + 60).find(map)}
    assert without_time
    assert without_time <= index.sweep(NOW + 120)


# --- more than a sweep reads ---------------------------------------------------------------------


@pytest.fixture
def large(index: Index, monkeypatch: pytest.MonkeyPatch) -> Index:
    """An index of some 100 a shard, of which a sweep reads 25: what is due, and a part."""
    monkeypatch.setattr(audit, "FIRST_ENTRIES", 10)
    monkeypatch.setattr(audit, "MAX_ENTRIES_PER_SHARD", 25)
    index.ask(400)
    index.note = Note(NOW, {}).values()
    return index


def test_what_lies_beyond_what_a_sweep_reads_is_no_blind_spot(large: Index) -> None:
    large.decided = set(large.open)
    found = [large.sweep(NOW + 60 * minute) for minute in range(1, 101)]
    assert set.union(*found) == set(large.open)
    assert large.looked_up / len(found) == pytest.approx(5, rel=0.2), "at no greater cost"


def test_all_parts_of_a_shard_are_seen_through_one_window() -> None:
    """However late the sweeps in between are; it moves on once the shard is at its end."""
    here = OpenEntry("a", "b", NOW, NOW)
    last = Note(NOW - 77, {"1": Place(5, 7, here), "2": Place(5, 7, here)})
    plan = make_plan(1_000, NOW, lambda: last, {**WHOLE, "1": here})
    assert plan.windows["1"] == plan.windows["2"] == Window(5, 7)
    assert plan.note
    assert (plan.note.places["1"], plan.note.places["2"]) == (Place(5, 7, here), Place(12))


def test_what_is_due_is_read_by_every_sweep_wherever_it_has_come(large: Index) -> None:
    due = set(large.ask(5, due_at=NOW))
    for minute in range(1, 12):
        read = [e.session_id for e in large.begin(NOW + 60 * minute).read()]
        assert due <= set(read)
        assert len(read) == len(set(read)), "none of them twice"
        large.sweep(NOW + 60 * minute)


def test_a_note_that_cannot_be_read_keeps_nothing_due_waiting(
    large: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = set(large.ask(5, due_at=NOW))

    def throttled(_: Index) -> None:
        raise TimeoutError

    monkeypatch.setattr(Index, "read_note", throttled)
    one = Audit(cast(OpenWaits, large), NOW + 60)
    assert due <= {e.session_id for e in one.read()}
    assert one.find(map) == []
    one.done()
    assert large.note == Note(NOW, {}).values()


# --- in the table --------------------------------------------------------------------------------


def test_the_note_in_the_table_is_replaced_by_the_first_who_read_it(
    open_approvals: OpenWaits,
) -> None:
    assert open_approvals.read_note() is None
    note = Note(NOW, {"0": Place(1, 2, OpenEntry("a", "b", 3, 4)), "1": Place()}).values()
    assert open_approvals.write_note(note, None)
    kept = open_approvals.read_note()
    assert kept and Note.parse(kept) == Note.parse(note)
    assert not open_approvals.write_note({**note, "looked_at": NOW + 60}, None)
    assert not open_approvals.write_note({**note, "looked_at": NOW + 60}, NOW - 1)
    assert open_approvals.write_note({**note, "looked_at": NOW + 60}, NOW)
    assert not open_approvals.write_note({**note, "looked_at": NOW + 61}, NOW)


def test_no_session_can_have_the_key_of_the_note(
    approval_store: WaitStore, open_approvals: OpenWaits, dynamodb: Recorded
) -> None:
    approval_store.put_if_absent(asked())
    open_approvals.write_note(Note(NOW, {}).values(), None)
    assert sum(len(list(open_approvals.entries(shard, 9))) for shard in SHARDS) == 1
    key = dynamodb.named("update_item")[0]["Key"]
    assert not SESSION_ID_PATTERN.fullmatch(key["session_id"]["S"])
