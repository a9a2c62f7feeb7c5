"""How long each function takes from the start of its process to its first line and first answer.

The built packages run under Lambda's own runtime client, which talks to a Runtime API of this
benchmark's on 127.0.0.1. Beside each start stands one of the bare minimum: the same client and the
same packages, and a handler that only imports what the function cannot do without.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bedrock_stand_in import BedrockStandIn
from benchmarks.cold_start.aws import Aws
from benchmarks.cold_start.places import ROOT, Place, containers, processes
from benchmarks.cold_start.runtime_api import RuntimeApi, StartError
from benchmarks.report import Effort, Section, Spread, Table
from converse_stand_in import tool_use

VARIABLES = {
    "AWS_ACCESS_KEY_ID": "measured",
    "AWS_SECRET_ACCESS_KEY": "measured",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_LAMBDA_FUNCTION_NAME": "measured",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
    "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "METRICS_NAMESPACE": "measured",
    "TASK_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/measured-tasks",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/measured-dead",
    "SESSIONS_TABLE_NAME": "measured-sessions",
    "APPROVALS_TABLE_NAME": "measured-approvals",
    "POSTS_TABLE_NAME": "measured-posts",
    "STATE_BUCKET_NAME": "measured-state",
    "RETENTION_DAYS": "30",
    "MAXIMUM_CONCURRENCY": "0",
    "APPROVAL_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:measured",
    "MAIL_FROM": "",
    "ESCALATION_TOPIC_ARN": "",
    "APPROVAL_BASE_URL": "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
    "LINK_KEYS_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:measured",
    "DECIDE_WITHIN_SECONDS": "86400",
    "REMIND_BEFORE_HOURS": "half",
    "ON_SILENCE": "deny",
    "PUBLISH_ENDPOINT_URL": "https://f6g7h8i9j0.execute-api.us-east-1.amazonaws.com",
    "PUBLISH_TOKEN_SECRET_ARN": "",
}
"""As the template and Lambda give them."""


@dataclass(frozen=True)
class Function:
    """A function, its first event, and the handler of its bare minimum."""

    name: str
    handler: str
    event: str
    """Of the folder `events`, without its ending."""
    right: Mapping[str, Any]
    """What its answer must hold."""
    bare: str = "bare_botocore.handler"
    model_id: str = "scripted"

    @property
    def package(self) -> str:
        """The folder of its package."""
        return f"{self.name.partition(',')[0]}Function"

    def read_event(self) -> Any:
        """Reads the event."""
        return json.loads((ROOT / "events" / f"{self.event}.json").read_text(encoding="utf-8"))


AGENT = Function(
    "Agent",
    "agent_handler.handler",
    "sqs/new_task_with_session_id",
    {"batchItemFailures": []},
    bare="bare_strands.handler",
)
WITH_BEDROCK = replace(
    AGENT, name="Agent, Bedrock model", model_id="us.anthropic.claude-sonnet-4-20250514-v1:0"
)

FUNCTIONS = (
    WITH_BEDROCK,
    AGENT,
    # What the agent has just asked: the sample link is for the sample task.
    Function("Approval", "approval_handler.handler", "approval_api/get_json", {"statusCode": 200}),
    Function("Sweeper", "sweeper_handler.handler", "sweeper/every_minute", {"failed": 0}),
    Function("Operator", "operator_handler.handler", "operator_api/list", {"statusCode": 200}),
    Function("UniTok", "unitok_handler.handler", "unitok_api/list", {"statusCode": 200}),
)

POST = (
    "Meet our new blue unicorn! Rides every Saturday over meadows and along the lake, and the "
    "first hour is free. Book at Unicorn Rentals."
)

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
`botocore.session` (for every other one) and does nothing. A ratio is the median of such pairs."""


@dataclass(frozen=True)
class Start:
    """Milliseconds of one start."""

    first_line_cpu: float
    first_line: float
    answer_cpu: float
    answer: float


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
        tables = [_table(processes(folder / "process"), effort, folder)]
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
        with aws.serving() as endpoint, _bedrock() as bedrock:
            variables = {
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock.url,
            }
            for function in FUNCTIONS:
                bare = _start(place, function, function.bare, {}, variables, folder)
                handler, right = function.handler, function.right
                real = _start(place, function, handler, right, variables, folder)
                pairs.append(Pair(real, bare))
        if aws.unknown or bedrock.faults:
            asked = [*sorted(set(aws.unknown)), *bedrock.faults]
            raise StartError(f"the stand-in was asked for {asked}")
        if bedrock.model_ids != [WITH_BEDROCK.model_id]:
            raise StartError(f"Bedrock was asked for {bedrock.model_ids}")
    return pairs


@contextmanager
def _bedrock() -> Iterator[BedrockStandIn]:
    """Serves a model that asks for approval, as the scripted one does in its first answer."""
    asks = tool_use("tooluse_0123456789abcdefghijkl", "human_approval", {"content": POST})
    keys = {VARIABLES["AWS_ACCESS_KEY_ID"]: VARIABLES["AWS_SECRET_ACCESS_KEY"]}
    stand_in = BedrockStandIn(lambda _: [asks], keys)
    try:
        yield stand_in
    finally:
        stand_in.close()


def _start(
    place: Place,
    function: Function,
    handler: str,
    right: Mapping[str, Any],
    endpoints: Mapping[str, str],
    folder: Path,
) -> Start:
    notes = folder / "notes"
    notes.unlink(missing_ok=True)
    api = RuntimeApi(function.read_event())
    with api.serving() as address:
        variables = {
            **VARIABLES,
            **endpoints,
            "AWS_LAMBDA_RUNTIME_API": address,
            "MODEL_ID": function.model_id,
            "REAL_HANDLER": handler,
        }
        started = place.start(function.package, variables, notes)
        try:
            answer = api.answer()
        except BaseException as error:
            error.add_note(f"{function.name}, {handler}:\n{started.end()}")
            raise
        output = started.end()
    if any(answer.document.get(name) != value for name, value in right.items()):
        raise StartError(f"{function.name}: {answer.document}\n{output}")
    (line_at, line_cpu, began), (_, answer_cpu, _) = _notes(notes)
    began = started.at or began
    return Start(
        line_cpu * 1000, (line_at - began) * 1000, answer_cpu * 1000, (answer.at - began) * 1000
    )


def _notes(path: Path) -> Iterator[tuple[float, ...]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield tuple(map(float, line.split()))


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
