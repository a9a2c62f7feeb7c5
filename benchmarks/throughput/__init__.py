"""Throughput: sessions a second at 1, 4 and 16 agents at work, and where the time goes."""

import statistics
from collections import Counter
from collections.abc import Sequence

from benchmarks.report import Effort, Picture, Section, Spread, Table, number
from benchmarks.throughput import flame
from benchmarks.throughput.load import (
    ROLES,
    Crowd,
    LocalStack,
    Round,
    check,
    play,
    set_workers,
    stack_with_people,
)
from benchmarks.throughput.profile import SAMPLES_PER_SECOND, NotSampledError, Stacks, sample

SESSIONS = {1: 30, 4: 60, 16: 90}
"""Of one run, by how many agents are at work: some ten seconds each."""
SMOKE_SESSIONS = {1: 2, 2: 4}
PROFILED_SESSIONS, SMOKE_PROFILED_SESSIONS = 150, 4

TEXT = """\
A session here is the whole walk: a task is sent to the queue, the agent asks and is put away,
somebody opens the e-mail and approves by POST, the post is published, the session is completed. All
of it runs through the stack of `make run`: the packages that `sam build` makes, each function in
processes of its own, and one emulator of AWS for everything. The model is the scripted one, which
answers at once. As many agents are at work at a time as `MaximumConcurrency` and reserved
concurrency let.

How to read it: the first table says how many times as many sessions a second there are as with one
agent at work. **It is a measure of this machine and its one emulator, not of AWS**: a real agent
waits for its model most of the time, and DynamoDB, SQS and Lambda are not one process. What carries
over is what is ours: the second table has the processor time of each part per session, which should
not grow as more are at work, and the third whose the time is while the agent function handles a
message. The flame graph is the same in full: the handler on top, below each frame what it called,
the wider the longer; waits for an answer count, as they do on Lambda's bill.
"""

NOT_SAMPLED = """
On this machine py-spy could not look into the process, so the last table and the graph are missing.
"""


def run(effort: Effort) -> Section:
    """Measures in a local stack of its own; nothing of it is left."""
    sizes = SMOKE_SESSIONS if effort.is_smoke else SESSIONS
    profiled = SMOKE_PROFILED_SESSIONS if effort.is_smoke else PROFILED_SESSIONS
    rounds: dict[int, list[Round]] = {workers: [] for workers in sizes}
    with stack_with_people() as (stack, people):
        for workers, sessions in sizes.items():
            set_workers(stack, workers)

            def measure(workers: int = workers, sessions: int = sessions) -> float:
                rounds[workers].append(play(stack, people, sessions))
                return rounds[workers][-1].seconds

            effort.repeat(f"{sessions} sessions, {workers} agents at work", measure)
        stacks = _profile(stack, people, profiled)
        check(stack, people, len(people.answers))
    counted = {workers: done[-effort.runs :] for workers, done in rounds.items()}
    tables = (rate_table(counted), processor_table(counted))
    if not stacks:
        return Section("Throughput", TEXT + NOT_SAMPLED, tables)
    return Section("Throughput", TEXT, (*tables, share_table(stacks, profiled), _picture(stacks)))


def _profile(stack: LocalStack, people: Crowd, sessions: int) -> Stacks:
    print(f"  profile of {sessions} sessions", flush=True)
    try:
        return sample(stack, people, sessions)
    except NotSampledError as error:  # The rest is worth having.
        print(f"  not sampled: {error}", flush=True)
        return Counter()


def _picture(stacks: Stacks) -> Picture:
    title = "Where the time of the agent function goes"
    return Picture("bench-flame", title, flame.svg(stacks, f"{title}: the wider, the longer"))


def rate_table(rounds: dict[int, Sequence[Round]]) -> Table:
    """Returns sessions a second, as ratios first."""
    rates = {workers: Spread(tuple(map(_rate, done))) for workers, done in rounds.items()}
    one = rates[min(rates)].median
    rows = [
        (
            workers,
            Spread(tuple(value / one for value in rate.values)),
            rate,
            Spread(tuple(map(_processors, rounds[workers]))),
            rounds[workers][0].sessions,
        )
        for workers, rate in rates.items()
    ]
    columns = ("Agents at work", "× one", "Sessions a second", "Processors busy", "Sessions a run")
    return Table("Sessions a second", columns, tuple(rows))


def processor_table(rounds: dict[int, Sequence[Round]]) -> Table:
    """Returns the processor time of each part per session, as shares first."""
    found = {workers: _per_session(done) for workers, done in rounds.items()}
    rows = [
        (what, *(_share(milliseconds[role], milliseconds) for milliseconds in found.values()))
        for role, what in ROLES.items()
    ]
    rows.append(("all", *(f"{number(m.total())} ms" for m in found.values())))
    return Table(
        "Who uses the processor, per session",
        ("Part", *(f"{workers} at work" for workers in found)),
        tuple(rows),
        "Medians of the runs. `AgentFunction` handles two messages in a session.",
    )


def share_table(stacks: Stacks, sessions: int) -> Table:
    """Returns whose time it is while the agent function handles messages."""
    total = max(1, flame.samples_of_the_handler(stacks))
    milliseconds = 1_000 / SAMPLES_PER_SECOND / sessions
    rows = [
        (
            share.what,
            f"{share.samples / total:.1%}",
            f"{share.waiting / total:.1%}",
            share.samples * milliseconds,
        )
        for share in flame.shares(stacks)
    ]
    waiting = sum(share.waiting for share in flame.shares(stacks))
    rows.append(("all", "100 %", f"{waiting / total:.1%}", total * milliseconds))
    return Table(
        "Where the time of the agent function goes",
        ("Part", "Share", "of it waiting for the emulator", "Milliseconds a session"),
        tuple(rows),
        f"{total:,} samples, {SAMPLES_PER_SECOND} a second, of one process that handles a message "
        "at a time; imports and what an environment makes once are left out.",
    )


def _rate(done: Round) -> float:
    return done.sessions / done.seconds


def _processors(done: Round) -> float:
    return done.processor_seconds.total() / done.seconds


def _per_session(done: Sequence[Round]) -> Counter[str]:
    """Returns the median milliseconds of each role."""
    return Counter(
        {
            role: statistics.median(1_000 * r.processor_seconds[role] / r.sessions for r in done)
            for role in ROLES
        }
    )


def _share(milliseconds: float, of: Counter[str]) -> str:
    return f"{milliseconds / (of.total() or 1):.0%}, {number(milliseconds)} ms"
