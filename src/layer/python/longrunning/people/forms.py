"""One value in a form: its schema, how it is shown, how it is read, and what is wrong with it.

A small part of JSON Schema, held without a schema library, which the page would have to load:

    type         string, integer, number, boolean, or array; with "null": it may be left empty
    of a text    enum, minLength, maxLength, pattern, format: date or email
    of a number  enum, minimum, maximum, exclusiveMinimum, exclusiveMaximum
    of a list    items (texts or numbers, as above), minItems, maxItems, uniqueItems

A form sends texts only: a list is one value a line, a boolean `true` or `false`.
"""

import json
import re
from collections.abc import Mapping
from itertools import combinations
from typing import Any

Schema = Mapping[str, Any]

NOTES = frozenset({
    "title", "description", "default", "examples", "$comment",
    "deprecated", "readOnly", "writeOnly",
})  # fmt: skip
"""Keywords that a value is not held to."""

_NUMBER = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum")
HELD: Mapping[str, tuple[str, ...]] = {
    "string": ("minLength", "maxLength", "pattern", "enum", "format"),
    "integer": _NUMBER,
    "number": _NUMBER,
    "boolean": (),
    "array": ("items", "minItems", "maxItems", "uniqueItems"),
}
"""Keywords that a value is held to, by its type."""

FORMATS = {
    "date": (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), "a date, such as 2026-03-14"),
    "email": (re.compile(r"[^@\s]+@[^@\s]+"), "an e-mail address"),
}
MAX_NUMBER_CHARS = 40
_INTEGER = re.compile(r"-?[0-9]+")
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_EXACT = 2**53
"""Below it, each whole float is one whole number. A larger one stays a float."""


class NotReadError(ValueError):
    """What was typed is no value of this kind; the text says what was expected."""


def obstacle_of(schema: Any) -> str | None:
    """Returns why a person cannot be asked for such a value; None if they can.

    Args:
        schema: The JSON schema of the value.
    """
    kind = kind_of(schema)
    if kind is None:
        kinds = ", ".join(f'"{name}"' for name in HELD)
        return f'must have one "type", of {kinds}'
    allowed = {"type", *HELD[kind], *NOTES}
    if unheld := sorted(schema.keys() - allowed):
        return f"has {', '.join(unheld)}, which nothing typed is held to"
    if schema.get("format", "date") not in FORMATS:
        return f"has a format that is none of {', '.join(FORMATS)}"
    try:
        re.compile(schema.get("pattern", ""))
    except re.error as error:
        return f"has a pattern that is none: {error}"
    if kind == "array":
        items = schema.get("items")
        if kind_of(items) not in ("string", "integer", "number") or may_be_empty(items):
            return 'must have "items" that are texts or numbers'
        if why := obstacle_of(items):
            return f"has items, each of which {why}"
    return None


def held(schema: Schema) -> dict[str, Any]:
    """Returns what a value is held to, and its title: what a page has to know."""
    kind = kind_of(schema) or "string"
    kept = {k: v for k, v in schema.items() if k in ("type", "title", *HELD[kind])}
    if kind == "array":
        kept["items"] = held(schema["items"])
    return kept


def kind_of(schema: Any) -> str | None:
    """Returns the type of a value, null apart; None if it has none, or several."""
    named = schema.get("type") if isinstance(schema, Mapping) else None
    kinds = [named] if isinstance(named, str) else named
    left = [kind for kind in kinds if kind != "null"] if isinstance(kinds, list) else []
    return left[0] if len(left) == 1 and left[0] in HELD else None


def may_be_empty(schema: Schema) -> bool:
    """Tells whether a value may be null, which is an empty field."""
    return "null" in schema.get("type", ()) and None in schema.get("enum", (None,))


def is_number(text: str) -> bool:
    """Tells whether a number's field of a browser holds such a text, or is empty."""
    return not text or (len(text) <= MAX_NUMBER_CHARS and bool(_DECIMAL.fullmatch(text)))


def is_date(text: str) -> bool:
    """Tells whether a date's field of a browser holds such a text, or is empty."""
    return not text or (bool(FORMATS["date"][0].fullmatch(text)) and _is_day(text))


def written(value: Any) -> str:
    """Returns a value as the text that stands in its field."""
    match value:
        case None:
            return ""
        case str():
            return value
        case list():
            return "\n".join(written(item) for item in value)
    return json.dumps(value, ensure_ascii=False)


