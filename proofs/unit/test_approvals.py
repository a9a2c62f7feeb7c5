"""The approval items: who may decide, claim and spend, and what each of them leaves behind.

One caller at a time. That two at once cannot both win is shown in proofs/integration.
"""

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

import pytest

import edits
from core_samples import (
    NOW,
    SESSION_ID,
    TOOL_USE_ID,
    Recorded,
    asked,
    item_bytes,
    job,
)
from longrunning import http
from longrunning.agent.calls import MAX_ARGUMENTS_BYTES, MAX_SCHEMAS_BYTES
from longrunning.messages import (
    MAX_CONTENT_BYTES,
    ToolResults,
    build_existing,
    parse,
    tool_result,
)
from longrunning.waits.answers import Decided
from longrunning.waits.claims import FencedError, LeaseHeldError, MessageOverError, NotDecidedError
from longrunning.waits.item import MAY_BE_LONG, Call, Edit, Status, Wait
from longrunning.waits.open_waits import SHARDS, OpenWaits
from longrunning.waits.votes import MAX_VOTES_BYTES
from wait_store import WaitStore

DECISIONS: dict[str, str | None] = {
    Status.APPROVED: "approved",
    Status.DENIED: "denied",
    Status.SPENT: "approved",
}
CLAIMABLE = (
    Status.APPROVED,
    Status.DENIED,
    Status.EXPIRED,
    Status.CANCELLED,
    Status.SPENT,
    Status.RESOLVED,
)
LEASE_UNTIL = NOW + 125
ANSWER = {"toolUseId": "tooluse_job", "status": "success", "content": [{"json": {"score": 0.1}}]}

Given = Callable[..., Wait]


SIBLING = "tooluse_sibling"
both = pytest.mark.parametrize("ids", [[TOOL_USE_ID], [TOOL_USE_ID, SIBLING]], ids=["one", "two"])


@pytest.fixture
def given(approval_store: WaitStore) -> Given:
    """Puts an item of some status, as the protocol would have left it."""

    def put(status: str = Status.PENDING, **changes: Any) -> Wait:
        made = job if status == Status.RESOLVED else asked
        approval = made(status=status, decision=DECISIONS.get(status), **changes)
        assert approval_store.put_if_absent(approval) == (approval, True)
        return approval

    return put


def read(store: WaitStore, tool_use_id: str = TOOL_USE_ID) -> Wait:
    approval = store.get(SESSION_ID, tool_use_id)
    assert approval
    return approval


# --- put (C2) and read ---------------------------------------------------------------------------


def test_the_first_put_counts(approval_store: WaitStore) -> None:
    first, second = asked(), asked(content="Another text")
    assert approval_store.put_if_absent(first) == (first, True)
    assert approval_store.put_if_absent(second) == (first, False)
    assert read(approval_store) == first


@pytest.mark.parametrize("status", [*CLAIMABLE, Status.PENDING])
def test_a_put_never_takes_anything_back(
    approval_store: WaitStore, given: Given, status: str
) -> None:
    before = given(status, tool_use_id=TOOL_USE_ID, fence=3, lease_until=NOW)
    assert approval_store.put_if_absent(asked()) == (before, False)
    assert read(approval_store) == before


def test_an_item_with_every_field_comes_back_as_it_went(approval_store: WaitStore) -> None:
    every = asked(
        status=Status.SPENT,
        arguments={"$x": "", "count": 3, "price": 9.5, "ünï": [None, True, {"deep": "🦄"}]},
        content_schema={"type": "string", "maxLength": 10},
        edited_content="Edited\r\n\x00 🦄",
        approvers=["ann", "bob"],
        needed=2,
        requested_by="cyd",
        via="link",
        votes=[{"by": "ann", "comment": "é", "at": NOW}],
        answer_schema={"type": "object", "properties": {}},
        editable={"count": {"type": "integer", "maximum": 9}},
        edited_arguments={"count": 4},
        decision="approved",
        decided_by="link",
        decided_at=NOW + 60,
        comment="",
        remind_at=NOW + 10,
        planned_remind_at=NOW + 15,
        first_decide_by=NOW + 17,
        asked_again_by="iam:user/ann",
        escalate_at=NOW + 20,
        resends=2,
        resent_at=NOW + 30,
        acknowledged=True,
        refused=True,
        answer={"status": "error", "text": "No."},
        not_done="end_turn",
        claimed_by="message/1",
        messages_over=["message-2"],
        max_edit_bytes=9,
        depth=2,
        fence=7,
        lease_until=LEASE_UNTIL,
        sign_in=True,
        context={"task": "t", "said": "s"},
        result={"content": [{"json": {"float": 1.0, "int": 1, "big": 10**40, "true": True}}]},
    )
    bare = Wait("", "", "", "", 0, 0)
    assert [f.name for f in fields(Wait) if getattr(every, f.name) == getattr(bare, f.name)] == []
    approval_store.put_if_absent(every)
    came = read(approval_store)
    assert came == every
    assert repr(came) == repr(every), "1, 1.0 and True are three things"


def test_an_item_that_is_no_approval_comes_back_as_it_went(approval_store: WaitStore) -> None:
    approval_store.put_if_absent(job())
    assert read(approval_store, "tooluse_job") == job()


LONG = " ".join(map(str, range(400)))
HALF_A_PAIR = "\ud83e"


