"""What was measured, as tables and charts."""

import statistics
from collections.abc import Callable, Iterator, Sequence

from benchmarks.cycle.close_tables import close_verdicts, sessions_table, texts_table
from benchmarks.cycle.contender import Contender, Offers
from benchmarks.cycle.prices import DOLLARS_PER_TRANSITION, READ, Usage
from benchmarks.cycle.results import Results
from benchmarks.report import Chart, Section, Spread, Table, number

TRANSITIONS = 4
"""Of Step Functions in one cycle: wait for the token, choose, publish, run the agent."""
STEP_FUNCTIONS = "Step Functions, callback (list price)"
STEP_FUNCTIONS_OFFERS = Offers("the answer, 90 days", "yes: a token counts once", "no")

DETAIL_SIZES = (50, 1_000)
FROM, BELOW_FROM = 10, 50
"""Messages from which the price may not change, and must be below every peer's."""
MOST_DOLLARS, MOST_CHANGE, MOST_CALLS, MOST_WRITES = 9, 0.10, 11, 6

TEXT = """\
One cycle, for everybody: a session is paused at a question. The approval comes; the state is
read; the agent publishes the approved text and asks for the next one; the state is written. That
adds four messages. Earlier messages have about 500 bytes, the texts to approve
160; longer ones have a table of their own. The same scripted model answers everywhere; real
libraries run over real botocore and loopback HTTP against the local AWS emulator in another
process; one layer on botocore's events counts for all.

- **Dollars** are list prices of us-east-1, read in {read}, for storage alone: DynamoDB on
  demand, S3 requests, durable operations ($8 per million, $0.25 per GB written). Deletes in S3
  are free. Queue, e-mail, API and Lambda are not in them; every contender needs something of the
  kind.
- **This project** is the mean of {cycles} consecutive cycles ({attached} with an attachment),
  approval, decision, claim and spend included: only several show what its bases cost. Its
  conversation grows meanwhile. **Every other** figure is the first cycle, at exactly so many
  messages: in its favour. Its other figures are of its first {peer_cycles} cycles.
- **Write units** are what the emulator reports, indexes included; **read units** come from the
  sizes of the items read. **CPU** is this process's, all threads: medians of everybody's first
  {peer_cycles} cycles, with least and most. All take turns, a cycle each, so that a machine whose
  speed varies does so for all.
- Managers and savers are set up as well as they can be: clients are kept, large values may go to
  S3, nothing trims the conversation (this project's own window of 1,000 messages is out of reach,
  too). S3SessionManager makes a client for each session and reads each message by itself.
- Durable functions run on the SDK's local runner, which makes no AWS calls and has no process of
  its own: there are operations and bytes, no CPU. In their favour a step returns only what it
  adds. Each way to wait has its row: `wait_for_callback`, and `create_callback` with the e-mail in
  a step or outside of one, as in AWS's own sample, where every replay sends all e-mails again.
- Step Functions are arithmetic: {transitions} transitions a cycle at $25 per million, the
  conversation stored elsewhere (a state holds 256 KB).
"""


def section(results: Results) -> Section:
    """Returns all that there is to say."""
    plan = results.plan
    text = TEXT.format(
        cycles=plan.cycles,
        attached=plan.cycles_with_attachment,
        peer_cycles=plan.peer_cycles,
        transitions=TRANSITIONS,
        read=READ,
    )
    details = [size for size in DETAIL_SIZES if size in plan.sizes] or plan.sizes[-1:]
    return Section(
        "Cost of a pause and resume",
        text,
        (
            _dollars_table(results, has_attachment=False),
            _dollars_table(results, has_attachment=True),
            _dollars_chart(results),
            texts_table(results),
            sessions_table(results),
            _tasks_table(results),
            _ours_table(results),
            *(_detail_table(results, size) for size in details),
            *(_detail_table(results, size, has_attachment=True) for size in details[-1:]),
            _cpu_table(results),
            _cpu_chart(results),
            _offers_table(results),
            _targets_table(results),
        ),
    )


