"""Every guard of the second model: where it stands in the code, and what goes wrong without it."""

from protocol.guards import COST, Guard
from protocol.steps import At

_EARLY = "resolved before its source had ended"
_ALONE = "asks for an agent that has gone on without it"
_UNHEARD = "waits for an agent that has ended"
_MISSED = "expired, although its source had ended"

WAIT_GUARDS = {
    # --- a message is a hint ---
    "look_first": Guard("incoming:Incoming._record_one", "found = _look( … self._resolve(",
        "a source and a stranger", _EARLY),
    "fresh_message": Guard("incoming:Incoming._record_one",
        "self.send_message(wake_up_message(answered)) … return False",
        "a source, delivered twice", COST),
    "callback_only": Guard("long_running:LongTool.is_told", "self.can_look or self.by_callback",
        "a callback", "resolved before its system called back"),
    "callback_records": Guard("callbacks:answer", "_recorded(services … send_message(",
        "a callback, no bad luck", "an answer that the agent is not told of"),
    # --- the sweeper ---
    "sweeper_looks": Guard("sweeper:Sweeper._look_after",
        "if approval.call is None … return self._hint(", "a source", _MISSED),
    "last_look": Guard("sweeper:Sweeper._look_after", "not _is_looked_at_once_more(approval)",
        "a source", _MISSED),
    "one_look": Guard("sweeper:_is_looked_at_once_more", "(wait.due_at or 0) <= wait.decide_by",
        "a source", "no end is in reach"),
    # --- an agent that another one asked ---
    "record_first": Guard("asking:Asking.ask",
        "self._notify(session, agent, self.record(session, agent))",
        "a child", "waits for an agent that never began"),
    "start_awaited": Guard("worker:Worker.start",
        "if task.parent and not self.ending.is_awaited(task.parent)",
        "a child that is given up", COST),
    "told_after_save": Guard("worker:Worker.go_on", "self._resume_claimed( … self.ask(saved",
        "a child", _UNHEARD),
    "told_again": Guard("recovery:finish_pause",
        "session.status != WAITING and made_it … worker.ending.tell(session)",
        "a child", _UNHEARD),
    # --- giving up ---
    "parent_asked": Guard("worker:Worker.withdraw_if_given_up",
        "self.ending.is_awaited(session.parent)",
        "a child and a stranger", "withdrawn, although its parent waits"),
    "ask_awaited": Guard("worker:Worker.ask", "if not self.withdraw_if_given_up(saved)",
        "a child that is given up", _ALONE),
    "finish_awaited": Guard("recovery:finish_pause",
        "not worker.withdraw_if_given_up(session)",
        "a child that dies and is given up", _ALONE),
    "stopped": Guard("worker:Worker.go_on", "self.incoming.end(session, agent, pending)",
        "a child and a person", COST),
    "stopped_by_all": Guard("worker:Worker.go_on",
        "self.incoming.end_all(session, agent, claimed)",
        "a child that is given up", _ALONE),
    "withdraw_records": Guard("asking:Asking._withdraw",
        "self.answers.put_if_absent(cancelled)", "a child that is given up", _ALONE),
    "withdraw_pending": Guard("waits.answers:Answers.cancel", "#status = :pending",
        "a child that is given up", "an effect of what was withdrawn"),
}  # fmt: skip

WAIT_STEPS = {
    "deliver": At("deliveries:Deliveries.take", "self._take("),
    "find": At("sessions:SessionStore.find", "query("),
    "dead_letter": At("deliveries:Deliveries._dead_letter", "send_message("),
    "is_awaited": At("ending:Ending.is_awaited", "self.answers.get("),
    "create": At("sessions:SessionStore.create", "self._put("),
    "put_if_absent": At("waits.answers:Answers.put_if_absent", "_client.put_item"),
    "record": At("asking:Asking.record", "self._record("),
    "notify": At("asking:Asking._notify", "self.send_email( … self._start("),
    "finish": At("asking:Asking.ask_again", "self._found_or_recorded( … self._notify("),
    "look": At("incoming:_look", "tool.ask_source("),
    "resolve": At("waits.answers:Answers.answer", "self._update("),
    "claim": At("claims:Claims.claim", "self._claim_one( … self._claim_all("),
    "run": At("agent.run:run_agent", "agent("),
    "save": At("sessions:SessionStore.save", "self._put("),
    "end": At("ending:Ending.tell", "if session.parent"),
    "tell_parent": At("ending:Ending._tell_parent", "self.send_message("),
    "withdraw": At(
        "worker:Worker.withdraw_if_given_up", "self.asking.withdraw( … self.send_message("
    ),
    "cancel": At("waits.answers:Answers.cancel", "self._update("),
    "expire": At("sweeper:Sweeper._expire", "self.approvals.expire( … self.send_message("),
    "hint": At("sweeper:Sweeper._hint", "self.approvals.postpone( … self.send_message("),
    "take_resend": At(
        "sweeper:Sweeper._tell_again", "self.approvals.take_resend( … self.send_message("
    ),
}
"""The steps of the second model, as they are named in the code, and where they stand there."""
