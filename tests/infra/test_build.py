"""What `sam build` makes: the real command, run as in a fresh clone."""

import json
import os
import platform
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sam_clone import ROOT, change_runs_on, make_clone, run_sam

LOCAL_PYTHON = ROOT / ".venv/local/bin/python"
"""Has what Lambda's runtime has (boto3), and nothing of what the packages bring."""

HANDLERS = {
    "AgentFunction": "agent_handler",
    "ApprovalFunction": "approval_handler",
    "UniTokFunction": "unitok_handler",
    "SweeperFunction": "sweeper_handler",
    "OperatorFunction": "operator_handler",
}
SMALL = {*HANDLERS, "SharedLayer"} - {"AgentFunction"}
IN_LAMBDA = {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3"}
ELF_MACHINES = {62: "x86_64", 183: "arm64"}
UNCHECKED_HASH = 0b01
"""Flags of a .pyc that is read without looking at its source. Source: PEP 552."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clone(tmp_path_factory.mktemp("build"))


def sam_build(clone: Path, *arguments: str, uv: bool = True, **variables: str) -> str:
    """Runs `sam build` and returns what it said."""
    done = run_sam(clone, "build", *arguments, uv=uv, **variables)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(clone: Path) -> Path:
    """The default build: python3.13 on arm64, whatever this machine is."""
    sam_build(clone)
    return flat(clone / ".aws-sam/build")


def flat(folder: Path) -> Path:
    """A nested stack's function lies in its folder: here it is found beside the others, too."""
    (folder / "UniTokFunction").symlink_to(folder / "UniTok/UniTokFunction")
    return folder


@pytest.fixture(scope="module")
def built_for_here(clone: Path) -> Path:
    """The build that `make run` uses: for this machine's Python."""
    sam_build(clone, "--build-dir", ".local/build", PACKAGE_FOR=str(LOCAL_PYTHON))
    return flat(clone / ".local/build")


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def binaries(folder: Path) -> list[Path]:
    found = list(folder.rglob("*.so"))
    assert found
    return found


def machine(binary: Path) -> str:
    """Source: the ELF header, e_machine."""
    return ELF_MACHINES[struct.unpack_from("<H", binary.read_bytes(), 18)[0]]


def test_default_build_is_for_python_3_13_on_arm64(built: Path) -> None:
    found = binaries(built)
    assert {machine(binary) for binary in found} == {"arm64"}
    assert {"cp313", "cpython-313", "abi3"} >= {tag_of(binary) for binary in found}


def tag_of(binary: Path) -> str:
    """`cpython-313` of `_x.cpython-313-aarch64-linux-gnu.so`; a bare `_x.so` is loaded by any."""
    parts = binary.name.split(".")
    return "-".join(parts[1].split("-")[:2]) if len(parts) > 2 else "abi3"


def test_build_follows_the_constant(clone: Path) -> None:
    with runs_on(clone, "python3.12", "x86_64"):
        said = sam_build(clone, "SharedLayer", "--build-dir", ".other/build")
    found = binaries(clone / ".other/build")
    assert {machine(binary) for binary in found} == {"x86_64"}
    assert {tag_of(binary) for binary in found} == {"cpython-312"}
    assert "for python3.12 on x86_64" in said


@contextmanager
def runs_on(clone: Path, runtime: str, architecture: str) -> Iterator[None]:
    """The constant of the template is another one for a while."""
    template = clone / "template.yaml"
    before = template.read_text()
    change_runs_on(clone, runtime, architecture)
    yield
    template.write_text(before)


def test_build_needs_no_uv(clone: Path, built: Path) -> None:
    sam_build(clone, "SharedLayer", "--build-dir", ".pip/build", uv=False)
    made_by_pip = names_in(clone / ".pip/build/SharedLayer/python")
    assert made_by_pip == names_in(built / "SharedLayer/python")


@pytest.mark.parametrize(
    ("name", "limit_mb"),
    [("AgentFunction", 60), *((name, 5) for name in sorted(SMALL))],
)
def test_package_is_small(built_for_here: Path, name: str, limit_mb: float) -> None:
    assert 0 < size_mb(built_for_here / name) < limit_mb


def test_what_lambda_brings_is_not_packaged(built: Path) -> None:
    for name in (*HANDLERS, "SharedLayer/python"):
        assert not IN_LAMBDA & names_in(built / name)


def test_nothing_but_code_is_packaged(built: Path) -> None:
    for name in (*HANDLERS, "SharedLayer", "SharedLayer/python"):
        names = names_in(built / name)
        assert not {"bin", "requirements.in", "requirements.txt", "template.yaml"} & names
        assert not [name for name in names if name.startswith(".")]


def test_layer_holds_the_shared_code_and_tracing(built: Path) -> None:
    assert names_in(built / "SharedLayer/python") >= {"longrunning", "aws_xray_sdk", "wrapt"}
    languages = built / "SharedLayer/python/longrunning/people/languages"
    assert names_in(languages) >= {"de.json", "en.json"}


def test_bytecode_is_taken_without_a_look_at_the_source(built_for_here: Path) -> None:
    for name in (*HANDLERS, "SharedLayer"):
        sources = list((built_for_here / name).rglob("*.py"))
        compiled = list((built_for_here / name).rglob("*.pyc"))
        assert len(compiled) >= 0.99 * len(sources) > 0
        flags = {int.from_bytes(path.read_bytes()[4:8], "little") for path in compiled}
        assert flags == {UNCHECKED_HASH}


@pytest.mark.parametrize("function", HANDLERS)
def test_a_package_says_what_it_was_built_for(
    built: Path, built_for_here: Path, function: str
) -> None:
    assert built_for(built / function) == {"python": "3.13", "machine": "aarch64"}
    assert built_for(built_for_here / function) == here()


def built_for(package: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((package / "built_for.json").read_text())
    return found


def here() -> dict[str, str]:
    script = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([LOCAL_PYTHON, "-c", script], capture_output=True, text=True, check=True)
    return {"python": done.stdout.strip(), "machine": platform.machine()}


def test_the_agent_says_in_one_sentence_that_its_package_is_for_something_else(built: Path) -> None:
    """Without it: `cannot import name 'ArgsKwargs' from 'pydantic_core._pydantic_core'`."""
    if here() == built_for(built / "AgentFunction"):
        pytest.skip("The default package is for this very machine.")
    done = import_handler(built, "AgentFunction", "agent_handler")
    said = done.stderr.splitlines()[-1]
    assert "This package was built for Python 3.13 on arm64, but the function runs on " in said
    assert "set RunsOn in template.yaml" in said


@pytest.mark.parametrize("function", sorted({*HANDLERS} - {"AgentFunction"}))
def test_the_other_functions_run_on_what_they_were_not_built_for(
    built: Path, function: str
) -> None:
    """They have no binaries; a link works also where the agent does not."""
    assert not list((built / function).rglob("*.so"))
    done = import_handler(built, function, HANDLERS[function])
    assert done.returncode == 0, done.stderr


def import_handler(build: Path, function: str, module: str) -> subprocess.CompletedProcess[str]:
    """Imports a handler as Lambda does; prints where it and the layer lie."""
    folders = [build / function, build / "SharedLayer/python"]
    files = f"{module}.__file__, longrunning.__file__"
    return subprocess.run(
        [LOCAL_PYTHON, "-B", "-c", f"import longrunning, {module}; print({files}, sep='|')"],
        cwd=build,
        env={"PYTHONPATH": os.pathsep.join(map(str, folders)), "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(("function", "module"), HANDLERS.items())
def test_handler_imports_from_its_package_and_the_layer_alone(
    built_for_here: Path, function: str, module: str
) -> None:
    folders = [built_for_here / function, built_for_here / "SharedLayer/python"]
    done = import_handler(built_for_here, function, module)
    assert done.returncode == 0, done.stderr
    for folder, file in zip(folders, done.stdout.strip().split("|"), strict=True):
        assert folder in Path(file).parents


def test_tools_of_mcp_servers_can_be_added(built_for_here: Path) -> None:
    """Two fifths of the package are there for them alone, cryptography most of all."""
    package, layer = built_for_here / "AgentFunction", built_for_here / "SharedLayer/python"
    script = (
        "import strands.tools.mcp, mcp, cryptography as c; print(mcp.__file__, c.__file__, sep='|')"
    )
    done = subprocess.run(
        [LOCAL_PYTHON, "-B", "-c", script],
        env={"PYTHONPATH": os.pathsep.join(map(str, (package, layer)))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    files = [Path(file) for file in done.stdout.strip().split("|")]
    assert [file for file in files if package not in file.parents] == []


def test_a_missing_python_of_the_target_is_said(clone: Path) -> None:
    with runs_on(clone, "python3.14", "arm64"):
        said = sam_build(clone, "ApprovalFunction", "--build-dir", ".other/build")
    has_it = list((clone / ".other/build").rglob("*.pyc"))
    assert ("with bytecode" if has_it else "WITHOUT bytecode. There is no Python 3.14 here") in said
    assert has_it or "python install 3.14` brings one." in said
