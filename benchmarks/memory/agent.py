"""The parent's end of `agent_process`: hands it messages, and keeps what it tells."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.cycle.engine import NOBODY
from benchmarks.warm.memory import peak_megabytes

ROOT = Path(__file__).resolve().parents[2]
TRACED = f"Root=1-6730aaaa-{'0' * 24};Parent={'0' * 16};Sampled=1"
PROGRAM = Path(__file__).with_name("agent_process.py")
FOLDERS = ("src/layer/python", "src/agent")


@dataclass
class Agent:
    """A running process of the agent function.

    Attributes:
        start_seconds: Processor seconds of its start, before the first message.
        first_seconds: Of its first message, for which the clients are made.
        message_seconds: Of each later one.
        megabytes: The peak of its memory so far, in 10^6 bytes.
    """

    process: "subprocess.Popen[str]"
    start_seconds: float = 0
    first_seconds: float = 0
    message_seconds: list[float] = field(default_factory=list)
    megabytes: float = 0

    def handle(self, event: dict[str, Any]) -> Any:
        """Has it handle an event; returns its answer."""
        if not self.process.stdin:
            raise RuntimeError("the agent's process cannot be written to")
        self.process.stdin.write(json.dumps(event) + "\n")
        self.process.stdin.flush()
        told = self.read()
        if self.first_seconds:
            self.message_seconds.append(told["cpu_seconds"])
        self.first_seconds = self.first_seconds or told["cpu_seconds"]
        return told["answer"]

    def read(self) -> dict[str, Any]:
        """Reads what it tells next."""
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise RuntimeError("the agent's process has ended")
        told: dict[str, Any] = json.loads(line)
        self.megabytes = peak_megabytes(self.process.pid)
        return told


@contextmanager
def agent_process(model_url: str) -> Iterator[Agent]:
    """Starts the function as Lambda does, from source: its package has no bytecode.

    Args:
        model_url: Where Bedrock's stand-in answers, and the receiver of posts.
    """
    with TemporaryDirectory(prefix="bytecode-") as nothing:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in FOLDERS),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPYCACHEPREFIX": nothing,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": model_url,
            "PUBLISH_ENDPOINT_URL": model_url,
            "MODEL_ID": "anthropic.stand-in",
            "AWS_XRAY_DAEMON_ADDRESS": NOBODY,
            "_X_AMZN_TRACE_ID": TRACED,
            "LAMBDA_TASK_ROOT": str(ROOT / "src/agent"),
        }
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-P", str(PROGRAM)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        agent = Agent(process)
        try:
            agent.start_seconds = agent.read()["cpu_seconds"]
            yield agent
        finally:
            process.kill()
            process.communicate()
