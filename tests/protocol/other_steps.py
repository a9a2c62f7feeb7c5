"""All others: who records and notifies, people, jobs, the sweeper, operators, and bad luck."""

from protocol.rules import (
    CLAIMED_AT,
    Rules,
    held,
    move,
    put,
    put_item,
    send,
    spend_budget,
)
from protocol.states import (
    APPROVED,
    CANCELLED,
    DENIED,
    EXPIRED,
    JOB,
    LATE,
    NEW,
    PENDING,
    SPENT,
    UNDECIDED,
    Item,
    Message,
    Pausing,
    Queued,
    State,
    Step,
    Sweep,
    Worker,
)
from protocol.worker_steps import enter

OVER = "X"
"""What is told of an approval that expired or was cancelled."""

# --- save and notify: pausing.py ---


def record(rules: Rules, state: State, pausing: Pausing) -> list[Step]:
    """C2, of one tool use after the other; all of them before the first notification."""
    i = rules.turns[pausing.turn][pausing.place]
    text = rules.first_text(pausing.turn, i)
    due = rules.scenario.due if rules.kinds[i] != JOB else ""
    item = Item(PENDING, 0, text, rules.has("put_opens"), due)
    if (found := state.items[i]) and rules.has("put_if_absent"):
        item = found
    is_asked = item.status in UNDECIDED
    notifies = (*pausing.notifies, i) if is_asked else pausing.notifies
    new = pausing._replace(place=pausing.place + 1, notifies=notifies)
    items = put(state.items, i, item)
    after = state._replace(items=items)
    if rules.lacks("all_before_notify"):
        return [(f"put_if_absent {i}", move(after, pausing, new._replace(at="notify_each")))]
    return enter(rules, after, pausing, new, f"put_if_absent {i}")


def notify(rules: Rules, state: State, pausing: Pausing) -> list[Step]:
    """The e-mail with the links, or the start of the job."""
    i = pausing.notifies[pausing.place]
    after = state._replace(notified=tuple(sorted({*state.notified, i})))
    new = pausing._replace(place=pausing.place + 1)
    return enter(rules, after, pausing, new, f"notify {i}")


def notify_each(rules: Rules, state: State, pausing: Pausing) -> list[Step]:
    """A mutant's: notifies before the next one is recorded."""
    after = state._replace(notified=tuple(sorted({*state.notified, *pausing.notifies})))
    new = pausing._replace(at="record", notifies=())
    return enter(rules, after, pausing, new, f"notify {pausing.notifies}")


# --- people: decisions.py, cancelling.py ---


def clicks(rules: Rules, state: State) -> list[Step]:
    """C3, the message and the answer, as one step; or a crash between the first two.

    A message that is sent later is one that is delivered later, and nobody is told before.
    """
    if not state.budget.clicks:
        return []
    state = spend_budget(state, "clicks")
    steps: list[Step] = []
    for i in state.notified:
        item = state.items[i]
        for answer in rules.scenario.answers if item else ():
            if rules.kinds[i] != JOB or answer == "C":
                steps += _answered(rules, state, i, answer)
    return steps


def _answered(rules: Rules, state: State, i: int, answer: str) -> list[Step]:
    item = state.items[i]
    assert item
    name = f"cancel {i}" if answer == "C" else f"decide {i} {answer}"
    stands = _told(item.status)
    if item.status in UNDECIDED or rules.lacks("first_decision"):
        if item.status == LATE and answer != "C" and rules.has("decide_in_time"):
            return _too_late(rules, state, i, answer, name)
        if item.status == LATE and answer != "C":
            state = state._replace(broken="decided after its end")
        return _decided(rules, state, i, answer, name)
    is_same = stands == ("A" if answer in "AE" else answer) and stands != OVER
    is_same = is_same and not (answer == "E" and item.text != "e")
    if is_same or answer == "C" and item.status == CANCELLED:
        told = _tell(state, i, stands)
        again = told if rules.lacks("repeat_sends") else send(told, Message("wake", i))
        return [(f"{name}: repeated, send", again)]
    return [(f"{name}: {stands} stands", _tell(state, i, stands))]


def _too_late(rules: Rules, state: State, i: int, answer: str, name: str) -> list[Step]:
    """What the answer says must stand: the approval expires now. Another click may be under way."""
    steps: list[Step] = []
    if rules.scenario.slow_clicks:
        steps += _decided(rules, state, i, answer, f"{name} (began in time)")
    if rules.lacks("late_expires"):
        return [*steps, (f"{name}: too late", _tell(state, i, OVER))]
    return [*steps, *_ended(rules, _tell(state, i, OVER), i, EXPIRED, f"{name}: too late, expire")]


