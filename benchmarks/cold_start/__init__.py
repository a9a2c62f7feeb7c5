"""How long each function takes from the start of its process to its first line and first answer.

The built packages run under Lambda's own runtime client, which talks to a Runtime API of this
benchmark's on 127.0.0.1. Beside each start stands one of the bare minimum: the same client and the
same packages, and a handler that only imports what the function cannot do without.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.cold_start.aws import Aws
from benchmarks.cold_start.by_memory import by_memory
from benchmarks.cold_start.places import Place, containers, processes
from benchmarks.cold_start.runtime_api import StartError
from benchmarks.cold_start.starts import (
    AGENT,
    FUNCTIONS,
    WITH_BEDROCK,
    Function,
    Start,
    bedrock,
    start,
)
from benchmarks.report import Effort, Section, Spread, Table

STARTS_OF_A_RUN = 3
"""Starts vary by more than what is to be seen of them: more of them than of anything else."""

AIM, AIM_OF, AIM_FOR = 1.15, "first_line_cpu", ("Agent", "Approval")
"""At most so many times the bare minimum."""

TEXT = """\
Processor (CPU) and wall milliseconds from the start of the process to the first line of the
handler, and to its first answer, which includes the clients and the AWS calls that a first event
needs; a stand-in on 127.0.0.1 answers those at once. Tracing is on, the model is the scripted one.

How to read it: in the row "Agent, Bedrock model" `MODEL_ID` is that of a Bedrock model, as in most
stacks: Strands' `BedrockModel` and a client of botocore are made, and a stand-in for Bedrock on
127.0.0.1 checks the signature and streams its answer at once. What its first answer takes more than
that of the row below is this client and this stream; the thinking of a model is in none of them.

Every start is a new process with the built package, under Lambda's own runtime client
(`awslambdaric`). Beside each stands one of the bare minimum: the same client and package, and a
handler that imports `Agent` and `BedrockModel` of strands (for the agent function) or
`botocore.session` (for every other one) and does nothing. A ratio is the median of such pairs. The
agent's may be below 1: it puts off what Strands imports and no run needs, and the bare minimum does
not.

By memory: Lambda gives 1,769 MB one processor, and less memory so much less of it; a cgroup of this
machine gives the whole process that share. The first page is what a person waits for who opens a
link. It had 512 MB before; "before" is the same code with that."""


@dataclass(frozen=True)
class Pair:
    """A function's start and that of its bare minimum, one after the other."""

    real: Start
    bare: Start


@dataclass(frozen=True)
class Found:
    """What was measured of a function, with its bytecode or without."""

    function: Function
    has_bytecode: bool
    pairs: tuple[Pair, ...]

    def spread(self, of: str, part: str) -> Spread:
        """Returns one figure of all starts of the `real` function or of the `bare` minimum."""
        return Spread(tuple(getattr(getattr(pair, part), of) for pair in self.pairs))

    def ratio(self, of: str) -> Spread:
        """Returns how many times the bare minimum it was."""
        return Spread(tuple(getattr(p.real, of) / getattr(p.bare, of) for p in self.pairs))


def run(effort: Effort) -> Section:
    """Starts every function three times as often as there are runs, after once in vain."""
    if not effort.is_smoke:
        effort = replace(effort, runs=effort.runs * STARTS_OF_A_RUN)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        here = processes(folder / "process")
        tables = [_table(here, effort, folder), *by_memory(here[0], effort, folder)]
        places = containers(folder / "container")
        if isinstance(places, str):
            print(f"  in a container: not tried, {places}", flush=True)
            note = f"In a container of Lambda's image: not tried here, {places}."
            return Section("Cold start", f"{TEXT}\n\n{note}", tuple(tables))
        tables.append(_table(places, effort, folder))
    return Section("Cold start", TEXT, tuple(tables))


def _table(places: Sequence[Place], effort: Effort, folder: Path) -> Table:
    rounds = []
    for number in range(effort.runs + (not effort.is_smoke)):
        print(f"  {places[0].title}: run {number} of {effort.runs}", flush=True)
        rounds.append(_start_all(places, folder))
    counted = rounds[-effort.runs :]
    cases = [(place, function) for place in places for function in FUNCTIONS]
    found = [
        Found(function, place.has_bytecode, tuple(pairs[number] for pairs in counted))
        for number, (place, function) in enumerate(cases)
    ]
    return Table(
        places[0].title,
        (
            *("Function", "Bytecode", "First line ÷ bare, CPU", "÷ bare, wall"),
            *("First line, CPU ms", "wall ms", "First answer, CPU ms", "wall ms"),
            *("Bare minimum, CPU ms", "wall ms"),
        ),
        tuple(_row(one) for one in found),
        _verdict(found),
    )


def _start_all(places: Sequence[Place], folder: Path) -> list[Pair]:
    pairs = []
    for place in places:
        aws = Aws()
        with aws.serving() as endpoint, bedrock() as model:
            variables = {
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": model.url,
            }
            for function in FUNCTIONS:
                bare = start(place, function, function.bare, {}, variables, folder)
                handler, right = function.handler, function.right
                real = start(place, function, handler, right, variables, folder)
                pairs.append(Pair(real, bare))
        if aws.unknown or model.faults:
            asked = [*sorted(set(aws.unknown)), *model.faults]
            raise StartError(f"the stand-in was asked for {asked}")
        if model.model_ids != [WITH_BEDROCK.model_id]:
            raise StartError(f"Bedrock was asked for {model.model_ids}")
    return pairs


def _verdict(found: Sequence[Found]) -> str:
    """Says whether the aim is met; it is for packages with bytecode."""
    told = [
        f"{one.function.name} {one.ratio(AIM_OF)}, "
        f"{'within' if one.ratio(AIM_OF).median <= AIM else 'NOT within'} {AIM}"
        for one in found
        if one.has_bytecode and one.function.name in AIM_FOR
    ]
    says = [f"Processor time to the first line ÷ bare, with bytecode: {'; '.join(told)}."]
    return " ".join((says if told else []) + [_with_bedrock(found)])


def _with_bedrock(found: Sequence[Found]) -> str:
    """Says what a real model's client adds, start by start."""
    says = []
    for has_bytecode in dict.fromkeys(one.has_bytecode for one in found):
        real, scripted = (
            [pair.real.answer_cpu for one in found for pair in one.pairs
             if one.function is function and one.has_bytecode == has_bytecode]
            for function in (WITH_BEDROCK, AGENT)
        )  # fmt: skip
        ratio = Spread(tuple(a / b for a, b in zip(real, scripted, strict=True)))
        says.append(f"{ratio} {'with' if has_bytecode else 'without'} bytecode")
    return f"First answer with a Bedrock model ÷ the scripted one, CPU: {', '.join(says)}."


def _row(one: Found) -> tuple[object, ...]:
    times = ("first_line_cpu", "first_line", "answer_cpu", "answer")
    return (
        one.function.name,
        "with" if one.has_bytecode else "without",
        *(one.ratio(of) for of in times[:2]),
        *(one.spread(of, "real") for of in times),
        *(one.spread(of, "bare") for of in times[:2]),
    )
