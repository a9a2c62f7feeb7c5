"""Finds functions in the source by name, without importing them."""

import ast
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_FOLDERS = ("layer/python", "agent", "approval_api", "operator_api", "sweeper")


def function_source(where: str) -> str:
    """Returns the source of `module:function` or `module:Class.method`, without white space.

    Raises:
        LookupError: There is no such function.
    """
    module, _, path = where.partition(":")
    text = _file_of(module).read_text(encoding="utf-8")
    node: ast.AST = ast.parse(text)
    for name in path.split("."):
        node = _child(node, name, where)
    return squeezed(ast.get_source_segment(text, node) or "")


def squeezed(text: str) -> str:
    """Returns a text without white space."""
    return "".join(text.split())


def stands_in_order(text: str, source: str) -> bool:
    """Whether the parts of a text, ` … ` between them, stand in a source in this order."""
    place = 0
    for part in text.split("…"):
        place = source.find(squeezed(part), place)
        if place < 0:
            return False
        place += len(squeezed(part))
    return True


def _file_of(module: str) -> Path:
    path = module.replace(".", "/") + ".py"
    for folder in _FOLDERS:
        if (file := _ROOT / "src" / folder / path).exists():
            return file
    raise LookupError(f"no module {module}")


def _child(node: ast.AST, name: str, where: str) -> ast.AST:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef) and child.name == name:
            return child
    raise LookupError(f"no {name} in {where}")
