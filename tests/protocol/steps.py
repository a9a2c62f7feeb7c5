"""The steps of the model, as they are named in the code, and where they stand there."""

from typing import NamedTuple


class At(NamedTuple):
    """`module:function`, and the call in it that makes the step; ` … ` between its parts."""

    where: str
    text: str


_SESSIONS = "longrunning.sessions:SessionStore"
_APPROVALS = "longrunning.approvals:ApprovalStore"
_OPEN = "longrunning.open_approvals:OpenApprovals"

STEPS = {
    # the agent function
    "deliver": At("agent_handler:handler", "_take("),
    "load": At(f"{_SESSIONS}.load", "get_item("),
    "dead_letter": At("agent_handler:_dead_letter", "send_message("),
    "run": At("agent_run:run_agent", "agent("),
    "create": At(f"{_SESSIONS}.create", "self._put("),
    "put_if_absent": At(f"{_APPROVALS}.put_if_absent", "_client.put_item"),
    "notify": At("pausing:Pausing._notify", "self.send_email( … start("),
    "finish": At("pausing:Pausing.finish", "self._found_or_recorded( … self._notify("),
    "resolve": At(f"{_APPROVALS}.resolve", "self._update("),
    "claim": At(f"{_APPROVALS}.claim", "self._claim_one( … self._claim_all("),
    "acknowledge": At(f"{_APPROVALS}._acknowledge", "self._update("),
    "note_over": At(f"{_APPROVALS}._note_over", "self._update("),
    "fence_off": At(f"{_SESSIONS}.fence_off", "update_item("),
    "spend": At(f"{_APPROVALS}.spend", "self._update("),
    "perform": At("gate:Gate._perform", "tool.function("),
    "write_base": At(f"{_SESSIONS}._write_base", "put_object("),
    "save": At(f"{_SESSIONS}.save", "self._put("),
    "forget": At(f"{_SESSIONS}._forget", "delete_object("),
    "release": At(f"{_APPROVALS}.release", "self._update("),
    "ack": At("agent_handler:handler", "batchItemFailures"),
    # people and operators
    "decide": At("decisions:decide", "services.approvals.decide( … _tell_agent("),
    "cancel": At("cancelling:cancel", "services.approvals.cancel( … send_message("),
    # the sweeper
    "expire": At("sweeper:Sweeper._expire", "self.approvals.expire( … self.send_message("),
    "take_resend": At(
        "sweeper:Sweeper._tell_again", "self.approvals.take_resend( … self.send_message("
    ),
    "close": At("sweeper:Sweeper._look_after", "self.approvals.close("),
    "put_off": At("sweeper:Sweeper._remind", "self.approvals.put_off("),
    "reminder": At("sweeper:Sweeper._remind", "self.approvals.put_off( … self.notify("),
    "step_done": At("sweeper:Sweeper._remind", "self.notify( … self.approvals.step_done("),
}

CHOICES = frozenset("crash duplicate lost decide cancel lease forged job session base".split())
"""First words of what nobody may count on: bad luck, people, jobs, a month that passes."""

WORLD = frozenset({"time", "receive_count", "redrive"})
"""First words of what happens by itself, or by an operator, outside the functions."""
