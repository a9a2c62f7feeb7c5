"""Scale by measurement: what grows with the open waits, a session, a turn and an inbox."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks import scale
from benchmarks.growth import waits
from benchmarks.report import Effort, Section, Table, number

if TYPE_CHECKING:
    from benchmarks.growth.counted import Counted
    from benchmarks.growth.inbox import Page
    from benchmarks.growth.sweep import Sweep
    from benchmarks.growth.turn import Turn

OPEN, SMOKE_OPEN = (1_000, 10_000, 100_000), (50, 100)
CYCLES, SMOKE_CYCLES = (1, 40, 200), (1, 2)
QUESTIONS, SMOKE_QUESTIONS = (1, 5, 10, 20), (1, 2)
INBOX, SMOKE_INBOX = (100, 1_000, 10_000), (5, 10)

FASTER = 1.1
"""Grown so many times as much as what is served, something grows faster than it."""


def run(effort: Effort) -> Section:
    """Measures all four, each on an engine of its own."""
    # Only here: the tables need no engine.
    from benchmarks.cycle.engine import running_engine
    from benchmarks.cycle.meter import Meter
    from benchmarks.cycle.our_project import table_properties
    from benchmarks.growth import inbox, session, sweep, turn

    is_smoke, meter = effort.is_smoke, Meter()
    with meter.installed():
        with running_engine(table_properties()) as engine:
            print("  a session of many approvals", flush=True)
            cycles = session.measure(engine, meter, SMOKE_CYCLES if is_smoke else CYCLES)
            print("  turns of many questions", flush=True)
            counts = SMOKE_QUESTIONS if is_smoke else QUESTIONS
            turns = [turn.measure(engine, meter, count) for count in counts]
        with running_engine(table_properties()) as engine:
            print("  an inbox with many approvals", flush=True)
            counts = SMOKE_INBOX if is_smoke else INBOX
            pages = inbox.measure(engine, meter, counts, effort)
        with running_engine(table_properties()) as engine:
            sweeps = sweep.measure(engine, SMOKE_OPEN if is_smoke else OPEN, effort)
    tables = (sweep_table(sweeps), session_table(cycles), turn_table(turns), inbox_table(pages))
    return Section("Scale by measurement", TEXT, tables)


def sweep_table(sweeps: Sequence["Sweep"]) -> Table:
    """Returns what a sweep takes, by how many waits are open."""
    ours = scale.read_ours()
    points = [(one.open, one.units_of_open) for one in sweeps]
    grown = verdict("open waits", "read units", points[0], points[-1])
    rows = [
        (
            f"{one.open:,}",
            one.requests,
            one.units_of_open,
            scale.sweep_read_units(ours, one.open),
            sum(one.read_units.values()) - one.units_of_open,
            one.received_kilobytes,
            f"{one.mebibytes:.0f}",
            one.cpu_seconds,
            one.cpu_seconds.median / ours.sweeper_processors,
        )
        for one in sweeps
    ]
    columns = (
        *("Open waits", "AWS calls", "Read units for what is open", "the same on paper"),
        *(
            "for what is due",
            "KB received",
            "Peak memory, MB",
            "CPU, s",
            f"at {ours.sweeper_megabytes} MB, s",
        ),
    )
    return Table(
        "A sweep, by how many waits are open",
        columns,
        tuple(rows),
        f"How to read it: of 100 open waits 65 are approvals, 10 questions, 20 timers and jobs, 5 "
        f"decided; {3 * waits.DUE} more are due, in each row the same. What is open is "
        "read by the index and 500 a minute looked up, so only units, bytes and memory grow with "
        "it. The last column divides CPU by the part of a processor that the template gives the "
        f"sweeper, which has {ours.sweep_seconds} s. {grown}",
    )


def session_table(cycles: dict[int, "Counted"]) -> Table:
    """Returns what a cycle takes, by how many came before it in the session."""
    from benchmarks.growth.counted import COLUMNS

    first, *_, last = cycles
    rows = [(f"{cycle:,}", *counted.cells) for cycle, counted in cycles.items()]
    points = [(cycle, cycles[cycle].cpu_ms) for cycle in (first, last)]
    return Table(
        "A session of many approvals",
        ("Approval", *COLUMNS),
        tuple(rows),
        "How to read it: each row is the mean of the five cycles that lead up to it (of the first, "
        "it alone), from the click to the next question. Calls and units of a cycle are to stay; "
        "bytes and processor time grow with the conversation, which a model is sent whole. "
        f"{verdict('approvals', 'CPU', *points)}",
    )


def turn_table(turns: Sequence["Turn"]) -> Table:
    """Returns what a turn of several questions takes, per question and together."""
    from benchmarks.growth.counted import COLUMNS

    rows: list[tuple[object, ...]] = []
    for turn in turns:
        if turn.early:
            rows.append((f"{turn.questions:,}: a decision but the last", *turn.early.cells))
        rows.append((f"{turn.questions:,}: the last decision", *turn.decisions[-1].cells))
        rows.append((f"**{turn.questions:,}: together**", *turn.all.cells))
    first, last = turns[-2:]
    said = [
        verdict("questions", what, *((t.questions, getattr(t.all, name)) for t in (first, last)))
        for what, name in (("calls", "calls"), ("read units", "read_units"))
    ]
    return Table(
        "A turn of many questions",
        ("Questions", *COLUMNS),
        tuple(rows),
        "How to read it: each decision is a click and the message that tells of it; the last one "
        "resumes the agent, which publishes all. What stands under *together* is to grow as the "
        "questions do, and no faster: looked at between the two longest turns, for one question "
        f"alone is claimed without a read. {' '.join(said)}",
    )


def inbox_table(pages: Sequence["Page"]) -> Table:
    """Returns what the pages of an inbox take, by how many approvals are open."""
    rows = [
        (
            f"{page.open:,}: {page.name}",
            page.pages,
            page.rows,
            page.counted.calls,
            page.counted.read_units,
            page.counted.received_kilobytes,
            page.kilobytes,
            page.cpu_ms,
            page.ms,
        )
        for page in pages
    ]
    columns = (
        *("Open, all for one person", "Pages", "Rows", "AWS calls", "Read units", "KB received"),
        *("KB of pages", "CPU, ms", "Wall, ms"),
    )
    points = [(page.open, page.counted.read_units) for page in pages if page.to_the_end]
    return Table(
        "An inbox with many approvals",
        columns,
        tuple(rows),
        "How to read it: a page looks at 500 of what is open, however many are; who looks for "
        "a word goes on from page to page. "
        + verdict("open approvals", "read units to the end of a search", *points[-2:]),
    )


def verdict(served: str, what: str, first: tuple[float, float], last: tuple[float, float]) -> str:
    """Says whether something grows faster than what it serves.

    Args:
        served: What it serves.
        what: What it takes.
        first: How much it serves, and takes for that.
        last: The same, of much more.
    """
    times, grown = (after / before for before, after in zip(first, last, strict=True))
    how = "FASTER than what it serves" if grown > FASTER * times else "no faster than it serves"
    return f"{number(times)} times the {served}, {number(grown)} times the {what}: {how}."


TEXT = """\
The real functions against the local emulator in a process of its own, as in "Cost of a pause and
resume": every AWS call is counted, read units come from the sizes of what is read. Counts are the
same on any machine; CPU and wall time are of this one, and wall time is mostly the emulator's, no
measure of DynamoDB. The sweep runs in a process of its own, so its memory is its own.

Under each table stands how much more it takes for how much more it serves. Sessions a second, by
agents at work, are under "Throughput"; what no machine here can hold is under "Scale on paper"."""
