"""A Python that stays warm runs each test as a new one would."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from warm_python import WarmPython

ARGUMENTS = ("-q", "-p", "no:cacheprovider")


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[WarmPython]:
    """One in an empty folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    made = WarmPython(folder, dict(os.environ))
    yield made
    made.end()


def test_each_run_imports_the_project_as_it_is_then(warm: WarmPython, tmp_path: Path) -> None:
    (tmp_path / "project/test_it.py").write_text("import it\ndef test_it(): assert it.value == 1\n")
    for time, (value, status) in enumerate([(1, 0), (2, 1), (1, 0)], 1):
        module = tmp_path / "project/it.py"
        module.write_text(f"value = {value}\n")
        os.utime(module, (time * 2, time * 2))
        assert warm.pytest([*ARGUMENTS, "test_it.py"], 60)[0] == status


def test_what_a_run_leaves_behind_ends_with_it(warm: WarmPython, tmp_path: Path) -> None:
    code = "import json\ndef test_it():\n    assert not hasattr(json, 'left')\n    json.left = 1\n"
    (tmp_path / "project/test_it.py").write_text(code)
    assert [warm.pytest([*ARGUMENTS, "test_it.py"], 60)[0] for _ in range(2)] == [0, 0]


def test_its_words_and_status_are_pytests_own(warm: WarmPython) -> None:
    status, said = warm.pytest([*ARGUMENTS, "nowhere.py"], 60)
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "file or directory not found: nowhere.py" in said


def test_a_run_that_takes_too_long_is_ended_and_the_next_one_is_not(
    warm: WarmPython, tmp_path: Path
) -> None:
    (tmp_path / "project/test_it.py").write_text("def test_it():\n    while True: pass\n")
    with pytest.raises(subprocess.TimeoutExpired):
        warm.pytest([*ARGUMENTS, "test_it.py"], 2)
    assert warm.pytest([*ARGUMENTS, "--version"], 60)[0] == 0
