"""DynamoDB's expressions, parsed: conditions (of keys too), updates, projections.

    condition    a = :x   a <> :x   < <= > >=   BETWEEN   IN   AND OR NOT ( )
                 attribute_exists(a)   attribute_not_exists(a)   begins_with(a, :x)
                 contains(a, :x)
    update       SET a = :x, b = b + :y, c = if_not_exists(c, :z)   REMOVE a   ADD n :one
    projection   a, #b.#c

But for projections, names are those of an item itself, not of what lies within a map or list. An
expression that is none of these raises `NotInPocketError`; nothing is skipped.

Source: DynamoDB, "Using expressions" and "Reserved words in DynamoDB".
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from longrunning_testkit.pocket.errors import NotInPocketError, invalid

Node = tuple[Any, ...]
"""("name", "#a") · ("value", ":x") · (operator or function, operand, …)"""

RESERVED = frozenset((Path(__file__).parent / "reserved_words.txt").read_text().split())

MAX_BYTES = 4_096

COMPARATORS = ("=", "<>", "<", "<=", ">", ">=")
FUNCTIONS = {"attribute_exists": 1, "attribute_not_exists": 1, "begins_with": 2, "contains": 2}

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),.+-]|[#:][A-Za-z0-9_]+|[A-Za-z_][A-Za-z0-9_]*)")
Parsed = TypeVar("Parsed")


@cache
def condition(text: str, kind: str = "ConditionExpression") -> Node:
    """Parses a condition."""
    return _whole(_Parser(text, kind), _Parser.disjunction)


@cache
def update(text: str) -> tuple[Node, ...]:
    """Parses an update into ("SET", name, value), ("REMOVE", name) and ("ADD", name, value)."""
    return _whole(_Parser(text, "UpdateExpression"), _Parser.clauses)


@cache
def projection(text: str) -> tuple[Node, ...]:
    """Parses a projection into paths, each a tuple of names."""
    parser = _Parser(text, "ProjectionExpression")
    return tuple(_whole(parser, lambda p: p.several(p.path)))


@cache
def placeholders(node: Any) -> frozenset[str]:
    """Returns all `#names` and `:values` in what was parsed."""
    if isinstance(node, str):
        return frozenset({node} if node[:1] in ("#", ":") else ())
    return frozenset().union(*map(placeholders, node))


def _whole(parser: "_Parser", parse: Callable[["_Parser"], Parsed]) -> Parsed:
    parsed = parse(parser)
    if parser.tokens:
        raise NotInPocketError(f"in {parser.text!r}: {' '.join(parser.tokens)}")
    return parsed


class _Parser:
    """Takes an expression from its start, one token after the other."""

    def __init__(self, text: str, kind: str) -> None:
        self.text, self.kind = text, kind
        self.tokens: list[str] = []
        if not text.strip():
            raise invalid(f"Invalid {kind}: The expression can not be empty;")
        if len(text.encode()) > MAX_BYTES:
            reason = "Expression size has exceeded the maximum allowed size"
            raise invalid(f"Invalid {kind}: {reason}; expression size: {len(text.encode())}")
        position = 0
        while rest := text[position:].strip():
            match = _TOKEN.match(text, position)
            if not match:
                raise NotInPocketError(f"in {text!r}: {rest}")
            self.tokens.append(match[1])
            position = match.end()

    def disjunction(self) -> Node:
        node = self.conjunction()
        while self.takes("OR"):
            node = ("OR", node, self.conjunction())
        return node

    def conjunction(self) -> Node:
        node = self.negation()
        while self.takes("AND"):
            node = ("AND", node, self.negation())
        return node

    def negation(self) -> Node:
        if self.takes("NOT"):
            return ("NOT", self.negation())
        if self.takes("("):
            node = self.disjunction()
            self.needs(")")
            return node
        if self.tokens[0:1] and self.tokens[0] in FUNCTIONS:
            return self.call(self.tokens.pop(0))
        return self.comparison(self.operand())

    def comparison(self, left: Node) -> Node:
        if self.takes("BETWEEN"):
            low = self.operand()
            self.needs("AND")
            return ("BETWEEN", left, low, self.operand())
        if self.takes("IN"):
            self.needs("(")
            among = self.several(self.operand)
            self.needs(")")
            return ("IN", left, *among)
        operator = self.next()
        if operator not in COMPARATORS:
            raise NotInPocketError(f"in {self.text!r}: {operator}")
        right = self.operand()
        if left[0] == right[0] == "name":
            raise NotInPocketError(f"in {self.text!r}: two attributes compared")
        return (operator, left, right)

    def call(self, function: str) -> Node:
        self.needs("(")
        operands = [self.name()]
        for _ in range(FUNCTIONS[function] - 1):
            self.needs(",")
            operands.append(self.operand())
        self.needs(")")
        return (function, *operands)

    def clauses(self) -> tuple[Node, ...]:
        kinds = {"SET": self.assignment, "REMOVE": self.removal, "ADD": self.addition}
        actions: list[Node] = []
        while self.tokens:
            clause = kinds.pop(self.next().upper(), None)
            if clause is None:
                raise NotInPocketError(f"in {self.text!r}")
            actions += self.several(clause)
        return tuple(actions)

    def assignment(self) -> Node:
        name = self.name()
        self.needs("=")
        value = self.term()
        for operator in ("+", "-"):
            if self.takes(operator):
                return ("SET", name, (operator, value, self.term()))
        return ("SET", name, value)

    def removal(self) -> Node:
        return ("REMOVE", self.name())

    def addition(self) -> Node:
        return ("ADD", self.name(), self.operand())

    def term(self) -> Node:
        if self.tokens[:1] != ["if_not_exists"]:
            return self.operand()
        self.next()
        self.needs("(")
        name = self.name()
        self.needs(",")
        default = self.operand()
        self.needs(")")
        return ("if_not_exists", name, default)

    def operand(self) -> Node:
        if self.tokens and self.tokens[0].startswith(":"):
            return ("value", self.tokens.pop(0))
        return self.name()

    def name(self) -> Node:
        token = self.next()
        if token.upper() in RESERVED:
            reason = "Attribute name is a reserved keyword; reserved keyword: "
            raise invalid(f"Invalid {self.kind}: {reason}{token}")
        if token[0].isalpha() or token[0] in "#_":
            return ("name", token)
        raise NotInPocketError(f"in {self.text!r}: {token} where a name is expected")

    def path(self) -> Node:
        names = [self.name()]
        while self.takes("."):
            names.append(self.name())
        return tuple(names)

    def several(self, parse: Callable[[], Node]) -> list[Node]:
        found = [parse()]
        while self.takes(","):
            found.append(parse())
        return found

    def takes(self, token: str) -> bool:
        if self.tokens and self.tokens[0].upper() == token.upper():
            self.tokens.pop(0)
            return True
        return False

    def needs(self, token: str) -> None:
        if not self.takes(token):
            raise NotInPocketError(f"in {self.text!r}: {token} is missing")

    def next(self) -> str:
        if not self.tokens:
            raise NotInPocketError(f"in {self.text!r}: it ends too early")
        return self.tokens.pop(0)
