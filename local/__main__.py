"""`python -m local run | demo | task`.

Options come from the environment, as make passes them: PORT, TASK, MODEL_ID, BEDROCK_PROFILE,
PASS, MAIL_FROM, KEEP. `--state-dir` gives a run a folder of its own beside the developer's.
"""

# Nothing here or before `_run` may need a newer Python than the one that is refused.
import argparse
import os
import signal
import sys
from types import FrameType
from typing import Optional

from local import shell

MINIMUM_PYTHON = (3, 11)


class Stopped(BaseException):
    """A signal ends the run. Not KeyboardInterrupt, which Python may answer by ending at once."""


def main() -> int:
    """Runs a command; returns the exit status."""
    if sys.version_info < MINIMUM_PYTHON:
        version = ".".join(map(str, sys.version_info[:3]))
        sys.stderr.write("Python 3.11 or newer is needed; this is " + version + ".\n")
        return 2
    parser = argparse.ArgumentParser(prog="local", description=__doc__)
    parser.add_argument("command", choices=("run", "demo", "task"))
    parser.add_argument("--state-dir", help="instead of .local")
    parser.add_argument("--no-reload", action="store_true", help="leave changed files alone")
    options = parser.parse_args()
    _stop_on_signals()
    _stay_on_this_machine()
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    from importlib import import_module

    from local.console import Console, LocalError

    console = Console()
    try:
        status: int = import_module("local." + options.command).main(console, options)
        return status
    except LocalError as error:
        console.error("\n" + str(error))
        return 1
    except Stopped:
        lost = " What was in it is gone: make run KEEP=1 keeps it."
        is_lost = options.command == "run" and os.environ.get("KEEP", "").strip() != "1"
        console.say(f"\nStopped.{lost * is_lost}")
        return 0 if options.command == "run" else 130


def _stop_on_signals() -> None:
    """The first signal ends the run; later ones must not disturb the cleaning up."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(number: int, frame: Optional[FrameType]) -> None:  # noqa: UP045 - see above
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)
        raise Stopped

    for number in numbers:
        signal.signal(number, stop)


def _stay_on_this_machine() -> None:
    """No proxy of the shell is asked, and no AWS account or setting of it is touched."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "localhost,127.0.0.1,::1"]))
    shell.take_aws()
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        os.environ[name] = os.devnull


if __name__ == "__main__":
    sys.exit(main())
