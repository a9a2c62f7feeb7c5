"""The state store: what is saved comes back exactly, whatever its size, and only if it is due.

One caller at a time; that two at once cannot both win is shown on ministack, not here.
"""

import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

import aws_template
from core_samples import NOW, SESSION_ID, LogLines, Recorded, noise
from longrunning import codec
from longrunning.messages import Parent
from longrunning.sessions import (
    COMPLETED,
    INLINE_BYTES,
    LIFETIMES_DAYS,
    PACKED_AT_MOST,
    READABLE_BYTES,
    RESTORABLE_SECONDS,
    WAITING,
    CorruptedStateError,
    Message,
    PendingToolUse,
    Session,
    SessionChangedError,
    SessionExistsError,
    SessionStore,
    read_turn,
)
from pocket import Pocket

AGENT = "post-generator"
BUCKET = "test-agent-state"
KEY = {"session_id": {"S": SESSION_ID}, "agent_name": {"S": AGENT}}


def user(said: str) -> Message:
    return {"role": "user", "content": [{"text": said}]}


def assistant(said: str) -> Message:
    return {"role": "assistant", "content": [{"text": said}]}


def turn(number: int, size: int = 10) -> list[Message]:
    """A turn of the conversation: what the assistant said, and the answer to it."""
    return [assistant(noise(size, str(number))), user(f"result {number}")]


def paused(messages: list[Message] | None = None, **changes: Any) -> Session:
    session = Session(
        session_id=SESSION_ID,
        agent_name=AGENT,
        messages=[user("Write"), *turn(1)] if messages is None else messages,
        status=WAITING,
        pending=(PendingToolUse("use-1", "human_approval"),),
        paused_at=NOW,
        paused_by="message-1",
        expires_at=NOW + 1,
    )
    return replace(session, **changes)


def of_size(size: int) -> list[Message]:
    """A conversation of one message that takes exactly so many bytes as JSON."""
    room = size - len(codec.to_json([user("")]))
    return [user(noise(room))]


def load(store: SessionStore) -> Session:
    session = store.load(SESSION_ID, AGENT)
    assert session
    return session


def objects(s3: Recorded) -> list[str]:
    found = s3.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [entry["Key"] for entry in found]


def item(dynamodb: Recorded, sessions_table: str) -> dict[str, Any]:
    stored: dict[str, Any] = dynamodb.client.get_item(TableName=sessions_table, Key=KEY)["Item"]
    return stored


# --- create (C1) and load ------------------------------------------------------------------------


def test_a_session_comes_back_as_it_was_saved(session_store: SessionStore) -> None:
    every = paused(
        pending=(
            PendingToolUse("use-2", "publish_post"),
            PendingToolUse("use-1", "render", "call/1", within_seconds=60, look_at=NOW + 9),
        ),
        waits={"publish_post": 2, "render": 1},
        parent=Parent("s-0", "use-0", "ask_agent", decide_by=NOW + 60, depth=1),
        unspent=("use-0", "use-00"),
        outcome="denied",
        version=3,
        fence=5,
    )
    assert session_store.create(every) == every
    assert load(session_store) == every
    assert session_store.find(SESSION_ID) == every


def test_every_value_of_a_conversation_comes_back_exactly(session_store: SessionStore) -> None:
    given = {"float": 1.0, "tiny": 5e-324, "int": 1, "big": 10**40, "true": True, "null": None}
    blocks = [
        {"text": "🦄\u202e\x00é"},
        {"toolUse": {"toolUseId": "u", "name": "render", "input": given}},
        {"image": {"format": "png", "source": {"bytes": b"\x89PNG\x00\xff"}}},
        {"json": {"$float": "1.5", "empty": [{}, [], ""]}},
    ]
    messages: list[Message] = [user("Write"), {"role": "assistant", "content": blocks}]
    session_store.create(paused(messages))
    assert repr(load(session_store).messages) == repr(messages)
    large = [user("Write"), {"role": "assistant", "content": blocks}, user(noise(5_000)), *turn(2)]
    saved = session_store.save(replace(load(session_store), messages=large), fence=1)
    assert saved.base
    assert repr(load(session_store).messages) == repr(large)


