"""`benchmarks/bill.py`: its arithmetic, and that it counts what the code does."""

import re

import pytest
from benchmarks import bill
from benchmarks.report import Effort, markdown

import aws_template
from aws_template import ROOT

USE = bill.Use()


def lines(found: dict[str, float], start: str) -> float:
    (dollars,) = [dollars for name, dollars in found.items() if name.startswith(start)]
    return dollars


def test_what_waits_for_the_model_is_by_the_memory_of_the_template() -> None:
    gigabytes = aws_template.properties("AgentFunction")["MemorySize"] / 1024
    assert lines(bill.ours(USE), "Lambda, waiting") == pytest.approx(
        2 * 10 * gigabytes * 13.3334, rel=1e-6
    )


def test_the_other_lines_are_their_counts_at_list_price() -> None:
    found = bill.ours(USE)
    assert lines(found, "the e-mail") == pytest.approx(20.5)
    assert lines(found, "DynamoDB") == pytest.approx(9 * 0.625 + 2 * 0.125)
    assert lines(found, "SQS") == pytest.approx(3.2)
    assert lines(found, "HTTP API") == pytest.approx(2.0)


def test_an_idle_month_is_that_of_the_guide_for_operators() -> None:
    text = (ROOT / "docs/operate.md").read_text()
    stated = re.findall(r"^\| (.+?) \| (\d+\.\d\d) \|$", text, re.M)
    assert [(name, f"{dollars:.2f}") for name, dollars in bill.idle().items()] == [
        (name, dollars) for name, dollars in stated if name in bill.idle()
    ]
    assert sum(bill.idle().values()) == pytest.approx(2.47, abs=0.01)


def test_its_tables_are_markdown_with_a_row_for_each_line_and_each_choice() -> None:
    shown = markdown(bill.run(Effort(1)), "images")
    for name in (*bill.ours(USE), *bill.idle(), *(choice.name for choice in bill.CHOICES)):
        assert f"| {name} |" in shown
    assert shown.count("**together**") == 2


def test_who_waits_in_lambda_pays_for_that_as_we_do() -> None:
    found, month = bill.ours(USE), bill.idle()
    rows = {row[0]: row for row in bill._beside(found, month).rows}
    snapshots = rows["Strands snapshots in S3, and interrupts"]
    common = sum(d for name, d in found.items() if name.startswith(("Lambda", "the e-mail")))
    assert float(str(snapshots[2])) == pytest.approx(5.4 + common, rel=0.01)
