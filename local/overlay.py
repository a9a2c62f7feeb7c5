"""A folder's own files laid over what was built of it: packages stay, so it takes no time."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

PACKAGES_FILE = "requirements.txt"


def own_files(source: Path) -> dict[str, bytes]:
    """Returns the files of a source folder that go into its package, by relative path."""
    files = {}
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if path.is_file() and not _is_left_out(name):
            try:
                files[name.as_posix()] = path.read_bytes()
            except OSError:
                continue  # An editor's temporary file, gone by now.
    return files


def lay_over(package: Path, before: Iterable[str], files: dict[str, bytes]) -> None:
    """Puts files into a built package in the place of its own files of before."""
    for name in {*before, *files}:
        _forget(package / name)
    for name, content in files.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_bytes(content)


def packages_of(source: Path) -> bytes:
    """Returns what names the packages of a folder; a change of it needs a real build."""
    path = source / PACKAGES_FILE
    return path.read_bytes() if path.exists() else b""


def _forget(path: Path) -> None:
    """Python believes the bytecode of a package without a look at its source: both must go."""
    path.unlink(missing_ok=True)
    if path.suffix == ".py":
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


def _is_left_out(name: Path) -> bool:
    hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
    return hidden or name.name == "template.yaml" or name.name.startswith("requirements.")
