"""The gate, row by row: what an approval allows, what is refused, and what pauses."""

import asyncio
import copy
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

import publish_post
from conversation import tool_uses
from core_samples import NOW, SESSION_ID
from gate import (
    MAX_ARGUMENTS_BYTES,
    Call,
    ContentFieldError,
    Gate,
    InvalidCallError,
    ProtectedTool,
    UnclearRefusalError,
)
from longrunning import tracing
from longrunning.approvals import (
    APPROVED,
    CANCELLED,
    DENIED,
    EXPIRED,
    PENDING,
    RESOLVED,
    SPENT,
    Approval,
    FencedError,
)
from longrunning.messages import MAX_CONTENT_BYTES, TOOL_USE_ID_PATTERN

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

    items: list[Approval] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    failure: Exception | None = None

    def get(self, session_id: str, tool_use_id: str) -> Approval | None:
        self.calls.append(f"get {tool_use_id}")
        if self.failure:
            raise self.failure
        return next((item for item in self.items if item.tool_use_id == tool_use_id), None)

    def spend(self, approval: Approval) -> Approval:
        self.calls.append(f"spend {approval.tool_use_id}")
        if self.failure:
            raise self.failure
        return replace(approval, status=SPENT)

    def refuse(self, approval: Approval, reason: str) -> None:
        self.calls.append(f"refuse {approval.tool_use_id}: {reason}")

    def keep_answer(self, approval: Approval, status: str, text: str) -> None:
        self.calls.append(f"answer {approval.tool_use_id}: {status}, {text}")


@dataclass
class StoppableAgent:
    """Counts how often it was cancelled."""

    cancelled: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def cancel(self, **how: Any) -> None:
        self.cancelled.append(how)


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
    claimed: list[Approval] = field(default_factory=list)
    is_new: bool = False

    def __post_init__(self) -> None:
        publish = ProtectedTool(publish_post.TOOL_SPEC, self.receiver, NoForGoodError)
        archive = ProtectedTool(ARCHIVE_SPEC, self.archive, NoForGoodError, "reason")
        store: Any = self.store
        self.agent.messages = [m for item in self.store.items for m in told_of(item)]
        self.gate = Gate(SESSION_ID, store, (publish, archive), self.claimed, self.is_new)
        self.tools = {tool.tool_name: tool for tool in self.gate.agent_tools()}

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


