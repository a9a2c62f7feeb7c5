"""Values to DynamoDB attributes and to JSON bytes, and back, exactly.

A conversation holds whatever a model and its tools exchange. boto3's own serializer refuses floats
and returns every number as `Decimal`, which Bedrock's serializer then refuses: so this module does
the conversion, readable in the DynamoDB console, and loses nothing:

    what                          in DynamoDB                      in JSON
    int up to 38 digits           N                                a number
    float, longer int             M {"$float": …}, {"$int": …}     a number
    bytes                         B                                {"$bytes": base64}
    anything nested over 24 deep  M {"$json": text}                as it is
    text with half a surrogate    M {"$json": text}                escaped
    an object with an odd key     M {"$json": text}                as it is
    an object's only key "$k"     "$$k"                            "$$k"

Source: DynamoDB, "Constraints": numbers of 38 digits, documents nested up to 32 levels.
"""

import base64
import json
from typing import Any

AttributeValue = dict[str, Any]

MAX_DEPTH = 24
"""Levels written natively; DynamoDB allows 32, and our own attributes stand around these."""

_MAX_DIGITS = 38
_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)
"""A value that contains itself ends as a `RecursionError`; looking for it would take a third of
the time."""

_TAG = '"$'
"""How every tag begins in JSON, and some texts."""


def to_attribute(value: Any, depth: int = 0) -> AttributeValue:
    """Converts a JSON-like value (bytes allowed) to a DynamoDB attribute value.

    Raises:
        TypeError: For anything else, such as a set or an object of a class.
    """
    match value:
        case str():
            return {"S": value} if is_unicode(value) else _tagged("$json", json.dumps(value))
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int():
            text = str(value)
            return {"N": text} if len(text.lstrip("-")) <= _MAX_DIGITS else _tagged("$int", text)
        case float():
            return _tagged("$float", repr(value))
        case bytes() | bytearray():
            return {"B": bytes(value)}
        case dict() | list() | tuple() if depth >= MAX_DEPTH:
            return _tagged("$json", json.dumps(_to_plain(value)))
        case list() | tuple():
            return {"L": [to_attribute(item, depth + 1) for item in value]}
        case dict():
            fields = _escaped(value)
            if not (all(fields) and is_unicode("".join(fields))):
                return _tagged("$json", json.dumps(_to_plain(value)))
            return {"M": {k: to_attribute(v, depth + 1) for k, v in fields.items()}}
    raise TypeError(f"cannot store a {type(value).__name__}")


def from_attribute(attribute: AttributeValue) -> Any:
    """Converts what `to_attribute` made back to the value it was made from."""
    ((kind, value),) = attribute.items()
    match kind:
        case "S" | "BOOL" | "B":
            return value
        case "M":
            return _from_map(value)
        case "L":
            return [from_attribute(item) for item in value]
        case "N":
            return int(value)
        case _:  # NULL
            return None


def to_item(fields: dict[str, Any]) -> dict[str, AttributeValue]:
    """Converts an item's fields; a field that is None is left out."""
    return {name: to_attribute(value) for name, value in fields.items() if value is not None}


def from_item(item: dict[str, AttributeValue]) -> dict[str, Any]:
    """Converts a whole item back to its fields."""
    return {name: from_attribute(value) for name, value in item.items()}


def to_json(value: Any) -> bytes:
    """Encodes a JSON-like value (bytes allowed) as JSON in UTF-8; equal values, equal bytes."""
    data = to_unchecked_json(value)
    try:
        if data and json.loads(data) == value:
            return data  # Nothing in it needs a tag: most values, and twice as fast.
    except (ValueError, RecursionError):
        pass
    return _ENCODER.encode(_to_plain(value)).encode()


def to_unchecked_json(value: Any) -> bytes:
    """Encodes as `to_json` does, in half the time, a value that needs no tag; checks no keys.

    Only for who knows by the bytes whether they are right. Empty for what it cannot encode:
    bytes, perhaps; `to_json` says if it is worse.
    """
    try:
        text = _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError):
        return b""
    return b"" if _TAG in text else text.encode()


def from_json(data: bytes) -> Any:
    """Decodes what `to_json` made."""
    return json.loads(data, object_hook=_from_plain if _TAG.encode() in data else None)


def _from_map(fields: dict[str, AttributeValue]) -> Any:
    if len(fields) == 1:
        ((name, attribute),) = fields.items()
        match name:
            case "$float":
                return float(attribute["S"])
            case "$int":
                return int(attribute["S"])
            case "$json":
                return json.loads(attribute["S"], object_hook=_from_plain)
    return _unescaped(from_item(fields))


def _to_plain(value: Any) -> Any:
    match value:
        case bytes() | bytearray():
            return {"$bytes": base64.b64encode(value).decode()}
        case list() | tuple():
            return [_to_plain(item) for item in value]
        case dict():
            return {k: _to_plain(v) for k, v in _escaped(value).items()}
        case None | str() | int() | float():
            return value
    raise TypeError(f"cannot store a {type(value).__name__}")


def _from_plain(fields: dict[str, Any]) -> Any:
    if len(fields) == 1 and "$bytes" in fields:
        return base64.b64decode(fields["$bytes"])
    return _unescaped(fields)


def _escaped(value: dict[str, Any]) -> dict[str, Any]:
    """An object whose only key starts with "$" could be taken for a tag: one "$" more."""
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"cannot store a key that is a {type(key).__name__}")
    if len(value) == 1 and (only := next(iter(value))).startswith("$"):
        return {f"${only}": value[only]}
    return value


def _unescaped(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) == 1 and (only := next(iter(value))).startswith("$$"):
        return {only[1:]: value[only]}
    return value


def base64url(data: bytes) -> str:
    """Returns bytes as text that a URL takes as it is, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Reads what `base64url` has given.

    Raises:
        ValueError: It is something else.
    """
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def is_unicode(text: str) -> bool:
    """Tells whether UTF-8 can carry a text: half a surrogate pair it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _tagged(tag: str, text: str) -> AttributeValue:
    return {"M": {tag: {"S": text}}}
