"""What the model is told about each thing that can become of a waiting tool use."""

import copy
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from core_samples import NOW, SESSION_ID, asked, job
from longrunning.agent.tool_results import fill_placeholders, result_of
from longrunning.sessions import CorruptedStateError
from longrunning.waits.item import Status, Wait


@dataclass
class FakeEffects:
    """Notes what is performed; answers with `answer`, or raises it."""

    answer: tuple[str, str] | Exception = ("success", "Published as post 1.")
    performed: list[Wait] = field(default_factory=list)

    def perform(self, approval: Wait) -> tuple[str, str]:
        self.performed.append(approval)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def done_word(self, action: str) -> str:
        return {"publish_post": "published"}.get(action, "done")


def decided(status: str, **changes: Any) -> Wait:
    decision = {Status.APPROVED: "approved", Status.SPENT: "approved", Status.DENIED: "denied"}.get(
        status
    )
    return asked(
        tool_use_id="ask-1",
        status=status,
        decision=decision,
        decided_by="link" if decision else None,
        decided_at=NOW,
        fence=1,
        **changes,
    )


def told(approval: Wait, effects: FakeEffects | None = None) -> tuple[str, dict[str, Any]]:
    """Status and fields of the result for an approval."""
    any_effects: Any = effects or FakeEffects()
    result = result_of(approval, any_effects)
    assert result["toolUseId"] == approval.tool_use_id
    (block,) = result["content"]
    return result["status"], json.loads(block["text"])


# --- human_approval ------------------------------------------------------------------------------


def test_approved_tells_the_model_what_to_call() -> None:
    effects = FakeEffects()
    status, fields = told(decided(Status.APPROVED, content="Hi 🦄", comment="fine"), effects)
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
    assert effects.performed == [], "the model makes the call"


def test_an_edit_is_told_with_what_was_asked() -> None:
    status, fields = told(decided(Status.APPROVED, content="Asked", edited_content="Edited"))
    assert status == "success"
    assert (fields["content"], fields["content_asked"]) == ("Edited", "Asked")
    assert fields["edited"] is True
    assert fields["next"].startswith("The person edited the text. Call publish_post with exactly")


def test_approved_where_nothing_is_to_be_called_tells_the_model_to_go_on() -> None:
    """An agent without protected tools asks a plain question."""
    effects = FakeEffects()
    status, fields = told(decided(Status.APPROVED, action="human_approval", arguments={}), effects)
    assert (status, fields["next"]) == ("success", "Go on with exactly this content.")
    assert effects.performed == []


def test_an_edit_to_nothing_more_is_still_an_edit() -> None:
    _, fields = told(decided(Status.APPROVED, content="Asked", edited_content=""))
    assert (fields["content"], fields["edited"]) == ("", True)


def test_denied_tells_the_model_to_revise_or_stop() -> None:
    status, fields = told(decided(Status.DENIED, comment="too long"))
    assert status == "error"
    assert fields.pop("next").startswith("Not published. Revise it as the comment asks")
    assert fields == {"decision": "denied", "decided_by": "link", "comment": "too long"}


@pytest.mark.parametrize(
    ("status", "decision", "why"),
    [
        (Status.EXPIRED, "expired", "Nobody decided in time."),
        (Status.CANCELLED, "cancelled", "The request was withdrawn."),
    ],
)
def test_no_decision_tells_the_model_to_stop(status: str, decision: str, why: str) -> None:
    result_status, fields = told(decided(status))
    assert result_status == "error"
    assert fields.pop("next") == f"{why} Nothing was published. Stop, and say so."
    assert fields == {"decision": decision, "decided_by": None, "comment": None}


def test_a_tool_without_a_word_of_its_own_is_done() -> None:
    tool = "delete_post"
    _, fields = told(decided(Status.SPENT, action=tool))
    assert fields["next"] == "Done; do not do it again."
    _, fields = told(decided(Status.DENIED, action=tool))
    assert fields["next"].startswith("Not done. Revise it as the comment asks")
    _, fields = told(decided(Status.EXPIRED, action=tool))
    assert fields["next"] == "Nobody decided in time. Nothing was done. Stop, and say so."


def test_spent_redoes_the_effect_and_says_so() -> None:
    effects, approval = FakeEffects(), decided(Status.SPENT, content="Hi")
    status, fields = told(approval, effects)
    assert effects.performed == [approval]
    assert status == "success"
    assert (fields["decision"], fields["result"]) == ("approved", "Published as post 1.")
    assert fields["next"] == "Published; do not do it again."
    assert fields["content"] == "Hi"


# --- a gated call --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.APPROVED, Status.SPENT])
def test_an_approved_gated_call_is_performed_as_it_was_saved(status: str) -> None:
    effects, approval = FakeEffects(), decided(status, tool_name="publish_post")
    result_status, fields = told(approval, effects)
    assert effects.performed == [approval]
    assert (result_status, fields["decision"]) == ("success", "approved")
    assert fields["result"] == "Published as post 1."


def test_a_gated_call_that_the_receiver_refuses_is_an_error() -> None:
    effects = FakeEffects(("error", "The receiver refused the post."))
    status, fields = told(decided(Status.APPROVED, tool_name="publish_post"), effects)
    assert status == "error"
    assert (fields["result"], fields["next"]) == (
        "The receiver refused the post.",
        "Not published.",
    )


@pytest.mark.parametrize("status", [Status.DENIED, Status.EXPIRED, Status.CANCELLED])
def test_a_gated_call_that_was_not_approved_is_not_performed(status: str) -> None:
    effects = FakeEffects()
    assert told(decided(status, tool_name="publish_post"), effects)[0] == "error"
    assert effects.performed == []


def test_a_failed_effect_is_a_fault_and_no_result() -> None:
    effects: Any = FakeEffects(ConnectionError("nobody knows"))
    with pytest.raises(ConnectionError):
        result_of(decided(Status.SPENT), effects)


# --- any other tool ------------------------------------------------------------------------------


def test_a_resolved_tool_has_the_result_that_came() -> None:
    came = {"toolUseId": "other", "status": "error", "content": [{"json": {"score": 0.1}}]}
    effects: Any = FakeEffects()
    result = result_of(job(status=Status.RESOLVED, result=came), effects)
    assert result == {**came, "toolUseId": "tooluse_job"}
    assert effects.performed == []
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
    fill_placeholders(
        messages, {"use-3": answer("use-3", "third"), "use-1": answer("use-1", "first")}
    )
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
        fill_placeholders(messages, {"use-1": answer("use-1", "x"), "use-9": answer("use-9", "y")})
    assert messages == before


def test_each_answer_is_one_json_text_that_people_can_read() -> None:
    effects: Any = FakeEffects()
    approval = replace(decided(Status.DENIED, comment="zu lang – kürzer 🦄"), session_id=SESSION_ID)
    text = result_of(approval, effects)["content"][0]["text"]
    assert "zu lang – kürzer 🦄" in text
