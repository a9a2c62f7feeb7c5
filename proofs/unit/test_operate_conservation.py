"""The conservation law: what holds, and that everything that breaks it is named."""

import inspect
import json
from dataclasses import replace
from typing import Any

import pytest
from operate import conservation
from operate.conservation import (
    ADVICE,
    KEPT_SECONDS,
    MOVING_SECONDS,
    Ledger,
    Violation,
    count,
)
from operate.rows import Approval, Letter, Post, Session

import longrunning.sessions
from core_samples import Recorded, asked
from longrunning.messages import (
    Parent,
    build_cancel,
    build_existing,
    build_look,
    build_new,
    tool_result,
)
from longrunning.sessions import INLINE_BYTES, PendingToolUse, SessionStore
from wait_store import WaitStore

NOW = 1_800_000_000
DAY = 86_400
MESSAGE_ID = "6f1d7a52-3c0e-4c57-9d0b-2a9f4be1c0de"
ASKED = NOW - DAY

WAITING = Session(
    "s", "post-generator", "waiting", pending=(("t", "human_approval"),), paused_at=ASKED,
    paused_by="m", expires_at=NOW + 29 * DAY,
)  # fmt: skip
COMPLETED = replace(WAITING, status="completed", outcome="published", pending=())
PENDING = Approval(
    "s", "t", "human_approval", "PENDING", action="publish_post", is_open=True,
    requested_at=ASKED, expires_at=NOW + 31 * DAY,
)  # fmt: skip
APPROVED = replace(PENDING, status="APPROVED", decided_at=NOW - MOVING_SECONDS)
CLAIMED = replace(APPROVED, is_open=False, fence=1, lease_until=NOW - MOVING_SECONDS)
SPENT = replace(CLAIMED, status="SPENT")
JOB = replace(PENDING, action="", tool_name="batch_job")
POST = Post("s/t", NOW - 10)


def law(
    sessions: list[Session] | None = None,
    approvals: list[Approval] | None = None,
    posts: list[Post] | None = None,
    letters: list[Letter] | None = None,
    **more: Any,
) -> Ledger:
    return count(sessions or [], approvals or [], posts or [], letters or [], now=NOW, **more)


def letter(body: str, message_id: str = "m9", reason: str = "", original: str = "") -> Letter:
    given = {"reason": reason, "original_message_id": original}
    attributes = {n: {"DataType": "String", "StringValue": v} for n, v in given.items() if v}
    return Letter.of({"MessageId": message_id, "Body": body, "MessageAttributes": attributes})


def result_for(tool_use_id: str, tool_name: str = "human_approval") -> str:
    return build_existing("s", tool_name, [tool_result(tool_use_id, "success", "x")])


def kinds(ledger: Ledger) -> list[str]:
    return [violation.kind for violation in ledger.violations]


def test_nothing_is_a_law_that_holds() -> None:
    ledger = law()
    assert ledger.holds
    assert ledger.accepted == 0


@pytest.mark.parametrize(
    ("outcome", "category"),
    [
        ("published", "completed"),
        ("finished", "completed"),
        ("denied", "denied"),
        ("expired", "expired"),
        ("failed", "failed"),
        ("cancelled", "cancelled"),
        ("not_done", "not done"),
        ("stopped", "stopped"),
    ],
)
def test_each_outcome_has_its_category(outcome: str, category: str) -> None:
    ledger = law([replace(COMPLETED, outcome=outcome)])
    assert ledger.holds
    assert {name: n for name, n in ledger.tasks.items() if n} == {category: 1}
    assert ledger.accepted == 1


def test_a_published_task_is_one_approval_spent_and_one_post() -> None:
    ledger = law([COMPLETED], [SPENT], [POST])
    assert ledger.holds
    assert (ledger.spent, ledger.posts) == (1, 1)


