"""`python -m starter make | upgrade`; options come from the environment: DIR, DRY_RUN."""

import os
import sys
from pathlib import Path

from starter import derived, making, upgrading


def main(command: str) -> int:
    """Runs a command; returns the exit status: 1 for conflicts, 2 for what cannot be done."""
    try:
        if command == "upgrade":
            is_dry = os.environ.get("DRY_RUN") == "1"
            return int(bool(upgrading.upgrade(Path.cwd(), is_dry=is_dry)))
        print(making.make(os.environ.get("DIR", "").strip()))
        return 0
    except (making.StarterError, derived.NotAsExpectedError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