def test_what_is_not_there_is_none(session_store: SessionStore) -> None:
    session_store.create(paused())
    assert session_store.load("another", AGENT) is None
    assert session_store.load(SESSION_ID, "another-agent") is None


def test_a_session_is_found_by_its_id_whichever_agents_it_is(
    session_store: SessionStore, dynamodb: Recorded
) -> None:
    other = paused(session_id="another", agent_name="another-agent")
    for one in (paused(), other):
        session_store.create(one)
    dynamodb.calls.clear()
    assert session_store.find(SESSION_ID) == paused()
    assert session_store.find("another") == other
    assert session_store.find("unknown") is None
    assert dynamodb.operations == ["query"] * 3
    assert all(call["ConsistentRead"] for call in dynamodb.named("query"))


def test_a_session_that_is_found_has_its_base(session_store: SessionStore) -> None:
    saved = session_store.create(paused([user(noise(5_000)), *turn(1)]))
    assert saved.base
    assert session_store.find(SESSION_ID) == load(session_store) == saved


def test_a_session_is_created_once(session_store: SessionStore) -> None:
    session_store.create(paused())
    with pytest.raises(SessionExistsError):
        session_store.create(paused([user("Another")]))
    assert load(session_store) == paused()


def test_two_agents_may_share_a_session_id(session_store: SessionStore) -> None:
    session_store.create(paused())
    session_store.create(paused(agent_name="another-agent", messages=[user("Other")]))
    assert load(session_store) == paused()


def test_a_session_is_read_consistently(session_store: SessionStore, dynamodb: Recorded) -> None:
    session_store.load(SESSION_ID, AGENT)
    assert [call["ConsistentRead"] for call in dynamodb.named("get_item")] == [True]


def test_the_item_can_be_read_in_the_console(
    session_store: SessionStore, dynamodb: Recorded, sessions_table: str
) -> None:
    session_store.create(paused())
    stored = item(dynamodb, sessions_table)
    first = stored["messages"]["L"][0]["M"]
    assert (first["role"], first["content"]["L"][0]["M"]["text"]) == ({"S": "user"}, {"S": "Write"})
    assert stored["status"] == {"S": "waiting"}
    assert stored["pending"]["L"][0]["M"]["tool_use_id"] == {"S": "use-1"}
    assert stored["expires_at"] == {"N": str(NOW + 1)}, "a number, or TTL never takes it"


def test_a_session_knows_what_it_waits_for() -> None:
    waiting = PendingToolUse("use-1", "human_approval")
    assert paused().waits_for("use-1") == waiting
    assert paused().waits_for("use-2") is None


@pytest.mark.parametrize(
    ("status", "pending", "was_cut_short"),
    [
        (WAITING, (), True),
        (WAITING, (PendingToolUse("use-1", "render"),), False),
        (COMPLETED, (), False),
    ],
)
def test_a_session_that_waits_for_nothing_was_cut_short(
    status: str, pending: tuple[PendingToolUse, ...], was_cut_short: bool
) -> None:
    assert paused(status=status, pending=pending).was_cut_short is was_cut_short


# --- save (C6) and fence off (C4') ---------------------------------------------------------------


def test_a_save_replaces_what_was_loaded(session_store: SessionStore) -> None:
    session_store.create(paused())
    changed = replace(load(session_store), messages=[user("New")], status=COMPLETED, pending=())
    saved = session_store.save(changed, fence=1)
    assert saved == replace(changed, version=2)
    assert load(session_store) == saved


def test_a_save_of_what_another_has_saved_since_is_refused(session_store: SessionStore) -> None:
    session_store.create(paused())
    loaded = load(session_store)
    winner = session_store.save(replace(loaded, outcome="published"), fence=1)
    with pytest.raises(SessionChangedError):
        session_store.save(replace(loaded, outcome="denied"), fence=9)
    assert load(session_store) == winner


