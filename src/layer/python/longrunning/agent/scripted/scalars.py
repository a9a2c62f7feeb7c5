"""Numbers and texts that fit a JSON schema: the plainest ones, always the same."""

import math
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from longrunning.agent.scripted.patterns import matching

FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T09:00:00Z",
    "time": "09:00:00Z",
    "duration": "PT1H",
    "email": "person@example.com",
    "idn-email": "person@example.com",
    "hostname": "www.example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uri-reference": "/",
    "uuid": "00000000-0000-4000-8000-000000000001",
}

HINTS = {
    "email": FORMATS["email"],
    "mail": FORMATS["email"],
    "recipient": FORMATS["email"],
    "url": FORMATS["url"],
    "uri": FORMATS["url"],
    "link": FORMATS["url"],
    "phone": "+12025550100",
    "date": FORMATS["date"],
    "day": FORMATS["date"],
    "time": "2026-01-31T09:00:00",
    "until": "2026-01-31T09:00:00",
    "currency": "EUR",
    "country": "DE",
    "language": "en",
}
"""By the last word of a field's name, where the schema says no more than that it is a text."""

Schema = Mapping[str, Any]
Bound = tuple[Fraction, bool]
"""A limit, and whether it is itself excluded."""


def make_number(schema: Schema, index: int, *, is_integer: bool) -> int | float | None:
    """Returns a number near 1 within the limits, another one for each index; None if none fits."""
    step = Fraction(str(schema.get("multipleOf") or 1))
    if is_integer:
        step *= step.denominator
    lows = [*_bounds(schema, "minimum", "exclusiveMinimum")]
    highs = [*_bounds(schema, "maximum", "exclusiveMaximum")]
    if (value := _multiple(lows, highs, step, index)) is not None:
        return _plain(value)
    if is_integer or "multipleOf" in schema or not (lows and highs):
        return None
    low, high = max(lows)[0], min(highs)[0]
    return _plain(low + (high - low) * Fraction(index + 1, index + 2))


def make_text(schema: Schema, name: str, index: int) -> str | None:
    """Returns a text for a field of this name, another one for each index; None if none is known.

    Args:
        schema: Its `pattern`, `format`, `minLength` and `maxLength` count.
        name: The field's name.
        index: Its place in a list.
    """
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    if "pattern" in schema:
        return matching(str(schema["pattern"]), shortest, longest, index)
    known = FORMATS.get(str(schema.get("format"))) or HINTS.get(last_word(name))
    return known or fitted(f"{name}-{index + 1}", "", shortest, longest)


def fitted(text: str, note: str, shortest: float, longest: float) -> str:
    """Cuts a text, not the note behind it, to what fits; or repeats it until it is long enough."""
    whole = text + note
    if len(whole) > longest:
        whole = (text[: max(int(longest) - len(note), 0)] + note)[: int(longest)]
    while len(whole) < shortest:
        whole = f"{whole} {text or 'x'}"[: int(shortest)]
    return whole


def last_word(name: str) -> str:
    """Returns the last word of a name: `id` of `orderId`, `order_id` and `order-ID`."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", name)
    return words[-1].lower() if words else ""


def _bounds(schema: Schema, key: str, exclusive_key: str) -> Iterator[Bound]:
    for name in (key, exclusive_key):
        if isinstance(limit := schema.get(name), int | float) and not isinstance(limit, bool):
            yield Fraction(str(limit)), name == exclusive_key


def _multiple(lows: list[Bound], highs: list[Bound], step: Fraction, index: int) -> Fraction | None:
    """Returns a multiple of a step near 1, so many further for each index; None if none fits."""
    low = max((_first_from(b, step, excluded) for b, excluded in lows), default=None)
    high = min((-_first_from(-b, step, excluded) for b, excluded in highs), default=None)
    number = math.ceil(1 / step)
    if high is not None:
        number = min(number, high - index)
    if low is not None:
        number = max(number, low)
    return (number + index) * step if high is None or number + index <= high else None


def _first_from(bound: Fraction, step: Fraction, excluded: bool) -> int:
    """Returns which multiple of a step is the first that is not below a lower bound."""
    number = math.ceil(bound / step)
    return number + 1 if excluded and number * step == bound else number


def _plain(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)
