"""What nobody in the protocol does: time, bad luck, and `make redrive`."""

from protocol.rules import CLAIMED_AT, Rules, held, move, put_item, send, spend_budget
from protocol.states import LATE, NEW, PENDING, Message, Queued, State, Step, Worker


def redrives(rules: Rules, state: State) -> list[Step]:
    """`make redrive`: a dead letter comes back as the message that it was."""
    steps: list[Step] = []
    for message in state.dead:
        rest = state._replace(dead=tuple(m for m in state.dead if m != message))
        session = state.session
        if rules.lacks("redrive_identity") and session and session.paused_by == message:
            # As another message: the session does not know that it made its pause.
            rest = rest._replace(session=session._replace(paused_by=Message("nobody")))
        queue = tuple(sorted((*state.queue, Queued(message, 0))))
        steps.append((f"redrive {message.kind} {message.item}", rest._replace(queue=queue)))
    return steps


def times(rules: Rules, state: State) -> list[Step]:
    """`decide_by` passes; an object in the bucket gets older, and the lifecycle rule takes it."""
    steps: list[Step] = []
    if rules.scenario.has_clock and not rules.scenario.waits_for_ever:
        for i, item in enumerate(state.items):
            if item and item.status == PENDING:
                items = put_item(state, i, status=LATE)
                steps.append((f"time: decide_by of {i}", state._replace(items=items)))
    session = state.session
    is_quiet = not state.processes  # A run lasts minutes.
    if is_quiet and session and session.base and not session.base.aged and session.status == "W":
        base = session.base._replace(age=session.base.age + 1, aged=True)
        objects = state.objects
        if base.age >= 2:
            objects = tuple(o for o in objects if o[0] != base.key)
        older = session._replace(base=base)
        steps.append(("base gets older", state._replace(session=older, objects=objects)))
    return steps


def faults(rules: Rules, state: State) -> list[Step]:
    steps: list[Step] = []
    if state.budget.crashes:
        paid = spend_budget(state, "crashes")
        steps += [
            (f"crash {p.at} {p.message and p.message.kind}", move(paid, p, None))
            for p in state.processes
        ]
    if state.budget.zombies:
        paid = spend_budget(state, "zombies")
        for p in state.processes:
            if isinstance(p, Worker) and p.is_leased and p.at in CLAIMED_AT:
                steps.append(
                    (f"lease of {p.fences} ends", move(paid, p, p._replace(is_leased=False)))
                )
    if state.budget.forgeries:
        paid = spend_budget(state, "forgeries")
        uses = rules.scenario.turns[1]
        steps += [(f"forged message for {i}", send(paid, Message("forged", i))) for i in uses]
    is_started = state.session and NEW not in held(state) | {q.message for q in state.queue}
    if state.budget.deletions and is_started:
        steps.append(("session deleted", spend_budget(state._replace(session=None), "deletions")))
    return steps
