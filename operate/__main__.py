"""`python -m operate COMMAND`, with the layer's modules on the path.

The commands are approvals, approvers, inbox, ledger, redrive and smoke. Options come from the
environment, as make passes them: STACK names a deployed stack, else it is the one of `make run`.
`--state-dir` names another local one.
"""

import argparse
import io
import os
import signal
import sys
from pathlib import Path

from operate import approvals, approvers, ledger, redrive, sign_in, smoke, stacks
from operate.errors import OperateError

COMMANDS = {
    "approvals": approvals.main,
    "approvers": approvers.main,
    "inbox": sign_in.main,
    "ledger": ledger.main,
    "redrive": redrive.main,
    "smoke": smoke.main,
}


def main() -> int:
    """Runs a command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="operate", description=__doc__)
    parser.add_argument("command", choices=sorted(COMMANDS))
    parser.add_argument("--state-dir", type=Path, default=Path(".local"), help="instead of .local")
    options = parser.parse_args()
    _end_as_by_ctrl_c()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # of a terminal that cannot show an agent's text
    try:
        stack = stacks.find(os.environ.get("STACK", "").strip(), options.state_dir)
        return COMMANDS[options.command](stack)
    except OperateError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _end_as_by_ctrl_c() -> None:
    """A command that is told to end gives back what it has taken."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


if __name__ == "__main__":
    sys.exit(main())
