"""`benchmarks/growth`: what its tables say, and that the waits it makes are what it says."""

from collections import Counter
from dataclasses import replace

import pytest
from benchmarks import growth
from benchmarks.cycle.prices import Call
from benchmarks.growth import waits
from benchmarks.growth.counted import Counted, mean, total
from benchmarks.growth.inbox import Page
from benchmarks.growth.sweep import Sweep
from benchmarks.growth.turn import Turn
from benchmarks.report import Spread

from core_samples import NOW
from longrunning.waits.item import Status

ONE = Counted(calls=7, write_units=6, read_units=1, received_kilobytes=9, cpu_ms=20)
ITEM = {"session_id": {"S": "s" * 5_000}}


def test_a_batch_read_counts_whole_where_it_is_consistent() -> None:
    def batch(**kinds: bool) -> Call:
        asked_for = {"RequestItems": {"t": {"Keys": [{}], **kinds}}}
        return Call("dynamodb", "BatchGetItem", asked_for, {"Responses": {"t": [ITEM, ITEM]}})

    assert batch().read_units == 2
    assert batch(ConsistentRead=True).read_units == 4
    single = Call("dynamodb", "GetItem", {"ConsistentRead": True}, {"Item": ITEM})
    assert single.read_units == 2


def test_counts_are_added_and_averaged_and_of_times_the_median_counts() -> None:
    found = [ONE, replace(ONE, calls=9, cpu_ms=21), replace(ONE, cpu_ms=100)]
    assert total(found).calls == 23
    assert (mean(found).calls, mean(found).cpu_ms) == (pytest.approx(7.667, abs=0.001), 21)


@pytest.mark.parametrize(
    ("after", "says"), [(20, "no faster"), (21.9, "no faster"), (22.1, "FASTER"), (420, "FASTER")]
)
def test_what_grows_faster_than_what_it_serves_is_said(after: float, says: str) -> None:
    assert says in growth.verdict("questions", "read units", (1, 1), (20, after))


def test_a_turn_is_told_by_decision_and_together() -> None:
    early = replace(ONE, read_units=21)
    turns = [Turn(1, (ONE,)), Turn(20, (*[early] * 19, replace(early, calls=30)))]
    table = growth.turn_table(turns)
    assert [row[0] for row in table.rows] == [
        "1: the last decision",
        "**1: together**",
        "20: a decision but the last",
        "20: the last decision",
        "**20: together**",
    ]
    assert table.rows[-1][3] == 420
    assert "420 times the read units: FASTER" in table.notes


def test_a_session_s_first_and_last_cycle_are_compared() -> None:
    table = growth.session_table({1: ONE, 40: ONE, 200: replace(ONE, cpu_ms=100)})
    assert [row[0] for row in table.rows] == ["1", "40", "200"]
    assert "200 times the approvals, 5 times the CPU: no faster" in table.notes


def test_a_sweep_stands_beside_what_the_paper_says() -> None:
    units = {"Query": 20.0, "BatchGetItem": 250.0, "GetItem": 140.0}
    few = Sweep(1_000, {"dynamodb Query": 8}, units, 121, 500, 50, Spread((0.5,)))
    many = replace(few, open=100_000, read_units={**units, "Query": 1_600.0})
    table = growth.sweep_table([few, many])
    assert [row[2] for row in table.rows] == [270, 1_850]
    assert [row[4] for row in table.rows] == [140, 140]
    assert "100 times the open waits, 6.85 times the read units: no faster" in table.notes


def test_an_inbox_is_compared_by_a_search_to_its_end() -> None:
    def page(open_: int, name: str, to_the_end: bool, units: float) -> Page:
        counted = replace(ONE, read_units=units)
        return Page(open_, name, to_the_end, counted, 1, 11, 0, Spread((1,)), Spread((1,)))

    first, last = (
        page(n, "to its end", True, units) for n, units in ((1_000, 1_000), (9_000, 9_900))
    )
    table = growth.inbox_table([first, page(9_000, "the first page", False, 500), last])
    assert "9 times the open approvals, 9.9 times the read units" in table.notes


def test_open_waits_are_of_all_kinds() -> None:
    made = list(waits.mixed(200, NOW, seed=1))
    assert len({wait.session_id for wait in made}) == 200
    kinds = Counter(
        "decided" if wait.status != Status.PENDING
        else "other" if wait.call is None
        else "question" if wait.is_question
        else "approval"
        for wait in made
    )  # fmt: skip
    assert kinds == {"approval": 130, "question": 20, "other": 40, "decided": 10}
    assert all(wait.due_at and wait.due_at > NOW for wait in made)
    due = list(waits.due(NOW))
    assert Counter(what for what, _ in due) == dict.fromkeys(
        ("expired", "looked", "closed"), waits.DUE
    )
    assert len({wait.session_id for _, wait in due}) == len(due)