def test_a_save_of_an_older_item_than_was_loaded_is_refused(session_store: SessionStore) -> None:
    """Somebody restored or made the session anew: this one goes on from another past."""
    session_store.create(paused())
    with pytest.raises(SessionChangedError):
        session_store.save(paused(version=5, outcome="published"), fence=9)
    assert load(session_store) == paused()


@pytest.mark.parametrize(("fence", "is_saved"), [(1, False), (2, True), (3, True)])
def test_a_worker_that_was_fenced_off_cannot_save(
    session_store: SessionStore, fence: int, is_saved: bool
) -> None:
    session_store.create(paused())
    loaded = load(session_store)
    session_store.fence_off(loaded, fence=2)
    if is_saved:
        assert session_store.save(replace(loaded, outcome="denied"), fence).version == 2
    else:
        with pytest.raises(SessionChangedError):
            session_store.save(replace(loaded, outcome="denied"), fence)
    assert (load(session_store).outcome == "denied") is is_saved


def test_a_save_of_what_is_not_there_makes_nothing(session_store: SessionStore) -> None:
    with pytest.raises(SessionChangedError):
        session_store.save(paused(), fence=1)
    assert session_store.load(SESSION_ID, AGENT) is None


def test_the_fence_that_is_stored_is_the_sessions_own(session_store: SessionStore) -> None:
    """A new pause is a new race: its claims count from 1 again."""
    session_store.create(paused())
    session_store.fence_off(load(session_store), fence=4)
    session_store.save(paused(), fence=4)
    assert load(session_store).fence == 0


def test_fencing_off_changes_nothing_else(session_store: SessionStore) -> None:
    session_store.create(paused())
    session_store.fence_off(paused(), fence=3)
    assert load(session_store) == paused(fence=3)
    session_store.fence_off(paused(), fence=3)
    assert load(session_store) == paused(fence=3), "a repeat by the same worker holds"


@pytest.mark.parametrize(
    ("version", "fence"), [(1, 2), (2, 5), (0, 5)], ids=["older fence", "newer", "older version"]
)
def test_fencing_off_is_refused_to_an_older_worker_and_to_a_stale_read(
    session_store: SessionStore, version: int, fence: int
) -> None:
    session_store.create(paused(fence=3))
    with pytest.raises(SessionChangedError):
        session_store.fence_off(paused(version=version), fence)
    assert load(session_store) == paused(fence=3)


def test_fencing_off_what_is_not_there_makes_nothing(session_store: SessionStore) -> None:
    with pytest.raises(SessionChangedError):
        session_store.fence_off(paused(), fence=2)
    assert session_store.load(SESSION_ID, AGENT) is None


# --- the list and its base -----------------------------------------------------------------------


def test_up_to_the_bound_nothing_touches_s3(session_store: SessionStore, s3: Recorded) -> None:
    session_store.create(paused(of_size(INLINE_BYTES)))
    assert load(session_store).messages == of_size(INLINE_BYTES)
    session_store.save(paused(of_size(INLINE_BYTES)), fence=1)
    assert set(s3.operations) == {"put_item", "get_item"}
    assert objects(s3) == []


def stored_messages(dynamodb: Recorded, sessions_table: str) -> list[Message]:
    found: list[Message] = codec.from_attribute(item(dynamodb, sessions_table)["messages"])
    return found


def sizes_of(dynamodb: Recorded, sessions_table: str) -> tuple[int, int]:
    """Of the list in the item as JSON, and of what is compressed beside it."""
    stored = item(dynamodb, sessions_table)
    listed = codec.to_json(codec.from_attribute(stored["messages"]))
    return len(listed), len(stored["earlier"]["B"]) if "earlier" in stored else 0


