"""The agent function: from a delivery to the saved session (`worker.py`, `gate.py`)."""

from protocol.rules import (
    Rules,
    is_leased,
    move,
    put,
    put_item,
    retry,
    spend_budget,
    without,
)
from protocol.states import (
    APPROVED,
    CANCELLED,
    COMPLETED,
    DENIED,
    EXPIRED,
    GATED,
    NEW,
    NO_RESULT,
    RESOLVED,
    SPENT,
    UNDECIDED,
    WAITING,
    Base,
    Message,
    Pausing,
    Process,
    Session,
    State,
    Step,
    Worker,
)

DONE_IN_THIS_RUN = "spPvw"
"""What `gate.spent` stands for among the results."""


def deliveries(rules: Rules, state: State) -> list[Step]:
    """SQS delivers a message; after too many times it moves it to the dead-letter queue."""
    steps: list[Step] = []
    in_flight = {process.message for process in state.processes}
    limit = rules.scenario.receives
    for place, (message, received) in enumerate(state.queue):
        is_again = message in in_flight
        if is_again and not state.budget.duplicates:
            continue
        after = spend_budget(state, "duplicates") if is_again else state
        if limit and received >= limit:
            dead = tuple(sorted((*state.dead, message)))
            if not is_again:
                queue = without(state.queue, message)
                steps.append((f"receive_count {_of(message)}", state._replace(queue=queue, dead=dead)))
            continue
        if limit:
            counted = state.queue[place]._replace(received=received + 1)
            after = after._replace(queue=put(state.queue, place, counted))
        name = "duplicate deliver" if is_again else "deliver"
        steps += [(f"{name} {_of(message)}: {n}", s) for n, s in _arrive(rules, after, message)]
    return steps


def _of(message: Message) -> str:
    number = f"#{message.number}" if message.number else ""
    return message.kind if message == NEW else f"{message.kind}({message.item}){number}"


def _arrive(rules: Rules, state: State, message: Message) -> list[Step]:
    session = state.session
    if message == NEW:
        if session is None:
            at = "start" if rules.scenario.uses_bucket or rules.lacks("save_first") else "create"
            return [("load", move(state, None, Worker(at, NEW)))]
        return redelivered(rules, state, session, message, "load")
    if session is None:
        return [("load dead_letter", _acknowledged(state, message))]
    if rules.waits_on(session, message.item) or rules.lacks("stale"):
        return _awaited(rules, state, session, message)
    if not is_interrupted(session) and state.items[message.item] is None:
        return [("load dead_letter", _acknowledged(state, message))]
    return redelivered(rules, state, session, message, "load")


def _awaited(rules: Rules, state: State, session: Session, message: Message) -> list[Step]:
    """The session waits on it: `resolve`, if it is a job's result, then on to the claim."""
    item, turn = state.items[message.item], session.turn
    if rules.lacks("stale") and not rules.waits_on(session, message.item):
        turn = next(t for t, uses in enumerate(rules.turns) if message.item in uses)
    claiming = Worker("claim", message, session.version, turn, session.unspent)
    is_first = item and (item.status in UNDECIDED or rules.lacks("first_result"))
    if message.kind != "result" or not is_first:
        return [("load", move(state, None, claiming))]
    steps: list[Step] = []
    for order in rules.orders(state, message.item):
        items = put_item(
            state, message.item, status=RESOLVED, text=str(message.number), order=order
        )
        steps.append(("load resolve", move(state, None, claiming, items=items)))
    return steps


def is_interrupted(session: Session) -> bool:
    return session.status == WAITING and not session.turn


def redelivered(
    rules: Rules,
    state: State,
    session: Session,
    message: Message,
    name: str,
    old: Worker | None = None,
) -> list[Step]:
    """What the message was for is done: brings back an interrupted run, or finishes the pause."""
    done = [(f"{name}, ack", _acknowledged(move(state, old, None), message))]
    if session.status != WAITING:
        return done
    made_it = session.paused_by == message
    if is_interrupted(session):
        if not made_it and rules.has("own_message"):
            return done
        new = Worker("claim", message, session.version, 0, session.unspent)
        return [(name, move(state, old, new))]
    if rules.lacks("finish_pause"):
        return done
    again = made_it and rules.has("maker_notifies") or rules.lacks("only_maker_notifies")
    pausing = Pausing("record", message, session.turn, 0, (), "again" if again else "finish")
    return enter(rules, state, old, pausing, f"{name} finish")


