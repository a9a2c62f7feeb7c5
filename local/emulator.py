"""ministack, the AWS emulator, as a child process on a free port of this machine."""

import contextlib
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local.console import LocalError
from local.settings import REGION

START_SECONDS = 30
_READY_PATH = "/_ministack/ready"
# What the emulator and the functions may see of this shell: no AWS profile or credentials of the
# person running it, ever.
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT")
_LOG_TAIL_LINES = 20
_ABOUT_FUNCTIONS = b"[lambda] "


class Emulator:
    """A ministack that only this run can use: loopback, signatures checked, random credentials.

    Args:
        state_dir: Where its log and temporary files go.
        xray_address: Where the functions send their traces.
    """

    def __init__(self, state_dir: Path, xray_address: str) -> None:
        self.access_key_id = "LOCAL" + secrets.token_hex(8).upper()
        self.secret_access_key = secrets.token_urlsafe(30)
        self.port = 0
        self._session = boto3.Session(
            self.access_key_id, self.secret_access_key, region_name=REGION
        )
        self._xray_address = xray_address
        self._log = state_dir / "emulator.log"
        self._temporary = state_dir / "tmp"
        self._log_read = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint_url(self) -> str:
        """Where the AWS API answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts the process; it may not answer yet."""
        self._temporary.mkdir(exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as listener, self._log.open("wb") as log:
            # The child inherits the socket: nobody can take the port in between.
            self.port = listener.getsockname()[1]
            module = [sys.executable, "-m", "local.emulator_process"]
            self._process = subprocess.Popen(  # noqa: S603
                [*module, str(listener.fileno()), str(self.port)],
                stdin=subprocess.PIPE,  # Held open: its end tells the child that we are gone.
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                cwd=Path(__file__).resolve().parent.parent,
                pass_fds=(listener.fileno(),),
                start_new_session=True,  # Ctrl-C is ours to handle.
            )

    def wait_until_ready(self) -> None:
        """Waits for the first answer.

        Raises:
            LocalError: It ended, or does not answer in time.
        """
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            self.check()
            if time.monotonic() > deadline:
                problem = f"The emulator did not answer in {START_SECONDS} s."
                raise LocalError(f"{problem}\n{self.log_tail()}")
            time.sleep(0.05)

    def check(self) -> None:
        """Raises LocalError if the process has ended."""
        status = self._process.poll() if self._process else None
        if status is not None:
            raise LocalError(f"The emulator ended by itself (status {status}).\n{self.log_tail()}")

    def stop(self) -> None:
        """Ends the process and the functions' workers; there is nothing to save."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin:
            process.stdin.close()

    def client(self, service: str) -> Any:
        """Returns a boto3 client of the account's owner."""
        config = Config(retries={"mode": "standard", "max_attempts": 3}, max_pool_connections=32)
        return self._session.client(service, endpoint_url=self.endpoint_url, config=config)

    def function_environment(self) -> dict[str, str]:
        """Returns what a function's process finds, beside its own variables."""
        return self._environment() | {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint_url,
        }

    def new_problems(self) -> list[str]:
        """Returns what it logged about functions since the last call, such as a failed import."""
        with contextlib.suppress(OSError), self._log.open("rb") as log:
            log.seek(self._log_read)
            *lines, _ = log.read().split(b"\n")  # The last one may not be whole yet.
            self._log_read += sum(len(line) + 1 for line in lines)
            return [line.decode("utf-8", "replace") for line in lines if _ABOUT_FUNCTIONS in line]
        return []

    def log_tail(self) -> str:
        """Returns the last lines of its log."""
        try:
            return "\n".join(self._log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])
        except OSError:
            return ""

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", _READY_PATH)
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        return kept | {
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_HOST": "localhost",
            "MINISTACK_REGION": REGION,
            # What Lambda tells a function with active tracing.
            "AWS_XRAY_DAEMON_ADDRESS": self._xray_address,
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "LOG_LEVEL": "WARNING",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": f"unix://{self._temporary}/no-docker",
            "TMPDIR": str(self._temporary),
            "PYTHONPATH": str(Path(__file__).parent / "worker_path"),
        }
