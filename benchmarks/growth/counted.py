"""What something took: counts that are the same on any machine, and processor time that is not."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.cycle.meter import Meter


@dataclass(frozen=True)
class Counted:
    """Of one cycle, decision, page or sweep; or the mean of several."""

    calls: float
    """Of AWS."""
    write_units: float
    read_units: float
    received_kilobytes: float
    """From AWS."""
    cpu_ms: float

    @classmethod
    def of(cls, meter: Meter) -> "Counted":
        """Returns what a meter has counted, and has it start over."""
        usage, cpu_ms = meter.usage(), meter.cpu_seconds * 1_000
        reads = usage.read_units
        meter.start_over()
        return cls(usage.requests, usage.write_units, reads, usage.bytes_received / 1_000, cpu_ms)

    @property
    def cells(self) -> tuple[float, ...]:
        """The cells of a row."""
        return (self.calls, self.write_units, self.read_units, self.received_kilobytes, self.cpu_ms)


COLUMNS = ("AWS calls", "Write units", "Read units", "KB received", "CPU, ms")


def mean(found: Sequence[Counted]) -> Counted:
    """Returns the mean of counts, and the median of processor time."""
    columns = list(zip(*(one.cells for one in found), strict=True))
    return Counted(*(statistics.mean(c) for c in columns[:-1]), statistics.median(columns[-1]))


def total(found: Sequence[Counted]) -> Counted:
    """Returns the sum."""
    return Counted(*map(sum, zip(*(one.cells for one in found), strict=True)))
