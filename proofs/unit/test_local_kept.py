"""What `make run KEEP=1` keeps: whole or not at all, and said where it is lost."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from local import snapshot as snapshots
from local.console import LocalError
from local.going_on import GoingOn
from local.kept import Kept, mails_as_fields
from local.mail import Link, Mail, Question
from local.settings import keep_from_environment, make_settings
from local.snapshot import Snapshot, as_text, from_text

URL = "http://localhost:3000"
MAIL = Mail(
    "Subject",
    f"Read: {URL}/approvals/a",
    "2026-11-29T14:57:31.000Z",
    (Question("?", (Link("approve", f"{URL}/approvals/a"),)),),
    "ann",
)
STACK: dict[str, Any] = {
    snapshots.TABLE: {"T": [{"a": {"B": b"\x00\xff"}}, {"a": {"S": "é"}}]},
    snapshots.BUCKET: {},
    snapshots.QUEUE: {},
    snapshots.SECRET: {},
    snapshots.MACHINE: {},
}


class Screen:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.errors: list[str] = []

    def say(self, text: str = "") -> None:
        self.said.append(text)

    def error(self, text: str) -> None:
        self.errors.append(text)


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def kept(tmp_path: Path, screen: Screen) -> Kept:
    return Kept(tmp_path / "kept", URL, screen)  # type: ignore[arg-type]


def content() -> dict[str, Any]:
    return {"front_url": URL, "mails": mails_as_fields([MAIL]), "stack": STACK}


def test_what_is_kept_is_read_as_it_was(kept: Kept, screen: Screen, tmp_path: Path) -> None:
    assert kept.read() is None
    kept.begin()
    kept.write(content)
    assert screen.said[-1].startswith("Kept 2 items of tables and 1 e-mails in ")
    assert not (tmp_path / "kept" / "running").exists()
    found = kept.read()
    assert found and found["stack"] == STACK and kept.mails_of(found) == [MAIL]
    assert screen.errors == []
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["state.json"]


def test_links_of_kept_e_mails_lead_to_the_run_that_goes_on(kept: Kept, tmp_path: Path) -> None:
    kept.begin()
    kept.write(content)
    other = Kept(tmp_path / "kept", "http://localhost:3107", Screen())  # type: ignore[arg-type]
    [mail] = other.mails_of(other.read() or {})
    assert mail.links == (Link("approve", "http://localhost:3107/approvals/a"),)
    assert mail.body == "Read: http://localhost:3107/approvals/a"


def test_a_run_that_was_killed_is_told_of(kept: Kept, screen: Screen) -> None:
    kept.begin()
    assert kept.read() is None
    assert "was killed" in screen.errors[0] and "this one starts empty" in screen.errors[0]
    kept.write(content)
    kept.begin()
    assert kept.read()
    assert "what happened in it is lost; this one goes on from what was kept" in screen.errors[1]


@pytest.mark.parametrize("error", [LocalError("no"), OSError("no"), KeyError("no")])
def test_what_cannot_be_kept_leaves_what_was_kept_before(
    kept: Kept, screen: Screen, tmp_path: Path, error: Exception
) -> None:
    def take() -> dict[str, Any]:
        raise error

    kept.begin()
    kept.write(content)
    before = (tmp_path / "kept" / "state.json").read_bytes()
    kept.begin()
    kept.write(take)
    assert screen.errors[-1].startswith("What was in it could not be kept: ")
    assert (tmp_path / "kept" / "state.json").read_bytes() == before
    assert (tmp_path / "kept" / "running").exists(), "the next run says that it is lost"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format": 2}', '{"format": 1, "mails": [{}], "front_url": ""}']
)
def test_what_is_kept_and_no_state_stops_the_start(kept: Kept, tmp_path: Path, text: str) -> None:
    kept.begin()
    (tmp_path / "kept" / "state.json").write_text(text)
    with pytest.raises(LocalError, match=r"cannot be read.*Nothing was started\. Delete"):
        kept.read()


def test_who_starts_without_it_is_told_that_something_is_kept(kept: Kept, screen: Screen) -> None:
    kept.hint()
    assert screen.said == []
    kept.begin()
    kept.write(content)
    kept.hint()
    assert screen.said[-1].endswith("stays as it is: make run KEEP=1 goes on.")


@pytest.mark.parametrize(
    ("text", "keeps"), [("", False), (" ", False), ("0", False), ("1", True), (" 1 ", True)]
)
def test_keep_is_one_or_nothing(text: str, keeps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEP", text)
    assert keep_from_environment() is keeps
    monkeypatch.setenv("KEEP", "yes")
    with pytest.raises(LocalError, match="KEEP=yes is not known"):
        keep_from_environment()
    assert make_settings(3000).kept_dir.name == ".local-kept"


# --- what a stack holds --------------------------------------------------------------------------


class Aws:
    """The emulator's services, as far as a snapshot asks: what it reads, and what it puts."""

    def __init__(self) -> None:
        self.puts: list[tuple[str, dict[str, Any]]] = []
        self.pages: dict[str, list[dict[str, Any]]] = {"scan": [], "list_object_versions": []}

    def client(self, _: str) -> Any:
        return self

    def get_paginator(self, name: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: iter(self.pages[name]))

    def get_object(self, Key: str, VersionId: str, **_: Any) -> dict[str, Any]:
        body = f"{Key} {VersionId}".encode()
        return {"Body": SimpleNamespace(read=lambda: body), "ContentType": "text/plain"}

    def put_object(self, **request: Any) -> dict[str, str]:
        self.puts.append(("put_object", request))
        return {"VersionId": f"new-{len(self.puts)}"}

    def send_message(self, **request: Any) -> dict[str, str]:
        self.puts.append(("send_message", request))
        return {"MessageId": f"new-{len(self.puts)}"}

    exceptions = SimpleNamespace(ConditionalCheckFailedException=KeyError)

    def __getattr__(self, name: str) -> Any:
        return lambda **request: self.puts.append((name, request))