def approval(status: str, **changes: Any) -> Approval:
    asked = Approval(
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
    return replace(asked, **changes)


def told_of(item: Approval) -> list[dict[str, Any]]:
    """The turn that asked, as the conversation has it once somebody has decided."""
    given = {"content": item.content, "arguments": item.arguments}
    use = {"toolUseId": item.tool_use_id, "name": ASK, "input": given}
    words = {APPROVED: "approved", SPENT: "approved", DENIED: "denied"}
    decision: dict[str, Any] = {"decision": words.get(item.status, item.status.lower())}
    if item.status in (APPROVED, SPENT):
        decision["content"] = item.text
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


# --- the rows of the table, for a protected tool -------------------------------------------------


def test_the_same_call_approved_is_spent_and_then_performed() -> None:
    stage = Stage(claimed=[approval(APPROVED)])
    assert stage.publish().told == ("success", "Published as post 1.")
    assert stage.receiver.effects == [effect()]
    assert stage.store.calls == ["spend ask-1"]
    assert stage.gate.spent == {"ask-1"}
    assert stage.gate.published
    assert stage.waiting == []


def test_the_effect_does_not_happen_before_the_spend_has() -> None:
    stage = Stage(claimed=[approval(APPROVED)])
    stage.store.failure = FencedError("a newer worker")
    stage.publish()
    assert stage.receiver.effects == []
    assert not stage.gate.published


def test_the_same_call_spent_gets_the_receivers_answer_again() -> None:
    stage = Stage(store=FakeStore([approval(SPENT)]))
    assert stage.publish().told == ("success", "Published as post 1.")
    assert stage.receiver.effects == [effect()], "the same key: nothing goes out twice"
    assert stage.store.calls == ["get ask-1"]
    assert stage.waiting == []


def test_an_edit_that_was_published_is_known_by_the_edited_text() -> None:
    stage = Stage(store=FakeStore([approval(SPENT, edited_content="Edited")]))
    assert stage.publish("Edited").told[0] == "success"
    assert stage.receiver.effects == [effect("Edited")]
    assert stage.publish(CONTENT, tool_use_id="call-2").refusal, "as asked, it is another call"


def test_the_same_call_denied_is_refused_and_nobody_is_asked_again() -> None:
    stage = Stage(store=FakeStore([approval(DENIED)]))
    refusal = stage.publish().refusal
    assert refusal
    assert "denied before" in refusal
    assert stage.receiver.effects == []
    assert stage.waiting == []


def test_the_same_call_twice_is_asked_for_once() -> None:
    stage = Stage(is_new=True)
    assert (
        stage.publish(tool_use_id="call-1").refusal == "Waiting for approval of exactly this call."
    )
    refusal = stage.publish(tool_use_id="call-2").refusal
    assert refusal
    assert "being asked for already" in refusal
    assert stage.waiting == ["call-1"]


def test_a_call_nobody_has_seen_pauses_for_approval_of_exactly_it() -> None:
    stage = Stage()
    assert stage.publish().refusal == "Waiting for approval of exactly this call."
    assert stage.request_state == {
        "waiting": [{"tool_use_id": "call-1", "tool_name": PUBLISH}],
        "session_id": SESSION_ID,
        "stop_event_loop": True,
    }
    assert stage.agent.cancelled == [{"after_current_tools": True}]
    assert stage.gate.fault is None
    assert stage.receiver.effects == []


@pytest.mark.parametrize("status", [EXPIRED, CANCELLED])
def test_what_nobody_decided_can_be_asked_for_again(status: str) -> None:
    stage = Stage(store=FakeStore([approval(status)]), claimed=[approval(status)])
    assert stage.publish().refusal == "Waiting for approval of exactly this call."
    assert stage.waiting == ["call-1"]
    assert stage.ask("Another").refusal is None


def test_an_approval_that_this_worker_has_not_claimed_allows_nothing() -> None:
    stage = Stage(store=FakeStore([approval(APPROVED)]))
    stage.publish()
    assert stage.receiver.effects == []
    assert stage.waiting == ["call-1"]


@pytest.mark.parametrize("status", [PENDING, RESOLVED, EXPIRED, CANCELLED, DENIED])
def test_only_approved_and_spent_let_anything_through(status: str) -> None:
    stage = Stage(store=FakeStore([approval(status)]), claimed=[approval(status)])
    assert stage.publish().refusal
    assert stage.receiver.effects == []


@pytest.mark.parametrize(
    "other",
    [
        {"content": CONTENT + " "},
        {"content": CONTENT.lower()},
        {"content": CONTENT.replace("Dash", "Da\u0455h")},
        {"unicorn_color": "pink"},
        {"author": "Somebody else"},
        {"image_url": "https://example.com/a.png"},
    ],
)
@pytest.mark.parametrize("status", [APPROVED, SPENT, DENIED])
def test_a_call_that_differs_in_anything_is_another_call(
    status: str, other: dict[str, Any]
) -> None:
    stage = Stage(claimed=[approval(status)])
    stage.publish(**other)
    assert stage.receiver.effects == []
    assert stage.waiting == ["call-1"]


def test_defaults_spelled_out_are_the_same_call() -> None:
    stage = Stage(claimed=[approval(APPROVED)])
    assert stage.publish(**DEFAULTS).told[0] == "success"
    assert stage.receiver.effects == [effect()]


def test_an_edit_is_what_is_allowed_and_what_is_performed() -> None:
    edited = approval(APPROVED, edited_content="Edited")
    assert Stage(claimed=[edited]).publish(CONTENT).refusal
    stage = Stage(claimed=[edited])
    assert stage.publish("Edited").told[0] == "success"
    assert stage.receiver.effects == [effect("Edited")]


def test_a_second_call_in_the_same_run_repeats_the_effect_under_its_key() -> None:
    stage = Stage(claimed=[approval(APPROVED)])
    answers = [stage.publish(tool_use_id=f"call-{n}").told for n in (1, 2)]
    assert answers == [("success", "Published as post 1.")] * 2
    assert stage.receiver.effects == [effect(), effect()]


# --- the rows of the table, for human_approval ---------------------------------------------------


def test_asking_for_what_nobody_has_seen_goes_to_the_tool() -> None:
    stage = Stage()
    assert stage.ask().refusal is None
    assert stage.waiting == [], "the tool itself pauses"
    assert stage.store.calls == []


@pytest.mark.parametrize(
    ("status", "why"),
    [(SPENT, "not asked again"), (APPROVED, "publish it"), (DENIED, "denied before")],
)
def test_asking_for_what_is_decided_is_refused(status: str, why: str) -> None:
    stage = Stage(claimed=[approval(status)])
    refusal = stage.ask().refusal
    assert refusal
    assert why in refusal
    assert stage.receiver.effects == []
    assert stage.store.calls == []


def test_asking_and_publishing_the_same_in_one_turn_asks_once() -> None:
    asks_first, publishes_first = Stage(is_new=True), Stage(is_new=True)
    assert asks_first.ask().refusal is None
    assert "being asked for already" in (asks_first.publish().refusal or "")
    assert asks_first.waiting == []
    publishes_first.publish()
    assert "being asked for already" in (publishes_first.ask().refusal or "")
    assert publishes_first.waiting == ["call-1"]


def test_asking_shows_the_other_arguments_of_the_call() -> None:
    stage = Stage(claimed=[approval(APPROVED, arguments={**DEFAULTS, "unicorn_color": "blue"})])
    assert stage.ask(arguments={"unicorn_color": "pink"}).refusal is None
    assert "publish it" in (stage.ask(arguments={"unicorn_color": "blue"}).refusal or "")
    assert stage.publish().refusal
    assert stage.publish(unicorn_color="blue", tool_use_id="call-2").told[0] == "success"


def test_the_content_asked_for_is_not_overruled_by_its_arguments() -> None:
    call = Stage().gate.call_of(
        {"name": ASK, "input": {"content": CONTENT, "arguments": {"content": "Another"}}}
    )
    assert call == Call(PUBLISH, CONTENT, DEFAULTS)


# --- which approvals count -----------------------------------------------------------------------


def test_a_new_session_is_not_searched() -> None:
    stage = Stage(is_new=True)
    stage.publish()
    stage.ask("Another")
    assert stage.store.calls == []


def test_a_claimed_approval_of_the_call_tells_enough() -> None:
    stage = Stage(claimed=[approval(DENIED)])
    stage.publish()
    stage.ask()
    assert stage.store.calls == []


def test_a_record_is_read_once_and_only_of_the_same_text() -> None:
    """However much a session has asked for before: what is new costs no read."""
    earlier = [approval(DENIED, tool_use_id=f"ask-{n}", content=f"Text {n}") for n in range(40)]
    stage = Stage(claimed=[approval(APPROVED, tool_use_id="ask-x")], store=FakeStore(earlier))
    assert stage.ask("Another").refusal is None
    assert stage.store.calls == []
    for n in (1, 2):
        assert "denied before" in (stage.ask("Text 7", tool_use_id=f"again-{n}").refusal or "")
    assert stage.store.calls == ["get ask-7"]


@pytest.mark.parametrize("status", [EXPIRED, CANCELLED])
def test_what_nobody_decided_costs_no_read_either(status: str) -> None:
    stage = Stage(store=FakeStore([approval(status)]))
    assert stage.ask().refusal is None
    assert stage.store.calls == []


def test_what_the_conversation_has_lost_of_a_decision_is_asked_again() -> None:
    """It was trimmed, or shortened: then a person decides, rather than nobody."""
    stage = Stage(store=FakeStore([approval(DENIED)]))
    stage.agent.messages[-1]["content"][0]["toolResult"]["content"] = [{"text": '{"decision": "de'}]
    assert stage.ask().refusal is None
    assert stage.store.calls == []


def test_a_tool_that_is_not_protected_costs_nothing() -> None:
    stage = Stage()
    assert stage.use("use-1", "read_weather", {"content": CONTENT}).refusal is None
    assert stage.use("use-2", ASK, {}).refusal is None, "the tool itself says what is missing"
    assert stage.store.calls == []


def test_an_earlier_denial_still_counts_beside_a_claimed_approval_of_another_text() -> None:
    earlier = approval(DENIED, tool_use_id="ask-0", content="Denied last week")
    stage = Stage(claimed=[approval(APPROVED)], store=FakeStore([earlier, approval(APPROVED)]))
    assert "denied before" in (stage.publish("Denied last week").refusal or "")
    assert stage.publish(tool_use_id="call-2").told[0] == "success"


# --- several protected tools ---------------------------------------------------------------------


def test_every_protected_tool_pauses_for_itself() -> None:
    stage = Stage(is_new=True)
    assert stage.use("call-1", ARCHIVE, {"reason": "old"}).refusal
    assert stage.use("call-2", PUBLISH, {"content": "old"}).refusal
    assert stage.request_state["waiting"] == [
        {"tool_use_id": "call-1", "tool_name": ARCHIVE},
        {"tool_use_id": "call-2", "tool_name": PUBLISH},
    ]


def test_an_approval_allows_only_the_tool_that_it_names() -> None:
    archive = approval(
        APPROVED, action=ARCHIVE, tool_name=ARCHIVE, content="old", arguments={"days": 30}
    )
    stage = Stage(claimed=[archive])
    assert stage.publish("old").refusal
    assert stage.use("call-2", ARCHIVE, {"reason": "old"}).told == ("success", "Archived.")
    assert stage.archive.effects == [
        {"reason": "old", "days": 30, "idempotency_key": f"{SESSION_ID}/ask-1"}
    ]
    assert stage.receiver.effects == []


def test_two_tools_of_the_same_form_are_not_mistaken_for_each_other() -> None:
    publish = Stage().gate.tools[0]
    draft = replace(publish, spec={**publish.spec, "name": "save_draft"})
    call = draft.call({"content": CONTENT})
    assert call.is_that_of(approval(APPROVED, action="save_draft"))
    assert not call.is_that_of(approval(APPROVED, action=PUBLISH))


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_approvals_of_one_call_the_spent_one_counts(order: int) -> None:
    both = [approval(APPROVED, tool_use_id="ask-2"), approval(SPENT, tool_use_id="ask-1")]
    stage = Stage(claimed=both[::order])
    assert stage.publish().told[0] == "success"
    assert stage.receiver.effects == [effect(key="ask-1")]
    assert stage.store.calls == []


def test_without_protected_tools_a_person_is_asked_all_the_same() -> None:
    store: Any = FakeStore()
    gate = Gate(SESSION_ID, store, ())
    asks = {"name": ASK, "input": {"content": "Shall I?", "arguments": {"why": "rain"}}}
    assert gate.call_of(asks) == Call(ASK, "Shall I?", {"why": "rain"})
    for content in (" ", "half a pair \ud83e", "x" * (MAX_CONTENT_BYTES + 1)):
        with pytest.raises(InvalidCallError):
            gate.call_of({"name": ASK, "input": {"content": content}})


def test_human_approval_asks_for_the_first_one() -> None:
    call = Stage().gate.call_of({"name": ASK, "input": {"content": CONTENT}})
    assert call == Call(PUBLISH, CONTENT, DEFAULTS)


def test_the_model_sees_each_tool_by_its_own_spec() -> None:
    tools = Stage().tools
    assert [tool.tool_spec for tool in tools.values()] == [publish_post.TOOL_SPEC, ARCHIVE_SPEC]
    assert "idempotency_key" not in str(publish_post.TOOL_SPEC)


def test_an_edit_must_satisfy_the_schema_of_the_content() -> None:
    publish, archive = Stage().gate.tools
    assert publish.content_schema == {"type": "string", "minLength": 1, "maxLength": 262_144}
    assert archive.content_schema == {"type": "string", "maxLength": 200}


def refunding(reason: Any, content_field: str = "reason") -> ProtectedTool:
    """A tool whose content has a schema; `...` leaves it out."""
    properties = {"amount": {"type": "number", "maximum": 500}}
    properties |= {} if reason is ... else {"reason": reason}
    schema = {"type": "object", "properties": properties, "required": ["amount"]}
    spec = {"name": "send_refund", "description": "Pays.", "inputSchema": {"json": schema}}
    return ProtectedTool(spec, Receiver(), NoForGoodError, content_field)


@pytest.mark.parametrize(
    "reason",
    [
        {"type": "number"},
        {"type": "integer", "maximum": 500},
        {"type": "boolean"},
        {"type": "array", "items": {"type": "string"}},
        {"type": ["string", "null"]},
        {"type": ["string"]},
        {"minLength": 1},
        {"enum": ["late", "broken"]},
        {"$ref": "#/$defs/reason"},
        {},
        True,
        ...,
    ],
    ids=repr,
)
def test_a_content_that_is_no_plain_text_is_refused_when_the_tool_is_made(reason: Any) -> None:
    with pytest.raises(ContentFieldError, match=r'^send_refund: .*"reason".*"type": "string"'):
        refunding(reason)


@pytest.mark.parametrize(
    "keyword",
    [
        {"format": "email"}, {"const": "late"}, {"allOf": [{"minLength": 3}]}, {"not": {}},
        {"anyOf": [{"maxLength": 9}]}, {"oneOf": []}, {"if": {}}, {"contentEncoding": "base64"},
        {"maximum": 500}, {"multipleOf": 2}, {"minlength": 3}, {"$dynamicRef": "#x"},
        {"pattern": "("},
    ],
    ids=repr,
)  # fmt: skip
def test_what_an_edit_could_not_be_held_to_is_refused_when_the_tool_is_made(
    keyword: dict[str, Any],
) -> None:
    (name,) = keyword
    with pytest.raises(ContentFieldError, match=r'^send_refund: .*"reason"') as refused:
        refunding({"type": "string", **keyword})
    assert re.search(rf"\b{re.escape(name.strip('$'))}\b", str(refused.value))


def test_the_error_of_a_content_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="content_field") as refused:
        refunding({"type": "string"}, "amount")
    assert str(refused.value) == (
        'send_refund: its content "amount" must be an argument of "type": "string", which a person '
        "reads and may edit; name another one as content_field"
    )