@pytest.mark.parametrize("status", ["APPROVED", "SPENT", "PENDING", "DENIED"])
@pytest.mark.parametrize(("agreed", "holds"), [(1, False), (2, True), (3, True)])
def test_what_counts_as_approved_was_approved_by_enough(
    status: str, agreed: int, holds: bool
) -> None:
    voted = replace(SPENT, status=status, needed=2, agreed=agreed)
    found = law([COMPLETED], [voted], [POST] if status == "SPENT" else [])
    is_named = Violation("too few votes", "s", "t") in found.violations
    assert is_named is (status in ("APPROVED", "SPENT") and not holds)


def test_those_count_whose_last_vote_is_for_the_call_in_force() -> None:
    def vote(by: str, decision: str, digest: str) -> dict[str, str]:
        return {"by": by, "decision": decision, "digest": digest}

    votes = [
        vote("ann", "approved", "new"), vote("bob", "approved", "old"),
        vote("cyd", "approved", "new"), vote("ann", "approved", "old"),
        vote("dan", "approved", "new"), vote("dan", "approved", "new"),
    ]  # fmt: skip
    item = {
        "session_id": {"S": "s"}, "tool_use_id": {"S": "t"}, "needed": {"N": "2"},
        "votes": {"S": json.dumps(votes)}, "digest": {"S": "new"},
    }  # fmt: skip
    assert (Approval.of(item).needed, Approval.of(item).agreed) == (2, 2)


def test_a_waiting_task_with_its_question_holds() -> None:
    assert law([WAITING], [PENDING]).holds


def test_a_decision_that_the_sweeper_still_sees_is_not_lost() -> None:
    assert law([WAITING], [APPROVED]).holds


def test_a_refused_effect_is_spent_without_a_post() -> None:
    ledger = law([COMPLETED], [replace(SPENT, refused=True)])
    assert ledger.holds
    assert (ledger.spent, ledger.refused, ledger.posts) == (1, 1, 0)


def test_without_a_receiver_posts_are_unknown_and_not_zero() -> None:
    ledger = law([COMPLETED], [SPENT], counted=())
    assert ledger.holds
    assert (ledger.posts, ledger.spent, ledger.elsewhere) == (None, 1, 1)
    assert ledger.uncounted == {"publish_post": {"spent": 1}}


REFUND = replace(SPENT, tool_use_id="t-2", action="send_refund")


def test_effects_of_a_tool_whose_receiver_is_not_known_are_not_held_against_the_law() -> None:
    refused = replace(REFUND, tool_use_id="t-3", refused=True)
    ledger = law([COMPLETED], [SPENT, REFUND, refused], [POST])
    assert ledger.holds
    assert (ledger.spent, ledger.refused, ledger.elsewhere, ledger.posts) == (3, 1, 1, 1)
    assert ledger.uncounted == {"send_refund": {"spent": 2, "refused": 1}}


def test_a_tool_whose_receiver_is_known_is_compared_beside_one_whose_is_not() -> None:
    ledger = law([COMPLETED], [SPENT, REFUND])
    assert ledger.violations == (Violation("not posted", "s", "t"),)
    assert not ledger.sums_hold


def test_a_post_under_the_key_of_another_tools_approval_is_named() -> None:
    ledger = law([COMPLETED], [REFUND], [Post("s/t-2", NOW)])
    assert ledger.violations == (Violation("not approved", "s", "t-2"),)


@pytest.mark.parametrize("action", ["publish_post", "send_refund"])
def test_what_was_approved_and_never_done_is_named_and_breaks_no_law(action: str) -> None:
    session = replace(COMPLETED, outcome="not_done")
    recorded = replace(CLAIMED, action=action, not_done=True)
    ledger = law([session], [recorded])
    assert ledger.holds
    assert ledger.not_done == (("s", "t"),)
    assert ledger.tasks["not done"] == 1


def test_an_approval_whose_session_ended_without_it_was_not_done_whatever_is_recorded() -> None:
    """As stacks of before wrote it."""
    assert law([replace(COMPLETED, outcome="finished")], [CLAIMED]).not_done == (("s", "t"),)
    assert law([WAITING], [APPROVED]).not_done == ()
    assert law([COMPLETED], [SPENT], [POST]).not_done == ()
    assert law([COMPLETED], [replace(CLAIMED, status="DENIED")]).not_done == ()