def read(text: str, schema: Schema) -> Any:
    """Reads what was typed. Whether it satisfies the schema is another question: `problem_of`.

    Args:
        text: As a form sends it, with plain newlines.
        schema: The JSON schema of the value.

    Raises:
        NotReadError: It is no value of this kind.
    """
    kind = kind_of(schema)
    # Spaces are a text as any other: what nobody has touched must be read as what it was.
    if may_be_empty(schema) and not (text if kind == "string" else text.strip()):
        return None
    if kind == "string":
        return text
    if kind == "array":
        lines = (line.strip() for line in text.split("\n"))
        return [read(line, schema["items"]) for line in lines if line]
    typed = text.strip()
    if kind == "boolean":
        if typed not in ("true", "false"):
            raise NotReadError("expected true or false")
        return typed == "true"
    return _number(typed, kind == "integer")


def problem_of(value: Any, schema: Schema) -> str | None:
    """Returns what is wrong with a value, or None."""
    kind = kind_of(schema) or "string"
    if value is None and may_be_empty(schema):
        return None
    if not _is_a(value, kind):
        return f"expected {_WORDS[kind]}"
    if "enum" in schema and not any(_is_same(value, one) for one in schema["enum"]):
        return f"expected one of {', '.join(written(one) for one in schema['enum'])}"
    match kind:
        case "string":
            return _problem_of_text(value, schema)
        case "integer" | "number":
            return _problem_of_number(value, schema)
        case "array":
            return _problem_of_list(value, schema)
    return None


def _number(text: str, is_whole: bool) -> int | float:
    if len(text) <= MAX_NUMBER_CHARS and _DECIMAL.fullmatch(text):
        if _INTEGER.fullmatch(text):
            return int(text)
        value = float(text)
        if is_whole and value.is_integer():
            # JSON counts 5.0 as a whole number, so one may stand in the field.
            return int(value) if abs(value) < _EXACT else value
        if not is_whole and abs(value) < float("inf"):
            return value
    raise NotReadError(f"expected {_WORDS['integer' if is_whole else 'number']}")


def _is_a(value: Any, kind: str) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "array":
            return isinstance(value, list)
    if isinstance(value, int):
        return not isinstance(value, bool)
    is_finite = isinstance(value, float) and abs(value) < float("inf")  # Which NaN is not, either.
    return is_finite and (kind == "number" or value.is_integer())


def _is_same(value: Any, other: Any) -> bool:
    """As JSON compares them: `true` is not 1."""
    return isinstance(value, bool) == isinstance(other, bool) and bool(value == other)


def _problem_of_text(text: str, schema: Schema) -> str | None:
    length = len(text)
    at_least, at_most = schema.get("minLength", 0), schema.get("maxLength", length)
    if length < at_least:
        return f"expected at least {_characters(at_least)}, got {length}"
    if length > at_most:
        return f"expected at most {_characters(at_most)}, got {length}"
    if "pattern" in schema and not re.search(schema["pattern"], text):
        return f"expected a text that matches {schema['pattern']}"
    if "format" in schema:
        pattern, expected = FORMATS[schema["format"]]
        if not pattern.fullmatch(text) or (schema["format"] == "date" and not _is_day(text)):
            return f"expected {expected}"
    return None


def _is_day(text: str) -> bool:
    """Tells whether a date is in the calendar; `datetime` is loaded where there is one only."""
    from datetime import date

    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _problem_of_number(value: float, schema: Schema) -> str | None:
    if "minimum" in schema and value < schema["minimum"]:
        return f"expected {schema['minimum']} or more"
    if "maximum" in schema and value > schema["maximum"]:
        return f"expected {schema['maximum']} or less"
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        return f"expected more than {schema['exclusiveMinimum']}"
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        return f"expected less than {schema['exclusiveMaximum']}"
    return None


def _problem_of_list(values: list[Any], schema: Schema) -> str | None:
    if len(values) < schema.get("minItems", 0):
        return f"expected {schema['minItems']} or more, got {len(values)}"
    if len(values) > schema.get("maxItems", len(values)):
        return f"expected {schema['maxItems']} or less, got {len(values)}"
    if schema.get("uniqueItems") and any(_is_same(a, b) for a, b in combinations(values, 2)):
        return "expected each value once"
    for number, value in enumerate(values, 1):
        if problem := problem_of(value, schema["items"]):
            return f"line {number}: {problem}"
    return None


def _characters(count: int) -> str:
    return "1 character" if count == 1 else f"{count} characters"


_WORDS = {
    "string": "a text",
    "integer": "a whole number, such as 40",
    "number": "a number, such as 40.5",
    "boolean": "true or false",
    "array": "a list",
}
