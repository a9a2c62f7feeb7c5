"""The real `sam local invoke` and `sam local start-api`, in containers, against the local stack.

Runs where a container engine has the image of Lambda's Python already; nothing is downloaded.
`sam local` exits with 0 whatever the function does, so these tests look at what it did.
"""

import ipaddress
import json
import os
import platform
import signal
import socket
import socketserver
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from local_stack import LocalStack, free_port, running_stack, wait_until
from sam_clone import SAM, change_runs_on, environment, make_clone, run_sam

RUNTIME = os.environ.get("SAM_LOCAL_RUNTIME", "python3.13")
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
IMAGE = f"public.ecr.aws/lambda/python:{RUNTIME.removeprefix('python')}-{ARCHITECTURE}"
TEST_IMAGE = "sam-local-test"
PARAMETERS = ("--parameter-overrides", "ApproverEmail=approver@example.com")
FUNCTIONS = {"AgentFunction": "agent", "ApprovalFunction": "approval", "UniTokFunction": "unitok"}
# The services that the functions call here, and what the SDK's variables call them.
SERVICES = {
    "dynamodb": "DYNAMODB",
    "secretsmanager": "SECRETS_MANAGER",
    "sns": "SNS",
    "sqs": "SQS",
}
TASK = "rides every Saturday, first hour free"
"""Part of the task in the sample events."""


