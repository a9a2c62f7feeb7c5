"""Whether a request fits its shape in botocore's model, told fast.

It says yes to nothing that botocore's validator would refuse. That one is ten times as slow: it is
asked only where this one does not say yes, and says what is wrong.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.utils import is_json_value_header

Fits = Callable[[Any], bool]

SCALARS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "boolean": (bool,),
    "blob": (bytes, bytearray, str),
}


def fits(value: Any, shape: Any) -> bool:
    """Whether a value fits a shape for sure."""
    return _check_of(shape)(value)


@cache
def _check_of(shape: Any) -> Fits:
    """Returns what checks the values of a shape; it knows the shapes within when it needs them."""
    if is_json_value_header(shape):
        return _never
    match shape.type_name:
        case "structure" if not shape.is_document_type:
            return _structure(shape)
        case "map":
            return _map(shape)
        case "list":
            least = shape.metadata.get("min", 0)
            return lambda value: (
                type(value) in (list, tuple)
                and len(value) >= least
                and all(map(_check_of(shape.member), value))
            )
        case str(name) if name in SCALARS:
            return _scalar(name, shape.metadata.get("min"))
    return _never


def _map(shape: Any) -> Fits:
    names = _check_of(shape.key)

    return lambda value: (
        type(value) is dict
        and all(map(names, value))
        and all(map(_check_of(shape.value), value.values()))
    )


def _structure(shape: Any) -> Fits:
    members, required = shape.members, shape.metadata.get("required", ())
    is_one_of = shape.is_tagged_union
    checks: dict[str, Fits] = {}

    def check(value: Any) -> bool:
        if type(value) is not dict or (is_one_of and len(value) != 1):
            return False
        for name in required:
            if name not in value:
                return False
        for name, inner in value.items():
            if name not in checks:
                checks[name] = _check_of(members[name]) if name in members else _never
            if not checks[name](inner):
                return False
        return True

    return check


def _scalar(name: str, least: int | None) -> Fits:
    kinds = SCALARS[name]
    if least is None or name in ("blob", "boolean"):
        return lambda value: isinstance(value, kinds)
    if name == "string":
        return lambda value: isinstance(value, str) and len(value) >= least
    return lambda value: isinstance(value, int) and value >= least


def _never(_: Any) -> bool:
    return False
