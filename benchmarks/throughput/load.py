"""Sessions through the local stack, by so many agents at work, and who used the processor."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from crowd import Crowd, crowd
from local_stack import LocalStack, processes, running_stack

ROLES = {
    "emulator": "the emulator: every AWS call, the queue, the HTTP APIs",
    "agent": "AgentFunction",
    "approval": "ApprovalFunction",
    "unitok": "UniTokFunction",
    "front": "the front door and the e-mails of `make run`",
    "bench": "the benchmark: it sends, reads e-mails and clicks",
}
"""Who uses the processor, by what the rows of the table call it."""

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 300
"""Each worker has unpacked all its packages, and there are many of them to delete."""

LEAST_MAXIMUM = 2
"""Source: Lambda, "SQS scaling": of `MaximumConcurrency`. Reserved concurrency makes it one."""


@dataclass(frozen=True)
class Round:
    """Some sessions, from the first task sent to the last one completed."""

    sessions: int
    seconds: float
    processor_seconds: Counter[str]
    """By role."""


@contextmanager
def stack_with_people() -> Iterator[tuple[LocalStack, Crowd]]:
    """Runs a stack of its own, and people who approve whatever they are asked."""
    with (
        TemporaryDirectory(prefix="bench-") as folder,
        running_stack(Path(folder), STOP_SECONDS) as stack,
    ):
        with crowd(stack, lambda task: {"decision": "approved"}) as people:
            yield stack, people
        print("  stopping the stack", flush=True)


def set_workers(stack: LocalStack, workers: int) -> None:
    """Has so many agents at work, and no more: as it is done on AWS."""
    with agent_mapping(stack) as (functions, name, mapping_id):
        maximum = {"MaximumConcurrency": max(LEAST_MAXIMUM, workers)}
        functions.update_event_source_mapping(UUID=mapping_id, ScalingConfig=maximum)
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=workers)


@contextmanager
def agent_mapping(stack: LocalStack) -> Iterator[tuple[Any, str, str]]:
    """A client of Lambda, the agent function's name, and what hands it messages."""
    functions = stack.client("lambda")
    name = stack.description["functions"]["agent"]
    (mapping,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    try:
        yield functions, name, mapping["UUID"]
    finally:
        functions.close()


def play(stack: LocalStack, people: Crowd, sessions: int) -> Round:
    """Sends tasks at once, and returns when each is approved, published and completed."""
    sent = len(people.answers)
    before, started = processor_seconds(stack), time.monotonic()
    people.send([f"bench-{sent + number:06d}" for number in range(sessions)])
    for _ in people.answered(sessions):
        pass
    seconds = time.monotonic() - started
    return Round(sessions, seconds, processor_seconds(stack) - before)


def check(stack: LocalStack, people: Crowd, sessions: int) -> None:
    """Raises RuntimeError unless every session is completed and has its one post."""
    tables = stack.description["tables"]
    pages = stack.dynamodb.get_paginator("scan").paginate(TableName=tables["sessions"])
    statuses = Counter(item["status"]["S"] for page in pages for item in page["Items"])
    pages = stack.dynamodb.get_paginator("scan").paginate(TableName=tables["posts"], Select="COUNT")
    posts = sum(page["Count"] for page in pages)
    expected = ({200: sessions}, {"completed": sessions}, sessions)
    if (people.statuses, statuses, posts) != expected:
        raise RuntimeError(f"{sessions} sessions: {people.statuses}, {statuses}, {posts} posts")


def processor_seconds(stack: LocalStack) -> Counter[str]:
    """Returns what each role has used so far, of all its processes."""
    used: Counter[str] = Counter()
    for pid, _, arguments in processes():
        if role := _role(stack, pid, arguments):
            used[role] += _used(pid)
    return used


def _role(stack: LocalStack, pid: int, arguments: str) -> str:
    if pid == os.getpid():
        return "bench"
    port = stack.description["endpoint_url"].rpartition(":")[2]
    if "local.emulator_process" in arguments and arguments.endswith(f" {port}"):
        return "emulator"
    if f"-m local run --state-dir {stack.state_dir} " in f"{arguments} ":
        return "front"
    for function, name in stack.description["functions"].items():
        if str(stack.state_dir) in arguments and f"ministack-lambda-{name}-" in arguments:
            return function
    return ""


def _used(pid: int) -> float:
    """Source: proc(5): fields 14 and 15 of `stat`; the second one may hold spaces."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0  # It has ended.
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
