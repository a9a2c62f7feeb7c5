"""The agent's definition: what an adopter edits must keep what the rest relies on."""

from types import SimpleNamespace
from typing import Any

import boto3
import pytest

import agent_definition
import aws_template
import publish_post
from longrunning.agent import worker
from longrunning.agent.scripted.turns import NAME

SESSION = boto3.Session(region_name="eu-west-1")


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


def test_the_bedrock_client_gives_up_before_the_run_does() -> None:
    model: Any = agent_definition.make_model("amazon.nova-lite-v1:0", SESSION)
    config = model.client.meta.config
    attempts = config.retries["total_max_attempts"]
    timeout = aws_template.load()["Resources"]["AgentFunction"]["Properties"]["Timeout"]
    stall = attempts * (config.connect_timeout + config.read_timeout)
    assert stall < timeout - worker.SAVE_MARGIN_SECONDS


def test_the_bedrock_model_is_the_one_that_is_named() -> None:
    model: Any = agent_definition.make_model("amazon.nova-lite-v1:0", SESSION)
    assert model.get_config()["model_id"] == "amazon.nova-lite-v1:0"
    assert model.client.meta.region_name == "eu-west-1"


def test_the_model_makes_no_session_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session takes 150 ms of the first answer."""
    monkeypatch.setattr(boto3, "Session", None)
    agent_definition.make_model("amazon.nova-lite-v1:0", SESSION)


def test_scripted_needs_no_client() -> None:
    model = agent_definition.make_model("scripted", SESSION)
    assert model.get_config()["model_id"] == "scripted"


def test_publish_post_is_protected() -> None:
    (tool,) = agent_definition.make_protected_tools(lambda **_: "")  # type: ignore[arg-type]
    assert tool.name == publish_post.TOOL_SPEC["name"] == "publish_post"


def test_the_script_lies_beside_the_definition() -> None:
    assert agent_definition.SCRIPT.parent.joinpath("agent_definition.py").exists()
    assert str(agent_definition.SCRIPT).endswith(NAME)


def test_the_publish_token_is_read_when_something_is_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = publish_post._Answer(201, b"{}")
    monkeypatch.setattr(publish_post, "_send", lambda request: sent.append(request) or answered)
    sent: list[Any] = []
    read: list[str] = []

    def get_secret_value(SecretId: str) -> dict[str, str]:
        read.append(SecretId)
        return {"SecretString": "the-token\n"}

    session: Any = SimpleNamespace(
        region_name="eu-west-1",
        client=lambda *_, **__: SimpleNamespace(get_secret_value=get_secret_value),
        get_credentials=lambda: None,
    )
    settings = {
        "MODEL_ID": "scripted",
        "PUBLISH_ENDPOINT_URL": "https://receiver.example.com",
        "PUBLISH_TOKEN_SECRET_ARN": "arn:token",
    }
    first, *_ = agent_definition.make_agents(session, settings)
    (tool,) = first.protected_tools
    assert read == []
    tool.function(content="Hi", idempotency_key="s-1/use-1")
    assert read == ["arn:token"]
    assert sent[0].headers["Authorization"] == "Bearer the-token"
