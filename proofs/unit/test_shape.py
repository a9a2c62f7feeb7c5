"""How long functions are: what CONTRIBUTING says is counted here."""

import ast
from functools import cache
from pathlib import Path

SRC = Path(__file__).parents[2] / "src"
MOST_LINES, USUAL_LINES, USUAL_SHARE = 60, 15, 0.9


@cache
def lengths() -> list[tuple[str, int]]:
    """Each function of src/, and how many lines it has without its docstring."""
    found = []
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) is not None else node.body
                lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
                found.append((f"{path.name}: {node.name}", lines))
    return found


def test_no_function_is_long() -> None:
    assert [name for name, lines in lengths() if lines > MOST_LINES] == []


def test_most_functions_are_short() -> None:
    found = [lines for _, lines in lengths()]
    assert len(found) > 500
    assert sum(lines <= USUAL_LINES for lines in found) / len(found) >= USUAL_SHARE
