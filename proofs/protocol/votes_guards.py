"""Every guard of the third model: where it stands in the code, and what goes wrong without it."""

from protocol.guards import Guard
from protocol.steps import At

_ENOUGH = "approved, and not by enough for this very call"
_MIXED = "a question that was approved, or an approval that was answered"
_STRANGER = "decided by somebody who was not asked"
_WRITE = "votes:Votes._put_votes"
_OUTCOME = "votes:_outcome_without"
_EXTEND = "deadlines:Deadlines.extend"
_MOVED = "one is enough, and two give it more time"

VOTE_GUARDS = {
    "vote_compares_votes": Guard(_WRITE, "votes = :was", "two of three", "a vote is lost"),
    "vote_while_pending": Guard(_WRITE, "#status = :pending", "two of two, twice",
        "changed after its end"),
    "vote_in_time": Guard(_WRITE, "decide_by > :now", "two of three", "decided after its end"),
    "vote_counts_digest": Guard("item:Wait.approved_by", 'v["digest"] == in_force',
        "two of three", _ENOUGH),
    "vote_counts_people": Guard("item:Wait.approved_by", 'last = {vote["by"]: vote for vote',
        "two of three, an edit back", _ENOUGH),
    "vote_checks_seen": Guard(_OUTCOME, "vote.seen != found.in_force.digest", "two of three",
        "a vote for what was not seen"),
    "vote_checks_people": Guard(_OUTCOME, "vote.by not in (found.approvers or ())", "a stranger",
        _STRANGER),
    "requester_is_left_out": Guard("policy:policy_of", "people[id_].is_called(requested_by)",
        "a requester", "the requester has approved"),
    "edit_reminds": Guard("votes:_after", "found.asked_again(now)", "two of three",
        "nobody is told of an edit"),
    "decide_needs_no_quorum": Guard("waits.answers:Answers.decide", "attribute_not_exists(needed)",
        "a link without a name", ""),
    "decide_is_of_the_asked": Guard("waits.answers:_if_asked",
        "contains(approvers, :asked)", "one is enough, and a stranger", _STRANGER),
    "decide_needs_no_names": Guard("waits.answers:_if_asked",
        "attribute_not_exists(approvers)", "one is enough, and a link without a name",
        _STRANGER),
    "decide_is_no_answer": Guard("waits.answers:Answers.decide",
        "attribute_not_exists(answer_schema)", "a question", _MIXED),
    "answer_needs_a_question": Guard("waits.answers:Answers.answer_question",
        "attribute_exists(answer_schema)", "an approval that is answered", _MIXED),
    "answer_needs_no_names": Guard("waits.answers:_if_asked",
        "attribute_not_exists(approvers)", "a question", _STRANGER),
    "answer_once": Guard("waits.answers:Answers.answer_question", "#status = :pending",
        "a question", "changed after its end"),
    "answer_in_time": Guard("waits.answers:Answers.answer_question", "decide_by > :now",
        "a question", "decided after its end"),
    "resolve_needs_no_call": Guard("waits.answers:Answers.answer",
        "attribute_not_exists(#action)", "a question", _STRANGER),
    "extend_while_pending": Guard(_EXTEND, "#status = :pending", _MOVED, "changed after its end"),
    "extend_compares_deadline": Guard(_EXTEND, "decide_by = :read", _MOVED,
        "it ends before it was said to"),
    "extend_in_time": Guard("extending:extend", "not found.is_open(now)", _MOVED,
        "more time after its end"),
    "extend_is_bounded": Guard("extending:_check", "until > (latest := latest_end(found))",
        _MOVED, "it ends after what it needs is gone"),
    "extend_reminds": Guard("deadlines:_extended", "found.asked_again(now)", _MOVED,
        "nobody has a link that works"),
    "resend_while_pending": Guard("deadlines:Deadlines.ask_again", "#status = :pending", _MOVED,
        "changed after its end"),
    "expire_at_its_new_end": Guard("open_waits:OpenWaits.expire", "decide_by <= :now", _MOVED,
        "expired before its end"),
}  # fmt: skip

VOTE_STEPS = {
    "vote": At("votes:Votes.vote", "self.get( … self._put_votes("),
    "decide": At("waits.answers:Answers.decide", "self._update("),
    "answer_question": At("waits.answers:Answers.answer_question", "self._update("),
    "forged": At("waits.answers:Answers.answer", "self._update("),
    "expire": At("sweeper:Sweeper._expire", "self.approvals.expire("),
    "cancel": At("cancelling:cancel", "services.approvals.cancel("),
    "extend": At("deadlines:Deadlines.extend", "self._update("),
    "resend": At("deadlines:Deadlines.ask_again", "self._update("),
    "reminder": At("sweeper:Sweeper._remind", "self.notify("),
}
"""The steps of the third model, as they are named in the code, and where they stand there."""
