"""A mutant finds its statement wherever that stands in its place, and nothing else."""

import ast
from pathlib import Path
from textwrap import indent

import pytest

from code_places import file_of, is_same_module
from code_trees import Replacement
from mutants import Mutant, of_code, of_file

CODE = '''"""A module."""

LIMIT = 3


class Box:
    """A box."""

    limit = LIMIT

    def put(self, thing, most=7):
        """Puts a thing into it."""
        if thing is not None:  # A comment.
            try:
                self.check(thing, most, is_new=True)
            except (KeyError, ValueError) as error:
                raise Full from error
        for one in self.things:
            self.look(one)
            self.look(one)
            self.close()
        return f"{LIMIT} things"

    def take(self, thing):
        match thing:
            case {"text": str(text)} if text.strip():
                return text
            case _:
                return self.things[thing]


def check(thing):
    LIMIT = 3
    return thing
'''

CALL = """
self.check(
    thing, most,
    is_new=( True ),
)
"""

CLAUSE = """
except (KeyError, ValueError) as error:
    raise Full from error
"""

LOOKS = """
            self.look(one)
            self.look(one)
"""

CASE = """
case _:
    return self.things[thing]
"""

FOUND = [
    ("boxes:", "LIMIT = 3", "LIMIT = 4", "\n\nLIMIT = 3", "\n\nLIMIT = 4"),
    ("boxes:Box", "LIMIT", "4", "limit = LIMIT", "limit = 4"),
    ("boxes:check", "LIMIT = 3", "", "    LIMIT = 3\n", ""),
    ("boxes:Box.put", "7", "8", "most=7", "most=8"),
    ("boxes:Box.put", "thing is not None", "True", "thing is not None", "True"),
    ("boxes:Box.put", "(KeyError,ValueError)", "OSError", "(KeyError, ValueError)", "OSError"),
    ("boxes:Box.put", "f'{LIMIT} things'", "''", 'f"{LIMIT} things"', '""'),
    ("boxes:Box.put", CALL, "self.check(thing, most)", ", is_new=True", ""),
    ("boxes:Box.put", CLAUSE, "except OSError:\n    raise Full",
        "(KeyError, ValueError) as error:\n                raise Full from error",
        "OSError:\n                raise Full"),
    ("boxes:Box.put", LOOKS, "self.look(2)",
        "self.look(one)\n            self.look(one)", "self.look(2)"),
    ("boxes:Box.take", "text.strip()", "text", "text.strip()", "text"),
    ("boxes:Box.take", CASE, "case 1:\n    return None",
        "case _:\n                return self.things[thing]",
        "case 1:\n                return None"),
]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("src/one", "src/two", "local"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "src/one/boxes.py").write_text(CODE)
    (tmp_path / "src/one/same.py").write_text("")
    (tmp_path / "src/two/same.py").write_text("")
    (tmp_path / "local/page.html").write_text("<p>\n  <b>Hello</b>\n</p>\n")
    return tmp_path


def mutant_of(where: str, old: str, new: str = "") -> Mutant:
    (made,) = of_code(("a guard", where, old, new, "unit/test_boxes.py::test_it"))
    return made


def tree_of(code: str) -> str:
    return ast.dump(ast.parse(code))


@pytest.mark.parametrize(("where", "old", "new", "text", "instead"), FOUND)
def test_what_is_in_its_place_once_is_replaced_and_nothing_else(
    root: Path, where: str, old: str, new: str, text: str, instead: str
) -> None:
    assert CODE.count(text) == 1
    changed = mutant_of(where, old, new).switched_off(root)
    assert tree_of(changed) == tree_of(CODE.replace(text, instead))


@pytest.mark.parametrize(("where", "old", "new", "text", "instead"), FOUND)
def test_neither_the_folder_nor_the_indentation_counts(
    root: Path, where: str, old: str, new: str, text: str, instead: str
) -> None:
    (root / "src/one/boxes.py").unlink()
    (root / "local/boxes.py").write_text(further_right(CODE))
    mutant = mutant_of(where, old, new)
    assert mutant.path(root) == root / "local/boxes.py"
    changed = further_right(CODE.replace(text, instead))
    assert tree_of(mutant.switched_off(root)) == tree_of(changed)


