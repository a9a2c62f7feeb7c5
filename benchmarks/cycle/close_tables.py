"""Longer texts and longer sessions: this project beside those that come close to it."""

from collections.abc import Sequence

from benchmarks.cycle.contender import DIGESTS, EQUAL, Contender
from benchmarks.cycle.prices import Usage, mean
from benchmarks.cycle.results import Results
from benchmarks.report import Table, number

MOST_OF_LEDGER = {160: 0.8, 1_000: 1.1, 10_000: 2.0}
"""Bytes of a text, and at most how many times the snapshots with an equal ledger it may cost."""
MOST_GROWTH = 1.02
"""At most so many times its first cycles may a session's last cycles cost."""

Verdict = tuple[str, str, bool]

TEXTS_NOTES = """\
How to read it: the first row is this project, the mean of {cycles} consecutive cycles; every other
figure is of a first cycle, in brackets how many times this project's. A text is written again with
each change of the record that holds it, and stands in the conversation several times. "An equal
ledger" keeps what this project's record keeps, with the fewest calls: put if absent, decide, claim
and spend, each conditional, and an entry in an index of what is open; a text too long for one write
unit lies in an item of its own, put once. "A ledger of digests" leaves the text to the
conversation, which the last writer may change. Both were built for this page; nobody sells them."""

SESSIONS_NOTES = """\
How to read it: one session asks {count} times, and every approval is really made. A mean is of the
{window} cycles from the one that is named on; of who puts its base into S3 every few cycles, as
this project does, of the whole rounds within them, because a part of a round would be luck. "Alone"
is that one cycle by itself, wherever it stands in its round: dollars, in brackets write units and
read units. What grows with the number of earlier approvals shows in the ratio; a first round has
nothing before it and is cheaper than those that follow. Who is billed by operations or requests
does not grow; an item that holds the whole conversation does."""


def texts_table(results: Results) -> Table:
    """Returns dollars by the bytes of the texts to approve."""
    plan = results.plan
    rows: list[tuple[object, ...]] = [
        (c.name, *(_of_text(results, c, post_bytes) for post_bytes in plan.texts))
        for c in results.close
    ]
    rows.append(("**how many are cheaper**", *(_cheaper(results, n) for n in plan.texts)))
    for name in (EQUAL, DIGESTS):
        ratios = (results.ratio_to(name, post_bytes) for post_bytes in plan.texts)
        rows.append((f"this project ÷ {name}", *map(_times, ratios)))
    return Table(
        f"Dollars per million cycles, by bytes of a text, at {plan.text_size:,} messages",
        ("", *(f"{post_bytes:,}" for post_bytes in plan.texts)),
        tuple(rows),
        TEXTS_NOTES.format(cycles=plan.cycles),
    )


def sessions_table(results: Results) -> Table:
    """Returns what the first and the later cycles of one session cost."""
    plan = results.plan
    return Table(
        "Dollars per million cycles, by how often the session has asked before",
        (
            "",
            *(f"mean from cycle {mark} on" for mark in plan.marks),
            "last ÷ first",
            *(f"cycle {mark} alone" for mark in plan.marks),
        ),
        tuple(_session_row(results, contender) for contender in results.close),
        SESSIONS_NOTES.format(count=plan.marks[-1] + plan.window - 1, window=plan.window),
    )


def close_verdicts(results: Results) -> list[Verdict]:
    """Returns what both tables must reach: what, how much it is, whether it is reached."""
    rows = []
    for name in (EQUAL, DIGESTS):
        for post_bytes, most in MOST_OF_LEDGER.items():
            ratio = results.ratio_to(name, post_bytes)
            label = f"at most {most:g} times {name}, at {post_bytes:,} bytes"
            rows.append((label, _times(ratio), ratio is not None and ratio <= most))
    marks = results.plan.marks
    label = f"from cycle {marks[-1]} on at most {MOST_GROWTH:g} times from cycle {marks[0]} on"
    growth = _growth(results.sessions[results.ours.name].usages, results)
    rows.append((label, f"{growth:.3f}×", growth <= MOST_GROWTH))
    return rows


def whole_rounds(usages: Sequence[Usage], start: int, count: int) -> Sequence[Usage]:
    """Returns the cycles from `start` on, `count` at most, that make whole rounds of a base.

    A round ends with the cycle that puts an object into S3. Of whoever puts one in each cycle, or
    none at all, these are all cycles.
    """
    ends = [number + 1 for number, usage in enumerate(usages) if "PutObject" in usage.s3_requests]
    window = usages[start : start + count]
    if not ends or len(ends) == len(usages):
        return window
    bounds = [end for end in (0, *ends) if start <= end <= start + count]
    return usages[bounds[0] : bounds[-1]] if len(bounds) > 1 else window


def _of_text(results: Results, contender: Contender, post_bytes: int) -> str:
    dollars = results.text_dollars(contender, post_bytes)
    if dollars is None:
        return f"fails: {results.texts[contender.name, post_bytes].failure}"
    if contender is results.ours:
        return f"**{dollars:.2f}**"
    mine = results.text_dollars(results.ours, post_bytes) or float("nan")
    return f"{dollars:.2f} ({number(dollars / mine)}×)"


def _cheaper(results: Results, post_bytes: int) -> str:
    mine = results.text_dollars(results.ours, post_bytes) or 0
    others = [results.text_dollars(c, post_bytes) for c in results.close if c is not results.ours]
    return str(sum(dollars is not None and dollars < mine for dollars in others) or "none")


def _times(ratio: float | None) -> str:
    return "fails" if ratio is None else f"{ratio:.2f}×"


def _session_row(results: Results, contender: Contender) -> tuple[object, ...]:
    cell, plan = results.sessions[contender.name], results.plan
    if cell.failure:
        done = f"fails after {len(cell.usages)} cycles: {cell.failure}"
        return (contender.name, done, *("",) * (2 * len(plan.marks)))
    means = [_mean_from(cell.usages, mark, plan.window).dollars for mark in plan.marks]
    alone = [cell.usages[mark - 1] for mark in plan.marks]
    return (
        contender.name,
        *(f"{dollars:.2f}" for dollars in means),
        f"{means[-1] / means[0]:.2f}×",
        *(f"{u.dollars:.2f} ({number(u.write_units)}, {number(u.read_units)})" for u in alone),
    )


def _mean_from(usages: Sequence[Usage], mark: int, window: int) -> Usage:
    return mean(whole_rounds(usages, mark - 1, window))


def _growth(usages: Sequence[Usage], results: Results) -> float:
    marks, window = results.plan.marks, results.plan.window
    first, last = (_mean_from(usages, mark, window).dollars for mark in (marks[0], marks[-1]))
    return last / first
