"""X-Ray: a tree of subsegments where a daemon runs, nothing at all elsewhere.

What is sent is caught on a socket of this test's own, as a daemon would; the walk runs in a process
of its own, since the SDK reads its environment once.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from longrunning import tracing

ROOT = Path(__file__).parents[2]
PATHS = [
    ROOT / "src/layer/python",
    ROOT / "src/agent",
    ROOT / "tests",
    ROOT / "testkit",
    ROOT / "proofs",
]
TRACE_ID = "1-65f2c000-0123456789abcdef01234567"
FUNCTION_ID = "0123456789abcdef"


@dataclass
class Walk:
    """What a traced walk printed, and the subsegments that it sent, each as soon as it ended."""

    printed: dict[str, Any]
    sent: list[dict[str, Any]]

    @property
    def own(self) -> list[dict[str, Any]]:
        """The subsegments that are no AWS calls."""
        return [subsegment for subsegment in self.sent if subsegment["namespace"] == "local"]

    def steps(self, name: str) -> list[dict[str, Any]]:
        """The subsegments of one name right under the function's own segment."""
        return [s for s in self.own if s["name"] == name and s["parent_id"] == FUNCTION_ID]

    def under(self, parent: dict[str, Any], namespace: str) -> list[dict[str, Any]]:
        """The subsegments that hang under another one."""
        found = [s for s in self.sent if s["parent_id"] == parent["id"]]
        return [s for s in found if s["namespace"] == namespace]


def run_walk(*, daemon: bool = True) -> Walk:
    """Walks in another process; returns what a daemon would have been sent."""
    script = (ROOT / "proofs/traced_walk.py").read_text()
    printed, sent = run_traced(script, daemon=daemon)
    return Walk(json.loads(printed.splitlines()[-1]), sent)


def run_traced(
    script: str, *, daemon: bool = True, in_lambda: bool = True, sampled: int = 1
) -> tuple[str, list[dict[str, Any]]]:
    """Runs Python in another process; returns what it printed and what a daemon was sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        environment = {"PYTHONPATH": os.pathsep.join(map(str, PATHS))}
        if daemon:
            environment["AWS_XRAY_DAEMON_ADDRESS"] = f"127.0.0.1:{receiver.getsockname()[1]}"
        if in_lambda:
            header = f"Root={TRACE_ID};Parent={FUNCTION_ID};Sampled={sampled}"
            environment |= {"LAMBDA_TASK_ROOT": "/var/task", "_X_AMZN_TRACE_ID": header}
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, list(datagrams(receiver))


def datagrams(receiver: socket.socket) -> Iterator[dict[str, Any]]:
    receiver.setblocking(False)
    while True:
        try:
            header, _, document = receiver.recv(65_536).decode().partition("\n")
        except BlockingIOError:
            return
        assert json.loads(header) == {"format": "json", "version": 1}
        yield json.loads(document)


@pytest.fixture(scope="module")
def walk() -> Walk:
    """One walk with a daemon, shared by the tests that look at what it sent."""
    return run_walk()


def test_every_step_is_a_subsegment_of_the_functions_trace(walk: Walk) -> None:
    assert {subsegment["trace_id"] for subsegment in walk.sent} == {TRACE_ID}
    steps = [s["name"] for s in walk.own if s["parent_id"] == FUNCTION_ID]
    arrived = ["load", "run", "save", "notify"]
    assert steps == [*arrived, "load", "resume", "run", "save"], "nobody is to be told at the end"


def test_subsegments_are_closed_and_without_an_error(walk: Walk) -> None:
    for subsegment in walk.own:
        assert subsegment["end_time"] >= subsegment["start_time"]
        assert not subsegment["in_progress"]
        assert not {"fault", "error"} & subsegment.keys()


def test_a_trace_is_found_by_its_session(walk: Walk) -> None:
    assert {s["annotations"]["session_id"] for s in walk.own} == {"s-1"}


def test_publish_hangs_under_run_although_it_happens_in_a_tools_thread(walk: Walk) -> None:
    tool_use_id = walk.printed["tool_use_id"]
    assert walk.printed["published"] == [f"s-1/{tool_use_id}"]
    first, resumed = walk.steps("run")
    assert walk.under(first, "local") == []
    (publish,) = walk.under(resumed, "local")
    assert publish["name"] == "publish"
    assert publish["annotations"] == {"session_id": "s-1", "tool_use_id": tool_use_id}
    assert [s["name"] for s in walk.own].count("publish") == 1


@pytest.mark.parametrize(
    ("step", "number", "calls"),
    [
        ("load", 0, ["Query"]),
        ("save", 0, ["PutItem"]),
        ("notify", 0, ["PutItem", "GetSecretValue", "Publish"]),
        ("load", 1, ["Query"]),
        ("run", 1, ["UpdateItem"]),  # C5, by the gate, in a tool's thread
        ("save", 1, ["PutItem"]),
    ],
)
def test_aws_calls_are_subsegments_of_their_step(
    walk: Walk, step: str, number: int, calls: list[str]
) -> None:
    found = walk.under(walk.steps(step)[number], "aws")
    assert [call["aws"]["operation"] for call in found] == calls


def test_no_content_is_in_a_trace(walk: Walk) -> None:
    assert "summer sale" not in json.dumps(walk.sent)


def test_without_a_daemon_the_sdk_is_not_even_imported() -> None:
    walk = run_walk(daemon=False)
    assert walk.printed["sdk_imported"] is False
    assert len(walk.printed["published"]) == 1
    assert walk.sent == []


WORKING = """
from longrunning import tracing
tracing.enable()
with tracing.subsegment("run", session_id="s-1"):
    print("done")
