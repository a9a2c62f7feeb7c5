"""`benchmarks/memory`: its arithmetic, its tables, and that the template's size is in them."""

import itertools
import re

import pytest
from benchmarks import bill, memory
from benchmarks.memory import Peak, sizes
from benchmarks.report import markdown

import aws_template

SMALL = Peak("a task", 80, start_seconds=2, message_seconds=0.2, warm_seconds=0.05)
LARGE = Peak("10 MB", 160, start_seconds=2, message_seconds=0.7, warm_seconds=None)


def test_the_template_s_size_and_timeout_are_those_of_the_table() -> None:
    function = aws_template.properties("AgentFunction")
    assert function["MemorySize"] in sizes.SIZES
    shown = markdown(memory.section([SMALL, LARGE]), "images")
    assert f"{function['MemorySize']:,}, the template's |" in shown
    assert f"within the function's {function['Timeout']} s" in shown


def test_a_size_holds_a_peak_that_leaves_30_percent_of_it_free() -> None:
    assert sizes.holds(128, 89.6)
    assert not sizes.holds(128, 89.7)
    assert [sizes.cheapest(peak) for peak in (80, 90, 180, 1_238, 1_239)] == [
        128, 256, 512, 1_769, None,
    ]  # fmt: skip


def test_half_a_processor_takes_twice_as_long() -> None:
    assert sizes.seconds(1.5, 1_769) == 1.5
    assert sizes.seconds(1, 512) == pytest.approx(3.455, abs=0.001)


def test_dollars_are_the_bill_s_where_a_message_takes_no_processor() -> None:
    gigabytes = aws_template.properties("AgentFunction")["MemorySize"] / 1024
    (waiting,) = (d for name, d in bill.ours(bill.Use()).items() if "waiting" in name)
    assert sizes.dollars(round(gigabytes * 1024), 0) == pytest.approx(waiting)
    assert sizes.dollars(512, 0) == pytest.approx(sizes.dollars(1_024, 0) / 2)
    of_the_processor = sizes.dollars(512, 1) - sizes.dollars(512, 0)
    assert of_the_processor == pytest.approx(sizes.dollars(1_024, 1) - sizes.dollars(1_024, 0))


def test_a_start_that_lambda_begins_anew_is_not_in_time() -> None:
    assert sizes.is_in_time(2, 0.7, 512, 120)
    assert not sizes.is_in_time(2, 0.7, 256, 120), "13.8 s to start"
    assert sizes.is_in_time(1, 0.7, 256, 120)
    assert not sizes.is_in_time(1, 15, 256, 120), "103 s for a message"


def test_tables_name_the_cheapest_size_and_how_many_each_holds() -> None:
    peaks, by_size = memory.section([SMALL, LARGE]).parts
    assert isinstance(peaks, memory.Table)
    assert [row[2] for row in peaks.rows] == ["**128**", "**256**"]
    assert isinstance(by_size, memory.Table)
    assert [row[2] for row in by_size.rows][:3] == ["1 of 2", "2 of 2", "2 of 2"]
    assert [row[5] for row in by_size.rows] == ["NO", "NO", "yes", "yes", "yes"]


def test_the_guide_for_operators_has_the_figures_of_the_last_run() -> None:
    peaks = _table("docs/benchmarks.md", "What a conversation takes")
    usual = max(float(row[-1] or 0) for row in peaks)
    run = _table("docs/benchmarks.md", "What a size gives")
    guide = _table("docs/operate.md", "Memory")
    for size, run_row, guide_row in zip(sizes.SIZES, run, guide, strict=True):
        is_ours = size == aws_template.properties("AgentFunction")["MemorySize"]
        named = f"{size}, the template's" if is_ours else f"{size}"
        assert run_row[0].replace(f"{size:,}", f"{size}") == guide_row[0] == named
        assert float(run_row[-1]) == pytest.approx(sizes.dollars(size, usual), rel=0.005)
        # The guide has whole dollars, the run three digits.
        assert int(guide_row[-1]) == pytest.approx(float(run_row[-1]), abs=0.51)


def _table(path: str, title: str) -> list[list[str]]:
    """Returns the cells of the first table under a title, without its head."""
    text = (aws_template.ROOT / path).read_text()
    lines = re.split(rf"^##+ {title}$", text, flags=re.M)[1].splitlines()
    table = itertools.takewhile(_is_row, itertools.dropwhile(lambda line: not _is_row(line), lines))
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table][2:]


def _is_row(line: str) -> bool:
    return line.startswith("|")
