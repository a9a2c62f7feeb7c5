"""LangGraph: `interrupt` in a graph, its checkpoints in DynamoDB, large ones in S3."""

import base64
from collections.abc import Iterator
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from langgraph_checkpoint_aws import DynamoDBSaver

from benchmarks.cycle.contender import Contender, Cycle, Offers
from benchmarks.cycle.conversation import (
    ASK,
    ONCE,
    PUBLISH,
    PUBLISHED,
    Conversation,
    answer_to,
    make_ids,
    make_posts,
)
from benchmarks.cycle.engine import BUCKETS
from benchmarks.cycle.meter import Meter

ALONE = "the graph alone"
OFFERS = Offers("the answer among the writes", "no: the last writer wins", "no")


def langgraph_peers(meter: Meter) -> Iterator[Contender]:
    """Makes the contenders; their savers are made once and kept."""
    yield Contender(ALONE, lambda c: _alone(c, meter), is_peer=False, without="")
    variants: dict[str, tuple[bool, dict[str, Any]]] = {
        "LangGraph, DynamoDBSaver": (False, {}),
        'LangGraph, DynamoDBSaver, gzip, durability="exit"': (True, {"durability": "exit"}),
    }
    for name, (is_compressed, options) in variants.items():
        saver = DynamoDBSaver(
            "langgraph",
            enable_checkpoint_compression=is_compressed,
            s3_offload_config={"bucket_name": BUCKETS["peers"]},
        )
        yield Contender(name, _saved(saver, options, meter), OFFERS, without=ALONE)


def _saved(saver: Any, options: dict[str, Any], meter: Meter) -> Any:
    def open_session(conversation: Conversation) -> Cycle:
        graph = _make_graph(_Script(conversation.post_bytes), pauses=True).compile(
            checkpointer=saver
        )
        config = {"configurable": {"thread_id": conversation.session_id}}
        state = graph.invoke({"messages": _messages(conversation)}, config, **options)

        def cycle() -> None:
            nonlocal state
            (asked,) = state["__interrupt__"]
            with meter.measured():
                resume = Command(resume=answer_to(asked.value["content"]))
                state = graph.invoke(resume, config, **options)

        return cycle

    return open_session


def _alone(conversation: Conversation, meter: Meter) -> Cycle:
    """The same nodes without a checkpointer: what is left is the graph's own work."""
    graph = _make_graph(_Script(conversation.post_bytes), pauses=False).compile()
    state = graph.invoke({"messages": _messages(conversation)})

    def cycle() -> None:
        nonlocal state
        with meter.measured():
            state = graph.invoke(state)

    return cycle


class _Script:
    """The nodes: the model, the tool that asks, the tool that publishes."""

    def __init__(self, post_bytes: int) -> None:
        self._posts, self._ids = make_posts(post_bytes), make_ids()

    def model(self, state: MessagesState) -> dict[str, list[AnyMessage]]:
        """Publishes what was approved; then asks for the next text, or ends."""
        name, content = self._next_call(state["messages"])
        if name == END:
            return {"messages": [AIMessage("Done.")]}
        call = {"name": name, "args": {"content": content}, "id": next(self._ids)}
        return {"messages": [AIMessage("", tool_calls=[call])]}

    def _next_call(self, messages: list[AnyMessage]) -> tuple[str, str]:
        last = messages[-1]
        if not isinstance(last, ToolMessage):
            is_once = str(last.content).startswith(ONCE)
            return ASK, (ONCE if is_once else "") + next(self._posts)
        content = _call(messages[-2])["args"]["content"]
        if last.name == ASK:
            return PUBLISH, content
        return (END, "") if content.startswith(ONCE) else (ASK, next(self._posts))

    def ask(self, state: MessagesState) -> dict[str, list[AnyMessage]]:
        """Pauses; runs again from its start with the answer."""
        call = _call(state["messages"][-1])
        return _result(call, interrupt({"content": call["args"]["content"]}))

    def take_for_approved(self, state: MessagesState) -> dict[str, list[AnyMessage]]:
        """Does not pause."""
        call = _call(state["messages"][-1])
        return _result(call, answer_to(call["args"]["content"]))

    def publish(self, state: MessagesState) -> dict[str, list[AnyMessage]]:
        """Publishes."""
        return _result(_call(state["messages"][-1]), PUBLISHED)


def _make_graph(script: _Script, *, pauses: bool) -> Any:
    """With pauses, it goes on until the next question; without, it ends there and begins there."""
    graph = StateGraph(MessagesState)
    graph.add_node("model", script.model)
    graph.add_node(ASK, script.ask if pauses else script.take_for_approved)
    graph.add_node(PUBLISH, script.publish)
    graph.add_edge(ASK, "model")
    graph.add_edge(PUBLISH, "model")
    if pauses:
        graph.add_edge(START, "model")
        graph.add_conditional_edges("model", _next_tool, [ASK, PUBLISH, END])
    else:
        graph.add_conditional_edges(START, _first_node, ["model", ASK])
        ends = {ASK: END, PUBLISH: PUBLISH, END: END}
        graph.add_conditional_edges("model", _next_tool, ends)
    return graph


def _first_node(state: MessagesState) -> str:
    return ASK if isinstance(state["messages"][-1], AIMessage) else "model"


def _next_tool(state: MessagesState) -> str:
    calls = state["messages"][-1].tool_calls
    return str(calls[0]["name"]) if calls else END


def _call(message: AnyMessage) -> Any:
    return message.tool_calls[0]


def _result(call: Any, text: str) -> dict[str, list[AnyMessage]]:
    return {"messages": [ToolMessage(text, tool_call_id=call["id"], name=call["name"])]}


def _messages(conversation: Conversation) -> list[AnyMessage]:
    kinds = {"user": HumanMessage, "assistant": AIMessage}
    said = [*conversation.earlier, {"role": "user", "content": conversation.task}]
    return [kinds[message["role"]](_content(message["content"])) for message in said]


def _content(blocks: list[dict[str, Any]]) -> Any:
    if len(blocks) == 1:
        return blocks[0]["text"]
    return [
        {"type": "text", "text": block["text"]}
        if "text" in block
        else {
            "type": "file",
            "mime_type": "application/pdf",
            "base64": base64.b64encode(block["document"]["source"]["bytes"]).decode(),
        }
        for block in blocks
    ]