def test_a_content_may_have_all_that_an_edit_is_held_to_and_any_annotation() -> None:
    held = {"minLength": 1, "maxLength": 9, "pattern": "^l", "enum": ["late", "lost"]}
    notes = {
        "title": "Why", "description": "Why.", "default": "late", "examples": ["late"],
        "$comment": "x", "deprecated": False, "readOnly": False, "writeOnly": True,
    }  # fmt: skip
    tool = refunding({"type": "string", **held, **notes})
    assert tool.content_schema == {"type": "string", **held}


def test_a_call_without_its_content_tells_the_model_why() -> None:
    with pytest.raises(InvalidCallError, match="content: expected"):
        refunding({"type": "string"}).call({"amount": 5})


@pytest.mark.parametrize(
    ("status", "ends"), [(APPROVED, "told"), (SPENT, "fault")], ids=["approved", "spent"]
)
def test_an_approval_of_a_tool_that_is_gone_does_nothing(status: str, ends: str) -> None:
    """What is only approved has not happened; what is spent may have, and must not be lost."""
    stage = Stage()
    gone = approval(status, action="delete_post", tool_name="delete_post")
    if ends == "told":
        assert stage.gate.spend_and_perform(gone)[0] == "error"
    else:
        with pytest.raises(LookupError, match="delete_post is gone"):
            stage.gate.spend_and_perform(gone)
    assert (stage.store.calls, stage.gate.spent) == ([], set())


