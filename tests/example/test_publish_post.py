"""publish_post against a receiver on the loopback interface, then against UniTok's own handler."""

import ast
import inspect
import json
import logging
import socket
from pathlib import Path

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import CredentialRetrievalError

import publish_post
import unitok_requests
from publish_post import PublishFailedError, PublishRefusedError, make_publisher
from recording_receiver import RecordingReceiver

CREDENTIALS = Credentials("AKIDEXAMPLE", "a-secret-key", "a-session-token")
CONTENT = 'Unicorns, "by the hour"\nGrüße 🦄'
KEY = "session-1/tooluse_1"


@pytest.fixture
def receiver():
    receiver = RecordingReceiver()
    yield receiver
    receiver.delay.set()
    receiver.stop()


@pytest.fixture
def publish(receiver):
    return make_publisher(receiver.url, region="eu-west-1", credentials=CREDENTIALS)


def test_posts_the_arguments_as_json_with_the_idempotency_key(receiver, publish):
    said = publish(CONTENT, "Ann", "pink", "https://example.com/unicorn.png", idempotency_key=KEY)

    ((path, headers, body),) = receiver.requests
    assert path == "/posts"
    assert headers["Idempotency-Key"] == KEY
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {
        "content": CONTENT,
        "author": "Ann",
        "unicorn_color": "pink",
        "image_url": "https://example.com/unicorn.png",
    }
    assert said == "Published as post 17."


def test_what_is_left_out_gets_the_specs_defaults(receiver, publish):
    publish(CONTENT, idempotency_key=KEY)

    properties = publish_post.TOOL_SPEC["inputSchema"]["json"]["properties"]
    defaults = {name: spec["default"] for name, spec in properties.items() if "default" in spec}
    assert json.loads(receiver.requests[0][2]) == {"content": CONTENT, **defaults}


def test_spec_and_function_take_the_same_arguments(publish):
    parameters = inspect.signature(publish).parameters
    schema = publish_post.TOOL_SPEC["inputSchema"]["json"]

    assert publish.__name__ == publish_post.TOOL_SPEC["name"] == "publish_post"
    assert [*schema["properties"], "idempotency_key"] == list(parameters)
    for name, spec in schema["properties"].items():
        assert parameters[name].default == spec.get("default", inspect.Parameter.empty)


def test_spec_asks_for_what_unitok_accepts():
    properties = publish_post.TOOL_SPEC["inputSchema"]["json"]["properties"]

    assert tuple(properties["unicorn_color"]["enum"]) == unitok_requests.UNICORN_COLORS
    assert properties["author"]["default"] == unitok_requests.DEFAULT_AUTHOR
    assert properties["author"]["maxLength"] == unitok_requests.MAX_AUTHOR_CHARS
    assert properties["unicorn_color"]["default"] == unitok_requests.DEFAULT_COLOR
    assert properties["content"]["maxLength"] == unitok_requests.MAX_CONTENT_BYTES
    assert properties["image_url"]["maxLength"] == unitok_requests.MAX_IMAGE_URL_CHARS


@pytest.mark.parametrize("stage", ["", "/", "/prod"])
def test_signature_covers_what_goes_over_the_wire(receiver, stage):
    publish = make_publisher(receiver.url + stage, region="eu-west-1", credentials=CREDENTIALS)
    publish(CONTENT, idempotency_key=KEY)

    path, headers, body = receiver.requests[0]
    headers = {name.lower(): value for name, value in headers.items()}
    scope, signed, signature = (
        part.split("=", 1)[1] for part in headers["authorization"].split(" ", 1)[1].split(", ")
    )
    assert scope.endswith("/eu-west-1/execute-api/aws4_request")
    signed_names = signed.split(";")
    expected_names = {"host", "content-type", "idempotency-key", "x-amz-security-token"}
    assert expected_names <= set(signed_names)
    assert path == f"{stage.rstrip('/')}/posts"
    # What a verifier does: sign what arrived, with the same secret, and compare.
    arrived = AWSRequest(
        method="POST",
        url=f"http://{headers['host']}{path}",
        headers={name: headers[name] for name in signed_names},
        data=body,
    )
    arrived.context["timestamp"] = headers["x-amz-date"]
    verifier = SigV4Auth(CREDENTIALS.get_frozen_credentials(), "execute-api", "eu-west-1")
    to_sign = verifier.string_to_sign(arrived, verifier.canonical_request(arrived))
    assert verifier.signature(to_sign, arrived) == signature


def test_token_takes_the_signatures_place_and_is_read_at_each_call(receiver):
    tokens = iter(["first\n", "second"])
    publish = make_publisher(
        receiver.url, region="eu-west-1", credentials=CREDENTIALS, read_token=lambda: next(tokens)
    )

    publish(CONTENT, idempotency_key=KEY)
    publish(CONTENT, idempotency_key=KEY)

    sent = [headers["Authorization"] for _, headers, _ in receiver.requests]
    assert sent == ["Bearer first", "Bearer second"]
    assert not any("X-Amz-Date" in headers for _, headers, _ in receiver.requests)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_is_published(receiver, publish, status):
    receiver.status = status

    assert publish(CONTENT, idempotency_key=KEY).startswith("Published")


