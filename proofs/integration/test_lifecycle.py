"""Starting and stopping: clear words when it cannot start, and nothing left behind."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from local.story import HELD_SECONDS

from local_stack import (
    PYTHON,
    ROOT,
    STOP_SECONDS,
    LocalStack,
    free_port,
    output_of,
    processes,
    start,
    stop,
    wait_for_stack_json,
    wait_until,
)

NO_RELOAD = "--no-reload"  # Whoever edits a source while the tests run shall not disturb them.

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Start]:
    """Starts runs in `tmp_path / "state"`, and ends those that a failed test leaves."""
    processes = []

    def begin(port: int, root: Path = ROOT, *options: str) -> "subprocess.Popen[str]":
        processes.append(start(tmp_path / "state", port, root, *options))
        return processes[-1]

    yield begin
    for process in processes:
        if process.poll() is None:
            stop(process, signal.SIGTERM)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what a run needs, to break."""
    return copy_project(tmp_path / "project")


@dataclass(frozen=True)
class Edited:
    """A copy of the project that runs, and is edited meanwhile."""

    root: Path
    stack: LocalStack

    def output(self) -> str:
        return output_of(self.stack.state_dir)

    def reloads_of(self, logical_id: str) -> int:
        return self.output().count(f"reloaded {logical_id} in")


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edited]:
    """One for all tests that edit: the first start of a copy builds everything."""
    folder = tmp_path_factory.mktemp("edited")
    root, state_dir = copy_project(folder / "project"), folder / "state"
    process = start(state_dir, free_port(), root)
    try:
        stack = LocalStack(wait_for_stack_json(process, state_dir), state_dir)
        yield Edited(root, stack)
        stack.close()
        assert stop(process) == 0
    finally:
        if process.poll() is None:
            stop(process, signal.SIGTERM)