# --- ids -----------------------------------------------------------------------------------------


def added(*messages: list[str]) -> list[str]:
    """Lets the gate see a new message after others; returns its tool use ids, of each its own."""
    conversation = [
        {
            "role": "assistant",
            "content": [{"text": "I call."}]
            + [{"toolUse": {"toolUseId": i, "name": "any", "input": {}}} for i in ids],
        }
        for ids in messages
    ]
    before = copy.deepcopy(conversation[:-1])
    event: Any = SimpleNamespace(agent=SimpleNamespace(messages=conversation))
    Stage().gate.name_tool_uses_apart(event)
    assert conversation[:-1] == before
    return [use["toolUseId"] for use in tool_uses(conversation[-1])]


def test_ids_that_are_their_own_stay_as_they_are() -> None:
    assert added(["use-1"], ["use-2", "tooluse_A-z0"]) == ["use-2", "tooluse_A-z0"]
    assert added([]) == []


@pytest.mark.parametrize("messages", [(["use-1"], [], ["use-1"]), (["use-1", "use-1"],)])
def test_an_id_that_comes_again_is_renamed(messages: tuple[list[str], ...]) -> None:
    """An old decision must never answer a new question."""
    *first, last = added(*messages)
    assert first == messages[-1][:-1]
    assert last != "use-1"
    assert TOOL_USE_ID_PATTERN.fullmatch(last)


