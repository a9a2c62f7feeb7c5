"""Tries a function's package before it runs: a mistake is said at once, and the old code runs on.

The trial is a process of its own, with the package, the layer and the environment that the function
has. It compiles every file, and imports the handler and whatever own module the code imports only
later, inside a function.
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

TRIAL_SECONDS = 60
_PROCESS = Path(__file__).with_name("trial_process.py")


@dataclass(frozen=True)
class Part:
    """A built folder that is tried.

    Attributes:
        folder: Where it is.
        root: Which folder in it is imported from.
        files: The names of its own files, as opposed to its packages.
    """

    folder: str
    root: str
    files: list[str]


@dataclass(frozen=True)
class Problem:
    """Why code cannot run.

    Attributes:
        part: Which part it lies in; None if it lies in none.
        file: The name of the file in that part.
        line: The line, 0 where there is none.
        error: Such as `SyntaxError: invalid syntax`.
    """

    part: int | None
    file: str
    line: int
    error: str


def try_out(parts: list[Part], handler: str, environment: dict[str, str]) -> Problem | None:
    """Returns why a handler cannot be imported, or None.

    Args:
        parts: The function's package, then its layers.
        handler: Such as `agent_handler.handler`.
        environment: What the process gets.
    """
    given = json.dumps({"handler": handler, "parts": [asdict(part) for part in parts]})
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-B", "-P", str(_PROCESS)],
            input=given,
            env=environment,
            cwd=parts[0].folder,
            capture_output=True,
            text=True,
            timeout=TRIAL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Problem(None, "", 0, f"it was not imported within {TRIAL_SECONDS} s")
    answer = done.stdout.rpartition("\n")[2]  # Before it may stand what the code printed.
    if not answer.startswith("{"):
        tail = "".join(done.stderr.strip().splitlines()[-1:])
        return Problem(None, "", 0, f"its import ended the process. {tail}".strip())
    found = json.loads(answer)
    return Problem(**found) if found else None