"""


@pytest.mark.parametrize(("sampled", "sent"), [(0, 0), (1, 1)])
def test_what_lambda_does_not_sample_is_not_sent(sampled: int, sent: int) -> None:
    printed, documents = run_traced(WORKING, sampled=sampled)
    assert (printed, len(documents)) == ("done\n", sent)


FAILING = """
from longrunning import tracing
tracing.enable()
try:
    with tracing.subsegment("run", session_id="s-1"):
        raise ValueError("the-draft-that-nobody-may-read")
except ValueError:
    print("raised")
"""


def test_a_failure_is_marked_and_what_it_says_is_not_sent() -> None:
    printed, (failed,) = run_traced(FAILING)
    assert printed == "raised\n"
    assert (failed["name"], failed["fault"], failed["in_progress"]) == ("run", True, False)
    assert "the-draft" not in json.dumps(failed)


REUSED_THREAD = """
import threading
from longrunning import tracing
tracing.enable()

def tool():
    with tracing.attached(run), tracing.subsegment("publish"):
        print(tracing.current_entity().parent_id == run.id)
    print(tracing.current_entity() is run)

with tracing.subsegment("run"):
    run = tracing.current_entity()
    thread = threading.Thread(target=tool)
    thread.start()
    thread.join()
    print(tracing.current_entity() is run)
"""


def test_the_text_of_an_aws_error_is_not_sent() -> None:
    printed, sent = run_traced(
        """
import time
import boto3
import pytest
from longrunning import tracing
from pocket import Pocket
patch = pytest.MonkeyPatch()
Pocket(time.time).install(patch)
tracing.enable()
with tracing.subsegment("load"):
    try:
        boto3.client("sqs", "eu-west-1").change_message_visibility(
            QueueUrl="https://sqs.eu-west-1.amazonaws.com/123456789012/q",
            ReceiptHandle="x",
            VisibilityTimeout=1,
        )
    except Exception as error:
        print(error)
"""
    )
    assert "queue does not exist" in printed
    assert sent, "the failed call itself is traced"
    assert printed.strip() not in json.dumps(sent)


def test_a_thread_keeps_the_parent_only_as_long_as_it_is_attached() -> None:
    """A pool's thread serves another run later; a parent that has ended takes no children."""
    printed, sent = run_traced(REUSED_THREAD)
    assert printed.split() == ["True", "False", "True"]
    assert [subsegment["name"] for subsegment in sent] == ["publish", "run"]


def test_with_a_daemon_but_outside_lambda_the_work_goes_on() -> None:
    assert run_traced(FAILING, in_lambda=False) == ("raised\n", [])


def test_until_it_is_enabled_nothing_happens() -> None:
    with tracing.subsegment("load", session_id="s-1"), tracing.attached("anything"):
        assert tracing.current_entity() is None


def test_an_exception_passes_through() -> None:
    with pytest.raises(KeyError), tracing.subsegment("load"), tracing.attached("anything"):
        raise KeyError