# What breaks it.


@pytest.mark.parametrize("outcome", ["", "waiting", "dead-lettered"])
def test_an_ended_session_that_does_not_say_how_is_in_no_category(outcome: str) -> None:
    ledger = law([replace(COMPLETED, outcome=outcome)])
    assert kinds(ledger) == ["no outcome"]
    assert not ledger.sums_hold


def test_two_items_of_one_session_are_one_task_done_twice() -> None:
    ledger = law([COMPLETED, replace(COMPLETED, agent_name="another")])
    assert ledger.violations == (Violation("in two", "s"),)
    assert not ledger.sums_hold


@pytest.mark.parametrize(
    "record", [replace(APPROVED, is_open=False), CLAIMED, replace(JOB, status="RESOLVED",
    is_open=False), replace(CLAIMED, status="DENIED"), SPENT]
)  # fmt: skip
def test_a_decision_that_nothing_brings_on_is_stuck(record: Approval) -> None:
    ledger = law([WAITING], [record])
    assert ledger.violations == (Violation("stuck", "s"),)
    assert ledger.to_resend == ("s",)
    assert ledger.tasks["waiting"] == 1


def test_an_interrupted_session_without_its_message_is_stuck() -> None:
    assert kinds(law([replace(WAITING, pending=())])) == ["stuck"]


def test_a_turn_is_stuck_only_when_all_of_it_is_decided() -> None:
    two = replace(WAITING, pending=(("t", "human_approval"), ("u", "human_approval")))
    second = replace(PENDING, tool_use_id="u")
    assert law([two], [CLAIMED, second]).holds
    assert kinds(law([two], [CLAIMED, replace(CLAIMED, tool_use_id="u")])) == ["stuck"]


def test_a_session_that_waits_for_no_record_asked_nobody() -> None:
    ledger = law([WAITING])
    assert ledger.violations == (Violation("never asked", "s", "t"),)
    assert ledger.to_resend == ("s",)


@pytest.mark.parametrize(
    "session",
    [COMPLETED, replace(WAITING, pending=(("u", "human_approval"),))],
    ids=["ended", "moved on"],
)
def test_a_question_that_no_session_waits_on_is_named(session: Session) -> None:
    approvals = [PENDING, replace(PENDING, tool_use_id="u")] if session.pending else [PENDING]
    assert Violation("open question", "s", "t") in law([session], approvals).violations


def test_an_approval_without_its_session_is_named() -> None:
    assert law([], [SPENT], [POST]).violations == (Violation("no session", "s", "t"),)


def test_spent_without_a_post_is_named_once_its_session_went_on() -> None:
    ledger = law([COMPLETED], [SPENT])
    assert ledger.violations == (Violation("not posted", "s", "t"),)
    assert not ledger.sums_hold


@pytest.mark.parametrize("record", [APPROVED, PENDING, replace(SPENT, refused=True)])
def test_a_post_without_a_spent_approval_is_named(record: Approval) -> None:
    session = WAITING if record.is_open else COMPLETED
    ledger = law([session], [record], [POST])
    assert ledger.violations == (Violation("not approved", "s", "t"),)
    assert not ledger.sums_hold


def test_a_post_of_nobody_is_named() -> None:
    assert law(posts=[Post("by-hand", NOW)]).violations == (Violation("not approved", "by-hand"),)


def test_two_posts_of_one_approval_are_named() -> None:
    ledger = law([COMPLETED], [SPENT], [POST, POST])
    assert ledger.violations == (Violation("posted twice", "s", "t"),)
    assert not ledger.sums_hold


def test_a_task_that_only_its_sender_knows_is_lost() -> None:
    ledger = law([COMPLETED], accepted=["s", "gone"])
    assert ledger.violations == (Violation("lost", "gone"),)
    assert not ledger.sums_hold


def test_tasks_that_no_sender_names_are_counted() -> None:
    ledger = law([COMPLETED], accepted=[])
    assert ledger.holds
    assert ledger.unnamed == 1


# Messages on their way.


