"""The parts of `make run` that need no running stack."""

import importlib.util
import json
import py_compile
import re
import shutil
from dataclasses import replace
from email.message import Message
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from local import mail_page, pages
from local.artifacts import zip_folder
from local.build import fingerprint
from local.console import LocalError, step_line
from local.endings import Endings, ending
from local.front_door import FrontDoor
from local.function_logs import compact
from local.guard import Guard
from local.lifecycle import _own_folder
from local.mail import Link, Mail, Mailbox, find_links, parse_notification
from local.mail_links import ids_in
from local.overlay import lay_over, own_files
from local.routes import routes
from local.run import _require_folder
from local.sent_letters import Letters
from local.server import Answer, Request
from local.settings import Settings, make_settings
from local.stack import Stack
from local.traces import Span, Traces, parse_datagram
from local.view import SessionRow, View

from approval_api_driver import KEYS
from core_samples import asked
from longrunning.people.directory import Person
from longrunning.people.emails import Question, escalation_email, turn_email
from longrunning.people.passes import browser_of, make_sign_in
from longrunning.people.sign_in_email import sign_in_email

FRONT = "http://localhost:3000"
TOKEN = f"{FRONT}/approvals/abc.DEF-_~1"


def _headers(**values: str) -> Message:
    message = Message()
    for name, value in {"Host": "localhost:3000", **values}.items():
        message[name.replace("_", "-")] = value
    return message


@pytest.mark.parametrize("origin", [FRONT, "http://127.0.0.1:3000", "http://[::1]:3000"])
def test_guard_takes_its_own_origins(origin: str) -> None:
    assert Guard(3000).refusal("POST", _headers(Origin=origin)) is None


def test_guard_takes_programs() -> None:
    assert Guard(3000).refusal("POST", _headers()) is None


def test_guard_takes_port_80_without_its_number() -> None:
    headers = _headers(Host="localhost", Origin="http://localhost")
    assert Guard(80).refusal("POST", headers) is None
    assert Guard(3000).refusal("POST", headers) is not None


def test_guard_lets_a_link_on_another_page_lead_here() -> None:
    assert Guard(3000).refusal("GET", _headers(Sec_Fetch_Site="cross-site")) is None
    assert Guard(3000).refusal("POST", _headers(Sec_Fetch_Site="cross-site")) is not None


def test_links_are_the_first_of_each_kind() -> None:
    body = f"""Read and deny:
{TOKEN}?decision=denied
Read and approve:
{TOKEN}?decision=approved
The content:
{FRONT}/approvals/fake?decision=approved http://evil.example/approvals/x?decision=denied
"""
    assert find_links(body, FRONT) == (
        Link("approve", f"{TOKEN}?decision=approved"),
        Link("deny", f"{TOKEN}?decision=denied"),
    )


def test_the_e_mail_of_a_sign_in_has_a_link_that_signs_in_and_is_of_no_session() -> None:
    token = make_sign_in(KEYS, "ann", browser_of("x"), 1_773_482_400)
    mail = sign_in_email(Person("ann", "Ann", "ann@example.com"), f"{FRONT}/inbox/sign-in/{token}")
    (link,) = find_links(mail.body, FRONT)
    assert link == Link("sign in", f"{FRONT}/inbox/sign-in/{token}")
    assert ids_in(link.url) is None


def test_mail_without_links_has_none() -> None:
    text = json.dumps({"Message": "Hello", "Timestamp": "2026-01-31T09:30:00.000Z"})
    mail = parse_notification(text, FRONT)
    assert (mail.subject, mail.body, mail.links) == ("", "Hello", ())


def test_an_e_mail_of_several_questions_has_an_entry_for_each_with_its_own_links() -> None:
    """The contract of /local/mail.json holds for each question."""
    mail = mail_of("First", "2. It wants to run publish_post.\n> quoted")
    mailbox = Mailbox(SimpleNamespace(client=lambda _: None), [], FRONT)  # type: ignore[arg-type]
    mailbox._mails.append(mail)
    one, two = json.loads(mailbox.as_json())
    assert set(one) == set(two) == {"subject", "body", "links", "sent_at", "to"}
    for number, entry in enumerate((one, two), 1):
        assert entry["links"] == [
            {"label": "approve", "url": f"{TOKEN}{number}?decision=approved"},
            {"label": "deny", "url": f"{TOKEN}{number}?decision=denied"},
        ]
        assert (entry["subject"], entry["sent_at"]) == (mail.subject, mail.sent_at)
    assert one["body"].startswith("1. It wants to run publish_post.\n")
    assert one["body"].endswith("-\nFirst\n") and "quoted" not in one["body"]
    assert two["body"].endswith("-\n2. It wants to run publish_post.\n> quoted\n")


