"""Scale on paper: up to 10 million open approvals and 1,000 decisions a second.

Arithmetic, no measurement. What is ours is read from the template and the sources, so that a
changed constant changes the tables. What is AWS's is a constant with its source. What depends on
the use of it is in `Use`: change it for yours.
"""

import ast
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from aws_template import load
from benchmarks.report import Effort, Section, Table, number

ROOT = Path(__file__).resolve().parents[1]

OPEN = (10_000, 100_000, 1_000_000, 10_000_000)
PER_SECOND = (10, 100, 1_000)

# ── What AWS says: defaults of us-east-1, on-demand tables, standard queues ─────────────────────

PARTITION_WRITE_UNITS = 1_000
"""A second. Source: DynamoDB, "Designing partition keys"; a single item never gets more."""

PARTITION_READ_UNITS = 3_000
"""A second. Source: the same."""

NEW_TABLE_WRITE_UNITS = 4_000
"""A second, at once. Source: DynamoDB, "Warm throughput": of a new on-demand table or index."""

TABLE_WRITE_UNITS = 40_000
"""A second. Source: DynamoDB, "Quotas": on demand, of a table or index; more on request."""

READ_UNIT_BYTES = 4_096
"""Source: DynamoDB, "Read consistency": one unit, or half of one when eventually consistent."""

LOCAL_INDEX_BYTES = 10 * 2**30
"""Of all items with one partition key. Source: DynamoDB, "Local secondary indexes"."""

IN_FLIGHT_MESSAGES = 120_000
"""Source: SQS, "Message quotas": received and not yet deleted, of a standard queue."""

CONCURRENT_EXECUTIONS = 1_000
"""Source: Lambda, "Quotas": of an account; a new one may start with 10, more on request."""

POLLED_EXECUTIONS = 20_000
"""At once, with 2,000 pollers. Source: Lambda, "SQS scaling": provisioned mode, in place of
`MaximumConcurrency`."""

MEGABYTES_PER_PROCESSOR = 1_769
"""Source: Lambda, "Configure memory": at so many MB a function has one whole processor."""

MAILS_PER_SECOND = 10
"""Source: SNS, "Email subscriptions": beyond it the subscription is suspended until it is confirmed
again. No quota moves it."""

PUBLISHED_PER_SECOND = 30_000
"""Source: SNS, "Quotas": in us-east-1; 300 to 9,000 in other regions."""

API_REQUESTS_PER_SECOND = 10_000
"""Source: API Gateway, "Quotas": of an account and region; more on request."""

GIGABYTE_MONTH_DOLLARS = 0.25
"""Source: DynamoDB, "On-demand pricing"."""

READ_UNIT_DOLLARS = 0.125 / 1e6
"""Source: the same."""

# ── What an approval takes; tests hold these ────────────────────────────────────────────────────

RUNS = 2
"""Of the agent: until it asks, and from the decision on."""

MODEL_CALLS = 3
"""It asks, it publishes, it says so. proofs/flow/test_counts.py plays these."""

SESSION_WRITE_UNITS = 3
"""C1, and C6 with a post of usual length: one unit and two. proofs/flow/test_counts.py"""

APPROVAL_WRITE_UNITS = 4
"""C2, C3, C4, C5. proofs/flow/test_counts.py"""

INDEX_WRITE_UNITS = 2
"""C2 puts the entry, C4 takes it out; C3 leaves it. proofs/unit/test_bench_scale.py"""

POST_WRITE_UNITS = 2
"""UniTok's item, and its copy in the local index."""

REMINDER_CALLS = 5
"""The approval, the session, take it, the e-mail, note it. proofs/unit/test_bench_scale.py"""

SESSION_BYTES, APPROVAL_BYTES = 1_100, 740
"""Of one short conversation, once it is over. proofs/flow/test_scale_counts.py"""

# ── What somebody uses it for ───────────────────────────────────────────────────────────────────


def _assumed(value: float, what: str) -> Any:
    return field(default=value, metadata={"what": what})