def further_right(code: str) -> str:
    return "if True:\n" + indent(code, "  ")


@pytest.mark.parametrize(
    ("where", "old", "new", "times"),
    [
        ("boxes:Box.put", "self.open()", "", 0),
        ("boxes:Box.put", "self.look(one)", "", 2),
        ("boxes:Box.put", "self.look(one)\nself.close()\nself.look(one)", "", 0),
        ("boxes:Box.put", "thing", "None", 2),
        ("boxes:Box.put", '" things"', '""', 0),
        ("boxes:Box", "LIMIT = 3", "", 0),
        ("boxes:", "thing", "None", 0),
    ],
)
def test_what_is_not_there_once_is_refused(
    root: Path, where: str, old: str, new: str, times: int
) -> None:
    mutant = mutant_of(where, old, new)
    assert mutant.matches(root) == times
    with pytest.raises(LookupError, match=f"a guard: in {where} {times} times"):
        mutant.switched_off(root)


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("bags:put", "0 modules called bags"),
        ("same:put", "2 modules called same"),
        ("boxes:put", "0 definitions called put"),
        ("boxes:Box.give", "0 definitions called give"),
        ("boxes:Box.put.most", "0 definitions called most"),
    ],
)
def test_a_place_that_is_not_there_once_is_refused(root: Path, where: str, problem: str) -> None:
    with pytest.raises(LookupError, match=problem):
        mutant_of(where, "thing").switched_off(root)


def test_of_two_modules_of_one_name_a_folder_tells_which(root: Path) -> None:
    assert file_of(root, "two.same") == root / "src/two/same.py"


def test_a_module_has_more_or_less_of_its_folders_in_its_name() -> None:
    assert is_same_module("gate", "gate")
    assert is_same_module("agent.gate", "gate")
    assert is_same_module("gate", "agent.gate")
    assert not is_same_module("gate", "investigate")
    assert not is_same_module("agent.gate", "local.gate")


@pytest.mark.parametrize(
    ("code", "old", "changed"),
    [
        ("def f():\n    go()", "go()", "def f():\n    pass"),
        ("def f():\n    if a:\n        go()", "go()", "def f():\n    if a:\n        pass"),
        (
            "def f():\n    if a:\n        b()\n    else:\n        go()",
            "go()",
            "def f():\n    if a:\n        b()",
        ),
        (
            "def f():\n    try:\n        a()\n    finally:\n        go()",
            "go()",
            "def f():\n    try:\n        a()\n    finally:\n        pass",
        ),
        ('def f():\n    "What."\n    go()', "go()", 'def f():\n    "What."'),
    ],
)
def test_what_has_nothing_left_in_it_is_still_python(code: str, old: str, changed: str) -> None:
    assert tree_of(Replacement("f", old, "").applied(code)) == tree_of(changed)


@pytest.mark.parametrize(
    ("old", "new"),
    [("a and", "a"), ("except OSError:\n    pass", "go()"), ("go()", "case 1:\n    pass")],
)
def test_what_is_no_code_or_of_two_kinds_is_refused(old: str, new: str) -> None:
    with pytest.raises(SyntaxError):
        Replacement("f", old, new).spots("def f():\n    go()")


def test_the_docstrings_stay(root: Path) -> None:
    changed = mutant_of("boxes:Box.put", "self.close()").switched_off(root)
    assert changed.startswith('"""A module."""\n')
    assert '"""Puts a thing into it."""' in changed


def test_another_file_is_text(root: Path) -> None:
    (mutant,) = of_file(
        "local/page.html", ("a guard", "  <b>Hello</b>\n", "", "unit/test_page.py::test_it")
    )
    assert (mutant.path(root), mutant.matches(root)) == (root / "local/page.html", 1)
    assert mutant.switched_off(root) == "<p>\n</p>\n"
    assert mutant.killer == "proofs/unit/test_page.py::test_it"
