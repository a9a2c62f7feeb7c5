"""Where a function starts: as a process of this machine, or in a container of Lambda's image."""

import compileall
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from local.build import build, copy_built
from local.settings import architecture, make_settings

from benchmarks.cold_start.share import Join

ROOT = Path(__file__).resolve().parents[2]
IN_LAMBDA = Path(__file__).parent / "in_lambda"
SOURCES = {
    "AgentFunction": "src/agent",
    "ApprovalFunction": "src/approval_api",
    "SweeperFunction": "src/sweeper",
    "OperatorFunction": "src/operator_api",
    "UniTokFunction": "src/unitok",
    "SharedLayer": "src/layer",
}
BROUGHT_BY_LAMBDA = (
    *("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"),
    *("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py"),
)
RUNTIMES = ("python3.13", "python3.14", "python3.12", "python3.11")
"""Of which an image is looked for, in this order."""


class Place(Protocol):
    """Starts a function; `built` holds a folder per function and one of the layer."""

    title: str
    built: Path
    has_bytecode: bool

    def start(self, function: str, variables: Mapping[str, str], notes: Path) -> "Started":
        """Starts the runtime client with the function's package on its path."""


@dataclass(frozen=True)
class Started:
    """A process that runs, and when it began (`time.monotonic`); 0 where its notes know better."""

    process: "subprocess.Popen[bytes]"
    at: float
    container: str = ""

    def end(self) -> str:
        """Ends it; returns what it wrote."""
        if self.container:
            _docker("kill", self.container)
        self.process.kill()
        return self.process.communicate()[0].decode(errors="replace")


@dataclass(frozen=True)
class Process:
    """A process of this machine: packages as `make run` builds them, no site packages beside."""

    built: Path
    runtime: Path
    """The folder with what Lambda brings."""
    has_bytecode: bool
    join: Join | None = None
    """Puts the process into a group with a share of a processor; None: it has all there is."""
    title: str = f"As a process: Python {platform.python_version()} on {platform.machine()}"

    def start(self, function: str, variables: Mapping[str, str], notes: Path) -> Started:
        """Starts the runtime client; what it imports is compiled already, or not at all."""
        folders = (IN_LAMBDA, self.built / function, self.built / "SharedLayer/python")
        environment = {
            **variables,
            "PATH": os.defpath,
            "LANG": "en_US.UTF-8",
            "LAMBDA_TASK_ROOT": str(self.built / function),
            "PYTHONPATH": os.pathsep.join(map(str, (*folders, self.runtime))),
            "PYTHONDONTWRITEBYTECODE": "1",  # Lambda's folders are read-only, too.
            "NOTES_FILE": str(notes),
        }
        command = [sys.executable, "-S", "-m", "awslambdaric", "first_line.handler"]
        at = time.monotonic()
        process = _popen(command, self.built / function, environment, self.join)
        return Started(process, at)


@dataclass(frozen=True)
class Container:
    """A container of Lambda's image, which reaches 127.0.0.1 of this machine (Linux)."""

    built: Path
    image: str
    has_bytecode: bool

    @property
    def title(self) -> str:
        """Names the image."""
        return f"In a container: {self.image}"

    def start(self, function: str, variables: Mapping[str, str], notes: Path) -> Started:
        """Starts the image's own runtime client; its process notes when it began."""
        name = f"cold-start-{uuid.uuid4().hex}"
        folders = {
            self.built / function: "/var/task",
            self.built / "SharedLayer": "/opt",
            IN_LAMBDA: "/in_lambda",
        }
        mounts = [f"--volume={folder}:{place}:ro" for folder, place in folders.items()]
        mounts.append(f"--volume={notes.parent}:/notes")
        told = {
            **variables,
            "PYTHONPATH": "/in_lambda:/opt/python:/var/runtime",
            "PYTHONDONTWRITEBYTECODE": "1",
            "NOTES_FILE": f"/notes/{notes.name}",
        }
        options = ["--rm", "--network=host", f"--name={name}", *mounts]
        options += [f"--env={key}={value}" for key, value in told.items()]
        command = ["docker", "run", *options, self.image, "first_line.handler"]
        return Started(_popen(command), 0, name)


def processes(folder: Path) -> list[Process]:
    """Builds, or finds built, what `make run` uses; with its bytecode and without."""
    settings = make_settings(0)
    build(settings)
    for name in SOURCES:
        copy_built(settings, name, folder / "built")
    bare = _without_bytecode(folder / "built", folder / "without")
    runtime = _runtime(folder / "runtime")
    return [
        Process(folder / "built", runtime, has_bytecode=True),
        Process(bare, runtime, has_bytecode=False),
    ]


def containers(folder: Path) -> list[Container] | str:
    """Builds for an image that is here; or says why there is none. Downloads no image."""
    if platform.system() != "Linux":
        return "containers reach 127.0.0.1 of this machine on Linux only"
    if not _docker("info", "--format", "{{.ServerVersion}}"):
        return "no container engine answers"
    images = {runtime: _image(runtime) for runtime in RUNTIMES}
    here = [r for r, image in images.items() if _docker("image", "inspect", image)]
    if not here:
        return f"none of the images is here: {', '.join(images.values())}"
    for name, source in SOURCES.items():
        package = [str(ROOT / "targets/package.py"), here[0], architecture(), source]
        _run([sys.executable, *package, str(folder / "built" / name)])
    image = images[here[0]]
    bare = Container(_without_bytecode(folder / "built", folder / "without"), image, False)
    compiled = Container(folder / "built", image, True)
    has_bytecode = any((folder / "built").rglob("*.pyc"))
    return [compiled, bare] if has_bytecode else [bare]


def _image(runtime: str) -> str:
    version = runtime.removeprefix("python")
    return f"public.ecr.aws/lambda/python:{version}-{architecture()}"


def _without_bytecode(built: Path, folder: Path) -> Path:
    shutil.copytree(built, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _runtime(folder: Path) -> Path:
    """Links what Lambda brings into one folder, compiled, so that nothing else is on the path."""
    folder.mkdir()
    for name in BROUGHT_BY_LAMBDA:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"{name}: not in this environment", name=name)
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        compileall.compile_dir(source, quiet=1) if source.is_dir() else None
        (folder / source.name).symlink_to(source)
    return folder


def _popen(
    command: list[str],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    join: Join | None = None,
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603
        command,
        cwd=cwd,
        env=env,
        preexec_fn=join,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def _docker(*arguments: str) -> str:
    """Runs docker; returns what it says, or "" when it fails or is not there."""
    docker = shutil.which("docker")
    if not docker:
        return ""
    done = subprocess.run([docker, *arguments], capture_output=True, text=True)  # noqa: S603
    return done.stdout.strip() if done.returncode == 0 else ""


def _run(command: list[str]) -> None:
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
