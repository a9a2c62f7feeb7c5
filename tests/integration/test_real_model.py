"""A real model under `make run`: Bedrock with a profile, and what else the agent's function is given.

The profile file and Bedrock are the test's own, on this machine.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from local.bedrock_process import Profile
from local.bedrock_profile import ProfileError
from local.bedrock import VARIABLE

from bedrock_stand_in import BedrockStandIn
from converse_stand_in import Turn, tool_use
from local_stack import (
    ROOT,
    LocalStack,
    free_port,
    output_of,
    processes,
    start,
    stop,
    wait_for_stack_json,
    wait_until,
)

NOVA = "us.amazon.nova-lite-v1:0"
REGION = "eu-west-1"
FIRST, SECOND = "AKIAFIRST", "ASIASECOND"
KEYS = {FIRST: "first-very-secret", SECOND: "second-very-secret"}
PASSED = "passed-very-secret"
TOKEN = "a-session-token-that-is-secret"
DRAFT = "Two rides for one, says a real model"
EMULATED = "http://127.0.0.1:"


def play(request: dict[str, Any]) -> Turn:
    """Asks, publishes what was approved, and ends."""
    blocks = [block for message in request["messages"] for block in message["content"]]
    answered = [block for block in blocks if "toolResult" in block]
    if len(answered) == 2:
        return "It is published."
    name = "publish_post" if answered else "human_approval"
    return [tool_use(f"call-{len(answered)}", name, {"content": DRAFT})]


@dataclass(frozen=True)
class Real:
    """A stack whose model is on Bedrock, which is a stand-in."""

    stack: LocalStack
    bedrock: BedrockStandIn
    folder: Path

    def sign_in(self, key_id: str, token: str = "") -> None:
        """Has the profile's program hand out these credentials from now on; good for an hour."""
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        made = {"Version": 1, "AccessKeyId": key_id, "SecretAccessKey": KEYS.get(key_id, "none")}
        made |= {"SessionToken": token, "Expiration": until} if token else {}
        (self.folder / "made.json").write_text(json.dumps(made))

    def output(self) -> str:
        return output_of(self.stack.state_dir)

    def ask(self, task: str) -> tuple[str, str]:
        """Sends a task, waits for the question of the model; returns the session and the link."""
        before = len(self.stack.mails(DRAFT))
        session_id = self.stack.send_task(task)
        mail = self.stack.wait_for_mail(DRAFT, before + 1)
        return session_id, mail["links"][0]["url"]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    """One stack for all tests here; the profile's credentials come from a program."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "config").write_text(
        f"[profile team]\nregion = {REGION}\n"
        f"credential_process = {sys.executable} {folder / 'made.py'}\n"
    )
    (folder / "made.py").write_text(
        "import os, pathlib\n"
        f"assert os.environ['AWS_CONFIG_FILE'] == {str(folder / 'config')!r}\n"
        f"print(pathlib.Path({str(folder / 'made.json')!r}).read_text())\n"
    )
    bedrock = BedrockStandIn(play, KEYS)
    exported = {
        "BEDROCK_PROFILE": "team",
        "MODEL_ID": NOVA,
        "PASS": "MODEL_KEY",
        "MODEL_KEY": PASSED,
        "AWS_CONFIG_FILE": str(folder / "config"),
        VARIABLE: bedrock.url,
        "AWS_ACCESS_KEY_ID": "AKIAOFTHESHELL",
        "AWS_SECRET_ACCESS_KEY": "of-the-shell",
    }
    state_dir = folder / "state"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in exported.items():
            patch.setenv(name, value)
        Real(None, bedrock, folder).sign_in(FIRST)  # type: ignore[arg-type]
        process = start(state_dir, free_port(), ROOT, "--no-reload")
    try:
        stack = LocalStack(wait_for_stack_json(process, state_dir), state_dir)
        yield Real(stack, bedrock, folder)
        stack.close()
        assert stop(process) == 0, output_of(state_dir)
        assert not [args for _, _, args in processes() if "local.bedrock_process" in args
                    and str(os.getpid()) in args]  # fmt: skip
    finally:
        if process.poll() is None:
            stop(process, signal.SIGTERM)
        bedrock.close()


def test_a_task_goes_past_a_model_on_bedrock_to_its_post(real: Real, task: str) -> None:
    session_id, link = real.ask(task)
    answer = real.stack.post_form(link, decision="approved")
    assert answer.status == 200, answer.text
    real.stack.wait_until_completed(session_id)
    assert [post["content"] for post in real.stack.posts(DRAFT)] == [DRAFT]
    assert real.bedrock.model_ids == [NOVA] * 3
    assert not real.bedrock.faults


def test_bedrock_alone_gets_the_profiles_signature_and_nothing_but_bedrock_is_called_so(
    real: Real, task: str
) -> None:
    real.bedrock.signed.clear()
    since = time.time()
    real.ask(task)
    (signed,) = real.bedrock.signed
    assert signed.is_good
    assert (signed.access_key_id, signed.region) == (FIRST, REGION)
    assert signed.service == "bedrock"
    services = {span["name"] for span in real.stack.spans(since) if span["operation"]}
    assert {"dynamodb", "sns"} <= services  # They were answered, and only the emulator has them.
