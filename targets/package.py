"""Makes one package for Lambda out of one folder under src/, on any machine with a Python.

    python3 package.py <runtime> <architecture> <source folder> <artifacts folder>

`sam build` runs it through targets/<runtime>-<architecture>/Makefile. The template chooses that
folder by its mapping RunsOn, so a package is always made for what the function will run on,
whatever this machine is:

1. the packages of requirements.txt, by uv where there is one and else by pip: ready-made wheels of
   the target only, with their hashes checked. What Lambda brings itself (boto3) is not among them.
2. the folder's own files.
3. for a function, built_for.json: the Python and the processor that the package is for. The
   agent's handler compares them with what it runs on.
4. bytecode, which makes a cold start two to four times faster, where a Python of the target's
   minor version is at hand. It must be that very version: Python ignores any other's.

PACKAGE_FOR=<a Python> in the environment makes packages that run on that Python, on this machine:
`make run` runs the functions so, without a container.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
BUILT_FOR = "built_for.json"
"""As `longrunning.built_for` reads it."""

LEFT_OUT = shutil.ignore_patterns("requirements.*", "template.yaml", "__pycache__", ".*")

VERSION_MANAGERS = (
    ("PYENV_ROOT", "~/.pyenv", "versions"),
    ("ASDF_DATA_DIR", "~/.asdf", "installs/python"),
    ("MISE_DATA_DIR", "~/.local/share/mise", "installs/python"),
)
"""The variable that moves each, its usual folder, and where in it is one folder a version."""

PLACES = (
    "~/.local/bin/python{version}",
    "/usr/local/bin/python{version}",
    "/opt/homebrew/bin/python{version}",
    "/opt/local/bin/python{version}",
    "/home/linuxbrew/.linuxbrew/bin/python{version}",
    "/Library/Frameworks/Python.framework/Versions/{version}/bin/python{version}",
)
"""Where a Python may be that the PATH leaves out: uv's own, Homebrew's, MacPorts', python.org's."""


def main() -> None:
    """Reads the arguments, makes the package and says what it made."""
    runtime, architecture, source, artifacts = sys.argv[1:]
    version, machine = runtime.removeprefix("python"), MACHINES[architecture]
    host = os.environ.get("PACKAGE_FOR")
    destination = Path(artifacts)
    # A layer keeps its packages beside its modules: both are imported from /opt/python.
    is_layer = (Path(source) / "python").is_dir()

    requirements = Path(source) / "requirements.txt"
    if requirements.exists():
        packages = destination / "python" if is_layer else destination
        install(requirements, packages, target_options(version, machine, host))
        shutil.rmtree(packages / "bin", ignore_errors=True)  # console scripts: nobody calls them
        (packages / ".lock").unlink(missing_ok=True)  # uv's own
    shutil.copytree(source, destination, ignore=LEFT_OUT, dirs_exist_ok=True)

    if not is_layer:
        (destination / BUILT_FOR).write_text(built_for(version, machine, host) + "\n")

    python = host or find_python(version)
    if python:
        compile_bytecode(python, destination, "/opt" if is_layer else "/var/task")
    name = f"{runtime} on {architecture}" if not host else f"{host}, on this machine"
    files = (file for file in destination.rglob("*") if file.is_file())
    size_mb = sum(file.stat().st_size for file in files) / 1e6
    note = "with bytecode" if python else f"WITHOUT bytecode. {why_without(version)}"
    print(f"{destination.name}: {size_mb:.1f} MB for {name}, {note}", flush=True)


def built_for(version: str, machine: str, host: str | None) -> str:
    """Returns the JSON of what a package is for; a host is asked what it is."""
    if not host:
        return json.dumps({"python": version, "machine": machine})
    script = (
        "import json, platform, sys; v = '%d.%d' % sys.version_info[:2]; "
        "print(json.dumps({'python': v, 'machine': platform.machine()}))"
    )
    asked = subprocess.run([host, "-c", script], stdout=subprocess.PIPE, text=True)  # noqa: S603
    if asked.returncode:
        sys.exit(f"PACKAGE_FOR={host} is no Python that runs here.")
    return asked.stdout.strip()


def target_options(version: str, machine: str, host: str | None) -> dict[str, list[str]]:
    """Returns how uv and pip are told what to install for."""
    if host:
        return {"uv": ["--python", host], "pip": ["--python", host]}
    # manylinux2014 (glibc 2.17) runs on Amazon Linux 2 (Python 3.11) and 2023 (3.12 and newer).
    platforms = [f"manylinux2014_{machine}", f"manylinux_2_17_{machine}"]
    return {
        "uv": [
            *("--python", sys.executable, "--python-version", version),
            *("--python-platform", f"{machine}-manylinux2014"),
        ],
        "pip": [
            *(option for platform in platforms for option in ("--platform", platform)),
            *("--python-version", version, "--implementation", "cp"),
        ],
    }


def install(requirements: Path, folder: Path, options: dict[str, list[str]]) -> None:
    """Installs exactly the pinned wheels into a folder; a wheel that is missing is an error."""
    common = ["--target", str(folder), "--only-binary", ":all:", "--no-deps", "--require-hashes"]
    common += ["--quiet", "--requirement", str(requirements)]
    uv = find_uv()
    if uv:
        run([uv, "pip", "install", *options["uv"], *common])
        return
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    if subprocess.run([*pip, "--version"], capture_output=True).returncode:  # noqa: S603
        sys.exit(f"Neither uv nor pip was found for {sys.executable}: install one of them.")
    if "--python" in options["pip"]:
        sys.exit("PACKAGE_FOR needs uv: `make run` brings it.")
    run([*pip, "install", "--no-compile", "--no-warn-conflicts", *options["pip"], *common])


def find_uv() -> str | None:
    """Returns uv from the PATH, or the one that `make` keeps for its environments."""
    return shutil.which("uv") or shutil.which("uv", path=str(ROOT / ".venv/uv/bin"))


def find_python(version: str) -> str | None:
    """Returns a Python of exactly this minor version, such as "3.13", if this machine has one.

    Of those that are kept side by side, as pyenv does it, the newest patch.
    """
    for python in at_hand(version):
        if patch_of(python, version) is not None:
            return python
    kept = ((patch_of(python, version), python) for python in kept_aside(version))
    newest = max(((patch, python) for patch, python in kept if patch is not None), default=None)
    return newest[1] if newest else None


def at_hand(version: str) -> Iterator[str]:
    """Yields this Python, the one on the PATH and the one that uv finds: each may be another's."""
    yield sys.executable
    yield from filter(None, [shutil.which(f"python{version}")])
    uv = find_uv()
    if uv:
        # Not a virtual environment's, such as this project's: uv would stop at what it finds there.
        find = [uv, "python", "find", "--system", "--no-project", version]
        found = subprocess.run(find, capture_output=True, text=True)  # noqa: S603
        yield from filter(None, [found.stdout.strip()])


