"""Load: many sessions through the local stack, all of it real functions, and nothing gets lost."""

import re
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from operate import ledger
from operate.reading import Reader
from operate.stacks import Stack

from core_samples import item_bytes
from crowd import Crowd, crowd
from local_stack import LocalStack
from prove_figures import progress, record, size

SESSIONS = size(short=600, long=10_000)
MEASURED = 100
"""Sessions at the start and at the end whose cost is compared; a tenth, in the short form."""

WAVE = 500
"""Sessions on their way at a time. The emulator looks through its whole queue for each message."""

DENIED_EVERY = 50
QUESTIONS_TO_DENY = 3
"""The scripted model gives up after so many denials."""

FLAT = 0.02
"""By how much those at the end may cost more or less."""


@dataclass(frozen=True)
class Cost:
    """What some sessions took, each."""

    requests: float
    """AWS calls of the functions."""
    stored_bytes: float


def test_a_crowd_of_sessions_is_counted_exactly_and_each_costs_the_same(
    own_stack: LocalStack, found_own: Stack
) -> None:
    tasks = [f"load-{number:05d}" for number in range(SESSIONS)]
    _, before = ledger.settled(Reader(found_own))
    with crowd(own_stack, _decide) as people:
        accepted = _walk(people, [f"warm-{number}" for number in range(1, 21)])
        memory = _memory(own_stack)
        started = time.monotonic()
        first_ids, first = _measure(own_stack, people, tasks[:MEASURED])
        accepted += first_ids + _walk(people, tasks[MEASURED:-MEASURED], told=True)
        last_ids, last = _measure(own_stack, people, tasks[-MEASURED:])
        seconds = time.monotonic() - started
    accepted += last_ids
    assert set(people.statuses) == {200}
    counted = _count(found_own, accepted, before)
    assert last.requests == pytest.approx(first.requests, rel=FLAT)
    assert last.stored_bytes == pytest.approx(first.stored_bytes, rel=FLAT)
    grown = _memory(own_stack)
    figures = {
        "sessions": SESSIONS,
        "sessions_per_second": round(SESSIONS / seconds, 1),
        "requests_per_session_first": round(first.requests, 2),
        "requests_per_session_last": round(last.requests, 2),
        "stored_bytes_first": round(first.stored_bytes),
        "stored_bytes_last": round(last.stored_bytes),
        **{f"{name}_mb_first": memory[name] for name in sorted(grown) if name in memory},
        **{f"{name}_mb_last": grown[name] for name in sorted(grown)},
        "ledger": f"{counted.accepted} tasks, {counted.posts} posts, exact",
    }
    print("\nload:", ", ".join(f"{name} {value}" for name, value in figures.items()))
    record("load", **figures)


def _decide(task: str) -> dict[str, str]:
    return {"decision": "denied" if _is_denied(task) else "approved"}


def _is_denied(task: str) -> bool:
    return int(task.rpartition("-")[2]) % DENIED_EVERY == 0


def _walk(people: Crowd, tasks: Sequence[str], told: bool = False) -> list[str]:
    """Sends tasks, a wave at a time, and waits until all are done; returns their session ids."""
    waves = [tasks[start : start + WAVE] for start in range(0, len(tasks), WAVE)]
    session_ids = []
    for wave in progress(waves, len(waves), "load, waves") if told else waves:
        session_ids += people.send(wave)
        for _ in people.answered(len(wave) + (QUESTIONS_TO_DENY - 1) * sum(map(_is_denied, wave))):
            pass
    return session_ids


def _measure(stack: LocalStack, people: Crowd, tasks: Sequence[str]) -> tuple[list[str], Cost]:
    started = time.time()
    session_ids = _walk(people, tasks)
    requests = Counter(span["operation"] for span in stack.spans(started))
    del requests[""]
    items = [i for s in session_ids for i in [stack.session(s), *stack.approvals(s)]]
    return session_ids, Cost(
        requests.total() / len(tasks), sum(map(item_bytes, items)) / len(tasks)
    )


def _count(found: Stack, accepted: Sequence[str], before: ledger.Ledger) -> ledger.Ledger:
    _, counted = ledger.settled(Reader(found), frozenset(accepted))
    denied = SESSIONS // DENIED_EVERY
    assert counted.holds, "\n".join(ledger.report(counted))
    ended = Counter(counted.tasks) - Counter(before.tasks)
    assert ended == {"completed": len(accepted) - denied, "denied": denied}
    assert counted.spent - before.spent == len(accepted) - denied
    assert counted.posts == counted.spent
    assert counted.unnamed == before.accepted
    assert counted.on_their_way == counted.letters.total() == 0
    return counted


def _memory(stack: LocalStack) -> dict[str, int]:
    """Returns the resident memory in MB: of the emulator, and of a worker of each function."""
    listing = subprocess.run(
        ["ps", "-A", "-ww", "-o", "rss=,args="], capture_output=True, text=True, check=True
    )
    names = {name: function for function, name in stack.description["functions"].items()}
    port = stack.description["endpoint_url"].rpartition(":")[2]
    found: dict[str, int] = {}
    for line in listing.stdout.splitlines():
        kilobytes, arguments = line.split(maxsplit=1)
        worker = re.search(rf"{stack.state_dir}/.*ministack-lambda-(.+)-", arguments)
        name = names.get(worker[1], "") if worker else ""
        if re.search(rf"emulator_process \d+ {port}$", arguments):
            name = "emulator"
        if name:
            found[name] = max(found.get(name, 0), int(kilobytes) // 1024)
    return found
