"""The kill matrix's last row: real SIGKILLs of the processes that run the functions on ministack.

Volleys at random moments, while tasks start and sessions resume: at all agents that run, and each
time at the API, UniTok or the sweeper as well. Afterwards the ledger holds: each task has ended,
with its one post.
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

VOLLEYS = size(short=3, long=25)
SESSIONS = 12 * VOLLEYS
OTHERS = ("approval", "unitok", "sweeper")
TIMEOUT_SECONDS = 15
"""Of the agent; ten of them are kept for saving. What a killed one held comes back 7 s later."""

BETWEEN_SECONDS = (0.5, 2.5)
"""Before a volley, once an agent has work: from a start's import to the end of a run."""

END_SECONDS = 300


def test_workers_killed_at_any_moment_lose_no_task_and_post_once(
    own_stack: LocalStack, found_own: Stack
) -> None:
    own_stack.limit_agent_to(TIMEOUT_SECONDS)
    with crowd(own_stack, lambda _: {"decision": "approved"}) as people, _sweeping(own_stack):
        accepted = people.send([f"kill-{number}" for number in range(SESSIONS)])
        killed = Counter[str]()
        for number in progress(range(VOLLEYS), VOLLEYS, "kill matrix, volleys"):
            killed += _volley(own_stack, OTHERS[number % len(OTHERS)])
        redriven = _wait_for_the_end(own_stack, found_own, accepted)
    own_stack.limit_agent_to(AGENT_TIMEOUT_SECONDS)
    _, counted = ledger.settled(Reader(found_own))
    assert counted.holds, "\n".join(ledger.report(counted))
    ended = Counter(own_stack.session(session_id)["outcome"]["S"] for session_id in accepted)
    assert ended == {"published": SESSIONS}
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


def _volley(stack: LocalStack, other: str) -> Counter[str]:
    """Kills all agents and one more function's workers, a random moment after there is work."""
    wait_until(lambda: bool(stack.workers("agent")) and stack.messages_in("queue_url") > 0)
    time.sleep(random.uniform(*BETWEEN_SECONDS))  # noqa: S311
    killed = Counter[str]()
    for function in ("agent", other):
        for pid in stack.workers(function):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed[function] += 1
    return killed


def _wait_for_the_end(stack: LocalStack, found: Stack, accepted: list[str]) -> int:
    """Waits until every task has ended; one whose message was killed five times is redriven."""
    left, redriven = set(accepted), 0

    def is_over() -> bool:
        nonlocal redriven
        if stack.messages_in("dead_letter_queue_url"):
            redriven += redrive(found)
        left.difference_update([s for s in left if stack.status(s) == "completed"])
        return not left

    wait_until(is_over, END_SECONDS)
    stack.wait_until_quiet()
    return redriven


@contextmanager
def _sweeping(stack: LocalStack) -> Iterator[None]:
    """Sweeps all the time, so that there is a sweeper to kill; a killed one answers an error."""
    stopping = threading.Event()

    def sweep() -> None:
        functions = stack.client("lambda")
        while not stopping.wait(0.5):
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
