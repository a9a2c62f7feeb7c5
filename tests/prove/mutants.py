"""What a mutant is: the code with one of its guards switched off."""

from collections.abc import Iterator
from dataclasses import dataclass

LAYER = "src/layer/python/longrunning/"


@dataclass(frozen=True)
class Mutant:
    """One guard, how it is switched off, and the test that has to notice."""

    name: str
    """What the guard is for."""
    file: str
    """From the project's root."""
    old: str
    """The guard; it stands in the file exactly once."""
    new: str
    """What stands there without it."""
    killer: str
    """The test, as pytest takes it."""


def of_file(file: str, *mutants: tuple[str, str, str, str]) -> Iterator[Mutant]:
    """Makes the mutants of one file of name, old, new and killer, the last below `tests/`."""
    for name, old, new, killer in mutants:
        yield Mutant(name, file, old, new, f"tests/{killer}")
