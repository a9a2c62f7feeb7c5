"""A Python that has imported what others wrote, and runs pytest as often as it is told.

Each run is a process of its own, a fork: it imports the project's modules anew, as they are then.
Only the libraries are there before, which take longer to import than most tests take.

    Told: one line of JSON for each run, {"arguments": […], "log": "…", "limit_seconds": …}.
    Says: one line for each, the exit status as `subprocess` has it.
"""

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

LIBRARIES = (
    "_hypothesis_pytestplugin",
    "anyio.pytest_plugin",
    "boto3.session",
    "botocore.auth",
    "botocore.paginate",
    "docstring_parser",
    "hypothesis.stateful",
    "jsonschema",
    "opentelemetry.sdk.trace",
    "pytest",
    "referencing.jsonschema",
    "strands.agent.agent",
    "strands.models.bedrock",
    "xdist.plugin",
    "yaml",
)
SERVICES = ("bedrock-runtime", "dynamodb", "s3", "secretsmanager", "sns", "sqs")
"""What most tests make clients of."""
IMPORTED_BEFORE = "-Wignore::pytest.PytestAssertRewriteWarning"
"""Of plugins among the libraries, pytest would explain their own assertions."""


def main() -> int:
    """Returns the exit status of a run, in its process; in the first one, 0 when all are done."""
    del sys.path[0]  # This file's folder: no library is to find a module of ours there.
    for name in LIBRARIES:
        importlib.import_module(name)
    read_models()
    check_nothing_is_ours()
    gc.freeze()
    for line in sys.stdin:
        told = json.loads(line)
        if (process := os.fork()) == 0:
            with open(told["log"], "w") as log:
                return run(told["arguments"], log, told["limit_seconds"])
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return 0


def read_models() -> None:
    """Reads what botocore makes clients of, as often as a process may want it.

    Each copy is handed out once: botocore changes what it gets.
    """
    import botocore.loaders
    import botocore.session

    loader = botocore.loaders.JSONFileLoader
    load, wanted = loader.load_file, Counter[str]()

    def noting(self: Any, path: str) -> Any:
        wanted[path] += 1
        return load(self, path)

    loader.load_file = noting
    for service in SERVICES:
        session = botocore.session.Session()
        session.set_credentials("testing", "testing")
        session.create_client(service, region_name="eu-west-1")
    ready = {path: [load(loader(), path) for _ in range(n)] for path, n in wanted.items()}

    def load_once(self: Any, path: str) -> Any:
        return ready[path].pop() if ready.get(path) else load(self, path)

    loader.load_file = load_once


def check_nothing_is_ours() -> None:
    """A fork must import every module of the project for itself, and no thread may be lost.

    Raises:
        RuntimeError: One is there already, or another thread.
    """
    here, this = os.getcwd() + os.sep, sys.modules["__main__"]
    others = {n: m for n, m in sys.modules.items() if m is not this}
    files = {name: getattr(module, "__file__", None) or "" for name, module in others.items()}
    ours = [n for n, f in files.items() if f.startswith(here) and "site-packages" not in f]
    if ours or threading.active_count() > 1:
        raise RuntimeError(f"imported too early: {ours}; threads: {threading.enumerate()}")


def run(arguments: list[str], log: TextIO, limit_seconds: int) -> int:
    """Runs pytest as `python -m pytest` does. One that takes too long is ended by its alarm."""
    signal.alarm(limit_seconds)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    for descriptor in (1, 2):
        os.dup2(log.fileno(), descriptor)
    sys.path.insert(0, os.getcwd())
    sys.argv = ["pytest", *arguments]
    return int(sys.modules["pytest"].main([IMPORTED_BEFORE, *arguments]))


class WarmPython:
    """One such Python, in a folder, as its user sees it."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._log = folder.with_suffix(".log")
        command = [sys.executable, str(Path(__file__).resolve())]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, cwd=folder, env=env, text=True, **pipes)

    def pytest(self, arguments: Sequence[str], limit_seconds: int) -> tuple[int, str]:
        """Runs pytest once; returns its exit status, and what it said.

        Raises:
            subprocess.TimeoutExpired: It took too long.
            RuntimeError: There is no such Python any more.
        """
        told = {"arguments": arguments, "log": str(self._log), "limit_seconds": limit_seconds}
        print(json.dumps(told), file=self._process.stdin, flush=True)
        if not (said := self._process.stdout.readline()):
            raise RuntimeError(f"ended with {self._process.wait()}")
        if (status := int(said)) == -signal.SIGALRM:
            raise subprocess.TimeoutExpired(arguments, limit_seconds)
        return status, self._log.read_text(errors="replace")

    def end(self) -> None:
        """Waits for its end, and takes away what it wrote."""
        self._process.communicate()
        self._log.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
