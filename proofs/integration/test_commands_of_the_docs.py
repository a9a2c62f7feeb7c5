"""Command lines of the documents, each run as it stands against a local stack.

A document names a deployed stack. Here `STACK=` is left out, as the documents say for `make run`.
proofs/unit/test_doc_commands.py holds that no other command line goes unread.
"""

import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import doc_commands
from doc_commands import RUN_ON_A_STACK, Call
from local_stack import ROOT, LocalStack, running_stack

RUN = [
    call
    for call in doc_commands.calls()
    if call.program == "curl" or (call.program == "make" and call.target in RUN_ON_A_STACK)
]


def here(call: Call) -> tuple[str, ...]:
    """The command for the local stack."""
    return tuple(word for word in call.argv if not word.startswith("STACK="))


CALLS = list({here(call): call for call in RUN}.values())

NO_PEOPLE = {
    "approvers": "There is no people.toml",
    "inbox": "nobody in people.toml",
    "approve": "nobody in people.toml",
}
"""What a stack without people refuses, by target or by DO, and what it says.

`make demo STORY=people`, which proofs/integration/test_lifecycle.py runs, does these with people.
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack of its own: `make ledger` counts all that is on it."""
    with running_stack(tmp_path_factory.mktemp("docs")) as stack:
        yield stack


@dataclass(frozen=True)
class Question:
    """An approval that waits: what a reader fills in."""

    session_id: str
    tool_use_id: str
    link: str


@pytest.fixture
def question(stack: LocalStack) -> Question:
    session_id, links = stack.ask(f"Tell them about {uuid.uuid4()}.")
    [approval] = stack.approvals(session_id)
    return Question(session_id, approval["tool_use_id"]["S"], links["approve"])


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_command_of_the_documents_does_what_it_says(
    stack: LocalStack, question: Question, call: Call, tmp_path: Path
) -> None:
    filled = [fill_in(word, stack, question) for word in here(call)]
    assert not re.search(r"<[A-Z_]+>", " ".join(filled)), f"{filled}: what does a reader fill in?"
    if call.program == "make" and call.target in ("ledger", "smoke", "redrive"):
        stack.wait_until_quiet()
    done = run(filled, stack, tmp_path)
    said = done.stdout + done.stderr
    refused = NO_PEOPLE.get(call.target) or NO_PEOPLE.get(call.variables.get("DO", ""))
    if call.program == "make" and refused:
        assert (done.returncode, refused in said) == (2, True), said
    else:
        assert done.returncode == 0, said
        assert done.stdout.strip(), "it says nothing"
    if "decision=approved" in call.argv:
        stack.wait_until_completed(question.session_id)
        [approval] = stack.approvals(question.session_id)
        assert approval["status"]["S"] == "SPENT"


def fill_in(word: str, stack: LocalStack, question: Question) -> str:
    """Puts what a reader of the documents has in the place of its name."""
    values = {
        "LINK": question.link,
        "ID": f"{question.session_id}/{question.tool_use_id}",
        "SESSION_ID": question.session_id,
        "TOOL_USE_ID": question.tool_use_id,
        "URL": f"{stack.front_url}/operator",
        "AWS_REGION": stack.description["region"],
        "KEY": stack.description["access_key_id"],
        "SECRET": stack.description["secret_access_key"],
    }
    if "<SEEN>" in word:
        seen = stack.request("GET", question.link, {"Accept": "application/json"}).json["digest"]
        values["SEEN"] = seen
    for name, value in values.items():
        word = word.replace(f"<{name}>", value)
    return word


def run(argv: list[str], stack: LocalStack, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Runs a command line; curl tells a refusal of the API from an answer, by its status."""
    if argv[0] == "make":
        where = f"--state-dir {stack.state_dir}"
        operate = f"PYTHONPATH=src/layer/python .venv/local/bin/python -m operate {where}"
        local = f".venv/local/bin/python -m local {where}"
        argv = [*argv, f"OPERATE={operate}", f"LOCAL={local}"]
    (folder / ".curlrc").write_text("fail-with-body\n")
    return subprocess.run(
        argv,
        cwd=ROOT,
        env=doc_commands.clean_environment()
        | {"CURL_HOME": str(folder), "NO_PROXY": "*", "YES": "1"},  # what a reader would answer
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_what_a_reader_needs_is_here() -> None:
    assert shutil.which("curl") and shutil.which("make")
    assert {call.target for call in CALLS if call.program == "make"} == {*RUN_ON_A_STACK}
    assert sum(call.program == "curl" for call in CALLS) >= 6
