"""`make run KEEP=1`: the next run goes on where this one stopped; a kill loses it, and says so."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from local.emulator_messages import go, hold

from local_stack import (
    PYTHON,
    ROOT,
    STOP_SECONDS,
    LocalStack,
    free_port,
    output_of,
    start,
    stop,
    wait_for_stack_json,
    wait_until,
)

HTML = {"Accept": "text/html"}
Run = Callable[..., tuple["subprocess.Popen[str]", LocalStack]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Starts runs of one folder, one after another, each on a port of its own."""
    monkeypatch.setenv("KEEP", "1")
    processes = []

    def begin() -> tuple["subprocess.Popen[str]", LocalStack]:
        state_dir = tmp_path / "state"
        (state_dir / "stack.json").unlink(missing_ok=True)  # A killed run leaves it.
        process = start(state_dir, free_port(), ROOT, "--no-reload")
        processes.append(process)
        return process, LocalStack(wait_for_stack_json(process, state_dir), state_dir)

    yield begin
    for process in processes:
        if process.poll() is None:
            stop(process, signal.SIGTERM)


def moved(url: str, stack: LocalStack) -> str:
    """The same link, at the port of another run."""
    return re.sub(r"^http://localhost:\d+", stack.front_url, url)


def test_the_next_run_goes_on_where_this_one_stopped(run: Run, tmp_path: Path) -> None:
    process, first = run()
    published, links = first.ask("Write about what is out")
    assert first.post_form(links["approve"], decision="approved").status == 200
    first.wait_until_completed(published)
    open_one, links = first.ask("Write about what is open")
    long = first.send_task(
        "Write about Unicorn Rentals, checked and with a picture, "
        + " ".join(map(str, range(3_000)))
    )
    long_mail = first.wait_for_mail("Write about Unicorn Rentals")
    assert "base" in first.session(long), "its conversation begins in the bucket"
    first.send("no message that anybody knows")
    wait_until(lambda: first.messages_in("dead_letter_queue_url") == 1)
    later = {"type": "new", "body": {"task": "Write about what comes later"}}
    first.sqs.send_message(
        QueueUrl=first.description["queue_url"], MessageBody=json.dumps(later), DelaySeconds=900
    )
    before, mails = first.session(open_one), first.mails()
    first.close()
    assert stop(process) == 0, output_of(tmp_path / "state")
    said = output_of(tmp_path / "state")
    assert "e-mails in " in said and "make run KEEP=1 goes on." in said and "is gone" not in said
    assert not (tmp_path / "state").exists()
    assert (tmp_path / "state-kept" / "state.json").stat().st_mode & 0o077 == 0

    process, second = run()
    assert second.port != first.port
    assert second.session(open_one) == before
    assert [mail["subject"] for mail in second.mails()] == [mail["subject"] for mail in mails]
    assert str(first.port) not in str(second.mails()), "the links in e-mails lead to this run"
    assert len(second.posts("what is out")) == 1 and second.status(published) == "completed"
    second.take_dead_letter("no message that anybody knows")
    landing = second.request("GET", "/", HTML).text
    assert "Write about what comes later" in landing and "step 1 of 10, arrive" in landing
    answer = second.post_form(moved(links["approve"], second), decision="approved")
    assert answer.status == 200, "the keys of the links are those of before"
    second.wait_until_completed(open_one)
    assert len(second.posts("what is open")) == 1
    long_links = {link["label"]: moved(link["url"], second) for link in long_mail["links"]}
    assert second.post_form(long_links["approve"], decision="approved").status == 200
    second.wait_until_completed(long)
    assert len(second.posts("Unicorn Rentals")) >= 1
    assert (
        second.session(long)["outcome"]["S"]
        == second.session(open_one)["outcome"]["S"]
        == "published"
    )
    second.close()
    assert stop(process) == 0, output_of(tmp_path / "state")


def test_what_is_under_way_when_a_run_stops_goes_on_in_the_next(run: Run, tmp_path: Path) -> None:
    """Wherever an agent stands, it is as if it had died there: the message comes again."""
    tasks = [f"Write about rider number {n} of ours" for n in range(8)]
    process, first = run()
    first.ask("Write about nothing much")  # The agents' processes have started.
    sessions = [first.send_task(task) for task in tasks]
    first.wait_for_mail(tasks[0])
    tasks.append("Write about a job of Unicorn Rentals")
    sessions.append(first.send_task(f"{tasks[-1]}, checked and with a picture"))
    wait_until(lambda: {"S": "run_job"} in tools_of(first, sessions[-1]))
    first.close()
    assert stop(process) == 0, output_of(tmp_path / "state")

    process, second = run()
    for task in tasks:
        links = {link["label"]: link["url"] for link in second.wait_for_mail(task)["links"]}
        answer = second.post_form(moved(links["approve"], second), decision="approved")
        assert answer.status == 200
    for session_id in sessions:
        second.wait_until_completed(session_id)
    assert [len(second.posts(task)) for task in tasks] == [1] * len(tasks)
    second.close()
    assert stop(process) == 0, output_of(tmp_path / "state")


def tools_of(stack: LocalStack, session_id: str) -> list[dict[str, str]]:
    """Which tools a session has waited for."""
    return [wait["tool_name"] for wait in stack.approvals(session_id)]


def test_while_it_is_held_only_the_owner_passes(run: Run) -> None:
    process, stack = run()
    emulator: Any = SimpleNamespace(
        port=int(stack.description["endpoint_url"].rpartition(":")[2]),
        access_key_id=stack.description["access_key_id"],
        secret_access_key=stack.description["secret_access_key"],
    )
    hold(emulator)
    assert stack.request("GET", "/feed").status == 503
    assert stack.request("GET", "/").status == 200, "the owner reads"
    go(emulator)
    assert stack.request("GET", "/feed").status == 200
    emulator.secret_access_key = "another"
    with pytest.raises(OSError, match="403"):
        hold(emulator)
    assert stack.request("GET", "/feed").status == 200
    stack.close()
    assert stop(process) == 0


def test_a_run_that_is_killed_loses_what_it_had_and_the_next_one_says_so(
    run: Run, tmp_path: Path
) -> None:
    process, first = run()
    kept, _ = first.ask("Write about what is kept")
    first.close()
    assert stop(process) == 0

    process, second = run()
    lost, _ = second.ask("Write about what is lost")
    second.close()
    stop(process, signal.SIGKILL)

    process, third = run()
    said = output_of(tmp_path / "state")
    assert "was killed" in said and "what happened in it is lost" in said
    assert "this one goes on from what was kept at" in said
    assert third.status(kept) == "waiting" and third.session(lost) == {}
    assert [mail["body"].count("what is kept") > 0 for mail in third.mails()] == [True]
    third.close()
    assert stop(process) == 0
    assert not (tmp_path / "state-kept" / "running").exists(), "the next one has nothing to say"


def test_what_cannot_be_read_starts_nothing(tmp_path: Path) -> None:
    kept = tmp_path / "state-kept"
    kept.mkdir()
    (kept / "state.json").write_text('{"format": 1, "mails": [')
    begun = subprocess.run(
        [str(PYTHON), "-m", "local", "run", "--state-dir", str(tmp_path / "state")],
        cwd=ROOT,
        env=os.environ | {"PORT": str(free_port()), "KEEP": "1"},
        capture_output=True,
        text=True,
        timeout=STOP_SECONDS,
    )
    assert begun.returncode == 1
    assert "cannot be read" in begun.stderr and "Nothing was started. Delete" in begun.stderr
    assert (kept / "state.json").exists() and not (tmp_path / "state").exists()
