"""The kill matrix's last row: real SIGKILLs of the processes that run the functions on ministack.

Volleys at random moments, while tasks start, people click, sessions resume and the sweeper sweeps:
at every process that runs a function. Afterwards the ledger holds: each task has ended, with its
one post.
"""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from operate import ledger
from operate.reading import Reader
from operate.redrive import redrive
from operate.stacks import Stack

from crowd import crowd
from local_stack import AGENT_TIMEOUT_SECONDS, LocalStack, wait_until
from prove_figures import progress, record, size

VOLLEYS = size(short=2, long=25)
SESSIONS_A_VOLLEY = 20
FUNCTIONS = ("agent", "approval", "unitok", "sweeper")
TIMEOUT_SECONDS = 15
"""Of the agent; ten of them are kept for saving."""

COMES_BACK_SECONDS = TIMEOUT_SECONDS + 7
"""When what a killed agent held is delivered again: the first thing that an agent sees to. The
queue's own time, for one that was killed even before, is minutes; here it is the same."""

WORK_SECONDS = (0.1, 1.5)
"""Before the kills, once an agent has started: it imports, runs, saves, resumes or publishes."""

END_SECONDS = 300


def test_workers_killed_at_any_moment_lose_no_task_and_post_once(
    own_stack: LocalStack, found_own: Stack
) -> None:
    with (
        _coming_back_soon(own_stack),
        crowd(own_stack, lambda _: {"decision": "approved"}) as people,
        _sweeping(own_stack),
    ):
        accepted, killed = [], Counter[str]()
        for volley in progress(range(VOLLEYS), VOLLEYS, "kill matrix, volleys"):
            tasks = [f"kill-{volley}-{number}" for number in range(SESSIONS_A_VOLLEY)]
            accepted += people.send(tasks)
            wait_until(lambda: bool(own_stack.workers("agent")))
            time.sleep(random.uniform(*WORK_SECONDS))  # noqa: S311
            killed += _kill(own_stack)
        redriven = _wait_for_the_end(own_stack, found_own, accepted)
    _, counted = ledger.settled(Reader(found_own))
    assert counted.holds, "\n".join(ledger.report(counted))
    ended = Counter(own_stack.session(session_id)["outcome"]["S"] for session_id in accepted)
    assert ended == {"published": VOLLEYS * SESSIONS_A_VOLLEY}
    hit = _runs_cut_short(own_stack)
    assert hit >= VOLLEYS, "the kills hit nobody at work"
    record(
        "kill matrix",
        real_kills=killed.total(),
        real_kills_of_agents=killed["agent"],
        real_kills_at_work=hit,
        real_kills_redriven=redriven,
        real_kills_clicks_repeated=people.repeated_clicks,
    )


def _kill(stack: LocalStack) -> Counter[str]:
    """Kills all processes that run functions; returns how many of each."""
    killed = Counter[str]()
    for function in FUNCTIONS:
        for pid in stack.workers(function):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed[function] += 1
    return killed


def _wait_for_the_end(stack: LocalStack, found: Stack, accepted: list[str]) -> int:
    """Waits until every task has ended; one whose message was killed five times is redriven."""
    redriven = 0
    for session_id in accepted:
        deadline = time.monotonic() + END_SECONDS
        while stack.status(session_id) != "completed":
            assert time.monotonic() < deadline, f"{session_id} has not ended"
            time.sleep(0.5)
            if stack.messages_in("dead_letter_queue_url"):
                redriven += redrive(found)
    stack.wait_until_quiet()
    return redriven


@contextmanager
def _coming_back_soon(stack: LocalStack) -> Iterator[None]:
    url, name = stack.description["queue_url"], "VisibilityTimeout"
    before = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
    stack.sqs.set_queue_attributes(QueueUrl=url, Attributes={name: str(COMES_BACK_SECONDS)})
    stack.limit_agent_to(TIMEOUT_SECONDS)
    yield
    stack.limit_agent_to(AGENT_TIMEOUT_SECONDS)
    stack.sqs.set_queue_attributes(QueueUrl=url, Attributes=before)


@contextmanager
def _sweeping(stack: LocalStack) -> Iterator[None]:
    """Sweeps all the time, so that there is a sweeper to kill; a killed one answers an error."""
    stopping = threading.Event()

    def sweep() -> None:
        functions = stack.client("lambda")
        while not stopping.wait(1):
            functions.invoke(FunctionName=stack.description["functions"]["sweeper"])
        functions.close()

    thread = threading.Thread(target=sweep)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _runs_cut_short(stack: LocalStack) -> int:
    """How many messages the emulator had handed to an agent that died of it."""
    log = (stack.state_dir / "emulator.log").read_text()
    name = stack.description["functions"]["agent"]
    return log.count(f"ESM: Lambda {name} failed processing")
