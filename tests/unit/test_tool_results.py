"""What the model is told about each thing that can become of a waiting tool use."""

import copy
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from core_samples import NOW, SESSION_ID, asked, job
from longrunning.approvals import APPROVED, CANCELLED, DENIED, EXPIRED, RESOLVED, SPENT, Approval
from longrunning.sessions import CorruptedStateError
from tool_results import put_in_place, result_of


@dataclass
class FakeGate:
    """Notes what is performed; answers with `answer`, or raises it."""

    answer: tuple[str, str] | Exception = ("success", "Published as post 1.")
    performed: list[Approval] = field(default_factory=list)

    def spend_and_perform(self, approval: Approval) -> tuple[str, str]:
        self.performed.append(approval)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def decided(status: str, **changes: Any) -> Approval:
    decision = {APPROVED: "approved", SPENT: "approved", DENIED: "denied"}.get(status)
    return asked(
        tool_use_id="ask-1",
        status=status,
        decision=decision,
        decided_by="link" if decision else None,
        decided_at=NOW,
        fence=1,
        **changes,
    )


def told(approval: Approval, gate: FakeGate | None = None) -> tuple[str, dict[str, Any]]:
    """Status and fields of the result for an approval."""
    any_gate: Any = gate or FakeGate()
    result = result_of(approval, any_gate)
    assert result["toolUseId"] == approval.tool_use_id
    (block,) = result["content"]
    return result["status"], json.loads(block["text"])


# --- human_approval ------------------------------------------------------------------------------


def test_approved_tells_the_model_what_to_call() -> None:
    gate = FakeGate()
    status, fields = told(decided(APPROVED, content="Hi 🦄", comment="fine"), gate)
    assert status == "success"
    assert fields.pop("next") == (
        "Call publish_post with exactly this content and "
        '{"author": "Unicorn Rentals", "unicorn_color": "rainbow", "image_url": null}.'
    )
    assert fields == {
        "decision": "approved",
        "decided_by": "link",
        "comment": "fine",
        "content": "Hi 🦄",
        "edited": False,
    }
    assert gate.performed == [], "the model makes the call"


def test_an_edit_is_told_with_what_was_asked() -> None:
    status, fields = told(decided(APPROVED, content="Asked", edited_content="Edited"))
    assert status == "success"
    assert (fields["content"], fields["content_asked"]) == ("Edited", "Asked")
    assert fields["edited"] is True
    assert fields["next"].startswith("The person edited the text. Call publish_post with exactly")


def test_approved_where_nothing_is_to_be_called_tells_the_model_to_go_on() -> None:
    """An agent without protected tools asks a plain question."""
    gate = FakeGate()
    status, fields = told(decided(APPROVED, action="human_approval", arguments={}), gate)
    assert (status, fields["next"]) == ("success", "Go on with exactly this content.")
    assert gate.performed == []


def test_an_edit_to_nothing_more_is_still_an_edit() -> None:
    _, fields = told(decided(APPROVED, content="Asked", edited_content=""))
    assert (fields["content"], fields["edited"]) == ("", True)


def test_denied_tells_the_model_to_revise_or_stop() -> None:
    status, fields = told(decided(DENIED, comment="too long"))
    assert status == "error"
    assert fields.pop("next").startswith("Not published. Revise it as the comment asks")
    assert fields == {"decision": "denied", "decided_by": "link", "comment": "too long"}


@pytest.mark.parametrize(
    ("status", "decision", "why"),
    [
        (EXPIRED, "expired", "Nobody decided in time."),
        (CANCELLED, "cancelled", "The request was withdrawn."),
    ],
)
def test_no_decision_tells_the_model_to_stop(status: str, decision: str, why: str) -> None:
    result_status, fields = told(decided(status))
    assert result_status == "error"
    assert fields.pop("next") == f"{why} Nothing was published. Stop, and say so."
    assert fields == {"decision": decision, "decided_by": None, "comment": None}


