"""What `benchmarks/scale.py` says on paper is what the functions do; counts and units, never times.

And what may grow with a turn, an inbox or the open waits grows no faster than it does today:
`make bench NAMES=growth` measures the same at full size.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from benchmarks import scale
from benchmarks.cycle.prices import WRITES, Call, item_size
from benchmarks.growth import waits
from benchmarks.recorder import Recorder

from converse_stand_in import tool_use
from core_samples import asked
from inbox_browser import Browser
from longrunning.people.policy import Policy
from longrunning.waits.item import Wait
from longrunning.waits.open_waits import SHARDS, OpenWaits
from sample_people import use_people
from sample_refund import Refunds, refund_tool
from sample_world import World
from test_cycles import POST
from test_detours import ask
from wait_store import WaitStore

TABLES = {"sessions": "SESSIONS_TABLE_NAME", "approvals": "APPROVALS_TABLE_NAME"}


def calls_of(recorder: Recorder, *operations: str) -> list[Call]:
    return [call for call in recorder.calls if call.operation in operations]


def units(calls: Sequence[Call]) -> float:
    return sum(call.read_units for call in calls)


# --- what an approval takes ----------------------------------------------------------------------


def test_an_approval_takes_what_the_paper_says(world: World, recorder: Recorder) -> None:
    content = {"content": f"{POST} 1."}
    stand_in = world.play(
        [
            [tool_use("tooluse_" + "a" * 22, "human_approval", content)],
            [tool_use("tooluse_" + "p" * 22, "publish_post", content)],
            "Done.",
        ]
    )
    session_id = world.start()
    (mail,) = world.read_mail()
    assert world.request("GET", mail.links["approve"])["statusCode"] == 200
    world.click(mail.links["approve"])
    delivered = 1 + world.deliver_all()
    written = {
        name: sum(
            call.write_units
            for call in calls_of(recorder, *WRITES)
            if call.table == world.env[variable]
        )
        for name, variable in TABLES.items()
    }
    assert written == {
        "sessions": scale.SESSION_WRITE_UNITS,
        "approvals": scale.APPROVAL_WRITE_UNITS + scale.INDEX_WRITE_UNITS,
    }
    assert (delivered, len(stand_in.requests)) == (scale.RUNS, scale.MODEL_CALLS)
    assert units(recorder.calls) == 2, "the page its approval, the resume its session"
    kept = {
        name: sum(item_size(i) for i in stored(world, name) if i["session_id"]["S"] == session_id)
        for name in TABLES
    }
    assert kept["sessions"] == pytest.approx(scale.SESSION_BYTES, rel=0.05)
    assert kept["approvals"] == pytest.approx(scale.APPROVAL_BYTES, rel=0.05)


def stored(world: World, name: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = world.aws["dynamodb"].scan(TableName=world.env[TABLES[name]])[
        "Items"
    ]
    return items


def put_all(world: World, found: Iterable[Wait]) -> None:
    store = WaitStore(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
    for wait in found:
        store.put_if_absent(wait)


# --- a sweep -------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [400, 2_000])
def test_a_sweep_over_mixed_waits_reads_what_the_paper_says(
    world: World, recorder: Recorder, count: int
) -> None:
    now, table = int(world.clock()), world.env["APPROVALS_TABLE_NAME"]
    put_all(world, waits.mixed(count, now, seed=1))
    note = {"looked_at": now - 60, "places": {shard: [0, 0, None] for shard in SHARDS}}
    OpenWaits(world.aws["dynamodb"], table).write_note(note, None)
    recorder.take()
    swept = world.sweep()
    assert swept["failed"] == 0
    queries, batches = calls_of(recorder, "Query"), calls_of(recorder, "BatchGetItem")
    assert len(queries) == len(SHARDS)
    on_paper = scale.sweep_read_units(scale.read_ours(), count)
    # Each query is rounded up by itself.
    assert units(queries) + units(batches) == pytest.approx(on_paper, rel=0.1, abs=len(SHARDS) / 2)
    looked_up = min(500, count)
    assert units(batches) == pytest.approx(looked_up / 2, rel=0.1)
    # Beside these: the note, and each decided one of those looked up by itself.
    decided = calls_of(recorder, "GetItem")
    assert len(decided) <= 1 + looked_up / 20 * 1.5


# --- a turn --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 5, 20])
def test_a_decision_in_a_turn_reads_the_session_and_what_is_near(
    world: World, recorder: Recorder, count: int
) -> None:
    """The last one reads all. Together that grows with the questions, not with their pairs."""
    world.play([[ask(f"ask-{n}", f"Text {n}") for n in range(count)], "Done."])
    world.start()
    recorder.take()
    *mails, last = world.read_mail()
    for mail in mails:
        world.click(mail.links["deny"])
        assert world.deliver()
        assert units(recorder.calls) <= 1 + 3
        assert sum(call.operation in ("Query", "BatchGetItem") for call in recorder.calls) == 2
        recorder.take()
    world.click(last.links["deny"])
    assert world.deliver()
    assert units(recorder.calls) <= 1 + count


# --- an inbox ------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?q=wheelbarrow"])
def test_a_page_of_the_inbox_reads_no_more_of_1_100_open_than_of_600(
    world: World, recorder: Recorder, query: str
) -> None:
    policy = Policy(people=("ann",))
    use_people(world, lambda *_: policy, refund_tool(Refunds()))
    ann, now, read = Browser(), int(world.clock()), []
    ann.sign_in(world)
    for numbers in (range(600), range(600, 1_100)):
        more = (
            asked(
                session_id=f"session-{number:04d}",
                approvers=["ann"],
                requested_at=now,
                decide_by=now + 3_000,
                due_at=now + 3_000 + number,
            )
            for number in numbers
        )
        put_all(world, more)
        recorder.take()
        page = ann.get(f"/inbox{query}")
        assert page.status == 200
        assert len(page.picks) == (0 if query else 500)
        assert [call.operation for call in recorder.calls] == ["Query"] * 4 + ["BatchGetItem"] * 5
        read.append(units(recorder.calls))
    # Up to 501 entries of each partition, and 500 records.
    assert read[1] == pytest.approx(read[0], rel=0.05)
    assert read[1] <= 500 + 4 * 501 * 130 / 4_096 / 2 + 4
