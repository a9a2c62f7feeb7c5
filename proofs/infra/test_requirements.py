"""`make requirements`: what is compiled, and that a package more renews no other one.

What make would run, without running it: compiling asks a package index.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sam_clone import ROOT

SETS = (
    "uv", "test", "starter", "sam", "local", "checkov", "bench", "providers", "lab",
    "src/layer", "src/agent",
)  # fmt: skip
STAND_IN = """#!/bin/sh
for argument; do
    case $argument in --upgrade) upgrade=" --upgrade";; *.in) file=$argument;; esac
done
[ -f "$file" ] && echo "$file$upgrade" >>compiled
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The requirements, and a uv that only notes what it is asked to compile."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for file in [*ROOT.glob("requirements/*"), *ROOT.glob("src/*/requirements.*")]:
        copy = tmp_path / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    uv = tmp_path / ".venv/uv/bin/uv"
    uv.parent.mkdir(parents=True)
    uv.write_text(STAND_IN)
    uv.chmod(0o755)
    (tmp_path / ".venv/uv/ready").touch()
    return tmp_path


def compiled(project: Path, *arguments: str) -> list[str]:
    """What was compiled, and whether newer versions were asked for."""
    (project / "compiled").write_text("")
    kept = {n: v for n, v in os.environ.items() if n not in ("MAKEFLAGS", "SET", "UPGRADE")}
    command = [shutil.which("make") or "make", "requirements", *arguments]
    subprocess.run(command, cwd=project, env=kept, check=True, capture_output=True)
    return (project / "compiled").read_text().splitlines()


def file_of(name: str) -> str:
    return f"{name}/requirements.in" if "/" in name else f"requirements/{name}.in"


def test_every_set_is_compiled_and_what_still_fits_stays(project: Path) -> None:
    assert compiled(project) == [file_of(name) for name in SETS]


def test_the_sets_are_all_that_there_are() -> None:
    found = {str(path.relative_to(ROOT)) for path in ROOT.glob("requirements/*.in")}
    found |= {str(path.relative_to(ROOT)) for path in ROOT.glob("src/*/requirements.in")}
    assert found == set(map(file_of, SETS))


def test_all_packages_are_renewed_only_if_asked(project: Path) -> None:
    assert compiled(project, "UPGRADE=1") == [f"{file_of(name)} --upgrade" for name in SETS]


@pytest.mark.parametrize("name", SETS)
def test_one_set_is_compiled_alone(project: Path, name: str) -> None:
    assert compiled(project, f"SET={name}") == [file_of(name)]


def test_several_sets_are_compiled_together(project: Path) -> None:
    assert compiled(project, "SET=test src/agent") == [file_of("test"), file_of("src/agent")]


def test_a_set_that_does_not_exist_is_said_with_those_that_do(project: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        compiled(project, "SET=agent")
    assert re.search(r"SET=agent: there are uv .* src/agent", failed.value.stderr.decode())
