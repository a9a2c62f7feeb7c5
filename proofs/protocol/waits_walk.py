"""The steps of the second model: one message's walk, and what happens around it."""

from typing import Any

from protocol.waits_states import (
    AGENT,
    APPROVED,
    ASKED,
    CALLBACK,
    CANCELLED,
    COMPLETED,
    ENDED,
    ENDED_WITHOUT,
    EXPIRED,
    LATE,
    LOOKED,
    NOBODY,
    NOT_ASKED,
    PENDING,
    PERSON,
    RESOLVED,
    SAID,
    SPENT,
    UNDECIDED,
    WAITING,
    WITHDRAWN,
    Budget,
    Item,
    Message,
    Rules,
    Session,
    State,
    Step,
    Worker,
)


def successors(rules: Rules, state: State) -> list[Step]:
    """All that can happen next."""
    steps = _deliveries(rules, state)
    for worker in state.processes:
        steps += WORKER_STEPS[worker.at](rules, state, worker)
    steps += _people(rules, state)
    steps += _sources(rules, state)
    steps += _sweeps(rules, state)
    steps += _times(rules, state)
    steps += _bad_luck(rules, state)
    return [(name, _normal(rules, after)) for name, after in steps]


def _normal(rules: Rules, state: State) -> State:
    """Blanks what no later step looks at, and numbers messages anew, so that equal worlds meet."""
    if not any(session and session.status == WAITING for session in state.sessions):
        if all(state.sessions) and not state.processes:
            state = state._replace(budget=Budget(*[0] * len(state.budget)))
    held = {worker.message for worker in state.processes}
    queue = tuple(m for m in state.queue if m in held or not _is_void(rules, state, m))
    known = {*queue, *held}
    makers = [s.paused_by if s and s.paused_by in known else NOBODY for s in state.sessions]
    names: dict[Message, Message] = {}
    counts: dict[tuple[str, int], int] = {}
    for message in sorted(known, key=lambda m: (m not in makers, m not in held, m)):
        number = counts.setdefault(message[:2], 0)
        counts[message[:2]] = number + 1
        names[message] = message._replace(number=number)
    return state._replace(
        queue=tuple(sorted(names[m] for m in queue)),
        processes=tuple(sorted(w._replace(message=names[w.message]) for w in state.processes)),
        sessions=tuple(
            s and s._replace(paused_by=names.get(maker, NOBODY))
            for s, maker in zip(state.sessions, makers, strict=True)
        ),
    )


def _is_void(rules: Rules, state: State, message: Message) -> bool:
    """Whether it would only come to its end: its session has ended, and by another message."""
    s = rules.session_of[message.place] if message.kind == "hint" else message.place
    session = state.sessions[s]
    is_over = session is not None and session.status == COMPLETED
    return is_over and session is not None and session.paused_by != message


# --- small changes of a state --------------------------------------------------------------------


