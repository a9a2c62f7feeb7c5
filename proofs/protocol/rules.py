"""What all steps share: the scenario, which guards hold, and small changes of a state."""

from collections.abc import Collection
from typing import Any

from protocol.states import (
    HUMAN,
    NO_RESULT,
    WAITING,
    Budget,
    Item,
    Message,
    Process,
    Queued,
    Scenario,
    Session,
    State,
    Worker,
)

CLAIMED_AT = ("fence_off", "run", "write_base", "save")
"""Where a worker is that has claims and has not saved yet: its lease is not given back."""


class Rules:
    """A scenario and the guards that are taken away.

    The last tool use stands for asking once more for a text that was asked for before, which the
    gate forbids: pause `again(i)` asks for the text of tool use i, `twins` for one text twice.
    """

    def __init__(self, scenario: Scenario, removed: Collection[str] = ()) -> None:
        self.scenario = scenario
        self.removed = frozenset(removed)
        self.forgets = not removed
        self.kinds = scenario.kinds + HUMAN
        self.repeat = len(scenario.kinds)
        again = [(self.repeat,) for _ in scenario.kinds]
        self.turns = (*scenario.turns, *again, (0, self.repeat))
        self.twins = len(self.turns) - 1

    def has(self, guard: str) -> bool:
        return guard not in self.removed

    def lacks(self, guard: str) -> bool:
        return guard in self.removed

    def again(self, item: int) -> int:
        return len(self.scenario.turns) + item

    def first_text(self, turn: int, item: int) -> str:
        if item != self.repeat:
            return "o"
        return "0" if turn == self.twins else str(turn - len(self.scenario.turns))

    def waits_on(self, session: Session | None, item: int) -> bool:
        return bool(session and session.status == WAITING and item in self.turns[session.turn])

    def next_pauses(self, session: Session | None, turn: int) -> tuple[int, ...]:
        """The pauses that a run may come to; after an interrupted one, those of the last pause."""
        after = self.scenario.after
        if session and not turn:
            done = [i for i, c in enumerate(session.conversation) if c != NO_RESULT]
            turn = max((t for t, uses in enumerate(self.turns) if set(uses) & set(done)), default=0)
        return after[turn] if turn < len(after) else ()


def put(values: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    return (*values[:place], value, *values[place + 1 :])


def put_letter(letters: str, place: int, letter: str) -> str:
    return letters[:place] + letter + letters[place + 1 :]


def put_item(state: State, place: int, **changes: Any) -> tuple[Item | None, ...]:
    item = state.items[place]
    assert item
    return put(state.items, place, item._replace(**changes))


def move(state: State, old: Process | None, new: Process | None, **changes: Any) -> State:
    """One process goes from `old` to `new`, and the rest changes as told."""
    processes = list(state.processes)
    if old is not None:
        processes.remove(old)
    if new is not None:
        processes.append(new)
        processes.sort()  # type: ignore[type-var]
    after = State(*state[:4], tuple(processes), *state[5:])
    return after._replace(**changes) if changes else after


def spend_budget(state: State, name: str) -> State:
    budget = list(state.budget)
    budget[Budget._fields.index(name)] -= 1
    return State(*state[:-1], Budget(*budget))


def without(queue: tuple[Queued, ...], message: Message) -> tuple[Queued, ...]:
    return tuple(queued for queued in queue if queued.message != message)


def held(state: State) -> set[Message | None]:
    """The messages in flight."""
    return {process.message for process in state.processes}


def send(state: State, message: Message) -> State:
    """Puts a message on the queue, under an id that no other has."""
    taken = {queued.message for queued in state.queue} | set(state.dead) | held(state)
    if state.session:
        taken.add(state.session.paused_by)
    for item in state.items:
        if item:
            taken |= {item.held_by, *item.over}
    if message.kind in ("wake", "forged"):
        while message in taken:
            message = message._replace(number=message.number + 1)
    elif message in taken:
        return state  # A job says the same twice: a duplicate delivery, which has its own budget.
    return state._replace(queue=tuple(sorted((*state.queue, Queued(message, 0)))))


def retry(state: State, worker: Process) -> State:
    """The function reports a fault: its message is visible again."""
    return move(state, worker, None)


def is_interrupted(session: Session) -> bool:
    """Whether it waits for nothing but its own message."""
    return session.status == WAITING and not session.turn


def is_leased(rules: Rules, state: State, place: int) -> bool:
    """Whether a live worker's newest claim is on an item; a dead one's lease counts as ended."""
    if rules.lacks("lease"):
        return False
    item = state.items[place]
    ends = CLAIMED_AT
    for process in state.processes:
        if isinstance(process, Worker) and process.is_leased and process.at in ends:
            for member, fence in zip(process.group, process.fences, strict=False):
                if member == place and item and item.fence == fence:
                    return True
    return False


def normal(state: State) -> State:
    """Numbers messages that differ in their id alone by what they do, so that equal worlds meet."""
    if not _is_numbered(state):
        return state
    used: dict[tuple[str, int], set[Message]] = {}
    for message in _messages(state):
        if message.kind in ("wake", "forged"):
            used.setdefault((message.kind, message.item), set()).add(message)
    names: dict[Message, Message] = {}
    for (kind, item), messages in used.items():
        same = list(messages)
        if len(same) > 1:
            same.sort(key=lambda m: (_role(state, m), m.number))
        for number, message in enumerate(same):
            if message.number != number:
                names[message] = Message(kind, item, number)
    return _renamed(state, names) if names else state


def _is_numbered(state: State) -> bool:
    """Whether there is any number to change: written out, because every state comes here."""
    for queued in state.queue:
        if queued.message.number:
            return True
    for process in state.processes:
        if process.message and process.message.number:
            return True
    session = state.session
    for item in state.items:
        if item and (item.held_by.number or item.over):
            return True
    return bool(state.dead or (session and session.paused_by.number))


def _messages(state: State) -> list[Message]:
    messages = [queued.message for queued in state.queue]
    messages += state.dead
    messages += [p.message for p in state.processes if p.message]
    if state.session:
        messages.append(state.session.paused_by)
    for item in state.items:
        if item:
            messages.append(item.held_by)
            messages += item.over
    return messages


def _role(state: State, message: Message) -> tuple[Any, ...]:
    """What a message does. A process has its message in the second place."""
    return (
        [q.received for q in state.queue if q.message == message],
        message in state.dead,
        [(p[0], *p[2:]) for p in state.processes if p.message == message],
        bool(state.session and state.session.paused_by == message),
        [item.held_by == message for item in state.items if item],
        [message in item.over for item in state.items if item],
    )


def _renamed(state: State, names: dict[Message, Message]) -> State:
    session = state.session
    if session and session.paused_by in names:
        session = session._replace(paused_by=names[session.paused_by])
    queue = [q._replace(message=names.get(q.message, q.message)) for q in state.queue]
    processes = [
        p._replace(message=names.get(p.message, p.message)) if p.message else p
        for p in state.processes
    ]
    items = tuple(item and _renamed_in(item, names) for item in state.items)
    return state._replace(
        session=session,
        items=items,
        queue=tuple(sorted(queue)),
        dead=tuple(sorted(names.get(m, m) for m in state.dead)),
        processes=tuple(sorted(processes)),  # type: ignore[type-var]
    )


def _renamed_in(item: Item, names: dict[Message, Message]) -> Item:
    over = tuple(sorted(names.get(m, m) for m in item.over))
    return item._replace(held_by=names.get(item.held_by, item.held_by), over=over)
