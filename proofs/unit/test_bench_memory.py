"""The memory that `make bench warm` shows is that of the process it measures."""

import subprocess
import sys
from pathlib import Path

from benchmarks.warm.memory import peak_megabytes

ROOT = Path(__file__).parents[2]
MEGABYTES = 200


def test_a_process_has_not_had_what_the_one_that_started_it_has() -> None:
    held = b"x" * (MEGABYTES * 1_000_000)
    program = "from benchmarks.warm.memory import peak_megabytes; print(peak_megabytes())"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert peak_megabytes() > len(held) / 1_000_000
    assert float(done.stdout) < MEGABYTES / 2