RESOURCES: dict[str, Any] = {
    key: {"Type": kind}
    for key, kind in (
        ("Table", snapshots.TABLE),
        ("Bucket", snapshots.BUCKET),
        ("Queue", snapshots.QUEUE),
        ("Secret", snapshots.SECRET),
    )
}


@pytest.fixture
def aws() -> Aws:
    return Aws()


@pytest.fixture
def snapshot(aws: Aws) -> Iterator[Snapshot]:
    stack: Any = SimpleNamespace(physical_ids={key: key.lower() for key in RESOURCES})
    yield Snapshot(aws, stack, RESOURCES, "table")  # type: ignore[arg-type]


def test_versions_of_objects_come_the_oldest_first_with_what_was_deleted(
    aws: Aws, snapshot: Snapshot
) -> None:
    aws.pages["list_object_versions"] = [
        {
            "Versions": [
                {"Key": "k", "VersionId": "v2", "LastModified": 2},
                {"Key": "k", "VersionId": "v1", "LastModified": 1},
            ],
            "DeleteMarkers": [{"Key": "k", "VersionId": "v3", "LastModified": 3}],
        }
    ]
    found = list(snapshot._objects("bucket"))
    assert [(one["version"], one["body"]) for one in found] == [
        ("v1", b"k v1"),
        ("v2", b"k v2"),
        ("v3", None),
    ]


def test_a_session_names_the_new_version_of_its_object_and_no_wait_has_a_worker(
    aws: Aws, snapshot: Snapshot
) -> None:
    base = {"key": {"S": "k"}, "version_id": {"S": "v1"}, "count": {"N": "7"}}
    other = {"M": {"key": {"S": "gone"}, "version_id": {"S": "v9"}}}
    objects = [{"key": "k", "version": "v1", "body": b"x", "type": "text/plain"}]
    stack = STACK | {
        snapshots.TABLE: {
            "Table": [{"base": {"M": base}}, {"base": other}, {"lease_until": {"N": "9"}}]
        },
        snapshots.BUCKET: {"Bucket": objects},
        snapshots.SECRET: {"Secret": {"SecretString": "s"}},
    }
    snapshot.put(stack)
    items = [request["Item"] for name, request in aws.puts if name == "put_item"]
    assert items == [
        {"base": {"M": base | {"version_id": {"S": "new-1"}}}},
        {"base": other},
        {"lease_until": {"N": "0"}},
    ]
    assert ("put_secret_value", {"SecretId": "secret", "SecretString": "s"}) in aws.puts


