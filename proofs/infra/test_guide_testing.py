"""The tests of docs/testing.md, run exactly as they stand there, in a project of their own."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from aws_template import ROOT

GUIDES = ("docs/adapt.md", "docs/testing.md")
TITLE = re.compile(r"# ((?:src/agent|tests/mine)/\w+\.py)\n")

UNGUARDED = """
from longrunning.agent.gate import Gate
from longrunning.agent.long_running import LongTool

Gate.before_tool = lambda *_: None
LongTool.can_look = property(lambda _: False)
"""


def files(guide: str) -> dict[str, str]:
    """The files of a guide, by their path; a second block of one stands below the first."""
    found = re.findall(r"^```python\n(.*?)^```$", (ROOT / guide).read_text(), re.M | re.S)
    whole: dict[str, str] = {}
    for block in found:
        if title := TITLE.match(block):
            above = f"{whole[title[1]]}\n\n" if title[1] in whole else ""
            whole[title[1]] = above + block
    return whole


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs what lies in `tests/mine` of a folder, with what lies in its `src/agent`."""
    settings = ("--config-file", str(ROOT / "pyproject.toml"), "--rootdir", str(folder))
    return subprocess.run(
        [sys.executable, "-m", "pytest", *settings, "-p", "no:cacheprovider", "-v", *options],
        cwd=folder / "tests/mine",
        env=os.environ | {"PYTHONPATH": paths(folder)},
        capture_output=True,
        text=True,
    )


def paths(folder: Path) -> str:
    """The project's own paths, and that of the guides' tools."""
    settings = (ROOT / "pyproject.toml").read_text()
    (found,) = re.findall(r"^pythonpath = \[(.*)\]$", settings, re.M)
    own = [str(ROOT / path) for path in re.findall(r'"([^"]+)"', found)]
    return os.pathsep.join([str(folder / "src/agent"), *own])


def write(folder: Path) -> list[str]:
    """Writes the files of both guides; returns the names of the tests in them."""
    names: list[str] = []
    for path, block in (pair for guide in GUIDES for pair in files(guide).items()):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block)
        names += re.findall(r"^def (test_\w+)", block, re.M)
    return names


def test_the_tests_of_the_guide_pass(tmp_path: Path) -> None:
    names = write(tmp_path)
    assert len(names) == 5
    done = run(tmp_path)
    passed = re.findall(r"::(test_\w+) PASSED", done.stdout)
    assert (done.returncode, sorted(passed)) == (0, sorted(names)), done.stdout[-3_000:]


def test_the_files_of_the_guides_pass_the_lint_of_the_project(tmp_path: Path) -> None:
    """A copy of them must not stop `make test` before its first test."""
    write(tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for folder in ("src/layer", "testkit"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    ruff = Path(sys.executable).with_name("ruff")
    done = subprocess.run(
        [ruff, "check", "--no-cache", "--exclude", "agent_definition.py", "src/agent", "tests"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_tests_of_the_guide_fail_where_nothing_is_guarded(tmp_path: Path) -> None:
    """What they say is held by them: a gate that never asks, a tool that believes a message."""
    write(tmp_path)
    with (tmp_path / "tests/mine/conftest.py").open("a") as conftest:
        conftest.write(UNGUARDED)
    done = run(tmp_path, "-k", "only")
    failed = re.findall(r"::(test_\w+) FAILED", done.stdout)
    assert sorted(failed) == [
        "test_a_reply_is_sent_once_and_only_once_approved",
        "test_only_the_farm_itself_says_that_the_hay_is_there",
    ], done.stdout[-3_000:]