@pytest.mark.parametrize("text", [LONG, LONG + HALF_A_PAIR, "é" * 513])
def test_what_is_long_is_compressed_and_comes_back_as_it_went(
    approval_store: WaitStore, dynamodb: Recorded, approvals_table: str, text: str
) -> None:
    """Each write of an item is billed by its size, and an approval is written four times."""
    asked_for = asked(content=text, arguments={"all": text}, content_schema={"const": text})
    result = {"content": [{"text": text}]}
    every = replace(
        asked_for, edited_content=text, edited_arguments={"all": text + "!"}, result=result
    )
    approval_store.put_if_absent(every)
    assert read(approval_store) == every
    (item,) = dynamodb.scan(TableName=approvals_table)["Items"]
    assert {name for name, value in item.items() if "B" in value} == set(MAY_BE_LONG)
    assert item_bytes(item) < 6 * len(text.encode(errors="surrogatepass"))


def test_a_text_of_a_kilobyte_is_readable_in_the_table(
    approval_store: WaitStore, dynamodb: Recorded, approvals_table: str
) -> None:
    approval_store.put_if_absent(asked(content="é" * 512))
    (item,) = dynamodb.scan(TableName=approvals_table)["Items"]
    assert item["content"] == {"S": "é" * 512}


def test_a_long_edit_and_a_long_result_are_compressed_too(
    approval_store: WaitStore, given: Given, dynamodb: Recorded, approvals_table: str
) -> None:
    given()
    edit = Edit(LONG, {"all": LONG})
    decided = decide(approval_store, "approved", edit=edit).approval
    assert decided
    assert (decided.edit, read(approval_store)) == (edit, decided)
    approval_store.put_if_absent(job())
    result = {**ANSWER, "content": [{"text": LONG}]}
    assert approval_store.resolve(SESSION_ID, "tooluse_job", result, NOW)
    assert read(approval_store, "tooluse_job").result == result
    assert approval_store.answer(SESSION_ID, "tooluse_job", result, NOW).outcome == "repeated"
    items = dynamodb.scan(TableName=approvals_table)["Items"]
    compressed = {name for item in items for name, value in item.items() if "B" in value}
    assert compressed == {"edited_content", "edited_arguments", "result"}


def test_what_a_condition_looks_into_is_never_compressed(approval_store: WaitStore) -> None:
    """Who is asked, however many. Votes: proofs/unit/test_votes.py."""
    people = ["link", *(f"person-{number}" for number in range(200))]
    approval_store.put_if_absent(asked(approvers=people))
    assert decide(approval_store, "approved", via="link").outcome == "decided"


def test_what_is_not_there_is_none(approval_store: WaitStore) -> None:
    assert approval_store.get(SESSION_ID, "tooluse_unknown") is None


def test_every_read_is_consistent(approval_store: WaitStore, dynamodb: Recorded) -> None:
    approval_store.get(SESSION_ID, TOOL_USE_ID)
    assert [call["ConsistentRead"] for call in dynamodb.named("get_item")] == [True]
    queried: list[Any] = []
    events, event = dynamodb.client.meta.events, "provide-client-params.dynamodb.Query"

    def note(params: dict[str, Any], **_: Any) -> None:
        queried.append(params["ConsistentRead"])

    events.register(event, note)
    try:
        approval_store.of_session(SESSION_ID)
    finally:
        events.unregister(event, note)
    assert queried == [True]


def test_all_items_of_a_session_and_no_others(approval_store: WaitStore) -> None:
    """DynamoDB ends a page at 1 MB: these take two."""
    mine = [asked(tool_use_id=f"use-{n}", content=f"{n}" * 262_144) for n in range(5)]
    for approval in [*mine, asked(session_id="another")]:
        approval_store.put_if_absent(approval)
    assert approval_store.of_session(SESSION_ID) == mine
    assert approval_store.of_session("nobody") == []


@both
def test_an_item_is_in_the_index_of_open_ones_until_it_is_claimed(
    approval_store: WaitStore, open_approvals: OpenWaits, ids: list[str]
) -> None:
    def open_ids() -> set[str]:
        return {e.tool_use_id for shard in SHARDS for e in open_approvals.entries(shard, 10)}

    for tool_use_id in ids:
        approval_store.put_if_absent(asked(tool_use_id=tool_use_id))
    assert open_ids() == set(ids)
    for tool_use_id in ids:
        decide(approval_store, "approved", tool_use_id=tool_use_id)
    assert open_ids() == set(ids), "nobody has come for the decision yet"
    claim(approval_store, ids)
    assert open_ids() == set()


# --- cancel --------------------------------------------------------------------------------------


def cancel(store: WaitStore, **more: Any) -> Decided:
    return store.cancel(SESSION_ID, TOOL_USE_ID, decided_by="operator", now=NOW + 60, **more)


@pytest.mark.parametrize("waiting", [asked(), job(tool_use_id=TOOL_USE_ID)])
def test_an_operator_cancels_what_waits_whatever_the_tool(
    approval_store: WaitStore, waiting: Wait
) -> None:
    approval_store.put_if_absent(waiting)
    cancelled = cancel(approval_store, comment="Not today")
    assert cancelled.outcome == "decided"
    assert cancelled.approval == replace(
        waiting,
        status=Status.CANCELLED,
        decided_by="operator",
        decided_at=NOW + 60,
        comment="Not today",
    )
    assert cancel(approval_store) == Decided("repeated", cancelled.approval)
    assert decide(approval_store, "approved").approval in (cancelled.approval, waiting)
    assert read(approval_store) == cancelled.approval


@pytest.mark.parametrize("status", [Status.APPROVED, Status.DENIED, Status.EXPIRED, Status.SPENT])
def test_what_is_decided_cannot_be_cancelled(
    approval_store: WaitStore, given: Given, status: str
) -> None:
    before = given(status)
    assert cancel(approval_store) == Decided("conflict", before)
    assert read(approval_store) == before


def test_what_is_not_there_cannot_be_cancelled(approval_store: WaitStore) -> None:
    assert cancel(approval_store) == Decided("unknown", None)
    assert approval_store.get(SESSION_ID, TOOL_USE_ID) is None


