"""A sampling profile of the agent function, while people approve what it asks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.throughput.flame import ROOT, Stacks, parse, samples_of_the_handler
from benchmarks.throughput.load import Crowd, LocalStack, agent_mapping

PY_SPY = shutil.which("py-spy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")
SAMPLES_PER_SECOND = 200
LONGEST_SECONDS = 180
MESSAGES_PER_SESSION = 2


class NotSampledError(Exception):
    """Such a look into another process needs the right to trace it."""


class AgentLoopError(Exception):
    """The process that was sampled did not do what it was started for."""


def sample(stack: LocalStack, people: Crowd, sessions: int) -> Stacks:
    """Takes so many sessions through the agent function in a process of its own.

    Raises:
        NotSampledError: py-spy said so; the sessions are completed without it.
        AgentLoopError: The agent function was at work in fewer samples than there are sessions.
    """
    with agent_mapping(stack) as (functions, name, mapping_id), TemporaryDirectory() as folder:
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]
        functions.update_event_source_mapping(UUID=mapping_id, Enabled=False)
        stack.wait_until_quiet()
        sent = len(people.answers)
        people.send([f"flame-{sent + number:06d}" for number in range(sessions)])
        try:
            environment = _environment(stack) | variables["Variables"]
            return record(Path(folder) / "stacks.txt", sessions, environment)
        finally:
            functions.update_event_source_mapping(UUID=mapping_id, Enabled=True)
            for _ in people.answered(sessions):
                pass


def record(path: Path, sessions: int, environment: dict[str, str]) -> Stacks:
    """Samples every thread, waiting ones too: what counts is the time until the message is done."""
    options = ["--rate", str(SAMPLES_PER_SECOND), "--idle", "--threads", "--full-filenames"]
    options += ["--format", "raw", "--output", str(path)]
    loop = [sys.executable, "-m", "benchmarks.throughput.agent_loop"]
    if not PY_SPY:
        raise NotSampledError("there is no py-spy")
    command = [PY_SPY, "record", *options, "--", *loop, str(sessions * MESSAGES_PER_SESSION)]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotSampledError(f"it took longer than {LONGEST_SECONDS} s") from error
    if done.returncode or not path.exists():
        raise NotSampledError(done.stderr[-2_000:])
    stacks = parse(path.read_text(encoding="utf-8"))
    if (found := samples_of_the_handler(stacks)) < sessions:  # py-spy ends well whatever it saw.
        raise AgentLoopError(f"{found} samples of {sessions} sessions: {done.stderr[-2_000:]}")
    return stacks


def _environment(stack: LocalStack) -> dict[str, str]:
    """What Lambda sets, and how to find the emulator, whose names end in `.localhost`."""
    description = stack.description
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    folders = (
        ".",
        "tests",
        "testkit",
        "proofs",
        "local/worker_path",
        "src/agent",
        "src/layer/python",
    )
    return kept | {
        "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in folders),
        "AWS_ENDPOINT_URL": description["endpoint_url"],
        "AWS_REGION": description["region"],
        "AWS_DEFAULT_REGION": description["region"],
        "AWS_ACCESS_KEY_ID": description["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": description["secret_access_key"],
        "AWS_EC2_METADATA_DISABLED": "true",
    }
