"""The lab: every cell of its notebook on a stack of its own, with the solutions of the exercises.

What a cell prints must be what the page shows below it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from local.settings import STACK_NAME
from operate import stacks

import example_modules
import lab_notebook
from local_stack import LocalStack, running_stack

pytestmark = pytest.mark.skipif(
    not example_modules.IS_HERE, reason="the lab is about the example's agent"
)

SWEEP_EVERY_SECONDS = 3
SOON_SECONDS = 30
"""Instead of 40: until then the task's question must be asked, and its agent have come back."""

DEPLOYED = {
    "AWS_ENDPOINT_URL": "endpoint_url",
    "AWS_DEFAULT_REGION": "region",
    "AWS_ACCESS_KEY_ID": "access_key_id",
    "AWS_SECRET_ACCESS_KEY": "secret_access_key",
}

NAMES = {"__name__": "lab_of_the_tests"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack of its own: the lab counts all that is there."""
    with running_stack(tmp_path_factory.mktemp("lab")) as stack:
        yield stack


@pytest.fixture
def lab(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The lab's modules, as they find the stack of `make run`."""
    lab = lab_notebook.lab
    monkeypatch.setattr(stacks, "_keep_to_this_machine", lambda: None)
    monkeypatch.setattr(lab, "STATE_DIR", stack.state_dir)
    monkeypatch.setattr(lab, "SOON_SECONDS", SOON_SECONDS)
    monkeypatch.delenv("STACK", raising=False)
    monkeypatch.chdir(lab_notebook.FOLDER)
    with _sweeping(stack):
        yield


@contextmanager
def _sweeping(stack: LocalStack) -> Iterator[None]:
    """Has the sweeper come every few seconds: the timer need not wait for its minute."""
    is_over = threading.Event()

    def sweep() -> None:
        while not is_over.wait(SWEEP_EVERY_SECONDS):
            stack.sweep()

    thread = threading.Thread(target=sweep)
    thread.start()
    yield
    is_over.set()
    thread.join()


@pytest.mark.usefixtures("lab")
def test_the_whole_lab_runs_and_prints_what_its_page_shows(stack: LocalStack) -> None:
    names, compared, checked = dict(NAMES), 0, 0
    try:
        for code, expected in lab_notebook.code_cells():
            printed = lab_notebook.play(lab_notebook.solved(code), names)
            if expected is not None:
                assert lab_notebook.fits(printed, expected), f"{code}\n\nprinted:\n{printed}"
                compared += 1
            elif code.startswith("print(checks."):
                assert printed == "Right.\n", f"{code}\n\nprinted:\n{printed}"
                checked += 1
    finally:
        if "stack" in names:
            names["stack"].close()
    assert compared > 25
    assert checked == len(lab_notebook.exercises()) == 7
    queues = stack.sqs.list_queues(QueueNamePrefix="local-smoke-")
    assert not queues.get("QueueUrls"), "the lab's mailbox was left behind"


@pytest.mark.usefixtures("lab")
def test_a_deployed_stack_is_found_by_its_name(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    """The emulator stands for AWS: the lab is told the stack's name, and nothing of `make run`."""
    monkeypatch.setattr(lab_notebook.lab, "STATE_DIR", stack.state_dir / "nothing")
    for name, key in DEPLOYED.items():
        monkeypatch.setenv(name, stack.description[key])
    monkeypatch.setenv("STACK", STACK_NAME)
    names = dict(NAMES)
    told = lab_notebook.play("import lab\n\nstack = lab.connect()", names)
    assert told == f"Stack {STACK_NAME} (AWS, {stack.description['region']}) answers.\n"
    found = names["stack"]
    try:
        session_id = found.send(task)
        found.click(found.wait_for_mail(session_id).approve, "approved")
        assert found.wait_until_ended(session_id)["outcome"] == "published"
        assert task in found.posts(session_id)[0]["content"]
    finally:
        found.close()
