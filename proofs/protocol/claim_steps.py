"""From the claim (C4) to the fence (C4')."""

from protocol.message_steps import acknowledge as end
from protocol.message_steps import acknowledged, enter, name_of
from protocol.rules import Rules, is_leased, move, put, put_item, put_letter, retry
from protocol.states import (
    APPROVED,
    CANCELLED,
    DENIED,
    EXPIRED,
    GATED,
    NOBODY,
    RESOLVED,
    SPENT,
    UNDECIDED,
    Item,
    Message,
    Pausing,
    State,
    Step,
    Worker,
)


def first_results(rules: Rules, state: State, group: tuple[int, ...], in_turn: int) -> str:
    """How far each claimed tool use is.

    `a` approved; `t` an approved gated call, to be spent; `s` spent in this run; `q` spent before,
    `Q` in an earlier turn, to be redone; `p` performed and the model told, `P` not told; `d`, `x`,
    `c` not approved; a number: a job's result; `?` nothing. Of mutants: `S` performed and not yet
    spent; `v`, `w` spent and performed for another text than the model's; `o` performed
    and forgotten.
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
    name = f"claim {name_of(worker.message)}"
    forged = worker.message.kind == "forged" and rules.lacks("record_decides")
    decided = all(
        item and (item.status not in UNDECIDED or (forged and i == worker.message.item))
        for i, item in zip(turn, items, strict=True)
    )
    if not decided and rules.has("all_decided"):
        return _undecided(rules, state, worker, name)
    own = state.items[worker.message.item] if worker.turn and not forged else None
    if own and own.acked and rules.has("acked_is_over"):
        done = acknowledged(move(state, worker, None), worker.message)
        return [(f"{name}: acknowledged before, ack", done)]
    group = (*turn, *worker.group)
    claimed = group if rules.has("claim_unspent") else turn
    fences = tuple(item.fence if (item := state.items[i]) else 0 for i in group)
    if is_over(state, turn, worker.message) and (len(group) > 1 or rules.has("over_is_over")):
        done = acknowledged(move(state, worker, None), worker.message)
        return [(f"{name}: over, ack", done)]
    if any(is_leased(rules, state, i) for i in claimed):
        held = items[0] if turn and is_leased(rules, state, turn[0]) else None
        return [_lease_met(rules, state, worker, name, held)]
    most = rules.scenario.most_claims
    if most and any(fence >= most for fence in fences):
        return []
    results = first_results(rules, state, group, len(turn))
    if forged:
        results = put_letter(results, group.index(worker.message.item), "a")
    read = worker._replace(group=group, fences=fences, results=results)
    if rules.lacks("joint_claim") and len(group) > 1:
        return [
            (f"{name}: one by one", move(state, worker, read._replace(at="claim_each", fences=())))
        ]
    conditions = {"claim_fence", "claim_status", "claim_acked", "claim_over"}
    if len(group) > 1 and conditions & rules.removed:
        return [(f"{name}: reads", move(state, worker, read._replace(at="transact")))]
    return [_claimed(rules, state, worker, read, name, len(claimed))]


def is_over(state: State, turn: tuple[int, ...], message: Message) -> bool:
    """Whether a message has ended at the first claim of a turn."""
    return any(message in item.over for i in turn if (item := state.items[i]))


def _lease_met(rules: Rules, state: State, worker: Worker, name: str, held: Item | None) -> Step:
    """Another message than the first claim's can end, once that is written down."""
    name = f"{name}: lease held"
    is_own = held and held.held_by == worker.message and rules.has("holder_waits")
    if held is None or held.fence != 1 or is_own or rules.lacks("ends_others"):
        return name, retry(state, worker)
    if rules.lacks("over_noted"):
        return f"{name}, ack", acknowledged(move(state, worker, None), worker.message)
    return name, move(state, worker, worker._replace(at="note_over"))


def note_over(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """Unless a later claim has come, which may be another delivery's of the message itself."""
    i = rules.turns[worker.turn][0]
    item = state.items[i]
    assert item
    if item.fence != 1 and rules.has("first_claim"):
        return [("note_over: claimed, release", retry(state, worker))]
    over = tuple(sorted({*item.over, worker.message}))
    after = move(state, worker, None, items=put_item(state, i, over=over))
    return end("note_over", after, worker.message)


def _undecided(rules: Rules, state: State, worker: Worker, name: str) -> list[Step]:
    """Notes on what is decided that its message ends here, while nobody has claimed it."""
    item = state.items[worker.message.item]
    name += ": not decided"
    if item is None or item.status in UNDECIDED or item.acked or rules.lacks("ack_noted"):
        return _finish(rules, state, worker, name)
    return [(name, move(state, worker, worker._replace(at="acknowledge")))]


def acknowledge(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """Another delivery of the message may have claimed it meanwhile: then this one comes back."""
    i = worker.message.item
    name = f"acknowledge {i}"
    item = state.items[i]
    assert item
    if item.fence and rules.has("ack_unclaimed"):
        return [(f"{name}: claimed", retry(state, worker))]
    after = state._replace(items=put_item(state, i, acked=True))
    return _finish(rules, after, worker, name)


def _finish(rules: Rules, state: State, worker: Worker, name: str) -> list[Step]:
    """Only what is missing is made up for: its own pause has other tool uses than the message."""
    name += ", finish"
    if rules.lacks("finish_undecided"):
        return [(name, acknowledged(move(state, worker, None), worker.message))]
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
            by = worker.message if fence == 0 else NOBODY
            claimed = item._replace(fence=fence + 1, is_open=is_open, held_by=by)
            items = put(items, i, claimed)
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
        if (
            (rules.has("claim_fence") and item.fence != fence)
            or (rules.has("claim_status") and not is_same)
            or (rules.has("claim_acked") and item.acked and i == worker.message.item)
            or (rules.has("claim_over") and worker.message in item.over)
        ):
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
    if not session or not is_same or (session.fence > mine and rules.has("fence_off_fence")):
        return [("fence_off: changed, release", retry(state, worker))]
    session = session._replace(fence=mine)
    return [("fence_off", move(state, worker, worker._replace(at="run"), session=session))]
