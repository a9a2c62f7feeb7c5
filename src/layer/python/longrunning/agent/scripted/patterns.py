"""A text that a regular expression matches: the shortest that is easily found.

It reads the parsed expression, as `re` itself does, and takes of each part the likeliest character
and the fewest repeats. What it finds is matched against the pattern before it is used.
"""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

MAX_REPEATS = 64
"""A pattern's repeats are lengthened so far, to reach a shortest length."""

LIKELY = "1aA-_.:/+ @#2b"
"""Characters, the likeliest first."""

_regex = import_module("re._parser")
_CATEGORIES = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}


def matching(pattern: str, shortest: float, longest: float, index: int = 0) -> str | None:
    """Returns a text that a pattern matches and that is neither too short nor too long, or None.

    Args:
        pattern: A regular expression of Python, searched for as JSON Schema does.
        shortest: Characters.
        longest: Characters.
        index: Another number gives another text, where the pattern repeats something.
    """
    for extra in range(index, MAX_REPEATS + index):
        try:
            found = "".join(_pieces(_regex.parse(pattern), extra, {}))
        except (re.error, LookupError, RecursionError, OverflowError, StopIteration):
            return None
        if shortest <= len(found) <= longest and re.search(pattern, found):
            return found
    return None


def _pieces(parsed: Any, extra: int, groups: dict[int, str]) -> Iterator[str]:
    """Yields a text for each part of a parsed pattern."""
    for operation, argument in parsed:
        match str(operation):
            case "LITERAL":
                yield chr(argument)
            case "NOT_LITERAL":
                yield LIKELY[1] if argument != ord(LIKELY[1]) else LIKELY[0]
            case "ANY":
                yield LIKELY[1]
            case "IN":
                yield _one_of(argument)
            case "BRANCH":
                yield from _pieces(argument[1][0], extra, groups)
            case "SUBPATTERN":
                groups[argument[0]] = "".join(_pieces(argument[3], extra, groups))
                yield groups[argument[0]]
            case "ATOMIC_GROUP":
                yield from _pieces(argument, extra, groups)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                fewest, most, inner = argument
                for _ in range(min(fewest + extra, int(most))):
                    yield from _pieces(inner, extra, groups)
            case "GROUPREF":
                yield groups[argument]
            case "AT" | "ASSERT" | "ASSERT_NOT":
                pass  # Takes no character; whether it holds is seen at the end.
            case unknown:
                raise LookupError(unknown)


def _one_of(choices: list[tuple[Any, Any]]) -> str:
    """Returns a character of a set such as `[A-Z_]` or `[^/]`."""
    is_negated = str(choices[0][0]) == "NEGATE"
    named = [value for operation, value in choices if str(operation) in ("LITERAL", "RANGE")]
    known: list[str] = [*LIKELY, *map(chr, range(33, 127))]
    known += [chr(value if isinstance(value, int) else value[0]) for value in named]
    for character in known:
        if any(_has(choice, character) for choice in choices) != is_negated:
            return character
    raise LookupError("no character that is known")


def _has(choice: tuple[Any, Any], character: str) -> bool:
    match str(choice[0]), choice[1]:
        case "LITERAL", code:
            return ord(character) == int(code)
        case "RANGE", (low, high):
            return bool(low <= ord(character) <= high)
        case "CATEGORY", category:
            name = str(category).removeprefix("CATEGORY_")
            is_in = re.match(_CATEGORIES[name.removeprefix("NOT_")], character) is not None
            return is_in != name.startswith("NOT_")
    return False