def test_an_id_that_comes_again_keeps_what_its_provider_has_put_into_it() -> None:
    given = "call_a__thought__c2lnbmF0dXJl"
    (renamed,) = added([given], [given])
    assert renamed.endswith(given)
    assert renamed != given


def test_an_id_that_comes_again_stays_as_short_as_openai_takes_it() -> None:
    """Source: OpenAI's error for `tool_call_id`: at most 40 characters; its own have 29."""
    given = "call_" + "a" * 24
    (renamed,) = added([given], [given])
    assert len(renamed) <= 40


@pytest.mark.parametrize("odd", ["call/1", "x" * 65, "über"])
def test_an_id_that_cannot_be_a_key_stays_in_the_conversation_and_is_recorded_under_ours(
    odd: str,
) -> None:
    assert added([odd]) == [odd]
    ours = {Stage().gate.new_record_id(odd) for _ in range(2)}
    assert all(TOOL_USE_ID_PATTERN.fullmatch(record_id) for record_id in ours)
    assert len(ours) == 2, "two uses with one odd id are two records"
    assert Stage().gate.new_record_id("use-1") == "use-1"


def test_where_the_conversation_was_trimmed_an_id_is_ours_only_if_it_was_used_before() -> None:
    stage = Stage(store=FakeStore([approval(DENIED)]))
    stage.gate.is_trimmed = True
    assert stage.gate.new_record_id("ask-2") == "ask-2"
    assert stage.gate.new_record_id("ask-1") not in ("ask-1", "ask-2")


