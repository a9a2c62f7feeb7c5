"""What a mutant is: the code with one of its guards switched off.

A mutant of Python code names a function and a statement, so code can move to another file of the
same name, and to another indentation, and its mutants stay as they are. All else is text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import code_places
from code_trees import Replacement

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Mutant:
    """One guard, how it is switched off, and the test that has to notice."""

    name: str
    """What the guard is for."""
    where: str
    """`module:`, `module:function`, `module:Class.method`; or a file, from the project's root."""
    old: str
    """The guard; it stands there exactly once."""
    new: str
    """What stands there without it."""
    killer: str
    """The test, as pytest takes it."""

    def is_code(self) -> bool:
        """Whether it is Python code, not any other text."""
        return ":" in self.where

    def module(self) -> str:
        """Returns the module in which the guard stands; of what is no Python code, the file."""
        return self.where.partition(":")[0]

    def path(self, root: Path) -> Path:
        """Returns the file in which the guard stands, in the project or in a copy of it."""
        if self.is_code():
            return code_places.file_of(root, self.module())
        return root / self.where

    def matches(self, root: Path) -> int:
        """Returns how often the guard stands where it is said to."""
        source = self.path(root).read_text()
        if self.is_code():
            return len(self._replacement().spots(source))
        return source.count(self.old)

    def switched_off(self, root: Path) -> str:
        """Returns what stands in the file without the guard.

        Raises:
            LookupError: There is no such place, or the guard does not stand there exactly once.
        """
        if (found := self.matches(root)) != 1:
            raise LookupError(f"{self.name}: in {self.where} {found} times, not once: {self.old}")
        source = self.path(root).read_text()
        if self.is_code():
            return self._replacement().applied(source)
        return source.replace(self.old, self.new)

    def _replacement(self) -> Replacement:
        return Replacement(self.where.partition(":")[2], self.old, self.new)


def of_code(*mutants: tuple[str, str, str, str, str]) -> Iterator[Mutant]:
    """Makes mutants of name, place, old, new and killer, the last below `tests/` or `proofs/`.

    Old and new are both expressions, or both statements, or both `except` clauses, or both cases
    of a `match`. No new statement at all is as good as `pass`.
    """
    for name, where, old, new, killer in mutants:
        yield Mutant(name, where, _flush(old), _flush(new), _test(killer))


def of_file(file: str, *mutants: tuple[str, str, str, str]) -> Iterator[Mutant]:
    """Makes the mutants of a file that is no Python code, of name, old, new and killer."""
    for name, old, new, killer in mutants:
        yield Mutant(name, file, old, new, _test(killer))


def _test(killer: str) -> str:
    """Returns a test as pytest takes it, in whichever of the two folders its file is."""
    file = killer.partition("::")[0]
    folder = "tests" if (ROOT / "tests" / file).exists() else "proofs"
    return f"{folder}/{killer}"


def _flush(source: str) -> str:
    return dedent(source).strip()
