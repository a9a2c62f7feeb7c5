"""What the proofs share: how much to do, and the figures that `make prove` prints.

Each proof runs twice over: short inside `make proofs`, long under `make prove` (PROVE=long).
"""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def is_long() -> bool:
    """Whether this is the long form."""
    return os.environ.get("PROVE") == "long"


def size(short: int, long: int) -> int:
    """Returns how much this form does."""
    return long if is_long() else short


def record(row: str, **figures: float | str) -> None:
    """Reports figures for a row of the table; call it after the assertions.

    Args:
        row: The table's first column, such as `kill matrix`.
        **figures: Counts and measures by name, such as `single_kills=312`.
    """
    if path := os.environ.get("PROVE_FIGURES"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"row": row, **figures}) + "\n")


def progress(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Passes items on, and in the long form says every few seconds how far it is."""
    told = started = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if is_long() and (now - told > 5 or done == total):
            told = now
            spent = now - started
            left = spent / done * max(0, total - done)  # Hypothesis runs more than it counts.
            line = f"{what}: {done:,} of {total:,}, {spent:.0f} s, about {left:.0f} s left"
            print(line, file=sys.__stderr__, flush=True)
