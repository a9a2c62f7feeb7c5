"""An input that fits a tool's JSON schema, for a script that has never seen the tool.

The same schema and text always get the same input. Fixed values come first (`const`, `enum`,
`default`, `examples`), then the plainest that the schema takes; the text goes into the field that
is there for one. What is made is checked against the schema: an input that a tool would refuse is
never played.
"""

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema

from longrunning.agent.scripted.scalars import HINTS, fitted, last_word, make_number, make_text

MAX_DEPTH = 12
"""A schema that holds itself deeper than this has no value here."""

MAX_OPTIONAL_DEPTH = 3
"""Optional arguments are made up to here, or a schema that branches into itself has no end."""

TEXT_NAMES = (
    ("content", "text", "body", "message"),
    ("reply", "answer", "post", "draft", "comment", "note", "notes", "description", "reason"),
    ("summary", "query", "question", "prompt", "subject", "title", "task", "input", "html"),
)
"""Names of a field that holds a text, the likeliest first."""

KEY_NAMES = ("id", "ids", "key", "code", "ref", "reference", "number", "no", "sku", "token")
"""How the names of fields end that hold the key of something: no place for a text."""

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]


class NoValueError(ValueError):
    """No value is known that fits the schema; the message says where and why."""


@dataclass(frozen=True, order=True)
class _Slot:
    """A place for the text; the lowest is the best."""

    rank: tuple[int, ...]
    path: Path = field(compare=False)
    shortest: float = field(compare=False)
    longest: float = field(compare=False)


def make_input(schema: Schema, text: str = "", note: str = "") -> dict[str, Any]:
    """Returns an input that fits the schema of a tool.

    Optional arguments are left out, unless without them nothing fits.

    Args:
        schema: The JSON schema of the tool's input.
        text: Goes into the field that is there for a text, cut to what the field takes.
        note: Follows the text, and is cut only where the field has no room for the note alone.

    Raises:
        NoValueError: None is known.
    """
    try:
        return _Maker(schema, with_optional=False).make(text, note)
    except NoValueError:
        return _Maker(schema, with_optional=True).make(text, note)