# --- faults and refusals -------------------------------------------------------------------------


def test_a_refusal_for_good_is_told_and_no_fault() -> None:
    stage = Stage(claimed=[approval(APPROVED)], receiver=Receiver(NoForGoodError("too long")))
    assert stage.publish().told == ("error", "too long")
    assert stage.gate.fault is None
    assert stage.agent.cancelled == []
    assert not stage.gate.published
    assert stage.gate.spent == {"ask-1"}
    assert stage.store.calls == ["spend ask-1", "refuse ask-1: too long"]


def test_a_refusal_of_what_may_have_arrived_before_is_a_fault() -> None:
    """An earlier attempt may have been accepted: nobody knows what the refusal is about."""
    refusing = Receiver(NoForGoodError("exists"))
    stage = Stage(claimed=[approval(SPENT)], receiver=refusing)
    with pytest.raises(UnclearRefusalError):
        stage.gate.spend_and_perform(stage.claimed[0])
    assert stage.store.calls == []


def test_a_refusal_of_what_is_known_to_have_arrived_is_told() -> None:
    stage = Stage(claimed=[approval(APPROVED)])
    assert stage.publish().told[0] == "success"
    stage.receiver.answer = NoForGoodError("exists")
    status, text = stage.publish(tool_use_id="call-2").told
    assert (status, stage.gate.fault) == ("error", None)
    assert "sent before" in text
    assert "refuse" not in "".join(stage.store.calls)
    earlier = Stage(store=FakeStore([approval(SPENT)]), receiver=Receiver(NoForGoodError("exists")))
    assert "sent before" in earlier.publish().told[1], "by a run that has saved what came of it"


@pytest.mark.parametrize("status", ["success", "error"])
def test_a_receiver_whose_answer_is_recorded_is_not_asked_again(status: str) -> None:
    answered = approval(SPENT, answer={"status": status, "text": "As I said."})
    stage = Stage(claimed=[answered])
    assert stage.gate.spend_and_perform(answered) == (status, "As I said.")
    assert stage.receiver.effects == []
    assert stage.gate.published is (status == "success")
    stage.gate.keep_answers()
    assert stage.store.calls == []


def test_what_receivers_said_in_a_run_can_be_recorded() -> None:
    stage = Stage(claimed=[approval(APPROVED)])
    stage.publish()
    stage.gate.keep_answers()
    assert stage.store.calls == ["spend ask-1", "answer ask-1: success, Published as post 1."]


def test_an_edit_that_the_whole_call_does_not_take_is_not_run() -> None:
    """The page holds an edit to the content's own schema; a schema may say more of the call."""
    spec = copy.deepcopy(ARCHIVE_SPEC)
    spec["inputSchema"]["json"]["not"] = {"properties": {"reason": {"const": "because"}}}
    edited = approval(
        APPROVED, action=ARCHIVE, content="old", edited_content="because", arguments={"days": 30}
    )
    stage = Stage(claimed=[edited])
    stage.gate.tools = (ProtectedTool(spec, stage.archive, NoForGoodError, "reason"),)
    status, text = stage.gate.spend_and_perform(edited)
    assert status == "error"
    assert "does not fit archive_post" in text
    assert (stage.archive.effects, stage.store.calls) == ([], [])