@dataclass(frozen=True)
class Use:
    """Assumptions. Nobody can know yours."""

    run_seconds: float = _assumed(10, "a run of the agent, mostly the model: seconds")
    requests_per_decision: int = _assumed(2, "requests to the approval API: page and decision")
    tokens_per_call: int = _assumed(2_000, "tokens of a model call, as its quota counts them")
    model_tokens_per_minute: int = _assumed(
        1_000_000, "the model's quota, tokens a minute: yours is in Service Quotas, and may differ"
    )
    call_ms: float = _assumed(10, "an AWS call of the sweeper, there and back: milliseconds")
    call_cpu_ms: float = _assumed(
        0.9, "of it on a whole processor: measured once, x86_64 at 2.8 GHz"
    )
    entry_cpu_us: float = _assumed(
        37, "to read an entry of the index, microseconds of a whole processor: measured likewise"
    )


# ── What is ours ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Ours:
    """Our constants and parameters, as they stand in sources and template."""

    shards: int
    entries_per_shard: int
    first_entries: int
    """Of each shard, read by every sweep: what is due stands there."""
    audited: int
    """Open approvals looked up in a minute."""
    threads: int
    mails_per_second: float | None
    """At which the sweeper paces its e-mails; None: it does not."""
    sweep_minutes: int
    sweep_seconds: int
    """In which a sweep may begin with an item."""
    sweeper_megabytes: int
    concurrency: int
    greatest_concurrency: int
    api_requests_per_second: int
    decide_seconds: int
    retention_days: int
    entry_bytes: int

    @property
    def sweeper_processors(self) -> float:
        """How much of a processor the sweeper has."""
        return min(1, self.sweeper_megabytes / MEGABYTES_PER_PROCESSOR)

    @property
    def most_seen(self) -> int:
        """Open approvals that one sweep reads."""
        return self.shards * self.entries_per_shard


@cache
def read_ours() -> Ours:
    """Reads the sources and the template."""
    sweeper = constants("src/sweeper/sweeper.py")
    audit = constants("src/sweeper/audit.py")
    margin = constants("src/sweeper/sweeper_handler.py")["STOP_BEFORE_END_SECONDS"]
    read = load()
    parameters, function = read["Parameters"], read["Globals"]["Function"]
    sweeper_function = read["Resources"]["SweeperFunction"]["Properties"]
    agent = read["Resources"]["AgentFunction"]["Properties"]["Environment"]["Variables"]
    hours = parameters["DecideWithinHours"]["Default"]
    return Ours(
        shards=constants("src/layer/python/longrunning/waits/item.py")["OPEN_SHARDS"],
        entries_per_shard=audit["MAX_ENTRIES_PER_SHARD"],
        first_entries=audit["FIRST_ENTRIES"],
        audited=audit["AUDITED_PER_MINUTE"],
        threads=sweeper["THREADS"],
        mails_per_second=sweeper.get("MAILS_PER_SECOND"),
        sweep_minutes=int(parameters["SweepMinutes"]["Default"]),
        sweep_seconds=sweeper_function["Timeout"] - margin,
        sweeper_megabytes=sweeper_function.get("MemorySize", function["MemorySize"]),
        concurrency=parameters["MaximumConcurrency"]["Default"],
        greatest_concurrency=parameters["MaximumConcurrency"]["MaxValue"],
        api_requests_per_second=read["Globals"]["HttpApi"]["DefaultRouteSettings"][
            "ThrottlingRateLimit"
        ],
        decide_seconds=int(read["Mappings"]["Hours"][hours]["Seconds"]),
        retention_days=int(agent["RETENTION_DAYS"]),
        entry_bytes=entry_bytes(read["Resources"]["ApprovalsTable"]["Properties"]),
    )


def constants(path: str) -> dict[str, Any]:
    """Returns the constants of a source file whose value is a literal, by name."""
    found = {}
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)):
                found[name] = value
    return found


def entry_bytes(table: dict[str, Any]) -> int:
    """Returns the bytes of one entry of the index: its keys, the table's, what it projects.

    A session id is a UUID, a tool use id Bedrock's, a shard one digit, a time in seconds six bytes.
    Source: DynamoDB, "Item sizes and formats".
    """
    lengths = {"session_id": 36, "tool_use_id": 30, "open_shard": 1}
    by_name = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
    index = by_name["open-approvals"]
    keys = [key["AttributeName"] for key in (*table["KeySchema"], *index["KeySchema"])]
    names = [*keys, *index["Projection"]["NonKeyAttributes"]]
    return sum(len(name) + lengths.get(name, 6) for name in names)