def test_the_mail_page_shows_one_e_mail_with_all_its_questions_and_their_buttons() -> None:
    page = mail_page.mailbox([mail_of("First", "Second")]).decode()
    assert page.count("<article>") == 1
    places = [
        page.index(text)
        for text in (
            f'<a class="button approve" href="{TOKEN}1?decision=approved">Approve 1</a>',
            f'<a class="button deny" href="{TOKEN}1?decision=denied">Deny 1</a>',
            "\nFirst\n",
            f'<a class="button approve" href="{TOKEN}2?decision=approved">Approve 2</a>',
            "\nSecond\n",
            "The e-mail as it was sent",
            "asks 2 questions",
        )
    ]
    assert places == sorted(places)


def test_an_e_mail_of_ses_is_shown_as_a_person_gets_it_and_keeps_its_contract() -> None:
    """Its HTML is a document of its own in a frame: no script, none of this page."""
    plain = mail_of("First")
    html = '<!doctype html>\n<html><head><meta></head><body><a href="/x?a=b&amp;c">Go</a>'
    mail = replace(plain, html=html, to="ann")
    page = mail_page.mailbox([mail]).decode()
    [frame] = re.findall(r"<iframe [^>]*>", page)
    assert 'sandbox="allow-top-navigation-by-user-activation"' in frame
    [srcdoc] = re.findall(r'srcdoc="([^"]*)"', frame)
    assert unescape(srcdoc) == html.replace("<head>", '<head><base target="_top">')
    assert "iframe" not in mail_page.mailbox([plain]).decode()
    mailbox = Mailbox(SimpleNamespace(client=lambda _: None), [], FRONT)  # type: ignore[arg-type]
    mailbox._mails.append(mail)
    (entry,) = json.loads(mailbox.as_json())
    assert entry.keys() == {"subject", "body", "links", "sent_at", "to"}
    assert (entry["to"], entry["body"]) == ("ann", plain.body)


def test_what_ses_sent_is_read_once_and_named_by_people_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = tmp_path / "people.toml"
    people.write_text('[ann]\nname = "Ann"\nemail = "ann@example.com"\n')
    sent = [
        {"To": [to], "Subject": "S", "BodyText": "T", "BodyHtml": "<p>T", "Timestamp": 0.25}
        for to in ("ann@example.com", "gone@example.com")
    ]
    letters = Letters(SimpleNamespace(port=1), people, FRONT)  # type: ignore[arg-type]
    monkeypatch.setattr(letters, "_sent", lambda: iter(sent))
    one, other = letters.new()
    assert (one.to, other.to) == ("ann", "gone@example.com")
    assert (one.subject, one.body, one.html) == ("S", "T", "<p>T")
    assert one.sent_at == "1970-01-01T00:00:00.250Z"
    assert letters.new() == []
    sent.append(sent[0])
    assert len(letters.new()) == 1


def test_an_escalation_of_several_approvals_is_one_entry_without_links() -> None:
    """It has a number for each, and no part behind a rule."""
    approvals = [asked(approvers=["ann"]), asked(approvers=["bob"])]
    body = escalation_email(approvals, {}).body
    text = json.dumps({"Message": body, "Timestamp": "2026-01-31T09:30:00.000Z"})
    (question,) = parse_notification(text, FRONT).questions
    assert (question.body, question.links) == (body, ())


def mail_of(*contents: str) -> Mail:
    """An e-mail with these questions, as the mailbox gets it."""
    email = turn_email(
        [
            Question(
                asked(content=content),
                f"{TOKEN}{number}?decision=approved",
                f"{TOKEN}{number}?decision=denied",
            )
            for number, content in enumerate(contents, 1)
        ]
    )
    sent = {"Subject": email.subject, "Message": email.body}
    return parse_notification(json.dumps({**sent, "Timestamp": "2026-01-31T09:30:00.000Z"}), FRONT)


