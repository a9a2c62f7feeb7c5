"""The real `sam build`, for this machine's Python and processor, skipped when nothing changed."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.artifacts import zip_folder
from local.console import LocalError
from local.places import with_sources
from local.settings import ARTIFACTS_BUCKET, REGION, Settings

# What the build reads. A change of any other file builds nothing.
_TRANSFORM = Path(__file__).with_name("transform.py")
_INPUT_FILES = ("template.yaml", "samconfig.toml")
_INPUT_FOLDERS = ("src", "targets", "monitoring")
_ERROR_LINES = 30


@dataclass(frozen=True)
class Build:
    """What `sam build` and the SAM transform made.

    Attributes:
        templates: The processed templates: the root as "", the others by their application.
        artifacts: The zip of each function and layer, by logical id.
        sources: The folder each of them is built from.
        sam_ids: What `sam build` calls each of them.
        is_new: False when an earlier build was still good.
    """

    templates: dict[str, dict[str, Any]]
    artifacts: dict[str, bytes]
    sources: dict[str, Path]
    sam_ids: dict[str, str]
    is_new: bool

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources of all templates: no two have the same logical id."""
        found = {}
        for template in self.templates.values():
            found |= template["Resources"]
        return found


def build(settings: Settings) -> Build:
    """Builds every function and layer, or finds them built.

    Raises:
        LocalError: sam is not there, or the build fails; the message carries its last lines.
    """
    _require_sam(settings)
    with _locked(settings.build_dir):
        stamp = settings.build_dir / "fingerprint"
        current = fingerprint(settings)
        is_new = not stamp.exists() or stamp.read_text() != current
        if is_new:
            stamp.unlink(missing_ok=True)
            _build_all(settings)
            stamp.write_text(current)
        processed = json.loads((settings.build_dir / "processed.json").read_text())
        zips = {name: _zip_path(settings, name).read_bytes() for name in processed["artifacts"]}
    sources = {name: Path(folder) for name, folder in processed["sources"].items()}
    return Build(processed["templates"], zips, sources, processed["sam_ids"], is_new)


def rebuild(settings: Settings, sam_id: str, folder: Path) -> None:
    """Builds one function or layer again, packages included, into `folder / its logical id`.

    Raises:
        LocalError: The build fails.
    """
    _sam_build(settings, folder, sam_id)
    built, wanted = folder / sam_id, folder / Path(sam_id).name
    if built != wanted:
        built.rename(wanted)


def copy_built(settings: Settings, logical_id: str, folder: Path) -> None:
    """Copies what the last full build made of a function or layer into `folder / logical_id`."""
    with _locked(settings.build_dir):
        with zipfile.ZipFile(_zip_path(settings, logical_id)) as archive:
            archive.extractall(folder / logical_id)


def _build_all(settings: Settings) -> None:
    folder = settings.build_dir / "build"
    _sam_build(settings, folder)
    command = [str(settings.sam_python), str(_TRANSFORM)]
    command += [str(settings.root / "template.yaml"), str(folder / "template.yaml")]
    text = _run(settings, [*command, ARTIFACTS_BUCKET, json.dumps(settings.runs_on)])
    shutil.rmtree(settings.build_dir / "zips", ignore_errors=True)
    (settings.build_dir / "zips").mkdir()
    for logical_id, built in json.loads(text)["artifacts"].items():
        _zip_path(settings, logical_id).write_bytes(zip_folder(Path(built)))
    (settings.build_dir / "processed.json").write_text(text)


def _sam_build(settings: Settings, folder: Path, *logical_ids: str) -> None:
    _run(settings, [str(settings.sam), "build", *logical_ids, "--build-dir", str(folder)])


def _run(settings: Settings, command: list[str]) -> str:
    """Runs a tool of the SAM environment in its own process group, so that Ctrl-C ends it whole."""
    process = subprocess.Popen(  # noqa: S603
        command,
        cwd=settings.root,
        env=_tool_environment(settings),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if process.returncode != 0:
        lines = f"{output}\n{errors}".strip().splitlines()[-_ERROR_LINES:]
        words = " ".join(Path(word).name for word in command[:2])
        said = with_sources("\n".join(lines), settings.root)
        raise LocalError(f"{words} failed:\n\n{said}")
    return output


def _tool_environment(settings: Settings) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    path = os.pathsep.join([str(settings.sam.parent), kept.get("PATH", os.defpath)])
    return kept | {
        "PATH": path,
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": REGION,
        "PACKAGE_FOR": sys.executable,  # The functions will run on this very Python.
    }


def _require_sam(settings: Settings) -> None:
    if not settings.sam.exists():
        where = settings.sam.relative_to(settings.root)
        raise LocalError(
            f"The SAM CLI is missing ({where}). `make run` installs it; "
            "if that failed, delete .venv and run it again."
        )


def fingerprint(settings: Settings) -> str:
    """Returns a hash over everything the build reads."""
    digest = hashlib.sha256()
    runs_on = [sys.version, settings.runs_on]  # What the packages are for.
    digest.update(json.dumps([str(settings.root), *runs_on]).encode())
    digest.update(str(settings.sam.stat().st_mtime_ns).encode())
    for path in (Path(__file__), _TRANSFORM):
        digest.update(path.read_bytes())
    for path in _inputs(settings.root):
        content = path.read_bytes()
        digest.update(f"\0{path.relative_to(settings.root)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _inputs(root: Path) -> Iterator[Path]:
    yield from (root / name for name in _INPUT_FILES if (root / name).exists())
    for folder in _INPUT_FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _zip_path(settings: Settings, logical_id: str) -> Path:
    return settings.build_dir / "zips" / f"{logical_id}.zip"


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One build at a time in this folder; the system lets go if the process dies."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