def test_a_short_conversation_is_one_list_that_a_person_can_read(
    session_store: SessionStore, dynamodb: Recorded, sessions_table: str
) -> None:
    rest = turn(1)
    room = READABLE_BYTES - len(codec.to_json(rest)) - 1
    short, longer = ([*of_size(size), *rest] for size in (room + 2, room + 3))
    for number, (messages, listed) in enumerate([(short, short), (longer, rest)], 1):
        session_store.save(
            replace(session_store.create(paused(session_id=f"s-{number}")), messages=messages), 1
        )
        key = {**KEY, "session_id": {"S": f"s-{number}"}}
        stored = dynamodb.client.get_item(TableName=sessions_table, Key=key)["Item"]
        assert codec.from_attribute(stored["messages"]) == listed
        assert ("earlier" in stored) == (listed != messages)
        found = session_store.find(f"s-{number}")
        assert found and found.messages == messages


def test_what_came_before_the_last_turn_is_compressed_beside_it(
    session_store: SessionStore, dynamodb: Recorded, s3: Recorded, sessions_table: str
) -> None:
    said = "Earlier somebody said something, and it took a while. " * 100
    messages = [user(said), *turn(1), *turn(2)]
    saved = session_store.create(paused(messages))
    stored = item(dynamodb, sessions_table)
    assert codec.from_attribute(stored["messages"]) == turn(2)
    assert json.loads(zlib.decompress(stored["earlier"]["B"])) == messages[:-2]
    assert stored["task"]["S"] == said[:160]
    assert objects(s3) == [] and saved.base is None
    assert load(session_store) == saved == paused(messages)


def test_what_is_compressed_stands_between_the_base_and_the_list(
    session_store: SessionStore, dynamodb: Recorded, s3: Recorded, sessions_table: str
) -> None:
    session = session_store.create(paused([user(noise(5_000)), *turn(1)]))
    assert session.base
    longer = [*session.messages, *turn(2, 900), *turn(3, 900)]
    session = session_store.save(replace(session, messages=longer), fence=1)
    listed, compressed = sizes_of(dynamodb, sessions_table)
    assert listed > 900 and compressed > 600
    assert len(objects(s3)) == 1
    assert load(session_store) == session
    assert load(session_store).messages == longer


@pytest.mark.parametrize("damaged", [b"no zlib", zlib.compress(b"no JSON"), b""])
def test_what_is_compressed_and_damaged_is_a_fault(
    session_store: SessionStore, dynamodb: Recorded, sessions_table: str, damaged: bytes
) -> None:
    session_store.create(paused([user("so " * 1_000), *turn(1)]))
    stored = item(dynamodb, sessions_table)
    dynamodb.client.put_item(TableName=sessions_table, Item=stored | {"earlier": {"B": damaged}})
    with pytest.raises(CorruptedStateError, match="earlier"):
        load(session_store)


