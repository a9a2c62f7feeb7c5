"""The input of a tool use, taken as models of all kinds mean it, and held to the tool's schema."""

import json
from collections.abc import Mapping
from typing import Any

import jsonschema


class InvalidCallError(ValueError):
    """The call does not fit the tool's input schema; the model reads why."""


def object_of(given: Any, where: str) -> dict[str, Any]:
    """Returns an object, also where its JSON text is given.

    Raises:
        InvalidCallError: It is neither; the text names `where`.
    """
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            pass
    if not isinstance(given, dict):
        raise InvalidCallError(f"{where}: expected an object")
    return given


def completed(properties: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Completes an input with the schema's defaults; in the order of the schema, as people read it.

    Models of the strict kind send null for what they leave out, and an object as its JSON text.
    """
    defaults = {name: p["default"] for name, p in properties.items() if "default" in p}
    meant = {name: _meant(properties.get(name, {}), value) for name, value in given.items()}
    found = defaults | {name: v for name, v in meant.items() if v is not None
                        or name not in defaults or _takes(properties[name], None)}  # fmt: skip
    return {name: found[name] for name in [*properties, *found] if name in found}


def check_schema(validator: jsonschema.Draft202012Validator, given: Mapping[str, Any]) -> None:
    """Holds an input to a schema.

    Raises:
        InvalidCallError: It does not fit; the text names the field.
    """
    if error := jsonschema.exceptions.best_match(validator.iter_errors(given)):
        raise InvalidCallError(f"{error.json_path}: {error.message:.300}")


def _meant(schema: Mapping[str, Any], value: Any) -> Any:
    if isinstance(value, str) and schema.get("type") != "string" and not _takes(schema, value):
        try:
            document = json.loads(value)
        except (ValueError, RecursionError):
            return value
        if isinstance(document, dict | list) and _takes(schema, document):
            return document
    return value


def _takes(schema: Mapping[str, Any], value: Any) -> bool:
    return jsonschema.Draft202012Validator(schema).is_valid(value)