def test_log_line_on_the_screen_is_short() -> None:
    record = {
        "timestamp": "2026-01-31T09:30:00.123Z",
        "level": "INFO",
        "logger": "longrunning.worker",
        "message": "paused",
        "session_id": "s",
    }
    assert compact("agent", json.dumps(record)) == "09:30:00.123 agent    paused session_id=s"
    warning = compact("agent", json.dumps(record | {"level": "WARNING"}))
    assert warning == "09:30:00.123 agent    WARNING paused session_id=s"
    failed = compact("agent", json.dumps(record | {"exception": "Traceback"})) or ""
    assert failed.endswith("\nTraceback")


@pytest.mark.parametrize(
    "line", ["", "START RequestId: 1", "END RequestId: 1", "REPORT RequestId: 1", '{"_aws": {}}']
)
def test_log_lines_of_the_platform_and_metrics_stay_in_the_file(line: str) -> None:
    assert compact("agent", line) is None


@pytest.mark.parametrize("line", ["printed", "[1]", "7", '"text"'])
def test_log_line_that_is_no_record_is_shown_as_it_is(line: str) -> None:
    assert line in (compact("agent", line) or line)


def test_datagram_holds_spans_and_their_children() -> None:
    document = {
        "name": "load",
        "id": "1",
        "trace_id": "t",
        "parent_id": "0",
        "start_time": 1.0,
        "end_time": 3.0,
        "annotations": {"session_id": "s"},
        "subsegments": [
            {
                "name": "dynamodb",
                "id": "2",
                "start_time": 1.5,
                "end_time": 2.0,
                "aws": {"operation": "GetItem"},
            },
            {"name": "sqs", "id": "3", "start_time": 2.0, "in_progress": True},
        ],
    }
    data = b'{"format": "json", "version": 1}\n' + json.dumps(document).encode()
    load, call = parse_datagram(data)
    assert (load.name, load.annotations, load.parent_id) == ("load", {"session_id": "s"}, "0")
    assert (call.operation, call.trace_id, call.parent_id) == ("GetItem", "t", "1")


def test_traces_wait_no_longer_than_they_are_told() -> None:
    traces = Traces()
    assert traces.wait_for(lambda span: True, timeout_seconds=0.01) is None
    traces.close()


def test_same_files_make_the_same_zip(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "file.txt").write_text("text")
    assert zip_folder(tmp_path / "one") == zip_folder(tmp_path / "two")


def test_overlay_replaces_own_files_and_their_bytecode(tmp_path: Path) -> None:
    source, package = tmp_path / "source", tmp_path / "package"
    source.mkdir()
    package.mkdir()
    for name in ("kept.py", "gone.py"):
        (package / name).write_text("old = 1")
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(str(package / name), doraise=True, invalidation_mode=mode)
    (package / "dependency.py").write_text("x = 1")
    (source / "kept.py").write_text("new = 1")
    (source / "added.css").write_text("a {}")
    (source / "requirements.txt").write_text("x==1")
    lay_over(package, ["kept.py", "gone.py"], own_files(source))
    names = {path.name for path in package.iterdir() if path.is_file()}
    assert names == {"kept.py", "added.css", "dependency.py"}
    assert (package / "kept.py").read_text() == "new = 1"
    assert not Path(importlib.util.cache_from_source(str(package / "kept.py"))).exists()


def test_build_is_done_again_when_a_source_changes(tmp_path: Path) -> None:
    settings = Settings(tmp_path, tmp_path / ".local", tmp_path / ".aws-sam", 3000)
    settings.sam.parent.mkdir(parents=True)
    settings.sam.write_text("")
    source = tmp_path / "src" / "agent"
    source.mkdir(parents=True)
    (source / "module.py").write_text("x = 1")
    first = fingerprint(settings)
    (source / "__pycache__").mkdir()
    (source / "__pycache__" / "module.pyc").write_text("bytecode")
    (tmp_path / "README.md").write_text("words")
    assert fingerprint(settings) == first
    (source / "module.py").write_text("x = 2")
    assert fingerprint(settings) != first


