"""Puts `testkit` on the path where only `tests` is: in a process that a test starts."""

import sys
from pathlib import Path

FOLDER = str(Path(__file__).parents[1] / "testkit")

if FOLDER not in sys.path:
    sys.path.append(FOLDER)