# ── How many wait, and what falls due ───────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Load:
    """So many open approvals and decisions a second, for long enough to be steady.

    How long somebody takes is exponentially distributed: any second is as likely as the next.
    """

    open: float
    decided: float
    """A second."""
    decide_seconds: float

    @property
    def mean_seconds(self) -> float:
        """How long a decision would take, if nothing ever ended undecided (Little's law)."""
        return self.open / self.decided

    @property
    def asked(self) -> float:
        """Questions a second: those that are decided, and those that end undecided."""
        return self.decided / (1 - self.waiting_after(self.decide_seconds))

    @property
    def ended(self) -> float:
        """Questions a second that end undecided."""
        return self.asked - self.decided

    @property
    def reminded(self) -> float:
        """Reminders a second, each at half time."""
        return self.asked * self.waiting_after(self.decide_seconds / 2)

    def waiting_after(self, seconds: float) -> float:
        """Returns which share is still undecided after a time."""
        return math.exp(-seconds / self.mean_seconds)


# ── What a sweep does ───────────────────────────────────────────────────────────────────────────


def seen(ours: Ours, waiting: float) -> float:
    """Returns how many open approvals a sweep reads."""
    return min(waiting, ours.most_seen)


def entries_read(ours: Ours, waiting: float) -> float:
    """Returns how many entries a sweep reads; of too many the first ones, and a part of all."""
    in_parts = waiting > ours.most_seen
    return seen(ours, waiting) + in_parts * ours.shards * ours.first_entries


def sweep_read_units(ours: Ours, waiting: float) -> float:
    """Returns the read units of one sweep: the index, and half a unit for each one looked up."""
    units = math.ceil(entries_read(ours, waiting) * ours.entry_bytes / READ_UNIT_BYTES) / 2
    return units + min(ours.audited * ours.sweep_minutes, waiting) / 2


def audit_minutes(ours: Ours, waiting: float) -> float:
    """Returns how long it takes to look once at all that is open and not due."""
    return max(ours.sweep_minutes, waiting / ours.audited)


def readable(ours: Ours, use: Use) -> float:
    """Returns how many entries a sweep could read, had it nothing else to do."""
    return ours.sweep_seconds * ours.sweeper_processors / use.entry_cpu_us * 1e6


def reminders_per_sweep(ours: Ours, use: Use) -> float:
    """Returns how many reminders one sweep can send: bound by its processor or by its threads."""
    by_processor = ours.sweeper_processors / (REMINDER_CALLS * use.call_cpu_ms / 1_000)
    by_threads = ours.threads / (REMINDER_CALLS * use.call_ms / 1_000)
    paced = ours.mails_per_second or math.inf
    return ours.sweep_seconds * min(by_processor, by_threads, paced)


def reminders_without_harm(ours: Ours, use: Use) -> float:
    """Returns how many reminders may be due in one sweep before SNS suspends the mailbox.

    A sweep that does not pace its e-mails sends all of them within a second or two.
    """
    per_second = reminders_per_sweep(ours, use) / ours.sweep_seconds
    return MAILS_PER_SECOND if per_second > MAILS_PER_SECOND else math.inf


# ── What breaks ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Limit:
    """What stops working, and at which number."""

    at: float
    what: str
    then: str
    """What happens beyond it."""
    moves: str
    """What moves it, and how far."""


def rate_limits(ours: Ours, use: Use) -> list[Limit]:
    """Returns the limits on approvals a second, the lowest first."""
    limits = [*_agent_limits(ours, use), *_people_limits(ours, use), *_table_limits(ours)]
    return sorted((limit for limit in limits if limit.at < math.inf), key=lambda limit: limit.at)


