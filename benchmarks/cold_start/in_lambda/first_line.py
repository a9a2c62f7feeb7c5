"""Stands where Lambda looks for a handler, and notes when the real one is called and has answered.

Goes into the process or the container with the function; takes nothing but what is loaded anyway.
"""

import importlib
import os
import time
from typing import Any

_module, _, _name = os.environ["REAL_HANDLER"].rpartition(".")
_real = getattr(importlib.import_module(_module), _name)


def handler(event: Any, context: Any) -> Any:
    """Calls the real handler between two notes."""
    _note()
    answer = _real(event, context)
    _note()
    return answer


def _note() -> None:
    """Adds a line: seconds of the machine's clock, and processor seconds since the start."""
    now, processor_seconds = time.monotonic(), time.process_time()
    with open(os.environ["NOTES_FILE"], "a", encoding="utf-8") as file:
        file.write(f"{now} {processor_seconds} {_started()}\n")


def _started() -> float:
    """When this process started, by the machine's clock; 0 where nobody tells.

    Source: proc(5), `/proc/pid/stat`, field 22, in clock ticks.
    """
    try:
        with open("/proc/self/stat", encoding="utf-8") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
    except OSError:
        return 0.0
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.monotonic() - since_boot
