"""Which Python compiles the packages, and what `make deploy` offers where there is none."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from targets import package
from targets.offer_python import lacking

from sam_clone import ROOT

VERSION = "3.15"
"""No machine that runs this has it: all that is found was made here."""


def fake_python(path: Path, micro: int, level: str = "final", tag: str = "cpython-315") -> str:
    """A program that answers as a Python of version 3.15 does."""
    return program(path, f'echo "{tag} {micro} {level}"')


def program(path: Path, script: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any Python, on a machine whose PATH has none of this version."""
    for variable, _usual, _versions in package.VERSION_MANAGERS:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setattr(package, "ROOT", tmp_path)
    return tmp_path


def test_there_may_be_none(home: Path) -> None:
    assert package.find_python(VERSION) is None


def test_this_python_comes_first() -> None:
    assert package.find_python(f"3.{sys.version_info.minor}") == sys.executable


def test_of_those_that_pyenv_keeps_the_newest_patch_is_taken(home: Path) -> None:
    for micro in (2, 10, 9):
        fake_python(home / f".pyenv/versions/3.15.{micro}/bin/python", micro)
    assert package.find_python(VERSION) == str(home / ".pyenv/versions/3.15.10/bin/python")


def test_pyenv_may_be_elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(home / "other"))
    there = fake_python(home / "other/versions/3.15.1/bin/python", 1)
    assert package.find_python(VERSION) == there


@pytest.mark.parametrize(
    "place",
    [
        ".asdf/installs/python/3.15.1/bin/python",
        ".local/share/mise/installs/python/3.15.1/bin/python",
        ".local/bin/python3.15",
    ],
)
def test_other_places_are_looked_at(home: Path, place: str) -> None:
    there = fake_python(home / place, 1)
    assert package.find_python(VERSION) == there


def test_a_stand_in_on_the_path_does_not_end_the_search(home: Path) -> None:
    """As pyenv's shims do for a version that is not the active one."""
    program(home / "bin/python3.15", "echo 'pyenv: python3.15: command not found' >&2; exit 127")
    kept = fake_python(home / ".pyenv/versions/3.15.0/bin/python", 0)
    assert package.find_python(VERSION) == kept


def test_each_is_asked_what_it_is(home: Path) -> None:
    versions = home / ".pyenv/versions"
    fake_python(versions / "3.15.5/bin/python", 5, tag="pypy315-pp80")
    fake_python(versions / "3.15.4/bin/python", 4, level="beta")
    fake_python(versions / "3.15.3/bin/python", 3, tag="cpython-314")
    Path(fake_python(versions / "3.15.2/bin/python", 2)).chmod(0o644)
    good = fake_python(versions / "3.15-dev/bin/python", 0, level="candidate")
    assert package.find_python(VERSION) == good


def test_uv_is_asked_also(home: Path) -> None:
    managed = fake_python(home / "managed/python", 0)
    program(home / "bin/uv", f'echo "{managed}"')
    assert package.find_python(VERSION) == managed


def test_the_command_that_brings_one_is_named_as_it_is_typed(home: Path) -> None:
    assert "`uv python install 3.15` brings one." in package.why_without(VERSION)
    program(home / ".venv/uv/bin/uv", "exit 1")
    assert package.fetch_command(VERSION) == ".venv/uv/bin/uv python install 3.15"
    program(home / "bin/uv", "exit 1")
    assert package.fetch_command(VERSION) == "uv python install 3.15"


# --- the offer -----------------------------------------------------------------------------------


@pytest.fixture
def built(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build without bytecode, a uv that writes down what it was asked, and the project's code."""
    monkeypatch.chdir(home)
    (home / "targets").symlink_to(ROOT / "targets")
    folder = home / ".aws-sam/build/AgentFunction"
    folder.mkdir(parents=True)
    (folder / package.BUILT_FOR).write_text(json.dumps({"python": VERSION, "machine": "aarch64"}))
    program(home / "bin/uv", 'echo "$@" >> asked')
    return folder


def offer(home: Path, answer: str | None) -> str:
    """Runs the offer, in a terminal where there is an answer to type; returns what it said."""
    command = [sys.executable, "-B", "-m", "targets.offer_python", "sh", "-c", "echo built again"]
    if answer is None:
        done = subprocess.run(
            command, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
        return done.stdout
    master, terminal = pty.openpty()
    os.write(master, answer.encode())
    done = subprocess.run(
        command, cwd=home, stdin=terminal, capture_output=True, text=True, check=True, timeout=60
    )
    os.close(master)
    os.close(terminal)
    return done.stdout


def asked(home: Path) -> str:
    file = home / "asked"
    return file.read_text() if file.exists() else ""


def test_packages_with_bytecode_need_no_offer(home: Path, built: Path) -> None:
    (built / "__pycache__").mkdir()
    (built / "__pycache__/agent_handler.cpython-315.pyc").touch()
    assert lacking(home / ".aws-sam/build") is None
    assert offer(home, "y\n") == ""


def test_no_build_is_no_offer(tmp_path: Path) -> None:
    assert lacking(tmp_path) is None


def test_without_a_terminal_one_line_says_how(home: Path, built: Path) -> None:
    assert offer(home, None) == (
        "The packages have no bytecode. There is no Python 3.15 here, so a cold start takes two to "
        "four times as long: `uv python install 3.15` brings one.\n"
    )
    assert asked(home) == ""


@pytest.mark.parametrize("answer", ["\n", "n\n", "what?\n", "\x04"])
def test_in_a_terminal_anything_but_yes_is_no(home: Path, built: Path, answer: str) -> None:
    said = offer(home, answer)
    assert "Run `uv python install 3.15` and build again? [y/N]" in said
    assert "built again" not in said
    assert asked(home) == ""


def test_yes_fetches_it_and_builds_again(home: Path, built: Path) -> None:
    assert offer(home, "y\n").endswith("built again\n")
    assert asked(home) == "python install 3.15\n"


def test_a_python_that_cannot_be_fetched_leaves_the_packages_as_they_are(
    home: Path, built: Path
) -> None:
    program(home / "bin/uv", "exit 1")
    said = offer(home, "y\n")
    assert said.endswith("Python 3.15 was not fetched. The packages stay as they are.\n")


def test_make_deploy_offers_between_build_and_deployment() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "-n", "-o", "build", "deploy"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    offered, deployed = [line for line in done.stdout.splitlines() if line.startswith(".venv")]
    assert offered == ".venv/uv/bin/python -m targets.offer_python .venv/sam/bin/sam build"
    assert deployed.startswith(".venv/sam/bin/sam deploy")