def test_what_a_message_may_still_bring_on_is_under_way() -> None:
    recent = replace(CLAIMED, lease_until=NOW - 10)
    ledger = law([WAITING], [recent], on_their_way=1)
    assert ledger.holds
    assert ledger.under_way == 1


def test_no_message_of_now_brings_on_what_stopped_long_ago() -> None:
    assert kinds(law([WAITING], [CLAIMED], on_their_way=1)) == ["stuck"]


def test_what_a_worker_is_on_is_under_way() -> None:
    ledger = law([WAITING], [replace(SPENT, lease_until=NOW + 60)])
    assert ledger.holds
    assert (ledger.under_way, ledger.spent, ledger.unfinished) == (1, 1, 1)


def test_a_task_in_the_queue_is_not_lost() -> None:
    ledger = law([COMPLETED], accepted=["s", "queued"], on_their_way=1)
    assert ledger.holds
    assert ledger.queued == 1


def test_more_tasks_missing_than_messages_are_lost() -> None:
    assert kinds(law(accepted=["a", "b"], on_their_way=1)) == ["lost", "lost"]


# Dead letters.


def test_a_task_whose_message_died_before_its_session_is_dead_lettered() -> None:
    ledger = law(letters=[letter(build_new("x"), message_id="first")], accepted=["first"])
    assert ledger.holds
    assert (ledger.accepted, ledger.tasks["dead-lettered"]) == (1, 1)
    assert ledger.letters == {"moving": 1}


def test_a_dead_task_sent_back_once_keeps_its_identity() -> None:
    again = letter(build_new("x"), message_id="second", original=MESSAGE_ID)
    assert law(letters=[again], accepted=[MESSAGE_ID]).holds


def test_an_identity_that_no_queue_gave_is_none() -> None:
    forged = letter(build_new("x"), message_id="second", original="s")
    assert forged.session_id == "second"


def test_two_dead_letters_of_one_task_are_one_task() -> None:
    letters = [letter(build_new("x", "s"), message_id=name) for name in "ab"]
    assert law(letters=letters).accepted == 1


def test_a_rejected_message_is_no_task() -> None:
    ledger = law(letters=[letter(build_new("x"), reason="body.task: expected a text")])
    assert ledger.accepted == 0
    assert ledger.letters == {"rejected": 1}


def test_an_unreadable_letter_is_counted_and_is_no_task() -> None:
    ledger = law(letters=[letter("no JSON")])
    assert ledger.holds
    assert ledger.letters == {"unreadable": 1}


@pytest.mark.parametrize("record", [CLAIMED, SPENT, APPROVED], ids=lambda r: r.status)
def test_a_decided_session_whose_message_died_is_dead_lettered(record: Approval) -> None:
    ledger = law([WAITING], [record], letters=[letter(result_for("t"))])
    assert ledger.holds
    assert ledger.tasks == dict.fromkeys(ledger.tasks, 0) | {"dead-lettered": 1}
    assert ledger.unfinished == (record.status == "SPENT")


def test_a_job_whose_result_died_is_dead_lettered() -> None:
    ledger = law([WAITING], [JOB], letters=[letter(result_for("t", "batch_job"))])
    assert ledger.tasks["dead-lettered"] == 1


@pytest.mark.parametrize("kind", ["new", "existing"])
def test_a_pause_whose_own_message_died_is_dead_lettered(kind: str) -> None:
    body = build_new("x", "s") if kind == "new" else result_for("an-earlier-one")
    ledger = law([WAITING], letters=[letter(body, message_id="m")])
    assert ledger.holds
    assert ledger.tasks["dead-lettered"] == 1


@pytest.mark.parametrize(
    "dead",
    [
        letter(result_for("t")),
        letter(result_for("t"), reason="toolName: not the tool that the session waits for"),
        letter(result_for("an-earlier-one")),
        letter(build_new("x", "s")),
    ],
    ids=["forged", "rejected", "stale", "another delivery of the task"],
)
def test_a_letter_that_moves_nothing_leaves_the_session_waiting(dead: Letter) -> None:
    ledger = law([WAITING], [PENDING], letters=[dead])
    assert ledger.holds
    assert ledger.tasks["waiting"] == 1
    assert ledger.letters["moving"] == 0


