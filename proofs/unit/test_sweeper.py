"""The sweep: each thing it does, done twice without harm, and nothing that stops the rest."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

import audit
import sweeper as sweeper_module
from core_samples import DAY_SECONDS, NOW, SESSION_ID, TOOL_USE_ID, asked, job, metrics
from longrunning.people.shared_pace import SHARED_PER_SECOND
from longrunning.waits.claims import NotDecidedError
from longrunning.waits.item import Status, Wait
from longrunning.waits.open_waits import SHARDS, OpenEntry, OpenWaits
from sweeper import (
    LAST_LOOK_SECONDS,
    MAILS_PER_SECOND,
    RESEND_SECONDS,
    RETRY_SECONDS,
    Sweeper,
)
from wait_store import WaitStore

HALF, END = NOW + DAY_SECONDS // 2, NOW + DAY_SECONDS
SIBLING = "tooluse_sibling"


@dataclass
class Floor:
    """A sweeper with all that it touches, and what came of it."""

    store: WaitStore
    open: OpenWaits
    now: float = NOW
    turns: dict[str, tuple[str, ...]] = field(default_factory=lambda: {SESSION_ID: (TOOL_USE_ID,)})
    mails: list[tuple[str, str]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    waiting: int = 0
    """Messages that wait on the queue."""
    asked_of_queue: int = 0
    """How often the queue was asked how many wait."""
    broken: dict[str, Exception] = field(default_factory=dict)
    """What goes wrong when a session of this id is read, told, or written to."""

    def put(self, approval: Wait | None = None, **changes: Any) -> Wait:
        """Records what waits, as the agent does: due at half time first."""
        waiting = approval or asked(remind_at=HALF, due_at=HALF, **changes)
        self.store.put_if_absent(waiting)
        return waiting

    def decide(self, decision: str = "approved", at: int = NOW + 60, **ids: str) -> Wait:
        ids = {"session_id": SESSION_ID, "tool_use_id": TOOL_USE_ID} | ids
        decided = self.store.decide(**ids, decision=decision, decided_by="link", now=at)
        assert decided.outcome == "decided" and decided.approval
        return decided.approval

    def sweeper(self) -> Sweeper:
        return Sweeper(
            approvals=self.open,
            read_turn=self._read_turn,
            notify=self._notify,
            send_message=lambda body: self.messages.append(json.loads(body)),
            clock=lambda: self.now,
            sleep=self._sleep,
            count_waiting=self._count_waiting,
        )

    def _count_waiting(self) -> int:
        self.asked_of_queue += 1
        if "queue" in self.broken:
            raise self.broken["queue"]
        return self.waiting

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def sweep(self, now: float, seconds: float = 40) -> dict[str, int]:
        """Sweeps once; returns what came of it, without what did not."""
        self.now = now
        swept = self.sweeper().sweep(now + seconds)
        return {name: count for name, count in swept.items() if count and name != "looked_at"}

    def read(self, session_id: str = SESSION_ID, tool_use_id: str = TOOL_USE_ID) -> Wait:
        found = self.store.get(session_id, tool_use_id)
        assert found
        return found

    def is_open(self) -> bool:
        return any(list(self.open.entries(shard, 10)) for shard in SHARDS)

    def _read_turn(self, session_id: str, agent_name: str) -> tuple[str, ...]:
        if session_id in self.broken:
            raise self.broken[session_id]
        assert agent_name == "post-generator"
        self.store._client.calls.append(("read_turn", {}))
        return self.turns.get(session_id, ())

    def _notify(self, approval: Wait, occasion: str) -> None:
        for broken in {"mail", occasion} & self.broken.keys():
            raise self.broken[broken]
        self.mails.append((approval.tool_use_id, occasion))


@pytest.fixture
def floor(approval_store: WaitStore, open_approvals: OpenWaits) -> Floor:
    return Floor(approval_store, open_approvals)


def told(tool_use_id: str, decision: str, status: str, tool: str = "human_approval") -> Any:
    text = json.dumps({"decision": decision})
    result = {"toolUseId": tool_use_id, "status": status, "content": [{"text": text}]}
    return {
        "session_id": SESSION_ID,
        "type": "existing",
        "toolName": tool,
        "body": [{"toolResult": result}],
    }


# --- nothing to do -------------------------------------------------------------------------------


def test_an_empty_index_takes_a_query_of_each_shard_and_nothing_else(floor: Floor) -> None:
    calls = floor.store._client.calls
    calls.clear()
    assert floor.sweep(NOW) == {}
    assert calls == [("get_paginator", {})] * len(SHARDS)


def test_what_waits_and_is_not_due_is_left_alone(floor: Floor) -> None:
    waiting = floor.put()
    assert floor.sweep(HALF - 1) == {}
    assert floor.read() == waiting
    assert floor.mails == floor.messages == []


@pytest.mark.parametrize("is_claimed", [True, False])
def test_an_index_that_is_a_moment_behind_costs_one_look(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, is_claimed: bool
) -> None:
    if is_claimed:
        floor.put()
        floor.decide()
        floor.store.claim(SESSION_ID, [TOOL_USE_ID], [], [], now=NOW + 61, lease_until=NOW + 99)
    floor.broken[SESSION_ID] = AssertionError("the session was looked at")
    behind = OpenEntry(SESSION_ID, TOOL_USE_ID, due_at=HALF, requested_at=NOW)
    monkeypatch.setattr(floor.open, "entries", lambda shard, *_: [behind] * (shard == SHARDS[0]))
    assert floor.sweep(HALF) == {}


def test_the_session_is_read_after_the_record(floor: Floor) -> None:
    """A session is saved before its approvals: the other way round, a new one seems to be gone."""
    floor.put()
    calls = floor.store._client.calls
    calls.clear()
    floor.sweep(HALF)
    assert [name for name, _ in calls if name in ("get_item", "read_turn")] == [
        "get_item",
        "read_turn",
    ]


# --- expiry --------------------------------------------------------------------------------------


def test_what_nobody_decided_expires_and_the_agent_is_told_once(floor: Floor) -> None:
    floor.put(asked(due_at=END))
    assert floor.sweep(END) == {"expired": 1}
    assert (floor.read().status, floor.read().decided_by) == (Status.EXPIRED, "sweeper")
    assert floor.messages == [told(TOOL_USE_ID, "expired", "error")]
    assert floor.sweep(END + 60) == {}
    assert len(floor.messages) == 1


def test_a_tool_that_is_no_approval_expires_too(floor: Floor) -> None:
    floor.put(job(tool_use_id=TOOL_USE_ID, due_at=END))
    assert floor.sweep(END) == {"expired": 1}
    assert floor.messages == [told(TOOL_USE_ID, "expired", "error", "render_video")]


# --- what waits for no person --------------------------------------------------------------------

LOOK_AT = NOW + 300
HINT = told(TOOL_USE_ID, "pending", "error", "render_video")


def put_job(floor: Floor, **changes: Any) -> Wait:
    return floor.put(job(tool_use_id=TOOL_USE_ID, remind_at=LOOK_AT, due_at=LOOK_AT, **changes))


def test_the_agent_is_told_to_look_at_a_job_that_is_due_and_nobody_gets_a_mail(
    floor: Floor, capsys: pytest.CaptureFixture[str]
) -> None:
    put_job(floor)
    assert floor.sweep(LOOK_AT - 1) == {}
    assert floor.sweep(LOOK_AT) == {"looked": 1}
    assert (floor.messages, floor.mails) == ([HINT], [])
    assert floor.read().status == Status.PENDING
    assert metrics(capsys.readouterr().out)["SourceLookedAt"] == 1


def test_a_job_is_looked_at_ever_more_rarely(floor: Floor) -> None:
    """After as long again as it has waited, an hour at most."""
    put_job(floor)
    for due in (300, 600, 1_200, 2_400, 4_800, 8_400, 12_000):
        assert floor.read().due_at == NOW + due
        assert floor.sweep(NOW + due - 1) == {}
        assert floor.sweep(NOW + due) == {"looked": 1}


def test_a_job_is_looked_at_once_more_at_its_end_before_it_expires(floor: Floor) -> None:
    put_job(floor, decide_by=LOOK_AT + 60)
    assert floor.sweep(LOOK_AT) == {"looked": 1}
    assert floor.read().due_at == LOOK_AT + 60, "not later than its end"
    assert floor.sweep(LOOK_AT + 60) == {"looked": 1}
    last = LOOK_AT + 60 + LAST_LOOK_SECONDS
    assert floor.sweep(last - 1) == {}
    assert floor.sweep(last) == {"expired": 1}
    assert floor.messages[:2] == [HINT] * 2
    assert floor.messages[2:] == [told(TOOL_USE_ID, "expired", "error", "render_video")]


def test_of_two_sweepers_one_has_the_agent_look(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_job(floor)
    real = OpenWaits.postpone

    def after_another(table: OpenWaits, wait: Wait, until: int) -> Wait | None:
        monkeypatch.setattr(OpenWaits, "postpone", real)
        assert floor.sweep(LOOK_AT) == {"looked": 1}
        return real(table, wait, until)

    monkeypatch.setattr(OpenWaits, "postpone", after_another)
    assert floor.sweep(LOOK_AT) == {}
    assert floor.messages == [HINT]


def test_an_expiry_whose_message_was_lost_is_told_again(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor.put(asked(due_at=END))
    lost = replace_send(floor, TimeoutError("SQS"))
    assert lost.sweep(END + 40) == {
        "looked_at": 1, "expired": 0, "looked": 0, "reminded": 0, "escalated": 0, "resent": 0,
        "closed": 0, "failed": 1,
    }  # fmt: skip
    assert floor.read().status == Status.EXPIRED
    assert floor.sweep(END + RESEND_SECONDS - 1) == {}
    assert floor.sweep(END + RESEND_SECONDS) == {"resent": 1}
    assert floor.messages == [told(TOOL_USE_ID, "expired", "error")]


def replace_send(floor: Floor, error: Exception) -> Sweeper:
    def fail(_: str) -> None:
        raise error

    floor.now = END
    return replace(floor.sweeper(), send_message=fail)


def test_where_silence_means_waiting_nothing_expires(floor: Floor) -> None:
    century = NOW + 100 * 365 * DAY_SECONDS
    floor.put(asked(decide_by=century, remind_at=HALF, due_at=HALF))
    assert floor.sweep(END) == {"reminded": 1}
    assert floor.read().due_at == century
    assert floor.sweep(END + 300 * DAY_SECONDS) == {}
    assert floor.read().status == Status.PENDING


# --- reminders and escalations -------------------------------------------------------------------


def test_a_reminder_goes_out_once_and_the_end_is_next(floor: Floor) -> None:
    waiting = floor.put()
    assert floor.sweep(HALF) == {"reminded": 1}
    assert floor.mails == [(TOOL_USE_ID, "reminder")]
    assert floor.read() == replace(waiting, remind_at=None, due_at=END)
    assert floor.sweep(HALF + 60) == {}
    assert floor.sweep(END) == {"expired": 1}
    assert len(floor.mails) == 1


def test_reminder_escalation_and_end_come_in_their_order(floor: Floor) -> None:
    floor.put(asked(remind_at=HALF, escalate_at=HALF + 600, due_at=HALF))
    swept = [floor.sweep(at) for at in (HALF, HALF + 599, HALF + 600, END)]
    assert swept == [{"reminded": 1}, {}, {"escalated": 1}, {"expired": 1}]
    assert [occasion for _, occasion in floor.mails] == ["reminder", "escalation"]


def test_a_sweep_sends_no_more_mails_a_second_than_a_mailbox_may_get(floor: Floor) -> None:
    """SNS suspends an e-mail subscription beyond 10 a second, for all approvals to come."""
    sent_at: list[float] = []
    send = floor._notify
    floor._notify = lambda *mail: (sent_at.append(floor.now), send(*mail))  # type: ignore[method-assign]
    for n in range(12):
        floor.turns[f"session-{n}"] = (TOOL_USE_ID,)
        due_at = HALF - n
        floor.put(asked(session_id=f"session-{n}", remind_at=due_at, due_at=due_at))
    assert floor.sweep(HALF, seconds=2.5) == {"reminded": 10}
    assert sent_at == [pytest.approx(HALF + n / MAILS_PER_SECOND, abs=0.01) for n in range(10)]
    assert MAILS_PER_SECOND == SHARED_PER_SECOND, "two sweeps at a time send no more"
    assert floor.read("session-11").remind_at is None, "the longest due first"
    assert floor.read("session-0").remind_at == HALF, "for the next sweep"
    assert floor.sweep(HALF + 60) == {"reminded": 2}


def test_after_an_outage_each_step_is_still_made_up_for(floor: Floor) -> None:
    floor.put(asked(remind_at=HALF, escalate_at=HALF + 600, due_at=HALF))
    assert floor.sweep(HALF + 900) == {"escalated": 1}
    assert floor.sweep(HALF + 960) == {"reminded": 1}
    assert floor.read().due_at == END


def test_a_reminder_that_fails_comes_five_minutes_later(floor: Floor) -> None:
    floor.put()
    floor.broken["mail"] = TimeoutError("SNS")
    assert floor.sweep(HALF) == {"failed": 1}
    assert floor.sweep(HALF + 60) == {}, "not in a storm"
    del floor.broken["mail"]
    assert floor.sweep(HALF + RETRY_SECONDS) == {"reminded": 1}
    assert floor.read().due_at == END


def test_an_escalation_that_fails_keeps_no_reminder_from_being_sent(floor: Floor) -> None:
    waiting = floor.put(asked(remind_at=HALF, escalate_at=HALF + 600, due_at=HALF))
    floor.broken["escalation"] = TimeoutError("SNS")
    assert floor.sweep(HALF + 900) == {"reminded": 1}
    again_at = HALF + 900 + RETRY_SECONDS
    assert floor.read() == replace(waiting, remind_at=None, due_at=again_at)
    assert floor.sweep(again_at) == {"failed": 1}
    del floor.broken["escalation"]
    assert floor.sweep(again_at + RETRY_SECONDS) == {"escalated": 1}
    assert floor.mails == [(TOOL_USE_ID, "reminder"), (TOOL_USE_ID, "escalation")]


def test_what_is_decided_is_not_reminded_of(floor: Floor) -> None:
    floor.put()
    floor.decide(at=HALF - 10)
    assert floor.sweep(HALF) == {}
    assert floor.mails == []


# --- a lost message ------------------------------------------------------------------------------


@pytest.mark.parametrize(("decision", "status"), [("approved", "success"), ("denied", "error")])
def test_a_decision_that_no_worker_came_for_is_told_again(
    floor: Floor, decision: str, status: str
) -> None:
    floor.put()
    floor.decide(decision)
    assert floor.sweep(NOW + 60 + RESEND_SECONDS - 1) == {}, "the first message may be on its way"
    assert floor.sweep(NOW + 60 + RESEND_SECONDS) == {"resent": 1}
    assert floor.messages == [told(TOOL_USE_ID, decision, status)]


def test_it_is_told_again_ever_more_rarely(floor: Floor) -> None:
    """The queue may just be long: a message a minute for each would make it longer."""
    floor.put(asked(decide_by=NOW + 10 * DAY_SECONDS, due_at=NOW + 10 * DAY_SECONDS))
    floor.decide(at=NOW)
    minutes = [m for m in range(0, 190, 2) if floor.sweep(NOW + 60 * m)]
    assert minutes == [2, 6, 14, 30, 62, 122, 182], "at last once an hour"


def test_while_messages_wait_it_is_told_again_after_an_hour_at_the_earliest(floor: Floor) -> None:
    """Its own message may be one of them. If it is not, it must be told all the same."""
    floor.put(asked(decide_by=NOW + 10 * DAY_SECONDS, due_at=NOW + 10 * DAY_SECONDS))
    floor.decide(at=NOW)
    floor.waiting = 1
    minutes = [m for m in range(0, 30 * 60, 10) if floor.sweep(NOW + 60 * m)]
    assert minutes == [60, 180, 420, 900, 1380], "after 1, 2, 4, at last after 8 hours"


def test_once_no_message_waits_it_is_told_at_once(floor: Floor) -> None:
    floor.put()
    floor.decide(at=NOW)
    floor.waiting = 9
    assert floor.sweep(NOW + 900) == {}
    floor.waiting = 0
    assert floor.sweep(NOW + 960) == {"resent": 1}


def test_the_queue_is_asked_once_a_sweep_and_only_if_a_message_is_to_be_sent(floor: Floor) -> None:
    put_lost(floor, 5)
    floor.sweep(NOW + RESEND_SECONDS - 1)
    assert floor.asked_of_queue == 0
    assert floor.sweep(NOW + RESEND_SECONDS) == {"resent": 5}
    assert floor.asked_of_queue == 1


def test_a_queue_that_says_nothing_holds_no_decision_back(floor: Floor) -> None:
    floor.put()
    floor.decide()
    floor.broken["queue"] = TimeoutError("SQS")
    assert floor.sweep(NOW + 60 + RESEND_SECONDS) == {"resent": 1}


def test_once_a_worker_came_for_it_nothing_is_told_again(floor: Floor) -> None:
    floor.put()
    floor.decide()
    floor.store.claim(SESSION_ID, [TOOL_USE_ID], [], [], now=NOW + 61, lease_until=NOW + 180)
    assert floor.sweep(NOW + DAY_SECONDS) == {}
    assert not floor.is_open()


def test_a_turn_with_an_open_question_is_resumed_by_the_last_decision(floor: Floor) -> None:
    turn = floor.turns[SESSION_ID] = (TOOL_USE_ID, SIBLING)
    floor.put()
    floor.put(tool_use_id=SIBLING)
    floor.decide()
    assert floor.sweep(NOW + 1_000) == {}
    with pytest.raises(NotDecidedError):
        floor.store.claim(SESSION_ID, turn, [], [TOOL_USE_ID], now=NOW, lease_until=NOW)
    floor.decide("denied", at=NOW + 1_100, tool_use_id=SIBLING)
    assert floor.sweep(NOW + 1_100 + RESEND_SECONDS) == {"resent": 1}
    assert floor.messages == [told(SIBLING, "denied", "error")]


def test_the_result_of_another_tool_is_told_again_too(floor: Floor) -> None:
    floor.put(job(tool_use_id=TOOL_USE_ID, due_at=END))
    answer = {"toolUseId": TOOL_USE_ID, "status": "success", "content": [{"text": "Done."}]}
    assert floor.store.resolve(SESSION_ID, TOOL_USE_ID, answer, NOW)
    assert floor.sweep(NOW + RESEND_SECONDS) == {"resent": 1}
    assert floor.messages[0]["toolName"] == "render_video"


# --- closing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [(), (SIBLING,)], ids=["gone", "moved on"])
def test_a_question_that_no_session_waits_for_is_cancelled(
    floor: Floor, turn: tuple[str, ...]
) -> None:
    floor.put()
    floor.turns[SESSION_ID] = turn
    assert floor.sweep(HALF) == {"closed": 1}
    assert (floor.read().status, floor.read().decided_by) == (Status.CANCELLED, "sweeper")
    assert not floor.is_open()
    assert floor.mails == floor.messages == []
    assert floor.sweep(HALF + 60) == {}


def test_a_decision_that_no_session_waits_for_is_closed_as_it_is(floor: Floor) -> None:
    floor.put()
    decided = floor.decide("denied")
    floor.turns.clear()
    assert floor.sweep(NOW + 300) == {"closed": 1}
    assert floor.read() == replace(decided, due_at=None)
    assert floor.read().status == Status.DENIED
    assert floor.messages == []


# --- many, and bad ones --------------------------------------------------------------------------


def test_one_bad_item_never_stops_the_rest(floor: Floor, capsys: Any) -> None:
    for n in range(6):
        floor.put(asked(session_id=f"session-{n}", due_at=END, content=f"draft {n}"))
        floor.turns[f"session-{n}"] = (TOOL_USE_ID,)
    floor.broken["session-3"] = ValueError("a text with draft 3 in it")
    assert floor.sweep(END) == {"expired": 5, "failed": 1}
    printed = capsys.readouterr().out
    assert metrics(printed)["SweepFailed"] == 1
    assert "draft" not in printed
    del floor.broken["session-3"]
    assert floor.sweep(END + 60) == {"expired": 1}


@pytest.mark.parametrize(
    "code", ["TransactionConflictException", "ProvisionedThroughputExceededException"]
)
def test_a_write_that_fails_for_one_item_never_stops_the_rest(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """A claim in a transaction, for instance, at the same moment."""
    put_silent(floor, 4)
    update = floor.store._client.client.update_item

    def conflict(**request: Any) -> Any:
        if request["Key"]["session_id"]["S"] == "silent-2":
            raise ClientError({"Error": {"Code": code}}, "UpdateItem")
        return update(**request)

    with monkeypatch.context() as patch:
        patch.setattr(floor.store._client.client, "update_item", conflict)
        assert floor.sweep(END) == {"expired": 3, "failed": 1}
    assert floor.sweep(END + 60) == {"expired": 1}


def test_an_item_that_cannot_be_read_never_stops_the_rest(
    floor: Floor, approvals_table: str
) -> None:
    floor.put(asked(due_at=END))
    broken: dict[str, Any] = {"session_id": {"S": "b"}, "tool_use_id": {"S": "b"}}
    broken |= {"open_shard": {"S": "0"}, "due_at": {"N": "1"}, "requested_at": {"N": "1"}}
    floor.store._client.put_item(TableName=approvals_table, Item=broken)
    assert floor.sweep(END) == {"expired": 1, "failed": 1}


def test_what_is_due_does_not_wait_for_the_look_at_the_others(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor.put(asked(due_at=END))
    monkeypatch.setitem(floor.store._client.failures, "batch_get_item", TimeoutError("DynamoDB"))
    floor.put(asked(session_id="another", due_at=END + 900))
    assert floor.sweep(END) == {"expired": 1}


def test_what_there_is_no_time_for_is_left_to_the_next_sweep(floor: Floor) -> None:
    for n in range(5):
        floor.put(asked(session_id=f"session-{n}", due_at=END))
        floor.turns[f"session-{n}"] = (TOOL_USE_ID,)
    floor.now = END
    assert floor.sweeper().sweep(deadline=END) == dict.fromkeys(
        ("looked_at", "expired", "looked", "reminded", "escalated", "resent", "closed", "failed"), 0
    )
    assert floor.sweep(END) == {"expired": 5}


def test_of_very_many_open_ones_each_sweep_looks_at_a_part(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "AUDITED_PER_MINUTE", 10)
    put_lost(floor, 100)
    start = NOW + RESEND_SECONDS
    floor.open.write_note({"looked_at": start - 60, "places": {}}, None)
    found = [floor.sweep(start + 60 * minute).get("resent", 0) for minute in range(10)]
    assert sum(found) == 100
    assert all(0 < count < 25 for count in found), "a tenth, as evenly as hashes are"


def put_lost(floor: Floor, count: int, **changes: Any) -> list[str]:
    """Puts decisions whose messages were lost; returns the ids of their sessions."""
    ids = [f"session-{n}" for n in range(count)]
    for session_id in ids:
        floor.put(asked(session_id=session_id, **changes))
        floor.turns[session_id] = (TOOL_USE_ID,)
        floor.decide(session_id=session_id, at=NOW)
    return ids


@pytest.mark.parametrize("broken", ["batch_get_item", "no time"])
def test_a_part_that_could_not_be_looked_at_is_looked_at_again(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Else what was lost there would wait until the audit has gone round once more."""
    monkeypatch.setattr(audit, "AUDITED_PER_MINUTE", 10)
    put_lost(floor, 30)
    start = NOW + RESEND_SECONDS
    floor.open.write_note({"looked_at": start - 60, "places": {}}, None)
    if broken == "no time":
        floor.now = start
        assert floor.sweeper().sweep(deadline=start)["looked_at"] == 0, "no time for it"
    else:
        with monkeypatch.context() as patch:
            patch.setitem(floor.store._client.failures, broken, TimeoutError("DynamoDB"))
            assert floor.sweep(start) == {}
    found = [floor.sweep(start + 60 * minute).get("resent", 0) for minute in (1, 2)]
    assert sum(found) == 30, "and twice as wide a part"


