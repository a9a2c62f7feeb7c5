"""Shows an edit as a difference: what was taken out of a text and what was put in, word by word.

It stands beside the exact text, never in its place.
"""

import re
from collections.abc import Iterator

MAX_COMPARED_WORDS = 2_000
"""Of each text, between what they begin and end with in common: comparing takes their product."""

MIN_KEPT_LETTERS = 4
"""A kept word or two between two changes makes both unreadable: it is shown as changed, too."""

_WORDS = re.compile(r"\s+|[^\s]+")

Part = tuple[str, str]
"""`same`, `removed` or `added`, and the text."""


def parts_of(before: str, after: str) -> list[Part]:
    """Returns the parts of two texts, in their order; of each change what was removed first."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    middle = _compared(old[start : len(old) - end], new[start : len(new) - end])
    found: list[Part] = [("same", "".join(old[:start])), *middle,
                         ("same", "".join(old[len(old) - end :]))]  # fmt: skip
    return [part for part in found if part[1]]


def _common(old: list[str], new: list[str]) -> int:
    pairs = zip(old, new, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(old), len(new)))


def _compared(old: list[str], new: list[str]) -> Iterator[Part]:
    if max(len(old), len(new)) > MAX_COMPARED_WORDS:
        yield from (("removed", "".join(old)), ("added", "".join(new)))
        return
    import difflib  # Ten milliseconds, and few approvals are edited.

    removed, added = "", ""
    for kind, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, False).get_opcodes():
        kept = "".join(old[i1:i2])
        if kind == "equal" and len(re.findall(r"\w", kept)) >= MIN_KEPT_LETTERS:
            yield from (("removed", removed), ("added", added), ("same", kept))
            removed, added = "", ""
        else:
            removed += kept
            added += "".join(new[j1:j2])
    yield from (("removed", removed), ("added", added))
