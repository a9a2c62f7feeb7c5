"""The gate, row by row: what an approval allows, what is refused, and what pauses."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import sample_post as publish_post
from core_samples import SESSION_ID
from gate_stage import (
    ARCHIVE,
    ARCHIVE_SPEC,
    ASK,
    CONTENT,
    DEFAULTS,
    PUBLISH,
    FakeStore,
    Receiver,
    Stage,
    StoppableAgent,
    approval,
    effect,
    run_tool,
)
from longrunning import tracing
from longrunning.messages import MAX_CONTENT_BYTES
from longrunning.waits.claims import FencedError
from longrunning.waits.item import Status

# --- the rows of the table, for a protected tool -------------------------------------------------


def test_the_same_call_approved_is_spent_and_then_performed() -> None:
    stage = Stage(claimed=[approval(Status.APPROVED)])
    assert stage.publish().told == ("success", "Published as post 1.")
    assert stage.receiver.effects == [effect()]
    assert stage.store.calls == ["spend ask-1"]
    assert stage.effects.spent == {"ask-1"}
    assert stage.effects.done
    assert stage.waiting == []


def test_the_effect_does_not_happen_before_the_spend_has() -> None:
    stage = Stage(claimed=[approval(Status.APPROVED)])
    stage.store.failure = FencedError("a newer worker")
    stage.publish()
    assert stage.receiver.effects == []
    assert not stage.effects.done


def test_the_same_call_spent_gets_the_receivers_answer_again() -> None:
    stage = Stage(store=FakeStore([approval(Status.SPENT)]))
    assert stage.publish().told == ("success", "Published as post 1.")
    assert stage.receiver.effects == [effect()], "the same key: nothing goes out twice"
    assert stage.store.calls == ["get ask-1"]
    assert stage.waiting == []


def test_an_edit_that_was_published_is_known_by_the_edited_text() -> None:
    stage = Stage(store=FakeStore([approval(Status.SPENT, edited_content="Edited")]))
    assert stage.publish("Edited").told[0] == "success"
    assert stage.receiver.effects == [effect("Edited")]
    assert stage.publish(CONTENT, tool_use_id="call-2").refusal, "as asked, it is another call"


def test_the_same_call_denied_is_refused_and_nobody_is_asked_again() -> None:
    stage = Stage(store=FakeStore([approval(Status.DENIED)]))
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
    assert stage.agent.cancelled == [True]
    assert stage.gate.watch.fault is None
    assert stage.receiver.effects == []


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.CANCELLED])
def test_what_nobody_decided_can_be_asked_for_again(status: str) -> None:
    stage = Stage(store=FakeStore([approval(status)]), claimed=[approval(status)])
    assert stage.publish().refusal == "Waiting for approval of exactly this call."
    assert stage.waiting == ["call-1"]
    assert stage.ask("Another").refusal is None


def test_an_approval_that_this_worker_has_not_claimed_allows_nothing() -> None:
    stage = Stage(store=FakeStore([approval(Status.APPROVED)]))
    stage.publish()
    assert stage.receiver.effects == []
    assert stage.waiting == ["call-1"]


@pytest.mark.parametrize(
    "status", [Status.PENDING, Status.RESOLVED, Status.EXPIRED, Status.CANCELLED, Status.DENIED]
)
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
@pytest.mark.parametrize("status", [Status.APPROVED, Status.SPENT, Status.DENIED])
def test_a_call_that_differs_in_anything_is_another_call(
    status: str, other: dict[str, Any]
) -> None:
    stage = Stage(claimed=[approval(status)])
    stage.publish(**other)
    assert stage.receiver.effects == []
    assert stage.waiting == ["call-1"]


def test_defaults_spelled_out_are_the_same_call() -> None:
    stage = Stage(claimed=[approval(Status.APPROVED)])
    assert stage.publish(**DEFAULTS).told[0] == "success"
    assert stage.receiver.effects == [effect()]


def test_an_edit_is_what_is_allowed_and_what_is_performed() -> None:
    edited = approval(Status.APPROVED, edited_content="Edited")
    assert Stage(claimed=[edited]).publish(CONTENT).refusal
    stage = Stage(claimed=[edited])
    assert stage.publish("Edited").told[0] == "success"
    assert stage.receiver.effects == [effect("Edited")]


def test_a_second_call_in_the_same_run_repeats_the_effect_under_its_key() -> None:
    stage = Stage(claimed=[approval(Status.APPROVED)])
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
    [
        (Status.SPENT, "not asked again"),
        (Status.APPROVED, "call the tool with it"),
        (Status.DENIED, "denied before"),
    ],
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
    stage = Stage(
        claimed=[approval(Status.APPROVED, arguments={**DEFAULTS, "unicorn_color": "blue"})]
    )
    assert stage.ask(arguments={"unicorn_color": "pink"}).refusal is None
    assert "call the tool with it" in (stage.ask(arguments={"unicorn_color": "blue"}).refusal or "")
    assert stage.publish().refusal
    assert stage.publish(unicorn_color="blue", tool_use_id="call-2").told[0] == "success"


# --- which approvals count -----------------------------------------------------------------------


def test_a_new_session_is_not_searched() -> None:
    stage = Stage(is_new=True)
    stage.publish()
    stage.ask("Another")
    assert stage.store.calls == []


def test_a_claimed_approval_of_the_call_tells_enough() -> None:
    stage = Stage(claimed=[approval(Status.DENIED)])
    stage.publish()
    stage.ask()
    assert stage.store.calls == []


def test_a_record_is_read_once_and_only_of_the_same_text() -> None:
    """However much a session has asked for before: what is new costs no read."""
    earlier = [
        approval(Status.DENIED, tool_use_id=f"ask-{n}", content=f"Text {n}") for n in range(40)
    ]
    stage = Stage(
        claimed=[approval(Status.APPROVED, tool_use_id="ask-x")], store=FakeStore(earlier)
    )
    assert stage.ask("Another").refusal is None
    assert stage.store.calls == []
    for n in (1, 2):
        assert "denied before" in (stage.ask("Text 7", tool_use_id=f"again-{n}").refusal or "")
    assert stage.store.calls == ["get ask-7"]


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.CANCELLED])
def test_what_nobody_decided_costs_no_read_either(status: str) -> None:
    stage = Stage(store=FakeStore([approval(status)]))
    assert stage.ask().refusal is None
    assert stage.store.calls == []


def test_what_the_conversation_has_lost_of_a_decision_is_asked_again() -> None:
    """It was trimmed, or shortened: then a person decides, rather than nobody."""
    stage = Stage(store=FakeStore([approval(Status.DENIED)]))
    stage.agent.messages[-1]["content"][0]["toolResult"]["content"] = [{"text": '{"decision": "de'}]
    assert stage.ask().refusal is None
    assert stage.store.calls == []


def test_a_tool_that_is_not_protected_costs_nothing() -> None:
    stage = Stage()
    assert stage.use("use-1", "read_weather", {"content": CONTENT}).refusal is None
    assert stage.use("use-2", ASK, {}).refusal is None, "the tool itself says what is missing"
    assert stage.store.calls == []


def test_an_earlier_denial_still_counts_beside_a_claimed_approval_of_another_text() -> None:
    earlier = approval(Status.DENIED, tool_use_id="ask-0", content="Denied last week")
    stage = Stage(
        claimed=[approval(Status.APPROVED)], store=FakeStore([earlier, approval(Status.APPROVED)])
    )
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
        Status.APPROVED, action=ARCHIVE, tool_name=ARCHIVE, content="old", arguments={"days": 30}
    )
    stage = Stage(claimed=[archive])
    assert stage.publish("old").refusal
    assert stage.use("call-2", ARCHIVE, {"reason": "old"}).told == ("success", "Archived.")
    assert stage.archive.effects == [
        {"reason": "old", "days": 30, "idempotency_key": f"{SESSION_ID}/ask-1"}
    ]
    assert stage.receiver.effects == []


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_approvals_of_one_call_the_spent_one_counts(order: int) -> None:
    both = [
        approval(Status.APPROVED, tool_use_id="ask-2"),
        approval(Status.SPENT, tool_use_id="ask-1"),
    ]
    stage = Stage(claimed=both[::order])
    assert stage.publish().told[0] == "success"
    assert stage.receiver.effects == [effect(key="ask-1")]
    assert stage.store.calls == []


def test_the_model_sees_each_tool_by_its_own_spec() -> None:
    tools = Stage().tools
    assert [tool.tool_spec for tool in tools.values()] == [publish_post.TOOL_SPEC, ARCHIVE_SPEC]
    assert "idempotency_key" not in str(publish_post.TOOL_SPEC)


# --- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [FencedError("a newer worker"), TimeoutError("DynamoDB")])
def test_a_spend_that_fails_stops_the_run(failure: Exception) -> None:
    stage = Stage(claimed=[approval(Status.APPROVED)])
    stage.store.failure = failure
    assert stage.publish().told == ("error", "Stopped.")
    assert stage.gate.watch.fault is failure
    assert stage.agent.cancelled == [False], "at once, not after the other tools"
    assert stage.effects.spent == set()


def test_an_effect_that_fails_stops_the_run() -> None:
    failure = ConnectionError("nobody knows whether it arrived")
    stage = Stage(claimed=[approval(Status.APPROVED)], receiver=Receiver(failure))
    assert stage.publish().told == ("error", "Stopped.")
    assert stage.gate.watch.fault is failure
    assert stage.agent.cancelled == [False]
    assert not stage.effects.done


def test_a_search_that_fails_stops_the_run_before_the_tool() -> None:
    failure = TimeoutError("DynamoDB")
    stage = Stage(store=FakeStore([approval(Status.DENIED)], failure=failure))
    assert stage.publish().refusal == "Stopped."
    assert stage.gate.watch.fault is failure
    assert stage.agent.cancelled == [False]
    assert stage.waiting == []


def test_a_protected_tool_called_past_the_gate_has_no_right() -> None:
    stage = Stage(claimed=[approval(Status.APPROVED)])
    tool_use = {"toolUseId": "call-1", "name": PUBLISH, "input": {"content": CONTENT}}
    result = run_tool(stage.tools[PUBLISH], tool_use, {"agent": stage.agent})
    assert result["status"] == "error"
    assert stage.gate.watch.fault
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
    assert (stage.waiting, stage.store.calls, stage.gate.watch.fault) == ([], [], None)
    assert stage.agent.cancelled == []


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


# --- traces --------------------------------------------------------------------------------------


def test_the_gate_works_under_the_runs_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    attached: list[Any] = []
    real: Callable[[Any], Any] = tracing.attached
    monkeypatch.setattr(
        tracing, "attached", lambda entity: (attached.append(entity), real(None))[1]
    )
    stage = Stage(claimed=[approval(Status.APPROVED)])
    stage.gate.trace_entity = "the open subsegment"
    stage.publish()
    assert attached == ["the open subsegment"] * 2, "in the hook, and in the tool's thread"
