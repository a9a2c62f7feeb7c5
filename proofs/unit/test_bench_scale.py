"""`benchmarks/scale.py`: its arithmetic, and that it counts what the code does."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from benchmarks import scale
from benchmarks.report import Effort, markdown
from benchmarks.scale import Load, Ours, Use

import audit
import aws_template
import sweeper
import sweeper_handler
from core_samples import DAY_SECONDS, NOW, SESSION_ID, TOOL_USE_ID, Recorded, asked, item_bytes
from longrunning.waits import item as approval_item
from longrunning.waits.open_waits import OpenWaits
from wait_store import WaitStore

OURS = Ours(
    shards=4,
    entries_per_shard=25_000,
    first_entries=5_000,
    audited=500,
    threads=16,
    mails_per_second=None,
    sweep_minutes=1,
    sweep_seconds=40,
    sweeper_megabytes=512,
    concurrency=10,
    greatest_concurrency=1_000,
    api_requests_per_second=100,
    decide_seconds=DAY_SECONDS,
    retention_days=30,
    entry_bytes=128,
)
USE = Use()

# --- it reads what is ours -----------------------------------------------------------------------


def test_what_is_ours_is_read_from_sources_and_template() -> None:
    ours = scale.read_ours()
    assert ours.shards == approval_item.OPEN_SHARDS
    assert ours.entries_per_shard == audit.MAX_ENTRIES_PER_SHARD
    assert ours.first_entries == audit.FIRST_ENTRIES
    assert (ours.audited, ours.threads) == (audit.AUDITED_PER_MINUTE, sweeper.THREADS)
    timeout = aws_template.properties("SweeperFunction")["Timeout"]
    assert ours.sweep_seconds == timeout - sweeper_handler.STOP_BEFORE_END_SECONDS
    parameters = aws_template.load()["Parameters"]
    assert ours.concurrency == parameters["MaximumConcurrency"]["Default"]
    assert ours.greatest_concurrency == parameters["MaximumConcurrency"]["MaxValue"]
    assert ours.decide_seconds == int(parameters["DecideWithinHours"]["Default"]) * 3_600
    assert str(ours.sweep_minutes) == parameters["SweepMinutes"]["Default"]


def test_constants_are_those_whose_value_is_a_literal(tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.write_text("A = 4\nB = 'text'\nC = 2 * A\nD: int = 5\ndef f():\n    E = 6\n")
    assert scale.constants(str(source)) == {"A": 4, "B": "text"}


def test_an_entry_of_the_index_is_as_large_as_a_real_item_makes_it() -> None:
    table = aws_template.properties("ApprovalsTable")
    index, _ = table["GlobalSecondaryIndexes"]
    keys = [key["AttributeName"] for key in (*table["KeySchema"], *index["KeySchema"])]
    names = {*keys, *index["Projection"]["NonKeyAttributes"]}
    item = approval_item.to_item(asked())
    assert scale.entry_bytes(table) == item_bytes({name: item[name] for name in names})


# --- it counts what the code does ----------------------------------------------------------------


def test_an_approval_writes_the_index_when_asked_and_when_claimed(
    approval_store: WaitStore, dynamodb: Recorded, approvals_table: str
) -> None:
    ids = {"session_id": SESSION_ID, "tool_use_id": TOOL_USE_ID}

    def entry() -> Any:
        item = dynamodb.client.scan(TableName=approvals_table)["Items"][0]
        return "open_shard" in item and {n: item[n] for n in ("open_shard", "due_at")}

    approval_store.put_if_absent(asked())
    put = entry()
    approval_store.decide(**ids, decision="approved", decided_by="link", now=NOW + 1)
    decided = entry()
    approval_store.claim(SESSION_ID, [TOOL_USE_ID], (), (), now=NOW + 2, lease_until=NOW + 9)
    assert put and decided == put and not entry()  # Put, left as it is, taken out.
    assert scale.INDEX_WRITE_UNITS == 2


def test_a_reminder_takes_so_many_calls(
    approval_store: WaitStore, open_approvals: OpenWaits, dynamodb: Recorded
) -> None:
    half = NOW + DAY_SECONDS // 2
    approval_store.put_if_absent(asked(remind_at=half, due_at=half))
    dynamodb.calls.clear()
    outside: list[str] = []

    def read_turn(session_id: str, agent_name: str) -> tuple[str, ...]:
        outside.append("GetItem of the session")
        return (TOOL_USE_ID,)

    swept = sweeper.Sweeper(
        approvals=open_approvals,
        read_turn=read_turn,
        notify=lambda *_: outside.append("Publish"),
        send_message=lambda _: outside.append("SendMessage"),
        clock=lambda: half,
        sleep=lambda _: None,
    ).sweep(half + 40)
    assert swept["reminded"] == 1
    own = [name for name in dynamodb.operations if name in ("get_item", "update_item")]
    assert len(own) + len(outside) == scale.REMINDER_CALLS


@pytest.mark.parametrize("waiting", [40, 100, 300])
def test_a_sweep_reads_as_many_entries_as_the_paper_says(
    approval_store: WaitStore,
    open_approvals: OpenWaits,
    monkeypatch: pytest.MonkeyPatch,
    waiting: int,
) -> None:
    """Of more than it can read, each later sweep reads a part, and what comes first."""
    monkeypatch.setattr(audit, "FIRST_ENTRIES", 5)
    monkeypatch.setattr(audit, "MAX_ENTRIES_PER_SHARD", 30)
    monkeypatch.setattr(audit, "AUDITED_PER_MINUTE", 10)
    for number in range(waiting):
        session_id = f"session-{number:03d}"
        approval_store.put_if_absent(asked(session_id=session_id, due_at=NOW + 9_000 + number))
    read: list[Any] = []
    real = OpenWaits.entries

    def entries(self: OpenWaits, *args: Any) -> Any:
        found = list(real(self, *args))
        read.extend(found)
        return iter(found)

    monkeypatch.setattr(OpenWaits, "entries", entries)
    for minute in range(2):
        read.clear()
        sweep = audit.Audit(open_approvals, NOW + 60 * minute)
        sweep.read()
        sweep.find(map)
        sweep.done()
    small = replace(scale.read_ours(), entries_per_shard=30, first_entries=5)
    assert len(read) == scale.entries_read(small, waiting)


# --- how many wait -------------------------------------------------------------------------------


def test_where_all_decide_in_time_as_many_are_asked_as_are_decided() -> None:
    load = Load(open=10_000, decided=100, decide_seconds=DAY_SECONDS)
    assert load.mean_seconds == 100
    assert load.asked == pytest.approx(100)
    assert load.ended == pytest.approx(0)


def test_what_ends_undecided_is_asked_beside_what_is_decided() -> None:
    load = Load(open=10_000_000, decided=10, decide_seconds=DAY_SECONDS)
    share = 1 - math.exp(-DAY_SECONDS / 1_000_000)
    assert load.asked == pytest.approx(10 / share)
    assert load.ended == pytest.approx(10 / share - 10)
    # Little's law on those who wait until they decide or their time is over.
    assert load.asked * load.mean_seconds * share == pytest.approx(load.open)
    assert load.ended < load.reminded < load.asked


# --- a sweep -------------------------------------------------------------------------------------


def test_a_sweep_over_10_000_reads_as_many_units_as_were_counted() -> None:
    """docs/operate.md: 157 for the index, 247 for the 500 looked up."""
    assert scale.sweep_read_units(OURS, 10_000) == pytest.approx(157 + 247, rel=0.01)


def test_a_sweep_sees_no_more_than_its_shards_hold() -> None:
    assert scale.seen(OURS, 99_999) == 99_999
    assert scale.seen(OURS, 1e7) == 100_000
    assert scale.sweep_read_units(OURS, 1e7) == scale.sweep_read_units(OURS, 100_001)
    more = scale.sweep_read_units(OURS, 1e7) - scale.sweep_read_units(OURS, 100_000)
    assert more == pytest.approx(4 * 5_000 * 128 / 4_096 / 2), "the first ones, whatever the part"
    assert scale.audit_minutes(OURS, 100_000) == 200
    assert scale.audit_minutes(OURS, 1e7) == 20_000, "what it does not see at once comes in turn"
    assert scale.audit_minutes(replace(OURS, sweep_minutes=5), 501) == 5


def test_reminders_are_bound_by_the_processor_or_the_threads_or_the_pace() -> None:
    processor = 512 / 1_769
    assert scale.reminders_per_sweep(OURS, USE) == pytest.approx(40 * processor / 0.0045)
    few = replace(OURS, threads=1)
    assert scale.reminders_per_sweep(few, USE) == pytest.approx(40 / 0.05)
    assert scale.reminders_per_sweep(replace(OURS, mails_per_second=5), USE) == 200


def test_a_sweep_that_paces_its_e_mails_never_suspends_the_mailbox() -> None:
    assert scale.reminders_without_harm(OURS, USE) == 10
    assert scale.reminders_without_harm(replace(OURS, mails_per_second=5), USE) == math.inf


# --- what breaks ---------------------------------------------------------------------------------


def at(limits: list[scale.Limit], words: str) -> float:
    (found,) = (limit.at for limit in limits if words in limit.what)
    return found


def test_what_breaks_first_is_on_top() -> None:
    for limits in (scale.rate_limits(OURS, USE), scale.open_limits(OURS, USE)):
        numbers = [limit.at for limit in limits]
        assert numbers == sorted(numbers)


def test_each_constant_moves_its_limit() -> None:
    def rate(words: str, **changes: Any) -> float:
        return at(scale.rate_limits(replace(OURS, **changes), USE), words)

    assert rate("agents at work") == 0.5
    assert rate("agents at work", concurrency=1_000) == 50
    assert rate("the approval API") == 50
    assert rate("the approval API", api_requests_per_second=1_000) == 500
    assert rate("partition keys") == 2_000
    assert rate("partition keys", shards=8) == 4_000
    assert rate("reminders due in one sweep") == pytest.approx(10 / 60)
    assert rate("reminders due in one sweep", sweep_minutes=10) == pytest.approx(1 / 60)
    assert rate("as one sweep can send") == pytest.approx(42.9, abs=0.05)
    assert rate("as one sweep can send", sweeper_megabytes=1_024) == pytest.approx(85.8, abs=0.1)


def test_limits_of_aws_are_divided_by_what_an_approval_takes() -> None:
    limits = scale.rate_limits(OURS, USE)
    assert at(limits, "table of approvals, new") == 1_000
    assert at(limits, "table of approvals: 40,000") == 10_000
    assert at(limits, "messages being handled") == 6_000
    assert at(limits, "the model") == pytest.approx(1e6 / 60 / 6_000)
    assert at(scale.rate_limits(OURS, replace(USE, run_seconds=5)), "functions at work") == 100


def test_more_audited_or_seen_moves_the_limits_of_what_is_open() -> None:
    assert at(scale.open_limits(OURS, USE), "an hour for all") == 30_000
    assert at(scale.open_limits(OURS, USE), "entries read") == 100_000
    more = replace(OURS, audited=1_000, entries_per_shard=50_000)
    assert at(scale.open_limits(more, USE), "an hour for all") == 60_000
    assert at(scale.open_limits(more, USE), "entries read") == 200_000


def test_the_queue_grows_by_what_the_agents_do_not_take() -> None:
    assert scale.agents_at_work(1, USE) == 20
    assert scale.queued(0.1, 10, USE, 3_600) == 0
    assert scale.queued(1, 10, USE, 3_600) == 3_600


def test_keeping_and_sweeping_has_its_price() -> None:
    assert scale.kept_gigabytes(100, 30) == pytest.approx(476.928)
    load = Load(open=10_000, decided=100, decide_seconds=DAY_SECONDS)
    sweeps = 43_200 * scale.sweep_read_units(OURS, 10_000) * 0.125e-6
    assert scale.dollars_a_month(load, OURS) == pytest.approx(119.232 + sweeps, rel=1e-6)
    assert sweeps == pytest.approx(2.20, abs=0.01)  # docs/operate.md


# --- what is shown -------------------------------------------------------------------------------


def test_every_number_of_open_approvals_and_decisions_has_its_row() -> None:
    shown = markdown(scale.run(Effort(runs=1, is_smoke=True)), "images")
    for open_ in ("10,000", "100,000", "1,000,000", "10,000,000"):
        for decided in ("10", "100", "1,000"):
            assert f"\n| {open_}, {decided} |" in shown
    assert f"{scale.read_ours().entries_per_shard:,} entries" in shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(10, "10 s"), (119, "119 s"), (120, "2.00 min"), (86_400, "24.0 h"), (864_000, "10.0 days")],
)
def test_a_duration_is_shown_in_a_unit_of_its_size(seconds: float, shown: str) -> None:
    assert scale.duration(seconds) == shown.replace("2.00", "2")
