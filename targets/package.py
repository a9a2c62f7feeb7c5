"""Makes one package for Lambda out of one folder under src/, on any machine with a Python.

    python3 package.py <runtime> <architecture> <source folder> <artifacts folder>

`sam build` runs it through targets/<runtime>-<architecture>/Makefile. The template chooses that
folder by its mapping RunsOn, so a package is always made for what the function will run on,
whatever this machine is:

1. the packages of requirements.txt, by uv where there is one and else by pip: ready-made wheels of
   the target only, with their hashes checked. What Lambda brings itself (boto3) is not among them.
2. the folder's own files.
3. bytecode, which makes a cold start two to four times faster, where a Python of the target's
   minor version is at hand. It must be that very version: Python ignores any other's.

PACKAGE_FOR=<a Python> in the environment makes packages that run on that Python, on this machine:
`make run` runs the functions so, without a container.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
LEFT_OUT = shutil.ignore_patterns("requirements.*", "template.yaml", "__pycache__", ".*")


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

    python = host or find_python(version)
    if python:
        compile_bytecode(python, destination, "/opt" if is_layer else "/var/task")
    name = f"{runtime} on {architecture}" if not host else f"{host}, on this machine"
    files = (file for file in destination.rglob("*") if file.is_file())
    size_mb = sum(file.stat().st_size for file in files) / 1e6
    note = "with" if python else f"WITHOUT (there is no Python {version} here: slower cold starts)"
    print(f"{destination.name}: {size_mb:.1f} MB for {name}, {note} bytecode", flush=True)


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
    """Returns a Python of exactly this minor version, such as "3.13", if this machine has one."""
    candidates = [sys.executable, shutil.which(f"python{version}")]
    uv = find_uv()
    if uv:
        # Not a virtual environment's, such as this project's: uv would stop at what it finds there.
        find = [uv, "python", "find", "--system", "--no-project", version]
        found = subprocess.run(find, capture_output=True, text=True)  # noqa: S603
        candidates.append(found.stdout.strip())
    script = "import sys; print('%d.%d' % sys.version_info[:2])"
    for python in filter(None, candidates):
        # A name may be a stand-in that only says how to install the real one: ask it.
        answer = subprocess.run([python, "-c", script], capture_output=True, text=True)  # noqa: S603
        if answer.returncode == 0 and answer.stdout.strip() == version:
            return python
    return None


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
