"""EDIT ME: the agent. Its name, prompt, model, tools, and which of them need an approval.

This file and `publish_post.py` are the two to change for an agent of your own; the library
`longrunning` is how it waits, and does not know what it is about. `docs/adapt.md` walks through.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from strands import Agent, ModelRetryStrategy
from strands.models.model import Model

import ask_agent
import evaluator
import publish_post
import run_job
import wait_until
from longrunning import human_approval
from longrunning.agent.calls import ProtectedTool
from longrunning.agent.conversation_window import BlockwiseWindow
from longrunning.agent.definition import AgentDefinition
from longrunning.agent.gate import Gate
from longrunning.agent.long_running import LongTool
from longrunning.people import links
from longrunning.sessions import Session, SessionStore
from longrunning.waits.item import Wait

AGENT_NAME = "post-generator"

SYSTEM_PROMPT = """\
You write posts for UniTok, the social network of unicorn lovers, on behalf of Unicorn Rentals.
Given a task, write one short, friendly post. Then ask for approval of its complete text with
human_approval. When it is approved, call publish_post with exactly the approved text. When it is
denied, revise it as the comment asks and ask again, or stop. Never publish what was not approved.
If the task wants the post checked, ask the agent brand-evaluator with ask_agent before a person. If
it wants a picture, run the job picture for it. If it names a time, wait until then to publish.
"""

MAX_TURNS = 30
"""Model calls in one run. A run that needs more is ended, and its session is marked as failed."""

MAX_WINDOW_MESSAGES, TRIMMED_WINDOW_MESSAGES = 1_000, 800
"""Beyond the one the conversation is trimmed to the other; its first message, the task, stays."""

_CONFIG = Config(connect_timeout=3, read_timeout=10)

SCRIPT = Path(__file__).with_name("script.json")
"""A script of your own for the model of `make run`: `docs/adapt.md` says what it may hold."""

OTHER_TOOLS: list[Any] = []
"""Tools that need no approval: what they do may happen more than once, after a crash."""

LONG_TOOLS: tuple[LongTool, ...] = (wait_until.wait_until,)
"""Tools whose work outlives the function, each in a file of its own. Those that need an AWS client
are made in `make_long_tools`."""


def make_agents(session: boto3.Session, settings: Mapping[str, str]) -> Iterator[AgentDefinition]:
    """Makes the agents, once for each Lambda environment.

    Args:
        session: Makes the AWS clients that your tools need.
        settings: The function's environment variables.

    Yields:
        One definition for each agent; the first gets the tasks that name none.
    """
    model = make_model(settings["MODEL_ID"], session)
    yield AgentDefinition(
        name=AGENT_NAME,
        make_agent=partial(make_agent, model),
        protected_tools=make_protected_tools(make_publisher(session, settings)),
        long_tools=(*LONG_TOOLS, *make_long_tools(session, settings)),
        max_turns=MAX_TURNS,
    )
    yield evaluator.make_evaluator(model)


def make_long_tools(session: boto3.Session, settings: Mapping[str, str]) -> Iterator[LongTool]:
    """Makes the long-running tools that call AWS; a client is made when it is first used."""
    client = cache(partial(session.client, config=_CONFIG))

    def send_message(body: str) -> None:
        client("sqs").send_message(QueueUrl=settings["TASK_QUEUE_URL"], MessageBody=body)

    def find_session(session_id: str) -> Session | None:
        table, bucket = settings["SESSIONS_TABLE_NAME"], settings["STATE_BUCKET_NAME"]
        return SessionStore(client("dynamodb"), table, client("s3"), bucket).find(session_id)

    if machines := json.loads(settings.get("JOB_MACHINES") or "{}"):
        yield run_job.make_run_job(partial(client, "stepfunctions"), machines)
    yield ask_agent.make_ask_agent([evaluator.AGENT_NAME], send_message, find_session)


def make_callback_url(session: boto3.Session, settings: Mapping[str, str]) -> Callable[[Wait], str]:
    """Makes what says where a system answers a wait; for tools that are answered by callback."""

    @cache
    def read_keys() -> links.LinkKeys:
        secrets = session.client("secretsmanager", config=_CONFIG)
        secret = secrets.get_secret_value(SecretId=settings["LINK_KEYS_SECRET_ARN"])
        return links.LinkKeys.parse(secret["SecretString"])

    def url(wait: Wait) -> str:
        token = links.make_callback_token(
            read_keys(), wait.session_id, wait.tool_use_id, wait.decide_by
        )
        return links.callback_url(settings["APPROVAL_BASE_URL"], token)

    return url


def make_publisher(session: boto3.Session, settings: Mapping[str, str]) -> publish_post.Publish:
    """Makes what publishes a post: UniTok's API, or an external one with a bearer token."""
    token_arn = settings.get("PUBLISH_TOKEN_SECRET_ARN")
    client = cache(partial(session.client, config=_CONFIG))

    def read_token() -> str:
        secrets = client("secretsmanager")
        return str(secrets.get_secret_value(SecretId=token_arn)["SecretString"])

    return publish_post.make_publisher(
        settings["PUBLISH_ENDPOINT_URL"],
        region=session.region_name,
        credentials=session.get_credentials(),
        read_token=read_token if token_arn else None,
    )


def make_model(model_id: str, session: boto3.Session) -> Model:
    """Makes the model: `scripted`, or a Bedrock model by its id.

    Bedrock's client is one of the session: a session of its own would take as long to make as all
    other clients.

    Any other provider of Strands is one line here: import it and return it.
    """
    if model_id == "scripted":
        import scripted_evaluator
        import scripted_writer
        from longrunning.agent.scripted.model import ScriptedModel

        return ScriptedModel(SCRIPT, [scripted_writer.play, scripted_evaluator.play])
    from strands.models.bedrock import BedrockModel

    # Seconds; both attempts together end before the run does, so that a stall is a fault like any
    # other and not the end of the process.
    timeouts = Config(connect_timeout=5, read_timeout=40, retries={"total_max_attempts": 2})
    return BedrockModel(model_id=model_id, boto_session=session, boto_client_config=timeouts)


def make_protected_tools(publisher: publish_post.Publish) -> tuple[ProtectedTool, ...]:
    """Names the tools that need an approval.

    `human_approval` asks for a call of the first one; every other one pauses by itself when the
    model calls it.
    """
    publish = ProtectedTool(
        spec=publish_post.TOOL_SPEC,
        function=publisher,
        refused=publish_post.PublishRefusedError,
        done="published",
    )
    return (publish,)


def make_agent(model: Model, messages: list[Any], gate: Gate) -> Agent:
    """Makes the agent for one queue message; nothing of it outlives the message.

    Args:
        model: As `make_model` made it.
        messages: The conversation so far; empty for a new task.
        gate: The gate of this run; it must stay among the hooks.
    """
    return Agent(
        name=AGENT_NAME,
        model=model,
        system_prompt=SYSTEM_PROMPT,
        messages=messages,
        tools=[human_approval, *gate.agent_tools(), *OTHER_TOOLS],
        hooks=[gate],
        callback_handler=None,
        conversation_manager=BlockwiseWindow(MAX_WINDOW_MESSAGES, TRIMMED_WINDOW_MESSAGES),
        retry_strategy=ModelRetryStrategy(max_attempts=3, initial_delay=1, max_delay=8),
    )