# --- decide (C3) ---------------------------------------------------------------------------------


def decide(
    store: WaitStore,
    decision: str,
    now: int = NOW + 60,
    tool_use_id: str = TOOL_USE_ID,
    edit: Edit | None = None,
    **more: Any,
) -> Decided:
    """As the approval API decides: with the digest of the call that the edit makes another one."""
    is_edit = edit not in (None, Edit())
    found = store.get(SESSION_ID, tool_use_id) if is_edit else None
    more["digest"] = found.edited(edit).digest if found and found.call else None
    return store.decide(
        SESSION_ID, tool_use_id, decision, decided_by="link", now=now, edit=edit, **more
    )


@pytest.mark.parametrize(
    ("decision", "status"), [("approved", Status.APPROVED), ("denied", Status.DENIED)]
)
def test_a_decision_is_recorded_with_who_when_and_why(
    approval_store: WaitStore, given: Given, decision: str, status: str
) -> None:
    before = given()
    decided = decide(approval_store, decision, comment="Fine 🦄")
    assert decided.outcome == "decided"
    assert decided.approval == read(approval_store)
    assert decided.approval == replace(
        before,
        status=status,
        decision=decision,
        decided_by="link",
        decided_at=NOW + 60,
        comment="Fine 🦄",
    )


def test_an_edit_is_the_text_in_force(
    approval_store: WaitStore, given: Given, dynamodb: Recorded, approvals_table: str
) -> None:
    asked_for = given()
    decided = decide(approval_store, "approved", edit=Edit("Edited")).approval
    assert decided
    assert (decided.in_force.content, decided.asked) == ("Edited", asked_for.asked)
    (item,) = dynamodb.scan(TableName=approvals_table)["Items"]
    edited = replace(asked_for.asked, content="Edited")
    assert item["digest"]["S"] == edited.digest != asked_for.asked.digest, (
        "who reads the table sees the call in force"
    )


def test_edited_arguments_are_in_force_and_in_the_digest(
    approval_store: WaitStore, given: Given, dynamodb: Recorded, approvals_table: str
) -> None:
    arguments = {"order_id": "4711", "amount": 60}
    asked_for = given(content=None, arguments=arguments)
    decided = decide(approval_store, "approved", edit=Edit(arguments={"amount": 40})).approval
    assert decided
    assert decided.in_force == Call(
        asked_for.asked.action, None, {"order_id": "4711", "amount": 40}
    )
    assert (decided.asked, decided.edit) == (asked_for.asked, Edit(None, {"amount": 40}))
    assert read(approval_store) == decided
    (item,) = dynamodb.scan(TableName=approvals_table)["Items"]
    assert item["digest"]["S"] == decided.in_force.digest
    assert "content" not in item


def test_the_digest_is_of_the_whole_call(dynamodb: Recorded, given: Given) -> None:
    made = given(content="abc", arguments={"b": 1.5, "a": [True]})
    text = f'["{made.asked.action}","abc",{{"a":[true],"b":1.5}}]'
    known = hashlib.sha256(text.encode()).hexdigest()
    assert made.in_force.digest == known
    assert dynamodb.named("put_item")[0]["Item"]["digest"] == {"S": known}


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ({"a": 40}, {"a": 40.0}, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": [0]}, {"a": [False]}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({"a": None}, {}, False),
        ({"a": {"b": 0.1}}, {"a": {"b": 0.10000000000000002}}, False),
        ({"a": "é"}, {"a": "e\u0301"}, False),
    ],
)
def test_calls_are_compared_as_json_is(one: Any, other: Any, is_same: bool) -> None:
    approval = asked(arguments=one)
    assert approval.allows(replace(approval.asked, arguments=other)) is is_same
    assert (approval.asked.digest == replace(approval.asked, arguments=other).digest) is is_same


def test_a_call_without_a_text_is_not_one_with_an_empty_one() -> None:
    assert not asked(content=None).allows(Call(asked().asked.action, "", {}))


def test_a_wait_that_is_no_approval_has_no_call_in_its_item(
    approval_store: WaitStore, dynamodb: Recorded
) -> None:
    approval_store.put_if_absent(job())
    (put,) = dynamodb.named("put_item")
    parts = {"action", "content", "arguments", "content_schema", "digest", "call"}
    assert not parts & put["Item"].keys()


def test_first_decision_wins(approval_store: WaitStore, given: Given) -> None:
    given()
    first = decide(approval_store, "approved", comment="mine")
    second = decide(approval_store, "denied", now=NOW + 61, comment="too late")
    assert (first.outcome, second.outcome) == ("decided", "conflict")
    assert second.approval == first.approval == read(approval_store)


SAME, OTHER = "Approved text", "Another text"


@pytest.mark.parametrize(
    ("status", "decision", "edit", "outcome"),
    [
        (Status.APPROVED, "approved", None, "repeated"),
        (Status.APPROVED, "approved", SAME, "repeated"),
        (Status.APPROVED, "approved", OTHER, "conflict"),
        (Status.APPROVED, "denied", None, "conflict"),
        (Status.DENIED, "denied", None, "repeated"),
        (Status.DENIED, "approved", None, "conflict"),
        (Status.DENIED, "approved", SAME, "conflict"),
        (Status.SPENT, "approved", None, "repeated"),
        (Status.SPENT, "approved", SAME, "repeated"),
        (Status.SPENT, "approved", OTHER, "conflict"),
        (Status.SPENT, "denied", None, "conflict"),
        (Status.EXPIRED, "approved", None, "expired"),
        (Status.EXPIRED, "denied", None, "expired"),
        (Status.CANCELLED, "approved", None, "expired"),
        (Status.CANCELLED, "denied", None, "expired"),
        (Status.RESOLVED, "approved", None, "unknown"),
        (Status.RESOLVED, "denied", None, "unknown"),
    ],
)
def test_a_decided_item_keeps_its_decision(
    approval_store: WaitStore,
    given: Given,
    status: str,
    decision: str,
    edit: str | None,
    outcome: str,
) -> None:
    made = None if edit is None else Edit(None if edit == SAME else edit)
    texts = {} if status == Status.RESOLVED else {"content": SAME}
    before = given(status, tool_use_id=TOOL_USE_ID, fence=1, **texts)
    decided = decide(approval_store, decision, edit=made, comment="again")
    assert decided == Decided(outcome, before)
    assert read(approval_store) == before