def test_half_a_turn_decided_is_not_moved_on_by_its_letter() -> None:
    two = replace(WAITING, pending=(("t", "human_approval"), ("u", "human_approval")))
    approvals = [APPROVED, replace(PENDING, tool_use_id="u")]
    assert law([two], approvals, letters=[letter(result_for("t"))]).tasks["waiting"] == 1


def test_a_letter_of_what_is_done_is_no_task() -> None:
    ledger = law([COMPLETED], [SPENT], [POST], [letter(result_for("t"))])
    assert ledger.holds
    assert ledger.tasks["completed"] == 1
    assert ledger.letters == {"done": 1}


# What agents ask of one another.

LONG_AGO = NOW - MOVING_SECONDS
ASKING = replace(WAITING, pending=(("t", "ask_agent"),))
ASKED_FOR = replace(PENDING, action="", tool_name="ask_agent", is_looked_at=True)
CHILD = replace(WAITING, session_id="child", parent=("s", "t"), paused_by="m2")
ENDED_CHILD = replace(CHILD, status="completed", outcome="finished", pending=())
QUESTION = replace(PENDING, session_id="child")
GIVEN_UP = replace(ASKED_FOR, status="CANCELLED", decided_at=LONG_AGO, is_open=False, fence=1)


def cancel_letter(session_id: str = "child") -> Letter:
    return letter(build_cancel(session_id))


def test_what_agents_give_one_another_is_counted_on_a_line_of_its_own() -> None:
    ledger = law([ASKING, CHILD], [ASKED_FOR, QUESTION], accepted=["s"])
    assert ledger.holds
    assert (ledger.accepted, ledger.asked, ledger.unnamed) == (1, 1, 0)
    assert (ledger.tasks["waiting"], ledger.asked_tasks["waiting"]) == (1, 1)


def test_a_dead_task_of_an_agent_is_one_of_these() -> None:
    parent = Parent("s", "t", "ask_agent", NOW + DAY, 1)
    dead = letter(build_new("x", "child", "other", parent))
    ledger = law([ASKING], [ASKED_FOR], letters=[dead], accepted=["s"])
    assert ledger.holds
    assert (ledger.accepted, ledger.asked_tasks["dead-lettered"]) == (1, 1)
    assert ledger.letters == {"moving": 1}


def test_an_ended_child_that_does_not_say_how_breaks_the_sum() -> None:
    child = replace(ENDED_CHILD, outcome="", paused_at=NOW)
    ledger = law([ASKING, child], [ASKED_FOR])
    assert kinds(ledger) == ["no outcome"]
    assert not ledger.sums_hold


def test_waits_are_counted_by_tool() -> None:
    timer = replace(JOB, tool_use_id="u", tool_name="wait_until", status="RESOLVED", is_open=False)
    expired = replace(JOB, tool_use_id="v", status="EXPIRED", is_open=False)
    ended = replace(COMPLETED, pending=(), outcome="finished")
    ledger = law([replace(WAITING, pending=(("t", "batch_job"),)), ended], [JOB, timer, expired])
    assert ledger.waits == {
        "batch_job": {"open": 1, "expired": 1},
        "wait_until": {"resolved": 1},
    }


@pytest.mark.parametrize("status", ["CANCELLED", "EXPIRED", "RESOLVED"])
def test_a_child_whose_parent_waits_no_more_is_an_orphan_after_an_hour(status: str) -> None:
    over = replace(GIVEN_UP, status=status)
    parent = replace(COMPLETED, outcome="finished")
    ledger = law([parent, CHILD], [over, QUESTION])
    assert ledger.violations == (Violation("orphan child", "child"),)
    assert ledger.orphans == ("child",)
    young = replace(over, decided_at=LONG_AGO + 1)
    assert law([parent, CHILD], [young, QUESTION]).holds
    assert law([parent, replace(CHILD, paused_at=LONG_AGO + 1)], [over, QUESTION]).holds


