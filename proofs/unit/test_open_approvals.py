"""The index over open approvals, and the sweeper's writes: each conditional on what was read."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core_samples import DAY_SECONDS, NOW, SESSION_ID, TOOL_USE_ID, Recorded, asked, job, noise
from longrunning.waits.item import Status, Wait
from longrunning.waits.open_waits import (
    APPROVAL_SHARDS,
    SHARDS,
    NotAnsweredError,
    OpenEntry,
    OpenWaits,
)
from wait_store import WaitStore

END = NOW + DAY_SECONDS
Given = Callable[..., Wait]


@pytest.fixture
def given(approval_store: WaitStore) -> Given:
    """Puts an approval that waits."""

    def put(**changes: Any) -> Wait:
        approval = asked(**changes)
        approval_store.put_if_absent(approval)
        return approval

    return put


def now_of(store: WaitStore, tool_use_id: str = TOOL_USE_ID) -> Wait:
    found = store.get(SESSION_ID, tool_use_id)
    assert found
    return found


def approve(store: WaitStore) -> Wait:
    decided = store.decide(SESSION_ID, TOOL_USE_ID, "approved", decided_by="link", now=NOW + 5)
    assert decided.approval
    return decided.approval


# --- the index -----------------------------------------------------------------------------------


def test_entries_come_from_the_index_the_earliest_due_first(
    given: Given, open_approvals: OpenWaits, dynamodb: Recorded
) -> None:
    for n in (3, 1, 2):
        given(tool_use_id=f"use-{n}", due_at=NOW + n)
    found = [entry for shard in SHARDS for entry in open_approvals.entries(shard, 10)]
    assert found == [OpenEntry(SESSION_ID, f"use-{n}", NOW + n, NOW) for n in (1, 2, 3)]
    assert "scan" not in dynamodb.operations


def test_no_more_entries_are_read_than_asked_for(given: Given, open_approvals: OpenWaits) -> None:
    for n in range(5):
        given(tool_use_id=f"use-{n}", due_at=NOW + n)
    found = [entry for shard in SHARDS for entry in open_approvals.entries(shard, 2)]
    assert [entry.due_at for entry in found] == [NOW, NOW + 1]


def test_sessions_are_spread_over_the_shards(given: Given, open_approvals: OpenWaits) -> None:
    for n in range(20):
        given(session_id=f"session-{n}")
    counts = {shard: len(list(open_approvals.entries(shard, 50))) for shard in SHARDS}
    assert sum(counts.values()) == 20
    assert {shard for shard, count in counts.items() if count} == set(APPROVAL_SHARDS), counts


def test_what_waits_for_no_person_has_shards_of_its_own(
    approval_store: WaitStore, open_approvals: OpenWaits
) -> None:
    """However many jobs wait, the approvals are read at once."""
    for n in range(20):
        approval_store.put_if_absent(job(session_id=f"session-{n}", due_at=NOW))
    counts = {shard: len(list(open_approvals.entries(shard, 50))) for shard in SHARDS}
    assert sum(counts.values()) == 20
    found = {shard for shard, count in counts.items() if count}
    assert found == set(SHARDS) - set(APPROVAL_SHARDS) == {"t0", "t1", "t2", "t3"}, counts


def test_what_is_decided_is_found_among_many(
    given: Given, open_approvals: OpenWaits, approval_store: WaitStore
) -> None:
    for n in range(230):
        given(session_id=f"session-{n}")
    decided = {"session-7", "session-99", "session-100", "session-229"}
    for session_id in decided:
        approval_store.decide(session_id, TOOL_USE_ID, "denied", decided_by="link", now=NOW)
    entries = [entry for shard in SHARDS for entry in open_approvals.entries(shard, 500)]
    assert {e.session_id for e in open_approvals.decided_among(entries)} == decided
    assert list(open_approvals.decided_among([])) == []


def test_what_dynamodb_leaves_to_the_next_call_is_asked_for_again(
    given: Given, open_approvals: OpenWaits, dynamodb: Recorded
) -> None:
    """An answer holds 16 MB of whole items, whatever of them is asked for."""
    text = noise(400_000)
    for n in range(60):
        given(session_id=f"session-{n}", content=text, due_at=NOW + n)
    approve_of(open_approvals, "session-59")
    entries = [entry for shard in SHARDS for entry in open_approvals.entries(shard, 100)]
    entries.sort(key=lambda entry: entry.due_at)
    assert [e.session_id for e in open_approvals.decided_among(entries)] == ["session-59"]
    assert dynamodb.operations.count("batch_get_item") == 2


def approve_of(open_approvals: OpenWaits, session_id: str) -> None:
    store = WaitStore(open_approvals._client, open_approvals._table)
    store.decide(session_id, TOOL_USE_ID, "approved", decided_by="link", now=NOW)


def test_what_dynamodb_never_answers_is_a_fault(
    given: Given, open_approvals: OpenWaits, dynamodb: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what is not looked up would count as looked up."""
    given()

    def throttled(RequestItems: dict[str, Any]) -> dict[str, Any]:
        return {"Responses": {}, "UnprocessedKeys": RequestItems}

    monkeypatch.setattr(dynamodb.client, "batch_get_item", throttled)
    entries = [entry for shard in SHARDS for entry in open_approvals.entries(shard, 1)]
    with pytest.raises(NotAnsweredError):
        list(open_approvals.decided_among(entries))