@pytest.mark.parametrize(
    ("edit", "outcome"), [(None, "repeated"), ("Edited", "repeated"), (SAME, "conflict")]
)
def test_a_repeat_of_an_edited_approval_is_measured_on_the_edit(
    approval_store: WaitStore, given: Given, edit: str | None, outcome: str
) -> None:
    given(content=SAME)
    decide(approval_store, "approved", edit=Edit("Edited"))
    again = None if edit is None else Edit(None if edit == SAME else edit)
    assert decide(approval_store, "approved", edit=again).outcome == outcome
    assert read(approval_store).in_force.content == "Edited"


@pytest.mark.parametrize(
    ("seconds_before", "outcome"), [(1, "decided"), (0, "expired"), (-1, "expired")]
)
def test_time_is_up_at_exactly_decide_by(
    approval_store: WaitStore, given: Given, seconds_before: int, outcome: str
) -> None:
    before = given()
    decided = decide(approval_store, "approved", now=before.decide_by - seconds_before)
    assert decided.outcome == outcome
    assert read(approval_store).status == (
        Status.APPROVED if outcome == "decided" else Status.PENDING
    )


@pytest.mark.parametrize("tool_use_id", [TOOL_USE_ID, "tooluse_job"])
def test_an_unknown_tool_use_and_one_that_is_no_approval_cannot_be_decided(
    approval_store: WaitStore, tool_use_id: str
) -> None:
    approval_store.put_if_absent(job())
    assert decide(approval_store, "approved", tool_use_id=tool_use_id).outcome == "unknown"
    assert approval_store.of_session(SESSION_ID) == [job()]


# --- resolve -------------------------------------------------------------------------------------


def test_the_first_result_of_a_tool_counts(approval_store: WaitStore) -> None:
    approval_store.put_if_absent(job())
    second = {**ANSWER, "status": "error"}
    assert approval_store.resolve(SESSION_ID, "tooluse_job", ANSWER, NOW + 60) is True
    assert approval_store.resolve(SESSION_ID, "tooluse_job", second, NOW + 61) is False
    assert read(approval_store, "tooluse_job") == job(
        status=Status.RESOLVED, result=ANSWER, decided_at=NOW + 60
    )


@pytest.mark.parametrize(
    "status",
    [
        Status.PENDING,
        Status.APPROVED,
        Status.DENIED,
        Status.EXPIRED,
        Status.CANCELLED,
        Status.SPENT,
    ],
)
def test_no_result_decides_an_approval(
    approval_store: WaitStore, given: Given, status: str
) -> None:
    before = given(status)
    assert approval_store.resolve(SESSION_ID, TOOL_USE_ID, ANSWER, NOW) is False
    assert read(approval_store) == before


def test_a_result_for_nothing_leaves_nothing(approval_store: WaitStore) -> None:
    assert approval_store.resolve(SESSION_ID, TOOL_USE_ID, ANSWER, NOW) is False
    assert approval_store.get(SESSION_ID, TOOL_USE_ID) is None


# --- claim (C4) ----------------------------------------------------------------------------------


def claim(
    store: WaitStore,
    turn: list[str],
    unspent: Sequence[str] = (),
    *,
    now: int = NOW,
    until: int = LEASE_UNTIL,
    by: str = "message/1",
) -> list[Wait]:
    lease = {"now": now, "lease_until": until, "claimed_by": by}
    return store.claim(SESSION_ID, turn, unspent, turn, **lease)


@both
@pytest.mark.parametrize("status", CLAIMABLE)
def test_whatever_is_decided_can_be_claimed(
    approval_store: WaitStore, given: Given, status: str, ids: list[str]
) -> None:
    before = [given(status, tool_use_id=tool_use_id) for tool_use_id in ids]
    claimed = claim(approval_store, ids)
    new = {"fence": 1, "lease_until": LEASE_UNTIL, "due_at": None, "claimed_by": "message/1"}
    assert claimed == [replace(approval, **new) for approval in before]
    assert claimed == [read(approval_store, tool_use_id) for tool_use_id in ids]


@both
def test_what_nobody_decided_cannot_be_claimed(
    approval_store: WaitStore, given: Given, ids: list[str]
) -> None:
    before = [given(tool_use_id=TOOL_USE_ID), given(Status.APPROVED, tool_use_id=SIBLING)]
    with pytest.raises(NotDecidedError):
        claim(approval_store, ids)
    before[1] = replace(before[1], acknowledged=True if SIBLING in ids else None)
    assert [read(approval_store, a.tool_use_id) for a in before] == before


@both
def test_what_has_no_record_yet_cannot_be_claimed(
    approval_store: WaitStore, given: Given, ids: list[str]
) -> None:
    sibling = given(Status.APPROVED, tool_use_id=SIBLING)
    with pytest.raises(NotDecidedError):
        claim(approval_store, ids)
    over = replace(sibling, acknowledged=True if SIBLING in ids else None)
    assert approval_store.of_session(SESSION_ID) == [over]


