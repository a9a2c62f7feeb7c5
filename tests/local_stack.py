"""A local stack of the tests' own: `python -m local run`, and what a test does with it."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from local.settings import STACK_NAME
from local.stack import physical_ids

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "local" / "bin" / "python"
START_SECONDS = 240  # The first start builds everything.
WAIT_SECONDS = 120
STOP_SECONDS = 240  # Each worker has all its packages in a folder of its own.
AGENT_TIMEOUT_SECONDS = 20  # Of the tests' stack; ten of them are kept for saving.
JSON = {"Accept": "application/json"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def start(state_dir: Path, port: int, root: Path = ROOT, *options: str) -> "subprocess.Popen[str]":
    """Starts a run; its output goes to a file beside the state folder."""
    command = [str(PYTHON), "-m", "local", "run", "--state-dir", str(state_dir), *options]
    with state_dir.with_suffix(".out").open("w") as output:
        return subprocess.Popen(
            command,
            cwd=root,
            env=os.environ | {"PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )


def output_of(state_dir: Path) -> str:
    return state_dir.with_suffix(".out").read_text()


def wait_for_stack_json(process: "subprocess.Popen[str]", state_dir: Path) -> dict[str, Any]:
    path = state_dir / "stack.json"

    def is_there() -> bool:
        assert process.poll() is None, output_of(state_dir)
        return path.exists()

    wait_until(is_there, START_SECONDS)
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def stop(
    process: "subprocess.Popen[str]", number: int = signal.SIGINT, seconds: float = STOP_SECONDS
) -> int:
    process.send_signal(number)
    return process.wait(timeout=seconds)


def wait_until(is_done: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < deadline, f"waited {seconds} s"
        time.sleep(0.05)


def processes() -> list[tuple[int, int, str]]:
    """Returns process id, parent's id and command line of every process that is not dead."""
    listing = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args="],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split(maxsplit=3) for line in listing.stdout.splitlines()]
    return [(int(pid), int(ppid), args) for pid, ppid, stat, args in rows if stat[0] != "Z"]


