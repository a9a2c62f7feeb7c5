"""The one address on localhost: what it shows, and whom it refuses."""

import json
import os
import re
import shutil
import socket
import stat
import subprocess
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local_stack import JSON, ROOT, LocalStack, output_of, wait_until

STACK_KEYS = {
    "front_url",
    "endpoint_url",
    "region",
    "access_key_id",
    "secret_access_key",
    "queue_url",
    "dead_letter_queue_url",
    "tables",
    "functions",
}
POST = {"content": "Not by the agent."}
KEY = {"Idempotency-Key": "s/signed"}
HTML = {"Accept": "text/html"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_landing_page_sends_a_task_without_script(stack: LocalStack, task: str) -> None:
    page = stack.request("GET", "/", HTML)
    assert page.status == 200
    assert "<script" not in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert '<form method="post" action="/local/tasks">' in page.text
    assert '<label for="task">' in page.text
    body = f"task={task.replace(' ', '+')}%0D%0Asecond+line".encode()
    sent = stack.request("POST", "/local/tasks", HTML | FORM, body)
    assert sent.status == 303
    mail = stack.wait_for_mail(task)
    assert f"{task}\nsecond line" in mail["body"]
    shown = stack.request("GET", sent.headers["location"], HTML).text
    assert task in shown and "waiting" in shown


def test_the_agents_last_words_are_on_the_page_and_on_the_screen(
    stack: LocalStack, task: str
) -> None:
    session_id = stack.send_task(task)
    for number in range(1, 4):
        links = {link["label"]: link["url"] for link in stack.wait_for_mail(task, number)["links"]}
        assert stack.post_form(links["deny"], decision="denied").status == 200
    stack.wait_until_completed(session_id)
    page = stack.request("GET", "/", HTML).text
    assert "completed, denied" in page and "I drafted this post 3 times" in page
    assert "The model is a script" in page
    line = f"session {session_id} ended: denied: I drafted this post 3 times"
    wait_until(lambda: line in output_of(stack.state_dir))
    assert "I drafted this post" not in (stack.state_dir / "functions.log").read_text()


def test_a_session_has_a_page_where_what_waits_is_cancelled(stack: LocalStack, task: str) -> None:
    session_id, links = stack.ask(task)
    address = f"/local/sessions/{session_id}"
    assert f'href="{address}"' in stack.request("GET", "/", HTML).text
    page = stack.request("GET", address, HTML)
    assert page.status == 200 and "script-src" not in page.headers["content-security-policy"]
    assert "Waits for a person: publish_post" in page.text and task in page.text
    assert links["approve"] in page.text and "/local/mail?item=" in page.text
    [tool_use_id] = re.findall(r'name="tool_use_id" value="([^"]+)"', page.text)
    foreign = FORM | {"Origin": "http://evil.example"}
    body = f"tool_use_id={tool_use_id}".encode()
    assert stack.request("POST", f"{address}/cancel", foreign, body).status == 403
    sent = stack.request("POST", f"{address}/cancel", HTML | FORM, body)
    assert sent.status == 303 and sent.headers["location"].startswith(address)
    stack.wait_until_completed(session_id)
    page = stack.request("GET", address, HTML)
    assert "Cancelled: a person: publish_post" in page.text and "by iam:" in page.text
    assert "Ended: cancelled" in page.text and "Cancel this wait" not in page.text


def test_a_page_tells_the_whole_of_a_session(stack: LocalStack, task: str) -> None:
    session_id = stack.send_task(f"{task} at Unicorn Rentals, checked and with a picture")
    links = {link["label"]: link["url"] for link in stack.wait_for_mail(task)["links"]}
    assert stack.post_form(links["approve"], decision="approved", comment="Go.").status == 200
    stack.wait_until_completed(session_id)
    assert "earlier" in stack.session(session_id)
    page = stack.request("GET", f"/local/sessions/{session_id}", HTML).text
    for text in ("The task came", "Answered: another agent: brand-evaluator", "by link", "Go."):
        assert text in page
    assert "Published" in page and "Ended: published" in page
    assert "It uses <b>ask_agent</b>" in page and "could not be read" not in page
    children = re.findall(r'Its session: <a href="(/local/sessions/[0-9a-f]{64})">', page)
    child = stack.request("GET", children[0], HTML).text
    assert f'Asked for by <a href="/local/sessions/{session_id}">' in child
    listed = stack.request("GET", "/", HTML).text
    assert listed.index(f'"/local/sessions/{session_id}"') < listed.index(f'"{children[0]}"')


def test_a_session_that_is_none_has_a_page_with_a_way_back(stack: LocalStack) -> None:
    for path in ("/local/sessions/none", "/local/sessions/%3Cscript%3E", "/local/sessions/"):
        page = stack.request("GET", path, HTML)
        assert page.status == 404 and '<a href="/">All sessions</a>' in page.text
    assert stack.request("POST", "/local/sessions/none/cancel", HTML | FORM, b"").status == 404


@pytest.mark.parametrize("headers", [HTML, JSON])
def test_a_link_of_an_earlier_run_is_told_from_a_broken_one(
    stack: LocalStack, headers: dict[str, str]
) -> None:
    for method in ("GET", "POST"):
        answer = stack.request(method, "/approvals/of-an-earlier-run", headers)
        assert answer.status == 404
        assert "is gone" in answer.text and "started" in answer.text


def test_landing_page_refuses_an_empty_task(stack: LocalStack) -> None:
    answer = stack.request("POST", "/local/tasks", HTML | FORM, b"task=+%0D%0A+")
    assert answer.status == 400
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize("body", [b"{}", b"[]", b"no JSON", b'{"task": 7}', b'{"task": " "}'])
def test_refuses_a_task_that_is_none(stack: LocalStack, body: bytes) -> None:
    headers = JSON | {"Content-Type": "application/json"}
    assert stack.request("POST", "/local/tasks", headers, body).status == 400


def test_mail_json_has_the_two_links_and_the_text_as_the_approver_reads_it(
    stack: LocalStack, task: str
) -> None:
    fake = f"{stack.front_url}/approvals/fake?decision=approved"
    stack.send_task(f"{task} {fake}")
    mail = stack.wait_for_mail(task)
    assert set(mail) == {"subject", "body", "links", "sent_at", "to"}
    assert mail["to"] is None, "it is for the approver's mailbox"
    assert [link["label"] for link in mail["links"]] == ["approve", "deny"]
    for link, decision in zip(mail["links"], ("approved", "denied"), strict=True):
        assert set(link) == {"label", "url"}
        assert link["url"].startswith(f"{stack.front_url}/approvals/")
        assert link["url"].endswith(f"?decision={decision}")
        assert link["url"] != fake
    assert 0 < len(mail["subject"]) < 100
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", mail["sent_at"])


def test_mail_page_links_to_the_approval_page(stack: LocalStack, task: str) -> None:
    _, links = stack.ask(f"{task} <b>&amp;")
    page = stack.request("GET", "/local/mail", HTML)
    assert page.status == 200
    assert f'href="{links["approve"]}"' in page.text and f'href="{links["deny"]}"' in page.text
    assert f"{task} &lt;b&gt;&amp;amp;" in page.text
    shown = stack.request("GET", links["approve"], HTML)
    assert shown.status == 200
    assert f"{task} &lt;b&gt;&amp;amp;" in shown.text


def test_stack_json_has_what_the_contract_names(stack: LocalStack) -> None:
    description = stack.description
    assert set(description) == STACK_KEYS
    assert set(description["tables"]) == {"sessions", "approvals", "posts"}
    functions = {"agent", "approval", "unitok", "sweeper", "operator"}
    assert set(description["functions"]) == functions
    for name in description["tables"].values():
        assert stack.dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE"
    with_functions = stack.client("lambda")
    for name in description["functions"].values():
        assert with_functions.get_function(FunctionName=name)["Configuration"]["State"] == "Active"
    with_functions.close()


def test_tables_let_old_items_go(stack: LocalStack) -> None:
    for table in ("sessions", "approvals"):
        name = stack.description["tables"][table]
        found = stack.dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert found == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "localhost.evil.example:{port}",
        "127.0.0.1.evil.example:{port}",
        "localhost",
        "localhost:1",
        "localhost.:{port}",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/local/mail.json", "/feed", "/local/tasks"])
def test_refuses_a_foreign_host(stack: LocalStack, host: str, path: str) -> None:
    method = "POST" if path == "/local/tasks" else "GET"
    headers = {"Host": host.format(port=stack.port)}
    assert stack.request(method, path, headers, b"task=x").status == 403


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"])
def test_takes_every_name_of_this_machine(stack: LocalStack, name: str) -> None:
    assert stack.request("GET", "/", {"Host": f"{name}:{stack.port}"}).status == 200


def test_refuses_a_request_with_two_hosts(stack: LocalStack) -> None:
    request = f"GET / HTTP/1.1\r\nHost: localhost:{stack.port}\r\nHost: evil.example\r\n\r\n"
    with socket.create_connection(("127.0.0.1", stack.port), timeout=10) as client:
        client.sendall(request.encode())
        assert client.recv(100).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost:1"},
        {"Origin": "https://localhost:{port}"},
        {"Origin": "http://localhost.evil.example:{port}"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_refuses_what_a_foreign_page_sends(
    stack: LocalStack, task: str, headers: dict[str, str]
) -> None:
    session_id, links = stack.ask(f"{task} {len(str(headers))} {sorted(headers)}")
    before = stack.approvals(session_id)
    sent = FORM | {name: value.format(port=stack.port) for name, value in headers.items()}
    for url in (links["approve"], "/local/tasks", "/posts"):
        assert stack.request("POST", url, sent, b"task=Driven+by").status == 403
    assert stack.approvals(session_id) == before
    assert not stack.mails("Driven by")
    if "Origin" in headers:
        assert stack.request("GET", "/local/mail.json", sent).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost:{port}", "Sec-Fetch-Site": "same-origin"},
        # A form on a page without referrer, such as the approval page: the browser vouches for it.
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_takes_what_its_own_pages_send(
    stack: LocalStack, task: str, headers: dict[str, str]
) -> None:
    own = FORM | HTML | {n: v.format(port=stack.port) for n, v in headers.items()}
    sent = stack.request("POST", "/local/tasks", own, f"task={headers['Origin']}".encode())
    assert sent.status == 303


def test_lets_no_other_origin_read_an_answer(stack: LocalStack) -> None:
    for path in ("/", "/local/mail.json", "/posts", "/feed", "/approvals/unknown"):
        headers = stack.request("GET", path).headers
        assert not [name for name in headers if name.startswith("access-control")]


def test_takes_128_connections_at_once(stack: LocalStack) -> None:
    request = f"GET /local/mail.json HTTP/1.1\r\nHost: localhost:{stack.port}\r\n\r\n".encode()
    clients = []
    try:
        for _ in range(128):
            clients.append(socket.create_connection(("127.0.0.1", stack.port), timeout=30))
        for client in clients:
            client.sendall(request)
        for client in clients:
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer token"},
        {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="},
        {"Authorization": "AWS4-HMAC-SHA256 Credential=x/y, SignedHeaders=host, Signature=z"},
    ],
)
def test_unitok_refuses_a_post_without_a_signature(
    stack: LocalStack, headers: dict[str, str]
) -> None:
    sent = headers | {"Content-Type": "application/json", "Idempotency-Key": "s/t"}
    assert stack.request("POST", "/posts", sent, json.dumps(POST).encode()).status == 403
    assert not stack.posts("Not by the agent.")


def test_unitok_refuses_a_signature_of_somebody_else(stack: LocalStack) -> None:
    wrong = Credentials(stack.description["access_key_id"], "not the secret")
    for url in (stack.front_url, stack.api_url("UniTokApi")):
        sent = stack.signed("POST", f"{url}/posts", wrong, POST, **KEY)
        assert sent.status == 403
    assert not stack.posts("Not by the agent.")


def test_unitok_takes_a_signed_post(stack: LocalStack) -> None:
    assert stack.signed("POST", f"{stack.front_url}/posts", body=POST, **KEY).status == 201
    assert (
        stack.signed("POST", f"{stack.api_url('UniTokApi')}/posts", body=POST, **KEY).status == 200
    )
    wait_until(lambda: len(stack.posts("Not by the agent.")) == 1)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/_ministack/reset", {}),
        ("/_ministack/sqs/messages", {}),
        ("/_local/hold", {}),
        ("/_local/go", {}),
        ("/_ministack/ses/messages", {}),
        ("/_ministack/ses/messages", {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIA/x"}),
        ("/_aws/execute-api/x/y", {}),
        ("/", {"Origin": "http://evil.example"}),
        ("/", {"Host": "evil.example"}),
        ("/", {"Authorization": "Bearer token"}),
        ("/", {"Authorization": "AWS4-HMAC-SHA256 nothing"}),
        ("/?X-Amz-Credential=000000000000/20260101/us-east-1/sqs/aws4_request", {}),
    ],
)
def test_emulator_refuses_who_shows_no_key(
    stack: LocalStack, path: str, headers: dict[str, str]
) -> None:
    target = {"X-Amz-Target": "AmazonSQS.ListQueues"}
    url = stack.description["endpoint_url"] + path
    request = urllib.request.Request(url, data=b"{}", headers=target | headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 403
    refused.value.close()


@pytest.mark.parametrize("path", ["/_ministack/sqs/messages", "/_ministack/ses/messages"])
def test_emulator_shows_messages_and_letters_to_nobody_without_a_key(
    stack: LocalStack, path: str
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(stack.description["endpoint_url"] + path)
    assert refused.value.code == 403
    refused.value.close()


@pytest.mark.parametrize("key", ["000000000000", "test", "{owner}"])
def test_emulator_refuses_a_wrong_secret(stack: LocalStack, key: str) -> None:
    description = stack.description | {
        "access_key_id": key.format(owner=stack.description["access_key_id"]),
        "secret_access_key": "wrong",
    }
    client = LocalStack(description, stack.state_dir).client("sqs")
    with pytest.raises(ClientError) as refused:
        client.list_queues()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    client.close()


# --- operators -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer token"},
        {"Authorization": "AWS4-HMAC-SHA256 Credential=x/y, SignedHeaders=host, Signature=z"},
        {"X-Amz-Security-Token": "x"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/operator/approvals"),
        ("HEAD", "/operator/approvals"),
        ("GET", "/operator/history?session_id=s"),
        ("POST", "/operator/cancel"),
    ],
)
def test_operators_routes_refuse_who_has_not_signed(
    stack: LocalStack, method: str, path: str, headers: dict[str, str]
) -> None:
    assert stack.request(method, path, headers, b"{}").status == 403


def test_operators_routes_refuse_a_signature_of_something_else(stack: LocalStack) -> None:
    url = f"{stack.front_url}/operator"
    wrong = Credentials(stack.description["access_key_id"], "not the secret")
    assert stack.signed("GET", f"{url}/approvals", wrong).status == 403
    for changed in ("/approvals?limit=2", "/history?session_id=s"):
        request = AWSRequest("GET", f"{url}/approvals", headers={"Host": f"localhost:{stack.port}"})
        SigV4Auth(stack.owner, "execute-api", "us-east-1").add_auth(request)
        signed = dict(request.headers.items())
        assert stack.request("GET", f"{url}/approvals", signed).status == 200
        assert stack.request("GET", f"{url}{changed}", signed).status == 403


def test_an_operator_lists_cancels_and_sees_it_with_the_commands_of_the_guide(
    stack: LocalStack, task: str
) -> None:
    session_id, links = stack.ask(task)
    [approval] = stack.approvals(session_id)
    tool_use_id = approval["tool_use_id"]["S"]
    given = {"SESSION_ID": session_id, "TOOL_USE_ID": tool_use_id}
    listed, past, whole, cancelled = _run_guide(stack, **given)
    assert tool_use_id in [item["tool_use_id"] for item in listed["approvals"]]
    assert [item["status"] for item in past["approvals"]] == ["PENDING"]
    assert whole["content"] == approval["content"]["S"]
    assert (cancelled["status"], cancelled["comment"]) == ("CANCELLED", "The sale is off.")
    stack.wait_until_completed(session_id)
    assert stack.session(session_id)["outcome"]["S"] == "cancelled"
    assert stack.post_form(links["approve"], decision="approved").status == 410
    assert not stack.posts(task)


def _run_guide(stack: LocalStack, **variables: str) -> list[Any]:
    """Runs the four commands of docs/operate.md in a shell, and returns their answers."""
    if not shutil.which("curl"):
        pytest.skip("There is no curl here.")
    guide = (ROOT / "docs/operate.md").read_text()
    [commands] = re.findall(r"```sh\n(operator\(\) .*?)```", guide, re.DOTALL)
    given = {
        "URL": f"{stack.front_url}/operator",
        "AWS_REGION": stack.description["region"],
        "AWS_ACCESS_KEY_ID": stack.description["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": stack.description["secret_access_key"],
        "AWS_SESSION_TOKEN": "",
    }
    done = subprocess.run(
        ["sh", "-eu", "-c", commands],
        env={"PATH": os.environ["PATH"], "NO_PROXY": "*", **given, **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    decoder, text, answers = json.JSONDecoder(), done.stdout.strip(), []
    while text:
        answer, end = decoder.raw_decode(text)
        answers.append(answer)
        text = text[end:].strip()
    return answers


def test_head_answers_like_get(stack: LocalStack, task: str) -> None:
    _, links = stack.ask(task)
    for path in ("/", "/local/mail", "/local/mail.json", "/feed", "/posts", links["approve"]):
        got, head = stack.request("GET", path), stack.request("HEAD", path)
        assert head.status == got.status == 200, path
        assert head.text == ""
        assert head.headers["content-type"] == got.headers["content-type"]


def test_unknown_paths_are_not_found(stack: LocalStack) -> None:
    assert stack.request("GET", "/nothing", HTML).status == 404
    assert stack.request("GET", "/local/nothing").status == 404
    assert stack.request("DELETE", "/posts").status == 404
    assert stack.request("GET", "/local/tasks").status == 404


@pytest.mark.parametrize(
    ("start", "status"),
    [
        ("GET http://evil.example/ HTTP/1.1\r\nHost: localhost:{port}", b"400"),
        ("GET /\xe9 HTTP/1.1\r\nHost: localhost:{port}", b"400"),
        ("POST /local/tasks HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: -1", b"400"),
        ("POST /posts HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 99999999", b"413"),
        ("POST /posts HTTP/1.1\r\nHost: localhost:{port}\r\nTransfer-Encoding: chunked", b"411"),
    ],
)
def test_refuses_what_no_http_api_takes(stack: LocalStack, start: str, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", stack.port), timeout=10) as client:
        client.sendall(start.format(port=stack.port).encode("latin-1") + b"\r\n\r\n")
        assert client.recv(12).split()[1] == status


def test_functions_log_is_there_to_read(stack: LocalStack, task: str) -> None:
    session_id, links = stack.ask(task)
    assert stack.post_form(links["deny"], decision="denied").status == 200
    log = stack.state_dir / "functions.log"
    wait_until(lambda: session_id in log.read_text())


def test_stack_json_is_for_its_owner_alone(stack: LocalStack) -> None:
    assert stat.S_IMODE((stack.state_dir / "stack.json").stat().st_mode) == 0o600
