"""A real model under `make run`: Bedrock with a profile, and what the agent's function is given.

The profile file and Bedrock are the test's own, on this machine.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from local.bedrock import VARIABLE
from local.bedrock_process import Profile
from local.bedrock_profile import ProfileError

from bedrock_stand_in import BedrockStandIn
from converse_stand_in import Turn, tool_use
from local_stack import (
    PYTHON,
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
OF_THE_SHELL = "AKIAOFTHESHELL"
NEEDS_PROC = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="no /proc tells what a process was given"
)
PROFILES = """\
[profile whole]
region = eu-west-1
aws_access_key_id = A
aws_secret_access_key = s
[profile nowhere]
aws_access_key_id = A
aws_secret_access_key = s
[profile empty]
region = eu-west-1
[profile sso]
region = eu-west-1
sso_session = corp
sso_account_id = 123456789012
sso_role_name = writer
[sso-session corp]
sso_start_url = https://sso.example.com/start
sso_region = eu-west-1
[profile broken]
region = eu-west-1
credential_process = false
"""


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

    def page(self, session_id: str) -> str:
        return self.stack.request("GET", f"/local/sessions/{session_id}").text

    def family(self) -> dict[int, str]:
        """Returns the command line of every process of the run that works now."""
        found = {pid: args for pid, _, args in processes() if str(self.stack.state_dir) in args}
        while True:
            children = {p: a for p, parent, a in processes() if parent in found and p not in found}
            if not children:
                return found
            found |= children

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
        f"with open({str(folder / 'callers')!r}, 'a') as file: print(os.getppid(), file=file)\n"
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
        "AWS_ACCESS_KEY_ID": OF_THE_SHELL,
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
        made = Real(stack, bedrock, folder)
        yield made
        family = made.family()
        stack.close()
        assert stop(process) == 0, output_of(state_dir)
        assert not family.keys() & {pid for pid, _, _ in processes()}
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


@NEEDS_PROC
def test_bedrock_alone_is_called_with_the_profile_and_all_else_with_the_emulators_keys(
    real: Real, task: str
) -> None:
    real.stack.sweep()
    real.bedrock.signed.clear()
    real.ask(task)
    (signed,) = real.bedrock.signed
    assert signed.is_good
    assert (signed.access_key_id, signed.region) == (FIRST, REGION)
    assert signed.service == "bedrock"
    # Each of the functions' processes has a key of the emulator, which checks every signature.
    for function in ("agent", "sweeper"):
        environments = [environment_of(pid) for pid in real.stack.workers(function)]
        assert environments
        for environment in environments:
            assert environment["AWS_ENDPOINT_URL"] == real.stack.description["endpoint_url"]
            assert environment["AWS_ACCESS_KEY_ID"] not in (*KEYS, OF_THE_SHELL)
            assert "AWS_PROFILE" not in environment
            assert environment["AWS_CONFIG_FILE"] == os.devnull


def test_one_process_alone_reads_the_profile(real: Real) -> None:
    family = real.family()
    callers = {int(pid) for pid in (real.folder / "callers").read_text().split()}
    assert len(callers) == 1
    assert all("local.bedrock_process" in family[pid] for pid in callers)


@NEEDS_PROC
def test_no_secret_is_in_a_file_a_log_or_an_environment_but_the_agents(real: Real) -> None:
    files = [path for path in real.stack.state_dir.rglob("*") if path.is_file()]
    assert len(files) > 3
    for text in [real.output().encode(), *(path.read_bytes() for path in files)]:
        assert not any(secret.encode() in text for secret in (*KEYS.values(), PASSED))
    agents = set(real.stack.workers("agent"))
    for pid in real.family():
        values = environment_of(pid).values()
        assert not set(KEYS.values()) & set(values)
        # The run itself has it from the shell, and what it starts beside the emulator.
        if "ministack-lambda" in real.family().get(pid, ""):
            assert (PASSED in values) == (pid in agents)


def test_the_agents_function_alone_is_given_a_model_and_a_key(real: Real) -> None:
    found = {name: variables_of(real.stack, name) for name in real.stack.description["functions"]}
    assert len(found) == 5
    for name, variables in found.items():
        assert (variables.get("MODEL_KEY") == PASSED) == (name == "agent")
        assert (VARIABLE in variables) == (name == "agent")
    assert found["agent"][VARIABLE].startswith("http://127.0.0.1:")


def test_who_does_not_know_the_agents_address_gets_nothing_from_bedrock(real: Real) -> None:
    variables = variables_of(real.stack, "agent")
    origin = variables[VARIABLE].rpartition("/")[0]
    before = len(real.bedrock.signed)
    for path in (f"/model/{NOVA}/converse", f"/guess/model/{NOVA}/converse", "/"):
        answer = real.stack.request("POST", f"{origin}{path}", body=b"{}")
        assert answer.status == 403, answer.text
    assert len(real.bedrock.signed) == before


@pytest.mark.parametrize(
    ("status", "code", "message", "todo"),
    [
        (403, "AccessDeniedException", "You do not have access.", "bedrock:InvokeModel"),
        (400, "ValidationException", "The model identifier is invalid.", "list-inference-profiles"),
    ],
    ids=["no access", "no such model"],
)
def test_what_bedrock_refuses_is_on_the_terminal_and_the_page_and_goes_on_once_mended(
    real: Real, task: str, status: int, code: str, message: str, todo: str
) -> None:
    real.bedrock.refuses_with = (status, code, message)
    before = len(real.stack.mails(DRAFT))
    session_id = real.stack.send_task(task)
    wait_until(lambda: f"Bedrock, {code}: {message}" in real.output())
    assert todo in real.output().partition(f"Bedrock, {code}: {message}")[2].splitlines()[1]
    page = real.page(session_id)
    assert "There is no such session" in page
    assert f"Bedrock, {code}: {message}" in page
    assert todo in page
    real.bedrock.refuses_with = None
    real.stack.wait_for_mail(DRAFT, before + 1)
    assert f"Bedrock, {code}" not in real.page(session_id)


def test_an_answer_that_breaks_off_is_asked_for_again(real: Real, task: str) -> None:
    real.bedrock.breaks = True
    before = len(real.bedrock.signed)
    real.ask(task)
    assert not real.bedrock.breaks
    assert len(real.bedrock.signed) >= before + 2


def test_a_decision_that_the_model_is_not_told_yet_says_so_on_the_page(
    real: Real, task: str
) -> None:
    session_id, link = real.ask(task)
    real.bedrock.refuses_with = (503, "ServiceUnavailableException", "Bedrock is down.")
    assert real.stack.post_form(link, decision="denied").status == 200
    wait_until(lambda: "Bedrock is down." in real.page(session_id))
    real.bedrock.refuses_with = None
    real.stack.wait_until_completed(session_id)
    assert "Bedrock is down." not in real.page(session_id)


def test_credentials_that_have_ended_are_renewed_once_somebody_has_signed_in_again(
    real: Real, task: str
) -> None:
    del real.bedrock.keys[FIRST]
    before = len(real.stack.mails(DRAFT))
    real.stack.send_task(task)
    wait_until(lambda: "aws sso login --profile team" in real.output())
    real.sign_in(SECOND, TOKEN)
    real.stack.wait_for_mail(DRAFT, before + 1)
    assert real.bedrock.signed[-1].access_key_id == SECOND
    assert real.bedrock.signed[-1].token == TOKEN
    assert TOKEN not in real.output()


def test_the_process_ends_with_a_run_that_was_killed(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(PROFILES)
    code = (
        "import os, time\n"
        "from local import shell\n"
        "from local.bedrock import Bedrock\n"
        "from local.settings import make_settings\n"
        "shell.take_aws()\n"
        "bedrock = Bedrock(make_settings(3000))\n"
        "bedrock.start()\n"
        "print(bedrock._process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    run = subprocess.Popen(
        [str(PYTHON), "-c", code],
        cwd=ROOT,
        env=os.environ
        | {"BEDROCK_PROFILE": "whole", "MODEL_ID": NOVA}
        | {"AWS_CONFIG_FILE": str(tmp_path / "config")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    pid = int(run.stdout.readline())
    assert pid in {found for found, _, _ in processes()}
    run.kill()
    run.wait()
    run.stdout.close()
    wait_until(lambda: pid not in {found for found, _, _ in processes()})


# --- before anything starts -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ("nobody", "there is no such profile"),
        ("nowhere", "aws configure set region us-east-1 --profile nowhere"),
        ("empty", "aws configure --profile empty"),
        ("sso", "aws sso login --profile sso"),
        ("broken", "its credentials cannot be had"),
    ],
)
def test_a_profile_that_is_no_use_is_said_before_anything_starts(
    tmp_path: Path, profile: str, said: str
) -> None:
    (tmp_path / "config").write_text(PROFILES)
    done = subprocess.run(
        [str(PYTHON), "-m", "local", "run", "--state-dir", str(tmp_path / "state")],
        cwd=ROOT,
        env=os.environ
        | {"BEDROCK_PROFILE": profile, "MODEL_ID": NOVA, "PORT": str(free_port())}
        | {"AWS_CONFIG_FILE": str(tmp_path / "config"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert f"BEDROCK_PROFILE={profile}: " in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "state").exists()


def test_a_profile_is_read_again_after_it_was_no_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text("[profile team]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    profile = Profile("team")
    with pytest.raises(ProfileError, match="has no credentials"):
        profile.access()
    for number in (1, 2):
        credentials.write_text(
            f"[team]\naws_access_key_id = AKIA{number}\naws_secret_access_key = secret\n"
        )
        access = profile.access()
        assert access.credentials.access_key == f"AKIA{number}"
        assert access.region == "eu-west-1"
        profile.forget()


def test_a_region_of_the_shell_wins_over_the_profiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile team]\nregion = eu-west-1\naws_access_key_id = A\naws_secret_access_key = s\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    access = Profile("team").access()
    assert (access.region, access.endpoint_url) == (
        "us-west-2", "https://bedrock-runtime.us-west-2.amazonaws.com",
    )  # fmt: skip


def variables_of(stack: LocalStack, function: str) -> dict[str, str]:
    """Returns the environment that a function is configured with."""
    with closing(stack.client("lambda")) as functions:
        found = functions.get_function_configuration(
            FunctionName=stack.description["functions"][function]
        )
    variables: dict[str, str] = found["Environment"]["Variables"]
    return variables


def environment_of(pid: int) -> dict[str, str]:
    """Returns what a process was started with."""
    text = Path(f"/proc/{pid}/environ").read_bytes().decode()
    return dict(pair.split("=", 1) for pair in text.split("\0") if "=" in pair)
