"""A package for another Python or processor says so, before a binary of it is imported."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from longrunning.built_for import FILE_NAME, WrongPackageError, wrong_package

SRC = Path(__file__).parents[2] / "src"
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def package(folder: Path, python: str, machine: str) -> str:
    """Leaves what `targets/package.py` leaves; returns the name of the handler beside it."""
    (folder / FILE_NAME).write_text(json.dumps({"python": python, "machine": machine}))
    return str(folder / "agent_handler.py")


def test_a_package_for_what_it_runs_on_is_right(tmp_path: Path) -> None:
    assert wrong_package(package(tmp_path, "3.13", "aarch64"), "3.13", "aarch64") is None
    assert wrong_package(package(tmp_path, HERE, platform.machine())) is None


@pytest.mark.parametrize(
    ("python", "machine", "runs_on"),
    [
        ("3.12", "aarch64", "Python 3.12 on arm64"),
        ("3.13", "x86_64", "Python 3.13 on x86_64"),
        ("3.14", "x86_64", "Python 3.14 on x86_64"),
    ],
)
def test_a_wrong_package_says_what_it_is_for_where_it_runs_and_what_to_do(
    tmp_path: Path, python: str, machine: str, runs_on: str
) -> None:
    handler_file = package(tmp_path, "3.13", "aarch64")
    assert str(wrong_package(handler_file, python, machine)) == (
        "This package was built for Python 3.13 on arm64, but the function runs on "
        f"{runs_on}: set RunsOn in template.yaml to what the function is to run on, "
        "run `sam build`, and deploy again."
    )


def test_a_folder_that_was_not_built_is_not_checked() -> None:
    assert not list(SRC.rglob(FILE_NAME))
    assert wrong_package(str(SRC / "agent" / "agent_handler.py")) is None


def test_lambda_says_it_in_one_line() -> None:
    """Its runtime shows an ImportError without a traceback. Source: awslambdaric, bootstrap.py."""
    assert issubclass(WrongPackageError, ImportError)


def test_the_agent_says_it_before_it_imports_any_package(tmp_path: Path) -> None:
    """Nothing but the handler and the layer is there: any other import would fail first."""
    shutil.copy(SRC / "agent" / "agent_handler.py", tmp_path)
    package(tmp_path, "2.7", "vax")
    path = os.pathsep.join([str(tmp_path), str(SRC / "layer/python")])
    done = subprocess.run(
        [sys.executable, "-S", "-B", "-c", "import agent_handler"],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    said = done.stderr.splitlines()[-1]
    assert said.startswith("longrunning.built_for.WrongPackageError: This package was built for ")
    assert "built for Python 2.7 on vax, but" in said
