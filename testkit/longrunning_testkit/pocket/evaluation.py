"""What a parsed expression comes to on an item, with its placeholders filled in."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from longrunning_testkit.pocket import expressions
from longrunning_testkit.pocket.attributes import (
    Attribute,
    Item,
    copied,
    from_number,
    number,
    order_of,
    stored,
)
from longrunning_testkit.pocket.errors import NotInPocketError, invalid
from longrunning_testkit.pocket.expressions import Node

_NO_ATTRIBUTE = "The provided expression refers to an attribute that does not exist in the item"
_NO_NUMBER = "An operand in the update expression has an incorrect data type"


@dataclass(frozen=True)
class Bound:
    """The names and values behind the placeholders of a request."""

    names: dict[str, str]
    values: Item

    def name(self, node: Node) -> str:
        """Returns an attribute's name."""
        text: str = node[1]
        return self.names[text] if text.startswith("#") else text

    def names_in(self, node: Any) -> set[str]:
        """Returns the names of all attributes in what was parsed."""
        if not isinstance(node, tuple):
            return set()
        if node[:1] == ("name",):
            return {self.name(node)}
        return set().union(*map(self.names_in, node))

    def value(self, node: Node, item: Item) -> Attribute | None:
        """Returns what an operand stands for; None if the item has no such attribute."""
        return self.values[node[1]] if node[0] == "value" else item.get(self.name(node))

    def holds(self, node: Node, item: Item) -> bool:
        """Whether a condition is true of an item; an item that is not there is an empty one."""
        match node[0]:
            case "AND":
                return self.holds(node[1], item) and self.holds(node[2], item)
            case "OR":
                return self.holds(node[1], item) or self.holds(node[2], item)
            case "NOT":
                return not self.holds(node[1], item)
        return _holds(node[0], *(self.value(operand, item) for operand in node[1:]))

    def changed(self, actions: Iterable[Node], item: Item) -> Item:
        """Returns an item after an update; every operand is read from the item as it was."""
        new = copied(item)
        for kind, node, *operand in actions:
            name = self.name(node)
            if kind == "REMOVE":
                new.pop(name, None)
            elif kind == "SET":
                new[name] = self._term(operand[0], item)
            else:
                added = number_of(self.value(operand[0], item))
                new[name] = from_number(number_of(item.get(name, {"N": "0"})) + added)
        return new

    def projected(self, paths: Iterable[Node], item: Item) -> Item:
        """Returns the part of an item that a projection names."""
        found: Item = {}
        for path in paths:
            *parents, last = [self.name(node) for node in path]
            source, target = item, found
            for name in parents:
                source = source.get(name, {}).get("M", {})
                target = target.setdefault(name, {"M": {}})["M"] if source else target
            if last in source:
                target[last] = source[last]
        return found

    def _term(self, node: Node, item: Item) -> Attribute:
        match node:
            case ("+" | "-" as sign, left, right):
                added = number_of(self._term(right, item))
                total = number_of(self._term(left, item)) + (added if sign == "+" else -added)
                return from_number(total)
            case ("if_not_exists", name, default):
                found = self.value(name, item) or self.value(default, item)
            case _:
                found = self.value(node, item)
        if found is None:
            raise invalid(_NO_ATTRIBUTE)
        return found


def number_of(attribute: Attribute | None) -> Decimal:
    """Returns an operand of an addition."""
    if attribute is None or "N" not in attribute:
        raise invalid(_NO_NUMBER)
    return number(attribute)


def bind(parsed: dict[str, Any], names: dict[str, str] | None, values: Item | None) -> Bound:
    """Fills placeholders in, or says which of them is missing or left over.

    Args:
        parsed: The request's parsed expressions by parameter name.
        names: `ExpressionAttributeNames`.
        values: `ExpressionAttributeValues`.
    """
    for parameter, given in {"Names": names, "Values": values}.items():
        if given is not None and not given:
            raise invalid(f"ExpressionAttribute{parameter} must not be empty")
    given_names, given_values = names or {}, values or {}
    if (given_names or given_values) and not parsed:
        raise invalid("ExpressionAttributeNames can only be specified when using expressions")
    used: set[str] = set()
    for parameter, node in parsed.items():
        used |= (here := expressions.placeholders(node))
        for missing in sorted(here - given_names.keys() - given_values.keys()):
            what = "name" if missing.startswith("#") else "value"
            kind = f"Invalid {parameter}: An expression attribute {what} is not defined"
            raise invalid(f"{kind}; attribute {what}: {missing}")
    for parameter, left in (
        ("ExpressionAttributeNames", given_names.keys() - used),
        ("ExpressionAttributeValues", given_values.keys() - used),
    ):
        if left:
            keys = ", ".join(sorted(left))
            raise invalid(f"Value provided in {parameter} unused in expressions: keys: {{{keys}}}")
    return Bound(given_names, stored(given_values))


def _holds(kind: str, first: Attribute | None, *others: Attribute | None) -> bool:
    match kind:
        case "attribute_exists":
            return first is not None
        case "attribute_not_exists":
            return first is None
        case "=":
            return first is not None and first == others[0]
        case "<>":  # True of an attribute that is not there.
            return first != others[0]
        case "IN":
            return first is not None and first in others
        case "BETWEEN":
            return _in_order(others[0], first) and _in_order(first, others[1])
        case "<=":
            return _in_order(first, others[0])
        case ">=":
            return _in_order(others[0], first)
        case "<":
            return _in_order(first, others[0]) and first != others[0]
        case ">":
            return _in_order(others[0], first) and first != others[0]
        case "begins_with":
            return first is not None and _text(first).startswith(_text(others[0]))
        case "contains":
            if first is not None and "S" in first:
                return _text(others[0]) in first["S"]
            return first is not None and others[0] in _members(first)
    raise NotInPocketError(kind)


def _in_order(low: Attribute | None, high: Attribute | None) -> bool:
    """Whether both are there, of one type, and in this order."""
    if low is None or high is None or low.keys() != high.keys():
        return False
    return bool(order_of(low) <= order_of(high))


def _members(attribute: Attribute) -> list[Attribute]:
    if "L" not in attribute:
        raise NotInPocketError("contains of anything but lists and texts")
    members: list[Attribute] = attribute["L"]
    return members


def _text(attribute: Attribute | None) -> str:
    if attribute is None or "S" not in attribute:
        raise NotInPocketError("begins_with of anything but texts")
    text: str = attribute["S"]
    return text