def _agent_limits(ours: Ours, use: Use) -> Iterator[Limit]:
    busy = RUNS * use.run_seconds
    greatest = number(ours.greatest_concurrency / busy)
    yield Limit(
        ours.concurrency / busy,
        f"{ours.concurrency} agents at work, {number(use.run_seconds)} s a run",
        "tasks wait in the queue, 14 days at most",
        f"`MaximumConcurrency`: {ours.greatest_concurrency:,} make {greatest}; provisioned "
        f"pollers, which the template has not, {number(POLLED_EXECUTIONS / busy)}",
    )
    yield Limit(
        CONCURRENT_EXECUTIONS / busy,
        f"{CONCURRENT_EXECUTIONS:,} functions at work in the account",
        "throttled: pages answer 503, messages come back",
        "the account's quota of concurrent executions",
    )
    yield Limit(
        use.model_tokens_per_minute / 60 / (MODEL_CALLS * use.tokens_per_call),
        f"the model: {use.model_tokens_per_minute:,} tokens a minute",
        "Bedrock throttles; messages come back, after five times as dead letters",
        "the model's quota; another region or model in `ModelId`",
    )
    yield Limit(
        IN_FLIGHT_MESSAGES / busy,
        f"{IN_FLIGHT_MESSAGES:,} messages being handled",
        "SQS hands out no more",
        "shorter runs; a second queue",
    )


def _people_limits(ours: Ours, use: Use) -> Iterator[Limit]:
    sweep_period = ours.sweep_minutes * 60
    yield Limit(
        reminders_without_harm(ours, use) / sweep_period,
        f"more than {MAILS_PER_SECOND} reminders due in one sweep, if nobody decides before",
        "SNS suspends the approver's mailbox; `SubscriptionAlarm` rings",
        "`ReminderHours` 0; or a queue or function subscribed in place of the mailbox",
    )
    yield Limit(
        reminders_per_sweep(ours, use) / sweep_period,
        "as many reminders due as one sweep can send, if nobody decides before",
        "reminders and ends are late; `OverdueAlarm` rings",
        "`MAILS_PER_SECOND` in sweeper.py"
        if ours.mails_per_second
        else f"SweeperFunction's `MemorySize`: {MEGABYTES_PER_PROCESSOR:,} make "
        + number(reminders_per_sweep(ours, use) / sweep_period / ours.sweeper_processors),
    )
    yield Limit(
        MAILS_PER_SECOND,
        f"{MAILS_PER_SECOND} e-mails a second to one mailbox",
        "SNS suspends the subscription",
        f"a queue or function subscribed in its place: {PUBLISHED_PER_SECOND:,}",
    )
    yield Limit(
        ours.api_requests_per_second / use.requests_per_decision,
        f"the approval API: {ours.api_requests_per_second} requests a second",
        "429, and people try again",
        "`ThrottlingRateLimit` in template.yaml: up to the account's "
        f"{API_REQUESTS_PER_SECOND:,} requests",
    )
    yield Limit(
        API_REQUESTS_PER_SECOND / use.requests_per_decision,
        f"{API_REQUESTS_PER_SECOND:,} API requests in the account",
        "429",
        "the account's quota",
    )
    yield Limit(
        PUBLISHED_PER_SECOND,
        f"{PUBLISHED_PER_SECOND:,} SNS messages in the account",
        "throttled; messages come back",
        "the account's quota",
    )


def _table_limits(ours: Ours) -> Iterator[Limit]:
    tables = {
        "table of sessions": SESSION_WRITE_UNITS,
        "table of approvals": APPROVAL_WRITE_UNITS,
        "index of open approvals": INDEX_WRITE_UNITS,
    }
    for what, units in tables.items():
        yield Limit(
            NEW_TABLE_WRITE_UNITS / units,
            f"{what}, new: {NEW_TABLE_WRITE_UNITS:,} units a second",
            "throttled while DynamoDB splits it, for minutes",
            "warm throughput; it doubles by itself within 30 minutes",
        )
        yield Limit(
            TABLE_WRITE_UNITS / units,
            f"{what}: {TABLE_WRITE_UNITS:,} units a second",
            "throttled",
            "the account's quota for tables",
        )
    yield Limit(
        ours.shards * PARTITION_WRITE_UNITS / INDEX_WRITE_UNITS,
        f"the index's {ours.shards} partition keys",
        "throttled, and writes to the table with it",
        f"`OPEN_SHARDS`: 8 make {number(8 * PARTITION_WRITE_UNITS / INDEX_WRITE_UNITS)}",
    )
    yield Limit(
        PARTITION_WRITE_UNITS / POST_WRITE_UNITS,
        "UniTok, the example's receiver: one partition key",
        "throttled; messages come back",
        "`FEED` in unitok_posts.py: one a month, or an author; your own receiver",
    )


