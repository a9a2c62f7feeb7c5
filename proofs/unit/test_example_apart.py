"""The tests of the library go without the example: whoever replaces it keeps them all."""

import ast
from functools import cache
from pathlib import Path

import pytest

import aws_template
import example_modules

ROOT = aws_template.ROOT
TESTS, PROOFS, TESTKIT = ROOT / "tests", ROOT / "proofs", ROOT / "testkit"
FOLDERS = (PROOFS / "unit", PROOFS / "flow", TESTS / "flow", TESTS, PROOFS, TESTKIT)
"""Where a module of the tests may lie; `src` is not followed, as its handlers are the adopter's."""

FILES = sorted(path for folder in FOLDERS[:3] for path in folder.glob("*.py"))


@cache
def imported(path: Path) -> frozenset[str]:
    """The modules that a file names in its imports, in full."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


@cache
def files_of(module: str) -> frozenset[Path]:
    """The files of the tests that an import of a module runs."""
    parts, found = module.split("."), set()
    for folder in FOLDERS:
        for count in range(1, len(parts) + 1):
            place = folder.joinpath(*parts[:count])
            found |= {p for p in (place.with_suffix(".py"), place / "__init__.py") if p.exists()}
    return frozenset(found)


def reached(path: Path) -> set[Path]:
    """The files of the tests that a file imports, directly or not, and itself."""
    found, new = set(), {path}
    while new:
        found |= new
        new = {file for old in new for module in imported(old) for file in files_of(module)} - found
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_test_of_the_library_imports_the_example(path: Path) -> None:
    for file in reached(path):
        assert not imported(file) & example_modules.MODULES, file.relative_to(ROOT)


def test_what_is_reached_is_followed_to_its_end() -> None:
    """Lest nothing be found: the world of the example is, from a file that uses it."""
    names = {path.name for path in reached(TESTS / "flow" / "test_walkthrough.py")}
    assert {"test_walkthrough.py", "sample_world.py", "sample_agent.py", "worlds.py"} <= names
    assert imported(TESTS / "world.py") & example_modules.MODULES == {
        "publish_post",
        "unitok_handler",
    }


def test_the_list_of_the_example_is_whole() -> None:
    """Every file of it that is still there is named, but for the handler."""
    folders = (example_modules.SRC / "agent", example_modules.SRC / "unitok")
    there = {path for folder in folders for path in folder.glob("*.py")}
    if example_modules.IS_HERE:
        assert there == {*example_modules.FILES, folders[0] / "agent_handler.py"}
