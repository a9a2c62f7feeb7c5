"""Every line that the functions write in a full run, searched for every secret of that run.

The run is `secret_walk.py`: all paths, with all that may fail. Whatever is secret in it was marked
when it was made: tasks, drafts, edits, comments, e-mails, links, keys.
"""

import ast
import json
import os
import re
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from prove_figures import record

ROOT = Path(__file__).parents[2]
PATHS = ("src/layer/python", "src/agent", "src/approval_api", "src/unitok", "src/sweeper",
         "src/operator_api", "tests", "tests/flow", "testkit", "proofs", "proofs/flow",
         ".")  # fmt: skip
TRACE = "Root=1-65f2c000-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1"
KINDS = {"task", "words", "draft", "edit", "comment", "mail", "link", "result", "answer", "input",
         "tool-input", "question", "seen", "address", "requester", "field", "name",
         "key-of-the-links",
         "token-of-the-receiver", "secret-of-the-client", "planted"}  # fmt: skip
LIMIT_SECONDS = 240

RECEIVER = "unitok"
"""Its logs are the receiver's own; what it got is public by then."""


@dataclass(frozen=True)
class Run:
    """What a full run wrote, and what was secret in it."""

    printed: str
    traced: str
    marks: dict[str, list[str]]

    def found(self, text: str) -> dict[str, int]:
        """How many secrets of each kind are in a text."""
        counts = {
            kind: sum(secret in text for secret in set(secrets))
            for kind, secrets in self.marks.items()
        }
        return {kind: count for kind, count in counts.items() if count}

    @property
    def lines(self) -> list[str]:
        """Every line that was printed."""
        return self.printed.splitlines()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Walks everything once."""
    path = tmp_path_factory.mktemp("secrets") / "marks.json"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        traced: list[bytes] = []
        reader = threading.Thread(target=read_all, args=(daemon, traced))
        reader.start()
        try:
            printed = walk(path, f"127.0.0.1:{daemon.getsockname()[1]}")
        finally:
            daemon.sendto(b"", daemon.getsockname())
            reader.join()
    return Run(printed, b"\n".join(traced).decode(), json.loads(path.read_text()))


def walk(path: Path, daemon_address: str) -> str:
    """Runs the walk in a process of its own, as Lambda traces it; returns what it wrote."""
    env = {"PATH": os.environ["PATH"], "LAMBDA_TASK_ROOT": "/var/task", "_X_AMZN_TRACE_ID": TRACE}
    env |= {"PYTHONPATH": os.pathsep.join(str(ROOT / p) for p in PATHS)}
    env |= {"AWS_XRAY_DAEMON_ADDRESS": daemon_address}
    done = subprocess.run(
        [sys.executable, "-u", str(Path(__file__).with_name("secret_walk.py")), str(path)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    assert done.returncode == 0, done.stdout[-3_000:]
    return done.stdout


def read_all(daemon: socket.socket, traced: list[bytes]) -> None:
    """Takes what a daemon would be sent, until an empty datagram."""
    while datagram := daemon.recv(65_536):
        traced.append(datagram)


def test_no_line_and_no_trace_holds_a_secret(run: Run) -> None:
    assert run.marks.keys() == KINDS
    assert run.found(run.printed).keys() == {"planted"}
    assert run.found(run.traced).keys() == {"planted"}
    record(
        "secrets",
        lines=len(run.lines),
        trace_documents=run.traced.count("\n") + 1,
        secrets=sum(len(set(secrets)) for secrets in run.marks.values()),
        kinds=len(KINDS) - 1,
        found=0,
    )


def test_a_secret_on_any_way_out_is_found(run: Run) -> None:
    planted = run.marks["planted"]
    in_lines = [secret for secret in planted if secret in run.printed]
    in_traces = [secret for secret in planted if secret in run.traced]
    assert (len(in_lines), len(in_traces)) == (7, 2)
    assert len(set(in_lines + in_traces)) == len(planted)


def test_every_log_line_and_metric_of_the_code_was_written(run: Run) -> None:
    written = [json.loads(line) for line in run.lines if line.startswith("{")]
    messages = {line.get("message") for line in written}
    metrics = {name for line in written if "_aws" in line for name in line}
    assert said_by("error", "warning", "info", "exception") - messages == set()
    assert said_by("put_metric") - metrics == set()


def said_by(*functions: str) -> set[str]:
    """The texts that the code logs, or names its metrics by, where they are written out."""
    modules = [path for path in (ROOT / "src").rglob("*.py") if RECEIVER not in path.parts]
    calls = [
        node
        for path in modules
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and name_of(node.func) in functions and node.args
    ]
    first = [call.args[0] for call in calls]
    return {str(arg.value) for arg in first if isinstance(arg, ast.Constant)}


def name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)


def test_what_the_runtime_logs_of_a_fault_was_among_it(run: Run) -> None:
    assert re.search(r"^Traceback", run.printed, re.M)
    assert any("ClientError: An error occurred (Refused)" in line for line in run.lines)