class _Maker:
    """Makes one input, and notes on the way where the text can go."""

    def __init__(self, schema: Schema, *, with_optional: bool) -> None:
        kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
        self._root = schema
        self._validator: Any = kind(schema)
        self._with_optional = with_optional
        self._slots: list[_Slot] = []

    def make(self, text: str, note: str) -> dict[str, Any]:
        made: dict[str, Any] = self._value({"type": "object", **self._root}, ())
        for slot in sorted(self._slots) if text else ():
            placed = fitted(text, note, slot.shortest, slot.longest)
            with_text: dict[str, Any] = _with(made, slot.path, placed)
            if self._validator.is_valid(with_text):
                return with_text
        if error := jsonschema.exceptions.best_match(self._validator.iter_errors(made)):
            raise NoValueError(f"{error.json_path}: {error.message:.200}")
        return made

    def _value(self, schema: Any, path: Path) -> Any:
        schema = self._resolved(schema, path)
        if "const" in schema:
            return schema["const"]
        if options := schema.get("enum") or schema.get("examples"):
            known = [option for option in options if option is not None] or options
            return known[_index(path) % len(known)]
        if "default" in schema:
            self._note_slot(schema, path, is_needed=False)
            return schema["default"]
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._variant(schema, key, path)
        value = self._typed(schema, path)
        if value is None and _type_of(schema) != "null":
            raise NoValueError(f"{_shown(path)}: no value is known that fits")
        return value

    def _typed(self, schema: Schema, path: Path) -> Any:
        """Returns a value of the schema's type; None where none is known."""
        match _type_of(schema):
            case "object":
                return self._object(schema, path)
            case "array":
                return self._array(schema, path)
            case "integer" | "number" as kind:
                return make_number(schema, _index(path), is_integer=kind == "integer")
            case "boolean":
                return False
            case "string":
                self._note_slot(schema, path, is_needed=True)
                return make_text(schema, _name(path), _index(path))
        return None

    def _variant(self, schema: Schema, key: str, path: Path) -> Any:
        """Returns a value of the first variant that has one; null comes last."""
        common = {name: value for name, value in schema.items() if name != key}
        variants = [self._resolved(variant, path) for variant in schema[key]]
        noted = list(self._slots)
        for variant in sorted(variants, key=lambda v: _type_of(v) == "null"):
            try:
                value = self._value(_merged(variant, common), path)
                if self._validator.evolve(schema=schema).is_valid(value):
                    return value
            except NoValueError:
                pass
            self._slots[:] = noted
        raise NoValueError(f"{_shown(path)}: no variant is known that fits")

    def _object(self, schema: Schema, path: Path) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), schema.get("required", ())
        made = {name: self._value(properties.get(name, {}), (*path, name)) for name in required}
        for name in [name for name in properties if name not in required]:
            inner = (*path, name)
            if self._with_optional and len(path) < MAX_OPTIONAL_DEPTH:
                with contextlib.suppress(NoValueError):
                    made[name] = self._value(properties[name], inner)
            elif last_word(name) in sum(TEXT_NAMES, ()):
                self._note_slot(self._resolved(properties[name], inner), inner, is_needed=False)
        return made

    def _array(self, schema: Schema, path: Path) -> list[Any]:
        first, fewest = schema.get("prefixItems", []), schema.get("minItems", 0)
        count = min(max(fewest, len(first), 1), schema.get("maxItems", math.inf))
        schemas = [*first, *[schema.get("items", {})] * count][: int(count)]
        try:
            return [self._value(inner, (*path, n)) for n, inner in enumerate(schemas)]
        except NoValueError:
            if fewest:
                raise
            return []

    def _resolved(self, schema: Any, path: Path) -> Schema:
        """Follows `$ref`, and puts the parts of `allOf` together."""
        if schema is False or len(path) > MAX_DEPTH:
            raise NoValueError(f"{_shown(path)}: no value is allowed, or none so deep")
        found: dict[str, Any] = {} if schema is True else dict(schema)
        for _ in range(MAX_DEPTH):
            if "$ref" in found:
                found = {**self._referred(found.pop("$ref")), **found}
            elif "allOf" in found:
                for part in found.pop("allOf"):
                    found = _merged(found, self._resolved(part, path))
            else:
                return found
        raise NoValueError(f"{_shown(path)}: it refers to itself")

    def _referred(self, reference: str) -> Schema:
        found: Any = self._root
        for part in reference.removeprefix("#").strip("/").split("/"):
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if part else found
            if not isinstance(found, dict):
                raise NoValueError(f"{reference}: nothing is there")
        return dict(found)

    def _note_slot(self, schema: Schema, path: Path, *, is_needed: bool) -> None:
        """Notes a place for the text: a text of any kind, no key and no address."""
        name = last_word(_name(path))
        is_free = _type_of(schema) == "string" and not schema.keys() & {"pattern", "format"}
        if not is_free or name in KEY_NAMES or name in HINTS:
            return
        longest = schema.get("maxLength", math.inf)
        likely = next((n for n, names in enumerate(TEXT_NAMES) if name in names), len(TEXT_NAMES))
        is_long = -int(min(longest, 2**31))
        rank = (not is_needed, likely, len(path), is_long, len(self._slots))
        self._slots.append(_Slot(rank, path, schema.get("minLength", 0), longest))


def _type_of(schema: Schema) -> str:
    """Returns the type of a schema's values, the one that is not null first."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "null")
    shapes = {"properties": "object", "required": "object", "items": "array"}
    shapes |= {"prefixItems": "array", "minimum": "number", "maximum": "number"}
    return str(kind or next((shape for key, shape in shapes.items() if key in schema), "string"))


def _merged(one: Schema, other: Schema) -> dict[str, Any]:
    """Returns both schemas as one; where they differ, the first one holds."""
    merged = {**other, **one}
    if one.keys() | other.keys() >= {"properties"}:
        merged["properties"] = {**other.get("properties", {}), **one.get("properties", {})}
    if one.keys() | other.keys() >= {"required"}:
        names = [*other.get("required", []), *one.get("required", [])]
        merged["required"] = list(dict.fromkeys(names))
    return merged


def _with(value: Any, path: Path, text: str) -> Any:
    """Returns a copy of a value with a text at a path."""
    if not path:
        return text
    head, *rest = path
    copy: Any = list(value) if isinstance(value, list) else dict(value)
    inner = copy[head] if head in copy or isinstance(head, int) else {}
    copy[head] = _with(inner, tuple(rest), text)
    return copy


def _name(path: Path) -> str:
    return next((str(part) for part in reversed(path) if isinstance(part, str)), "text")


def _index(path: Path) -> int:
    """Returns the place in the innermost list: its items differ."""
    return next((part for part in reversed(path) if isinstance(part, int)), 0)


def _shown(path: Path) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
