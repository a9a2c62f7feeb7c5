"""Every guard of the protocol: where it stands in the code, and what goes wrong without it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """One guard, which the model can do without."""

    where: str
    """`module:function`, `module:Class.method`; `module:` for what is in no function."""
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
    "create_absent": Guard("sessions:SessionStore.create",
        "attribute_not_exists(session_id)", "one, delivered twice",
        "not exactly one result of tool use 0: .."),
    "save_first": Guard("worker:Worker.start", "self.sessions.create( … self.ask(",
        "one", "a link without record or session"),
    "put_if_absent": Guard("waits.answers:Answers.put_if_absent",
        "ConditionExpression=_IF_ABSENT", "one, delivered twice", _OTHER),
    "put_opens": Guard("item:to_item", 'item["open_shard"]', "one",
        "tool use 0 may need the sweeper and is not in the index"),
    "finish_pause": Guard("recovery:finish_pause", "worker.asking.ask_again(",
        "waits for ever", "waits on what was never recorded"),
    "maker_notifies": Guard("recovery:finish_pause", "notify_again=made_it",
        "waits for ever", "waits on somebody who was not asked"),
    "only_maker_notifies": Guard("asking:Asking.ask_again", "if notify_again or not was_found",
        "turns", COST),
    "all_before_notify": Guard("asking:Asking.ask",
        "self._notify(session, agent, self.record(session, agent))",
        "two wait", COST),
    # --- C3: people, operators, jobs ---
    "first_decision": Guard("waits.answers:Answers.decide", "#status = :pending",
        "clock", _TWICE),
    "decide_in_time": Guard("waits.answers:Answers.decide", "decide_by > :now",
        "clock", "decided after its end"),
    "late_link": Guard("approval_handler:_link", "if link.expires_at <= now", "clock", _TWICE),
    "repeat_sends": Guard("decisions:decide", '("decided", "repeated")', "two", COST),
    "first_result": Guard("waits.answers:Answers.answer", "#status = :pending",
        "job", _OTHER),
    "record_decides": Guard("incoming:Incoming.record",
        "if message.tool_name in agent.person_tools", "two forged",
        "tool use 1 may need the sweeper and is not in the index"),
    # --- the sweeper ---
    "sweeper": Guard("sweeper:Sweeper._look_after", "self._expire(", "one", "waits for ever"),
    "expire_late": Guard("open_waits:OpenWaits.expire", "decide_by <= :now",
        "clock", "expired before its end"),
    "expire_pending": Guard("open_waits:OpenWaits._if_pending",
        "#status = :pending", "clock", _OTHER),
    "close_session": Guard("sweeper:Sweeper._look_after",
        "if approval.tool_use_id not in turn … .close(", "one",
        "tool use 0 may need the sweeper and is not in the index"),
    "close_same": Guard("open_waits:OpenWaits.close",
        "#status = :status AND fence = :fence", "deleted", _OTHER),
    "postpone": Guard("open_waits:OpenWaits.postpone", "due_at = :due",
        "reminders", "reminded twice"),
    "resend_same": Guard("open_waits:OpenWaits.take_resend",
        "#status = :status AND fence = :fence", "one", COST),
    # --- C4: resuming ---
    "stale": Guard("worker:Worker.resume", 'if heard == "stale"', "turns",
        "saved result ! of tool use 0, but the record is A"),
    "turn_of_session": Guard("worker:Worker._claim", "for pending in session.pending", "two",
        "not exactly one result of tool use 1: x.."),
    "all_decided": Guard("claims:_check_claimable", "wait.status == Status.PENDING",
        "two wait", "tool use 1 may need the sweeper and is not in the index"),
    "ack_noted": Guard("claims:Claims.claim", "self._acknowledge(",
        "two interrupted", "an interrupted session that nothing brings back"),
    "ack_unclaimed": Guard("claims:Claims._acknowledge", "fence = :fence",
        "two interrupted", "an interrupted session that nothing brings back"),
    "acked_is_over": Guard("claims:Claims.claim", "a.acknowledged",
        "two interrupted", "an interrupted session that nothing brings back"),
    "claim_acked": Guard("claims:Claims._claim_update",
        "attribute_not_exists(acknowledged)", "two interrupted",
        "an interrupted session that nothing brings back"),
    "finish_undecided": Guard("worker:Worker.go_on",
        "except NotDecidedError as early: … recovery.finish_pause(", "two dead letters", COST),
    "joint_claim": Guard("claims:Claims._claim_all",
        "transact_write_items(", "two", _UNTOLD),
    "claim_fence": Guard("claims:Claims._claim_update", "fence = :read",
        "two", _UNTOLD),
    "claim_status": Guard("claims:Claims._claim_update",
        "#status = :status", "two", _UNTOLD),
    "claim_unspent": Guard("worker:Worker._claim", "session.unspent", "turns", _UNTOLD),
    "claim_closes": Guard("claims:Claims._claim_update", "{_CLOSE}", "one",
        COST),
    "lease": Guard("claims:_check_claimable", "wait.lease_until >= now",
        "few claims", COST),
    "ends_others": Guard("claims:Claims._check_is_over",
        "self._note_over( … raise MessageOverError", "clicked again", COST),
    "holder_waits": Guard("claims:Claims._check_is_over",
        'wait.held_by not in ("", message_id)', "clicked again",
        "an interrupted session that nothing brings back"),
    "over_noted": Guard("claims:Claims._note_over",
        '{"messages_over": [*over, message_id]}', "clicked again",
        "an interrupted session that nothing brings back"),
    "first_claim": Guard("claims:Claims._note_over", "fence = :first",
        "clicked again", "an interrupted session that nothing brings back"),
    "over_is_over": Guard("claims:Claims._claim_one", "{_NOT_OVER}",
        "clicked again", "an interrupted session that nothing brings back"),
    "claim_over": Guard("claims:Claims._claim_update", "{_NOT_OVER}",
        "two clicked again", "an interrupted session that nothing brings back"),
    "fence_off": Guard("worker:Worker._resume_claimed", "self.sessions.fence_off(session, fence)",
        "one", _UNTOLD),
    "fence_off_version": Guard("sessions:SessionStore.fence_off",
        "version = :version", "one", _UNTOLD),
    "fence_off_fence": Guard("sessions:SessionStore.fence_off", "fence <= :fence",
        "one, delivered twice", _UNTOLD),
    "redo": Guard("worker:Worker._results", "wait.status == Status.SPENT",
        "one gated", _UNTOLD),
    "redo_told": Guard("worker:_put_in_place",
        "tool_results.correct_earlier_results(session.messages, results)", "turns", _UNTOLD),
    "own_message": Guard("worker:Worker.go_on", "session.paused_by != delivery.message_id",
        "interrupted", COST),
    "deadline_spent": Guard("agent.run:_kept_turn", "turns[-1].effects != gate.effects.begun",
        "interrupted", _UNTOLD),
    # --- C5: the gate and the effect ---
    "spend_first": Guard("effects:Effects.perform", "self.claims.spend( … self._call(",
        "one", "saved result a of tool use 0, but the record is A"),
    "spend_fence": Guard("claims:Claims.spend", "fence = :fence", "turns",
        _UNTOLD),
    "idempotency_key": Guard("effects:Effects._call", "idempotency_key=approval.key", "one gated",
        "two effects of one tool use"),
    "text_in_force": Guard("effects:Effects._call", "approval.in_force", "one gated",
        "an effect with another text"),
    "saved_call": Guard("tool_results:result_of", "effects.perform(wait)",
        "one gated", "an effect with another text"),
    "digest": Guard("item:Wait.allows", "self.in_force.digest", "one, no bad luck",
        "saved result w of tool use 0, but the record is U"),
    "gate_spent": Guard("gate:", "NEED_NOT_ASK = { … Status.SPENT:", "one, no bad luck",
        "one text published twice"),
    "gate_approved": Guard("gate:", "NEED_NOT_ASK = { … Status.APPROVED:",
        "one, no bad luck", "one text published twice"),
    "gate_denied": Guard("gate:", "NEED_NOT_ASK = { … Status.DENIED:",
        "one, no bad luck", "asked again what was denied"),
    "gate_asked": Guard("gate:Gate._too_much", "if any(call.digest", "one, no bad luck",
        "asked again what was denied"),
    # --- C6, and the conversation in the bucket ---
    "save_version": Guard("sessions:SessionStore.save", "version = :version",
        "turns", "saved result ! of tool use 0, but the record is A"),
    "save_fence": Guard("sessions:SessionStore.save", "fence <= :fence", "one",
        _UNTOLD),
    "fence_reset": Guard("afterwards:session_after", "0 if run.waits", "turns gated", COST),
    "base_first": Guard("sessions:SessionStore.save", "self._compact( … self._put(",
        "bucket", _BASE),
    "base_digest": Guard("sessions:SessionStore._write_base", "{digest[:16]}",
        "bucket", _BASE),
    "base_fence": Guard("sessions:SessionStore._write_base", "{fence}", "bucket",
        COST),
    "base_refresh": Guard("sessions:SessionStore._compact",
        "not base.outlives(session.expires_at)", "bucket for months", _BASE),
    "forget_after_save": Guard("sessions:SessionStore.save",
        "self._put( … self._forget(", "bucket", _BASE),
    # --- dead letters ---
    "redrive_identity": Guard("deliveries:Deliveries._take", 'original_id or record["messageId"]',
        "dead letters", "an interrupted session that nothing brings back"),
}  # fmt: skip
