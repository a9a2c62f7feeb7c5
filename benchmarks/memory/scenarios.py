"""What the agent's memory is measured for: each in a process of its own, through the real queue."""

import random
import statistics
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import agent_handler
from benchmarks.cycle.conversation import Conversation, make_conversation
from benchmarks.cycle.engine import Engine, running_engine
from benchmarks.cycle.meter import Meter
from benchmarks.cycle.our_project import our_project, table_properties
from benchmarks.memory.agent import agent_process
from benchmarks.memory.model import served
from benchmarks.memory.script import Script
from benchmarks.memory.whole_turns import WholeTurns

DOCUMENT_BYTES = 4_000_000
"""Of the largest document. Source: Bedrock, "DocumentBlock": at most 4.5 MB each, five of them."""


@dataclass(frozen=True)
class Scenario:
    """Something that the agent's memory is to hold.

    Attributes:
        name: As the table shows it.
        attached: Bytes of the documents in its first message.
        messages: Of the conversation at its first question.
        questions: In each turn.
        turns: With questions, each approved and published.
    """

    name: str
    attached: int = 0
    messages: int = 2
    questions: int = 1
    turns: int = 1

    def conversation(self) -> Conversation:
        """Makes what was said before the first question; no compression makes it smaller."""
        made = make_conversation(self.messages, False, "memory")
        if not self.attached:
            return made
        rng = random.Random(self.attached)  # noqa: S311
        sizes = [DOCUMENT_BYTES] * (self.attached // DOCUMENT_BYTES)
        sizes += [size] if (size := self.attached % DOCUMENT_BYTES) else []
        documents = [_document(n, rng.randbytes(size)) for n, size in enumerate(sizes)]
        return replace(made, task=[*made.task, *documents])


SCENARIOS = (
    Scenario("a task with one approval"),
    Scenario("1 MB attached", attached=1_000_000),
    Scenario("10 MB attached", attached=10_000_000),
    Scenario("1,000 messages", messages=996),
    Scenario("20 approvals, one after the other", turns=20),
    Scenario("a turn of 20 questions", questions=20),
)
SMOKE_SCENARIOS = (Scenario("a task with one approval"), Scenario("2 questions", questions=2))


@dataclass(frozen=True)
class Taken:
    """What a scenario took: memory in MiB, as Lambda counts it; processor seconds.

    Attributes:
        mebibytes: The peak.
        start_seconds: From the start of the process to the first line of the handler.
        message_seconds: Of the dearest message; mostly the first one of its process.
        warm_seconds: The median of all that are not the first one of their process.
    """

    mebibytes: float
    start_seconds: float
    message_seconds: float
    warm_seconds: float | None


def measure(scenario: Scenario) -> Taken:
    """Measures one scenario, on an engine of its own."""
    with running_engine(table_properties()) as engine, our_project(engine, Meter()):
        return _measured(scenario, engine)


def _measured(scenario: Scenario, engine: Engine) -> Taken:
    """The first process asks. A second one, new like after a long wait, does all the rest."""
    script = Script(scenario.questions, scenario.turns)
    with served(script) as url:
        with agent_process(url) as asking, _in_place(asking.handle):
            cycle = WholeTurns(engine, Meter()).open(scenario.conversation())
        with agent_process(url) as resuming, _in_place(resuming.handle):
            for _ in range(scenario.turns):
                cycle()
    firsts, later = (asking.first_seconds, resuming.first_seconds), resuming.message_seconds
    return Taken(
        max(asking.megabytes, resuming.megabytes) * 1e6 / 2**20,
        max(asking.start_seconds, resuming.start_seconds),
        max(*firsts, *later),
        statistics.median(later) if later else None,
    )


def _in_place(handle: Any) -> Any:
    """Has the walk call the process in place of the handler of this one."""
    return mock.patch.object(agent_handler, "handler", lambda event, _: handle(event))


def _document(number: int, content: bytes) -> dict[str, Any]:
    return {"document": {"format": "pdf", "name": f"brief {number}", "source": {"bytes": content}}}
