"""The parts of `make run` that need no running stack."""

import importlib.util
import json
import py_compile
from email.message import Message
from pathlib import Path
from types import SimpleNamespace

import pytest
from local import pages
from local.artifacts import zip_folder
from local.build import fingerprint
from local.console import LocalError, step_line
from local.function_logs import compact
from local.guard import Guard
from local.mail import Link, Mail, Mailbox, find_links, parse_notification
from local.overlay import lay_over, own_files
from local.routes import routes
from local.settings import Settings
from local.stack import Stack
from local.traces import Traces, parse_datagram

from core_samples import asked
from longrunning.emails import Question, turn_email

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
    assert set(one) == set(two) == {"subject", "body", "links", "sent_at"}
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
    page = pages.mailbox([mail_of("First", "Second")]).decode()
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