def _dollars_table(results: Results, has_attachment: bool) -> Table:
    attached = ", with an attachment of 1 MB" if has_attachment else ""
    record = [results.record_dollars(size, has_attachment) for size in results.plan.sizes]
    rows: list[tuple[object, ...]] = [
        (c.name, *(_dollars(results, c, size, has_attachment) for size in results.plan.sizes))
        for c in (results.ours, *results.peers)
    ]
    steps = DOLLARS_PER_TRANSITION * TRANSITIONS
    rows.append(
        (
            STEP_FUNCTIONS,
            *(_beside(steps, results, size, has_attachment) for size in results.plan.sizes),
        )
    )
    rows.append(
        ("**how many are cheaper**", *_cheaper(results, has_attachment)),
    )
    return Table(
        f"Dollars per million cycles, by messages{attached}",
        ("", *(f"{size:,}" for size in results.plan.sizes)),
        tuple(rows),
        "In brackets: how many times this project's figure. Of this project's, the approval's own "
        f"record takes {min(record):.2f} to {max(record):.2f}; no other has one.",
    )


def _dollars(results: Results, contender: Contender, size: int, has_attachment: bool) -> str:
    dollars = results.dollars(contender, size, has_attachment)
    if dollars is None:
        return f"fails: {results.cell(contender, size, has_attachment).failure}"
    if contender is results.ours:
        return f"**{dollars:.2f}**"
    return _beside(dollars, results, size, has_attachment)


def _beside(dollars: float, results: Results, size: int, has_attachment: bool) -> str:
    mine = results.dollars(results.ours, size, has_attachment) or float("nan")
    return f"{dollars:.2f} ({number(dollars / mine)}×)"


def _cheaper(results: Results, has_attachment: bool) -> Iterator[str]:
    for size in results.plan.sizes:
        below = results.below(size, lambda c, n: results.dollars(c, n, has_attachment))
        yield str(len(below)) if below else "none"


def _tasks_table(results: Results) -> Table:
    columns = (
        "",
        "dollars per million",
        "AWS requests",
        "conditional writes",
        "write units",
        "S3 requests",
    )
    mine = results.tasks[results.ours.name].dollars
    rows = []
    for contender in (results.ours, *results.peers):
        usage = results.tasks[contender.name]
        rows.append(
            (
                contender.name,
                f"{usage.dollars:.2f} ({number(usage.dollars / mine)}×)",
                _requests(usage),
                number(usage.conditional_writes),
                number(usage.write_units),
                number(sum(usage.s3_requests.values())),
            )
        )
    notes = "Asked, saved, approved, read, published, ended, saved: two saves, nothing before it."
    title = "A task that one approval finishes, from its start to its end"
    return Table(title, columns, tuple(rows), notes)


def _requests(usage: Usage) -> str:
    if usage.durable_operations:
        return f"{number(usage.durable_operations)} durable operations"
    return number(usage.requests)


def _ours_table(results: Results) -> Table:
    def row(label: str, value: Callable[[int], float]) -> tuple[object, ...]:
        return (label, *(f"{value(size):.2f}" for size in results.plan.sizes))

    def cycles(size: int) -> Sequence[Usage]:
        return results.cell(results.ours, size).usages or [Usage()]

    def average(size: int) -> Usage:
        return results.mean(results.ours, size)

    return Table(
        "This project, by messages",
        ("", *(f"{size:,}" for size in results.plan.sizes)),
        (
            row("dollars per million, mean", lambda n: average(n).dollars),
            row("the cheapest single cycle", lambda n: min(u.dollars for u in cycles(n))),
            row("the dearest single cycle", lambda n: max(u.dollars for u in cycles(n))),
            row("of the mean, the approval's record", results.record_dollars),
            row("write units, the index included", lambda n: average(n).write_units),
            row("read units", lambda n: average(n).read_units),
            row("S3 PUT requests", lambda n: average(n).s3_requests.get("PutObject", 0)),
            row("AWS calls for coordination, S3's left out", lambda n: average(n).coordination),
            row("of these, conditional writes", lambda n: average(n).conditional_writes),
        ),
    )


