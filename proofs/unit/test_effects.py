"""Effects: what is spent and performed, what a receiver's refusal means, what it said before."""

import copy

import pytest

from gate_stage import (
    ARCHIVE,
    ARCHIVE_SPEC,
    FakeStore,
    NoForGoodError,
    Receiver,
    Stage,
    approval,
)
from longrunning.agent.calls import ProtectedTool
from longrunning.agent.effects import UnclearRefusalError
from longrunning.waits.item import Status


@pytest.mark.parametrize(
    ("status", "ends"),
    [(Status.APPROVED, "told"), (Status.SPENT, "fault")],
    ids=["approved", "spent"],
)
def test_an_approval_of_a_tool_that_is_gone_does_nothing(status: str, ends: str) -> None:
    """What is only approved has not happened; what is spent may have, and must not be lost."""
    stage = Stage()
    gone = approval(status, action="delete_post", tool_name="delete_post")
    if ends == "told":
        assert stage.effects.perform(gone)[0] == "error"
    else:
        with pytest.raises(LookupError, match="delete_post is gone"):
            stage.effects.perform(gone)
    assert (stage.store.calls, stage.effects.spent) == ([], set())


def test_a_refusal_for_good_is_told_and_no_fault() -> None:
    stage = Stage(
        claimed=[approval(Status.APPROVED)], receiver=Receiver(NoForGoodError("too long"))
    )
    assert stage.publish().told == ("error", "too long")
    assert stage.gate.watch.fault is None
    assert stage.agent.cancelled == []
    assert not stage.effects.done
    assert stage.effects.spent == {"ask-1"}
    assert stage.store.calls == ["spend ask-1", "refuse ask-1: too long"]


def test_a_refusal_of_what_may_have_arrived_before_is_a_fault() -> None:
    """An earlier attempt may have been accepted: nobody knows what the refusal is about."""
    refusing = Receiver(NoForGoodError("exists"))
    stage = Stage(claimed=[approval(Status.SPENT)], receiver=refusing)
    with pytest.raises(UnclearRefusalError):
        stage.effects.perform(stage.claimed[0])
    assert stage.store.calls == []


def test_a_refusal_of_what_is_known_to_have_arrived_is_told() -> None:
    stage = Stage(claimed=[approval(Status.APPROVED)])
    assert stage.publish().told[0] == "success"
    stage.receiver.answer = NoForGoodError("exists")
    status, text = stage.publish(tool_use_id="call-2").told
    assert (status, stage.gate.watch.fault) == ("error", None)
    assert "sent before" in text
    assert "refuse" not in "".join(stage.store.calls)
    earlier = Stage(
        store=FakeStore([approval(Status.SPENT)]), receiver=Receiver(NoForGoodError("exists"))
    )
    assert "sent before" in earlier.publish().told[1], "by a run that has saved what came of it"


@pytest.mark.parametrize("status", ["success", "error"])
def test_a_receiver_whose_answer_is_recorded_is_not_asked_again(status: str) -> None:
    answered = approval(Status.SPENT, answer={"status": status, "text": "As I said."})
    stage = Stage(claimed=[answered])
    assert stage.effects.perform(answered) == (status, "As I said.")
    assert stage.receiver.effects == []
    assert bool(stage.effects.done) is (status == "success")
    stage.effects.keep_answers()
    assert stage.store.calls == []


def test_what_receivers_said_in_a_run_can_be_recorded() -> None:
    stage = Stage(claimed=[approval(Status.APPROVED)])
    stage.publish()
    stage.effects.keep_answers()
    assert stage.store.calls == ["spend ask-1", "answer ask-1: success, Published as post 1."]


def test_an_edit_that_the_whole_call_does_not_take_is_not_run() -> None:
    """The page holds an edit to the content's own schema; a schema may say more of the call."""
    spec = copy.deepcopy(ARCHIVE_SPEC)
    spec["inputSchema"]["json"]["not"] = {"properties": {"reason": {"const": "because"}}}
    edited = approval(
        Status.APPROVED,
        action=ARCHIVE,
        content="old",
        edited_content="because",
        arguments={"days": 30},
    )
    stage = Stage(claimed=[edited])
    stage.effects.tools = (ProtectedTool(spec, stage.archive, NoForGoodError, "reason"),)
    status, text = stage.effects.perform(edited)
    assert status == "error"
    assert "does not fit archive_post" in text
    assert (stage.archive.effects, stage.store.calls) == ([], [])
