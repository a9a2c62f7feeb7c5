"""The answers to waits: who was asked, and what was answered. The first answer wins.

One item per waiting tool use, whatever the tool. The record is the truth; a queue message only says
that it is worth a look.
"""

from dataclasses import dataclass
from typing import Any, Literal

from longrunning.waits.item import (
    Decision,
    Edit,
    Status,
    Wait,
    as_json,
    from_item,
    month_of,
    to_item,
)
from longrunning.waits.table import OLD_ON_FAILURE, WaitTable

Outcome = Literal[
    "decided",
    "repeated",
    "conflict",
    "expired",
    "unknown",
    "forbidden",
    "question",
    "changed",
    "counted",
    "full",
]

_STATUS_OF = {"approved": Status.APPROVED, "denied": Status.DENIED}
_IF_ABSENT = "attribute_not_exists(session_id)"


@dataclass(frozen=True)
class Decided:
    """The outcome of a decision; `approval` is the item as it stands now."""

    outcome: Outcome
    approval: Wait | None


class Answers(WaitTable):
    """The table `approvals`: what asks, decides, cancels and resolves."""

    def put_if_absent(self, wait: Wait) -> tuple[Wait, bool]:
        """C2: records that a tool use waits.

        Returns:
            The item as it stands (an earlier put's, if there was one) and whether this put made it.
        """
        try:
            self._write(
                self._client.put_item,
                TableName=self._table,
                Item=to_item(wait),
                ConditionExpression=_IF_ABSENT,
                ReturnValuesOnConditionCheckFailure=OLD_ON_FAILURE,
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            return from_item(error.response["Item"]), False
        return wait, True

    def decide(
        self,
        session_id: str,
        tool_use_id: str,
        decision: Decision,
        *,
        decided_by: str,
        now: int,
        comment: str | None = None,
        via: str | None = None,
        edit: Edit | None = None,
        digest: str | None = None,
    ) -> Decided:
        """C3: takes a person's decision where one is enough; the first one wins.

        Args:
            session_id: The waiting session.
            tool_use_id: The waiting tool use.
            decision: `approved` or `denied`.
            decided_by: Who decided: a person's id, or `link` for whoever has the link.
            now: Epoch seconds.
            comment: What the model is told beside the decision.
            via: How; None of what nobody with a name has decided.
            edit: What the approver has changed, `Edit()` for nothing; None: it was not said.
            digest: Of the call with that edit, if it changes anything.
        """
        values = {
            "status": _STATUS_OF[decision],
            "decision": decision,
            "decided_by": decided_by,
            "decided_at": now,
            "decided_month": month_of(now) if via else None,
            "comment": comment,
            "via": via,
            "edited_content": edit.content if edit else None,
            "edited_arguments": as_json(edit.arguments) if edit and edit.arguments else None,
            "digest": digest,
        }
        condition = "#status = :pending AND decide_by > :now AND attribute_exists(#action)"
        condition += " AND attribute_not_exists(needed)"
        condition += " AND attribute_not_exists(answer_schema)"
        bound: dict[str, Any] = {":pending": Status.PENDING, ":now": now}
        condition += _if_asked(bound, decided_by, via)
        updated, old = self._update(session_id, tool_use_id, values, condition, bound)
        if updated:
            return Decided("decided", updated)
        return Decided(_repeat_outcome(old, decision, edit, now), old)

    def answer_question(
        self,
        session_id: str,
        tool_use_id: str,
        result: dict[str, Any],
        *,
        answered_by: str,
        via: str | None,
        now: int,
    ) -> Decided:
        """C3q: takes a person's answer to a question; the first one wins.

        Args:
            session_id: The waiting session.
            tool_use_id: The waiting tool use.
            result: The Converse `toolResult` with the answer.
            answered_by: A person's id, or `link` for whoever has the link.
            via: How; None of what nobody with a name has answered.
            now: Epoch seconds.

        Returns:
            `decided`; `repeated` for the same answer by the same person, `conflict` for another
            one; `forbidden` for who was not asked; `expired`; `unknown`, for an approval as well.
        """
        values = {
            "status": Status.RESOLVED,
            "result": as_json(result),
            "decided_by": answered_by,
            "decided_at": now,
            "decided_month": month_of(now) if via else None,
            "via": via,
        }
        condition = "#status = :pending AND decide_by > :now AND attribute_exists(answer_schema)"
        bound: dict[str, Any] = {":pending": Status.PENDING, ":now": now}
        condition += _if_asked(bound, answered_by, via)
        updated, old = self._update(session_id, tool_use_id, values, condition, bound)
        if updated:
            return Decided("decided", updated)
        if old is None or not old.is_question:
            return Decided("unknown", old)
        if old.status == Status.RESOLVED:
            is_same = (old.result, old.decided_by) == (result, answered_by)
            return Decided("repeated" if is_same else "conflict", old)
        return Decided("forbidden" if old.is_open(now) else "expired", old)

    def cancel(
        self,
        session_id: str,
        tool_use_id: str,
        *,
        decided_by: str,
        now: int,
        comment: str | None = None,
    ) -> Decided:
        """C3 of an operator: withdraws what waits, whatever the tool.

        Args:
            session_id: The waiting session.
            tool_use_id: The waiting tool use.
            decided_by: Who withdraws it.
            now: Epoch seconds.
            comment: What the model is told beside it.

        Returns:
            `decided`; `repeated` if it was cancelled before; `conflict` if something else became
            of it; `unknown`.
        """
        values = {"status": Status.CANCELLED, "decided_by": decided_by, "decided_at": now}
        updated, old = self._update(
            session_id,
            tool_use_id,
            {**values, "decided_month": month_of(now), "comment": comment},
            "#status = :pending",
            {":pending": Status.PENDING},
        )
        if updated:
            return Decided("decided", updated)
        if old is None:
            return Decided("unknown", None)
        return Decided("repeated" if old.status == Status.CANCELLED else "conflict", old)

    def resolve(self, session_id: str, tool_use_id: str, result: dict[str, Any], now: int) -> bool:
        """Records the result of a timer, a job, an agent; the first one wins.

        Returns:
            Whether this one was the first.
        """
        return self.answer(session_id, tool_use_id, result, now).outcome == "decided"

    def answer(
        self, session_id: str, tool_use_id: str, result: dict[str, Any], now: int
    ) -> Decided:
        """Records a result as `resolve` does.

        Returns:
            `decided`; `repeated` for the same result again, `conflict` for another one; `expired`
            once the wait has ended without; `unknown`, for an approval as well.
        """
        values = {"status": Status.RESOLVED, "decided_at": now}
        values["result"] = as_json(result)
        condition = "#status = :pending AND attribute_not_exists(#action)"
        bound = {":pending": Status.PENDING}
        updated, old = self._update(session_id, tool_use_id, values, condition, bound)
        if updated:
            return Decided("decided", updated)
        if old is None or old.call is not None:
            return Decided("unknown", old)
        if old.status != Status.RESOLVED:
            return Decided("expired", old)
        return Decided("repeated" if old.result == result else "conflict", old)


def _if_asked(bound: dict[str, Any], who: str, via: str | None) -> str:
    """Returns the condition that somebody is asked; ids are quoted in the list that is stored."""
    if via is None:
        return " AND attribute_not_exists(approvers)"
    bound[":asked"] = as_json(who)
    return " AND contains(approvers, :asked)"


def _repeat_outcome(old: Wait | None, decision: Decision, edit: Edit | None, now: int) -> Outcome:
    if old is None or old.call is None:
        return "unknown"
    if old.is_question:
        return "question"
    if old.is_open(now):
        return "forbidden"  # It is asked of others, or of more than one.
    if old.status in (Status.PENDING, Status.EXPIRED, Status.CANCELLED):
        return "expired"
    if old.decision != decision:
        return "conflict"
    is_same = edit is None or old.edited(edit).digest == old.in_force.digest
    return "repeated" if is_same else "conflict"