def _detail_table(results: Results, size: int, has_attachment: bool = False) -> Table:
    attached = " and an attachment of 1 MB" if has_attachment else ""
    columns = (
        f"{size:,} messages{attached}",
        "AWS requests",
        "conditional writes",
        "write units",
        "read units",
        "S3 requests",
        "KB sent",
        "KB received",
        "CPU, times ours (ms)",
    )
    rows = tuple(
        _detail_row(results, contender, size, has_attachment)
        for contender in (results.ours, *results.peers)
    )
    return Table(f"What a cycle takes at {size:,} messages{attached}", columns, rows, "Means.")


def _detail_row(
    results: Results, contender: Contender, size: int, has_attachment: bool
) -> tuple[object, ...]:
    cell = results.cell(contender, size, has_attachment)
    if not cell.usages:
        return (contender.name, f"fails: {cell.failure}", *("",) * 7)
    usage = results.mean(contender, size, has_attachment)
    s3 = ", ".join(f"{number(n)} {name}" for name, n in usage.s3_requests.items())
    return (
        contender.name,
        _requests(usage),
        number(usage.conditional_writes),
        number(usage.write_units),
        number(usage.read_units),
        s3 or "none",
        number(usage.bytes_sent / 1024),
        number(usage.bytes_received / 1024),
        _cpu(results, contender, size, has_attachment),
    )


def _cpu(results: Results, contender: Contender, size: int, has_attachment: bool) -> str:
    found = results.cpu_ms(contender, size, has_attachment)
    mine = results.cpu_ms(results.ours, size, has_attachment)
    if not contender.has_cpu:
        return "not told apart"
    if not found or not mine:
        return f"fails: {results.cell(contender, size, has_attachment).failure}"
    ratio = statistics.median(found) / statistics.median(mine)
    return f"{number(ratio)}× ({Spread(found)})"


def _cpu_table(results: Results) -> Table:
    def cell(contender: Contender, size: int) -> str:
        found = results.persistence_ms(contender, size)
        mine = results.persistence_ms(results.ours, size)
        if found is None or not mine:
            failure = results.cell(contender, size).failure
            return f"fails: {failure}" if failure else "not told apart"
        return beside(found, mine)

    def session(size: int) -> str:
        mine = results.persistence_ms(results.ours, size)
        return beside(results.session_ms(size), mine) if mine else ""

    def beside(found: float, mine: float) -> str:
        return f"{number(found / mine)}× ({number(found)} ms)"

    alone = [c for c in results.contenders if not c.is_peer and c is not results.ours]
    whole = tuple(
        (f"{c.name}, whole cycle", *(_cpu(results, c, n, False) for n in results.plan.sizes))
        for c in alone
    )
    return Table(
        "CPU of persistence: a cycle's, without the same agent's that stores nothing",
        ("times ours (ms)", *(f"{size:,}" for size in results.plan.sizes)),
        (
            (results.ours.name, *(cell(results.ours, size) for size in results.plan.sizes)),
            ("of it, what all have: load and save", *map(session, results.plan.sizes)),
            *((c.name, *(cell(c, size) for size in results.plan.sizes)) for c in results.peers),
            *whole,
        ),
        "Medians of the differences of cycles in the same turn. Ours includes the decision, its "
        "record, queue and e-mail, which the others lack; below it stands the session alone.",
    )


def _offers_table(results: Results) -> Table:
    offers = {c.name: c.offers for c in (results.ours, *results.peers)}
    offers[STEP_FUNCTIONS] = STEP_FUNCTIONS_OFFERS
    return Table(
        "What else one gets",
        ("", "record of who decided what", "first decision wins", "one effect per approval"),
        tuple(
            (name, o.decision_record, o.first_decision_wins, o.one_effect)
            for name, o in offers.items()
        ),
        "As code and documentation have it; not measured here.",
    )


def _dollars_chart(results: Results) -> Chart:
    lines = {
        c.name: [
            (float(size), dollars)
            for size in results.plan.sizes
            if (dollars := results.dollars(c, size)) is not None
        ]
        for c in (results.ours, *results.peers)
    }
    steps = DOLLARS_PER_TRANSITION * TRANSITIONS
    lines[STEP_FUNCTIONS] = [(float(size), steps) for size in results.plan.sizes]
    return Chart(
        "cycle-dollars",
        "A pause and resume: storage, list price",
        "messages in the conversation",
        "dollars per million",
        {name: points for name, points in lines.items() if points},
        is_logarithmic=True,
    )


