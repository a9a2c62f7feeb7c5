"""`make upgrade FROM=../newer-clone`, given in a starter: what is newer, and what was changed.

What is the adopter's stays (`manifest.YOURS`). Every other file is one of three:

as it was made           the newer one takes its place
changed by the adopter   stays, where the newer one is as it was made
changed by both          git merges both changes; `.starter/base.zip` has the file as it was made
"""

import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starter import making
from starter.making import BASE, VERSION, StarterError
from starter.manifest import is_yours


@dataclass(frozen=True)
class Change:
    """What an upgrade does to one file.

    Attributes:
        name: The file.
        word: What is said of it, such as `merge`.
        content: What it becomes; None deletes it.
        is_written: Whether anything is done; else it is only said.
    """

    name: str
    word: str
    content: bytes | None = None
    is_written: bool = True


def upgrade(project: Path, root: Path = making.ROOT, *, is_dry: bool = False) -> int:
    """Upgrades the starter in a folder to this repository.

    Args:
        project: The starter.
        root: The newer repository.
        is_dry: Only says what would be done.

    Returns:
        How many files have conflicts.

    Raises:
        StarterError: It is no starter, or has changes that are not committed.
    """
    base = _checked(project, is_dry=is_dry)
    new = making.make_files(root)
    before, after = (project / VERSION).read_text().strip(), new[VERSION].decode().strip()
    print(f"{before} -> {after}")
    changes = list(_changes(project, base, new))
    for change in changes:
        print(f"  {change.word:10} {change.name}")
    conflicts = sum(change.word == "CONFLICT" for change in changes)
    if is_dry:
        print("Nothing was changed: DRY_RUN=1.")
        return conflicts
    _apply(project, [change for change in changes if change.is_written])
    making.write(project, {name: new[name] for name in (VERSION, BASE)})
    print(_what_next(conflicts))
    return conflicts


def _checked(project: Path, *, is_dry: bool) -> dict[str, bytes]:
    """Returns the files as they were made."""
    if not (project / BASE).exists():
        raise StarterError(f"{project} is no starter: it has no {BASE}.")
    if not (project / ".git").exists():
        raise StarterError(
            "Commit the project to git before you upgrade it, so that you can see what an upgrade "
            "changes, and undo it: git init && git add --all && git commit"
        )
    if not is_dry and (changed := making.git(project, "status", "--porcelain")):
        raise StarterError(
            "There are changes that are not committed. Commit or stash them first, so that you can "
            f"see what the upgrade changes:\n{changed.rstrip()}"
        )
    with zipfile.ZipFile(project / BASE) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _changes(
    project: Path, base: Mapping[str, bytes], new: Mapping[str, bytes]
) -> Iterator[Change]:
    """Yields what is to be done, or said, for each file that is not as it will be."""
    for name in sorted({*base, *making.base_of(new)}):
        if is_yours(name):
            if new.get(name) != base.get(name):
                yield Change(name, "yours, and changed in the newer version:", is_written=False)
            continue
        path = project / name
        mine = path.read_bytes() if path.is_file() else None
        if change := _change(name, mine, base.get(name), new.get(name)):
            yield change


def _change(name: str, mine: bytes | None, base: bytes | None, new: bytes | None) -> Change | None:
    if name.endswith(".whl"):
        return _change_of_wheel(name, mine, new)
    if new in (mine, base):
        return None
    if mine == base:
        return Change(name, "remove" if new is None else "replace" if base else "add", new)
    if new is None:
        return Change(
            name, "keep: you have changed it, the newer version has it no more", None, False
        )
    if mine is None:
        return Change(name, "leave out: you have removed it", None, False)
    merged, is_clean = merge(mine, base or b"", new)
    return Change(name, "merge" if is_clean else "CONFLICT", merged)


def _change_of_wheel(name: str, mine: bytes | None, new: bytes | None) -> Change | None:
    if mine == new:
        return None
    return Change(name, "remove" if new is None else "replace" if mine else "add", new)


def merge(mine: bytes, base: bytes, new: bytes) -> tuple[bytes, bool]:
    """Merges two changes of a file.

    Args:
        mine: The adopter's file.
        base: The file as it was made.
        new: The newer one.

    Returns:
        The merged file, and whether it is without conflicts.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("mine", "base", "new")]
        for path, content in zip(paths, (mine, base, new), strict=True):
            path.write_bytes(content)
        labels = ("-L", "yours", "-L", "as it was made", "-L", "the newer version")
        command = ["git", "merge-file", "-p", *labels, *map(str, paths)]
        done = subprocess.run(command, capture_output=True)  # noqa: S603
    if done.returncode < 0 or done.returncode > 127:
        raise StarterError(f"git merge-file failed: {done.stderr.decode().strip()}")
    return done.stdout, done.returncode == 0


def _apply(project: Path, changes: list[Change]) -> None:
    making.write(project, {c.name: c.content for c in changes if c.content is not None})
    for change in changes:
        if change.content is None:
            (project / change.name).unlink()


def _what_next(conflicts: int) -> str:
    undo = "`git restore . && git clean -fd` undoes it."
    if conflicts:
        return (
            f"{conflicts} with conflicts, marked by <<<<<<< in the files: edit those, then `make "
            f"test`, then commit. {undo}"
        )
    return f"Look at `git diff`, then `make test`, then commit. {undo}"