def test_spent_redoes_the_effect_and_says_so() -> None:
    gate, approval = FakeGate(), decided(SPENT, content="Hi")
    status, fields = told(approval, gate)
    assert gate.performed == [approval]
    assert status == "success"
    assert (fields["decision"], fields["result"]) == ("approved", "Published as post 1.")
    assert fields["next"] == "Published; do not publish it again."
    assert fields["content"] == "Hi"


# --- a gated call --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [APPROVED, SPENT])
def test_an_approved_gated_call_is_performed_as_it_was_saved(status: str) -> None:
    gate, approval = FakeGate(), decided(status, tool_name="publish_post")
    result_status, fields = told(approval, gate)
    assert gate.performed == [approval]
    assert (result_status, fields["decision"]) == ("success", "approved")
    assert fields["result"] == "Published as post 1."


def test_a_gated_call_that_the_receiver_refuses_is_an_error() -> None:
    gate = FakeGate(("error", "The receiver refused the post."))
    status, fields = told(decided(APPROVED, tool_name="publish_post"), gate)
    assert status == "error"
    assert (fields["result"], fields["next"]) == (
        "The receiver refused the post.",
        "Not published.",
    )


@pytest.mark.parametrize("status", [DENIED, EXPIRED, CANCELLED])
def test_a_gated_call_that_was_not_approved_is_not_performed(status: str) -> None:
    gate = FakeGate()
    assert told(decided(status, tool_name="publish_post"), gate)[0] == "error"
    assert gate.performed == []


def test_a_failed_effect_is_a_fault_and_no_result() -> None:
    gate: Any = FakeGate(ConnectionError("nobody knows"))
    with pytest.raises(ConnectionError):
        result_of(decided(SPENT), gate)


# --- any other tool ------------------------------------------------------------------------------


def test_a_resolved_tool_has_the_result_that_came() -> None:
    came = {"toolUseId": "other", "status": "error", "content": [{"json": {"score": 0.1}}]}
    gate: Any = FakeGate()
    result = result_of(job(status=RESOLVED, result=came), gate)
    assert result == {**came, "toolUseId": "tooluse_job"}
    assert gate.performed == []
    assert came["toolUseId"] == "other"


# --- in place of the placeholders ----------------------------------------------------------------


def answer(tool_use_id: str, said: str) -> dict[str, Any]:
    return {"toolUseId": tool_use_id, "status": "success", "content": [{"text": said}]}


def conversation() -> list[dict[str, Any]]:
    uses = ["use-1", "use-2", "use-3"]
    calls = [{"toolUse": {"toolUseId": u, "name": "any", "input": {}}} for u in uses]
    results = [{"toolResult": answer(u, "placeholder")} for u in uses]
    return [
        {"role": "user", "content": [{"text": "Write"}]},
        {"role": "assistant", "content": [{"text": "I ask."}, *calls]},
        {"role": "user", "content": [*results, {"text": "a note"}]},
    ]


def test_results_take_the_place_of_their_placeholders() -> None:
    messages = conversation()
    before = copy.deepcopy(messages)
    put_in_place(messages, {"use-3": answer("use-3", "third"), "use-1": answer("use-1", "first")})
    assert messages[:2] == before[:2]
    assert messages[2] == {
        "role": "user",
        "content": [
            {"toolResult": answer("use-1", "first")},
            {"toolResult": answer("use-2", "placeholder")},
            {"toolResult": answer("use-3", "third")},
            {"text": "a note"},
        ],
    }


def test_a_result_without_a_placeholder_is_corrupted_state() -> None:
    messages = conversation()
    before = copy.deepcopy(messages)
    with pytest.raises(CorruptedStateError, match="use-9"):
        put_in_place(messages, {"use-1": answer("use-1", "x"), "use-9": answer("use-9", "y")})
    assert messages == before


def test_each_answer_is_one_json_text_that_people_can_read() -> None:
    gate: Any = FakeGate()
    approval = replace(decided(DENIED, comment="zu lang – kürzer 🦄"), session_id=SESSION_ID)
    text = result_of(approval, gate)["content"][0]["text"]
    assert "zu lang – kürzer 🦄" in text
