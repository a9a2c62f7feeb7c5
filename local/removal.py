"""Removes the folders of a run without waiting: each worker has all its packages in its own.

Thousands of files take a disk up to a minute. So a folder is moved out of the way, which takes no
time, and a process of its own removes it.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

_IN_THE_BACKGROUND = 'rm -rf -- "$@" &'


def remove(folders: Iterable[Path], beside: Path) -> None:
    """Removes folders, and what an interrupted removal has left.

    Args:
        folders: What is to go; one that is not there is left out.
        beside: The folder beside which they are put for as long as their removal takes.
    """
    for folder in folders:
        if folder.is_dir():
            _move_away(folder, beside)
    gone = [str(path) for path in beside.parent.glob(f"{beside.name}-gone-*")]
    if gone:
        subprocess.run(  # noqa: S603
            ["sh", "-c", _IN_THE_BACKGROUND, "sh", *gone],  # noqa: S607
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C does not end it.
            check=False,
        )


def _move_away(folder: Path, beside: Path) -> None:
    try:
        place = tempfile.mkdtemp(prefix=f"{beside.name}-gone-", dir=beside.parent)
        folder.rename(Path(place) / folder.name)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)  # Nothing may be put there: it takes its time.