def kept_aside(version: str) -> Iterator[str]:
    """Yields every Python of a version in the places where installers keep what no PATH names."""
    for variable, usual, versions in VERSION_MANAGERS:
        folder = Path(os.environ.get(variable) or os.path.expanduser(usual)) / versions
        yield from map(str, folder.glob(f"{version}*/bin/python"))
    for place in PLACES:
        python = Path(os.path.expanduser(place.format(version=version)))
        if python.exists():
            yield str(python)


def patch_of(python: str, version: str) -> int | None:
    """Asks a Python what it is, and returns its patch: 4 of 3.13.4, None of any other version.

    A name may be a stand-in that only says how to install the real one. Bytecode is the same for
    all of a minor version from its first release candidate on, and only among CPythons.
    """
    script = "import sys; print(sys.implementation.cache_tag, *sys.version_info[2:4])"
    try:
        asked = subprocess.run([python, "-c", script], capture_output=True, text=True)  # noqa: S603
    except OSError:
        return None
    tag = re.escape(f"cpython-{version.replace('.', '')}")
    answer = re.fullmatch(rf"{tag} (\d+) (?:candidate|final)", asked.stdout.strip())
    return int(answer[1]) if answer else None


def why_without(version: str) -> str:
    """Returns why there is no bytecode, what that means and how to have it."""
    return (
        f"There is no Python {version} here, so a cold start takes two to four times as long: "
        f"`{fetch_command(version)}` brings one."
    )


def fetch_command(version: str) -> str:
    """Returns the command that brings a Python, to be typed in the project's folder."""
    uv = shutil.which("uv")
    ours = None if uv else find_uv()
    return f"{os.path.relpath(ours, ROOT) if ours else 'uv'} python install {version}"


def compile_bytecode(python: str, folder: Path, root_in_lambda: str) -> None:
    """Compiles every module, so that it is read without looking at its source."""
    options = ["-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    paths = ["-s", str(folder), "-p", root_in_lambda, str(folder)]
    run([python, "-m", "compileall", *options, *paths])


def run(command: list[str]) -> None:
    """Runs a command; its own words are the error message."""
    done = subprocess.run(command)  # noqa: S603
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
