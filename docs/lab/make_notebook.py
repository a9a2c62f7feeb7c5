"""Makes the notebook of the lab from its page: `python docs/lab/make_notebook.py`.

`README.md` is the one source. Each of its Python blocks becomes a cell to run, and all that stands
between two of them a cell to read. What the page shows below a piece of code is folded there, for
it will stand below what the cell has printed. A test compares both files.
"""

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
PAGE, NOTEBOOK = FOLDER / "README.md", FOLDER / "lab_3_notebook.ipynb"

_CODE = re.compile(r"^```python\n(.*?)^```\n", re.MULTILINE | re.DOTALL)

_PRINTS = re.compile(r"\A```text\n.*?^```$", re.MULTILINE | re.DOTALL)
_FOLDED = "<details><summary>What it prints</summary>\n\n{}\n\n</details>"


def cells(page: str) -> list[tuple[str, str]]:
    """Returns the kind of each cell, `markdown` or `code`, and its text."""
    pieces = _CODE.split(page)  # Text and code by turns, beginning and ending with text.
    made = [(("markdown", "code")[n % 2], text.strip("\n")) for n, text in enumerate(pieces)]
    return [(kind, text) for kind, text in made if text]


def notebook(page: str) -> str:
    """Returns the notebook as its file holds it, without outputs."""
    made = [_cell(n, kind, text) for n, (kind, text) in enumerate(cells(page), 1)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    document = {
        "cells": made,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _cell(number: int, kind: str, text: str) -> dict[str, Any]:
    if kind == "markdown":
        text = _PRINTS.sub(lambda shown: _FOLDED.format(shown[0]), text)
    source = text.splitlines(keepends=True)
    cell = {"cell_type": kind, "id": f"cell-{number:02}", "metadata": {}, "source": source}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


if __name__ == "__main__":
    NOTEBOOK.write_text(notebook(PAGE.read_text()))
