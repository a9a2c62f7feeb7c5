"""The share of a processor that Lambda gives by memory: a cgroup around a process.

Source: Lambda, "Configure Lambda function memory": 1,769 MB are one processor, and so on. Lambda is
said to give more while a function starts; here the whole start has its share.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

WHOLE_MEGABYTES = 1_769
PERIOD_MICROSECONDS = 20_000
ROOTS = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))
"""Of version 1 of cgroups, and of version 2."""

Join = Callable[[], None]
"""Called in a process that is about to start, puts that one into the group."""


def share_of(megabytes: int) -> float:
    """Returns the share that one thread can use."""
    return min(1, megabytes / WHOLE_MEGABYTES)


@contextmanager
def limited_to(megabytes: int) -> Iterator[Join]:
    """Makes a group whose processes have the share of so much memory, together.

    Raises:
        OSError: This machine has no such groups, or they are not ours to make.
    """
    quota = round(share_of(megabytes) * PERIOD_MICROSECONDS)
    root = next((root for root in ROOTS if (root / "cgroup.procs").exists()), ROOTS[-1])
    group = root / f"cold-start-{uuid.uuid4().hex}"
    group.mkdir()
    try:
        if (group / "cpu.max").exists():
            (group / "cpu.max").write_text(f"{quota} {PERIOD_MICROSECONDS}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_MICROSECONDS))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        procs = group / "cgroup.procs"
        yield lambda: procs.write_text(str(os.getpid())) and None
    finally:
        group.rmdir()


def missing() -> str:
    """Says why shares cannot be given here; empty if they can."""
    try:
        with limited_to(WHOLE_MEGABYTES):
            return ""
    except OSError as error:
        return f"no cgroup can be made here ({error.strerror})"
