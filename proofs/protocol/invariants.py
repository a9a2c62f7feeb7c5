"""What must hold in every state, and what must have come of it once nothing moves any more."""

from protocol.rules import Rules
from protocol.states import (
    APPROVED,
    CANCELLED,
    DENIED,
    EXPIRED,
    NO_RESULT,
    OUTCOMES,
    PENDING,
    RESOLVED,
    SPENT,
    UNDECIDED,
    WAITING,
    Session,
    State,
)

RECORD_OF = {"a": APPROVED, "p": SPENT, "d": DENIED, "x": EXPIRED, "c": CANCELLED}


def violation(rules: Rules, state: State, is_still: bool) -> str:
    """Returns what is wrong with a state, or an empty text.

    `is_still`: nothing can happen any more but bad luck and what people choose to do.
    """
    return (
        state.broken
        or _effects(state)
        or _links(rules, state)
        or _told(state)
        or _conversation(rules, state)
        or _index(rules, state)
        or _reminders(rules, state)
        or (_end(rules, state) if is_still else "")
    )


def _is_deleted(rules: Rules, state: State) -> bool:
    return state.budget.deletions < rules.scenario.budget.deletions


def _effects(state: State) -> str:
    """At most one effect per tool use and text; only what was approved, as it was approved."""
    keys = [key for key, _ in state.effects]
    if len(set(keys)) < len(keys):
        return "two effects of one tool use"
    texts = [int(text) if text.isdigit() else key for key, text in state.effects if text != "e"]
    if len(set(texts)) < len(texts):
        return "one text published twice"
    for key, text in state.effects:
        item = state.items[key]
        if item is None or item.status not in (APPROVED, SPENT):
            return "an effect that nobody approved"
        if text != item.text:
            return "an effect with another text"
    return ""


def _links(rules: Rules, state: State) -> str:
    """No live link without a waiting session; and nobody is asked again what they denied."""
    if _is_deleted(rules, state):
        return ""
    for i in state.notified:
        item = state.items[i]
        if item is None or state.session is None:
            return "a link without record or session"
        if item.status in UNDECIDED and not rules.waits_on(state.session, i):
            return "a live link that no session waits for"
    repeated = state.items[rules.repeat]
    if repeated and repeated.text.isdigit():
        first = state.items[int(repeated.text)]
        if first and first.status == DENIED:
            return "asked again what was denied"
    return ""


def _told(state: State) -> str:
    """No two people are told opposite things, and nobody other than what the record tells."""
    if len({i for i, _ in state.told}) < len(state.told):
        return "two people were told opposite things"
    for i, what in state.told:
        item = state.items[i]
        if item and item.status not in UNDECIDED and OUTCOMES[item.status] != what:
            return "somebody was told something else than what is recorded"
    return ""


def _conversation(rules: Rules, state: State) -> str:
    """Exactly one saved result for each tool use that is not waited on: the record's."""
    session = state.session
    if session is None:
        return ""
    if session.base and (session.base.key, session.base.digest) not in state.objects:
        return "the session points to an object that is missing or another one"
    for i, result in enumerate(session.conversation):
        item = state.items[i]
        waits = rules.waits_on(session, i)
        if (result == NO_RESULT) != (item is None or waits):
            return f"not exactly one result of tool use {i}: {session.conversation}"
        if item and result != NO_RESULT and not _agrees(session, state, i, result):
            return f"saved result {result} of tool use {i}, but the record is {item.status}"
    return ""


def _agrees(session: Session, state: State, i: int, result: str) -> bool:
    item = state.items[i]
    assert item
    is_published = any(key == i for key, _ in state.effects)
    if item.status == RESOLVED:
        return result == item.text
    if result == "a" and i in session.unspent:
        return item.status in (APPROVED, SPENT)
    return RECORD_OF.get(result) == item.status and is_published == (result == "p")


def _index(rules: Rules, state: State) -> str:
    """What may need the sweeper is in the index: the undecided, and the decided but unclaimed."""
    session = state.session
    if session is None or session.status != WAITING:
        return ""
    for i in rules.turns[session.turn]:
        item = state.items[i]
        if item and not item.is_open and (item.status in UNDECIDED or not item.fence):
            return f"tool use {i} may need the sweeper and is not in the index"
    return ""


def _reminders(rules: Rules, state: State) -> str:
    """Each e-mail of the sweeper goes out once, and once more for each that died after it."""
    crashes = rules.scenario.budget.crashes - state.budget.crashes
    most = len(rules.scenario.due) * sum(item is not None for item in state.items)
    return "reminded twice" if state.reminders > most + crashes else ""


def _end(rules: Rules, state: State) -> str:
    """The task is completed, or waits for somebody who was asked; nothing is left behind."""
    session, items = state.session, [item for item in state.items if item]
    if any(item.status == SPENT and item.is_open for item in items):
        return "spent and still in the index"
    if session is None:
        is_left = any(item.is_open or item.status == PENDING for item in items)
        if not _is_deleted(rules, state):
            return "the task is lost"
        return "an approval of a deleted session is left open" if is_left else ""
    if session.status == WAITING:
        return _waits(rules, state, session)
    keys = {key for key, _ in state.effects}
    if any(item and item.status == SPENT and i not in keys for i, item in enumerate(state.items)):
        return "spent, and nothing was published"
    if any(item.status in UNDECIDED for item in items):
        return "a live link after the end"
    return "left in the index" if any(item.is_open for item in items) else ""


def _waits(rules: Rules, state: State, session: Session) -> str:
    if not session.turn:
        return "an interrupted session that nothing brings back"
    uses = rules.turns[session.turn]
    found = [state.items[i] for i in uses]
    if any(item is None for item in found):
        return "waits on what was never recorded"
    undecided = [
        i for i, item in zip(uses, found, strict=True) if item and item.status in UNDECIDED
    ]
    if not undecided:
        return "a decision is lost: all are decided, and nothing resumes"
    if not rules.scenario.waits_for_ever:
        return "waits for ever"
    return "" if set(undecided) <= set(state.notified) else "waits on somebody who was not asked"