def enter(
    rules: Rules, state: State, old: Process | None, pausing: Pausing, name: str
) -> list[Step]:
    """Goes past the records that are there, and notes whom to notify, as they are read.

    Nothing left to do: the message is done.
    """
    uses, place, notifies = rules.turns[pausing.turn], pausing.place, pausing.notifies
    at = pausing.at
    while at == "record":
        if place == len(uses):
            at, place = "notify", 0
            break
        item = state.items[uses[place]]
        if item is None or rules.lacks("put_if_absent") and pausing.mode == "begin":
            break
        if pausing.mode != "finish" and item.status in UNDECIDED:
            notifies = (*notifies, uses[place])
        place += 1
    if at == "notify" and place == len(notifies):
        return acknowledge(name, move(state, old, None), pausing.message)
    new = pausing._replace(at=at, place=place, notifies=notifies)
    return [(name, move(state, old, new))]


def _acknowledged(state: State, message: Message) -> State:
    return state._replace(queue=without(state.queue, message))


def acknowledge(name: str, state: State, message: Message) -> list[Step]:
    """The last step of a delivery, and after it the message is deleted, for all deliveries of it.

    Or the worker dies in between, or the deletion is lost.
    """
    steps = [(f"{name}, ack", _acknowledged(state, message))]
    if state.budget.crashes:
        steps.append((f"{name}, crash", spend_budget(state, "crashes")))
    if state.budget.duplicates:
        steps.append((f"{name}, ack lost", spend_budget(state, "duplicates")))
    return steps


# --- a new task ---


