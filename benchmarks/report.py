"""What a benchmark returns, and how it is shown: tables as Markdown, charts as SVG."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_FIGURE_CHARS = 24
"""A cell with more is text, and its column is not aligned as figures are."""


@dataclass(frozen=True)
class Spread:
    """Several runs of one measurement."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        """Returns the median with the least and the most: `5.1 (4.8–6.0)`."""
        least, most = min(self.values), max(self.values)
        return f"{number(self.median)} ({number(least)}–{number(most)})"


@dataclass(frozen=True)
class Table:
    """A table; the first column names the row, cells are shown as they are."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    notes: str = ""


@dataclass(frozen=True)
class Chart:
    """Lines over a common x axis."""

    name: str
    """Of the file, without its ending."""
    title: str
    x_label: str
    y_label: str
    lines: dict[str, list[tuple[float, float]]]
    """By its label, the points of each line."""
    is_logarithmic: bool = False


@dataclass(frozen=True)
class Picture:
    """An SVG that is drawn already."""

    name: str
    """Of the file, without its ending."""
    title: str
    svg: str


@dataclass(frozen=True)
class Section:
    """All that one benchmark has to say."""

    title: str
    text: str
    """What was done, and how to read it: Markdown."""
    parts: tuple[Table | Chart | Picture, ...]


@dataclass(frozen=True)
class Effort:
    """How much a benchmark does."""

    runs: int = 5
    """Of each measurement, after one that does not count."""
    is_smoke: bool = False
    """Only whether it works: the least of everything, no number of it is worth a look."""

    def repeat(self, what: str, measure: Callable[[], float]) -> Spread:
        """Measures so many times as there are runs, after once in vain, and says how far it is."""
        values = []
        for run in range(self.runs + (not self.is_smoke)):
            print(f"  {what}: run {run} of {self.runs}", flush=True)
            values.append(measure())
        return Spread(tuple(values[-self.runs :]))


FIRST_STYLE: dict[str, Any] = {"color": "black", "linewidth": 2.5}
"""Of this project's line; every other one has its own of these, ten colours twice."""
OTHER_STYLES: tuple[dict[str, Any], ...] = tuple(
    {"color": f"C{color}", "linestyle": line} for line in ("-", "--") for color in range(10)
)


def number(value: object) -> str:
    """Shows a number with three digits that count; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if value == 0 or abs(value) >= 100 or isinstance(value, int):
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def markdown(section: Section, images: str) -> str:
    """Returns a section as Markdown.

    Args:
        section: The section.
        images: The folder of the charts, as seen from the document.
    """
    parts = [f"## {section.title}", section.text.strip()]
    for part in section.parts:
        if isinstance(part, Table):
            parts += [f"### {part.title}", "\n".join(_rows(part)), part.notes.strip()]
        else:
            parts.append(f"![{part.title}]({images}/{part.name}.svg)")
    return "\n\n".join(part for part in parts if part) + "\n"


def draw(chart: Chart | Picture, folder: Path) -> None:
    """Writes a chart as SVG; the same figures make the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(chart, Picture):
        (folder / f"{chart.name}.svg").write_text(chart.svg, encoding="utf-8")
        return
    import matplotlib  # Only here: a table needs none.

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = chart.name
    from matplotlib import pyplot, ticker

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    for place, (label, points) in enumerate(chart.lines.items()):
        style = OTHER_STYLES[place - 1] if place else FIRST_STYLE
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=label, **style)
    axes.set(title=chart.title, xlabel=chart.x_label, ylabel=chart.y_label)
    if chart.is_logarithmic:
        axes.set(xscale="log", yscale="log")
        axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.minorticks_off()
        axes.set_xticks(sorted({x for points in chart.lines.values() for x, _ in points}))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.set_major_formatter("{x:,g}")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(folder / f"{chart.name}.svg", metadata={"Date": None}, bbox_inches="tight")
    pyplot.close(figure)


def _rows(table: Table) -> Iterator[str]:
    yield "| " + " | ".join(table.columns) + " |"
    shown = [[number(cell) for cell in _checked(row, table)] for row in table.rows]
    columns = list(zip(*shown, strict=True))[1:]
    yield "|---|" + "".join("---:|" if _are_figures(column) else "---|" for column in columns)
    for cells in shown:
        yield "| " + " | ".join(cells) + " |"


def _are_figures(cells: Sequence[str]) -> bool:
    is_short = all(len(cell) <= MOST_FIGURE_CHARS for cell in cells)
    return is_short and any(cell.lstrip("*$")[:1].isdigit() for cell in cells)


def _checked(row: Sequence[object], table: Table) -> Sequence[object]:
    if len(row) != len(table.columns):
        raise ValueError(f"{table.title}: expected {len(table.columns)} cells, got {len(row)}")
    return row