def test_a_child_whose_parents_record_is_gone_is_an_orphan() -> None:
    assert law([CHILD], [QUESTION]).orphans == ("child",)


def test_an_orphan_whose_cancellation_is_a_dead_letter_is_moved_by_that() -> None:
    sessions = [replace(COMPLETED, outcome="finished"), CHILD]
    ledger = law(sessions, [GIVEN_UP, QUESTION], letters=[cancel_letter()])
    assert ledger.holds
    assert (ledger.asked_tasks["dead-lettered"], ledger.letters) == (1, {"moving": 1})


def test_a_cancellation_of_what_is_waited_for_or_over_moves_nothing() -> None:
    ledger = law([ASKING, CHILD], [ASKED_FOR, QUESTION], letters=[cancel_letter()])
    assert (ledger.holds, ledger.letters) == (True, {"done": 1})
    assert law([COMPLETED], [SPENT], [POST], [cancel_letter("gone")]).letters == {"done": 1}


def test_a_parent_that_was_not_told_of_its_childs_end_is_deaf_after_an_hour() -> None:
    ledger = law([ASKING, ENDED_CHILD], [ASKED_FOR])
    assert ledger.violations == (Violation("deaf parent", "s", "t"),)
    assert ledger.deaf == (("s", "t"),)
    assert law([ASKING, replace(ENDED_CHILD, paused_at=LONG_AGO + 1)], [ASKED_FOR]).holds
    told = letter(result_for("t", "ask_agent"))
    assert law([ASKING, ENDED_CHILD], [ASKED_FOR], letters=[told]).holds


# Dead letters that are hints.


def test_a_hint_for_what_has_a_source_leaves_the_session_waiting() -> None:
    """The sweeper has the source asked in any case."""
    looked_at = replace(JOB, is_looked_at=True)
    session = replace(WAITING, pending=(("t", "batch_job"),))
    ledger = law([session], [looked_at], letters=[letter(result_for("t", "batch_job"))])
    assert ledger.holds
    assert (ledger.tasks["waiting"], ledger.letters) == (1, {"hints": 1})


def test_a_look_is_a_hint_and_no_task() -> None:
    ledger = law(letters=[letter(build_look("run_job", "arn"))])
    assert (ledger.holds, ledger.accepted, ledger.letters) == (True, 0, {"hints": 1})


def test_a_look_that_saved_a_session_and_died_then_is_what_moves_it() -> None:
    """It names no session: its identity is what the session knows."""
    dead = letter(build_look("run_job", "arn"), message_id="m")
    ledger = law([WAITING], letters=[dead])
    assert ledger.holds
    assert (ledger.tasks["dead-lettered"], ledger.letters) == (1, {"moving": 1})


def test_a_look_that_claimed_a_turn_and_died_then_is_what_moves_it() -> None:
    claimed = replace(JOB, status="RESOLVED", is_open=False, fence=1, held_by="m9")
    session = replace(WAITING, pending=(("t", "batch_job"),))
    dead = letter(build_look("run_job", "arn"), message_id="m9")
    ledger = law([session], [claimed], letters=[dead])
    assert ledger.holds
    assert (ledger.tasks["dead-lettered"], ledger.letters) == (1, {"moving": 1})
    assert kinds(law([session], [claimed])) == ["stuck"]


# Records past their time to live, which DynamoDB deletes days late and in any order.


def test_a_session_past_its_time_is_not_counted_nor_what_it_leaves() -> None:
    past = replace(WAITING, expires_at=NOW)
    letters = [letter(build_new("x", "s"))]
    ledger = law([past], [PENDING], letters=letters, accepted=["s"])
    assert ledger.holds
    assert ledger.accepted == 0
    assert ledger.letters == {"done": 1}


def test_an_approval_may_outlive_its_session() -> None:
    old = replace(SPENT, requested_at=NOW - KEPT_SECONDS)
    assert law([], [old], [POST]).holds
    young = replace(old, requested_at=old.requested_at + 1)
    assert kinds(law([], [young], [POST])) == ["no session"]


def test_an_approval_past_its_time_is_not_counted() -> None:
    assert law([COMPLETED], [replace(PENDING, expires_at=NOW)]).holds


