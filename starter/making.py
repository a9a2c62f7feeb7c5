"""All files of a starter, and how they are written into a folder."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from starter import derived, wheels
from starter.manifest import (
    DOCS,
    FILES,
    FOLDERS,
    LIBRARY_FOLDER,
    RENAMED,
    TOOLS_FOLDER,
)

ROOT = Path(__file__).resolve().parents[1]
BASE = ".starter/base.zip"
"""What an upgrade compares with: every file as it was made."""
VERSION = ".starter/version"


class StarterError(Exception):
    """A starter cannot be made or upgraded; the text says what to do."""


def make(folder: str, root: Path = ROOT) -> str:
    """Makes a starter in a folder.

    Args:
        folder: A new or an empty one outside the repository.
        root: The repository.

    Returns:
        What to tell the adopter.

    Raises:
        StarterError: The folder cannot be used, or the repository is no clone.
    """
    target = _usable(folder, root)
    files = make_files(root)
    write(target, files)
    version = files[VERSION].decode().strip()
    return (
        f"{folder} is a project of its own: {len(files)} files, of {version}. Next:\n\n"
        f"  cd {shlex.quote(folder)}\n"
        "  git init && git add --all && git commit --message 'A starter'\n"
        "  make run"
    )


def make_files(root: Path = ROOT) -> dict[str, bytes]:
    """Returns all files of a starter by name, made of the repository as it is on disk.

    Raises:
        StarterError: The repository is no clone.
    """
    here = tracked_files(root)
    version = version_of(root, here["CHANGELOG.md"].decode())
    library, tools = wheels.library(here, version), wheels.tools(here, version)
    files = {n: c for n, c in here.items() if n in FILES or n.startswith(_in_folders())}
    files |= {new: here[old] for old, new in RENAMED.items()}
    rules = here["starter/files/rules.mk"].decode()
    files["Makefile"] = derived.makefile(here["Makefile"].decode(), rules).encode()
    files[f"{LIBRARY_FOLDER}/{library.file_name}"] = library.content
    files[f"{TOOLS_FOLDER}/{tools.file_name}"] = tools.content
    files["src/layer/python/.gitkeep"] = b""  # people.toml comes here; package.py needs the folder.
    _name_wheels(files, library, tools)
    docs = {f"docs/{name}.md": here[f"docs/{name}.md"] for name in DOCS}
    names = {*files, *docs}
    for name, content in docs.items():
        files[name] = derived.document(content.decode(), name, names).encode()
    files[VERSION] = f"{version}\n".encode()
    files[BASE] = wheels.zipped(base_of(files))
    return dict(sorted(files.items()))


def base_of(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Returns what an upgrade compares with; a wheel's name says what is in it."""
    wanted = {n: c for n, c in files.items() if not n.startswith(".starter/")}
    return {n: b"" if n.endswith(".whl") else c for n, c in sorted(wanted.items())}


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files into a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def git(folder: Path, *arguments: str) -> str:
    """Runs git in a folder, and returns what it prints.

    Raises:
        StarterError: There is no git, or it fails.
    """
    if not shutil.which("git"):
        raise StarterError("There is no git on this machine's PATH: install it first.")
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise StarterError(f"git {arguments[0]} in {folder} failed: {done.stderr.strip()}")
    return done.stdout


def tracked_files(root: Path) -> dict[str, bytes]:
    """Returns the files that git knows, as they are on disk, by name.

    Raises:
        StarterError: The folder is no clone: only git tells what belongs to the project.
    """
    if not (root / ".git").exists():
        raise StarterError(
            f"{root} is no git clone. Clone the project, and make the starter there."
        )
    names = git(root, "ls-files", "-z").split("\0")[:-1]
    return {name: (root / name).read_bytes() for name in names if (root / name).is_file()}


def version_of(root: Path, changelog: str) -> str:
    """Returns the newest version of the change log, with the commit, such as 0.1.0+g7d662d1."""
    released = re.search(r"^## \[(\d[^]]*)\]", changelog, re.MULTILINE)
    commit = git(root, "rev-parse", "--short=7", "HEAD").strip()
    changed = ".changed" if git(root, "status", "--porcelain", "--untracked-files=no") else ""
    return f"{released[1] if released else '0'}+g{commit}{changed}"


def _usable(folder: str, root: Path) -> Path:
    if not folder:
        raise StarterError("Say where the project shall be: make starter DIR=../my-agent")
    target = Path(folder).expanduser().resolve()
    if target.is_relative_to(root):
        raise StarterError(
            f"DIR={folder} lies in this repository: name a folder outside, such as ../my-agent"
        )
    if target.exists() and not target.is_dir():
        raise StarterError(f"DIR={folder} is a file: name a new folder.")
    if target.is_dir() and any(target.iterdir()):
        raise StarterError(f"DIR={folder} is not empty: name a new folder.")
    return target


def _in_folders() -> tuple[str, ...]:
    return tuple(f"{folder}/" for folder in FOLDERS)


def _name_wheels(files: dict[str, bytes], library: wheels.Wheel, tools: wheels.Wheel) -> None:
    """Adds the wheels to what names packages: with hashes to .txt, without to .in."""
    both = library.requirement(LIBRARY_FOLDER) + tools.requirement(TOOLS_FOLDER)
    in_layer = library.requirement(LIBRARY_FOLDER.rpartition("/")[2])
    for stem, lines in (
        ("requirements/test", both),
        ("requirements/local", both),
        ("src/layer/requirements", in_layer),
    ):
        pins = derived.pins(files[f"{stem}.txt"].decode() + lines)
        files[f"{stem}.txt"] = pins.encode()
        names = re.sub(r" \\\n +--hash.*", "", lines)
        # First: at the end the next version would meet what an adopter has added.
        files[f"{stem}.in"] = names.encode() + files[f"{stem}.in"]