def _cpu_chart(results: Results) -> Chart:
    lines = {
        c.name: [
            (float(size), statistics.median(found))
            for size in results.plan.sizes
            if (found := results.cpu_ms(c, size))
        ]
        for c in results.contenders
        if c.has_cpu
    }
    return Chart(
        "cycle-cpu",
        "A pause and resume: CPU of the client, the agent included",
        "messages in the conversation",
        "milliseconds",
        {name: points for name, points in lines.items() if points},
        is_logarithmic=True,
    )


def _targets_table(results: Results) -> Table:
    sizes = results.plan.sizes
    flat = [size for size in sizes if size >= FROM] or sizes
    long = [size for size in sizes if size >= BELOW_FROM] or sizes[-1:]
    prices = {size: results.dollars(results.ours, size) or float("nan") for size in sizes}
    change = max(abs(prices[n] - prices[flat[0]]) / prices[flat[0]] for n in flat)
    averages = [results.mean(results.ours, size) for size in sizes]
    averages.append(results.tasks[results.ours.name])
    calls = max(usage.coordination for usage in averages)
    writes = max(usage.conditional_writes for usage in averages)
    dearest = max(prices.values())
    rows = [
        (f"storage at most ${MOST_DOLLARS}", f"{dearest:.2f}", dearest <= MOST_DOLLARS),
        (
            f"within {MOST_CHANGE:.0%} from {flat[0]:,} to {flat[-1]:,} messages",
            f"{change:.1%}",
            change <= MOST_CHANGE,
        ),
        *(_below_row(results, size) for size in long),
        *(_below_without_record_row(results, size) for size in long),
        (f"at most {MOST_CALLS} AWS calls for coordination", number(calls), calls <= MOST_CALLS),
        (f"at most {MOST_WRITES} conditional writes", number(writes), writes <= MOST_WRITES),
        _session_row(results, sizes[-1]),
        _cpu_row(results, sizes[-1]),
        *close_verdicts(results),
    ]
    return Table(
        "What it must reach",
        ("", "measured", "reached"),
        tuple((what, found, "yes" if holds else "**no**") for what, found, holds in rows),
        "Calls and writes: the most, of a task with one approval and of one in a session that goes "
        "on. proofs/flow/test_counts.py and test_cycles.py fail when they grow.",
    )


def _below_row(results: Results, size: int) -> tuple[str, str, bool]:
    below = results.below(size, results.dollars)
    found = "; ".join(f"{peer.name}: {dollars:.2f}" for dollars, peer in below)
    return f"below every peer at {size:,} messages", found or "none is below", not below


def _below_without_record_row(results: Results, size: int) -> tuple[str, str, bool]:
    """The same service: no peer has a record of its approvals."""
    mine = (results.dollars(results.ours, size) or float("nan")) - results.record_dollars(size)
    found = [results.dollars(peer, size) for peer in results.peers]
    cheapest = min((dollars for dollars in found if dollars is not None), default=float("nan"))
    return (
        f"the session alone, without the approval's record, below every peer at {size:,} messages",
        f"{mine:.2f}, the cheapest peer {cheapest:.2f}",
        mine < cheapest,
    )


def _session_row(results: Results, size: int) -> tuple[str, str, bool]:
    below = results.below(size, results.persistence_ms, results.session_ms(size))
    label = f"CPU of load and save below every peer's at {size:,}"
    return label, _milliseconds(below), not below


def _cpu_row(results: Results, size: int) -> tuple[str, str, bool]:
    below = results.below(size, results.persistence_ms)
    label = f"the same at {size:,}, decision, record, queue and e-mail included in ours alone"
    return label, _milliseconds(below), not below


def _milliseconds(below: Sequence[tuple[float, Contender]]) -> str:
    return "; ".join(f"{peer.name}: {number(ms)} ms" for ms, peer in below) or "none is below"