def test_a_post_older_than_its_record_is_counted_apart() -> None:
    old = Post("s/t", NOW - KEPT_SECONDS)
    ledger = law(posts=[old])
    assert ledger.holds
    assert (ledger.posts, ledger.older_posts) == (0, 1)
    young = replace(old, created_at=old.created_at + 1)
    assert kinds(law(posts=[young])) == ["not approved"]


def test_an_old_post_whose_approval_is_there_counts() -> None:
    old = Post("s/t", NOW - KEPT_SECONDS)
    assert law([COMPLETED], [SPENT], [old]).posts == 1


# Reading.


def test_every_kind_has_advice_and_no_advice_is_for_nothing() -> None:
    source = inspect.getsource(conservation)
    used = {kind for kind in ADVICE if f'Violation("{kind}"' in source}
    assert set(ADVICE) - used == {"base missing"}  # Found by looking into S3.
    assert all(violation.advice for violation in map(lambda kind: Violation(kind, "s"), ADVICE))


def test_rows_are_what_the_stores_write(
    dynamodb: Recorded,
    session_store: SessionStore,
    approval_store: WaitStore,
    sessions_table: str,
    approvals_table: str,
) -> None:
    pending = PendingToolUse("t", "human_approval")
    conversation = [{"role": "user", "content": [{"text": "x" * INLINE_BYTES}]}]
    saved = session_store.create(
        longrunning.sessions.Session(
            "s",
            "post-generator",
            conversation,
            "waiting",
            (pending,),
            unspent=("u",),
            paused_at=1,
            paused_by="m",
            expires_at=2,
            parent=Parent("p", "u", "ask_agent", 3, 1),
        )
    )
    assert saved.base and saved.base.version_id
    approval_store.put_if_absent(asked(session_id="s", tool_use_id="t"))
    [item] = dynamodb.scan(TableName=sessions_table)["Items"]
    assert Session.of(item) == Session(
        "s", "post-generator", "waiting", "", (("t", "human_approval"),), ("u",), 1, "m", 2,
        saved.base.key, saved.base.version_id, ("p", "u"),
    )  # fmt: skip
    [item] = dynamodb.scan(TableName=approvals_table)["Items"]
    assert Approval.of(item) == Approval(
        "s", "t", "human_approval", "PENDING", "publish_post", is_open=True,
        requested_at=asked().requested_at, expires_at=asked().expires_at or 0,
    )  # fmt: skip


@pytest.mark.parametrize("look_at", [None, 5])
def test_rows_know_what_has_a_source(
    dynamodb: Recorded, approval_store: WaitStore, approvals_table: str, look_at: int | None
) -> None:
    """As an approval is reminded of at a time, the source of another tool is asked."""
    wait = replace(asked(session_id="s", tool_use_id="t"), remind_at=look_at, call=None)
    approval_store.put_if_absent(wait)
    approval_store.put_if_absent(replace(asked(session_id="s"), tool_use_id="u", remind_at=5))
    of_tool, of_person = dynamodb.scan(TableName=approvals_table)["Items"]
    assert Approval.of(of_tool).is_looked_at is (look_at is not None)
    assert not Approval.of(of_person).is_looked_at


def test_rows_follow_an_approval_to_its_end(
    dynamodb: Recorded, approval_store: WaitStore, approvals_table: str
) -> None:
    now = asked().requested_at + 5
    approval_store.put_if_absent(asked(session_id="s", tool_use_id="t"))
    approval_store.decide("s", "t", "approved", decided_by="link", now=now)
    [claimed] = approval_store.claim(
        "s", ["t"], [], [], now=now, lease_until=now + 60, claimed_by="m9/x"
    )
    approval_store.refuse(approval_store.spend(claimed), "No.")
    [item] = dynamodb.scan(TableName=approvals_table)["Items"]
    row = Approval.of(item)
    assert (row.status, row.refused, row.is_open) == ("SPENT", True, False)
    assert (row.fence, row.lease_until, row.decided_at) == (1, now + 60, now)
    assert row.held_by == "m9"