def open_limits(ours: Ours, use: Use) -> list[Limit]:
    """Returns the limits on open approvals, the lowest first."""
    further = number(readable(ours, use) / ours.shards)
    whole = number(readable(ours, use) / ours.shards / ours.sweeper_processors)
    limits = [
        Limit(
            ours.audited * 60,
            f"{ours.audited} looked up a minute: an hour for all",
            "a decision whose message a crash lost waits longer; at most until it is due",
            "`AUDITED_PER_MINUTE` in audit.py",
        ),
        Limit(
            ours.most_seen,
            f"{ours.shards} shards of {ours.entries_per_shard:,} entries read by a sweep",
            "what is due comes first and is not missed, all else is read in turn; "
            "`OpenWaits` counts no further",
            f"`MAX_ENTRIES_PER_SHARD`: {further} fill a sweep's {ours.sweep_seconds} s at "
            f"{ours.sweeper_megabytes} MB, {whole} with a whole processor",
        ),
    ]
    return sorted(limits, key=lambda limit: limit.at)


# ── What is shown ───────────────────────────────────────────────────────────────────────────────

TEXT = """\
Arithmetic, not a measurement (`benchmarks/scale.py`): our constants are read from the template and
the sources, limits of AWS are the documented defaults of us-east-1, each with its source in the
script, and the rest is assumed, in one class (`Use`) to change.

How to read it: the first table has what breaks as more is asked **a second**, what breaks first on
top; the second, as more is **open**. Each row stands alone: to get past it, move what its last
column names. Where a row does not say otherwise, nothing is lost beyond it: the queue holds for 14
days what waits, and the tables are the record. Then comes how warm each table gets, and last what
open approvals and decisions a second make together.

DynamoDB spreads sessions over partitions by their hash, and splits what is hot. It cannot split one
item, and it gains little from splitting a key whose writes all come at one end, as new entries of
the index do. So a partition key is counted as one partition here.
"""


def run(effort: Effort) -> Section:
    """Returns the tables; there is nothing to repeat."""
    ours, use = read_ours(), Use()
    parts = (
        _limit_table("What breaks first as more is asked", "a second", rate_limits(ours, use)),
        _limit_table("What breaks first as more is open", "open", open_limits(ours, use)),
        heat_table(ours),
        load_table(ours, use),
        _assumptions(use),
    )
    return Section("Scale on paper", TEXT, parts)


def _limit_table(title: str, unit: str, limits: list[Limit]) -> Table:
    rows = [(limit.what, limit.at, limit.then, limit.moves) for limit in limits]
    columns = ("What", f"Breaks at, {unit}", "Then", "What moves it, and how far")
    return Table(title, columns, tuple(rows))


def heat_table(ours: Ours) -> Table:
    """Returns the write units of each table, and of its warmest partition key, at each rate."""
    per_key = "warmest key, of its 1,000"
    rows = [
        _heat("sessions", SESSION_WRITE_UNITS, None),
        _heat("approvals", APPROVAL_WRITE_UNITS, None),
        _heat("index of open approvals", INDEX_WRITE_UNITS, ours.shards),
        _heat("UniTok's posts", POST_WRITE_UNITS, 1),
    ]
    rates = tuple(f"at {rate:,} a second" for rate in PER_SECOND)
    columns = ("Table", "Write units an approval", *rates, f"{per_key}, at {PER_SECOND[-1]:,}")
    return Table(
        "How warm the tables get",
        columns,
        tuple(rows),
        f"Write units a second. A new table takes {NEW_TABLE_WRITE_UNITS:,}, a table by default "
        f"{TABLE_WRITE_UNITS:,}, a partition {PARTITION_WRITE_UNITS:,}. A session's own keys see "
        "its own writes alone, however many sessions there are. A sweep reads a shard with "
        f"{number(_shard_read_units(ours))} read units, of the {PARTITION_READ_UNITS:,} that its "
        "partition has each second.",
    )


