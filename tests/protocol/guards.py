"""Every guard of the protocol: where it stands in the code, and what goes wrong without it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """One guard, which the model can do without."""

    where: str
    """`module:function` or `module:Class.method`."""
    text: str
    """What stands there, in this order; ` … ` between the parts, and white space does not count."""
    scenario: str
    """Where its removal shows; for those that save only cost, where it was seen to do no harm."""
    problem: str
    """The violation; COST if there is none."""


COST = ""

_TWICE = "two people were told opposite things"
_UNTOLD = "saved result a of tool use 0, but the record is U"
_BASE = "the session points to an object that is missing or another one"
_OTHER = "somebody was told something else than what is recorded"

GUARDS = {
    # --- C1, C2, and finishing what a crash cut off ---
    "create_absent": Guard("longrunning.sessions:SessionStore.create",
        "attribute_not_exists(session_id)", "one, delivered twice",
        "not exactly one result of tool use 0: .."),
    "save_first": Guard("worker:Worker.start", "self.sessions.create( … self._begin_pause(",
        "one", "a link without record or session"),
    "put_if_absent": Guard("longrunning.approvals:ApprovalStore.put_if_absent",
        "ConditionExpression=_IF_ABSENT", "one, delivered twice", _OTHER),
    "put_opens": Guard("longrunning.approval_item:to_item", 'item["open_shard"]', "one",
        "tool use 0 may need the sweeper and is not in the index"),
    "finish_pause": Guard("worker:Worker._finish_pause", "self.pausing.finish(",
        "waits for ever", "waits on what was never recorded"),
    "maker_notifies": Guard("worker:Worker._finish_pause", "notify_again=made_it",
        "waits for ever", "waits on somebody who was not asked"),
    "only_maker_notifies": Guard("pausing:Pausing.finish", "if notify_again or not was_found",
        "turns", COST),
    "all_before_notify": Guard("pausing:Pausing.begin",
        "self._record(session, pending) for pending in session.pending … self._notify(",
        "two wait", COST),
    # --- C3: people, operators, jobs ---
    "first_decision": Guard("longrunning.approvals:ApprovalStore.decide", "#status = :pending",
        "clock", _TWICE),
    "decide_in_time": Guard("longrunning.approvals:ApprovalStore.decide", "decide_by > :now",
        "clock", "decided after its end"),
    "late_link": Guard("approval_handler:_link", "if link.expires_at <= now", "clock", _TWICE),
    "repeat_sends": Guard("decisions:decide", '("decided", "repeated")', "two", COST),
    "first_result": Guard("longrunning.approvals:ApprovalStore.resolve", "#status = :pending",
        "job", _OTHER),
    "record_decides": Guard("worker:Worker._accept",
        "if results.tool_name not in self.pausing.approval_names", "two forged",
        "tool use 1 may need the sweeper and is not in the index"),
    # --- the sweeper ---
    "sweeper": Guard("sweeper:Sweeper._look_after", "self._expire(", "one", "waits for ever"),
    "expire_late": Guard("longrunning.open_approvals:OpenApprovals.expire", "decide_by <= :now",
        "clock", "expired before its end"),
    "expire_pending": Guard("longrunning.open_approvals:OpenApprovals._if_pending",
        "#status = :pending", "clock", _OTHER),
    "close_session": Guard("sweeper:Sweeper._look_after",
        "if approval.tool_use_id not in turn … .close(", "one",
        "tool use 0 may need the sweeper and is not in the index"),
    "close_same": Guard("longrunning.open_approvals:OpenApprovals.close",
        "#status = :status AND fence = :fence", "deleted", _OTHER),
    "put_off": Guard("longrunning.open_approvals:OpenApprovals.put_off", "due_at = :due",
        "reminders", "reminded twice"),
    "resend_same": Guard("longrunning.open_approvals:OpenApprovals.take_resend",
        "#status = :status AND fence = :fence", "one", COST),
    # --- C4: resuming ---
    "stale": Guard("worker:Worker.resume", "if not self._accept(session, results)", "turns",
        "saved result ! of tool use 0, but the record is A"),
    "turn_of_session": Guard("worker:Worker._claim", "for pending in session.pending", "two",
        "not exactly one result of tool use 1: x.."),
    "all_decided": Guard("longrunning.approvals:_check_claimable", "approval.status == PENDING",
        "two wait", "tool use 1 may need the sweeper and is not in the index"),
    "ack_noted": Guard("longrunning.approvals:ApprovalStore.claim", "self._acknowledge(",
        "two interrupted", "an interrupted session that nothing brings back"),
    "ack_unclaimed": Guard("longrunning.approvals:ApprovalStore._acknowledge", "fence = :fence",
        "two interrupted", "an interrupted session that nothing brings back"),
    "acked_is_over": Guard("longrunning.approvals:ApprovalStore.claim", "a.acknowledged",
        "two interrupted", "an interrupted session that nothing brings back"),
    "claim_acked": Guard("longrunning.approvals:ApprovalStore._claim_update",
        "attribute_not_exists(acknowledged)", "two interrupted",
        "an interrupted session that nothing brings back"),
    "finish_undecided": Guard("worker:Worker._go_on",
        "except NotDecidedError as early: … self._finish_pause(", "two dead letters", COST),
    "joint_claim": Guard("longrunning.approvals:ApprovalStore._claim_all",
        "transact_write_items(", "two", _UNTOLD),
    "claim_fence": Guard("longrunning.approvals:ApprovalStore._claim_update", "fence = :read",
        "two", _UNTOLD),
    "claim_status": Guard("longrunning.approvals:ApprovalStore._claim_update",
        "#status = :status", "two", _UNTOLD),
    "claim_unspent": Guard("worker:Worker._claim", "session.unspent", "turns", _UNTOLD),
    "claim_closes": Guard("longrunning.approvals:ApprovalStore._claim_update", "{_CLOSE}", "one",
        COST),
    "lease": Guard("longrunning.approvals:_check_claimable", "approval.lease_until >= now",
        "few claims", COST),
    "ends_others": Guard("longrunning.approvals:ApprovalStore._check_is_over",
        "self._note_over( … raise MessageOverError", "clicked again", COST),
    "holder_waits": Guard("longrunning.approvals:ApprovalStore._check_is_over",
        'approval.held_by not in ("", message_id)', "clicked again",
        "an interrupted session that nothing brings back"),
    "over_noted": Guard("longrunning.approvals:ApprovalStore._note_over",
        '{"messages_over": [*over, message_id]}', "clicked again",
        "an interrupted session that nothing brings back"),
    "first_claim": Guard("longrunning.approvals:ApprovalStore._note_over", "fence = :first",
        "clicked again", "an interrupted session that nothing brings back"),
    "over_is_over": Guard("longrunning.approvals:ApprovalStore._claim_one", "{_NOT_OVER}",
        "clicked again", "an interrupted session that nothing brings back"),
    "claim_over": Guard("longrunning.approvals:ApprovalStore._claim_update", "{_NOT_OVER}",
        "two clicked again", "an interrupted session that nothing brings back"),
    "fence_off": Guard("worker:Worker._resume_claimed", "self.sessions.fence_off(session, fence)",
        "one", _UNTOLD),
    "fence_off_version": Guard("longrunning.sessions:SessionStore.fence_off",
        "version = :version", "one", _UNTOLD),
    "fence_off_fence": Guard("longrunning.sessions:SessionStore.fence_off", "fence <= :fence",
        "one, delivered twice", _UNTOLD),
    "redo": Guard("worker:Worker._results", "approval.status == approvals.SPENT",
        "one gated", _UNTOLD),
    "redo_told": Guard("worker:Worker._put_in_place",
        "tool_results.put_right(session.messages, results)", "turns", _UNTOLD),
    "own_message": Guard("worker:Worker._go_on", "session.paused_by != delivery.message_id",
        "interrupted", COST),
    "deadline_spent": Guard("agent_run:_kept_turn", "turns[-1].effects != gate.effects",
        "interrupted", _UNTOLD),
    # --- C5: the gate and the effect ---
    "spend_first": Guard("gate:Gate.spend_and_perform", "self.store.spend( … self._perform(",
        "one", "saved result a of tool use 0, but the record is A"),
    "spend_fence": Guard("longrunning.approvals:ApprovalStore.spend", "fence = :fence", "turns",
        _UNTOLD),
    "idempotency_key": Guard("gate:Gate._perform", "idempotency_key=approval.key", "one gated",
        "two effects of one tool use"),
    "text_in_force": Guard("gate:Gate._perform", "approval.text", "one gated",
        "an effect with another text"),
    "saved_call": Guard("tool_results:result_of", "gate.spend_and_perform(approval)",
        "one gated", "an effect with another text"),
    "digest": Guard("gate:Call.is_that_of", "approval.digest", "one, no bad luck",
        "saved result w of tool use 0, but the record is U"),
    "gate_spent": Guard("gate:Gate._check", "approvals.SPENT in statuses", "one, no bad luck",
        "one text published twice"),
    "gate_approved": Guard("gate:Gate._check", "approvals.APPROVED in statuses",
        "one, no bad luck", "one text published twice"),
    "gate_denied": Guard("gate:Gate._check", "approvals.DENIED in statuses",
        "one, no bad luck", "asked again what was denied"),
    "gate_asked": Guard("gate:Gate._check", "if call in self._asked", "one, no bad luck",
        "asked again what was denied"),
    # --- C6, and the conversation in the bucket ---
    "save_version": Guard("longrunning.sessions:SessionStore.save", "version = :version",
        "turns", "saved result ! of tool use 0, but the record is A"),
    "save_fence": Guard("longrunning.sessions:SessionStore.save", "fence <= :fence", "one",
        _UNTOLD),
    "fence_reset": Guard("worker:Worker._after", "fence=0 if run.waits", "turns gated", COST),
    "base_first": Guard("longrunning.sessions:SessionStore.save", "self._compact( … self._put(",
        "bucket", _BASE),
    "base_digest": Guard("longrunning.sessions:SessionStore._write_base", "{digest[:16]}",
        "bucket", _BASE),
    "base_fence": Guard("longrunning.sessions:SessionStore._write_base", "{fence}", "bucket",
        COST),
    "base_refresh": Guard("longrunning.sessions:SessionStore._compact",
        "not base.outlives(session.expires_at)", "bucket for months", _BASE),
    "forget_after_save": Guard("longrunning.sessions:SessionStore.save",
        "self._put( … self._forget(", "bucket", _BASE),
    # --- dead letters ---
    "redrive_identity": Guard("agent_handler:_take", 'original_id or record["messageId"]',
        "dead letters", "an interrupted session that nothing brings back"),
}  # fmt: skip
