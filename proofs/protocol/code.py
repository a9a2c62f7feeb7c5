"""Finds functions in the source by name, without importing them."""

import ast
from pathlib import Path

from attacks.code_places import file_of, place_in

_ROOT = Path(__file__).parents[2]


def function_source(where: str) -> str:
    """Returns the source of `module:function` or `module:Class.method`, without white space.

    The module is named as mutants name it; `module:` is all of it.

    Raises:
        LookupError: There is no such function.
    """
    module, _, name = where.partition(":")
    text = file_of(_ROOT, module).read_text(encoding="utf-8")
    if not name:
        return squeezed(text)
    return squeezed(ast.get_source_segment(text, place_in(ast.parse(text), name)) or "")


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
