"""The whole bill of one approval, and of a month in which nothing happens: arithmetic.

What is ours is read from the template, or counted by the tests that are named. Prices are list
prices of us-east-1 without free tiers, each with the month in which it was read. What depends on
the use of it is in `Use`: change it for yours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_template import load, properties
from benchmarks import scale
from benchmarks.cycle import prices
from benchmarks.report import Effort, Section, Table, number

MILLION, GIGABYTE, SECONDS_OF_A_MONTH = 1e6, 1e9, 30 * 86_400

# ── List prices ─────────────────────────────────────────────────────────────────────────────────

LAMBDA_GIGABYTE_SECOND = 0.0000133334
"""Source: Lambda, "Pricing", Arm, the first tier."""
LAMBDA_REQUEST = 0.20 / MILLION
SNS_PUBLISH, SNS_EMAIL = 0.50 / MILLION, 2.00 / 100_000
SES_EMAIL = 0.10 / 1_000
SQS_REQUEST = 0.40 / MILLION
"""Source: SQS, "Pricing", standard queues."""
HTTP_API_REQUEST = 1.00 / MILLION
LOG_GIGABYTE = 0.50
"""Source: CloudWatch, "Pricing", logs taken in."""
TRACE, TRACED_SHARE = 5.00 / MILLION, 0.05
"""Source: X-Ray, "Pricing"; Lambda, "Visualize invocations": one request a second and 5 % of what
comes beyond."""
ALARM, SECRET = 0.10, 0.40
"""A month. Source: CloudWatch and Secrets Manager, "Pricing"."""
SCHEDULED = 1.00 / MILLION

# ── What an approval takes of this project; tests hold these ────────────────────────────────────

WRITE_UNITS = scale.SESSION_WRITE_UNITS + scale.APPROVAL_WRITE_UNITS + scale.INDEX_WRITE_UNITS
READ_UNITS = 2
"""The page reads its approval, the resume its session. proofs/flow/test_scale_counts.py"""
QUEUE_REQUESTS = 8
"""Two messages: each is sent, received, hidden for the run, and deleted."""
API_REQUESTS = 2
LOG_BYTES, LAMBDA_LOG_BYTES = 1_000, 500
"""What the functions log of a task with one approval, its metrics among it; and what Lambda adds to
each of its calls. proofs/flow/test_counts.py"""
TRACES = 4

IDLE_ALARMS, POLLS = 16, 650_000
SWEEP_SECONDS = 0.3


@dataclass(frozen=True)
class Use:
    """Assumptions. Nobody can know yours."""

    run_seconds: float = 10
    """A run of the agent, mostly the model."""
    request_seconds: float = 0.01
    """A page or a decision, warm."""
    tokens: int = scale.MODEL_CALLS * 2_000
    dollars_per_token: float = 3 / MILLION
    """Of a model of the middle class, what it reads; what it writes comes on top."""


@dataclass(frozen=True)
class Choice:
    """What somebody could take instead.

    Attributes:
        name: What it is.
        state: Its own dollars for state and coordination, per million approvals, least and most.
        on_lambda: Whether its agent waits for the model in Lambda, and mails by SNS, as here.
        idle: Dollars a month in which nothing happens, as a text.
        lacks: What of this project it has not.
    """

    name: str
    state: tuple[float, float]
    on_lambda: bool
    idle: str
    lacks: str


CHOICES = (
    Choice("Lambda durable functions, `create_callback` or `wait_for_callback`", (16.6, 32.8), True,
           "0", "a record beyond the execution; AWS's own sample decides when its link is opened, "
           "and a replay mails again"),
    Choice("Step Functions, callback", (100, 150), True, "0",
           "the agent's conversation; history stays 90 days"),
    Choice("Strands snapshots in S3, and interrupts", (5.4, 5.4), True, "0",
           "a record, a notification, links; of two decisions the last one wins"),
    Choice("Strands snapshots in S3, and a ledger of your own, texts of 160 bytes", (9.15, 9.15),
           True, "0", "a notification, links, pages, reminders; nobody sells it"),
    Choice("Strands S3SessionManager, and interrupts", (42.8, 42.8), True, "0", "the same"),
    Choice("Temporal Cloud: 7 actions, $50 a million, 10 % support", (385, 385), False,
           "0 to 500", "no approval: workers, pages and e-mails of your own"),
    Choice("LangSmith Deployment: 2 runs, $0.005 each", (10_000, 10_000), False, "a database",
           "your own account; one effect for each approval"),
    Choice("AgentCore Memory: 4 events, $250 a million", (1_000, 1_000), True, "0",
           "an approval: no question, link or decision"),
)  # fmt: skip
"""Dollars of the first five: `cycle` counts the operations. The others': price lists, read in
November 2026; nothing of them ran here. For Trigger.dev, Inngest, HumanLayer and awaithumans no
dated list was found."""


def ours(use: Use) -> dict[str, float]:
    """Returns the lines of the bill: dollars per million approvals."""
    agent, api = _gigabytes("AgentFunction"), _gigabytes("ApprovalFunction")
    runs = scale.RUNS * use.run_seconds * agent * LAMBDA_GIGABYTE_SECOND
    pages = API_REQUESTS * use.request_seconds * api * LAMBDA_GIGABYTE_SECOND
    logged = LOG_BYTES + (scale.RUNS + API_REQUESTS) * LAMBDA_LOG_BYTES
    stored = (scale.SESSION_BYTES + scale.APPROVAL_BYTES) / GIGABYTE
    lines = {
        f"Lambda, waiting for the model: {scale.RUNS} runs of {number(use.run_seconds)} s": runs,
        "the e-mail, by SNS (by SES $100)": SNS_EMAIL + SNS_PUBLISH,
        f"DynamoDB: {WRITE_UNITS} write units, {READ_UNITS} read units": (
            WRITE_UNITS * prices.DOLLARS_PER_WRITE_UNIT
            + READ_UNITS * prices.DOLLARS_PER_READ_UNIT
        ) / MILLION,
        f"SQS: {QUEUE_REQUESTS} requests": QUEUE_REQUESTS * SQS_REQUEST,
        f"logs: {logged / 1_000:g} KB": logged / GIGABYTE * LOG_GIGABYTE,
        f"HTTP API: {API_REQUESTS} requests": API_REQUESTS * HTTP_API_REQUEST,
        "Lambda: requests, pages and decisions": pages
        + (scale.RUNS + API_REQUESTS) * LAMBDA_REQUEST,
        "X-Ray": TRACES * TRACED_SHARE * TRACE,
        "30 days of both items": stored * scale.GIGABYTE_MONTH_DOLLARS,
    }  # fmt: skip
    return {name: dollars * MILLION for name, dollars in lines.items()}


def idle() -> dict[str, float]:
    """Returns the lines of a month in which nothing happens."""
    minutes = SECONDS_OF_A_MONTH / 60 / int(load()["Parameters"]["SweepMinutes"]["Default"])
    sweep = SCHEDULED + LAMBDA_REQUEST + SNS_PUBLISH + 4 * 0.5 * prices.DOLLARS_PER_READ_UNIT / 1e6
    sweep += SWEEP_SECONDS * _gigabytes("SweeperFunction") * LAMBDA_GIGABYTE_SECOND
    sweep += 1_600 / GIGABYTE * LOG_GIGABYTE
    return {
        f"{IDLE_ALARMS} alarms": IDLE_ALARMS * ALARM,
        "the secret with the links' keys": SECRET,
        f"Lambda's polling of the queue, some {POLLS:,} requests": POLLS * SQS_REQUEST,
        f"{minutes:,.0f} sweeps": minutes * sweep,
    }


def _gigabytes(function: str) -> float:
    common: Mapping[str, Any] = load()["Globals"]["Function"]
    return float(properties(function).get("MemorySize", common["MemorySize"])) / 1024


def run(effort: Effort) -> Section:
    """Returns the tables; there is nothing to repeat."""
    use = Use()
    bill, month = ours(use), idle()
    model = use.tokens * use.dollars_per_token * MILLION
    rows = [(name, dollars) for name, dollars in bill.items()]
    rows += [("**together**", sum(bill.values())), ("the model itself", model)]
    kept = [(name, f"{dollars:.2f}") for name, dollars in month.items()]
    kept += [("**together**", f"{sum(month.values()):.2f}")]
    return Section("The whole bill", TEXT, (
        Table("A million approvals, line by line", ("Line", "$"), tuple(rows)),
        Table("A month in which nothing happens", ("Line", "$"), tuple(kept)),
        _beside(bill, month),
    ))  # fmt: skip


def _beside(bill: Mapping[str, float], month: Mapping[str, float]) -> Table:
    """What else one could take; who waits in Lambda and mails by SNS pays for that as we do."""
    common = sum(dollars for name, dollars in bill.items() if name.startswith(("Lambda", "the e-")))
    rows: list[tuple[object, ...]] = [
        ("**this project**", sum(bill.values()) - common, sum(bill.values()),
         f"{sum(month.values()):.2f}", "")
    ]  # fmt: skip
    for choice in CHOICES:
        least, most = choice.state
        more = common if choice.on_lambda else 0
        rows.append((choice.name, _range(least, most), _range(least + more, most + more),
                     choice.idle, choice.lacks))  # fmt: skip
    columns = ("What", "State and coordination, $", "With Lambda and e-mail, $", "Idle, $ a month",
               "What it lacks of this project")  # fmt: skip
    return Table("Beside what else one could take, per million approvals", columns, tuple(rows),
                 "The first row has queue, API, logs and traces in it, the others the operations "
                 "of their state alone. Where both columns are the same, the run itself and the "
                 "e-mail are in neither: they depend on your own workers.")  # fmt: skip


def _range(least: float, most: float) -> str:
    return number(least) if least == most else f"{number(least)} to {number(most)}"


TEXT = f"""\
Arithmetic, nothing measured here: list prices of us-east-1, read in {prices.READ}, without free
tiers. A run of the agent takes 10 s, almost all of it the model's; memory is the template's. The
model reads {Use().tokens:,} tokens at $3 a million, in all its calls together.

The storage that the other tables of this page compare is a small part of the bill. A function that
waits for a model is the largest after the model."""