def _told(status: str) -> str:
    return {SPENT: "A", CANCELLED: OVER, EXPIRED: OVER, PENDING: OVER, LATE: OVER}.get(status, status)


def _tell(state: State, i: int, what: str) -> State:
    return state._replace(told=tuple(sorted({*state.told, (i, what)})))


def _decided(rules: Rules, state: State, i: int, answer: str, name: str) -> list[Step]:
    status = {"A": APPROVED, "E": APPROVED, "D": DENIED, "C": CANCELLED}[answer]
    text = "e" if answer == "E" else None
    return _ended(rules, state, i, status, name, text=text, told=_told(status))


def _ended(
    rules: Rules,
    state: State,
    i: int,
    status: str,
    name: str,
    *,
    text: str | None = None,
    told: str = "",
) -> list[Step]:
    """An approval is decided and its message sent; or nobody gets as far as that."""
    steps: list[Step] = []
    for order in rules.orders(state, i):
        item = state.items[i]
        assert item
        items = put_item(state, i, status=status, order=order, text=text or item.text)
        after = state._replace(items=items)
        sent = send(_tell(after, i, told) if told else after, Message("wake", i))
        steps.append((f"{name} send", sent))
        if state.budget.crashes:
            steps.append((f"{name} crash", spend_budget(after, "crashes")))
    return steps


def jobs(rules: Rules, state: State) -> list[Step]:
    """A job that was started sends its result; started twice, it may come to two."""
    if not state.budget.results:
        return []
    paid = spend_budget(state, "results")
    started = [i for i in state.notified if rules.kinds[i] == JOB]
    return [
        (f"job {i} sends result {n}", send(paid, Message("result", i, n)))
        for i in started
        for n in (1, 2)
    ]


# --- the sweeper: sweeper.py, open_approvals.py ---


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
    if item.due and (not in_work or rules.lacks("put_off")):
        taken = Sweep("remind", None, i, (item.due,))
        steps.append((f"put_off {i}", move(state, None, taken)))
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
    return _ended(rules, move(state, sweep, None), i, EXPIRED, f"expire {i}")


def _tell_again(rules: Rules, state: State, i: int, item: Item) -> list[Step]:
    """Decided and unclaimed; while another of the turn is undecided, the last one resumes."""
    session = state.session
    assert session
    turn = [state.items[j] for j in rules.turns[session.turn]]
    if any(other and other.status in UNDECIDED for other in turn):
        return []
    if rules.has("last_resumes") and not rules.is_last(state, session.turn, i):
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


# --- operators, and the time ---


def redrives(rules: Rules, state: State) -> list[Step]:
    """`make redrive`: the dead letter comes back as the message that it was."""
    steps = []
    for message in state.dead:
        rest = state._replace(dead=tuple(m for m in state.dead if m != message))
        queue = tuple(sorted((*state.queue, Queued(message, 0))))
        if rules.has("redrive_identity"):
            steps.append((f"redrive {message.kind} {message.item}", rest._replace(queue=queue)))
        else:
            stranger = message if message == NEW else send(rest, Message("wake", message.item)).queue
            after = _as_stranger(rest, message) if stranger == message else rest._replace(queue=stranger)
            steps.append((f"redrive {message.kind} as another", after))
    return steps


def _as_stranger(state: State, message: Message) -> State:
    """A mutant's: the task's message comes back, and no session knows that it made its pause."""
    session = state.session
    if session and session.paused_by == message:
        session = session._replace(paused_by=Message("nobody"))
    queue = tuple(sorted((*state.queue, Queued(message, 0))))
    return state._replace(session=session, queue=queue)


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


# --- bad luck ---


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
                steps.append((f"lease of {p.fences} ends", move(paid, p, p._replace(is_leased=False))))
    if state.budget.forgeries:
        paid = spend_budget(state, "forgeries")
        uses = rules.scenario.turns[1]
        steps += [(f"forged message for {i}", send(paid, Message("forged", i))) for i in uses]
    is_started = state.session and NEW not in held(state) | {q.message for q in state.queue}
    if state.budget.deletions and is_started:
        steps.append(("session deleted", spend_budget(state._replace(session=None), "deletions")))
    return steps


STEPS_AT = {"record": record, "notify": notify, "notify_each": notify_each}
