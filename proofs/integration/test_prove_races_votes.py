"""Races of people who must agree, on the emulator: votes, edits, denials, strangers, old links.

All at the same moment, against one approval. Whatever order they come in: nobody's vote is lost,
nothing is approved without enough who have seen the very same call, and one end stands.
"""

import json
import uuid
from collections.abc import Callable
from typing import Any

from test_prove_races import Arena, at_once
from test_prove_races import arena as arena

import approval_services
from longrunning.people.directory import Person
from longrunning.people.links import VOTES, LinkKeys, make_token
from longrunning.waits.item import Call, Status, Wait
from prove_figures import progress, record, size
from sample_people import set_people
from test_any_call import post_json
from wait_store import WaitStore
from world import LINK_KEYS

ACTORS = 64
NEEDED = 3
PEOPLE = {f"p{n}": Person(f"p{n}", f"P {n}", f"p{n}@example.com") for n in range(9)}
ASKED = [f"p{n}" for n in range(8)]
STRANGER = "p8"
KEYS = LinkKeys.parse(json.dumps(LINK_KEYS))
Answer = dict[str, Any]


def test_64_votes_edits_denials_strangers_and_old_links_at_once(arena: Arena) -> None:
    rounds = size(short=2, long=1_000)
    set_people(arena.world.monkeypatch, PEOPLE)
    approval_services.services()  # Made here, or each of 64 threads would make all of it.
    store = WaitStore(arena.world.aws["dynamodb"], arena.world.env["APPROVALS_TABLE_NAME"])
    ends: list[str] = []
    for number in progress(range(rounds), rounds, "races, votes"):
        wait = asked(arena)
        store.put_if_absent(wait)
        answers = at_once([actor(arena, wait, number, n) for n in range(ACTORS)])
        found = store.get(wait.session_id, wait.tool_use_id)
        assert found
        check(found, answers, arena)
        ends.append(found.status)
    if rounds > 100:
        assert {Status.APPROVED, Status.DENIED} <= set(ends)
    record("races", rounds_of_votes=rounds)


def asked(arena: Arena) -> Wait:
    """An approval that three of eight must agree to."""
    now = int(arena.world.clock())
    return Wait(
        f"race-{uuid.uuid4().hex[:12]}", "ask-1", "post-generator", "publish_post", now,
        now + 1_000, Call("publish_post", "Text", {"amount": 60}), due_at=now + 1_000,
        content_schema={"type": "string"}, editable={"amount": {"type": "integer"}},
        approvers=ASKED, needed=NEEDED,
    )  # fmt: skip


def actor(arena: Arena, wait: Wait, number: int, place: int) -> Callable[[], Answer]:
    """What one of them does: mostly they approve what was asked; some edit, some deny."""
    ids = (wait.session_id, wait.tool_use_id, wait.decide_by)
    person = ASKED[place // 8]
    body: dict[str, Any] = {"decision": "approved", "seen": wait.asked.digest}
    token = make_token(KEYS, *ids, person=person, flags=VOTES)
    match place % 8:
        case 4:
            body["arguments"] = {"amount": 100 + place // 32}
        case 5 if number % 3 == 0:
            body["decision"] = "denied"
        case 6:
            token = make_token(KEYS, *ids, person=STRANGER, flags=VOTES)
        case 7:
            token = make_token(KEYS, *ids)
    link = f"https://approvals.example.com/approvals/{token}"

    def act() -> Answer:
        while (answer := post_json(arena.world, link, body))["statusCode"] >= 500:
            pass  # Overtaken eight times: the same again.
        return {"by": person, "case": place % 8, "code": answer["statusCode"],
                **json.loads(answer["body"])}  # fmt: skip

    return act


def check(found: Wait, answers: list[Answer], arena: Arena) -> None:
    """Holds one round to what must be true of it."""
    votes = found.votes or []
    for answer in answers:
        if answer["code"] == 200 and answer["case"] < 6:
            told = answer["votes"]
            assert told == votes[: len(told)], "the votes only grow"
        if answer["case"] == 6:
            assert answer["code"] == 403
        if answer["case"] == 7 and answer["code"] == 200:
            assert found.status == Status.APPROVED, "told again what stands, and decided nothing"
    assert {vote["by"] for vote in votes} <= set(ASKED)
    messages = arena.messages()
    match found.status:
        case Status.APPROVED:
            assert len(set(found.approved_by)) >= NEEDED
            assert messages
        case Status.DENIED:
            assert votes[-1]["decision"] == "denied"
            assert found.decided_by == votes[-1]["by"]
            assert messages
        case _:
            assert found.status == Status.PENDING
            assert len(set(found.approved_by)) < NEEDED
            assert not messages
