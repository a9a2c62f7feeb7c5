"""The lab without a stack: page and notebook agree, and its checks tell right from wrong."""

import json
import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import lab_notebook
from lab_notebook import FOLDER, checks, exercises, lab, make_notebook, play, showing, solutions
from longrunning import messages

NUMBERS = sorted(exercises())
CHECKED_ALONE = [number for number in NUMBERS if number != "7"]
"""The last one is checked on a stack."""


def said(number: str, code: str, replaced: tuple[str, str] = ("", "")) -> str:
    """What the check of an exercise prints of an answer, in which a piece was replaced."""
    assert replaced[0] in code, replaced[0]
    names: dict[str, Any] = {
        "__name__": "answer",
        "checks": checks,
        "secrets": secrets,
        "stack": None,
    }
    play(code.replace(*replaced) if replaced[0] else code, names)
    return play(check_of(number), names).strip()


def check_of(number: str) -> str:
    """The cell that follows an exercise."""
    codes = [code for code, _ in lab_notebook.code_cells()]
    return codes[codes.index(exercises()[number]) + 1]


# --- the page and the notebook -------------------------------------------------------------------


def test_the_notebook_is_made_from_the_page_and_has_no_outputs() -> None:
    assert make_notebook.NOTEBOOK.read_text() == make_notebook.notebook(
        make_notebook.PAGE.read_text()
    ), "run: python docs/lab/make_notebook.py"
    cells = json.loads(make_notebook.NOTEBOOK.read_text())["cells"]
    codes = [cell for cell in cells if cell["cell_type"] == "code"]
    assert ["".join(cell["source"]) for cell in codes] == [c for c, _ in lab_notebook.code_cells()]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in codes)


def test_text_and_code_of_a_page_become_cells_in_their_order() -> None:
    page = "# A\n\n```python\nx = 1\n```\n\n```text\n1\n```\n\n```python\ny = 2\n```\n"
    assert make_notebook.cells(page) == [
        ("markdown", "# A"),
        ("code", "x = 1"),
        ("markdown", "```text\n1\n```"),
        ("code", "y = 2"),
    ]


def test_what_a_cell_prints_is_folded_in_the_notebook_and_nothing_else_is() -> None:
    page = "```python\nx\n```\n\n```text\n1\n```\n\nMore.\n\n```text\nA table.\n```\n"
    (_, cell) = json.loads(make_notebook.notebook(page))["cells"]
    head, _, tail = "".join(cell["source"]).partition("</details>")
    assert head == "<details><summary>What it prints</summary>\n\n```text\n1\n```\n\n"
    assert tail == "\n\nMore.\n\n```text\nA table.\n```"


def test_the_minutes_of_the_parts_are_an_hour() -> None:
    page = make_notebook.PAGE.read_text()
    rows = re.findall(r"^\| \[(.+?)\]\(#.+?\) \| (\d+) \|$", page, re.M)
    assert [name for name, _ in rows] == re.findall(r"^## (.+)$", page, re.M)
    assert sum(int(minutes) for _, minutes in rows) == 60


def test_what_differs_each_time_may_be_any_text() -> None:
    assert lab_notebook.fits("Post 7.\n", "Post ….\n")
    assert not lab_notebook.fits("Post 7!", "Post ….")


def test_every_request_is_a_task_that_the_stack_takes_with_decisions_that_it_knows() -> None:
    requests = json.loads((FOLDER / "marketing_requests.json").read_text())
    assert len({request["name"] for request in requests}) == len(requests) == 10
    decided = [decision for request in requests for decision in request["decisions"]]
    for request in requests:
        assert isinstance(messages.parse(messages.build_new(request["task"])), messages.NewTask)
    assert {decision["decision"] for decision in decided} == {"approved", "denied"}
    assert {frozenset(d) - {"decision"} for d in decided} >= {frozenset(), frozenset({"comment"})}
    assert any("content" in decision for decision in decided)


# --- the checks ----------------------------------------------------------------------------------


def test_every_exercise_has_a_solution_and_a_check() -> None:
    assert NUMBERS == sorted(solutions()) == [str(n) for n in range(1, 8)]
    assert all(check_of(number).startswith("print(checks.") for number in NUMBERS)


@pytest.mark.parametrize("number", CHECKED_ALONE)
def test_the_solution_is_right(number: str) -> None:
    assert said(number, solutions()[number]) == "Right."


@pytest.mark.parametrize("number", NUMBERS)
def test_the_exercise_as_it_stands_is_not_right_yet(number: str) -> None:
    assert said(number, exercises()[number]).startswith("Not yet: ")