@dataclass(frozen=True)
class SamLocal:
    """`sam local` in a clone, whose containers reach the stack of `make run`."""

    clone: Path
    stack: LocalStack
    options: tuple[str, ...]
    credentials: dict[str, str]

    def invoke(self, event: str) -> Any:
        """Runs `sam local invoke AgentFunction`; returns what the function answered."""
        arguments = ("local", "invoke", "AgentFunction", "-e", f"events/{event}.json")
        done = run_sam(self.clone, *arguments, *self.options, **self.credentials)
        return json.loads(done.stdout.strip().splitlines()[-1])

    @contextmanager
    def api(self, log: Path) -> Iterator[str]:
        """Runs `sam local start-api`; yields its address."""
        port = free_port()
        with log.open("w") as output:
            running = subprocess.Popen(
                [SAM, "local", "start-api", "--port", str(port), *self.options],
                cwd=self.clone,
                env=environment(**self.credentials),
                stdout=output,
                stderr=subprocess.STDOUT,
                # Started in the background, this process may ignore SIGINT; sam must not.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        try:
            wait_until(lambda: answers(port) or running.poll() is not None, seconds=180)
            assert running.poll() is None, log.read_text()
            yield f"http://127.0.0.1:{port}"
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(30)


def docker(*arguments: str, text: str | None = None) -> str:
    """Runs docker; returns what it says, or "" when it fails."""
    with suppress(FileNotFoundError):
        done = subprocess.run(
            ["docker", *arguments],
            capture_output=True,
            text=True,
            input=text,
        )
        return done.stdout.strip() if done.returncode == 0 else ""
    return ""


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def ask(method: str, url: str, document: Any = None) -> Any:
    """Sends a request and returns the JSON of the answer; another status than 200 is an error."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200
        return json.loads(answer.read())


def look(url: str) -> Any:
    """Asks with GET, which changes nothing; a container's first start may outlast its function."""
    with suppress(urllib.error.HTTPError):
        return ask("GET", url)
    return ask("GET", url)


@contextmanager
def forwarded(address: str, target: int) -> Iterator[int]:
    """Opens a port on the containers' own network that leads to a loopback port of this machine."""

    class Forward(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", target)) as other:
                back = threading.Thread(target=copy, args=(other, self.request), daemon=True)
                back.start()
                copy(self.request, other)
                back.join(60)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server((address, 0), Forward) as server:
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def gateway() -> str:
    """This machine's address on the containers' network; skips where there is no image."""
    if platform.system() != "Linux":
        pytest.skip("sam local was not tried: its containers reach this machine on Linux only")
    if not docker("info", "--format", "{{.ServerVersion}}"):
        pytest.skip("sam local was not tried: no container engine answers")
    if not docker("image", "inspect", "--format", "{{.Id}}", IMAGE):
        pytest.skip(f"sam local was not tried: the image {IMAGE} is not here")
    template = "{{(index .IPAM.Config 0).Subnet}}"
    subnet = docker("network", "inspect", "bridge", "--format", template)
    return str(ipaddress.ip_network(subnet)[1])


@pytest.fixture(scope="module")
def sam_local(gateway: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SamLocal]:
    """The local stack, a build for the image, and the way from one to the other."""
    folder = tmp_path_factory.mktemp("sam")
    clone = make_clone(folder)
    change_runs_on(clone, RUNTIME, ARCHITECTURE)
    run_sam(clone, "build", *PARAMETERS)
    with running_stack(folder) as stack:
        emulator = urlsplit(stack.description["endpoint_url"]).port or 0
        with forwarded(gateway, emulator) as port:
            make_image(port)
            yield connect(clone, stack, gateway)


def host_of(service: str) -> str:
    """A name by which the emulator knows which service is meant."""
    return f"{service}.us-east-1.localhost"


def make_image(port: int) -> None:
    """`sam local` passes on no variable that the template does not name: the image has them."""
    endpoints = [
        f"ENV AWS_ENDPOINT_URL_{variable}=http://{host_of(service)}:{port}"
        for service, variable in SERVICES.items()
    ]
    dockerfile = "\n".join([f"FROM {IMAGE}", *endpoints])
    assert docker("build", "--quiet", "--tag", TEST_IMAGE, "-", text=dockerfile)


def connect(clone: Path, stack: LocalStack, gateway: str) -> SamLocal:
    """Gives the containers the variables of the deployed functions."""
    told = stack.description
    functions = stack.client("lambda")
    variables = {
        logical_id: functions.get_function_configuration(FunctionName=told["functions"][name])[
            "Environment"
        ]["Variables"]
        for logical_id, name in FUNCTIONS.items()
    }
    functions.close()
    (clone / "variables.json").write_text(json.dumps(variables))
    options = (
        *PARAMETERS,
        *("--env-vars", "variables.json", "--invoke-image", TEST_IMAGE),
        *(f"--add-host={host_of(service)}:{gateway}" for service in SERVICES),
    )
    credentials = {
        "AWS_ACCESS_KEY_ID": told["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": told["secret_access_key"],
        "AWS_DEFAULT_REGION": told["region"],
    }
    return SamLocal(clone, stack, options, credentials)


def test_invoke_pauses_a_new_task_and_sends_the_mail(sam_local: SamLocal) -> None:
    assert sam_local.invoke("sqs/new_task_with_session_id") == {"batchItemFailures": []}
    mail = sam_local.stack.wait_for_mail(TASK)
    assert [link["label"] for link in mail["links"]] == ["approve", "deny"]


def test_invoke_sends_a_malformed_message_to_the_dead_letter_queue(sam_local: SamLocal) -> None:
    event = "sqs/malformed_empty_task"
    assert sam_local.invoke(event) == {"batchItemFailures": []}
    [record] = json.loads((sam_local.clone / f"events/{event}.json").read_text())["Records"]
    letter = sam_local.stack.take_dead_letter(record["body"])
    assert "body.task" in letter["MessageAttributes"]["reason"]["StringValue"]


def test_start_api_takes_the_decision_and_shows_the_post(
    sam_local: SamLocal, tmp_path: Path
) -> None:
    sam_local.invoke("sqs/new_task_with_session_id")
    mail = sam_local.stack.wait_for_mail(TASK)
    link = urlsplit(next(link["url"] for link in mail["links"] if link["label"] == "approve"))
    with sam_local.api(tmp_path / "start-api.log") as api:
        assert look(f"{api}{link.path}?{link.query}")["status"] == "PENDING"
        decided = ask("POST", f"{api}{link.path}", {"decision": "approved"})
        assert decided["decision"] == "approved"
        wait_until(lambda: bool(sam_local.stack.posts(TASK)))
        assert [TASK in post["content"] for post in look(f"{api}/posts")["posts"]] == [True]
