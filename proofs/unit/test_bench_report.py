"""How `make bench` shows what it found."""

import pytest
from benchmarks.__main__ import contents
from benchmarks.report import Section, Table, markdown


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ((1_000, 0.5), "---:"),
        (("**8.66**", "12 (11–13)"), "---:"),
        (("none", 3), "---:"),
        (("yes", "no"), "---"),
        (("5", "fails: an item over 400 KB"), "---"),
    ],
)
def test_figures_stand_on_the_right_and_words_on_the_left(
    cells: tuple[object, ...], rule: str
) -> None:
    table = Table("A table", ("what", "how much"), tuple(("row", cell) for cell in cells))
    shown = markdown(Section("A section", "A text.", (table,)), "images").splitlines()
    assert f"|---|{rule}|" in shown


def test_the_contents_lead_to_each_section() -> None:
    shown = contents(["The agent's memory", "Scale on paper"])
    assert shown == "[The agent's memory](#the-agents-memory) ·\n[Scale on paper](#scale-on-paper)"
