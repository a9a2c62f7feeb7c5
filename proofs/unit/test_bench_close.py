"""What `make bench cycle` says of longer texts and longer sessions: losses as plainly as wins."""

from collections.abc import Mapping

import pytest
from benchmarks.cycle.close_tables import (
    close_verdicts,
    sessions_table,
    texts_table,
    whole_rounds,
)
from benchmarks.cycle.contender import DIGESTS, EQUAL, Contender
from benchmarks.cycle.conversation import make_conversation, make_post
from benchmarks.cycle.plan import Plan
from benchmarks.cycle.prices import Usage
from benchmarks.cycle.results import Results
from benchmarks.cycle.turns import Cell

OURS = "this project"
PLAN = Plan((50,), 2, 2, 1, (160, 1_000, 10_000), 50, (1, 3), 2)
PUT = {"s3 PutObject": 1.0}


def costing(units: float) -> Usage:
    return Usage(written={"t": units})


def results(
    texts: Mapping[str, tuple[float, float, float]], sessions: Mapping[str, tuple[float, ...]]
) -> Results:
    """Results of contenders by name: write units of a cycle by text, and of each cycle."""
    contenders = [
        Contender(name, lambda _: lambda: None, is_peer=name != OURS, is_close=True)
        for name in texts
    ]
    by_text = {
        (name, post_bytes): Cell([costing(found)] * 2)
        for name, units in texts.items()
        for post_bytes, found in zip(PLAN.texts, units, strict=True)
    }
    by_cycle = {name: Cell([costing(n) for n in units]) for name, units in sessions.items()}
    return Results(contenders, {}, {}, by_text, by_cycle, PLAN)


@pytest.fixture
def found() -> Results:
    return results(
        {OURS: (8, 11, 50), EQUAL: (10, 10, 20), DIGESTS: (10, 10, 10)},
        {OURS: (8, 8, 8, 8), EQUAL: (10,) * 4, DIGESTS: (10,) * 4},
    )


def test_every_ratio_to_a_ledger_is_told_and_judged(found: Results) -> None:
    told = [(ratio, holds) for _, ratio, holds in close_verdicts(found)]
    assert told == [
        ("0.80×", True), ("1.10×", True), ("2.50×", False),
        ("0.80×", True), ("1.10×", True), ("5.00×", False),
        ("1.000×", True),
    ]  # fmt: skip


def test_a_session_that_grows_is_told() -> None:
    grown = results(
        {OURS: (1, 1, 1), EQUAL: (1, 1, 1), DIGESTS: (1, 1, 1)},
        {OURS: (100, 100, 103, 103), EQUAL: (1,) * 4, DIGESTS: (1,) * 4},
    )
    label, ratio, holds = close_verdicts(grown)[-1]
    assert (ratio, holds) == ("1.030×", False)
    assert label == "from cycle 3 on at most 1.02 times from cycle 1 on"
    (mine, *_) = sessions_table(grown).rows
    assert mine[1:] == ("62.50", "64.38", "1.03×", "62.50 (100, 0)", "64.38 (103, 0)")


def test_the_table_of_texts_counts_who_is_cheaper(found: Results) -> None:
    rows = {row[0]: row[1:] for row in texts_table(found).rows}
    assert rows["**how many are cheaper**"] == ("none", "2", "2")
    assert rows[OURS] == ("**5.00**", "**6.88**", "**31.25**")
    assert rows[f"this project ÷ {EQUAL}"] == ("0.80×", "1.10×", "2.50×")
    assert rows[EQUAL][2] == "12.50 (0.4×)"


def test_what_a_rival_cannot_do_stands_in_the_table(found: Results) -> None:
    found.texts[EQUAL, 10_000] = Cell(failure="an item over 400 KB")
    found.sessions[EQUAL] = Cell([costing(1)], failure="an item over 400 KB")
    rows = {row[0]: row[1:] for row in texts_table(found).rows}
    assert rows[EQUAL][2] == "fails: an item over 400 KB"
    assert rows[f"this project ÷ {EQUAL}"][2] == "fails"
    (failed,) = [row for row in sessions_table(found).rows if row[0] == EQUAL]
    assert failed[1] == "fails after 1 cycles: an item over 400 KB"


def test_a_mean_is_of_whole_rounds_from_one_base_to_the_next() -> None:
    cycles = [Usage(calls=PUT if n in (2, 5, 8, 11) else {}, bytes_sent=n) for n in range(13)]
    assert [u.bytes_sent for u in whole_rounds(cycles, 0, 7)] == [0, 1, 2, 3, 4, 5]
    assert [u.bytes_sent for u in whole_rounds(cycles, 4, 8)] == [6, 7, 8, 9, 10, 11]
    assert [u.bytes_sent for u in whole_rounds(cycles, 3, 1)] == [3], "no whole one is in there"


@pytest.mark.parametrize("calls", [PUT, {}], ids=["a base each time", "never a base"])
def test_who_has_no_rounds_is_taken_as_it_is(calls: dict[str, float]) -> None:
    cycles = [Usage(calls=calls, bytes_sent=n) for n in range(9)]
    assert [u.bytes_sent for u in whole_rounds(cycles, 2, 3)] == [2, 3, 4]


@pytest.mark.parametrize("post_bytes", PLAN.texts)
def test_a_text_has_exactly_so_many_bytes_and_no_two_are_alike(post_bytes: int) -> None:
    posts = [make_post(number, post_bytes) for number in (1, 2, 300)]
    assert [len(post.encode()) for post in posts] == [post_bytes] * 3
    assert len(set(posts)) == 3
    assert make_conversation(2, False, "x", post_bytes).post_bytes == post_bytes