def test_an_entry_without_the_time_it_was_asked_at_hides_no_other(
    given: Given, open_approvals: OpenWaits, dynamodb: Recorded, approvals_table: str
) -> None:
    given()
    stray: dict[str, Any] = {"session_id": {"S": "b"}, "tool_use_id": {"S": "b"}}
    stray |= {"due_at": {"N": "1"}, "open_shard": {"S": SHARDS[0]}}
    dynamodb.client.put_item(TableName=approvals_table, Item=stray)
    found = [entry for shard in SHARDS for entry in open_approvals.entries(shard, 10)]
    assert {entry.session_id for entry in found} == {"b", SESSION_ID}
    assert [e.session_id for e in open_approvals.decided_among(found)] == ["b"], "a look will tell"


# --- expire --------------------------------------------------------------------------------------


@pytest.mark.parametrize("waiting", [asked(), job(tool_use_id=TOOL_USE_ID, due_at=END)])
def test_what_nobody_decided_in_time_expires_whatever_the_tool(
    approval_store: WaitStore, open_approvals: OpenWaits, waiting: Wait
) -> None:
    approval_store.put_if_absent(waiting)
    expired = open_approvals.expire(waiting, END)
    assert expired == now_of(approval_store)
    assert expired == replace(waiting, status=Status.EXPIRED, decided_by="sweeper", decided_at=END)


def test_nothing_expires_before_its_end(
    given: Given, open_approvals: OpenWaits, approval_store: WaitStore
) -> None:
    waiting = given()
    assert open_approvals.expire(waiting, END - 1) is None
    assert now_of(approval_store) == waiting


def test_a_decision_that_was_faster_stands(
    given: Given, open_approvals: OpenWaits, approval_store: WaitStore
) -> None:
    waiting = given()
    decided = approve(approval_store)
    assert open_approvals.expire(waiting, END) is None
    assert now_of(approval_store) == decided


def test_at_the_end_an_approval_can_be_expired_or_decided_but_not_both(
    given: Given, open_approvals: OpenWaits, approval_store: WaitStore
) -> None:
    waiting = given()
    late = approval_store.decide(SESSION_ID, TOOL_USE_ID, "approved", decided_by="link", now=END)
    assert late.outcome == "expired"
    assert open_approvals.expire(waiting, END)
    assert open_approvals.expire(waiting, END + 60) is None, "once"


# --- reminders -----------------------------------------------------------------------------------


def test_of_two_sweepers_one_takes_a_step(given: Given, open_approvals: OpenWaits) -> None:
    waiting = given(remind_at=NOW + 60, due_at=NOW + 60)
    taken = open_approvals.postpone(waiting, NOW + 360)
    assert taken == replace(waiting, due_at=NOW + 360)
    assert open_approvals.postpone(waiting, NOW + 361) is None


def test_a_step_that_is_done_is_not_due_again(
    given: Given, open_approvals: OpenWaits, approval_store: WaitStore
) -> None:
    taken = open_approvals.postpone(given(remind_at=NOW + 60, due_at=NOW + 60), NOW + 360)
    assert taken
    done = open_approvals.step_done(taken, replace(taken, remind_at=None), END)
    assert done == now_of(approval_store)
    assert done == replace(taken, remind_at=None, due_at=END)


