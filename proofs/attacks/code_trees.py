"""One piece of Python code in the place of another, whatever the indentation and the line breaks.

Two pieces are the same if their syntax trees are, so quotation marks, brackets and comments do
not count.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from textwrap import indent

from code_places import Definition, place_in

NEVER_EMPTY = ("body", "finalbody")

CLAUSES = (("try:\n    pass\n", "handlers", ""), ("match _:\n", "cases", "    "))
"""What a clause stands in, and how far to the right."""


@dataclass(frozen=True)
class Spot:
    """Where in a tree some nodes stand that follow one another."""

    node: ast.AST
    field: str
    start: int
    end: int

    def put(self, new: Sequence[ast.AST]) -> None:
        """Puts other nodes there; where nothing is left and something must be, `pass`."""
        value = getattr(self.node, self.field)
        if not isinstance(value, list):
            (only,) = new
            setattr(self.node, self.field, only)
            return
        value[self.start : self.end] = new
        if not value and self.field in NEVER_EMPTY:
            value.append(ast.Pass())


@dataclass(frozen=True)
class Replacement:
    """What stands in a place, and what stands there instead."""

    place: str
    """As `code_places.place_in` takes it."""
    old: str
    new: str

    def spots(self, source: str) -> list[Spot]:
        """Returns where the old piece stands in the place, in a module's source.

        In a class or a module that is what stands in no function and in no class of it.

        Raises:
            LookupError: There is no such place.
            SyntaxError: The old or the new piece is no piece of code, or they do not fit.
        """
        return self._spots_in(_tree(source))

    def applied(self, source: str) -> str:
        """Returns a module's source with the new piece for the old one, which is there once.

        Without comments, and laid out anew.
        """
        tree = ast.parse(source)
        (spot,) = self._spots_in(tree)
        _, new = _pieces(self.old, self.new)
        spot.put(new)
        return written(tree)

    def _spots_in(self, tree: ast.Module) -> list[Spot]:
        old, _ = _pieces(self.old, self.new)
        return list(_spots(place_in(tree, self.place), old))


def written(tree: ast.AST) -> str:
    """Returns the source of a tree, as a module with a replacement is written."""
    return ast.unparse(tree) + "\n"


@cache
def _tree(source: str) -> ast.Module:
    return ast.parse(source)


def _pieces(old: str, new: str) -> tuple[list[ast.AST], list[ast.AST]]:
    """Returns the nodes of two pieces, which are of one kind.

    Raises:
        SyntaxError: They are not, or one is no piece of code.
    """
    expressions = _expression(old), _expression(new)
    if None not in expressions:
        return [expressions[0]], [expressions[1]]
    for begin, field, margin in CLAUSES:
        try:
            return tuple(_clauses(begin, field, indent(piece, margin)) for piece in (old, new))
        except SyntaxError:
            continue
    return ast.parse(old).body, ast.parse(new).body


def _clauses(begin: str, field: str, source: str) -> list[ast.AST]:
    return getattr(ast.parse(begin + source).body[0], field) if source else []


def _expression(source: str) -> ast.AST | None:
    """Returns what is one expression, if need be in brackets; None if it is anything else."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return _in_brackets(source)
    return body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None


def _in_brackets(source: str) -> ast.AST | None:
    try:
        return ast.parse(f"(\n{source}\n)", mode="eval").body
    except SyntaxError:
        return None


def _spots(place: ast.AST, old: list[ast.AST]) -> Iterator[Spot]:
    wanted = [ast.dump(node) for node in old]
    for node in _within(place):
        for field, value in ast.iter_fields(node):
            items = value if isinstance(value, list) else [value]
            for start in range(len(items) - len(old) + 1):
                end = start + len(old)
                if _are(items[start:end], old, wanted) and not _is_part_of_text(node, field):
                    yield Spot(node, field, start, end)


def _are(items: list[ast.AST], old: list[ast.AST], wanted: list[str]) -> bool:
    if any(type(item) is not type(node) for item, node in zip(items, old, strict=True)):
        return False
    return [ast.dump(item) for item in items] == wanted


def _is_part_of_text(node: ast.AST, field: str) -> bool:
    """Whether what stands there is a part of an f-string, which is no expression of its own."""
    return isinstance(node, ast.JoinedStr) and field == "values"


def _within(place: ast.AST) -> Iterator[ast.AST]:
    """Yields the nodes of a place; in a class or a module, those outside its definitions."""
    yield place
    is_whole = isinstance(place, ast.FunctionDef | ast.AsyncFunctionDef)
    nodes = [place]
    while nodes:
        for child in ast.iter_child_nodes(nodes.pop()):
            if is_whole or not isinstance(child, Definition):
                yield child
                nodes.append(child)
