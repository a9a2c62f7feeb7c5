"""How much memory a process has had at most."""

import re
from pathlib import Path

KIBIBYTES_PER_MEGABYTE = 1e6 / 1024


def peak_megabytes(process: int | str = "self") -> float:
    """Returns the peak of a process's memory, this one's or another's, of its program alone.

    `ru_maxrss` starts at what the process that started it had. Source: proc(5), `VmHWM`; Linux.
    """
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.M)[0]) / KIBIBYTES_PER_MEGABYTE
