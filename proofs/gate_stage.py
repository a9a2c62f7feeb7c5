"""What the tests of the gate and of its parts share: a gate on a stage, and all it touches."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import sample_post as publish_post
from core_samples import NOW, SESSION_ID, changed, wait_of
from longrunning.agent.calls import ProtectedTool
from longrunning.agent.effects import Effects
from longrunning.agent.gate import Gate
from longrunning.agent.watch import Watch
from longrunning.waits.item import Status, Wait

PUBLISH, ASK, ARCHIVE = "publish_post", "human_approval", "archive_post"
DEFAULTS = {"author": "Unicorn Rentals", "unicorn_color": "rainbow", "image_url": None}
CONTENT = "Meet Rainbow Dash! 🦄"

ARCHIVE_SPEC = {
    "name": ARCHIVE,
    "description": "Archives a post.",
    "inputSchema": {
        "json": {
            "type": "object",
            "properties": {
                "reason": {"type": "string", "maxLength": 200, "description": "Why."},
                "days": {"type": "integer", "default": 30},
            },
            "required": ["reason"],
        }
    },
}


class NoForGoodError(Exception):
    """The receiver refuses."""


@dataclass
class Receiver:
    """Notes the effects; answers with `answer`, or raises it."""

    answer: str | Exception = "Published as post 1."
    effects: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, **call: Any) -> str:
        self.effects.append(call)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class FakeStore:
    """A session's approvals in memory; notes what is called."""

    items: list[Wait] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    failure: Exception | None = None

    def get(self, session_id: str, tool_use_id: str) -> Wait | None:
        self.calls.append(f"get {tool_use_id}")
        if self.failure:
            raise self.failure
        return next((item for item in self.items if item.tool_use_id == tool_use_id), None)

    def spend(self, approval: Wait) -> Wait:
        self.calls.append(f"spend {approval.tool_use_id}")
        if self.failure:
            raise self.failure
        return replace(approval, status=Status.SPENT)

    def refuse(self, approval: Wait, reason: str) -> None:
        self.calls.append(f"refuse {approval.tool_use_id}: {reason}")

    def keep_answer(self, approval: Wait, status: str, text: str) -> None:
        self.calls.append(f"answer {approval.tool_use_id}: {status}, {text}")


@dataclass
class StoppableAgent:
    """Counts how often it was cancelled."""

    cancelled: list[bool] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def cancel(self, *, after_current_tools: bool = False) -> None:
        self.cancelled.append(after_current_tools)


@dataclass
class Answer:
    """What became of one tool use: the hook's refusal, or what the tool answered."""

    refusal: str | None
    result: dict[str, Any] | None = None

    @property
    def told(self) -> tuple[str, str]:
        """Status and text that the model reads."""
        assert self.result
        return self.result["status"], self.result["content"][0]["text"]


@dataclass
class Stage:
    """A gate with all that it touches; `use` does what Strands does with a tool use."""

    store: FakeStore = field(default_factory=FakeStore)
    receiver: Receiver = field(default_factory=Receiver)
    archive: Receiver = field(default_factory=lambda: Receiver("Archived."))
    agent: StoppableAgent = field(default_factory=StoppableAgent)
    request_state: dict[str, Any] = field(default_factory=dict)
    claimed: list[Wait] = field(default_factory=list)
    is_new: bool = False

    def __post_init__(self) -> None:
        publish = ProtectedTool(publish_post.TOOL_SPEC, self.receiver, NoForGoodError)
        archive = ProtectedTool(ARCHIVE_SPEC, self.archive, NoForGoodError, "reason")
        store: Any = self.store
        self.agent.messages = [m for item in self.store.items for m in told_of(item)]
        tools = (publish, archive)
        self.effects = Effects(store, tools, self.claimed)
        self.gate = Gate(SESSION_ID, tools, self.effects, Watch(), self.read_wait)
        self.tools = {tool.tool_name: tool for tool in self.gate.agent_tools()}

    def read_wait(self, tool_use_id: str) -> Wait | None:
        return None if self.is_new else self.store.get(SESSION_ID, tool_use_id)

    def use(self, tool_use_id: str, name: str, tool_input: Any) -> Answer:
        tool_use = {"toolUseId": tool_use_id, "name": name, "input": tool_input}
        state = {
            "agent": self.agent,
            "request_state": self.request_state,
            "session_id": SESSION_ID,
        }
        event: Any = SimpleNamespace(
            tool_use=tool_use, agent=self.agent, invocation_state=state, cancel_tool=False
        )
        self.gate.before_tool(event)
        if event.cancel_tool or name not in self.tools:
            return Answer(event.cancel_tool or None)
        return Answer(None, run_tool(self.tools[name], tool_use, state))

    def publish(self, content: str = CONTENT, tool_use_id: str = "call-1", **more: Any) -> Answer:
        return self.use(tool_use_id, PUBLISH, {"content": content, **more})

    def ask(self, content: str = CONTENT, tool_use_id: str = "ask-2", **more: Any) -> Answer:
        return self.use(tool_use_id, ASK, {"content": content, **more})

    @property
    def waiting(self) -> list[str]:
        """Tool use ids that paused the agent through the gate."""
        return [waiting["tool_use_id"] for waiting in self.request_state.get("waiting", [])]


def run_tool(tool: Any, tool_use: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    async def last() -> Any:
        return [event async for event in tool.stream(tool_use, state)][-1]

    result: dict[str, Any] = asyncio.run(last()).tool_result
    return result


def approval(status: str, **changes: Any) -> Wait:
    asked = wait_of(
        session_id=SESSION_ID,
        tool_use_id="ask-1",
        agent_name="post-generator",
        tool_name=ASK,
        requested_at=NOW,
        decide_by=NOW + 1,
        action=PUBLISH,
        status=status,
        content=CONTENT,
        arguments=DEFAULTS,
        fence=1,
    )
    return changed(asked, **changes)


def told_of(item: Wait) -> list[dict[str, Any]]:
    """The turn that asked, as the conversation has it once somebody has decided."""
    given = {"content": item.asked.content, "arguments": item.asked.arguments}
    use = {"toolUseId": item.tool_use_id, "name": ASK, "input": given}
    words = {Status.APPROVED: "approved", Status.SPENT: "approved", Status.DENIED: "denied"}
    decision: dict[str, Any] = {"decision": words.get(item.status, item.status.lower())}
    if item.status in (Status.APPROVED, Status.SPENT):
        decision["content"] = item.in_force.content
    result = {"toolUseId": item.tool_use_id, "content": [{"text": json.dumps(decision)}]}
    return [
        {"role": "assistant", "content": [{"toolUse": use}]},
        {"role": "user", "content": [{"toolResult": result}]},
    ]


def effect(content: str = CONTENT, key: str = "ask-1", **changes: Any) -> dict[str, Any]:
    return {
        "content": content,
        **DEFAULTS,
        **changes,
        "idempotency_key": f"{SESSION_ID}/{key}",
    }
