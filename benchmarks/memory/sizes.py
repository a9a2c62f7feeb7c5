"""Which `MemorySize` holds what: arithmetic over what was measured."""

from benchmarks import bill, scale

SIZES = (128, 256, 512, 1_024, scale.MEGABYTES_PER_PROCESSOR)
"""Of `MemorySize`; Lambda's megabytes are 2^20 bytes. With the last one comes a whole processor."""

SPARE = 0.3
"""Of the memory stays free: what Lambda's own runtime takes beside the process is in it, and what
other tools and a longer text take."""

INIT_SECONDS = 10
"""Source: Lambda, "Execution environment lifecycle": a start that takes longer is begun anew with
the first message, within the function's timeout."""


def holds(size: int, mebibytes: float) -> bool:
    """Whether a size holds a peak, with enough to spare."""
    return mebibytes <= size * (1 - SPARE)


def cheapest(mebibytes: float) -> int | None:
    """Returns the smallest size that holds a peak; None: no listed one does."""
    return next((size for size in SIZES if holds(size, mebibytes)), None)


def seconds(processor_seconds: float, size: int) -> float:
    """Returns how long a size takes for what a whole processor does in so many seconds."""
    return processor_seconds * scale.MEGABYTES_PER_PROCESSOR / size


def dollars(size: int, message_seconds: float) -> float:
    """Returns dollars per million approvals of Lambda: the runs of the agent alone.

    Args:
        size: The `MemorySize`.
        message_seconds: Processor seconds of a run beside its wait for the model.
    """
    run = bill.Use().run_seconds + seconds(message_seconds, size)
    return scale.RUNS * run * size / 1_024 * bill.LAMBDA_GIGABYTE_SECOND * bill.MILLION


def is_in_time(start_seconds: float, message_seconds: float, size: int, timeout: float) -> bool:
    """Whether a new process starts in time, and answers its first message within its timeout."""
    start = seconds(start_seconds, size)
    run = bill.Use().run_seconds + seconds(message_seconds, size)
    return start <= INIT_SECONDS and start + run <= timeout
