"""`python -m benchmarks [name ...]`: runs benchmarks, prints what they found, keeps it in docs/.

    python -m benchmarks                  all; docs/benchmarks.md and its charts are new
    python -m benchmarks cycle scale      some; the document stays as it is
    python -m benchmarks --smoke          the least of all, to see that they work

Only one run of all of them makes the document: figures of several days do not stand side by side.
"""

import argparse
import importlib
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.report import Chart, Effort, Picture, Section, draw, markdown

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs/benchmarks.md"
IMAGES = "images"
BEGIN, END = "<!-- begin: written by make bench -->\n", "<!-- end: written by make bench -->\n"

NAMES = (
    *("cycle", "waits", "bill", "cold_start", "warm", "memory", "throughput", "growth", "scale"),
)
"""Modules of this package, each with `run(effort) -> Section`."""

VERSIONS = (
    "strands-agents",
    "botocore",
    "strands-dynamodb-storage",
    "langgraph",
    "langgraph-checkpoint-aws",
    "aws-durable-execution-sdk-python",
    "awslambdaric",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmarks; returns the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *NAMES], metavar="name")
    parser.add_argument("--smoke", action="store_true", help="the least of everything")
    parser.add_argument("--runs", type=int, default=5, help="of each measurement (5)")
    options = parser.parse_args(arguments)
    effort = Effort(1 if options.smoke else options.runs, options.smoke)
    text, titles = "", list[str]()
    charts: list[Chart | Picture] = []
    for name in options.names or NAMES:
        started = time.monotonic()
        print(f"{name} ...", flush=True)
        section: Section = importlib.import_module(f"benchmarks.{name}").run(effort)
        shown = markdown(section, IMAGES)
        charts += [part for part in section.parts if isinstance(part, Chart | Picture)]
        print(f"\n{shown}\n{name}: {time.monotonic() - started:.0f} s", flush=True)
        text += f"\n{shown}"
        titles.append(section.title)
    text = f"{_facts()}\n\n{contents(titles)}\n{text}"
    if not options.names and not options.smoke:
        _keep(text, charts)
    return 0


def contents(titles: Sequence[str]) -> str:
    """Returns a link to each section, by the name that GitHub gives its heading."""
    names = (re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles)
    return " ·\n".join(f"[{title}](#{name})" for title, name in zip(titles, names, strict=True))


def _facts() -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - whichever git there is
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout.strip()
    versions = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    return (
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, commit {commit or 'unknown'}, `make bench`, "
        f"Python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores; "
        f"{versions}."
    )


def _keep(text: str, charts: Sequence[Chart | Picture]) -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    before, after = document.split(BEGIN)[0], document.split(END)[1]
    for chart in charts:
        draw(chart, DOCUMENT.parent / IMAGES)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    print(f"Written: {DOCUMENT.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