def test_neither_what_is_due_nor_a_lost_decision_waits_for_the_other(floor: Floor) -> None:
    """However many there are: a sweep that has no time for all does some of both."""
    put_lost(floor, 20, due_at=END + 900, decide_by=END + 900)
    put_silent(floor, 20)
    sweep_slowly(floor, 10)
    told = [message["body"][0]["toolResult"]["content"] for message in floor.messages]
    assert len(told) < 30
    for decision in ("approved", "expired"):
        assert sum(decision in str(content) for content in told) >= 4


def test_what_is_due_longest_is_looked_at_first_whatever_its_shard(floor: Floor) -> None:
    put_silent(floor, 40)
    sweep_slowly(floor, 10)
    ended = [n for n in range(40) if floor.read(f"silent-{n}").status == Status.EXPIRED]
    assert 4 <= len(ended) < 30
    assert min(ended) > 40 - len(ended) - sweeper_module.THREADS


def put_silent(floor: Floor, count: int) -> None:
    """Puts questions that nobody answered, each due a second before the one before."""
    for n in range(count):
        floor.put(asked(session_id=f"silent-{n}", decide_by=END - n, due_at=END - n))
        floor.turns[f"silent-{n}"] = (TOOL_USE_ID,)


def sweep_slowly(floor: Floor, most: int) -> None:
    """Sweeps until about so many sessions have been read."""
    read_turn = floor._read_turn

    def read_slowly(*ids: str) -> tuple[str, ...]:
        floor.now += 1
        return read_turn(*ids)

    floor._read_turn = read_slowly  # type: ignore[method-assign]
    floor.sweep(END, seconds=most)


