"""The documents' code passes `make lint` where the documents say that it goes."""

import ast
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sam_clone import ROOT

DOCUMENTS = ("docs/adapt.md", "docs/operate.md")
EDITED = ("src/agent/agent_definition.py", "operate/receivers.py")
"""What a block without a title goes into, if it defines a name of the file."""

OF_A_PART = "D100,F821"
"""What a part of a file lacks: the docstring and the imports of the whole."""


@dataclass(frozen=True)
class Block:
    """A block of Python."""

    name: str
    code: str

    @property
    def module(self) -> str:
        """Its title names the file, or else it has a name for this test."""
        title = re.match(r"# src/agent/(\w+)\.py\n", self.code)
        return title[1] if title else self.name

    @property
    def is_whole(self) -> bool:
        """Whether it is a file as it stands."""
        return ast.get_docstring(ast.parse(self.code)) is not None

    @property
    def edits(self) -> str | None:
        """The file that it changes, if it is a part of one of this project."""
        found = (file for file in EDITED if names_in(self.code) & names_in(read(file)))
        return None if self.is_whole else next(found, None)

    def in_place(self) -> str:
        """The code as it stands once somebody has done what the document says."""
        rest = without(read(self.edits), names_in(self.code)) if self.edits else ""
        return rest + self.code


def read(file: str) -> str:
    return (ROOT / file).read_text()


def blocks() -> Iterator[Block]:
    for document in DOCUMENTS:
        found = re.findall(r"^ *```python\n(.*?)^ *```$", read(document), re.M | re.S)
        for number, code in enumerate(found):
            yield Block(f"{Path(document).stem}_{number}", textwrap.dedent(code))


def names_of(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


def names_in(code: str) -> set[str]:
    return set().union(*map(names_of, ast.parse(code).body))


def without(code: str, names: set[str]) -> str:
    """The code of a file without some of its definitions and what is said below them."""
    lines, nodes = code.splitlines(keepends=True), ast.parse(code).body
    for node, after in zip(nodes, [*nodes[1:], None], strict=True):
        if names_of(node) & names:
            is_said = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            end = after.end_lineno if after and is_said else node.end_lineno
            lines[node.lineno - 1 : end] = ["\n"] * len(lines[node.lineno - 1 : end])
    return "".join(lines)


BLOCKS = list(blocks())
NAMES = [block.name for block in BLOCKS]


def checked(tool: str, *arguments: str, **variables: str) -> str:
    """Runs a tool as `make lint` has it; returns what it complains of."""
    done = subprocess.run(
        [sys.executable, "-m", tool, *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def ruff(file: Path, *options: str) -> str:
    settings = ("--config", str(ROOT / "pyproject.toml"), "--no-cache", "--output-format=concise")
    roots = [str(file.parent), *(str(ROOT / "src" / name) for name in ("layer/python", "agent"))]
    ours = ("--config", f"src = {json.dumps(roots)}")  # The guide's files import one another.
    return checked("ruff", "check", *settings, *ours, *options, str(file))


@pytest.mark.parametrize("block", BLOCKS, ids=NAMES)
def test_each_block_of_the_guide_passes_ruff(block: Block, tmp_path: Path) -> None:
    file = tmp_path / f"{block.module}.py"
    for other in (b for b in BLOCKS if b.is_whole):
        (tmp_path / f"{other.module}.py").write_text(other.code)
    file.write_text(block.code)
    # A tool's docstring is its spec, in which `wait` has no place.
    part = "D417" if block.is_whole else f"D417,{OF_A_PART}" if block.edits else "D417,D100"
    assert ruff(file, "--extend-ignore", part) == ""


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.edits], ids=lambda block: block.name)
def test_each_part_of_a_file_finds_what_it_needs_there(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "in_place.py"
    file.write_text(block.in_place())
    assert ruff(file, "--select", "F811,F821") == ""


def test_all_blocks_of_the_guide_pass_mypy_where_they_belong(tmp_path: Path) -> None:
    files = []
    for block in BLOCKS:
        file = tmp_path / f"{block.module}.py"
        file.write_text(block.in_place())
        files.append(str(file))
    assert len(set(files)) == len(BLOCKS)
    assert checked("mypy", *files, MYPYPATH=str(tmp_path)) == ""


def test_the_blocks_are_found_in_whole_and_in_part() -> None:
    """Lest a change of the documents leave nothing to check."""
    assert [b.module for b in BLOCKS if b.is_whole][:4] == [
        "openai_model",
        "ollama_model",
        "anthropic_model",
        "send_reply",
    ]
    assert {b.edits for b in BLOCKS} == {None, *EDITED}