@pytest.mark.parametrize(
    ("number", "replaced", "why"),
    [
        ("1", ('agent that waits": "nowhere', 'agent that waits": "approvals'), "What runs while"),
        ("1", ('links": "Secrets Manager', 'links": "a table'), '"a table" is none of'),
        ("2", ('"save", "notify"', '"notify", "save"'), "If the process dies between both"),
        ("2", ('"resume", ', ""), "Expected each of"),
        ("2", ('"decide", "resume"', '"resume", "decide"'), "finds no decision"),
        ("3", ("isinstance(message, dict)", "message"), "raised AttributeError"),
        ("3", (" or not task.strip()", ""), "the stack says 'body.task'"),
        ("3", (r"[\w.:-]{1,128}", ".+"), "the stack says 'session_id'"),
        ("3", ('message.get("type") != "new"', '"type" not in message'), "the stack says 'type'"),
        ("4", ("with self.lock:", "if True:"), "at the same moment made"),
        ("4", ("if key not", "key = content\n            if key not"), "another key"),
        ("5", ('"exclusiveMinimum"', '"minimum"'), "an amount of 0"),
        ("5", (', "maximum": 500}', "}"), "an amount of 501"),
        ("5", ("^[0-9]{4}$", "^[0-9]{4}"), "a booking of five digits"),
        ("5", (', "maxLength": 500}', "}"), "a message of 501 characters"),
        ("5", ('["message", "booking", "amount"]', '["booking"]'), "without an amount"),
        ("5", ('["message", "booking", "amount"]', '["amount"]'), "without a booking"),
        ("5", ("key=idempotency_key", "key=secrets.token_hex(8)"), "called twice, it has paid"),
        (
            "5",
            ("except checks.AccountClosedError", "except Exception"),
            "a lost answer is no refusal",
        ),
        ("5", ("except checks.AccountClosedError", "except ZeroDivisionError"), "AccountClosed"),
        ("5", ('editable=("amount",),', ""), "able to change the amount"),
        ("6", ("except checks.AlreadyOrderedError", "except KeyError"), "starts the same wait"),
        ("6", ("smith.order(wait.name", "smith.order(unicorn"), "another wait is another order"),
        ("6", ("@shoe.look", "#"), "it cannot look"),
        ("6", ("smith.is_done(wait.name)", "True"), "before the smith is done"),
        ("6", ("@shoe.cancel", "#"), "the order still stands"),
        ("6", ("timedelta(days=7)", "timedelta(hours=1)"), "takes days"),
        ("6", ("    return shoe", "\n" * 30 + "    return shoe"), "lines, and fewer than 40"),
    ],
)
def test_a_wrong_answer_is_told_what_is_wrong(
    number: str, replaced: tuple[str, str], why: str
) -> None:
    printed = said(number, solutions()[number], replaced)
    assert printed.startswith("Not yet: ")
    assert why in printed


def wait(**fields: Any) -> dict[str, Any]:
    return {"tool_name": "human_approval", **fields}


DENIED = wait(decision="denied", comment="Shorter.")
EDITED = wait(decision="approved", edited_content="Mine.")


@pytest.mark.parametrize(
    ("waits", "posts", "printed"),
    [
        ([DENIED, EDITED], ["Mine."], "Right."),
        ([DENIED, DENIED, EDITED], ["Mine."], "Right."),
        ([], [], "has asked nobody yet"),
        ([EDITED], ["Mine."], "the first draft was not denied"),
        ([wait(decision="denied", comment=""), EDITED], ["Mine."], "without a comment"),
        ([DENIED, wait(decision="approved")], ["Its own."], "with a text of your own"),
        ([DENIED, EDITED], [], "UniTok has no post yet"),
    ],
)
def test_what_was_done_by_hand_is_checked_by_the_stacks_records(
    waits: list[Any], posts: list[str], printed: str
) -> None:
    stack = SimpleNamespace(
        waits=lambda _: waits, posts=lambda _: [{"content": text} for text in posts]
    )
    assert printed in checks.by_hand(stack, "s-1")


# --- make lab ------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The Makefile and the notebook, and a Jupyter that only notes how it is started."""
    for name in ("Makefile", "requirements/lab.txt", "requirements/uv.txt"):
        copy = tmp_path / name
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(FOLDER.parents[1] / name, copy)
    for name in (".venv/uv/ready", ".venv/lab/ready", JUPYTER_SETTINGS):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("jupyter", "ipython"):
        program = tmp_path / ".venv/lab/bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text('#!/bin/sh\necho "$(basename $0) $* STACK=$STACK in $(basename $PWD)"\n')
        program.chmod(0o755)
    (tmp_path / "docs/lab").mkdir(parents=True)
    shutil.copy(make_notebook.NOTEBOOK, tmp_path / "docs/lab")
    return tmp_path


