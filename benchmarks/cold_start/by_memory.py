"""The first answer at the share of a processor that Lambda gives by memory."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from aws_template import properties
from benchmarks.cold_start.aws import Aws
from benchmarks.cold_start.places import Process
from benchmarks.cold_start.share import limited_to, missing, share_of
from benchmarks.cold_start.starts import (
    AGENT,
    APPROVAL,
    EMPTY,
    WITH_BEDROCK,
    Function,
    bedrock,
    start,
)
from benchmarks.report import Effort, Spread, Table

TODAY_MEGABYTES, PAGE_MEGABYTES = 512, properties("ApprovalFunction")["MemorySize"]
"""What ApprovalFunction had, and has."""

AGENT_BEFORE_MEGABYTES, AGENT_MEGABYTES = 1_024, properties("AgentFunction")["MemorySize"]
"""What AgentFunction had, and has."""

MOST = 0.35
"""Of the first page's time before, at the template's memory now."""


@dataclass(frozen=True)
class Case:
    """A function, started with so much memory's share of a processor."""

    name: str
    function: Function
    megabytes: int


BEFORE = Case("the first page, as much memory as before", APPROVAL, TODAY_MEGABYTES)
NOW = Case("the first page, the template's memory", APPROVAL, PAGE_MEGABYTES)
CASES = (
    Case("an empty handler", EMPTY, TODAY_MEGABYTES),
    BEFORE,
    NOW,
    Case("an empty handler", EMPTY, PAGE_MEGABYTES),
    Case("the agent, a Bedrock model, the template's memory", WITH_BEDROCK, AGENT_MEGABYTES),
    Case("the agent, a Bedrock model, as much as before", WITH_BEDROCK, AGENT_BEFORE_MEGABYTES),
)


def by_memory(place: Process, effort: Effort, folder: Path) -> Iterator[Table]:
    """Yields the table; none where this machine gives no shares."""
    if why := missing():
        print(f"  by memory: not tried, {why}", flush=True)
        return
    rounds = []
    for number in range(effort.runs + (not effort.is_smoke)):
        print(f"  by memory: run {number} of {effort.runs}", flush=True)
        rounds.append(_round(place, folder))
    counted = rounds[-effort.runs :]
    found = [Spread(times) for times in zip(*counted, strict=True)]
    before, now = CASES.index(BEFORE), CASES.index(NOW)
    ratio = Spread(tuple(times[now] / times[before] for times in counted))
    yield Table(
        "By memory: wall milliseconds to the first answer",
        ("Function", "MB", "of a processor", "First answer, wall ms"),
        tuple(
            (case.name, f"{case.megabytes:,}", f"{share_of(case.megabytes):.2f}", spread)
            for case, spread in zip(CASES, found, strict=True)
        ),
        f"The first page now ÷ before: {ratio}, at most {MOST}: "
        f"{'yes' if ratio.median <= MOST else '**no**'}.",
    )


def _round(place: Process, folder: Path) -> list[float]:
    """Returns the milliseconds of each case."""
    aws, times = Aws(), list[float]()
    with aws.serving() as endpoint, bedrock() as model:
        endpoints = {"AWS_ENDPOINT_URL": endpoint, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": model.url}
        # What the page shows is asked first.
        start(place, AGENT, AGENT.handler, AGENT.right, endpoints, folder)
        for case in CASES:
            function = case.function
            with limited_to(case.megabytes) as join:
                here = replace(place, join=join)
                begun = start(here, function, function.handler, function.right, endpoints, folder)
            times.append(begun.answer)
    return times