class LocalStack:
    """A running stack, from outside."""

    def __init__(self, description: dict[str, Any], state_dir: Path) -> None:
        self.description = description
        self.state_dir = state_dir
        self.front_url: str = description["front_url"]
        self.port = int(urlsplit(self.front_url).port or 0)
        self.swept_by_hand = 0
        self.sqs = self.client("sqs")
        self.dynamodb = self.client("dynamodb")

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.description["endpoint_url"],
            region_name=self.description["region"],
            aws_access_key_id=self.description["access_key_id"],
            aws_secret_access_key=self.description["secret_access_key"],
        )

    def limit_agent_to(self, seconds: int) -> None:
        """Shortens the agent function's timeout: a message in use, or a crashed worker's, comes
        back that much sooner.
        """
        functions = self.client("lambda")
        name = self.description["functions"]["agent"]
        functions.update_function_configuration(FunctionName=name, Timeout=seconds)
        functions.close()

    def physical_ids(self) -> dict[str, str]:
        """Returns what the emulator calls each resource of the templates."""
        with closing(self.client("cloudformation")) as cloudformation:
            return physical_ids(cloudformation, STACK_NAME)

    def sweep(self) -> dict[str, int]:
        """Runs a sweep now, without waiting for the minute; returns what it did."""
        functions = self.client("lambda")
        self.swept_by_hand += 1
        answer = functions.invoke(FunctionName=self.description["functions"]["sweeper"])
        swept: dict[str, int] = json.loads(answer["Payload"].read())
        functions.close()
        assert "errorMessage" not in swept, swept
        return swept

    def workers(self, function: str) -> list[int]:
        """Returns the processes that run a function."""
        name = self.description["functions"][function]
        folder = str(self.state_dir / "tmp" / f"ministack-lambda-{name}-")
        return [pid for pid, _, arguments in processes() if folder in arguments]

    def close(self) -> None:
        self.sqs.close()
        self.dynamodb.close()

    def request(
        self,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Sends one request to the front door, or to an API itself; Host and all as given."""
        target, port = url.removeprefix(self.front_url), self.port
        if target.startswith("http://"):
            parts = urlsplit(target)
            target, port = f"{parts.path}?{parts.query}", int(parts.port or 0)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_SECONDS)
        sent = {"Host": f"localhost:{self.port}"} | (headers or {})
        try:
            connection.request(method, target, body, sent)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read().decode())
        finally:
            connection.close()

    def signed(
        self,
        method: str,
        url: str,
        credentials: Credentials | None = None,
        body: object = None,
        **headers: str,
    ) -> Answer:
        """Sends one JSON request, signed for an HTTP API by the owner unless it says by whom."""
        data = None if body is None else json.dumps(body).encode()
        headers |= {"Host": urlsplit(url).netloc, "Content-Type": "application/json"}
        request = AWSRequest(method, url, data=data, headers=headers)
        signer = SigV4Auth(credentials or self.owner, "execute-api", self.description["region"])
        signer.add_auth(request)
        return self.request(method, url, dict(request.headers.items()), data)

    def api_url(self, logical_id: str) -> str:
        """Returns the URL of an HTTP API of the stack, past the front door."""
        port = self.description["endpoint_url"].rpartition(":")[2]
        return f"http://{self.physical_ids()[logical_id]}.execute-api.localhost:{port}"

    @property
    def owner(self) -> Credentials:
        """Who may do everything on this stack."""
        description = self.description
        return Credentials(description["access_key_id"], description["secret_access_key"])

    def post_form(self, url: str, **fields: str) -> Answer:
        headers = JSON | {"Content-Type": "application/x-www-form-urlencoded"}
        return self.request("POST", url, headers, urlencode(fields).encode())

    def send_task(self, task: str) -> str:
        answer = self.post_form("/local/tasks", task=task)
        assert answer.status == 202, answer.text
        session_id: str = answer.json["session_id"]
        return session_id

    def send(self, message: object) -> str:
        body = message if isinstance(message, str) else json.dumps(message)
        sent = self.sqs.send_message(QueueUrl=self.description["queue_url"], MessageBody=body)
        message_id: str = sent["MessageId"]
        return message_id

    def mails(self, text: str = "") -> list[dict[str, Any]]:
        """Returns the e-mails whose body holds the text, oldest first."""
        mails = self.request("GET", "/local/mail.json").json
        return [mail for mail in mails if text in mail["body"]]

    def wait_for_mail(self, text: str, count: int = 1) -> dict[str, Any]:
        wait_until(lambda: len(self.mails(text)) >= count)
        return self.mails(text)[-1]

    def ask(self, task: str) -> tuple[str, dict[str, str]]:
        """Sends a task and waits for the question; returns the session and the two links."""
        session_id = self.send_task(task)
        mail = self.wait_for_mail(task)
        return session_id, {link["label"]: link["url"] for link in mail["links"]}

    def session(self, session_id: str) -> dict[str, Any]:
        items = self._items("sessions", session_id)
        return items[0] if items else {}

    def approvals(self, session_id: str) -> list[dict[str, Any]]:
        return self._items("approvals", session_id)

    def wait_until_completed(self, session_id: str) -> None:
        wait_until(lambda: self.status(session_id) == "completed")

    def status(self, session_id: str) -> str:
        status: str = self.session(session_id).get("status", {}).get("S", "")
        return status

    def posts(self, text: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        query: str | None = "limit=100"
        while query:
            answer = self.request("GET", f"/posts?{query}")
            found += answer.json["posts"]
            older = re.match(r"<\?(.+?)>", answer.headers.get("link", ""))
            query = older and older[1]
        return [post for post in found if text in post["content"]]

    def spans(self, since: float = 0) -> list[dict[str, Any]]:
        """Returns what the functions traced since a time, by when it began."""
        spans = self.request("GET", "/local/traces.json").json
        return sorted((s for s in spans if s["start"] >= since), key=lambda s: s["start"])

    def messages_in(self, queue: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(
            QueueUrl=self.description[queue], AttributeNames=names
        )
        return sum(int(number) for number in found["Attributes"].values())

    def wait_until_quiet(self) -> None:
        """Waits until no message is on its way or being handled."""
        wait_until(lambda: self.messages_in("queue_url") == 0)

    def take_dead_letter(self, body: str) -> dict[str, Any]:
        """Waits for the dead letter with this body, takes it from the queue and returns it."""
        url = self.description["dead_letter_queue_url"]
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            received = self.sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=1,
                MessageAttributeNames=["All"],
            )
            found.extend(m for m in received.get("Messages", []) if m["Body"] == body)
            return bool(found)

        wait_until(is_there)
        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
        return found[0]

    def _items(self, table: str, session_id: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.dynamodb.query(
            TableName=self.description["tables"][table],
            KeyConditionExpression="session_id = :id",
            ExpressionAttributeValues={":id": {"S": session_id}},
            ConsistentRead=True,
        )["Items"]
        return items


@contextmanager
def running_stack(folder: Path, stop_seconds: float = STOP_SECONDS) -> Iterator[LocalStack]:
    """Runs a stack in a folder of its own, and checks that it stops as it should."""
    state_dir = folder / "state"
    process = start(state_dir, free_port(), ROOT, "--no-reload")
    try:
        stack = LocalStack(wait_for_stack_json(process, state_dir), state_dir)
        yield stack
        stack.close()
        assert process.poll() is None, output_of(state_dir)
        assert stop(process, seconds=stop_seconds) == 0, output_of(state_dir)
        assert not state_dir.exists(), "something was left behind"
    finally:
        if process.poll() is None:
            stop(process, signal.SIGTERM, stop_seconds)
