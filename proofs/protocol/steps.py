"""The steps of the model, as they are named in the code, and where they stand there."""

from typing import NamedTuple


class At(NamedTuple):
    """`module:function`, and the call in it that makes the step; ` … ` between its parts."""

    where: str
    text: str


_SESSIONS = "sessions:SessionStore"
_ANSWERS = "waits.answers:Answers"
_CLAIMS = "claims:Claims"

STEPS = {
    # the agent function
    "deliver": At("deliveries:Deliveries.take", "self._take("),
    "load": At(f"{_SESSIONS}.load", "get_item("),
    "dead_letter": At("deliveries:Deliveries._dead_letter", "send_message("),
    "run": At("agent.run:run_agent", "agent("),
    "create": At(f"{_SESSIONS}.create", "self._put("),
    "put_if_absent": At(f"{_ANSWERS}.put_if_absent", "_client.put_item"),
    "notify": At("asking:Asking._notify", "self.send_email( … self._start("),
    "finish": At("asking:Asking.ask_again", "self._found_or_recorded( … self._notify("),
    "resolve": At(f"{_ANSWERS}.answer", "self._update("),
    "claim": At(f"{_CLAIMS}.claim", "self._claim_one( … self._claim_all("),
    "acknowledge": At(f"{_CLAIMS}._acknowledge", "self._update("),
    "note_over": At(f"{_CLAIMS}._note_over", "self._update("),
    "fence_off": At(f"{_SESSIONS}.fence_off", "update_item("),
    "spend": At(f"{_CLAIMS}.spend", "self._update("),
    "perform": At("effects:Effects._call", "tool.function("),
    "write_base": At(f"{_SESSIONS}._write_base", "put_object("),
    "save": At(f"{_SESSIONS}.save", "self._put("),
    "forget": At(f"{_SESSIONS}._forget", "delete_object("),
    "release": At(f"{_CLAIMS}.release", "self._update("),
    "ack": At("deliveries:Deliveries.take", "batchItemFailures"),
    # people and operators
    "decide": At("decisions:decide", "_decide_alone( … tell_agent("),
    "cancel": At("cancelling:cancel", "services.approvals.cancel( … tell_agent("),
    # the sweeper
    "expire": At("sweeper:Sweeper._expire", "self.approvals.expire( … self.send_message("),
    "take_resend": At(
        "sweeper:Sweeper._tell_again", "self.approvals.take_resend( … self.send_message("
    ),
    "close": At("sweeper:Sweeper._look_after", "self.approvals.close("),
    "postpone": At("sweeper:Sweeper._remind", "self.approvals.postpone("),
    "reminder": At("sweeper:Sweeper._remind", "self.approvals.postpone( … self.notify("),
    "step_done": At("sweeper:Sweeper._remind", "self.notify( … self.approvals.step_done("),
}

CHOICES = frozenset("crash duplicate lost decide cancel lease forged job session base".split())
"""First words of what nobody may count on: bad luck, people, jobs, a month that passes."""

WORLD = frozenset({"time", "receive_count", "redrive"})
"""First words of what happens by itself, or by an operator, outside the functions."""