@pytest.mark.parametrize("body", [b"", b"<p>thanks", b"[1]", b'{"post_id": 5}', b"[" * 100_000])
def test_a_receiver_need_not_name_the_post(receiver, publish, body):
    receiver.body = body

    assert publish(CONTENT, idempotency_key=KEY) == "Published."


@pytest.mark.parametrize("status", [400, 413, 422])
def test_definite_refusal_tells_the_reason(receiver, publish, status):
    receiver.status, receiver.body = status, b'{"error": "content: not like this"}'

    with pytest.raises(PublishRefusedError, match=f"{status}.*content: not like this"):
        publish(CONTENT, idempotency_key=KEY)
    assert len(receiver.requests) == 1


def test_a_receivers_reason_is_cut(receiver, publish):
    receiver.status, receiver.body = 422, json.dumps({"error": "x" * 10_000}).encode()

    with pytest.raises(PublishRefusedError) as refused:
        publish(CONTENT, idempotency_key=KEY)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("status", [401, 403, 404, 408, 425, 429, 500, 502, 503, 504])
def test_every_other_status_is_a_fault_and_not_repeated_here(receiver, publish, status):
    receiver.status, receiver.headers = status, {"Retry-After": "0"}

    with pytest.raises(PublishFailedError, match=str(status)):
        publish(CONTENT, idempotency_key=KEY)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver, publish, status):
    receiver.status, receiver.headers = status, {"Location": f"{receiver.url}/elsewhere"}

    with pytest.raises(PublishFailedError, match=str(status)):
        publish(CONTENT, idempotency_key=KEY)
    assert len(receiver.requests) == 1


def test_hang_up_without_an_answer_is_a_fault_and_sent_once(receiver, publish):
    receiver.hang_up = True

    with pytest.raises(PublishFailedError, match="did not answer"):
        publish(CONTENT, idempotency_key=KEY)
    assert len(receiver.requests) == 1


def test_silence_ends_after_the_timeout(receiver, publish, monkeypatch):
    monkeypatch.setattr(publish_post, "HTTP_TIMEOUT", urllib3.Timeout(connect=1, read=0.2))
    receiver.delay.clear()

    with pytest.raises(PublishFailedError, match="ReadTimeout"):
        publish(CONTENT, idempotency_key=KEY)
    assert len(receiver.requests) == 1


def test_timeouts_are_shorter_than_the_gateways_and_bounded():
    assert (
        publish_post.HTTP_TIMEOUT.connect_timeout * 2 + publish_post.HTTP_TIMEOUT.read_timeout < 30
    )


def test_nobody_listening_is_a_fault():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    publish = make_publisher(
        f"http://127.0.0.1:{port}", region="eu-west-1", credentials=CREDENTIALS
    )

    with pytest.raises(PublishFailedError, match="did not answer"):
        publish(CONTENT, idempotency_key=KEY)


def test_credentials_that_cannot_be_had_are_a_fault(receiver):
    class Gone:
        def get_frozen_credentials(self):
            raise CredentialRetrievalError(provider="test", error_msg="gone")

    publish = make_publisher(receiver.url, region="eu-west-1", credentials=Gone())

    with pytest.raises(PublishFailedError, match="no credentials"):
        publish(CONTENT, idempotency_key=KEY)
    assert receiver.requests == []


def test_a_token_that_no_header_can_carry_is_a_fault_and_stays_secret(receiver):
    publish = make_publisher(
        receiver.url, region="eu-west-1", read_token=lambda: "top-secret\r\nX-Evil: yes"
    )

    with pytest.raises(PublishFailedError) as failed:
        publish(CONTENT, idempotency_key=KEY)
    assert receiver.requests == []
    assert "top-secret" not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


@pytest.mark.parametrize("url", ["http://example.com", "ftp://example.com", "example.com"])
def test_a_token_never_travels_in_the_clear(url):
    with pytest.raises(ValueError, match="https"):
        make_publisher(url, region="eu-west-1", read_token=lambda: "token")


@pytest.mark.parametrize("url", ["https://example.com", "http://localhost:3000"])
def test_a_token_may_go_over_https_or_to_this_machine(url):
    make_publisher(url, region="eu-west-1", read_token=lambda: "token")


def test_a_publisher_without_credentials_and_token_is_not_made():
    with pytest.raises(ValueError, match="neither"):
        make_publisher("https://example.com", region="eu-west-1")


@pytest.mark.parametrize("status", [201, 422, 500])
def test_content_and_secrets_are_never_logged(receiver, publish, caplog, status):
    receiver.status, receiver.body = status, b"{}"
    caplog.set_level(logging.DEBUG, logger="urllib3")

    try:
        publish(CONTENT, idempotency_key=KEY)
    except (PublishFailedError, PublishRefusedError) as error:
        assert "Unicorns" not in str(error)

    assert "urllib3" in caplog.text
    assert "Unicorns" not in caplog.text
    assert "a-secret-key" not in caplog.text


def test_what_publishes_knows_nothing_of_agents():
    tree = ast.parse(Path(publish_post.__file__).read_text())
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    own = {path.stem for path in Path(publish_post.__file__).parent.glob("*.py")}
    assert names
    assert not {name.partition(".")[0] for name in names} & (own | {"longrunning"})