@pytest.mark.parametrize("failure", [FencedError("a newer worker"), TimeoutError("DynamoDB")])
def test_a_spend_that_fails_stops_the_run(failure: Exception) -> None:
    stage = Stage(claimed=[approval(APPROVED)])
    stage.store.failure = failure
    assert stage.publish().told == ("error", "Stopped.")
    assert stage.gate.fault is failure
    assert stage.agent.cancelled == [{}], "at once, not after the other tools"
    assert stage.gate.spent == set()


def test_an_effect_that_fails_stops_the_run() -> None:
    failure = ConnectionError("nobody knows whether it arrived")
    stage = Stage(claimed=[approval(APPROVED)], receiver=Receiver(failure))
    assert stage.publish().told == ("error", "Stopped.")
    assert stage.gate.fault is failure
    assert stage.agent.cancelled == [{}]
    assert not stage.gate.published


def test_a_search_that_fails_stops_the_run_before_the_tool() -> None:
    failure = TimeoutError("DynamoDB")
    stage = Stage(store=FakeStore([approval(DENIED)], failure=failure))
    assert stage.publish().refusal == "Stopped."
    assert stage.gate.fault is failure
    assert stage.agent.cancelled == [{}]
    assert stage.waiting == []


def test_a_protected_tool_called_past_the_gate_has_no_right() -> None:
    stage = Stage(claimed=[approval(APPROVED)])
    tool_use = {"toolUseId": "call-1", "name": PUBLISH, "input": {"content": CONTENT}}
    result = run_tool(stage.tools[PUBLISH], tool_use, {"agent": stage.agent})
    assert result["status"] == "error"
    assert stage.gate.fault
    assert stage.receiver.effects == []
    assert stage.store.calls == []


# --- calls that nobody could approve -------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "tool_input", "problem"),
    [
        (PUBLISH, ["Hi"], "input: expected an object"),
        (PUBLISH, "Hi", "input: expected an object"),
        (PUBLISH, {}, "$: 'content' is a required property"),
        (PUBLISH, None, "$: 'content' is a required property"),
        (PUBLISH, {"content": 7}, "$.content: 7 is not of type 'string'"),
        (PUBLISH, {"content": ""}, "$.content: "),
        (PUBLISH, {"content": " \n"}, f"content: expected 1 to {MAX_CONTENT_BYTES} bytes"),
        (PUBLISH, {"content": "ü" * 131_073}, f"content: expected 1 to {MAX_CONTENT_BYTES} bytes"),
        (PUBLISH, {"content": "half a pair \ud83e"}, "expected valid Unicode"),
        (PUBLISH, {"content": "Hi", "unicorn_color": "mauve"}, "$.unicorn_color: 'mauve' is not"),
        (PUBLISH, {"content": None}, "$.content: None is not of type 'string'"),
        (PUBLISH, {"content": "Hi", "image_url": float("nan")}, "$.image_url: nan is not"),
        (PUBLISH, {"content": "Hi", "author": "\ud83e"}, "expected valid Unicode"),
        (PUBLISH, {"content": "Hi", "title": "x", "a": 1}, "unknown arguments: a, title"),
        (PUBLISH, {"content": "Hi", "idempotency_key": "x"}, "unknown arguments: idempotency_key"),
        (ARCHIVE, {"reason": "old", "days": "7"}, "$.days: '7' is not of type 'integer'"),
        (ARCHIVE, '{"reason": 7}', "$.reason: 7 is not of type 'string'"),
        (ASK, ["Hi"], "input: expected an object"),
        (ASK, {"content": "Hi", "arguments": "pink"}, "arguments: expected an object"),
        (ASK, {"content": "Hi", "arguments": {"unicorn_color": 1}}, "$.unicorn_color: 1 is not"),
        (ASK, {"content": "Hi", "arguments": {"title": "x"}}, "unknown arguments: title"),
        (ASK, {"content": " "}, f"content: expected 1 to {MAX_CONTENT_BYTES} bytes"),
    ],
)
def test_a_call_that_nobody_could_approve_tells_the_model_why(
    name: str, tool_input: Any, problem: str
) -> None:
    stage = Stage()
    refusal = stage.use("call-1", name, tool_input).refusal
    assert refusal
    assert refusal.startswith(f"Invalid call: {problem}")
    assert len(refusal) < 400
    assert (stage.waiting, stage.store.calls, stage.gate.fault) == ([], [], None)
    assert stage.agent.cancelled == []


