"""What a short form takes of many: always the same for one state of the code, others for another.

So a failure can be repeated, and sooner or later everything is taken.
"""

import random
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from prove_figures import is_long

SRC = Path(__file__).parents[1] / "src"

Item = TypeVar("Item")


def chosen(items: Sequence[Item], short: int) -> list[Item]:
    """Returns all items in the long form, and so many of them in the short one, in their order."""
    if is_long():
        return list(items)
    files = sorted(path for path in SRC.rglob("*.*") if path.suffix != ".pyc")
    code = b"".join(path.read_bytes() for path in files if path.is_file())
    numbers = random.Random(zlib.crc32(code)).sample(range(len(items)), short)  # noqa: S311
    return [items[number] for number in sorted(numbers)]