# --- gauges --------------------------------------------------------------------------------------


def test_how_many_are_open_and_how_old_the_oldest_is(floor: Floor, capsys: Any) -> None:
    floor.put(session_id="old", requested_at=NOW - 500)
    floor.put()
    floor.sweep(NOW + 100)
    printed = metrics(capsys.readouterr().out)
    assert (printed["OpenApprovals"], printed["OldestOpenSeconds"]) == (2, 600)


def test_an_idle_sweep_writes_no_metric(floor: Floor, capsys: Any) -> None:
    """CloudWatch bills each for the hours in which it is written."""
    floor.sweep(NOW)
    assert metrics(capsys.readouterr().out) == {}


def test_how_long_an_approval_was_past_its_end(floor: Floor, capsys: Any) -> None:
    floor.put(asked(due_at=END))
    floor.sweep(END + 47)
    printed = metrics(capsys.readouterr().out)
    assert (printed["OverdueSeconds"], printed["ApprovalExpired"]) == (47, 1)


@pytest.mark.parametrize(
    ("prepare", "at"),
    [
        (lambda f: f.put(asked(due_at=END)), END),
        (lambda f: f.put(), HALF),
        (lambda f: (f.put(), f.decide()), NOW + 300),
        (lambda f: (f.put(), f.turns.clear()), HALF),
    ],
    ids=["expire", "remind", "tell again", "close"],
)
def test_whatever_is_done_again_at_the_same_moment_is_done_once(
    floor: Floor, prepare: Callable[[Floor], Any], at: int
) -> None:
    prepare(floor)
    assert len(floor.sweep(at)) == 1
    before = floor.read(), list(floor.mails), list(floor.messages)
    assert floor.sweep(at) == {}
    assert (floor.read(), floor.mails, floor.messages) == before


@pytest.mark.parametrize(
    ("prepare", "at", "write"),
    [
        (lambda floor: floor.put(asked(due_at=END)), END, "expire"),
        (lambda floor: floor.put(), HALF, "postpone"),
        (lambda floor: (floor.put(), floor.decide()), NOW + 60 + RESEND_SECONDS, "take_resend"),
        (lambda floor: (floor.put(), floor.turns.clear()), HALF, "close"),
    ],
    ids=["expire", "remind", "tell again", "close"],
)
def test_of_two_sweepers_at_the_same_moment_the_first_acts_alone(
    floor: Floor,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[Floor], Any],
    at: int,
    write: str,
) -> None:
    prepare(floor)
    real = getattr(OpenWaits, write)
    others: list[dict[str, int]] = []

    def after_another(*args: Any) -> Wait | None:
        monkeypatch.setattr(OpenWaits, write, real)
        others.append(floor.sweep(at))
        return cast(Wait | None, real(*args))

    monkeypatch.setattr(OpenWaits, write, after_another)
    assert floor.sweep(at) == {}
    assert [len(other) for other in others] == [1]
    assert len(floor.mails) + len(floor.messages) == (0 if write == "close" else 1)
