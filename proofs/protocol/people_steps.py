"""People who click, operators who cancel, jobs that end (`decisions.py`, `cancelling.py`)."""

from protocol.rules import Rules, put_item, send, spend_budget
from protocol.states import (
    APPROVED,
    CANCELLED,
    DENIED,
    EXPIRED,
    JOB,
    LATE,
    OUTCOMES,
    UNDECIDED,
    Message,
    State,
    Step,
)

OVER = OUTCOMES[EXPIRED]


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
    stands = OUTCOMES.get(item.status, OVER)
    if item.status in UNDECIDED or rules.lacks("first_decision"):
        if item.status == LATE and answer != "C" and rules.has("decide_in_time"):
            return _too_late(rules, state, i, answer, name)
        if item.status == LATE and answer != "C":
            state = state._replace(broken="decided after its end")
        return _decided(rules, state, i, answer, name)
    is_same = stands == ("A" if answer in "AE" else answer) and stands != OVER
    is_same = is_same and not (answer == "E" and item.text != "e")
    if is_same or (answer == "C" and item.status == CANCELLED):
        told = _tell(state, i, stands)
        again = told if rules.lacks("repeat_sends") else send(told, Message("wake", i))
        return [(f"{name}: repeated, send", again)]
    if (i, stands) in state.told:
        return []  # Nothing new.
    return [(f"{name}: {stands} stands", _tell(state, i, stands))]


def _too_late(rules: Rules, state: State, i: int, answer: str, name: str) -> list[Step]:
    """An expired link says nothing of the approval: a click that began in time may yet decide."""
    steps: list[Step] = []
    if rules.scenario.slow_clicks:
        steps += _decided(rules, state, i, answer, f"{name} (began in time)")
    if rules.lacks("late_link"):
        steps.append((f"{name}: too late", _tell(state, i, OVER)))
    return steps


def _tell(state: State, i: int, what: str) -> State:
    return state._replace(told=tuple(sorted({*state.told, (i, what)})))


def _decided(rules: Rules, state: State, i: int, answer: str, name: str) -> list[Step]:
    status = {"A": APPROVED, "E": APPROVED, "D": DENIED, "C": CANCELLED}[answer]
    text = "e" if answer == "E" else None
    return end_approval(rules, state, i, status, name, text=text, told=OUTCOMES[status])


def end_approval(
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
    item = state.items[i]
    assert item
    after = state._replace(items=put_item(state, i, status=status, text=text or item.text))
    sent = send(_tell(after, i, told) if told else after, Message("wake", i))
    steps = [(f"{name} send", sent)]
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
