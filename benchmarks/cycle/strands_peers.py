"""Contenders that run the same Strands agent: without storage, the plain way, Strands' managers."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from strands import Agent, ToolContext, tool
from strands.session import S3SessionManager, SnapshotSessionManager
from strands.storage import S3Storage
from strands_dynamodb_storage import DynamoDBStorage

from benchmarks.cycle.contender import Contender, Cycle, Offers
from benchmarks.cycle.conversation import (
    ASK,
    PUBLISHED,
    Conversation,
    ScriptedModel,
    answer_to,
)
from benchmarks.cycle.engine import BUCKETS
from benchmarks.cycle.meter import Meter
from benchmarks.cycle.strands_agent import make_agent
from longrunning import human_approval
from longrunning.agent.tool_results import fill_placeholders

IN_S3 = "Strands snapshots, S3Storage"
GZIPPED = "Strands snapshots, DynamoDBStorage, gzip"
CLOSE = (IN_S3, GZIPPED)
SNAPSHOTS = Offers("the answer in the conversation", "no: the last writer wins", "no")


@tool
def publish_post(content: str) -> str:
    """Publishes a post.

    Args:
        content: The text.
    """
    return PUBLISHED


@tool(name=ASK, context=True)
def interrupting_approval(content: str, tool_context: ToolContext) -> str:
    """Asks a person, with Strands' own interrupt.

    Args:
        content: The text to approve.
        tool_context: Strands' own.
    """
    answer: str = tool_context.interrupt("approval", reason={"content": content})
    return answer


def strands_peers(meter: Meter) -> Iterator[Contender]:
    """Makes the contenders; their clients are made once and kept, as a warm function does it."""
    dynamodb = boto3.client("dynamodb")
    yield Contender("the agent alone", lambda c: _alone(c, meter), is_peer=False, without="")
    yield Contender(
        "plain: one put, one get of the whole list",
        lambda c: _plain(c, meter, dynamodb),
        SNAPSHOTS,
    )
    storages = {
        IN_S3: S3Storage(BUCKETS["peers"]),
        "Strands snapshots, DynamoDBStorage": _dynamodb_storage("none"),
        GZIPPED: _dynamodb_storage("gzip"),
    }
    for name, storage in storages.items():
        sessions = _snapshots(meter, storage=storage)
        yield Contender(name, sessions, SNAPSHOTS, is_close=name in CLOSE)
    yield Contender(
        "Strands snapshots, S3Storage, each pause kept",
        _snapshots(meter, storage=S3Storage(BUCKETS["peers"]), snapshot_trigger=lambda **_: True),
        replace(SNAPSHOTS, decision_record="the conversation as it was at each pause"),
    )
    # By far the slowest comes last: the others run close to the one without storage.
    yield Contender(
        "Strands S3SessionManager",
        lambda c: _managed(c, meter, lambda: S3SessionManager(c.session_id, BUCKETS["peers"])),
        SNAPSHOTS,
    )


def _dynamodb_storage(compression: str) -> DynamoDBStorage:
    return DynamoDBStorage("strands-storage", s3_bucket=BUCKETS["peers"], compression=compression)


def _snapshots(meter: Meter, **options: Any) -> Callable[[Conversation], Cycle]:
    return lambda conversation: _managed(
        conversation,
        meter,
        lambda: SnapshotSessionManager(conversation.session_id, **options),
    )


def _managed(conversation: Conversation, meter: Meter, make_manager: Callable[[], Any]) -> Cycle:
    """An agent that a session manager loads and saves; the answer comes as interrupt response."""
    model = ScriptedModel(conversation.post_bytes)

    def make(messages: list[Any] | None = None) -> Agent:
        return make_agent(
            model, messages, [interrupting_approval, publish_post], session_manager=make_manager()
        )

    result = make(copy.deepcopy(conversation.earlier))(conversation.task)

    def cycle() -> None:
        nonlocal result
        (interrupt,) = result.interrupts
        response = {"interruptId": interrupt.id, "response": answer_to(interrupt.reason["content"])}
        with meter.measured():
            result = make()([{"interruptResponse": response}])

    return cycle


def _alone(conversation: Conversation, meter: Meter) -> Cycle:
    """The messages stay in memory: what is left is the agent's own work."""
    model = ScriptedModel(conversation.post_bytes)
    messages = _ask(model, conversation)

    def cycle() -> None:
        nonlocal messages
        with meter.measured():
            messages = _answer(model, messages)

    return cycle


def _plain(conversation: Conversation, meter: Meter, dynamodb: Any) -> Cycle:
    """The whole list in one item: read, changed, put back, whoever else may have put it."""
    model = ScriptedModel(conversation.post_bytes)
    serialize, deserialize = TypeSerializer().serialize, TypeDeserializer().deserialize
    key = {"session_id": {"S": conversation.session_id}}

    def put(messages: list[Any]) -> None:
        dynamodb.put_item(TableName="plain", Item=key | {"messages": serialize(messages)})

    def cycle() -> None:
        with meter.measured():
            found = dynamodb.get_item(TableName="plain", Key=key, ConsistentRead=True)
            messages = _bytes_as_they_were(deserialize(found["Item"]["messages"]))
            put(_answer(model, messages))

    put(_ask(model, conversation))
    return cycle


def _ask(model: ScriptedModel, conversation: Conversation) -> list[Any]:
    earlier = copy.deepcopy(conversation.earlier)
    return _run(make_agent(model, earlier, [human_approval, publish_post]), conversation.task)


def _answer(model: ScriptedModel, messages: list[Any]) -> list[Any]:
    use = messages[-2]["content"][0]["toolUse"]
    content = [{"text": answer_to(use["input"]["content"])}]
    result = {"toolUseId": use["toolUseId"], "status": "success", "content": content}
    fill_placeholders(messages, {use["toolUseId"]: result})
    return _run(make_agent(model, messages, [human_approval, publish_post]), None)


def _run(agent: Agent, prompt: Any) -> list[Any]:
    agent(prompt, invocation_state={"request_state": {}, "session_id": "s", "session_agent": agent})
    messages: list[Any] = agent.messages
    return messages


def _bytes_as_they_were(value: Any) -> Any:
    match value:
        case Binary():
            return bytes(value)
        case list():
            return [_bytes_as_they_were(item) for item in value]
        case dict():
            return {name: _bytes_as_they_were(item) for name, item in value.items()}
    return value
