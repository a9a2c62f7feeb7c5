"""The table of what a person waits for once all is warm: its percentiles are those of the times."""

import pytest
from benchmarks.warm import pages


def test_half_take_p50_and_99_of_100_take_p99() -> None:
    times = [float(n) for n in range(101)]
    table = pages.table({pages.GET: times, pages.POST: times[::-1]}, 101, 20)
    for row in table.rows:
        assert row[1:] == pytest.approx((50, 99))
    assert "101 sessions" in table.notes