def test_a_step_is_not_noted_once_somebody_decided_or_came_for_it(
    given: Given, open_approvals: OpenWaits, approval_store: WaitStore
) -> None:
    waiting = given(remind_at=NOW + 60, due_at=NOW + 60)
    taken = open_approvals.postpone(waiting, NOW + 360)
    assert taken
    decided = approve(approval_store)
    assert open_approvals.postpone(waiting, NOW + 400) is None
    assert open_approvals.step_done(taken, replace(taken, remind_at=None), END) is None
    assert now_of(approval_store) == decided
    approval_store.claim(SESSION_ID, [TOOL_USE_ID], [], [], now=NOW + 70, lease_until=NOW + 90)
    assert open_approvals.step_done(taken, replace(taken, remind_at=None), END) is None
    assert now_of(approval_store).due_at is None, "it must not come back into the index"


def test_a_step_is_noted_by_the_sweeper_that_took_it_last(
    given: Given, open_approvals: OpenWaits, approval_store: WaitStore
) -> None:
    slow = open_approvals.postpone(given(remind_at=NOW + 60, due_at=NOW + 60), NOW + 360)
    assert slow
    fast = open_approvals.postpone(slow, NOW + 660)
    assert open_approvals.step_done(slow, replace(slow, remind_at=None), END) is None
    assert now_of(approval_store) == fast


# --- telling again -------------------------------------------------------------------------------


def test_of_two_sweepers_one_tells_again(
    given: Given, open_approvals: OpenWaits, approval_store: WaitStore
) -> None:
    given()
    decided = approve(approval_store)
    taken = open_approvals.take_resend(decided, NOW + 200)
    assert taken == replace(decided, resends=1, resent_at=NOW + 200)
    assert open_approvals.take_resend(decided, NOW + 200) is None
    again = open_approvals.take_resend(taken, NOW + 500)
    assert again == replace(decided, resends=2, resent_at=NOW + 500)
    assert open_approvals.take_resend(taken, NOW + 500) is None


def test_what_a_worker_came_for_is_not_told_again(
    given: Given, open_approvals: OpenWaits, approval_store: WaitStore
) -> None:
    given()
    decided = approve(approval_store)
    approval_store.claim(SESSION_ID, [TOOL_USE_ID], [], [], now=NOW + 70, lease_until=NOW + 90)
    before = now_of(approval_store)
    assert open_approvals.take_resend(decided, NOW + 200) is None
    assert now_of(approval_store) == before


# --- close ---------------------------------------------------------------------------------------


def test_closing_cancels_an_open_question(given: Given, open_approvals: OpenWaits) -> None:
    waiting = given()
    closed = open_approvals.close(waiting, NOW + 60)
    assert closed == replace(
        waiting, status=Status.CANCELLED, decided_by="sweeper", decided_at=NOW + 60, due_at=None
    )
    assert [e for shard in SHARDS for e in open_approvals.entries(shard, 10)] == []


def test_closing_leaves_a_decision_as_it_is(
    given: Given, open_approvals: OpenWaits, approval_store: WaitStore
) -> None:
    given()
    decided = approve(approval_store)
    assert open_approvals.close(decided, NOW + 60) == replace(decided, due_at=None)


@pytest.mark.parametrize("status", [Status.APPROVED, Status.DENIED])
def test_what_changed_since_it_was_read_is_not_closed(
    given: Given, open_approvals: OpenWaits, approval_store: WaitStore, status: str
) -> None:
    waiting = given()
    word = "approved" if status == Status.APPROVED else "denied"
    approval_store.decide(SESSION_ID, TOOL_USE_ID, word, decided_by="link", now=NOW + 5)
    before = now_of(approval_store)
    assert open_approvals.close(waiting, NOW + 60) is None
    assert now_of(approval_store) == before


def test_what_a_worker_came_for_is_not_closed(
    given: Given, open_approvals: OpenWaits, approval_store: WaitStore
) -> None:
    given()
    decided = approve(approval_store)
    approval_store.claim(SESSION_ID, [TOOL_USE_ID], [], [], now=NOW + 70, lease_until=NOW + 90)
    assert open_approvals.close(decided, NOW + 80) is None
