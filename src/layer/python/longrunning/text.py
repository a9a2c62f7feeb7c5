"""Text as people see it: what is invisible made visible, newlines, times."""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime

_NONCHARACTERS = "".join(chr(plane | last) for plane in range(0, 0x110000, 0x10000)
                         for last in (0xFFFE, 0xFFFF))  # fmt: skip

_INVISIBLE = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and newline
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # ignorable, from soft hyphen on
    "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2"  # format characters of Arabic and Syriac
    "\u1680\u2000-\u200f\u2028-\u202e\u205f-\u206f"  # odd spaces, zero width, direction
    "\u2800\u3164\uffa0\ufffc\U0001d159"  # letters and symbols that are drawn as nothing
    "\ufe00-\ufe0e\ufeff\ufff0-\ufffb\ufdd0-\ufdef"  # variants, byte order mark, interlinear
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"  # tags, and more variants
    "\ud800-\udfff" + _NONCHARACTERS  # half a surrogate pair, which UTF-8 cannot carry at all
)

_SYMBOLS = (
    "\xa9\xae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
"""Characters that U+FE0F turns into an emoji: there it is seen, elsewhere it hides."""

INVISIBLE_RUN = re.compile(f"(?:[{_INVISIBLE}]|(?<![{_SYMBOLS}])\ufe0f(?!\u20e3))+")
"""One or more characters that a reader would not see, or that change what is seen.

Source: Unicode, "DerivedCoreProperties", Default_Ignorable_Code_Point, and the categories Cc, Cf,
Zl and Zp; added are blanks that have no such property. Ordinary spaces stay, no-break ones too.
"""


_NOT_LATIN_RUN = re.compile("[^\x00-\u02ff]{7,}")
_PILE = re.compile("(?<=M{6})M+")
"""More marks on one letter than living scripts put there: they would cover the lines around."""


def code_points(characters: str) -> str:
    """Returns `[U+202E]` for every character."""
    return "".join(f"[U+{ord(character):04X}]" for character in characters)


def visible(text: str, mark: Callable[[str], str] = code_points) -> str:
    """Replaces every invisible or direction-changing character by its code point.

    Whoever approves a text must see all of it: a right-to-left override becomes `[U+202E]`.
    Newlines and tabs stay; a carriage return looks like a newline or like nothing, so it does not.
    Of a pile of combining marks on one letter only the first six stay.

    Args:
        text: What is to be seen.
        mark: Makes what stands for a run of such characters.
    """
    seen = INVISIBLE_RUN.sub(lambda run: mark(run[0]), text)
    return _NOT_LATIN_RUN.sub(lambda run: _without_piles(run[0], mark), seen)


def _without_piles(run: str, mark: Callable[[str], str]) -> str:
    kinds = "".join(unicodedata.category(character)[0] for character in run)
    parts: list[str] = []
    start = 0
    for pile in _PILE.finditer(kinds):
        parts += run[start : pile.start()], mark(run[pile.start() : pile.end()])
        start = pile.end()
    return "".join([*parts, run[start:]])


def normalise_newlines(text: str) -> str:
    """Turns CRLF, as browsers send text areas, and single CR into LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


_TEN_YEARS_SECONDS = 10 * 365 * 86_400


def has_deadline(requested_at: int, decide_by: int) -> bool:
    """Whether silence has an end; where it means to wait, `decide_by` is a hundred years ahead."""
    return decide_by - requested_at < _TEN_YEARS_SECONDS


def utc(epoch_seconds: int) -> str:
    """Returns a time for people, such as `Saturday, 14 March 2026, 10:00 UTC`, rounded down."""
    moment = datetime.fromtimestamp(epoch_seconds, UTC)
    return f"{moment:%A}, {moment.day} {moment:%B %Y, %H:%M} UTC"
