"""AgentFunction's memory, by measurement, and which `MemorySize` it asks for."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_template import properties
from benchmarks import bill
from benchmarks.memory import sizes
from benchmarks.report import Effort, Section, Table, number

FUNCTION = "AgentFunction"


@dataclass(frozen=True)
class Peak:
    """What one scenario took, of all its runs: the most memory, the median of processor seconds."""

    name: str
    mebibytes: float
    start_seconds: float
    message_seconds: float
    """Of its dearest message."""
    warm_seconds: float | None
    """Of those that are not the first of their process, if there were any."""


def run(effort: Effort) -> Section:
    """Measures every scenario, in processes of its own."""
    # Only here: the arithmetic needs no engine.
    from benchmarks.memory.scenarios import SCENARIOS, SMOKE_SCENARIOS, measure

    peaks = []
    for scenario in SMOKE_SCENARIOS if effort.is_smoke else SCENARIOS:
        print(f"  {scenario.name}: {effort.runs} runs", flush=True)
        taken = [measure(scenario) for _ in range(effort.runs)]
        warm = [one.warm_seconds for one in taken if one.warm_seconds is not None]
        peaks.append(
            Peak(
                scenario.name,
                max(one.mebibytes for one in taken),
                statistics.median(one.start_seconds for one in taken),
                statistics.median(one.message_seconds for one in taken),
                statistics.median(warm) if warm else None,
            )
        )
    return section(peaks)


def section(peaks: list[Peak]) -> Section:
    """Returns the tables."""
    return Section("The agent's memory", TEXT, (peak_table(peaks), size_table(peaks)))


def peak_table(peaks: list[Peak]) -> Table:
    """Returns what each scenario took, and the cheapest size for it."""
    rows = []
    for peak in peaks:
        size = sizes.cheapest(peak.mebibytes)
        rows.append(
            (
                peak.name,
                f"{peak.mebibytes:.0f}",
                f"**{size:,}**" if size else f"over {sizes.SIZES[-1]:,}",
                peak.start_seconds,
                peak.message_seconds,
                peak.warm_seconds or "",
            )
        )
    columns = (
        *("The agent's process has", "Peak, MB", "Cheapest `MemorySize`"),
        *("Start, CPU s", "Dearest message, CPU s", "Later messages, CPU s"),
    )
    return Table(
        "What a conversation takes",
        columns,
        tuple(rows),
        "How to read it: the third column is the smallest size of the next table that leaves "
        f"{sizes.SPARE:.0%} of it free at the peak. It looks at memory alone, the next table at "
        "time as well.",
    )


def size_table(peaks: list[Peak]) -> Table:
    """Returns what each size holds, how long it takes, and what it costs."""
    start = max(peak.start_seconds for peak in peaks)
    dearest = max(peak.message_seconds for peak in peaks)
    usual = max(peak.warm_seconds or 0 for peak in peaks)
    timeout = _function()["Timeout"]
    columns = (
        *("`MemorySize`", "Part of a processor", "Holds", "A start, s", "Dearest message, s"),
        *("In time", "$ per million approvals"),
    )
    rows = []
    for size in sizes.SIZES:
        held = sum(sizes.holds(size, peak.mebibytes) for peak in peaks)
        in_time = sizes.is_in_time(start, dearest, size, timeout)
        name = f"{size:,}" + (", the template's" if size == _function()["MemorySize"] else "")
        rows.append(
            (
                name,
                f"{1 / sizes.seconds(1, size):.0%}",
                f"{held} of {len(peaks)}",
                sizes.seconds(start, size),
                sizes.seconds(dearest, size),
                "yes" if in_time else "NO",
                sizes.dollars(size, usual),
            )
        )
    return Table(
        "What a size gives",
        columns,
        tuple(rows),
        "How to read it: take the first row that holds what your conversations are like and is in "
        f"time. In time: a start within {sizes.INIT_SECONDS} s, for Lambda begins a longer one "
        f"anew, and start, message and {number(bill.Use().run_seconds)} s of the model within the "
        f"function's {timeout} s. Seconds are without the model; dollars are of both runs of an "
        "approval, the model's time included, as in the whole bill.",
    )


def _function() -> Mapping[str, Any]:
    found: Mapping[str, Any] = properties(FUNCTION)
    return found


TEXT = f"""\
The peak of the agent's process (`VmHWM`, in MB of 2^20 bytes as Lambda counts them), for what its
conversations may hold. The real handler runs in a process of its own, beneath Lambda's runtime
client, traced, and with what TLS needs for each of its connections; the emulator, Bedrock's
stand-in and the receiver of posts run elsewhere and are called over HTTP, so that a request to the
model is made whole, as on Lambda. One process asks; a new one, as after a long wait, does the rest.

Processor (CPU) seconds are of this machine. Seconds of a size are those, divided by the part of a
processor that Lambda gives with it: an estimate, no measurement on Lambda. The function is compiled
at each start, as a package without bytecode is. The dearest message is mostly the first one of its
process, for which the clients are made; later ones are the median of all that follow.

A function waits for its model, and pays for its memory meanwhile: dollars grow with `MemorySize`,
and a faster processor saves next to nothing. {sizes.SPARE:.0%} of the memory stays free, for what
the runtime takes beside the process, and for tools of yours."""