JUPYTER_SETTINGS = ".venv/lab/etc/jupyter/labconfig/page_config.json"


def make_lab(project: Path, *arguments: str) -> str:
    kept = {n: v for n, v in os.environ.items() if n not in ("MAKEFLAGS", "STACK", "TERMINAL")}
    command = [shutil.which("make") or "make", "--no-print-directory", "lab", *arguments]
    done = subprocess.run(
        command, cwd=project, env=kept, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_make_lab_opens_a_copy_and_keeps_what_you_have_written_into_it(project: Path) -> None:
    assert make_lab(project) == "jupyter lab --allow-root my_lab.ipynb STACK= in lab"
    copy = project / "docs/lab/my_lab.ipynb"
    assert copy.read_bytes() == make_notebook.NOTEBOOK.read_bytes()
    copy.write_text("mine")
    make_lab(project)
    assert copy.read_text() == "mine"


def test_make_lab_takes_a_deployed_stack_and_a_terminal(project: Path) -> None:
    assert make_lab(project, "STACK=posts").endswith("STACK=posts in lab")
    assert make_lab(project, "TERMINAL=1") == "ipython  STACK= in lab"


def test_git_does_not_see_your_copy() -> None:
    ignored = (FOLDER.parents[1] / ".gitignore").read_text().splitlines()
    assert "docs/lab/my_lab.ipynb" in ignored


# --- what a person sees --------------------------------------------------------------------------


def test_without_a_stack_the_lab_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab, "STATE_DIR", tmp_path)
    monkeypatch.delenv("STACK", raising=False)
    with pytest.raises(lab.LabError, match="Start one in another terminal: make run"):
        lab.connect()


def mail(tool_use_id: str, session_id: str = "s-1") -> Any:
    return lab.Mail(session_id, tool_use_id, "approve", "deny", "body")


@pytest.fixture
def lab_stack(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stack whose e-mails and session a test sets."""
    found = lab.LabStack(SimpleNamespace(), SimpleNamespace(), SimpleNamespace())
    found.item = {"status": "waiting"}
    monkeypatch.setattr(found, "_read_mail", lambda: None)
    monkeypatch.setattr(found, "session", lambda _: found.item)
    return found


def test_the_next_e_mail_is_the_newest_question_of_that_session_and_no_reminder(
    lab_stack: Any,
) -> None:
    lab_stack.mails = [mail("u-1"), mail("u-9", "s-2"), mail("u-1")]
    assert lab_stack.next_mail("s-1").tool_use_id == "u-1"
    lab_stack.mails += [mail("u-2"), mail("u-1")]
    assert lab_stack.next_mail("s-1", after=mail("u-1")).tool_use_id == "u-2"


def test_after_the_last_question_of_a_session_that_has_ended_there_is_none(lab_stack: Any) -> None:
    lab_stack.mails = [mail("u-1"), mail("u-2")]
    lab_stack.item = {"status": "completed", "outcome": "denied"}
    assert lab_stack.next_mail("s-1", after=mail("u-2")) is None
    with pytest.raises(lab.LabError, match=r"has ended \(denied\) without asking anybody"):
        lab_stack.wait_for_mail("s-1", after=mail("u-2"))


def test_what_does_not_come_is_said_with_where_to_look(
    lab_stack: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lab, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(lab, "TELL_SECONDS", 0)
    monkeypatch.setattr(lab, "POLL_SECONDS", 0.05)
    with pytest.raises(lab.LabError, match=r"without an e-mail about session s-1\. What the"):
        lab_stack.next_mail("s-1")
    assert capsys.readouterr().err == "Waiting for an e-mail about session s-1 …\n"


def test_an_e_mail_is_shown_without_the_right_to_decide() -> None:
    link = "https://a.example.com/approvals/WzEsInMtMSIs.c2lnbmF0dXJl?decision=approved"
    shown = showing.mail(f"Read and approve:\n{link}")
    assert "c2lnbmF0dXJl" not in shown
    assert "/approvals/WzEsInMt…?decision=approved" in shown


def test_an_approval_is_shown_with_who_decided_and_what_he_changed() -> None:
    item = wait(
        tool_use_id="u-1", status="SPENT", decided_by="ann", edited_content="x", comment="!"
    )
    assert showing.waits([item]).split() == [
        *("approvals", "human_approval", "u-1:", "SPENT", "by", "ann,", "edited,", '"!"')
    ]
    assert showing.waits([]).endswith("no item yet")