def _heat(name: str, units: int, keys: int | None) -> tuple[object, ...]:
    """One row; without keys each session has its own."""
    rates = [units * rate for rate in PER_SECOND]
    warmest = f"{number(rates[-1] / keys / PARTITION_WRITE_UNITS * 100)} %" if keys else "its own"
    return (name, units, *rates, warmest)


def _shard_read_units(ours: Ours) -> float:
    entries = ours.entries_per_shard + ours.first_entries
    return math.ceil(entries * ours.entry_bytes / READ_UNIT_BYTES) / 2


def load_table(ours: Ours, use: Use) -> Table:
    """Returns what each number of open approvals and decisions a second makes together."""
    loads = [Load(n, rate, ours.decide_seconds) for n in OPEN for rate in PER_SECOND]
    columns = (
        "Open, decided a second", "Mean time to decide", "Asked a second", "End undecided a second",
        "Reminders a sweep", "Agents at work", "Queue after an hour", "Seen by a sweep",
        "Looked up once in", "GB kept", "$ a month to keep and sweep", "Limits passed",
    )  # fmt: skip
    return Table(
        "What open approvals and decisions make together",
        columns,
        tuple(_load_row(load, ours, use) for load in loads),
        f"Mean time: open by decided a second. What nobody decides within "
        f"{duration(ours.decide_seconds)} ends and is replaced by new questions. Agents at work: "
        f"what it takes; the queue grows where that is more than the {ours.concurrency} of "
        f"`MaximumConcurrency`. Kept: sessions and approvals, for {ours.retention_days} days. "
        "Limits passed: rows of the first two tables.",
    )


def _load_row(load: Load, ours: Ours, use: Use) -> tuple[object, ...]:
    passed = [x for x in rate_limits(ours, use) if x.at < load.asked]
    passed += [x for x in open_limits(ours, use) if x.at < load.open]
    return (
        f"{load.open:,.0f}, {load.decided:,.0f}",
        duration(load.mean_seconds),
        load.asked,
        round(load.ended, 1),
        round(load.reminded * ours.sweep_minutes * 60),
        agents_at_work(load.asked, use),
        round(queued(load.asked, ours.concurrency, use, 3_600)),
        f"{seen(ours, load.open) / load.open:.0%}",
        duration(audit_minutes(ours, load.open) * 60),
        kept_gigabytes(load.asked, ours.retention_days),
        dollars_a_month(load, ours),
        len(passed),
    )


def agents_at_work(asked: float, use: Use) -> float:
    """Returns how many runs there are at a time."""
    return asked * RUNS * use.run_seconds


def queued(asked: float, concurrency: int, use: Use, seconds: float) -> float:
    """Returns how many messages wait after a time, from an empty queue."""
    return max(0, asked * RUNS - concurrency / use.run_seconds) * seconds


def kept_gigabytes(asked: float, days: int) -> float:
    """Returns what the tables hold of ended and open ones, once the first ones are deleted."""
    return asked * days * 86_400 * (SESSION_BYTES + APPROVAL_BYTES) / 1e9


def dollars_a_month(load: Load, ours: Ours) -> float:
    """Returns what it costs to keep all that, and to sweep."""
    sweeps = 30 * 24 * 60 / ours.sweep_minutes
    reading = sweeps * sweep_read_units(ours, load.open) * READ_UNIT_DOLLARS
    return kept_gigabytes(load.asked, ours.retention_days) * GIGABYTE_MONTH_DOLLARS + reading


def duration(seconds: float) -> str:
    """Shows a time in the largest unit of which it has two."""
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{number(seconds / length)} {unit}"
    return f"{number(seconds)} s"


def _assumptions(use: Use) -> Table:
    rows = [(found.metadata["what"], getattr(use, found.name), found.name) for found in fields(use)]
    return Table("What is assumed", ("What", "Assumed", "In `Use`"), tuple(rows))
