"""DynamoDB's attribute values: what may be stored, in which form, how large it is, how it sorts.

Source: DynamoDB, "Constraints", "Item sizes and formats", "Comparison operators".
"""

from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any

from longrunning_testkit.pocket.errors import NotInPocketError, invalid

Attribute = dict[str, Any]
Item = dict[str, Attribute]

MAX_DEPTH = 32
_NUMBERS = Context(prec=38, traps=[Inexact, InvalidOperation])
_LARGEST, _SMALLEST = Decimal("9.9999999999999999999999999999999999999E125"), Decimal("1E-130")


def stored(item: Item) -> Item:
    """Returns an item as DynamoDB keeps it: a copy, its numbers in one form.

    Raises:
        AwsError: It cannot be stored.
    """
    return {name: _stored(value, 1) for name, value in item.items()}


def copied(item: Item) -> Item:
    """Returns a copy that shares nothing with the stored item."""
    return {name: _copied(value) for name, value in item.items()}


def size_of(item: Item) -> int:
    """Returns an item's size in bytes."""
    size = 0
    for name, value in item.items():
        size += len(name.encode()) + _size(value)
    return size


def number(attribute: Attribute) -> Decimal:
    """Returns the value of an attribute of type N."""
    return Decimal(attribute["N"])


def from_number(value: Decimal) -> Attribute:
    """Returns a number as DynamoDB writes it: no exponent, no zeros at the ends.

    Raises:
        AwsError: It has more than 38 digits, or is too large or too small.
    """
    try:
        exact = _NUMBERS.plus(value)
    except Inexact:
        raise invalid("Attempting to store more than 38 significant digits in a Number") from None
    except InvalidOperation:
        raise invalid("The parameter cannot be converted to a numeric value") from None
    if exact == 0:
        return {"N": "0"}
    if not exact.is_finite() or abs(exact) > _LARGEST or abs(exact) < _SMALLEST:
        raise invalid("Number overflow. Attempting to store a number beyond the supported range")
    return {"N": f"{_NUMBERS.normalize(exact):f}"}


def order_of(attribute: Attribute) -> Any:
    """Returns what a sort key sorts by: text by its UTF-8, a number by its value."""
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return value.encode()
        case "N":
            return Decimal(value)
        case "B":
            return bytes(value)
    raise NotInPocketError(f"the order of values of type {kind}")


def _stored(attribute: Attribute, depth: int) -> Attribute:
    if len(attribute) != 1:
        raise invalid("Supplied AttributeValue has more than one datatypes set, or none")
    if depth > MAX_DEPTH:
        raise invalid("Nesting Levels have exceeded supported limits")
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return {"S": _unicode(value)}
        case "N":
            return from_number(_decimal(value))
        case "B":
            return {"B": bytes(value)}
        case "BOOL":
            return {"BOOL": value}
        case "NULL" if value:
            return {"NULL": True}
        case "L":
            return {"L": [_stored(entry, depth + 1) for entry in value]}
        case "M":
            return {"M": {_unicode(name): _stored(v, depth + 1) for name, v in value.items()}}
    raise NotInPocketError(f"an attribute of type {kind}")


def _copied(attribute: Attribute) -> Attribute:
    if "L" in attribute:
        return {"L": [_copied(entry) for entry in attribute["L"]]}
    return {"M": copied(attribute["M"])} if "M" in attribute else attribute.copy()


def _size(attribute: Attribute) -> int:
    if "S" in attribute:  # Most are texts.
        return len(attribute["S"].encode())
    ((kind, value),) = attribute.items()
    match kind:
        case "B":
            return len(value)
        case "N":
            digits = value.lstrip("-").replace(".", "").strip("0")
            return (len(digits) + 1) // 2 + 1 + value.startswith("-")
        case "L":
            return 3 + sum(1 + _size(entry) for entry in value)
        case "M":
            return 3 + len(value) + size_of(value)
    return 1


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        raise invalid(f"A value provided cannot be converted into a number: {text}") from None


def _unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotInPocketError("half a surrogate pair, which no request carries") from None
    return text
