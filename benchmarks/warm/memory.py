"""How much memory this process has had at most."""

import re
from pathlib import Path

KIBIBYTES_PER_MEGABYTE = 1e6 / 1024


def peak_megabytes() -> float:
    """Returns the peak of this process's memory, of this program's alone.

    `ru_maxrss` starts at what the process that started it had. Source: proc(5), `VmHWM`; Linux.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.M)[0]) / KIBIBYTES_PER_MEGABYTE
