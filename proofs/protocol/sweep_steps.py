"""The sweeper (`sweeper.py`, `open_approvals.py`)."""

from protocol.people_steps import end_approval
from protocol.rules import Rules, move, put_item, send, spend_budget
from protocol.states import (
    CANCELLED,
    EXPIRED,
    LATE,
    PENDING,
    UNDECIDED,
    Item,
    Message,
    State,
    Step,
    Sweep,
)


def sweeps(rules: Rules, state: State) -> list[Step]:
    """What a sweep does with each open item. Reads and a write conditional on them are one step.

    So are a write and the message after it, or a crash in between.
    """
    steps: list[Step] = []
    if rules.lacks("sweeper"):
        return steps
    for i, item in enumerate(state.items):
        if item is None or not item.is_open:
            continue
        if not rules.waits_on(state.session, i) or rules.lacks("close_session"):
            if rules.lacks("close_same"):
                steps += _split(state, i, "close", item)
            else:
                steps += close(rules, state, None, i, item)
        elif item.status in UNDECIDED:
            steps += _undecided(rules, state, i, item)
        else:
            steps += _tell_again(rules, state, i, item)
    return steps


def _undecided(rules: Rules, state: State, i: int, item: Item) -> list[Step]:
    steps: list[Step] = []
    is_over = item.status == LATE
    if not rules.scenario.has_clock:
        is_over = not rules.scenario.waits_for_ever
    if rules.lacks("expire_late"):
        is_over = True
    if is_over and rules.lacks("expire_pending"):
        steps += _split(state, i, "expire", item)
    elif is_over:
        steps += expire(rules, state, None, i)
    in_work = any(isinstance(p, Sweep) and p.item == i for p in state.processes)
    if item.due and (not in_work or rules.lacks("postpone")):
        taken = Sweep("remind", None, i, (item.due,))
        steps.append((f"postpone {i}", move(state, None, taken)))
    return steps


def _split(state: State, i: int, what: str, item: Item) -> list[Step]:
    """Only for mutants, whose write is not conditional on what they read."""
    if any(isinstance(p, Sweep) for p in state.processes):
        return []
    return [(f"{what} {i}: reads", move(state, None, Sweep(what, None, i, (item.status,))))]


def expire(rules: Rules, state: State, sweep: Sweep | None, i: int) -> list[Step]:
    item = state.items[i]
    assert item
    if rules.scenario.has_clock and item.status == PENDING:
        state = state._replace(broken="expired before its end")
    return end_approval(rules, move(state, sweep, None), i, EXPIRED, f"expire {i}")


def _tell_again(rules: Rules, state: State, i: int, item: Item) -> list[Step]:
    """Decided and unclaimed, and the message of no delivery that found the turn undecided."""
    session = state.session
    assert session
    turn = [state.items[j] for j in rules.turns[session.turn]]
    if item.acked or any(other and other.status in UNDECIDED for other in turn):
        return []
    if state.queue or state.processes:
        if not state.budget.resends:
            return []
        state = spend_budget(state, "resends")
    if rules.lacks("resend_same"):
        return _split(state, i, "take_resend", item)
    steps = [(f"take_resend {i} send", send(state, Message("wake", i)))]
    if state.budget.crashes:
        steps.append((f"take_resend {i} crash", spend_budget(state, "crashes")))
    return steps


def close(rules: Rules, state: State, sweep: Sweep | None, i: int, read: Item) -> list[Step]:
    status = CANCELLED if read.status in UNDECIDED else read.status
    items = put_item(state, i, status=status, is_open=False)
    return [(f"close {i}", move(state, sweep, None, items=items))]


def sweep_goes_on(rules: Rules, state: State, sweep: Sweep) -> list[Step]:
    i = sweep.item
    item = state.items[i]
    assert item
    if sweep.at == "expire":
        return expire(rules, state, sweep, i)
    if sweep.at == "close":
        return close(rules, state, sweep, i, item._replace(status=str(sweep.read[0])))
    if sweep.at == "take_resend":
        return [(f"take_resend {i} send", send(move(state, sweep, None), Message("wake", i)))]
    if sweep.at == "remind":
        sent = state._replace(
            reminders=state.reminders + 1, notified=tuple(sorted({*state.notified, i}))
        )
        done = sweep._replace(at="step_done")
        return [(f"reminder {i}", move(sent, sweep, done))]
    is_same = item.status in UNDECIDED and item.due == sweep.read[0]
    items = put_item(state, i, due=item.due[1:]) if is_same else state.items
    return [(f"step_done {i}", move(state, sweep, None, items=items))]
