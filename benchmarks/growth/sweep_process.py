"""The sweeper function in a process of its own: one sweep.

    python -P benchmarks/growth/sweep_process.py timed|counted

Prints JSON: of a timed sweep `{"swept": the handler's answer, "cpu_seconds"}`, of a counted one
`{"swept", "calls", "write_units", "read_units", "received_kilobytes"}`, calls and read units by
operation.
Then it waits for the end of its standard input, so that its memory can be looked at.
"""

import contextlib
import io
import json
import sys
import time
from typing import Any

PATIENCE_SECONDS = 600
"""The emulator looks at each item of a table for each query: no time of ours bounds that."""


class Context:
    """Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Returns what is left of the function's time."""
        return PATIENCE_SECONDS * 1_000


def main() -> None:
    """Sweeps, and tells."""
    told = _counted() if sys.argv[1] == "counted" else _timed()
    print(json.dumps(told), flush=True)
    sys.stdin.read()


def _sweep() -> dict[str, int]:
    """Sweeps with the real handler, whose clients are patient here."""
    import sweeper_handler

    config = sweeper_handler.Config
    sweeper_handler.Config = lambda **kinds: config(**{**kinds, "read_timeout": PATIENCE_SECONDS})
    with contextlib.redirect_stdout(io.StringIO()):
        return sweeper_handler.handler({}, Context())


def _timed() -> dict[str, Any]:
    import sweeper_handler  # noqa: F401 - its import is the start's

    before = time.process_time()
    swept = _sweep()
    return {"swept": swept, "cpu_seconds": time.process_time() - before}


def _counted() -> dict[str, Any]:
    from benchmarks.cycle.meter import Meter
    from benchmarks.cycle.prices import READS

    meter = Meter()
    with meter.installed(), meter.measured():
        swept = _sweep()
    usage = meter.usage()
    return {
        "swept": swept,
        "calls": dict(usage.calls),
        "write_units": usage.write_units,
        "read_units": {
            operation: sum(c.read_units for c in meter.calls if c.operation == operation)
            for operation in READS
        },
        "received_kilobytes": usage.bytes_received / 1_000,
    }


if __name__ == "__main__":
    main()