def test_routes_tell_method_path_and_who_must_sign() -> None:
    integration = {"x-amazon-apigateway-integration": {"type": "aws_proxy"}}
    body = {
        "components": {
            "securitySchemes": {"AWS_IAM": {"x-amazon-apigateway-authtype": "awsSigv4"}}
        },
        "paths": {
            "/posts": {
                "post": {**integration, "security": [{"AWS_IAM": []}]},
                "get": {"Fn::If": ["Wanted", integration, {"Ref": "AWS::NoValue"}]},
            },
            "/any": {"x-amazon-apigateway-any-method": integration},
        },
    }
    api = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": body}}
    found = routes({"Resources": {"Api": api}})
    assert [(r.method, r.path, r.needs_iam, r.condition) for r in found] == [
        ("POST", "/posts", True, None),
        ("GET", "/posts", False, "Wanted"),
        ("ANY", "/any", False, None),
    ]


def test_stack_names_a_resource_by_its_end() -> None:
    stack = Stack({"A": "local-approvals", "B": "local-posts"}, (), {})
    assert stack.id_ending("-approvals") == "local-approvals"
    with pytest.raises(LocalError, match="0 resources"):
        stack.id_ending("queue")


def test_step_line_aligns_times() -> None:
    assert step_line("stack", 1.24, "54 resources") == "  stack        1.2 s  54 resources"
    assert step_line("sam build", 12.0) == "  sam build   12.0 s"


# --- how sessions end ----------------------------------------------------------------------------


def _said(role: str, text: str) -> dict[str, Any]:
    return {"M": {"role": {"S": role}, "content": {"L": [{"M": {"text": {"S": text}}}]}}}


def _item(status: str = "completed", **texts: str) -> dict[str, Any]:
    fields = {"session_id": "s-1", "status": status, **texts}
    messages = [_said("user", "Announce it"), _said("assistant", "I could not.")]
    item: dict[str, Any] = {name: {"S": text} for name, text in fields.items()}
    return item | {"messages": {"L": messages}, "paused_at": {"N": "17"}}


class Tables:
    """The emulator with one session."""

    def __init__(self, item: dict[str, Any]) -> None:
        self.item = item
        self.asked = 0

    def client(self, _: str) -> Any:
        return self

    def query(self, **_: Any) -> dict[str, Any]:
        self.asked += 1
        return {"Items": [self.item]}

    def scan(self, TableName: str, **_: Any) -> dict[str, Any]:
        return {"Items": [self.item] if TableName == "t" else []}

    def get_queue_attributes(self, AttributeNames: list[str], **_: Any) -> dict[str, Any]:
        return {"Attributes": {name: "1" for name in AttributeNames}}


def _row(**fields: Any) -> SessionRow:
    return View(Tables(_item(**fields)), "t", "q", "d", "w").sessions()[0]  # type: ignore[arg-type]


def test_the_list_tells_the_last_words_and_why_a_session_ended() -> None:
    row = _row(outcome="failed", reason="max_tokens", last_words="Out of words.")
    assert (row.state, row.last_words) == ("completed, failed (max_tokens)", "Out of words.")
    assert row.task == "Announce it"


def test_without_the_attribute_the_last_words_are_those_of_the_conversation() -> None:
    row = _row(outcome="finished")
    assert (row.state, row.last_words) == ("completed, finished", "I could not.")
    assert _row(status="waiting").last_words == ""


def test_messages_that_come_back_later_are_on_their_way_too() -> None:
    view = View(Tables(_item()), "t", "q", "d", "w")  # type: ignore[arg-type]
    assert view.queue_lengths() == (3, 3)


def test_the_landing_page_shows_last_words_as_text() -> None:
    row = _row(outcome="failed", reason="<b>", last_words="<i>No</i>\nmore")
    page = pages.landing([row], (0, 0), 0).decode()
    assert "&lt;i&gt;No&lt;/i&gt;\nmore" in page and "failed (&lt;b&gt;)" in page
    long = pages.landing([_row(last_words="x" * 9_000)], (0, 0), 0).decode()
    assert "x" * 400 + " …" in long and "x" * 401 not in long


def test_the_landing_page_says_that_the_model_is_a_script() -> None:
    assert "The model is a script" in pages.landing([], (0, 0), 0, is_scripted=True).decode()
    assert "The model is a script" not in pages.landing([], (0, 0), 0).decode()


class Screen:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def error(self, text: str) -> None:
        self.lines.append(text)


