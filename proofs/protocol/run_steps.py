"""The run and what comes of it: C1, C5, the effect, C6 (`worker.py`, `gate.py`)."""

from protocol.message_steps import after_save, redelivered
from protocol.rules import Rules, move, put_item, put_letter, retry
from protocol.states import (
    APPROVED,
    COMPLETED,
    GATED,
    NO_RESULT,
    SPENT,
    WAITING,
    Base,
    Session,
    State,
    Step,
    Worker,
)

DONE_IN_THIS_RUN = "spPvw"
"""What `gate.spent` stands for among the results."""


def start(rules: Rules, state: State, worker: Worker) -> list[Step]:
    """The first run, where something comes before C1: the base, or (a mutant) the e-mails."""
    steps: list[Step] = []
    for status, turn in first_outcomes(rules, state):
        nothing = worker._replace(at="create", plan=(status, turn, (), ""))
        if rules.lacks("save_first"):
            notified = tuple(sorted({*state.notified, *rules.turns[turn]}))
            steps.append(("run notify", move(state, worker, nothing, notified=notified)))
            continue
        steps.append(("run", move(state, worker, nothing)))
        digest = f"{status}{turn}"
        key = (1, 0, digest) if rules.has("base_digest") else (1, 0)
        written = worker._replace(at="create", plan=(status, turn, key, digest))
        steps.append(
            ("run write_base", move(state, worker, written, objects=stored(state, key, digest)))
        )
    return steps


def first_outcomes(rules: Rules, state: State) -> list[tuple[str, int]]:
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
    plans = [worker.plan] if worker.plan else [(*o, (), "") for o in first_outcomes(rules, state)]
    for status, turn, key, digest in plans:
        base = Base(key, digest) if key else None
        nothing = NO_RESULT * len(rules.kinds)
        saved = Session(status, 1, turn, 0, (), nothing, worker.message, base)
        name = "create" if worker.plan else "run create"
        steps += after_save(rules, state, worker, saved, f"{name}: {shown(status, turn)}")
    return steps


def shown(status: str, turn: int) -> str:
    if status == COMPLETED:
        return "completed"
    return f"pause {turn}" if turn else "interrupted"


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
        if result in "tqQ" or (result == "s" and rules.kinds[worker.group[place]] == GATED):
            return [perform(rules, state, worker, place)]
    return _model(rules, state, worker)


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
    if item.status != APPROVED or (item.fence != worker.fences[place] and rules.has("spend_fence")):
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
    untold = {"Q": "P"} if rules.lacks("redo_told") else {}
    told = ({"v": "w", "t": "S", "a": "S"} | untold).get(result, "p")
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
    if state.budget.deadlines:
        plans.append((WAITING, 0))  # Its last whole turn lies after every effect.
    is_done = set(worker.results) & set(DONE_IN_THIS_RUN)
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
    objects = stored(state, key, digest)
    if base and rules.lacks("forget_after_save"):
        objects = tuple(o for o in objects if o[0] != base.key)
    if rules.lacks("base_first"):
        objects = state.objects
    return [*steps, ("run write_base", move(state, worker, planned, objects=objects))]


def stored(
    state: State, key: tuple[object, ...], digest: str
) -> tuple[tuple[tuple[object, ...], str], ...]:
    others = (o for o in state.objects if o[0] != key)
    return tuple(sorted((*others, (key, digest)), key=repr))


def save(rules: Rules, state: State, worker: Worker, old: Worker | None = None) -> list[Step]:
    """C6."""
    session, mine = state.session, max(worker.fences, default=0)
    old = old or worker
    status, turn, key, digest = worker.plan
    name = f"save: {shown(str(status), int(str(turn)))}"
    is_same = session and (session.version == worker.version or rules.lacks("save_version"))
    if not session or not is_same or (session.fence > mine and rules.has("save_fence")):
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
    return after_save(rules, state, old, saved, name)


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