def test_nobody_compresses_an_attachment_to_see_whether_it_fits(
    session_store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    compress = zlib.compress

    def counted(data: bytes, **given: int) -> bytes:
        if not given:  # A base is compressed by gzip.
            tried.append(len(data))
        return compress(data, **given)

    monkeypatch.setattr(zlib, "compress", counted)
    session_store.create(paused([user("x" * PACKED_AT_MOST), *turn(1)]))
    assert tried == []
    session_store.create(paused([user("x" * 9_000), *turn(1)], session_id="s-2"))
    assert len(tried) == 1


def test_beyond_the_bound_all_but_the_last_turn_goes_to_s3(
    session_store: SessionStore, dynamodb: Recorded, s3: Recorded, sessions_table: str
) -> None:
    messages = [user(noise(6_000)), *turn(1), *turn(2)]
    saved = session_store.create(paused(messages))
    assert saved.base
    assert saved.base.count == 3
    assert objects(s3) == [saved.base.key]
    assert codec.from_attribute(item(dynamodb, sessions_table)["messages"]) == turn(2)
    assert load(session_store) == saved == paused(messages, base=saved.base)


def test_one_byte_beyond_the_bound_is_beyond(session_store: SessionStore, s3: Recorded) -> None:
    messages = of_size(INLINE_BYTES + 1)
    session_store.create(paused(messages))
    assert len(objects(s3)) == 1
    assert load(session_store).messages == messages


def test_the_base_is_written_before_the_item_that_points_to_it(
    session_store: SessionStore, s3: Recorded
) -> None:
    session_store.create(paused(of_size(5_000)))
    assert s3.operations == ["put_object", "put_item"]


def test_the_base_is_gzip_of_the_messages_under_the_sessions_own_prefix(
    session_store: SessionStore, s3: Recorded
) -> None:
    messages = [user(noise(5_000)), *turn(1)]
    base = session_store.create(paused(messages)).base
    assert base
    body = s3.client.get_object(Bucket=BUCKET, Key=base.key)["Body"].read()
    assert json.loads(gzip.decompress(body)) == messages[: base.count]
    assert base.key.startswith(f"short/{SESSION_ID}/{AGENT}/1-0-")


ATTACHED: Message = {
    "role": "user",
    "content": [{"document": {"source": {"bytes": noise(5_000).encode()}}}],
}


@pytest.mark.parametrize(
    "first",
    [user(noise(5_000)), ATTACHED, user('{"$bytes": "eA=="}' + noise(5_000))],
    ids=["text", "bytes", "what looks like a tag"],
)
def test_a_base_is_untouched_while_only_the_list_grows(
    session_store: SessionStore, s3: Recorded, first: Message
) -> None:
    session = session_store.create(paused([first, *turn(1)]))
    s3.calls.clear()
    for number in range(2, 7):
        session = session_store.save(
            replace(session, messages=[*session.messages, *turn(number)]), fence=1
        )
    assert set(s3.operations) == {"put_item"}
    assert load(session_store) == session
    assert len(session.messages) == 13


def test_a_save_costs_the_same_however_long_the_conversation_is(
    session_store: SessionStore, dynamodb: Recorded, sessions_table: str
) -> None:
    session = session_store.create(paused([user("Write")]))
    largest = 0
    for number in range(1, 60):
        longer = [*session.messages, *turn(number, size=200)]
        session = session_store.save(replace(session, messages=longer), fence=1)
        largest = max(largest, sum(sizes_of(dynamodb, sessions_table)))
    assert len(codec.to_json(session.messages)) > 4 * INLINE_BYTES
    assert largest <= INLINE_BYTES
    assert load(session_store) == session


def trimmed(messages: list[Message]) -> list[Message]:
    """As a sliding window leaves it: the task, and what came last."""
    return [messages[0], *messages[3:]]


def rewritten(messages: list[Message]) -> list[Message]:
    """As a summary leaves it: as many messages, other words."""
    return [messages[0], assistant("a summary"), *messages[2:]]


def disguised(messages: list[Message]) -> list[Message]:
    """What the bytes of an attachment are in JSON, in place of the bytes."""
    as_stored = json.loads(codec.to_json(messages[0]))
    return [as_stored, *messages[1:]]


def test_bytes_are_not_taken_for_what_stands_for_them(session_store: SessionStore) -> None:
    session = session_store.create(paused([ATTACHED, *turn(1)]))
    changed = disguised(session.messages)
    saved = session_store.save(replace(session, messages=changed), fence=1)
    assert saved.base != session.base
    assert load(session_store).messages == changed


@pytest.mark.parametrize("manage", [trimmed, rewritten])
@pytest.mark.parametrize("size", [10, 5_000], ids=["short now", "still long"])
def test_a_base_that_no_longer_holds_is_not_used(
    session_store: SessionStore, s3: Recorded, manage: Any, size: int
) -> None:
    start = [user(noise(size)), *turn(1, 2_000), *turn(2, 2_000), *turn(3)]
    session = session_store.create(paused(start))
    assert session.base
    assert session.base.count >= 3
    changed = manage(session.messages)
    saved = session_store.save(replace(session, messages=changed), fence=1)
    assert saved.base != session.base
    assert load(session_store).messages == changed
    assert objects(s3) == ([saved.base.key] if saved.base else []), "the old one is gone"


DAY = 86_400


@pytest.mark.parametrize(
    ("days", "lifetime"),
    [(1, "short"), (164, "short"), (165, "long"), (1_964, "long"), (1_965, "kept"), (9**5, "kept")],
)
def test_a_base_is_kept_as_long_as_its_session_and_a_restore_may_need_it(
    session_store: SessionStore, days: int, lifetime: str
) -> None:
    session = session_store.create(paused([user(noise(5_000))], expires_at=NOW + days * DAY))
    assert session.base
    assert session.base.key.startswith(f"{lifetime}/{SESSION_ID}/")
    assert session.base.outlives(session.expires_at)


def test_a_base_is_written_anew_before_the_bucket_may_delete_it(
    session_store: SessionStore, s3: Recorded
) -> None:
    """However often a session pauses, and however long its next wait is."""
    session = session_store.create(paused([user(noise(5_000)), *turn(1)], expires_at=NOW + DAY))
    last = NOW + (200 - 36) * DAY
    same = session_store.save(replace(session, expires_at=last), fence=1)
    assert same.base == session.base
    longer = replace(same, paused_at=NOW + DAY, expires_at=last + 1)
    anew = session_store.save(longer, fence=1)
    assert anew.base
    assert (anew.base.key.partition("/")[0], anew.base.written_at) == ("short", NOW + DAY)
    years = session_store.save(replace(anew, expires_at=NOW + 900 * DAY), fence=1)
    assert years.base
    assert years.base.key.startswith("long/")
    assert objects(s3) == [years.base.key], "the old ones are gone"
    assert load(session_store) == years


def test_a_base_of_before_the_rules_is_written_anew(session_store: SessionStore) -> None:
    session = session_store.create(paused([user(noise(5_000)), *turn(1)]))
    assert session.base
    before = replace(session, base=replace(session.base, key=session.base.key.partition("/")[2]))
    assert before.base
    assert not before.base.outlives(NOW)
    anew = session_store.save(before, fence=1).base
    assert anew
    assert anew.key == session.base.key.replace("/1-0-", "/2-1-")


def test_the_bucket_deletes_what_the_store_knows_it_deletes_and_nothing_else() -> None:
    bucket = aws_template.load()["Resources"]["StateBucket"]["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = bucket["LifecycleConfiguration"]["Rules"]
    by_age = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}
    assert by_age == {f"{name}/": days for name, days in LIFETIMES_DAYS.items()}
    assert sum("ExpirationInDays" in rule for rule in rules) == len(by_age)
    superseded = [r["NoncurrentVersionExpiration"]["NoncurrentDays"] for r in rules
                  if "NoncurrentVersionExpiration" in r]  # fmt: skip
    assert [days * DAY for days in superseded] == [RESTORABLE_SECONDS]
    assert RESTORABLE_SECONDS > 35 * DAY, "as long as the tables can be restored"


# --- what the sweeper reads ----------------------------------------------------------------------


def test_the_turn_is_read_consistently_and_without_the_conversation(
    session_store: SessionStore, dynamodb: Recorded, sessions_table: str
) -> None:
    waiting = (PendingToolUse("use-1", "human_approval"), PendingToolUse("use-2", "render_video"))
    session_store.create(paused(pending=waiting))
    dynamodb.calls.clear()
    assert read_turn(dynamodb, sessions_table, SESSION_ID, AGENT) == ("use-1", "use-2")
    (call,) = dynamodb.named("get_item")
    assert call["ConsistentRead"] is True
    assert "messages" not in call["ProjectionExpression"]


@pytest.mark.parametrize("status", [WAITING, COMPLETED])
def test_a_session_that_waits_for_nothing_has_no_turn(
    session_store: SessionStore, dynamodb: Recorded, sessions_table: str, status: str
) -> None:
    assert read_turn(dynamodb, sessions_table, SESSION_ID, AGENT) == ()
    session_store.create(paused(status=status, pending=()))
    assert read_turn(dynamodb, sessions_table, SESSION_ID, AGENT) == ()


def test_a_superseded_base_is_deleted_only_after_the_save(
    session_store: SessionStore, s3: Recorded
) -> None:
    session = session_store.create(paused([user(noise(5_000)), *turn(1)]))
    s3.calls.clear()
    longer = [*session.messages, *turn(2, 5_000), *turn(3)]
    saved = session_store.save(replace(session, messages=longer), fence=1)
    assert s3.operations == ["put_object", "put_item", "delete_object"]
    assert saved.base
    assert session.base
    assert [call["Key"] for call in s3.named("delete_object")] == [session.base.key]
    assert objects(s3) == [saved.base.key]
    assert load(session_store) == saved


def test_a_base_in_use_survives_a_save_that_is_refused(
    session_store: SessionStore, s3: Recorded
) -> None:
    session = session_store.create(paused([user(noise(5_000)), *turn(1)]))
    session_store.fence_off(session, fence=3)
    longer = [*session.messages, *turn(2, 5_000), *turn(3)]
    with pytest.raises(SessionChangedError):
        session_store.save(replace(session, messages=longer), fence=2)
    assert "delete_object" not in s3.operations
    assert load(session_store) == replace(session, fence=3)


def test_a_zombie_does_not_overwrite_the_winners_base(
    session_store: SessionStore, s3: Recorded
) -> None:
    """Both go on from the same version; what they wrote differs, and so does its key."""
    session = session_store.create(paused())
    session_store.fence_off(session, fence=2)
    of_winner = replace(session, messages=[user(noise(6_000, "winner")), *turn(1)])
    of_zombie = replace(session, messages=[user(noise(6_000, "zombie")), *turn(1)])
    won = session_store.save(of_winner, fence=2)
    with pytest.raises(SessionChangedError):
        session_store.save(of_zombie, fence=1)
    assert load(session_store) == won
    keys = {call["Key"] for call in s3.named("put_object")}
    assert sorted(key.split("/")[3][:4] for key in keys) == ["2-1-", "2-2-"]


def test_two_first_saves_of_one_session_do_not_share_a_base(
    session_store: SessionStore, s3: Recorded
) -> None:
    first = session_store.create(paused([user(noise(6_000, "first")), *turn(1)]))
    with pytest.raises(SessionExistsError):
        session_store.create(paused([user(noise(6_000, "second")), *turn(1)]))
    assert len(objects(s3)) == 2, "the lifecycle rule takes the other one"
    assert load(session_store) == first


def test_a_failed_delete_does_not_fail_the_save(
    session_store: SessionStore, s3: Recorded, log_lines: LogLines
) -> None:
    session = session_store.create(paused([user(noise(5_000)), *turn(1)]))
    s3.failures["delete_object"] = ClientError({"Error": {"Code": "SlowDown"}}, "DeleteObject")
    longer = [*session.messages, *turn(2, 5_000), *turn(3)]
    saved = session_store.save(replace(session, messages=longer), fence=1)
    assert load(session_store) == saved
    assert log_lines.messages == ["left an old base behind"]
    assert log_lines.lines[0]["error"] == "ClientError"


def test_a_last_turn_that_is_too_big_for_the_item_goes_to_s3_too(
    session_store: SessionStore, dynamodb: Recorded, sessions_table: str
) -> None:
    messages = [user("Write"), *turn(1), *turn(2, 600_000)]
    saved = session_store.create(paused(messages))
    assert saved.base
    assert saved.base.count == 5
    assert item(dynamodb, sessions_table)["messages"] == {"L": []}
    assert load(session_store) == saved
    longer = replace(saved, messages=[*messages, *turn(3)])
    again = session_store.save(longer, fence=1)
    assert again.base == saved.base
    assert stored_messages(dynamodb, sessions_table) == turn(3)
    assert load(session_store) == again


def test_a_base_that_stays_is_not_deleted(session_store: SessionStore, pocket: Pocket) -> None:
    """Its version would still be read, and be gone 36 days later."""
    messages = [user("Write"), *turn(1), *turn(2, 600_000)]
    saved = session_store.create(paused(messages))
    session_store.save(replace(saved, messages=[*messages, *turn(3)]), fence=1)
    assert saved.base
    assert len(pocket.s3.buckets[BUCKET].versions[saved.base.key]) == 1, "no delete marker"


def test_a_conversation_of_5_mb_comes_back(session_store: SessionStore) -> None:
    messages = [user("Write")]
    for number in range(10):
        messages += turn(number, 500_000)
    saved = session_store.create(paused(messages))
    assert load(session_store) == saved


def rewrite(pocket: Pocket, key: str, damage: Callable[[bytes], bytes]) -> None:
    """Changes an object in its place: S3 itself would keep the version that was written."""
    (version,) = pocket.s3.buckets[BUCKET].versions[key]
    damaged = replace(version, body=damage(version.body or b""))
    pocket.s3.buckets[BUCKET].versions[key] = [damaged]


def test_a_missing_base_is_corrupted_state(session_store: SessionStore, pocket: Pocket) -> None:
    base = session_store.create(paused(of_size(5_000))).base
    assert base
    pocket.s3.buckets[BUCKET].remove(base.key)
    with pytest.raises(CorruptedStateError, match="is missing"):
        load(session_store)


def test_a_base_of_other_messages_is_corrupted_state(
    session_store: SessionStore, pocket: Pocket
) -> None:
    base = session_store.create(paused(of_size(5_000))).base
    assert base
    other = gzip.compress(codec.to_json([user("somebody else's")]))
    rewrite(pocket, base.key, lambda _: other)
    with pytest.raises(CorruptedStateError, match="is not what was written"):
        load(session_store)


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"no gzip at all",
        lambda body: body[:-5],
        lambda body: body[:20] + bytes([body[20] ^ 0xFF]) + body[21:],
        lambda body: body[:-8] + bytes([body[-8] ^ 0xFF]) + body[-7:],
    ],
    ids=["empty", "no gzip", "cut off", "a wrong byte", "a wrong checksum"],
)
def test_a_damaged_base_is_corrupted_state(
    session_store: SessionStore, pocket: Pocket, damage: Callable[[bytes], bytes]
) -> None:
    base = session_store.create(paused(of_size(5_000))).base
    assert base
    rewrite(pocket, base.key, damage)
    with pytest.raises(CorruptedStateError, match=base.key):
        load(session_store)


