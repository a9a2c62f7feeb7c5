"""How a message arrives, and how it ends: the start of `worker.py`, and `pausing.py`."""

from protocol.rules import Rules, is_interrupted, move, put, put_item, spend_budget, without
from protocol.states import (
    JOB,
    NEW,
    PENDING,
    RESOLVED,
    UNDECIDED,
    WAITING,
    Item,
    Message,
    Pausing,
    Process,
    Session,
    State,
    Step,
    Worker,
)


def deliveries(rules: Rules, state: State, of: Message | None = None) -> list[Step]:
    """SQS delivers a message; after too many times it moves it to the dead-letter queue.

    `of`: no other message than this one.
    """
    steps: list[Step] = []
    in_flight = {process.message for process in state.processes}
    limit = rules.scenario.receives
    for place, (message, received) in enumerate(state.queue):
        if of and message != of:
            continue
        is_again = message in in_flight
        if is_again and not state.budget.duplicates:
            continue
        after = spend_budget(state, "duplicates") if is_again else state
        if limit and received >= limit:
            dead = tuple(sorted((*state.dead, message)))
            if not is_again:
                queue = without(state.queue, message)
                steps.append(
                    (f"receive_count {name_of(message)}", state._replace(queue=queue, dead=dead))
                )
            continue
        if limit:
            counted = state.queue[place]._replace(received=received + 1)
            after = after._replace(queue=put(state.queue, place, counted))
        name = "duplicate deliver" if is_again else "deliver"
        steps += [(f"{name} {name_of(message)}: {n}", s) for n, s in _arrive(rules, after, message)]
    return steps


def name_of(message: Message) -> str:
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
        return [("load dead_letter", acknowledged(state, message))]
    if rules.waits_on(session, message.item) or rules.lacks("stale"):
        return _awaited(rules, state, session, message)
    if not is_interrupted(session) and state.items[message.item] is None:
        return [("load dead_letter", acknowledged(state, message))]
    return redelivered(rules, state, session, message, "load")


def _awaited(rules: Rules, state: State, session: Session, message: Message) -> list[Step]:
    """The session waits on it: `resolve`, if it is a job's result, then on to the claim."""
    item, turn = state.items[message.item], session.turn
    if rules.lacks("stale") and not rules.waits_on(session, message.item):
        turn = next(t for t, uses in enumerate(rules.turns) if message.item in uses)
    claiming = Worker("claim", message, session.version, turn, session.unspent)
    if rules.forgets and item and item.acked and not undecided(rules, state, session.turn):
        return [("load claim: acknowledged before, ack", acknowledged(state, message))]
    is_first = item and (item.status in UNDECIDED or rules.lacks("first_result"))
    if message.kind != "result" or not is_first:
        return [("load", move(state, None, claiming))]
    items = put_item(state, message.item, status=RESOLVED, text=str(message.number))
    return [("load resolve", move(state, None, claiming, items=items))]


def undecided(rules: Rules, state: State, turn: int) -> bool:
    """Whether a tool use of a turn is not recorded or not decided yet."""
    items = [state.items[i] for i in rules.turns[turn]]
    return any(item is None or item.status in UNDECIDED for item in items)


def redelivered(
    rules: Rules,
    state: State,
    session: Session,
    message: Message,
    name: str,
    old: Worker | None = None,
) -> list[Step]:
    """What the message was for is done: brings back an interrupted run, or finishes the pause."""
    done = [(f"{name}, ack", acknowledged(move(state, old, None), message))]
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
    again = (made_it and rules.has("maker_notifies")) or rules.lacks("only_maker_notifies")
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
        if item is None or (rules.lacks("put_if_absent") and pausing.mode == "begin"):
            break
        if pausing.mode != "finish" and item.status in UNDECIDED:
            notifies = (*notifies, uses[place])
        place += 1
    if at == "notify" and place == len(notifies):
        return acknowledge(name, move(state, old, None), pausing.message)
    new = pausing._replace(at=at, place=place, notifies=notifies)
    return [(name, move(state, old, new))]


def acknowledged(state: State, message: Message) -> State:
    return state._replace(queue=without(state.queue, message))


def acknowledge(name: str, state: State, message: Message) -> list[Step]:
    """The last step of a delivery, and after it the message is deleted, for all deliveries of it.

    Or the worker dies in between, or the deletion is lost.
    """
    steps = [(f"{name}, ack", acknowledged(state, message))]
    if state.budget.crashes:
        steps.append((f"{name}, crash", spend_budget(state, "crashes")))
    if state.budget.duplicates:
        steps.append((f"{name}, ack lost", spend_budget(state, "duplicates")))
    return steps


def after_save(rules: Rules, state: State, worker: Worker, saved: Session, name: str) -> list[Step]:
    """What a worker does once its session is saved."""
    state = state._replace(session=saved)
    if is_interrupted(saved):
        return [(name, move(spend_budget(state, "deadlines"), worker, None))]
    if saved.status == WAITING:
        pausing = Pausing("record", worker.message, saved.turn, 0, (), "begin")
        return enter(rules, state, worker, pausing, name)
    return acknowledge(name, move(state, worker, None), worker.message)


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
    """The e-mail with the links, or the start of the job; nobody left: the message is done."""
    if not pausing.notifies:
        return enter(rules, state, pausing, pausing, "notify none")
    i = pausing.notifies[pausing.place]
    after = state._replace(notified=tuple(sorted({*state.notified, i})))
    new = pausing._replace(place=pausing.place + 1)
    return enter(rules, after, pausing, new, f"notify {i}")


def notify_each(rules: Rules, state: State, pausing: Pausing) -> list[Step]:
    """A mutant's: notifies before the next one is recorded."""
    after = state._replace(notified=tuple(sorted({*state.notified, *pausing.notifies})))
    new = pausing._replace(at="record", notifies=())
    return enter(rules, after, pausing, new, f"notify {pausing.notifies}")