def copy_project(root: Path) -> Path:
    for name in ("local", "src", "targets", "monitoring"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(ROOT / name, root / name)
    (root / ".venv").symlink_to(ROOT / ".venv")
    return root


def test_busy_port_is_said_and_nothing_is_touched(started: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        assert started(port).wait(timeout=30) == 1
    assert f"Port {port} is busy" in output_of(tmp_path / "state")
    assert not (tmp_path / "state").exists()


def test_second_run_leaves_the_first_and_its_file_alone(stack: LocalStack) -> None:
    path = stack.state_dir / "stack.json"
    before = path.read_bytes()
    for port, words in ((stack.port, "is busy"), (free_port(), "runs already, at")):
        second = subprocess.run(
            [str(PYTHON), "-m", "local", "run", "--state-dir", str(stack.state_dir)],
            cwd=ROOT,
            env=os.environ | {"PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert second.returncode == 1
        assert words in second.stderr
    assert path.read_bytes() == before
    assert stack.request("GET", "/").status == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_everything(started: Start, tmp_path: Path, number: int) -> None:
    process = started(free_port(), ROOT, NO_RELOAD)
    stack = LocalStack(wait_for_stack_json(process, tmp_path / "state"), tmp_path / "state")
    assert stack.request("GET", "/feed").status == 200  # A worker runs now, too.
    family = _descendants(process.pid)
    assert len(family) >= 2
    stack.close()
    process.send_signal(number)
    wait_until(lambda: "Stopping …" in output_of(tmp_path / "state"))
    if process.poll() is None:
        process.send_signal(number)  # Whoever is in a hurry presses again.
    assert process.wait(timeout=STOP_SECONDS) == 0
    assert "Stopped. What was in it is gone: make run KEEP=1 keeps it." in output_of(
        tmp_path / "state"
    )
    _assert_gone(family, tmp_path / "state", stack.port)


def test_signal_while_it_starts_ends_everything(started: Start, tmp_path: Path) -> None:
    port = free_port()
    process = started(port, ROOT, NO_RELOAD)
    wait_until(lambda: len(_descendants(process.pid)) > 0)
    family = _descendants(process.pid)
    stop(process)
    _assert_gone(family, tmp_path / "state", port)


def test_death_of_the_emulator_ends_the_run_and_says_so(started: Start, tmp_path: Path) -> None:
    process = started(free_port(), ROOT, NO_RELOAD)
    description = wait_for_stack_json(process, tmp_path / "state")
    family = _descendants(process.pid)
    os.kill(family[0], signal.SIGKILL)
    assert process.wait(timeout=30) == 1
    assert "The emulator ended by itself" in output_of(tmp_path / "state")
    _assert_gone(family, tmp_path / "state", int(description["front_url"].rpartition(":")[2]))


def test_kill_leaves_no_process_and_the_next_run_cleans_up(started: Start, tmp_path: Path) -> None:
    port = free_port()
    process = started(port, ROOT, NO_RELOAD)
    wait_for_stack_json(process, tmp_path / "state")
    family = _descendants(process.pid)
    process.kill()
    process.wait()
    wait_until(lambda: not any(map(_is_alive, family)))
    (tmp_path / "state" / "stack.json").write_text("stale")
    second = started(port, ROOT, NO_RELOAD)
    wait_until(lambda: (tmp_path / "state" / "stack.json").exists() is False)
    wait_for_stack_json(second, tmp_path / "state")
    assert stop(second) == 0
    assert not (tmp_path / "state").exists()


def test_failing_build_shows_what_sam_says(started: Start, project: Path, tmp_path: Path) -> None:
    template = (project / "template.yaml").read_text()
    (project / "template.yaml").write_text(template + "\nnot: [yaml\n")
    port = free_port()
    assert started(port, project).wait(timeout=60) == 1
    assert "sam build failed" in output_of(tmp_path / "state")
    assert "while parsing a flow sequence" in output_of(tmp_path / "state")
    _assert_gone([], tmp_path / "state", port)


def test_missing_sam_is_said(started: Start, project: Path, tmp_path: Path) -> None:
    (project / ".venv").unlink()
    assert started(free_port(), project).wait(timeout=30) == 1
    assert "The SAM CLI is missing" in output_of(tmp_path / "state")
    assert not (tmp_path / "state").exists()


def test_changed_file_becomes_running_code(edited: Edited) -> None:
    def answer() -> str:
        return edited.stack.request("GET", "/posts").text

    assert json.loads(answer()) == {"posts": []}
    handler = edited.root / "src" / "unitok" / "unitok_handler.py"
    layer = edited.root / "src" / "layer" / "python" / "longrunning" / "observability.py"
    before, layer_before = handler.read_text(), layer.read_text()
    changed = f"{before}\ndef handler(event, context):\n    return observability.WORD\n"
    layer.write_text(layer_before + "\nWORD = {'body': 'first'}\n")
    handler.write_text(changed)
    wait_until(lambda: "first" in answer())
    layer.write_text(layer_before + "\nWORD = {'body': 'second'}\n")
    wait_until(lambda: "second" in answer())
    handler.write_text(changed + "\nthis is no Python\n")
    refused = "UniTokFunction not reloaded, the old code runs on: src/unitok/unitok_handler.py"
    wait_until(lambda: refused in edited.output())
    assert "second" in answer()
    handler.write_text(before)
    layer.write_text(layer_before)
    wait_until(lambda: answer() == '{"posts": []}')
    assert edited.reloads_of("UniTokFunction") == 2
    assert edited.reloads_of("SharedLayer") >= 1
    assert edited.reloads_of("AgentFunction") == 0


def test_changed_template_asks_for_a_new_start(edited: Edited) -> None:
    template = edited.root / "template.yaml"
    template.write_text(template.read_text() + "# changed\n")
    wait_until(lambda: "template.yaml has changed: start again" in edited.output())


def test_a_task_of_the_time_of_a_mistake_is_handled_seconds_after_it_is_mended(
    edited: Edited,
) -> None:
    """The queue would keep it away for twelve minutes: far longer than is waited for here."""
    definition = edited.root / "src" / "agent" / "agent_definition.py"
    before, reloads = definition.read_text(), edited.reloads_of("AgentFunction")
    definition.write_text(f"{before}\ndef make_model(*_):\n    raise ValueError('no model')\n")
    wait_until(lambda: edited.reloads_of("AgentFunction") == reloads + 1)
    edited.stack.send_task("Sent meanwhile")
    wait_until(lambda: "ValueError: no model" in edited.output())
    definition.write_text(before)
    wait_until(lambda: edited.reloads_of("AgentFunction") == reloads + 2)
    edited.stack.wait_for_mail("Sent meanwhile")
    assert edited.stack.messages_in("dead_letter_queue_url") == 0


def test_a_run_whose_folder_is_deleted_says_so_and_ends(started: Start, tmp_path: Path) -> None:
    port = free_port()
    process = started(port, ROOT, NO_RELOAD)
    wait_for_stack_json(process, tmp_path / "state")
    family = _descendants(process.pid)
    shutil.rmtree(tmp_path / "state", ignore_errors=True)
    assert process.wait(timeout=STOP_SECONDS) == 1
    assert "state was deleted, and this run lives in it: start again" in output_of(
        tmp_path / "state"
    )
    _assert_gone(family, tmp_path / "state", port)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "3000x"])
def test_port_that_is_none_is_said(port: str) -> None:
    answer = _local("run", PORT=port)
    assert answer.returncode == 1
    assert f"PORT={port} is no port number" in answer.stderr


def test_old_python_is_said() -> None:
    code = "import sys; sys.version_info = (3, 10, 9); sys.argv = ['local', 'run']; "
    code += "import runpy; runpy.run_module('local', run_name='__main__')"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert answer.returncode == 2
    assert "Python 3.11 or newer is needed" in answer.stderr


def test_task_goes_to_the_stack_that_runs(stack: LocalStack, task: str) -> None:
    odd = f"{task} $HOME \"quoted\" 'too' ünï 🦄"
    answer = _local("task", "--state-dir", str(stack.state_dir), TASK=odd)
    assert answer.returncode == 0, answer.stderr
    assert odd in stack.wait_for_mail(task)["body"]


@pytest.mark.parametrize("text", ["", "  \n "])
def test_task_without_a_text_is_refused(stack: LocalStack, text: str) -> None:
    answer = _local("task", "--state-dir", str(stack.state_dir), TASK=text)
    assert answer.returncode == 1
    assert "There is no task" in answer.stderr


def test_task_without_a_stack_says_how_to_start_one(tmp_path: Path) -> None:
    assert "make run" in _local("task", "--state-dir", str(tmp_path), TASK="x").stderr
    stale = {"front_url": f"http://localhost:{free_port()}"}
    (tmp_path / "stack.json").write_text(json.dumps(stale))
    answer = _local("task", "--state-dir", str(tmp_path), TASK="x")
    assert answer.returncode == 1
    assert "make run" in answer.stderr


def test_demo_walks_the_ten_steps_beside_a_running_stack(stack: LocalStack, task: str) -> None:
    answer = _local("demo", PORT=str(stack.port), TASK=task, STORY="approval")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"Port {stack.port} is busy" in answer.stdout
    words = [line.split()[0] for line in answer.stdout.splitlines() if line.startswith("  ")]
    steps = "arrive validate load run pause save notify decide resume publish".split()
    assert [word for word in words if word in steps] == steps
    assert f"| “{task}”" in answer.stdout
    assert stack.request("GET", "/").status == 200
    assert not stack.mails(task)


def test_demo_tells_of_everything_that_may_wait_in_a_minute_and_a_half() -> None:
    started = time.monotonic()
    answer = _local("demo", PORT=str(free_port()))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    told = re.findall(r"^ +([0-9.]+) s  (\w*) +(.*)$", answer.stdout, re.M)
    assert [name for _, name, _ in told if name] == [
        "ask_agent", "ask_agent", "run_job", "human_approval",
        "ask_agent", "human_approval", "wait_until", "publish_post",
    ]  # fmt: skip
    notes = [note for _, name, note in told if not name]
    for note, begins in zip(
        notes,
        ["rejected: It is too short", "good", "drawn: https://", 'denied: "More sparkle', "good",
         "approved", "It is 20"],
        strict=True,
    ):  # fmt: skip
        assert note.startswith(begins), notes
    times = [float(at) for at, _, _ in told]
    assert times == sorted(times)
    assert times[-1] >= HELD_SECONDS - 1, "the timer is not early"
    assert time.monotonic() - started < 90


@pytest.mark.parametrize("mail_from", ["", "approvals@example.com"])
def test_demo_tells_of_people_who_must_agree(mail_from: str) -> None:
    """Its e-mails go by SNS, or by SES to each person's address."""
    answer = _local("demo", PORT=str(free_port()), STORY="people", MAIL_FROM=mail_from)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    told = re.findall(r"^ +([0-9.]+) s  (\w+) +(.*)$", answer.stdout, re.M)
    names = "rule asked requester vote changed vote paid question inbox answer done".split()
    assert [name for _, name, _ in told] == names
    notes = dict(zip(names, (note for _, _, note in told), strict=True))
    assert "rule:small-refund, nobody was asked" in notes["rule"]
    assert "2 of bob, cyd, dan must agree" in notes["asked"]
    assert "(403)" in notes["requester"]
    assert "cyd looks again and approves from a shell" in notes["vote"]
    assert notes["paid"].startswith("99.50 EUR")
    assert "cyd signs in by an e-mail" in notes["inbox"]
    times = [float(at) for at, _, _ in told]
    assert times == sorted(times)


def test_demo_refuses_an_unknown_story() -> None:
    answer = _local("demo", STORY="tale")
    assert answer.returncode == 1
    assert "STORY=tale is no story: long or approval or people." in answer.stderr


def test_demo_names_the_step_that_fails(project: Path) -> None:
    handler = project / "src" / "approval_api" / "approval_handler.py"
    broken = "\ndef handler(event, context):\n    return {'statusCode': 500, 'body': 'broken'}\n"
    handler.write_text(handler.read_text() + broken)
    answer = _local("demo", root=project, PORT=str(free_port()), STORY="approval")
    assert answer.returncode == 1
    assert "The step decide failed" in answer.stderr


def _local(
    command: str, *options: str, root: Path = ROOT, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(PYTHON), "-m", "local", command, *options],
        cwd=root,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


def _descendants(pid: int) -> list[int]:
    """Returns the children of a process, theirs, and so on, nearest first."""
    pairs = [(child, parent) for child, parent, _ in processes()]
    found, parents = [], {pid}
    while parents:
        parents = {child for child, parent in pairs if parent in parents}
        found.extend(sorted(parents))
    return found


def _is_alive(pid: int) -> bool:
    return any(pid == other for other, _, _ in processes())


def _assert_gone(family: list[int], state_dir: Path, port: int) -> None:
    time.sleep(0.1)
    assert not [pid for pid in family if _is_alive(pid)]
    assert not state_dir.exists()
    with socket.create_server(("127.0.0.1", port), reuse_port=False):
        pass