@both
def test_fences_count_up(approval_store: WaitStore, given: Given, ids: list[str]) -> None:
    for tool_use_id in ids:
        given(Status.APPROVED, tool_use_id=tool_use_id)
    fences = [
        [a.fence for a in claim(approval_store, ids, now=NOW + n * 200, until=NOW + n * 200 + 125)]
        for n in range(3)
    ]
    assert fences == [[n] * len(ids) for n in (1, 2, 3)]


@both
def test_a_lease_holds_until_its_last_second_is_over(
    approval_store: WaitStore, given: Given, ids: list[str]
) -> None:
    for tool_use_id in ids:
        given(Status.DENIED, tool_use_id=tool_use_id)
    claim(approval_store, ids)
    for now in (NOW, LEASE_UNTIL - 1, LEASE_UNTIL):
        with pytest.raises(LeaseHeldError) as held:
            claim(approval_store, ids, now=now, until=now + 125, by=f"message/{now}")
        assert held.value.until == LEASE_UNTIL
    assert {a.fence for a in approval_store.of_session(SESSION_ID)} == {1}
    retried = claim(approval_store, ids, now=LEASE_UNTIL + 1, until=LEASE_UNTIL + 126)
    assert {(a.fence, a.lease_until) for a in retried} == {(2, LEASE_UNTIL + 126)}


@both
def test_another_message_is_over_only_while_the_first_claim_is_anothers(
    approval_store: WaitStore, given: Given, ids: list[str]
) -> None:
    for tool_use_id in ids:
        given(Status.DENIED, tool_use_id=tool_use_id)
    claim(approval_store, ids)
    with pytest.raises(MessageOverError):
        claim(approval_store, ids, by="other/1")
    after = LEASE_UNTIL + 1
    with pytest.raises(MessageOverError):
        claim(approval_store, ids, now=after, by="other/2")
    claim(approval_store, ids, now=after, until=after + 125, by="third/1")
    with pytest.raises(LeaseHeldError):
        claim(approval_store, ids, now=after, by="fourth/1")
    noted = [a.messages_over for a in approval_store.of_session(SESSION_ID) if a.messages_over]
    assert noted == [["other"]]


@both
def test_a_message_that_meets_a_later_claim_writes_nothing(
    approval_store: WaitStore, given: Given, dynamodb: Recorded, ids: list[str]
) -> None:
    for tool_use_id in ids:
        given(
            Status.DENIED, tool_use_id=tool_use_id, fence=2, lease_until=NOW, claimed_by="other/1"
        )
    writes = len(dynamodb.named("update_item"))
    with pytest.raises(LeaseHeldError):
        claim(approval_store, ids)
    own_claim = len(ids) == 1
    assert len(dynamodb.named("update_item")) == writes + own_claim


