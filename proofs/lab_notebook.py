"""The lab's notebook, as tests play it: cell by cell in one namespace, without Jupyter."""

import io
import linecache
import re
import sys
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "lab"
if str(FOLDER) not in sys.path:
    sys.path.append(str(FOLDER))  # As for a notebook: its own folder is where Python starts.

import checks  # noqa: E402
import lab  # noqa: E402
import make_notebook  # noqa: E402
import showing  # noqa: E402

__all__ = ["checks", "lab", "make_notebook", "showing"]

EXERCISE = re.compile(r"^# Exercise (\d+)\n", re.MULTILINE)
_EXPECTED = re.compile(r"\A```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def solutions() -> dict[str, str]:
    """What goes into the cell of each exercise, by its number."""
    _, *pieces = EXERCISE.split((FOLDER / "solutions.py").read_text())
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


def code_cells() -> list[tuple[str, str | None]]:
    """Each piece of code of the page, and what the page says that it prints."""
    cells = make_notebook.cells(make_notebook.PAGE.read_text())
    found = []
    for (kind, text), (_, after) in pairwise([*cells, ("markdown", "")]):
        shown = _EXPECTED.match(after)
        if kind == "code":
            found.append((text, shown[1] if shown else None))
    return found


def exercises() -> dict[str, str]:
    """The cell of each exercise as the page has it, by its number."""
    found = ((EXERCISE.match(code), code) for code, _ in code_cells())
    return {match[1]: code for match, code in found if match}


def solved(code: str) -> str:
    """A cell, with the solution in the place of the exercise where it is one."""
    match = EXERCISE.match(code)
    return solutions()[match[1]] if match else code


def play(code: str, names: dict[str, Any]) -> str:
    """Runs a cell; returns what it prints."""
    file = f"<cell {len(linecache.cache)}>"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(code, file, "exec", dont_inherit=True), names)  # noqa: S102 - our own page
    return printed.getvalue()


def fits(printed: str, expected: str) -> bool:
    """Whether a text is as a page shows it, where each `…` stands for any text."""
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None
