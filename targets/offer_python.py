"""Offers to fetch the Python whose bytecode the packages lack. `make deploy` runs it after a build.

    python -m targets.offer_python <the command that builds again>

It says nothing where the packages have their bytecode. Else it asks, in a terminal only; the usual
answer is no. Whatever the answer, the packages are good to deploy: they only start more slowly.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from targets.package import BUILT_FOR, fetch_command, find_uv, why_without

BUILT = Path(".aws-sam/build")


def main() -> None:
    """Offers, fetches, and has the packages built again."""
    version = lacking(BUILT)
    if not version:
        return
    print(f"The packages have no bytecode. {why_without(version)}")
    if not (sys.stdin.isatty() and wants(f"Run `{fetch_command(version)}` and build again?")):
        return
    uv = find_uv() or "uv"
    if subprocess.run([uv, "python", "install", version]).returncode:  # noqa: S603
        print(f"Python {version} was not fetched. The packages stay as they are.")
        return
    sys.exit(subprocess.run(sys.argv[1:]).returncode)  # noqa: S603


def lacking(built: Path) -> str | None:
    """Returns the version of Python, such as "3.13", whose bytecode a built package lacks."""
    for file in sorted(built.glob(f"*/{BUILT_FOR}")):
        version: str = json.loads(file.read_text())["python"]
        tag = version.replace(".", "")
        if not any(file.parent.rglob(f"*.cpython-{tag}.pyc")):
            return version
    return None


def wants(question: str) -> bool:
    """Asks in the terminal; only a plain yes is one."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False


if __name__ == "__main__":
    main()