def _saved(name: str = "save") -> Span:
    return Span(name, "", 1.0, 2.0, "t", "1", "0", {"session_id": "s-1"})


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        (
            {"outcome": "failed", "reason": "max_tokens"},
            ["session s-1 ended: failed (max_tokens): I could not."],
        ),
        ({"outcome": "denied"}, ["session s-1 ended: denied: I could not."]),
        ({"outcome": "published"}, []),
        ({"outcome": "finished"}, []),
        ({"outcome": "denied", "status": "waiting"}, []),
    ],
    ids=str,
)
def test_an_end_that_is_worth_a_look_is_said_once(fields: dict[str, str], lines: list[str]) -> None:
    traces, screen = Traces(), Screen()
    tables = Tables(_item(**fields))
    view = View(tables, "t", "q", "d", "w")  # type: ignore[arg-type]
    endings = Endings(view, traces, screen)  # type: ignore[arg-type]
    endings.look()
    assert tables.asked == 0
    traces.add([_saved(), _saved("load")])
    endings.look()
    endings.look()
    assert screen.lines == lines
    assert tables.asked == 1
    traces.close()


def test_an_ending_is_one_line_that_no_terminal_obeys() -> None:
    row = _row(outcome="failed", last_words="\x1b[31mred\nand " + "x" * 500)
    line = ending(row)
    assert line.startswith("session s-1 ended: failed: \ufffd[31mred and xxx")
    assert line.isprintable() and len(line) < 250


def test_spans_are_told_once_however_many_are_kept() -> None:
    traces = Traces()
    traces.add([_saved(), _saved()])
    spans, count = traces.since(0)
    assert (len(spans), count) == (2, 2)
    assert traces.since(count) == ([], 2)
    traces.close()


# --- the front door ------------------------------------------------------------------------------


class NotFound:
    """The approval API, which has no such approval."""

    def answer(self, request: Request) -> Answer:
        kind = request.headers.get("Accept", "application/json")
        return Answer(404, [("content-type", kind)], b"Please take the whole link.")


class NoMail:
    def all(self) -> list[Any]:
        return []


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_link_of_before_a_restart_says_that_it_is_gone(accept: str) -> None:
    parts: Any = {"guard": Guard(3000), "proxy": NotFound(), "mailbox": NoMail()}
    view = SimpleNamespace(waits=dict)
    parts |= {"traces": None, "view": view, "sessions": None, "send_task": None}
    door = FrontDoor(**parts, is_scripted=True, started_at=1_000)
    for method in ("GET", "POST"):
        answer = door(Request(method, "/approvals/old", _headers(Accept=accept), b""))
        assert answer.status == 404
        assert "1 Jan 1970, 00:16:40 UTC" in answer.body.decode()
        assert "whole link" not in answer.body.decode()
        assert "make run KEEP=1" in answer.body.decode()
    elsewhere = door(Request("GET", "/posts/17", _headers(Accept=accept), b""))
    assert b"whole link" in elsewhere.body


# --- the run -------------------------------------------------------------------------------------


def test_a_folder_that_was_deleted_ends_the_run_with_a_clear_word(tmp_path: Path) -> None:
    settings = make_settings(3000, str(tmp_path / "state"))
    with pytest.raises(LocalError, match=r"state was deleted.*start again"):
        _require_folder(settings)
    settings.state_dir.mkdir()
    settings.stack_json.write_text("{}")
    _require_folder(settings)


def test_a_run_whose_folder_was_deleted_leaves_the_next_ones_alone(tmp_path: Path) -> None:
    settings = make_settings(3000, str(tmp_path / "state"))
    first, second = _own_folder(settings), _own_folder(settings)
    first.__enter__()
    shutil.rmtree(settings.state_dir)
    second.__enter__()
    settings.stack_json.write_text("{}")
    first.__exit__(None, None, None)
    assert settings.stack_json.exists()
    second.__exit__(None, None, None)
    assert not settings.state_dir.exists()


@pytest.mark.parametrize("exported", ["", " "])
def test_an_empty_model_id_is_the_script(exported: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_ID", exported)
    assert make_settings(3000).model_id == "scripted"


@pytest.mark.parametrize("text", ["approvals", "a@b", "A <a@b.c>", "a@b.c,d@e.f"])
def test_a_mail_from_that_is_no_address_is_said_before_anything_starts(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_FROM", text)
    with pytest.raises(LocalError, match="is no address, such as"):
        make_settings(3000)
    monkeypatch.setenv("MAIL_FROM", " a@b.example ")
    assert make_settings(3000).parameters["MailFrom"] == "a@b.example"