def test_other_arguments_have_a_limit_of_their_own() -> None:
    spec = {
        "name": "send",
        "description": "Sends.",
        "inputSchema": {
            "json": {
                "type": "object",
                "properties": {"content": {"type": "string"}, "to": {"type": "string"}},
            }
        },
    }
    send = ProtectedTool(spec, Receiver(), NoForGoodError)
    room = MAX_ARGUMENTS_BYTES - len('{"to": ""}')
    assert send.call({"content": "Hi", "to": "x" * room}).arguments == {"to": "x" * room}
    with pytest.raises(InvalidCallError, match="arguments: expected at most 16384 bytes"):
        send.call({"content": "Hi", "to": "x" * (room + 1)})


def test_null_for_an_argument_with_a_default_is_that_default() -> None:
    """Models of the strict kind send every argument."""
    given = {"content": "Hi", "author": None, "unicorn_color": None, "image_url": None}
    call = Stage().gate.call_of({"name": PUBLISH, "input": given})
    assert call == Call(PUBLISH, "Hi", DEFAULTS)


@pytest.mark.parametrize("tool_input", [
    '{"content": "Hi", "arguments": {"unicorn_color": "blue"}}',
    {"content": "Hi", "arguments": '{"unicorn_color": "blue"}'},
])  # fmt: skip
def test_a_json_text_where_an_object_is_expected_is_that_object(tool_input: Any) -> None:
    call = Stage().gate.call_of({"name": ASK, "input": tool_input})
    assert call == Call(PUBLISH, "Hi", {**DEFAULTS, "unicorn_color": "blue"})


def test_an_argument_that_takes_lists_and_objects_takes_their_json_text() -> None:
    properties = {
        "content": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "note": {"type": "string"},
        "limit": {"type": ["integer", "null"], "default": 3},
    }
    schema = {"type": "object", "properties": properties}
    spec = {"name": "send", "description": "Sends.", "inputSchema": {"json": schema}}
    send = ProtectedTool(spec, Receiver(), NoForGoodError)
    given = {"content": "[1]", "tags": '["a", "b"]', "note": "{}", "limit": None}
    assert send.call(given).content == "[1]"
    assert send.call(given).arguments == {"tags": ["a", "b"], "note": "{}", "limit": None}


def test_where_nothing_can_wait_the_model_is_told_and_nothing_is_asked() -> None:
    stage = Stage(is_new=True)
    tool_use = {"toolUseId": "call-1", "name": PUBLISH, "input": {"content": "Hi"}}
    own, other = StoppableAgent(), stage.agent
    state = {"agent": other, "session_agent": own, "request_state": {"session_id": SESSION_ID}}
    event: Any = SimpleNamespace(
        tool_use=tool_use, agent=other, invocation_state=state, cancel_tool=False
    )
    stage.gate.before_tool(event)
    assert "cannot wait" in event.cancel_tool
    assert "waiting" not in state["request_state"]


def test_a_number_that_is_not_finite_cannot_be_approved() -> None:
    schema = {"properties": {"content": {"type": "string"}, "n": {"type": "number"}}}
    spec = {"name": "send", "inputSchema": {"json": {"type": "object", **schema}}}
    with pytest.raises(InvalidCallError, match="finite"):
        ProtectedTool(spec, Receiver(), NoForGoodError).call({"content": "x", "n": float("inf")})


def test_a_call_does_not_change_what_the_model_said() -> None:
    said = {"content": CONTENT}
    Stage().gate.call_of({"name": PUBLISH, "input": said})
    assert said == {"content": CONTENT}


@pytest.mark.parametrize("content", ["x" * MAX_CONTENT_BYTES, "ü" * (MAX_CONTENT_BYTES // 2)])
def test_256_kb_in_any_script_can_be_called_with(content: str) -> None:
    call = Stage().gate.call_of({"name": PUBLISH, "input": {"content": content}})
    assert call
    assert call.content == content


# --- traces --------------------------------------------------------------------------------------


def test_the_gate_works_under_the_runs_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    attached: list[Any] = []
    real: Callable[[Any], Any] = tracing.attached
    monkeypatch.setattr(
        tracing, "attached", lambda entity: (attached.append(entity), real(None))[1]
    )
    stage = Stage(claimed=[approval(APPROVED)])
    stage.gate.trace_entity = "the open subsegment"
    stage.publish()
    assert attached == ["the open subsegment"] * 2, "in the hook, and in the tool's thread"