def _put(values: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    return (*values[:place], value, *values[place + 1 :])


def _with_item(state: State, place: int, status: str, **more: str) -> State:
    item = state.items[place] or Item(status)
    return state._replace(items=_put(state.items, place, item._replace(status=status, **more)))


def _with_source(state: State, place: int, source: str) -> State:
    sources = state.sources
    return state._replace(sources=sources[:place] + source + sources[place + 1 :])


def _paid(state: State, name: str) -> State:
    budget = state.budget
    return state._replace(budget=budget._replace(**{name: getattr(budget, name) - 1}))


def _move(state: State, old: Worker | None, new: Worker | None) -> State:
    processes = list(state.processes)
    if old is not None:
        processes.remove(old)
    if new is not None:
        processes.append(new)
        processes.sort()
    return state._replace(processes=tuple(processes))


def _sent(state: State, kind: str, place: int) -> State:
    """Puts a message on the queue, under an id that no other has."""
    message = Message(kind, place)
    taken = {*state.queue, *(worker.message for worker in state.processes)}
    taken |= {session.paused_by for session in state.sessions if session}
    while message in taken:
        message = message._replace(number=message.number + 1)
    return state._replace(queue=tuple(sorted((*state.queue, message))))


def _acked(state: State, message: Message) -> State:
    return state._replace(queue=tuple(m for m in state.queue if m != message))


def _ends(name: str, state: State, worker: Worker | None, message: Message) -> list[Step]:
    """The last step of a delivery; or the worker dies before the message is deleted."""
    after = _move(state, worker, None)
    steps = [(f"{name}, ack", _acked(after, message))]
    if state.budget.crashes:
        steps.append((f"{name}, crash", _paid(after, "crashes")))
    return steps


def _named(message: Message) -> str:
    return f"{message.kind}({message.place})" + (f"#{message.number}" if message.number else "")


# --- a message arrives ---------------------------------------------------------------------------


def _deliveries(rules: Rules, state: State) -> list[Step]:
    in_flight = {worker.message for worker in state.processes}
    steps: list[Step] = []
    for message in state.queue:
        name, after = f"deliver {_named(message)}", state
        if message in in_flight:
            if not state.budget.duplicates:
                continue
            name, after = f"duplicate {name}", _paid(state, "duplicates")
        steps += [(f"{name}: {did}", s) for did, s in ARRIVALS[message.kind](rules, after, message)]
    return steps


def _arrives_new(rules: Rules, state: State, message: Message) -> list[Step]:
    s = message.place
    if state.sessions[s]:
        return _finish(rules, state, None, message, s, "find")
    if s and rules.has("start_awaited") and not rules.is_awaited(state, s):
        return [("is_awaited: no, ack", _acked(state, message))]
    return [("find", _move(state, None, Worker("create", message, s)))]


def _arrives_cancel(rules: Rules, state: State, message: Message) -> list[Step]:
    session = state.sessions[message.place]
    if session is None or session.status == COMPLETED:
        return [("find, ack", _acked(state, message))]
    if not rules.is_given_up(state, message.place):
        return [("is_awaited: yes, ack", _acked(state, message))]
    return [("is_awaited: no", _move(state, None, Worker("withdraw", message, message.place)))]


def _arrives_hint(rules: Rules, state: State, message: Message) -> list[Step]:
    i = message.place
    s = rules.session_of[i]
    session, item, kind = state.sessions[s], state.items[i], rules.kinds[i]
    if session is None:
        return [("find dead_letter", _acked(state, message))]
    if session.status == COMPLETED:
        return _finish(rules, state, None, message, s, "find")
    claiming = Worker("claim", message, s)
    if kind == PERSON:
        return [("find", _move(state, None, claiming))]
    if item is None or item.status not in UNDECIDED:
        return [("find", _move(state, None, claiming))]
    is_told = rules.lacks("look_first") if kind != CALLBACK else rules.lacks("callback_only")
    if is_told or (kind != CALLBACK and rules.has_ended(state, i)):
        return [("look: ended", _move(state, None, claiming._replace(at="resolve", place=i)))]
    return [("look: not yet, ack", _acked(state, message))]


def _stopped(rules: Rules, state: State, i: int) -> State:
    """The tool's own `cancel`: to another agent a message; of all else nothing comes here."""
    return _sent(state, "cancel", rules.child[i]) if rules.kinds[i] == AGENT else state


ARRIVALS = {"new": _arrives_new, "cancel": _arrives_cancel, "hint": _arrives_hint}


# --- the walk ------------------------------------------------------------------------------------


def _resolve(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """What a look found: a message of its own resumes. What is told resumes by itself."""
    i, message = worker.place, worker.message
    item = state.items[i]
    assert item
    after, name = state, f"resolve {i}: too late"
    if item.status in UNDECIDED:
        after, name = _with_item(state, i, RESOLVED), f"resolve {i}"
    if rules.kinds[i] == CALLBACK or rules.lacks("fresh_message"):
        return [(name, _move(after, worker, Worker("claim", message, worker.session)))]
    if item.status in (*UNDECIDED, RESOLVED):
        after = _sent(after, "hint", i)
    return _ends(name, after, worker, message)


def _create(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """The first run, and C1. Only an agent that another one asked may end at once."""
    s = worker.session
    if state.sessions[s]:
        return _finish(rules, state, worker, worker.message, s, "create: exists")
    steps: list[Step] = []
    for status in (WAITING, COMPLETED) if s else (WAITING,):
        saved = Session(status, worker.message)
        after = state._replace(sessions=_put(state.sessions, s, saved))
        steps.append((f"create {s} {status}", _move(after, worker, worker._replace(at="saved"))))
    return steps


def _saved(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """`Worker.ask`: what a worker does once its session is saved."""
    s = worker.session
    session = state.sessions[s]
    assert session
    if session.status == COMPLETED:
        is_told_before = worker.mode == "told"
        return _tell(rules, state, worker, worker.message, s, is_silent=is_told_before)
    if rules.has("ask_awaited") and rules.is_given_up(state, s):
        return [("is_awaited: no", _move(state, worker, worker._replace(at="withdraw")))]
    new = worker._replace(at="record", mode="begin")
    if rules.lacks("record_first"):
        new = worker._replace(at="notify", mode="early", asks=rules.uses[s])
    return [("is_awaited: yes", _move(state, worker, new))]


def _tell(
    rules: Rules, state: State, worker: Worker | None, message: Message, s: int, *, is_silent: bool
) -> list[Step]:
    if s not in rules.parent or is_silent:
        return _ends("end", state, worker, message)
    return _ends(f"tell_parent {s}", _sent(state, "hint", rules.parent[s]), worker, message)


def _finish(
    rules: Rules, state: State, worker: Worker | None, message: Message, s: int, name: str
) -> list[Step]:
    """`recovery.finish_pause`: what a message does whose earlier delivery was here before."""
    session = state.sessions[s]
    assert session
    made_it = session.paused_by == message
    if session.status == COMPLETED:
        is_silent = not made_it or rules.lacks("told_again")
        steps = _tell(rules, state, worker, message, s, is_silent=is_silent)
        return [(f"{name}, {did}", after) for did, after in steps]
    new = Worker("record", message, s, "again" if made_it else "finish")
    if rules.has("finish_awaited") and rules.is_given_up(state, s):
        new = Worker("withdraw", message, s)
    return [(f"{name} finish", _move(state, worker, new))]


def _record(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """C2, of one item after the other."""
    uses = rules.uses[worker.session]
    if worker.place == len(uses):
        if worker.mode == "early":
            return _ends("record", state, worker, worker.message)
        return [("record", _move(state, worker, worker._replace(at="notify", place=0)))]
    i = uses[worker.place]
    found = state.items[i]
    after = state if found else _with_item(state, i, PENDING)
    is_asked = (found is None or worker.mode != "finish") and worker.mode != "early"
    if is_asked and (found is None or found.status in UNDECIDED):
        worker_asks = (*worker.asks, i)
    else:
        worker_asks = worker.asks
    new = worker._replace(place=worker.place + 1, asks=worker_asks)
    return [(f"put_if_absent {i}", _move(after, worker, new))]


def _notify(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """The e-mail, or the start of the work: of another agent, its task."""
    if worker.place == len(worker.asks):
        if worker.mode == "early":
            return [("notify", _move(state, worker, worker._replace(at="record", place=0)))]
        return _ends("notify", state, worker, worker.message)
    i = worker.asks[worker.place]
    after = state
    if state.sources[i] == NOT_ASKED:
        after = _with_source(state, i, ASKED)
    if rules.kinds[i] == AGENT:
        after = _sent(after, "new", rules.child[i])
    new = worker._replace(place=worker.place + 1)
    return [(f"notify {i}", _move(after, worker, new))]


def _withdraw(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """Records what is missing, cancels one item after the other, and sends word.

    A message of its own stops the work and goes on: a copy of this one may have ended already.
    """
    uses = rules.uses[worker.session]
    if worker.mode != "cancels":
        missing = next((i for i in uses if state.items[i] is None), None)
        if missing is not None and rules.has("withdraw_records"):
            after = _with_item(state, missing, PENDING)
            return [(f"put_if_absent {missing}", _move(after, worker, worker))]
        worker_ = worker._replace(mode="cancels")
        return [("withdraw", _move(state, worker, worker_))]
    if worker.place == len(uses):
        return _ends("withdraw", _sent(state, "hint", uses[0]), worker, worker.message)
    i = uses[worker.place]
    item, after = state.items[i], state
    if item and (item.status in UNDECIDED or rules.lacks("withdraw_pending")):
        after = _with_item(state, i, WITHDRAWN)
        if rules.is_awaited(state, worker.session):
            after = after._replace(broken="withdrawn, although its parent waits")
    new = worker._replace(place=worker.place + 1)
    return [(f"cancel {i}", _move(after, worker, new))]


def _claim(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """C4, the run and C6 as one step: if all is answered, and nobody was faster."""
    s, message = worker.session, worker.message
    session = state.sessions[s]
    assert session
    if session.status == COMPLETED:
        return _ends(f"claim {s}: over", state, worker, message)
    items = [state.items[i] for i in rules.uses[s]]
    if any(item is None or item.status in UNDECIDED for item in items):
        about = state.items[message.place] if message.kind == "hint" else None
        if about and about.status in ENDED_WITHOUT and rules.has("stopped"):
            state = _stopped(rules, state, message.place)
        if None in items or session.paused_by == message:
            return _finish(rules, state, worker, message, s, f"claim {s}: not all decided,")
        return _ends(f"claim {s}: not all decided", state, worker, message)
    if s in rules.parent and rules.lacks("told_after_save") and worker.mode != "told":
        told = _sent(state, "hint", rules.parent[s])
        return [(f"tell_parent {s}", _move(told, worker, worker._replace(mode="told")))]
    after = state
    for i in rules.uses[s]:
        item = state.items[i]
        if item and item.status in ENDED_WITHOUT and rules.has("stopped_by_all"):
            after = _stopped(rules, after, i)
        if item and item.status == APPROVED:
            after = _with_item(after, i, SPENT)._replace(effects=(*after.effects, i))
    saved = Session(COMPLETED, message)
    after = after._replace(sessions=_put(after.sessions, s, saved))
    new = Worker("saved", message, s, worker.mode)
    return [(f"claim {s} run save", _move(after, worker, new))]


WORKER_STEPS = {
    "create": _create,
    "saved": _saved,
    "record": _record,
    "notify": _notify,
    "resolve": _resolve,
    "withdraw": _withdraw,
    "claim": _claim,
}


# --- around the agent function -------------------------------------------------------------------


def _recorded_and_told(name: str, state: State, after: State, i: int) -> list[Step]:
    """A record and its message; or nobody gets as far as that."""
    steps = [(f"{name} send", _sent(after, "hint", i))]
    if state.budget.crashes:
        steps.append((f"{name} crash", _paid(after, "crashes")))
    return steps


def _people(rules: Rules, state: State) -> list[Step]:
    steps: list[Step] = []
    for i, item in enumerate(state.items):
        if item is None or item.status not in UNDECIDED:
            continue
        is_asked = rules.kinds[i] == PERSON and state.sources[i] == ASKED
        if state.budget.clicks and is_asked and item.status == PENDING:
            paid = _paid(state, "clicks")
            for answer in rules.scenario.answers:
                decided = _with_item(paid, i, answer)
                steps += _recorded_and_told(f"decide {i} {answer}", paid, decided, i)
        if state.budget.cancels:
            paid = _paid(state, "cancels")
            cancelled = _with_item(paid, i, CANCELLED)
            steps += _recorded_and_told(f"operator cancels {i}", paid, cancelled, i)
    return steps


def _sources(rules: Rules, state: State) -> list[Step]:
    """A source ends, which nobody sees, and says so, which may be lost; a system calls back."""
    steps: list[Step] = []
    for i, kind in enumerate(rules.kinds):
        item, source = state.items[i], state.sources[i]
        if kind == LOOKED and source == ASKED:
            ended = _with_source(state, i, ENDED)
            steps.append((f"source {i} ends, hint", _sent(ended, "hint", i)))
            if state.budget.losses:
                steps.append((f"source {i} ends, hint lost", _paid(ended, "losses")))
        if kind != CALLBACK or item is None or item.status != PENDING:
            continue
        if source == ASKED and rules.lacks("callback_records"):
            said = _with_source(state, i, SAID)
            steps.append((f"source {i} calls back: send", _sent(said, "hint", i)))
        elif source in (ASKED, SAID):
            after = _with_source(_with_item(state, i, RESOLVED), i, ENDED)
            if source == SAID:
                steps.append((f"source {i} calls back: resolve", after))
            else:
                steps += _recorded_and_told(f"source {i} calls back: resolve", state, after, i)
    return steps


def _sweeps(rules: Rules, state: State) -> list[Step]:
    """What a sweep does with each record that a session waits for."""
    steps: list[Step] = []
    for i, item in enumerate(state.items):
        session = state.sessions[rules.session_of[i]]
        if item is None or session is None or session.status != WAITING:
            continue
        is_hinted = any(m.kind == "hint" and m.place == i for m in state.queue)
        can_look = rules.kinds[i] in (LOOKED, AGENT) and rules.has("sweeper_looks")
        if item.status not in UNDECIDED:
            steps += _tell_again(rules, state, i)
        elif item.status == PENDING:
            # A forged hint is one at any other time.
            if can_look and not (state.queue or state.processes):
                steps.append((f"sweeper hint {i}", _sent(state, "hint", i)))
        elif is_hinted and item.last:
            continue  # Five minutes: time enough for a message, and for its worker.
        elif can_look and rules.has("last_look") and (not item.last or rules.lacks("one_look")):
            last = "e" if rules.has_ended(state, i) else "r"
            noted = _with_item(state, i, LATE, last=last)
            steps.append((f"sweeper hint {i}: the last", _sent(noted, "hint", i)))
        elif not is_hinted:
            steps += _expire(rules, state, i, item)
    return steps


def _expire(rules: Rules, state: State, i: int, item: Item) -> list[Step]:
    expired = _with_item(state, i, EXPIRED)
    is_looked = rules.kinds[i] in (LOOKED, AGENT)
    if is_looked and (item.last == "e" or (not item.last and rules.has_ended(state, i))):
        expired = expired._replace(broken="expired, although its source had ended")
    return _recorded_and_told(f"expire {i}", state, expired, i)


def _tell_again(rules: Rules, state: State, i: int) -> list[Step]:
    """Decided, unclaimed, all of the turn decided, and two minutes later still nobody on it."""
    turn = [state.items[j] for j in rules.uses[rules.session_of[i]]]
    is_busy = state.queue or state.processes
    if is_busy or any(other is None or other.status in UNDECIDED for other in turn):
        return []
    return [(f"take_resend {i} send", _sent(state, "hint", i))]


def _times(rules: Rules, state: State) -> list[Step]:
    if rules.scenario.is_slow and (state.queue or state.processes):
        return []
    return [
        (f"time: decide_by of {i}", _with_item(state, i, LATE))
        for i, item in enumerate(state.items)
        if item and item.status == PENDING
    ]


def _bad_luck(rules: Rules, state: State) -> list[Step]:
    steps: list[Step] = []
    if state.budget.crashes:
        paid = _paid(state, "crashes")
        steps += [(f"crash {w.at} {w.session}", _move(paid, w, None)) for w in state.processes]
    if state.budget.forgeries:
        paid = _paid(state, "forgeries")
        items = [i for i, source in enumerate(state.sources) if source != ENDED]
        steps += [(f"forged hint {i}", _sent(paid, "hint", i)) for i in items]
        steps += [(f"forged cancel {s}", _sent(paid, "cancel", s)) for s in rules.parent]
    return steps
