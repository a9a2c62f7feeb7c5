"""The models of docs/adapt.md, run exactly as they stand there, against servers of this machine."""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from anthropic_api import anthropic_api
from chat_completions import chat_completions
from loopback import Call, ModelApi, Script
from ollama_api import ollama_api

import agent_definition
import agent_handler
from longrunning import sessions
from world import World

ADAPT = Path(__file__).parents[2] / "docs/adapt.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", ADAPT.read_text(), re.M | re.S)
DRAFT = "Summer at Unicorn Rentals: two rides for one!"
SCRIPT: Script = [
    [Call("human_approval", {"content": DRAFT}, "call_1")],
    [Call("publish_post", {"content": DRAFT}, "call_2")],
    "It is published.",
]
KEY = "a-key-that-is-secret"

pytestmark = pytest.mark.filterwarnings("ignore")  # What a provider's client warns of is not ours.


@dataclass(frozen=True)
class Guide:
    """A file of the guide.

    Attributes:
        module: Its name.
        model_id: The ModelId to give.
        called: What the server is asked for.
        serve: Starts the server.
        variables: What `PASS` passes on, once the server is at a URL.
        key_header: Where the key travels.
    """

    module: str
    model_id: str
    called: str
    serve: Callable[[Script], ModelApi]
    variables: Callable[[str], dict[str, str]]
    key_header: str = ""


GUIDES = {
    "OpenAI": Guide(
        "openai_model", "openai.gpt-5.2", "gpt-5.2", chat_completions,
        lambda url: {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{url}/v1"}, "authorization",
    ),
    "Ollama": Guide(
        "ollama_model", "ollama.qwen3:8b", "qwen3:8b", ollama_api,
        lambda url: {"OLLAMA_HOST": url},
    ),
    "Anthropic": Guide(
        "anthropic_model", "anthropic.claude-sonnet-4-5", "claude-sonnet-4-5", anthropic_api,
        lambda url: {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": url}, "x-api-key",
    ),
}  # fmt: skip

Adapt = Callable[[Guide], None]


def block_that(begins: str) -> str:
    """Returns the one block of the guide that begins so."""
    (found,) = [block for block in BLOCKS if block.startswith(begins)]
    return str(found)


@pytest.fixture
def adapt(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Adapt]:
    """Does what the guide says: the file, and the function in agent_definition.py."""
    added: list[str] = []

    def adapt(guide: Guide) -> None:
        block = block_that(f"# src/agent/{guide.module}.py\n")
        (tmp_path / f"{guide.module}.py").write_text(block)
        monkeypatch.syspath_prepend(tmp_path)
        added.append(guide.module)
        function = block_that("def make_model(").replace("openai_model", guide.module)
        found: dict[str, Any] = vars(agent_definition) | {}
        exec(compile(function, "adapt.md", "exec"), found)  # noqa: S102 - what is tested
        monkeypatch.setattr(agent_definition, "make_model", found["make_model"])
        monkeypatch.setenv("MODEL_ID", guide.model_id)
        agent_handler._resources.cache_clear()

    yield adapt
    for name in added:
        sys.modules.pop(name, None)


@pytest.fixture(params=GUIDES.values(), ids=GUIDES)
def guide(request: pytest.FixtureRequest) -> Guide:
    found: Guide = request.param
    return found


def test_a_task_goes_past_each_model_of_the_guide_to_its_post(
    world: World, adapt: Adapt, guide: Guide, monkeypatch: pytest.MonkeyPatch
) -> None:
    with guide.serve(SCRIPT) as api:
        for name, value in guide.variables(api.url).items():
            monkeypatch.setenv(name, value)
        adapt(guide)
        session_id = world.start()
        (mail,) = world.read_mail()
        assert world.click(mail.links["approve"], decision="approved")["status_code"] == 200
        world.deliver_until_quiet()
    assert [post["content"] for post in world.posts()] == [DRAFT]
    session = world.session(session_id)
    assert (session.status, session.outcome) == (sessions.COMPLETED, "published")
    assert api.refused == []
    assert [body["model"] for body in api.requests] == [guide.called] * 3
    if guide.key_header:
        assert all(KEY in headers[guide.key_header] for headers in api.headers)


def test_the_script_still_plays_where_no_model_is_given(
    world: World, adapt: Adapt, guide: Guide, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapt(guide)
    monkeypatch.setenv("MODEL_ID", "scripted")
    world.start()
    assert len(world.read_mail()) == 1


def test_a_key_that_was_not_passed_is_named(
    world: World, adapt: Adapt, guide: Guide, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guide.key_header:
        pytest.skip("it takes no key")
    (name,) = [name for name in guide.variables("") if name.endswith("_API_KEY")]
    monkeypatch.delenv(name, raising=False)
    adapt(guide)
    with pytest.raises(KeyError, match=name):
        agent_definition.make_model(guide.model_id, "us-east-1")


def test_anthropics_key_comes_from_its_secret_on_aws(
    world: World, adapt: Adapt, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = GUIDES["Anthropic"]
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setenv("MODEL_KEY_SECRET_ARN", "arn:of-the-secret")
    asked: list[str] = []

    class Secrets:
        def get_secret_value(self, SecretId: str) -> dict[str, str]:
            asked.append(SecretId)
            return {"SecretString": KEY}

    adapt(guide)
    monkeypatch.setattr(boto3, "client", lambda service: {"secretsmanager": Secrets()}[service])
    model: Any = agent_definition.make_model(guide.model_id, "us-east-1")
    assert model.client.api_key == KEY
    assert asked == ["arn:of-the-secret"]


@pytest.mark.parametrize("module", [guide.module for guide in GUIDES.values()])
def test_the_guide_names_the_extra_that_each_file_needs(module: str) -> None:
    provider = module.removesuffix("_model")
    assert f"strands.models.{provider} import" in block_that(f"# src/agent/{module}.py\n")
    environment = (ADAPT.parents[1] / "requirements/providers.in").read_text()
    extras = environment.partition("strands-agents[")[2].partition("]")[0]
    assert provider in extras.split(",")