def test_no_note_of_a_message_is_lost_to_another(
    approval_store: WaitStore, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two end at once: who is second meets another list than it has read, and waits."""
    old = given(
        Status.DENIED,
        fence=1,
        lease_until=LEASE_UNTIL,
        claimed_by="first/1",
        messages_over=["early"],
    )
    for message_id in ("second", "third"):
        approval_store._note_over(old, message_id)
    assert read(approval_store).messages_over == ["early", "second"]
    fresh = replace(old, messages_over=None)
    assert not approval_store._note_over(fresh, "fourth")


@both
def test_a_claim_of_an_older_release_names_no_message_and_others_wait(
    approval_store: WaitStore, given: Given, ids: list[str]
) -> None:
    for tool_use_id in ids:
        given(Status.DENIED, tool_use_id=tool_use_id, fence=1, lease_until=NOW, claimed_by="0f" * 8)
    with pytest.raises(LeaseHeldError):
        claim(approval_store, ids)


@pytest.mark.parametrize("held", [TOOL_USE_ID, SIBLING])
def test_several_are_claimed_together_or_not_at_all(
    approval_store: WaitStore, given: Given, held: str
) -> None:
    free = TOOL_USE_ID if held == SIBLING else SIBLING
    given(Status.APPROVED, tool_use_id=held, lease_until=NOW + 5, fence=4)
    other = given(Status.APPROVED, tool_use_id=free)
    with pytest.raises(LeaseHeldError) as error:
        claim(approval_store, [TOOL_USE_ID, SIBLING])
    assert error.value.until == NOW + 5
    assert read(approval_store, free) == other


@pytest.mark.parametrize("order", ["as asked", "backwards", "any"])
def test_the_decisions_of_a_turn_do_not_all_read_all_of_it(
    approval_store: WaitStore, given: Given, dynamodb: Recorded, order: str
) -> None:
    """20 questions: 400 items if each message reads all, 20 at least."""
    turn = [f"ask-{number}" for number in range(20)]
    for tool_use_id in turn:
        given(tool_use_id=tool_use_id)
    decided = {
        "as asked": turn,
        "backwards": turn[::-1],
        "any": random.Random(1).sample(turn, len(turn)),  # noqa: S311
    }[order]
    dynamodb.calls.clear()
    for tool_use_id in decided[:-1]:
        approval_store.decide(SESSION_ID, tool_use_id, "denied", decided_by="link", now=NOW)
        with pytest.raises(NotDecidedError):
            approval_store.claim(
                SESSION_ID, turn, (), [tool_use_id], now=NOW, lease_until=LEASE_UNTIL
            )
    approval_store.decide(SESSION_ID, decided[-1], "denied", decided_by="link", now=NOW)
    claimed = approval_store.claim(
        SESSION_ID, turn, (), decided[-1:], now=NOW, lease_until=LEASE_UNTIL
    )
    assert [wait.tool_use_id for wait in claimed] == turn
    requests = [call["RequestItems"] for call in dynamodb.named("batch_get_item")]
    items = sum(len(table["Keys"]) for asked in requests for table in asked.values())
    assert items <= {"any": 180}.get(order, 19 * 3 + 20)


def test_several_claims_are_one_transaction_on_what_was_read(
    approval_store: WaitStore, given: Given, dynamodb: Recorded
) -> None:
    for tool_use_id in (TOOL_USE_ID, SIBLING):
        given(Status.APPROVED, tool_use_id=tool_use_id)
    dynamodb.calls.clear()
    claim(approval_store, [TOOL_USE_ID, SIBLING])
    assert dynamodb.operations == ["batch_get_item", "transact_write_items"]


def test_what_is_left_of_earlier_turns_is_claimed_together_with_the_turn(
    approval_store: WaitStore, given: Given
) -> None:
    given(Status.DENIED, tool_use_id=TOOL_USE_ID)
    given(Status.APPROVED, tool_use_id=SIBLING, fence=3)
    claimed = claim(approval_store, [TOOL_USE_ID], [SIBLING])
    assert [(a.tool_use_id, a.fence) for a in claimed] == [(TOOL_USE_ID, 1), (SIBLING, 4)]
    assert [read(approval_store, a.tool_use_id) for a in claimed] == claimed


def test_what_is_left_of_earlier_turns_may_have_passed_its_time_to_live(
    approval_store: WaitStore, given: Given
) -> None:
    before = given(Status.DENIED)
    (claimed,) = claim(approval_store, [TOOL_USE_ID], ["tooluse_gone"])
    new = {"fence": 1, "lease_until": LEASE_UNTIL, "due_at": None, "claimed_by": "message/1"}
    assert claimed == replace(before, **new)
    assert approval_store.of_session(SESSION_ID) == [claimed]


@pytest.mark.parametrize(
    ("turn", "status", "acknowledged", "is_claimed"),
    [
        ([TOOL_USE_ID], Status.PENDING, None, False),
        ([TOOL_USE_ID], Status.DENIED, True, False),
        ([], Status.DENIED, None, True),
    ],
    ids=["undecided", "over", "cut short"],
)
def test_a_message_tells_of_nothing_that_earlier_turns_left(
    approval_store: WaitStore,
    given: Given,
    turn: list[str],
    status: str,
    acknowledged: bool | None,
    is_claimed: bool,
) -> None:
    """Even if it names that: whether it is over is up to the turn that waits."""
    given(status, tool_use_id=TOOL_USE_ID, acknowledged=acknowledged)
    left_over = True if is_claimed else None
    left = given(Status.APPROVED, tool_use_id=SIBLING, fence=1, acknowledged=left_over)
    lease = {"now": NOW, "lease_until": LEASE_UNTIL, "claimed_by": "message/1"}
    named = [TOOL_USE_ID, SIBLING]
    if is_claimed:
        (claimed,) = approval_store.claim(SESSION_ID, turn, [SIBLING], named, **lease)
        assert (claimed.tool_use_id, claimed.fence) == (SIBLING, 2)
        return
    with pytest.raises(NotDecidedError):
        approval_store.claim(SESSION_ID, turn, [SIBLING], named, **lease)
    assert read(approval_store, SIBLING) == left


@pytest.mark.parametrize("unspent", [[], ["tooluse_gone"]])
def test_where_nothing_is_left_to_claim_nothing_is(
    approval_store: WaitStore, unspent: list[str]
) -> None:
    """A run that its deadline interrupted waits for no tool use."""
    assert claim(approval_store, [], unspent) == []
    assert approval_store.of_session(SESSION_ID) == []


def test_a_lease_on_what_is_left_of_earlier_turns_holds_too(
    approval_store: WaitStore, given: Given
) -> None:
    before = given(Status.DENIED, tool_use_id=TOOL_USE_ID)
    given(Status.APPROVED, tool_use_id=SIBLING, lease_until=NOW)
    with pytest.raises(LeaseHeldError):
        claim(approval_store, [TOOL_USE_ID], [SIBLING])
    assert read(approval_store) == before


@pytest.mark.parametrize(
    ("codes", "in_use"),
    [
        (["None", "ConditionalCheckFailed"], True),
        (["TransactionConflict", "None"], True),
        (["ConditionalCheckFailed", "ThrottlingError"], False),
        (["ValidationError", "None"], False),
    ],
)
def test_a_transaction_that_fails_for_another_reason_is_a_fault(
    approval_store: WaitStore,
    given: Given,
    dynamodb: Recorded,
    codes: list[str],
    in_use: bool,
) -> None:
    for tool_use_id in (TOOL_USE_ID, SIBLING):
        given(Status.APPROVED, tool_use_id=tool_use_id)
    canceled = dynamodb.exceptions.TransactionCanceledException
    reasons: Any = {"CancellationReasons": [{"Code": code} for code in codes]}
    dynamodb.failures["transact_write_items"] = canceled(reasons, "TransactWriteItems")
    with pytest.raises(LeaseHeldError if in_use else canceled):
        claim(approval_store, [TOOL_USE_ID, SIBLING])


def test_one_claim_is_one_call(approval_store: WaitStore, given: Given, dynamodb: Recorded) -> None:
    given(Status.APPROVED)
    dynamodb.calls.clear()
    claim(approval_store, [TOOL_USE_ID])
    assert dynamodb.operations == ["update_item"]


def test_a_claim_of_several_that_another_worker_overtook_claims_none(
    approval_store: WaitStore, given: Given, dynamodb: Recorded, approvals_table: str
) -> None:
    for tool_use_id in (TOOL_USE_ID, SIBLING):
        given(Status.APPROVED, tool_use_id=tool_use_id)
    faster = WaitStore(dynamodb.client, approvals_table)
    with overtaken(dynamodb, lambda: claim(faster, [SIBLING])), pytest.raises(LeaseHeldError):
        claim(approval_store, [TOOL_USE_ID, SIBLING])
    assert [read(approval_store, i).fence for i in (TOOL_USE_ID, SIBLING)] == [0, 1]


def test_a_claim_of_several_notices_that_a_status_has_changed(
    approval_store: WaitStore, given: Given, dynamodb: Recorded
) -> None:
    """A zombie spends between the read and the claim: its fence is the one that was read."""
    given(Status.DENIED, tool_use_id=TOOL_USE_ID)
    zombie = given(Status.APPROVED, tool_use_id=SIBLING, fence=1)
    with overtaken(dynamodb, lambda: approval_store.spend(zombie)), pytest.raises(LeaseHeldError):
        claim(approval_store, [TOOL_USE_ID, SIBLING])
    sibling = read(approval_store, SIBLING)
    assert (sibling.status, sibling.fence) == (Status.SPENT, 1)
    assert read(approval_store).fence == 0


@contextmanager
def overtaken(dynamodb: Recorded, happens: Callable[[], object]) -> Iterator[None]:
    """Lets something happen between the reads of a claim and its transaction."""
    events, event = dynamodb.client.meta.events, "provide-client-params.dynamodb.TransactWriteItems"

    def let_it_happen(**_: Any) -> None:
        happens()

    events.register(event, let_it_happen)
    try:
        yield
    finally:
        events.unregister(event, let_it_happen)


# --- release -------------------------------------------------------------------------------------


@both
def test_a_release_lets_the_next_worker_in_at_once(
    approval_store: WaitStore, given: Given, ids: list[str]
) -> None:
    for tool_use_id in ids:
        given(Status.APPROVED, tool_use_id=tool_use_id)
    approval_store.release(claim(approval_store, ids))
    assert {a.fence for a in approval_store.of_session(SESSION_ID)} == {1}, "a fence only grows"
    assert {a.fence for a in claim(approval_store, ids)} == {2}


def test_a_release_leaves_a_newer_workers_lease_alone(
    approval_store: WaitStore, given: Given
) -> None:
    given(Status.APPROVED)
    older = claim(approval_store, [TOOL_USE_ID])
    (newer,) = claim(approval_store, [TOOL_USE_ID], now=LEASE_UNTIL + 1, until=LEASE_UNTIL + 126)
    approval_store.release(older)
    assert read(approval_store) == newer


def test_a_release_of_what_is_gone_leaves_nothing(approval_store: WaitStore) -> None:
    approval_store.release([asked(fence=1)])
    assert approval_store.get(SESSION_ID, TOOL_USE_ID) is None


# --- spend (C5) ----------------------------------------------------------------------------------


def test_an_approval_is_spent_by_the_worker_that_claimed_it(
    approval_store: WaitStore, given: Given
) -> None:
    given(Status.APPROVED)
    (mine,) = claim(approval_store, [TOOL_USE_ID])
    assert approval_store.spend(mine) == replace(mine, status=Status.SPENT)
    assert read(approval_store) == replace(mine, status=Status.SPENT)


@pytest.mark.parametrize("fence", [1, 2, 5])
def test_spent_stays_spent(approval_store: WaitStore, given: Given, fence: int) -> None:
    """The effect carries its key: whoever comes, with an old fence or a new one, may redo it."""
    before = given(Status.SPENT, fence=2, lease_until=LEASE_UNTIL)
    mine = replace(before, status=Status.APPROVED, fence=fence)
    assert approval_store.spend(mine) == replace(mine, status=Status.SPENT)
    assert read(approval_store) == before


def test_a_worker_whose_claim_was_overtaken_cannot_spend(
    approval_store: WaitStore, given: Given
) -> None:
    given(Status.APPROVED)
    (older,) = claim(approval_store, [TOOL_USE_ID])
    (newer,) = claim(approval_store, [TOOL_USE_ID], now=LEASE_UNTIL + 1, until=LEASE_UNTIL + 126)
    with pytest.raises(FencedError):
        approval_store.spend(older)
    assert read(approval_store) == newer
    assert approval_store.spend(newer).status == Status.SPENT


@pytest.mark.parametrize(
    "status", [Status.PENDING, Status.DENIED, Status.EXPIRED, Status.CANCELLED, Status.RESOLVED]
)
def test_only_an_approved_item_can_be_spent(
    approval_store: WaitStore, given: Given, status: str
) -> None:
    before = given(status, tool_use_id=TOOL_USE_ID, fence=1)
    with pytest.raises(FencedError):
        approval_store.spend(before)
    assert read(approval_store) == before


def test_what_is_not_there_cannot_be_spent(approval_store: WaitStore) -> None:
    with pytest.raises(FencedError):
        approval_store.spend(asked(status=Status.APPROVED, fence=1))
    assert approval_store.get(SESSION_ID, TOOL_USE_ID) is None


# --- size ----------------------------------------------------------------------------------------

WRITE_UNIT_BYTES = 1_024
ITEM_LIMIT_BYTES = 400 * 1_024


def test_what_a_receiver_refused_for_good_is_noted(approval_store: WaitStore, given: Given) -> None:
    spent, approved = (
        given(Status.SPENT, tool_use_id=TOOL_USE_ID),
        given(Status.APPROVED, tool_use_id=SIBLING),
    )
    approval_store.refuse(spent, "Too long.")
    approval_store.refuse(approved, "Too long.")
    answer = {"status": "error", "text": "Too long."}
    assert read(approval_store) == replace(spent, refused=True, answer=answer)
    assert read(approval_store, SIBLING) == approved


def test_what_a_receiver_said_is_kept_of_what_is_spent_and_cut(
    approval_store: WaitStore, given: Given
) -> None:
    spent, approved = (
        given(Status.SPENT, tool_use_id=TOOL_USE_ID),
        given(Status.APPROVED, tool_use_id=SIBLING),
    )
    approval_store.keep_answer(spent, "success", "x" * 5_000)
    approval_store.keep_answer(approved, "success", "x")
    answer = {"status": "success", "text": "x" * 2_000}
    assert read(approval_store) == replace(spent, answer=answer)
    assert read(approval_store, SIBLING) == approved


@pytest.mark.parametrize(
    "status", [Status.PENDING, Status.DENIED, Status.SPENT, Status.EXPIRED, Status.CANCELLED]
)
def test_only_an_approval_that_nobody_has_used_is_noted_as_not_done(
    approval_store: WaitStore, given: Given, status: str
) -> None:
    approved = given(Status.APPROVED, tool_use_id=TOOL_USE_ID)
    other = given(status, tool_use_id=SIBLING)
    assert approval_store.note_not_done(SESSION_ID, TOOL_USE_ID, "max_tokens")
    assert not approval_store.note_not_done(SESSION_ID, SIBLING, "max_tokens")
    assert read(approval_store) == replace(approved, not_done="max_tokens")
    assert read(approval_store, SIBLING) == other


def test_a_record_that_is_needed_longer_is_kept_longer(
    approval_store: WaitStore, given: Given
) -> None:
    claimed = given(Status.APPROVED, tool_use_id=TOOL_USE_ID, fence=2, lease_until=NOW + 60)
    approval_store.release([claimed], kept_until=NOW + 7)
    assert read(approval_store) == replace(claimed, lease_until=0, expires_at=NOW + 7)


@pytest.fixture
def stored_bytes(dynamodb: Recorded, approvals_table: str) -> Callable[[], int]:
    """Measures the one item of the table."""

    def measure() -> int:
        (item,) = dynamodb.scan(TableName=approvals_table)["Items"]
        return item_bytes(item)

    return measure


def test_each_write_of_an_ordinary_approval_takes_one_write_unit(
    approval_store: WaitStore, given: Given, stored_bytes: Callable[[], int]
) -> None:
    """C2 to C5 are four of the six writes; a write is billed by the larger of old and new item."""
    given(content="x" * 280)
    sizes = [stored_bytes()]
    decide(approval_store, "approved", comment="Looks good to me.")
    sizes.append(stored_bytes())
    (mine,) = claim(approval_store, [TOOL_USE_ID])
    sizes.append(stored_bytes())
    approval_store.spend(mine)
    sizes.append(stored_bytes())
    assert max(sizes) <= WRITE_UNIT_BYTES, sizes


def test_the_largest_result_fits_an_item(
    approval_store: WaitStore, stored_bytes: Callable[[], int]
) -> None:
    """As large as a message may bring it, in a script that JSON's escapes would make threefold."""
    approval_store.put_if_absent(job())
    result = tool_result("tooluse_job", "success", "я" * (MAX_CONTENT_BYTES // 2 - 10))
    parsed = parse(build_existing(SESSION_ID, "render_video", [result]))
    assert isinstance(parsed, ToolResults)
    assert approval_store.resolve(SESSION_ID, "tooluse_job", parsed.results[0], NOW)
    assert stored_bytes() <= ITEM_LIMIT_BYTES
    assert read(approval_store, "tooluse_job").result == result


def test_the_largest_approval_fits_an_item(
    approval_store: WaitStore, given: Given, stored_bytes: Callable[[], int]
) -> None:
    """256 KB asked for, edited as far as the API allows, everything else at its own limit."""
    most = MAX_ARGUMENTS_BYTES - len('{"author": ""}')
    given(
        content="ü" * (MAX_CONTENT_BYTES // 2),
        arguments={"author": "x" * most},
        editable={"author": {"pattern": "x" * (MAX_SCHEMAS_BYTES - 40)}},
        session_id=SESSION_ID,
        tool_use_id=TOOL_USE_ID,
    )
    edit = Edit("x" * (edits.MAX_TEXTS_BYTES - MAX_CONTENT_BYTES), {"author": "y" * most})
    comment = "🦄" * http.MAX_COMMENT_CHARS
    decided = decide(approval_store, "approved", edit=edit, comment=comment)
    assert decided.outcome == "decided"
    assert stored_bytes() + 2 * MAX_VOTES_BYTES - len(comment.encode()) <= ITEM_LIMIT_BYTES, (
        "or the votes of several, and their comments once more for the model"
    )


# --- questions (C3q) -----------------------------------------------------------------------------


@pytest.mark.parametrize(("late", "outcome"), [(-1, "decided"), (0, "expired"), (1, "expired")])
def test_a_question_is_answered_in_time_and_no_approval_is(
    approval_store: WaitStore, given: Given, late: int, outcome: str
) -> None:
    question = given(tool_use_id="q", answer_schema={"type": "object"})
    approval = given(tool_use_id="a")
    result = {"toolUseId": "q", "status": "success", "content": [{"text": "{}"}]}
    by = {"answered_by": "link", "via": None}
    now = question.decide_by + late
    answered = approval_store.answer_question(SESSION_ID, "q", result, **by, now=now)
    assert answered.outcome == outcome
    other = approval_store.answer_question(SESSION_ID, "a", result, **by, now=now)
    assert other == Decided("unknown", approval)


def test_no_result_answers_what_a_person_is_asked(approval_store: WaitStore, given: Given) -> None:
    question = given(tool_use_id="q", answer_schema={"type": "object"})
    result = {"toolUseId": "q", "status": "success", "content": [{"text": "{}"}]}
    assert not approval_store.resolve(SESSION_ID, "q", result, NOW)
    assert read(approval_store, "q") == question
