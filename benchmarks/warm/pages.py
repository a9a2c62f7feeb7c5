"""What a person waits for once the function is warm: the page, and the decision."""

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.report import Effort, Table
from local_stack import LocalStack, running_stack

SESSIONS, WARM_UP = 200, 20
SMOKE_SESSIONS, SMOKE_WARM_UP = 2, 1

NOTHING = "GET, a link that is none (404)"
GET, POST = "GET, the page of an approval", "POST, the decision"

NOTES = """\
How to read it: wall milliseconds of one request at a time through the stack of `make run`: the
front door, the emulator's HTTP API, the function in a process of its own, its calls to the
emulator's DynamoDB and SQS. The first row is the same way without any of these calls, so what a
row takes more is the page's or the decision's own. Each of {sessions} sessions is asked, opened
once and approved once, after {warm_up} that do not count. It is a measure of this machine, not of
AWS."""


def measure(effort: Effort) -> Table:
    """Opens and decides approvals of a stack of its own, one after the other."""
    sessions, warm_up = SESSIONS, WARM_UP
    if effort.is_smoke:
        sessions, warm_up = SMOKE_SESSIONS, SMOKE_WARM_UP
    print(f"  pages: {sessions} sessions", flush=True)
    found: dict[str, list[float]] = {NOTHING: [], GET: [], POST: []}  # In this order.
    with (
        TemporaryDirectory(prefix="bench-") as folder,
        running_stack(Path(folder)) as stack,
    ):
        for number in range(warm_up + sessions):
            session_id, links = stack.ask(f"About page-{number:04d}.")
            for what in found:
                milliseconds = _milliseconds(stack, what, links["approve"])
                if number >= warm_up:
                    found[what].append(milliseconds)
            stack.wait_until_completed(session_id)
            stack.wait_until_quiet()
    return table(found, sessions, warm_up)


def table(found: dict[str, list[float]], sessions: int, warm_up: int) -> Table:
    """Returns the table: half of all requests take at most p50, 99 of 100 at most p99."""
    rows = tuple((what, *_percentiles(times)) for what, times in found.items())
    return Table(
        "A person's requests, warm, through the local stack",
        ("Request", "p50, ms", "p99, ms"),
        rows,
        NOTES.format(sessions=sessions, warm_up=warm_up),
    )


def _percentiles(times: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return cuts[49], cuts[98]


def _milliseconds(stack: LocalStack, what: str, link: str) -> float:
    begun = time.monotonic()
    if what == POST:
        answer, status = stack.post_form(link, decision="approved"), 200
    elif what == GET:
        answer, status = stack.request("GET", link), 200
    else:
        answer, status = stack.request("GET", link.replace("?", "x?")), 404
    took = (time.monotonic() - begun) * 1_000
    if answer.status != status:
        raise RuntimeError(f"{what}: {answer.status}, {answer.text[:200]}")
    return took
