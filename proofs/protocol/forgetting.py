"""What no later step looks at is blanked, so that equal worlds meet; only with every guard there.

Each function here says why nothing is lost by what it blanks. "Nothing is lost" means: whatever can
go wrong in the state as it was can go wrong in the one that stands for it.
"""

from protocol.rules import Rules, put
from protocol.states import (
    COMPLETED,
    NOBODY,
    OUTCOMES,
    Budget,
    Item,
    Message,
    Pausing,
    Process,
    Session,
    State,
    Worker,
)


def forgotten(rules: Rules, state: State) -> State:
    """Returns the state that stands for this one."""
    told, notified = _known_of(state)
    session, processes = state.session, state.processes
    if processes:
        processes = _processes(rules, state, notified)
    queue, dead, budget = state.queue, state.dead, state.budget
    if session is None:
        return State(
            None, state.items, queue, dead, processes, notified, state.reminders,
            state.effects, told, state.objects, state.broken, budget,
        )  # fmt: skip
    if session.status == COMPLETED:
        # The messages only come to their end.
        queue, dead = (), ()
        if not processes and not rules.scenario.due:
            budget = Budget(0, clicks=budget.clicks, deletions=budget.deletions)
    there = {queued.message for queued in queue}
    there.update(dead)
    there.update(process.message for process in processes)  # type: ignore[misc]
    if session.paused_by is not NOBODY and session.paused_by not in there:
        session = session._replace(paused_by=NOBODY)
    items = _items(rules, state.items, session, processes, there)
    return State(
        session, items, queue, dead, processes, notified, state.reminders,
        state.effects, told, state.objects, state.broken, budget,
    )  # fmt: skip


def _known_of(state: State) -> tuple[tuple[tuple[int, str], ...], tuple[int, ...]]:
    """What is decided counts as told at once, and its link as out.

    A link of what is decided is no live one, and more of them never hinder anything: a person with
    a link may press a button, and need not.
    """
    told, notified = state.told, state.notified
    for i, item in enumerate(state.items):
        if item and item.status in OUTCOMES:
            if (i, OUTCOMES[item.status]) not in told:
                told = tuple(sorted((*told, (i, OUTCOMES[item.status]))))
            if i not in notified:
                notified = tuple(sorted((*notified, i)))
    return told, notified


def _processes(rules: Rules, state: State, notified: tuple[int, ...]) -> tuple[Process, ...]:
    left: list[Process] = []
    for process in state.processes:
        if type(process) is Pausing:
            left.append(_pausing(rules, process, notified))
        elif type(process) is not Worker:
            left.append(process)
        elif not _has_released(rules, state, process):
            left.append(_worker(rules, state.session, process))
    if len(left) > 1:
        left.sort()  # type: ignore[type-var]
    return tuple(left)


def _pausing(rules: Rules, pausing: Pausing, notified: tuple[int, ...]) -> Pausing:
    """Goes past whom it need not notify: to notify somebody once more changes nothing.

    How it came to notify, nothing looks at.
    """
    at, message, turn, place, notifies, mode = pausing
    if at == "notify":
        notifies = notifies[place:]
    notifies = tuple(i for i in notifies if i not in notified)
    if at == "notify" or all(i in notified for i in rules.turns[turn][place:]):
        return Pausing("notify", message, 0, 0, notifies, "")
    return Pausing(at, message, turn, place, notifies, "again" if mode == "begin" else mode)


def _has_released(rules: Rules, state: State, worker: Worker) -> bool:
    """Whether a worker can only give its message back, and has no lease: it has done so.

    Nobody looks at it, what its message can do is the same, and to give it back is always possible.
    One that finds a session created meanwhile goes on as its message does when it comes again.
    """
    at = worker.at
    if at in ("claim", "run", "save", "start"):
        return False
    if at == "acknowledge":
        item = state.items[worker.message.item]
        return bool(item and item.fence)
    if at == "note_over":
        item = state.items[rules.turns[worker.turn][0]]
        return bool(item and item.fence != 1)
    session = state.session
    if at == "fence_off":
        is_changed = session is None or session.version != worker.version
        return not worker.is_leased and (is_changed or session.fence > max(worker.fences))
    is_late = at == "create" and session is not None and not rules.scenario.receives
    return is_late and any(queued.message == worker.message for queued in state.queue)


def _worker(rules: Rules, session: Session | None, worker: Worker) -> Worker:
    """Blanks what it has read and does not look at again; all sessions of before are one to it."""
    at, message, version, turn, group, fences, results, is_leased, plan = worker
    if at in ("acknowledge", "note_over"):
        return Worker(at, message, 0, turn)
    if not version or rules.scenario.uses_bucket or (session and session.version == version):
        return worker
    return Worker(at, message, 0, turn, group, fences, results, is_leased, plan)


def _items(
    rules: Rules,
    items: tuple[Item | None, ...],
    session: Session,
    processes: tuple[Process, ...],
    there: set[Message],
) -> tuple[Item | None, ...]:
    """Of an answered tool use that no worker has, blanks all that claims look at.

    Of the others, which message has the claim or is over, once that is gone.
    """
    used = {*rules.turns[session.turn], *session.unspent}
    for process in processes:
        if isinstance(process, Worker):
            used.update(process.group, rules.turns[process.turn])
    for i, item in enumerate(items):
        if item is None:
            continue
        status, fence, text, is_open, due, acked, held_by, over = item
        if i not in used:
            if fence or acked:
                items = put(items, i, Item(status, 0, text, is_open, due))
            continue
        if held_by is not NOBODY and (fence != 1 or held_by not in there):
            held_by = NOBODY
        if over:
            over = tuple(message for message in over if message in there)
        if held_by is not item.held_by or over != item.over:
            items = put(items, i, Item(status, fence, text, is_open, due, acked, held_by, over))
    return items