@pytest.mark.parametrize("session_id", [".", "..", "..."])
def test_a_session_id_of_dots_does_not_become_a_path(
    session_store: SessionStore, s3: Recorded, session_id: str
) -> None:
    saved = session_store.create(paused(of_size(5_000), session_id=session_id))
    (key,) = objects(s3)
    assert not set(key.split("/")) & {".", ".."}
    assert session_store.load(session_id, AGENT) == saved


def test_an_error_of_s3_is_a_fault_and_no_empty_conversation(
    session_store: SessionStore, s3: Recorded
) -> None:
    session_store.create(paused(of_size(5_000)))
    s3.failures["get_object"] = ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")
    with pytest.raises(ClientError):
        load(session_store)


def test_how_the_task_begins_stays_in_the_item_once_the_conversation_has_left_it(
    session_store: SessionStore, dynamodb: Recorded, sessions_table: str
) -> None:
    short = paused(session_id="short")
    session_store.create(short)
    long_task = {"role": "user", "content": [{"text": "Announce it. " * 1_000}]}
    session_store.create(paused([long_task, *short.messages[1:]], session_id="long"))
    items = {i["session_id"]["S"]: i for i in dynamodb.scan(TableName=sessions_table)["Items"]}
    assert "task" not in items["short"]
    assert items["long"]["task"]["S"] == ("Announce it. " * 1_000)[:160]
