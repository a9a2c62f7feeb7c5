"""Bedrock for the agent's function, on wish: calls of it leave this machine, and nothing else does.

Every other AWS call of the function goes to the emulator with the emulator's credentials. Those of
the profile are known to one child process alone (`local.bedrock_process`), which signs anew what
the function sends it; no function, no file and no log ever has them.
"""

import contextlib
import json
import os
import secrets
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from local import shell
from local.bedrock_profile import hint
from local.console import LocalError
from local.settings import SCRIPTED, Settings

VARIABLE = "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"
NOWHERE = "http://127.0.0.1:1"
"""Nothing listens there. The emulator has a Bedrock, too, which answers any model with phrases."""

READY_SECONDS = 300
"""A profile may ask for a code, or for a click in a browser."""

_NOT_OF_A_PROFILE = (
    *("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_CREDENTIAL_EXPIRATION", "AWS_BEARER_TOKEN_BEDROCK"),
)


class Bedrock:
    """The process that calls Bedrock with a profile; without one, nothing.

    Args:
        settings: Which profile and which model.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._secret = secrets.token_urlsafe(24)
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self.region = ""

    @property
    def function_environment(self) -> dict[str, str]:
        """What the agent's function finds: where Bedrock is."""
        if self._port:
            return {VARIABLE: f"http://127.0.0.1:{self._port}/{self._secret}"}
        return {} if self._settings.model_id == SCRIPTED else {VARIABLE: NOWHERE}

    def start(self) -> None:
        """Starts the process, where there is a profile, and waits until that has credentials.

        Raises:
            LocalError: The profile is no use; the message says what to do.
        """
        if not self._settings.bedrock_profile:
            return
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._process = _open(listener.fileno())
            given = {
                "profile": self._settings.bedrock_profile,
                "model_id": self._settings.model_id,
                "secret": self._secret,
            }
            self._write(json.dumps(given))
            self.region = self._read_region()
            self._port = listener.getsockname()[1]

    def follow(self, say: Callable[[str], None]) -> None:
        """Has every call that fails said, in the background."""
        if self._process:
            threading.Thread(target=self._follow, args=(say,), daemon=True).start()

    def close(self) -> None:
        """Ends the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError, AttributeError):
                stream.close()  # type: ignore[union-attr]

    def _write(self, line: str) -> None:
        if self._process and self._process.stdin:
            with contextlib.suppress(BrokenPipeError):  # It has ended: what it said says why.
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()

    def _read_region(self) -> str:
        output = self._process.stdout if self._process else None
        if output is None or not select.select([output], [], [], READY_SECONDS)[0]:
            raise LocalError(
                f"BEDROCK_PROFILE={self._settings.bedrock_profile}: its credentials did not come "
                f"in {READY_SECONDS} s."
            )
        line = output.readline()
        said = json.loads(line) if line else {"problem": "The process that calls Bedrock ended."}
        if "problem" in said:
            raise LocalError(said["problem"])
        return str(said["region"])

    def _follow(self, say: Callable[[str], None]) -> None:
        process = self._process
        with contextlib.suppress(OSError, ValueError):  # Closed: the run is over.
            for line in process.stdout if process and process.stdout else ():
                say(self._problem(json.loads(line)))
        if self._process is not None:
            say("The process that calls Bedrock has ended: start again (Ctrl-C, then make run).")

    def _problem(self, said: dict[str, str]) -> str:
        todo = hint(said["code"], self._settings.bedrock_profile, self.region)
        words = f"Bedrock, {said['code']}: {' '.join(said['message'].split())}"
        return f"{words}\n  What to do: {todo}." if todo else words


def _open(descriptor: int) -> "subprocess.Popen[str]":
    """Starts the process in this terminal's session: a profile may ask for a code there."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith("AWS_")}
    of_shell = {n: v for n, v in shell.AWS.items() if n not in _NOT_OF_A_PROFILE}
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "local.bedrock_process", str(descriptor)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=kept | of_shell,
        cwd=Path(__file__).resolve().parent.parent,
        pass_fds=(descriptor,),
        text=True,
    )