def start(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """The first run, where something comes before C1: the base, or (a mutant) the e-mails."""
    steps: list[Step] = []
    for status, turn in _first_outcomes(rules, state):
        nothing = worker._replace(at="create", plan=(status, turn, (), ""))
        if rules.lacks("save_first"):
            notified = tuple(sorted({*state.notified, *rules.turns[turn]}))
            steps.append(("run notify", move(state, worker, nothing, notified=notified)))
            continue
        steps.append(("run", move(state, worker, nothing)))
        digest = f"{status}{turn}"
        key = (1, 0, digest) if rules.has("base_digest") else (1, 0)
        written = worker._replace(at="create", plan=(status, turn, key, digest))
        steps.append(("run write_base", move(state, worker, written, objects=_stored(state, key, digest))))
    return steps


def _first_outcomes(rules: Rules, state: State) -> list[tuple[str, int]]:
    pauses = list(rules.next_pauses(None, 0))
    if rules.lacks("gate_asked"):
        pauses.append(rules.twins)
    outcomes = [(WAITING, turn) for turn in pauses] + [(COMPLETED, 0)]
    if state.budget.deadlines:
        outcomes.append((WAITING, 0))
    return outcomes


def create(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """C1; if another delivery was faster, its session counts."""
    if state.session and rules.has("create_absent"):
        return redelivered(
            rules, state, state.session, worker.message, "create: exists, load", worker
        )
    steps: list[Step] = []
    plans = [worker.plan] if worker.plan else [(*o, (), "") for o in _first_outcomes(rules, state)]
    for status, turn, key, digest in plans:
        base = Base(key, digest) if key else None
        nothing = NO_RESULT * len(rules.kinds)
        saved = Session(status, 1, turn, 0, (), nothing, worker.message, base)
        name = "create" if worker.plan else "run create"
        steps += _after_save(rules, state, worker, saved, f"{name}: {_shown(status, turn)}")
    return steps


def _shown(status: str, turn: int) -> str:
    if status == COMPLETED:
        return "completed"
    return f"pause {turn}" if turn else "interrupted"


def _after_save(
    rules: Rules, state: State, worker: Worker, saved: Session, name: str
) -> list[Step]:
    """What a worker does once its session is saved."""
    state = state._replace(session=saved)
    if is_interrupted(saved):
        return [(name, move(spend_budget(state, "deadlines"), worker, None))]
    if saved.status == WAITING:
        pausing = Pausing("record", worker.message, saved.turn, 0, (), "begin")
        return enter(rules, state, worker, pausing, name)
    return acknowledge(name, move(state, worker, None), worker.message)


# --- resuming ---


def first_results(rules: Rules, state: State, group: tuple[int, ...], in_turn: int) -> str:
    """How far each claimed tool use is.

    `a` approved; `t` an approved gated call, to be spent; `s` spent in this run; `q` spent before,
    `Q` in an earlier turn, to be redone; `p` performed and the model told, `P` not told; `d`, `x`,
    `c` not approved; a number: a job's result; `?` nothing. Of mutants: `S` performed and not yet
    spent; `v`, `w` spent and performed for another text than the model's; `o` performed and forgotten.
    """
    letters = {DENIED: "d", EXPIRED: "x", CANCELLED: "c"}
    results = ""
    for place, i in enumerate(group):
        item = state.items[i]
        if item is None or item.status in UNDECIDED:
            results += "?"
        elif item.status == APPROVED:
            results += "t" if rules.kinds[i] == GATED and place < in_turn else "a"
        elif item.status == SPENT:
            results += "q" if place < in_turn else "Q"
        else:
            results += item.text if item.status == RESOLVED else letters[item.status]
    return results


def claim(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """C4 of the turn and of what is unspent: all of it or nothing."""
    turn = rules.turns[worker.turn]
    if rules.lacks("turn_of_session"):
        turn = tuple(i for i in turn if state.items[i])
    items = [state.items[i] for i in turn]
    name = f"claim {_of(worker.message)}"
    forged = worker.message.kind == "forged" and rules.lacks("record_decides")
    decided = all(
        item and (item.status not in UNDECIDED or forged and i == worker.message.item)
        for i, item in zip(turn, items, strict=True)
    )
    if not decided and rules.has("all_decided"):
        return _undecided(rules, state, worker, name)
    if worker.turn and rules.has("last_resumes"):
        if not rules.is_last(state, worker.turn, worker.message.item):
            done = _acknowledged(move(state, worker, None), worker.message)
            return [(f"{name}: not the last, ack", done)]
    if forged:
        i = worker.message.item
        state = state._replace(items=put_item(state, i, status=APPROVED))
    group = (*turn, *worker.group)
    claimed = group if rules.has("claim_unspent") else turn
    fences = tuple(item.fence if (item := state.items[i]) else 0 for i in group)
    if any(is_leased(rules, state, i) for i in claimed):
        return [(f"{name}: lease held", retry(state, worker))]
    if any(fence >= rules.scenario.most_claims for fence in fences):
        return []
    results = first_results(rules, state, group, len(turn))
    read = worker._replace(group=group, fences=fences, results=results)
    if rules.lacks("joint_claim") and len(group) > 1:
        return [(f"{name}: one by one", move(state, worker, read._replace(at="claim_each", fences=())))]
    if len(group) > 1 and (rules.lacks("claim_fence") or rules.lacks("claim_status")):
        return [(f"{name}: reads", move(state, worker, read._replace(at="transact")))]
    return [_claimed(rules, state, worker, read, name, len(claimed))]


def _undecided(rules: Rules, state: State, worker: Worker, name: str) -> list[Step]:
    """Only what is missing is made up for: its own pause has other tool uses than the message."""
    name += ": not decided, finish"
    if rules.lacks("finish_undecided"):
        return [(name, _acknowledged(move(state, worker, None), worker.message))]
    pausing = Pausing("record", worker.message, worker.turn, 0, (), "finish")
    return enter(rules, state, worker, pausing, name)


def _claimed(
    rules: Rules, state: State, worker: Worker, read: Worker, name: str, most: int
) -> Step:
    """`read` holds the fences before the claim of the first `most` of the group."""
    items = state.items
    mine: tuple[int, ...] = ()
    for place, (i, fence) in enumerate(zip(read.group, read.fences, strict=True)):
        mine = (*mine, fence + (place < most))
        if (item := items[i]) and place < most:
            is_open = item.is_open and rules.lacks("claim_closes")
            items = put(items, i, item._replace(fence=fence + 1, is_open=is_open))
    is_first = max(mine, default=0) <= 1
    at = "run" if is_first or rules.lacks("fence_off") else "fence_off"
    new = read._replace(at=at, fences=mine)
    return f"{name} {mine}", move(state, worker, new, items=items)


def transact(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """A mutant's claim, whose conditions are not all that it has read."""
    read_status = {"a": APPROVED, "t": APPROVED, "q": SPENT, "Q": SPENT}
    for i, fence, result in zip(worker.group, worker.fences, worker.results, strict=True):
        item = state.items[i]
        assert item
        is_same = item.status == read_status.get(result, item.status)
        if rules.has("claim_fence") and item.fence != fence or rules.has("claim_status") and not is_same:
            return [("claim: changed", retry(state, worker))]
    return [_claimed(rules, state, worker, worker, "claim", len(worker.group))]


def claim_each(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """A mutant's claim, item by item."""
    place = len(worker.fences)
    i = worker.group[place]
    if is_leased(rules, state, i):
        return [("claim: lease held", retry(state, worker))]
    item = state.items[i]
    assert item
    fences = (*worker.fences, item.fence + 1)
    is_last = len(fences) == len(worker.group)
    at = ("run" if max(fences) == 1 else "fence_off") if is_last else "claim_each"
    results = first_results(rules, state, worker.group, len(rules.turns[worker.turn]))
    items = put(state.items, i, item._replace(fence=item.fence + 1, is_open=False))
    new = worker._replace(at=at, fences=fences, results=results)
    return [(f"claim {i} alone {fences}", move(state, worker, new, items=items))]


def fence_off(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """C4'."""
    session, mine = state.session, max(worker.fences, default=0)
    is_same = session and (session.version == worker.version or rules.lacks("fence_off_version"))
    if not session or not is_same or session.fence > mine and rules.has("fence_off_fence"):
        return [("fence_off: changed, release", retry(state, worker))]
    session = session._replace(fence=mine)
    return [("fence_off", move(state, worker, worker._replace(at="run"), session=session))]


def run(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """What is owed from before, in order; then whatever the model does."""
    for place, result in enumerate(worker.results):
        if result == "S":
            return [spend(rules, state, worker, place, "p")]
        if result == "t" and rules.has("spend_first"):
            return [spend(rules, state, worker, place)]
        if result in "qQ" and rules.lacks("redo"):
            skipped = worker._replace(results=put_letter(worker.results, place, "a"))
            return [("run: no redo", move(state, worker, skipped))]
        if result in "tqQ" or result == "s" and rules.kinds[worker.group[place]] == GATED:
            return [perform(rules, state, worker, place)]
    return _model(rules, state, worker)


def put_letter(letters: str, place: int, letter: str) -> str:
    return letters[:place] + letter + letters[place + 1 :]


def _model(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """The model publishes what is approved, or another text, in any order; asks again; ends."""
    steps: list[Step] = []
    for place, result in enumerate(worker.results):
        if result == "a" and rules.has("spend_first"):
            steps.append(spend(rules, state, worker, place))
            if rules.lacks("digest"):
                steps.append(spend(rules, state, worker, place, "v"))
        elif result in "svP" or result == "a":
            steps.append(perform(rules, state, worker, place))
    if not set(worker.results) & set("sv"):
        steps += _endings(rules, state, worker)
    return steps


def spend(rules: Rules, state: State, worker: Worker, place: int, result: str = "s") -> Step:
    """C5, inside the gate."""
    i = worker.group[place]
    item = state.items[i]
    assert item
    spent = worker._replace(results=put_letter(worker.results, place, result))
    if item.status == SPENT:
        return f"spend {i}: spent already", move(state, worker, spent)
    if item.status != APPROVED or item.fence != worker.fences[place] and rules.has("spend_fence"):
        return f"spend {i}: fenced, release", retry(state, worker)
    return f"spend {i}", move(state, worker, spent, items=put_item(state, i, status=SPENT))


def perform(rules: Rules, state: State, worker: Worker, place: int) -> Step:
    """The effect of the record. A receiver that knows the key gives its first answer again."""
    i, result = worker.group[place], worker.results[place]
    item = state.items[i]
    assert item
    text = item.text if rules.has("text_in_force") else "o"
    if rules.kinds[i] == GATED and rules.lacks("saved_call"):
        text = "?"
    told = {"v": "w", "t": "S", "a": "S", "Q": "p" if rules.has("redo_told") else "P"}.get(result, "p")
    new = worker._replace(results=put_letter(worker.results, place, told))
    if any(key == i for key, _ in state.effects) and rules.has("idempotency_key"):
        return f"perform {i}: known", move(state, worker, new)
    effects = tuple(sorted((*state.effects, (i, text))))
    return f"perform {i}", move(state, worker, new, effects=effects)


def _endings(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """How a run ends: the plan of what to save."""
    pauses = list(rules.next_pauses(state.session, worker.turn))
    for i, result in zip(worker.group, worker.results, strict=True):
        gate = {"p": "gate_spent", "a": "gate_approved", "d": "gate_denied"}.get(result, "")
        if rules.lacks(gate) and i != rules.repeat and state.items[rules.repeat] is None:
            pauses.append(rules.again(i))
    plans = [(WAITING, turn) for turn in pauses] + [(COMPLETED, 0)]
    is_done = set(worker.results) & set(DONE_IN_THIS_RUN)
    if state.budget.deadlines and not is_done:
        plans.append((WAITING, 0))
    steps = [step for plan in plans for step in _planned(rules, state, worker, plan)]
    if is_done and rules.lacks("deadline_spent") and state.budget.deadlines:
        # The last whole turn may lie before the effect, which its conversation knows nothing of.
        before = worker._replace(results=worker.results.replace("p", "o"))
        steps += save(rules, state, before._replace(plan=(WAITING, 0, (), "")), worker)
    return steps


def _planned(rules: Rules, state: State, worker: Worker, plan: tuple[str, int]) -> list[Step]:
    """Goes on to the save; before it, the conversation may need a new base."""
    if not rules.scenario.uses_bucket:
        return save(rules, state, worker._replace(plan=(*plan, (), "")), worker)
    base = state.session.base if state.session else None
    steps: list[Step] = []
    if not (base and base.age >= 1 and rules.has("base_refresh")):
        steps.append(("run", move(state, worker, worker._replace(at="save", plan=(*plan, (), "")))))
    fence = max(worker.fences, default=0)
    digest = f"{worker.version}{worker.results}{plan[0]}{plan[1]}"
    key: tuple[object, ...] = (worker.version + 1,)
    key += (fence,) if rules.has("base_fence") else ()
    key += (digest,) if rules.has("base_digest") else ()
    planned = worker._replace(at="save", plan=(*plan, key, digest))
    objects = _stored(state, key, digest)
    if base and rules.lacks("forget_after_save"):
        objects = tuple(o for o in objects if o[0] != base.key)
    if rules.lacks("base_first"):
        objects = state.objects
    return [*steps, ("run write_base", move(state, worker, planned, objects=objects))]


def _stored(
    state: State, key: tuple[object, ...], digest: str
) -> tuple[tuple[tuple[object, ...], str], ...]:
    others = (o for o in state.objects if o[0] != key)
    return tuple(sorted((*others, (key, digest)), key=repr))


def save(rules: Rules, state: State, worker: Worker, old: Worker | None = None) -> list[Step]:
    """C6."""
    session, mine = state.session, max(worker.fences, default=0)
    old = old or worker
    status, turn, key, digest = worker.plan
    name = f"save: {_shown(str(status), int(str(turn)))}"
    is_same = session and (session.version == worker.version or rules.lacks("save_version"))
    if not session or not is_same or session.fence > mine and rules.has("save_fence"):
        return [(f"{name}: changed, release", retry(state, old))]
    waits = status == WAITING
    unspent = [i for i, r in zip(worker.group, worker.results, strict=True) if r == "a"]
    fence = (0 if rules.has("fence_reset") else session.fence) if waits else mine
    base = Base(key, str(digest)) if key else session.base  # type: ignore[arg-type]
    if base:
        base = base._replace(aged=False)
    saved = session._replace(
        status=status,
        version=worker.version + 1,
        turn=turn,
        fence=fence,
        unspent=tuple(sorted(unspent)) if waits else (),
        conversation=_placed(rules, session, worker),
        paused_by=worker.message,
        base=base,
    )
    if session.base and session.base != base and session.base.key != key:
        name += " forget"
        if rules.has("forget_after_save"):
            objects = tuple(o for o in state.objects if o[0] != session.base.key)
            state = state._replace(objects=objects)
    return _after_save(rules, state, old, saved, name)


def _placed(rules: Rules, session: Session, worker: Worker) -> str:
    """`put_in_place`, and what the model did after it. `!`: a second result for one tool use."""
    conversation = session.conversation
    in_turn = len(worker.group) if worker.turn else 0
    if worker.turn:
        in_turn = sum(i in rules.turns[worker.turn] for i in worker.group)
    for place, (i, result) in enumerate(zip(worker.group, worker.results, strict=True)):
        if place < in_turn:
            is_first = conversation[i] == NO_RESULT
            saved = "a" if result == "o" else result
            conversation = put_letter(conversation, i, saved if is_first else "!")
        elif result in "pw":
            conversation = put_letter(conversation, i, result)
    return conversation


STEPS_AT = {
    "start": start,
    "create": create,
    "claim": claim,
    "claim_each": claim_each,
    "transact": transact,
    "fence_off": fence_off,
    "run": run,
    "save": save,
}
"""Where a worker stands -> its next step."""