def test_a_session_knows_its_messages_new_id_before_that_comes(
    aws: Aws, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message that paused it finishes the pause, and no other may."""
    taken = {"attributes": {}, "visible_at": 0}
    messages = [{"id": "m-1", "body": "{}", **taken}, {"id": "m-2", "body": "{}", **taken}]
    key = {"session_id": {"S": "s-1"}, "agent_name": {"S": "a"}}
    stack = STACK | {
        snapshots.TABLE: {"Table": [key | {"paused_by": {"S": "m-2"}}, {"session_id": {"S": "w"}}]},
        snapshots.QUEUE: {"Queue": [*messages, {"body": "of an older run", **taken}]},
    }
    snapshot.send(stack)
    assert [(name, request.get("DelaySeconds")) for name, request in aws.puts] == [
        ("send_message", 0),
        ("send_message", snapshots.FOLLOW_SECONDS),
        ("update_item", None),
        ("send_message", 0),
    ]
    told = aws.puts[2][1]
    assert (told["TableName"], told["Key"]) == ("table", key)
    assert told["ExpressionAttributeValues"] == {":new": {"S": "new-2"}, ":old": {"S": "m-2"}}


def message(body: str, **fields: Any) -> dict[str, Any]:
    known = {"MessageId": "m-1", "MessageAttributes": {}, "VisibleAt": 9e9, "ReceiveCount": 0}
    return {**known, "Body": body, **fields}


def test_a_delay_stays_and_who_had_received_a_message_is_gone(
    aws: Aws, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [message("a"), message("b", ReceiveCount=1), message("c", VisibleAt=1)]
    monkeypatch.setattr(snapshots, "messages_in", lambda _emulator, _url: sent)
    snapshot.send(STACK | {snapshots.QUEUE: {"Queue": snapshot._messages("queue")}})
    assert [request["DelaySeconds"] for _, request in aws.puts] == [900, 0, 0]


@pytest.mark.parametrize(
    ("body", "session_id"),
    [
        ({"type": "new", "body": {"task": "é"}}, "m-1"),
        ({"type": "new", "session_id": "s-1", "body": {"task": "x"}}, "s-1"),
        ({"type": "existing", "body": []}, None),
    ],
    ids=str,
)
def test_a_task_stays_one_session_whatever_message_brings_it(
    body: dict[str, Any], session_id: str | None
) -> None:
    kept = json.loads(snapshots._with_session_id(json.dumps(body), "m-1"))
    assert kept.get("session_id") == session_id and kept["body"] == body["body"]
    for odd in ("no JSON", "[]", "7"):
        assert snapshots._with_session_id(odd, "m-1") == odd


def test_a_snapshot_as_text_has_bytes_and_refuses_what_it_cannot_hold() -> None:
    assert from_text(as_text(STACK)) == STACK
    with pytest.raises(TypeError, match="set is no part of a snapshot"):
        as_text({"a": {1}})


def test_what_no_template_has_any_more_is_named(
    snapshot: Snapshot, kept: Kept, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.begin()
    kept.write(content)
    monkeypatch.setattr("local.going_on.go", lambda _: None)
    mailbox = SimpleNamespace(put=lambda mails: screen.say(f"{len(mails)} e-mails"))
    going_on = GoingOn(kept, None, URL, screen)  # type: ignore[arg-type]
    going_on._put(going_on._content or {}, snapshot, mailbox)  # type: ignore[arg-type]
    assert screen.errors == ["Not put back, because no template has it any more: T."]
    assert screen.said[-1] == "1 e-mails"
