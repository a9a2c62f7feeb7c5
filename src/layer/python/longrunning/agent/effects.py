"""The effects of approvals: the only part that changes the outside world.

What is carried out is the call in the record, never what the model said. An approval is spent (C5)
before its effect; the receiver's idempotency key makes a repeat harmless.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from longrunning import tracing
from longrunning.agent.calls import ProtectedTool
from longrunning.waits.claims import Claims
from longrunning.waits.item import Status, Wait


class UnclearRefusalError(Exception):
    """The receiver refuses what it may have accepted before: nobody knows whether it happened."""


@dataclass
class Effects:
    """Spends and performs what this worker has claimed, and knows what came of it in this run."""

    claims: Claims
    tools: tuple[ProtectedTool, ...]
    claimed: Sequence[Wait] = ()
    """The waits that this worker has claimed: only these can be spent."""
    spent: set[str] = field(default_factory=set)
    """Tool use ids of the approvals that this run spent."""
    begun: int = 0
    """How many effects this run began, repeated ones too."""
    done: str = ""
    """The last effect that a receiver accepted in this run, in its tool's word, as `published`."""
    _answers: dict[str, tuple[Wait, str, str]] = field(default_factory=dict)

    def perform(self, approval: Wait) -> tuple[str, str]:
        """Spends an approval (C5), then carries out its call; one already SPENT is repeated.

        Returns:
            Status (`success` or `error`) and the text that the model reads.

        Raises:
            FencedError: A newer worker has claimed the approval.
            LookupError: It is SPENT, but its tool is no longer among the protected ones.
            Exception: The effect failed and may or may not have happened; the retry redoes it.
        """
        if approval.answer:
            self._note(approval, approval.answer["status"], approval.answer["text"])
            return approval.answer["status"], approval.answer["text"]
        tool = self._tools_by_name.get(approval.asked.action)
        if approval.status == Status.APPROVED and (problem := _problem(tool, approval)):
            return "error", problem
        if tool is None:
            raise LookupError(
                f"{approval.asked.action} is gone, and {approval.key} may not have happened"
            )
        if approval.status != Status.SPENT:
            self.claims.spend(approval)
        self.spent.add(approval.tool_use_id)
        self.begun += 1
        return self._call(tool, approval)

    def keep_answers(self) -> None:
        """Records what receivers said, so that the next delivery does not ask them again."""
        for approval, status, text in self._answers.values():
            if not approval.answer:
                self.claims.keep_answer(approval, status, text)

    def done_word(self, action: str) -> str:
        """Returns how a tool calls what it has done, such as `published`."""
        tool = self._tools_by_name.get(action)
        return tool.done if tool else "done"

    def _call(self, tool: ProtectedTool, approval: Wait) -> tuple[str, str]:
        arguments = tool.input_of(approval.in_force)
        ids = {"session_id": approval.session_id, "tool_use_id": approval.tool_use_id}
        with tracing.subsegment("publish", **ids):
            try:
                text = tool.function(**arguments, idempotency_key=approval.key)
            except tool.refused as refusal:
                return self._refused(approval, refusal)
        self._note(approval, "success", text)
        return "success", text

    def _refused(self, approval: Wait, refusal: Exception) -> tuple[str, str]:
        """Tells the model of a refusal; it counts only where no earlier attempt may have come."""
        is_known = approval.tool_use_id in self._answers or approval not in self.claimed
        if is_known:  # By this run, or by an earlier one that has saved what came of it.
            return "error", f"This was sent before, and its receiver takes it only once: {refusal}"
        if approval.status == Status.SPENT:
            raise UnclearRefusalError(UnclearRefusalError.__doc__) from refusal
        self.claims.refuse(approval, str(refusal))
        self._note(approval, "error", str(refusal))
        return "error", str(refusal)

    def _note(self, approval: Wait, status: str, text: str) -> None:
        if status == "success":
            self.done = self.done_word(approval.asked.action)
        self._answers[approval.tool_use_id] = (approval, status, text)

    @cached_property
    def _tools_by_name(self) -> dict[str, ProtectedTool]:
        return {tool.name: tool for tool in self.tools}


def _problem(tool: ProtectedTool | None, approval: Wait) -> str | None:
    """Returns why an approved call cannot be made as it was approved."""
    if tool is None:
        return f"There is no tool {approval.asked.action} any more. Nothing was done."
    if problem := tool.problem_of_edit(approval):
        return f"{problem} It was not made."
    return None
