"""What an adopter has goes without what only proves."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITHOUT = {
    "src": ("testkit", "tests", "proofs"),
    "local": ("testkit", "tests", "proofs"),
    "operate": ("testkit", "tests", "proofs"),
    "testkit": ("tests", "proofs"),
    "tests": ("proofs",),
}
"""Each folder, and those that it imports nothing of."""


def modules(folder: str) -> set[str]:
    """What can be imported of a folder by its own name."""
    return {path.stem for path in (ROOT / folder).rglob("*.py")} - {"conftest", "__init__"}


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("folder", WITHOUT)
def test_a_folder_goes_without_those_that_only_prove(folder: str) -> None:
    there = modules(folder)
    foreign = {name for other in WITHOUT[folder] for name in {other, *modules(other)}} - there
    for path in sorted((ROOT / folder).rglob("*.py")):
        assert not imported(path) & foreign, path.relative_to(ROOT)
