"""Where in the code something stands: a module, wherever its file is, and a definition in it."""

import ast
from functools import cache
from pathlib import Path

ROOTS = ("src", "local", "operate")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def file_of(root: Path, module: str) -> Path:
    """Returns the file of a module, which is named as `gate`, or as `agent.gate` if there are two.

    Raises:
        LookupError: There is no such module, or more than one.
    """
    parts = tuple(module.split("."))
    found = [path for path in _files(root) if _parts(path)[-len(parts) :] == parts]
    if len(found) == 1:
        return found[0]
    raise LookupError(f"{len(found)} modules called {module}, not one")


def is_same_module(one: str, other: str) -> bool:
    """Whether two names are of one module, of which each has more or less of the folders."""
    return f".{one}".endswith(f".{other}") or f".{other}".endswith(f".{one}")


def place_in(tree: ast.Module, name: str) -> ast.AST:
    """Returns `function`, `Class`, `Class.method` or, for no name, the module itself.

    Raises:
        LookupError: There is no such definition, or more than one.
    """
    place: ast.AST = tree
    for part in name.split(".") if name else ():
        found = [node for node in _own(place) if node.name == part]
        if len(found) != 1:
            raise LookupError(f"{len(found)} definitions called {part}, not one, in {name}")
        place = found[0]
    return place


@cache
def _files(root: Path) -> list[Path]:
    return sorted(path for folder in ROOTS for path in (root / folder).rglob("*.py"))


def _parts(path: Path) -> tuple[str, ...]:
    return path.with_suffix("").parts


def _own(place: ast.AST) -> list[Definition]:
    """Returns what is defined there, also below an `if` or a `try`, but in no other definition."""
    found: list[Definition] = []
    for node in ast.iter_child_nodes(place):
        found += [node] if isinstance(node, Definition) else _own(node)
    return found
