"""Races about time, on the emulator: more time, the e-mail again, decisions, the end.

All at the same moment, against one approval. Whatever order they come in: one end stands, a
deadline only moves later, each later one was asked for once, and no planned reminder is lost.
"""

import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from test_prove_races import Arena, at_once
from test_prove_races import arena as arena

import operator_handler
import operator_services
from longrunning.people.directory import Person
from longrunning.waits.deadlines import MAX_EXTRA_SECONDS
from longrunning.waits.item import Call, Status, Wait
from longrunning.waits.open_waits import OpenWaits
from longrunning_testkit.worlds import http_event
from prove_figures import progress, record, size
from sample_people import set_people
from wait_store import WaitStore

ACTORS = 32
HOUR = 3_600
ENDS_IN = 1_000
OPEN, OVER = (Status.PENDING,), (Status.EXPIRED, Status.CANCELLED)
ANN = Person("ann", "Ann", "ann@example.com", "user/ann")


def test_more_time_decisions_and_the_end_at_once(arena: Arena) -> None:
    rounds = size(short=4, long=300)
    set_people(arena.world.monkeypatch, {"ann": ANN})
    operator_services.services()  # Made here, or each of 32 threads would make all of it.
    client, table = arena.world.aws["dynamodb"], arena.world.env["APPROVALS_TABLE_NAME"]
    store, sweeps = WaitStore(client, table), OpenWaits(client, table)
    ends: list[str] = []
    for number in progress(range(rounds), rounds, "races, deadlines"):
        wait = asked(arena)
        store.put_if_absent(wait)
        acts = [actor(arena, sweeps, wait, number, n) for n in range(ACTORS)]
        told = [answer for answer in at_once(acts) if answer]
        found = store.get(wait.session_id, wait.tool_use_id)
        assert found
        check(wait, found, told)
        ends.append(found.status)
        arena.messages()
    if rounds > 100:
        assert {Status.PENDING, Status.APPROVED, Status.EXPIRED} <= set(ends)
    record("races", rounds_of_deadlines=rounds)


def asked(arena: Arena) -> Wait:
    """An approval that ann is asked for."""
    now = int(arena.world.clock())
    return Wait(
        f"race-{uuid.uuid4().hex[:12]}", "ask-1", "post-generator", "publish_post", now,
        now + ENDS_IN, Call("publish_post", "Text"), due_at=now + ENDS_IN // 2,
        remind_at=now + ENDS_IN // 2, approvers=["ann"],
    )  # fmt: skip


def actor(
    arena: Arena, sweeps: OpenWaits, wait: Wait, number: int, place: int
) -> Callable[[], Any]:
    """What one of them does: most give more time; the others come in some of the rounds only."""
    ids = {"session_id": wait.session_id, "tool_use_id": wait.tool_use_id}
    match place % 8:
        case 0 | 1 | 2 | 3:
            return lambda: operate("extend", {**ids, "hours": 1 + place}, f"user/{place}")
        case 4:
            read = {"decide_by": wait.decide_by}
            return lambda: operate("extend", {**ids, "hours": 24, **read}, "user/same")
        case 5:
            return lambda: operate("resend", ids, f"user/{place}")
        case 6 if number % 4 == 1:
            return lambda: operate("decide", {**ids, "decision": "approved"}, "user/ann")
        case 7 if number % 4 == 2:
            return lambda: sweeps.expire(wait, wait.decide_by) and None
        case 7 if number % 4 == 3:
            return lambda: operate("cancel", ids, f"user/{place}")
    return lambda: None


def operate(action: str, fields: dict[str, Any], by: str) -> dict[str, Any]:
    """Sends a request of an operator."""
    url = urlsplit(f"https://approvals.example.com/operator/{action}")
    headers = {"content-type": "application/json"}
    event = http_event("POST", url, headers, json.dumps(fields), iam=True)
    event["requestContext"]["authorizer"]["iam"]["userArn"] = f"arn:aws:iam::123456789012:{by}"
    answer = operator_handler.handler(event, None)
    assert answer["statusCode"] in (200, 409, 422), answer
    return {"do": action, "by": by, "code": answer["statusCode"], **json.loads(answer["body"])}


def check(wait: Wait, found: Wait, told: list[dict[str, Any]]) -> None:
    """Holds one round to what must be true of it."""
    moved = [answer for answer in told if answer["do"] == "extend" and answer["code"] == 200]
    ends = [wait.decide_by, *sorted({answer["decide_by"] for answer in moved})]
    assert found.decide_by == ends[-1], "the latest one that anybody was told stands"
    assert found.decide_by <= wait.decide_by + MAX_EXTRA_SECONDS
    others = [answer for answer in moved if answer["by"] != "user/same"]
    assert len({answer["decide_by"] for answer in others}) == len(others), "each was asked for once"
    same = {answer["decide_by"] for answer in moved if answer["by"] == "user/same"}
    assert len(same) <= 1, "one that is sent again is done once"
    assert found.first_decide_by == (wait.decide_by if moved else None)
    decided = [answer for answer in told if answer["do"] in ("decide", "cancel")]
    for answer in decided:
        stands = answer["code"] == 200
        assert stands == (answer["status"] == found.status or found.status == Status.SPENT)
    if found.status == Status.EXPIRED:
        assert not moved, "what has been moved does not end at its first deadline"
    if found.status in OPEN:
        assert found.remind_at is not None
        assert found.remind_at <= found.due_at == found.next_step_at
        assert found.planned_remind_at, "the reminder that was planned comes, too"
