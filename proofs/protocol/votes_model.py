"""The third model: several people who must agree to one call, and one who answers a question.

One approval, and all that can happen to its record (`waits/votes.py`). What comes of a decision is
the first model's: here it ends with the decision. A page shows the text in force; a person presses
a button any time later; then the item is read, and written if it is still what was read.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from protocol.explore import Found, search
from protocol.votes_guards import VOTE_GUARDS

PENDING, APPROVED, DENIED, EXPIRED, CANCELLED, RESOLVED = "PADXCR"
MOST_HOURS = 3
"""How much later an approval may end than it was asked to, in all."""
REQUESTER, STRANGER, NAMELESS = "r", "s", "?"
"""Who asked for the task; somebody who was never asked; whoever has a link without a name."""


class Vote(NamedTuple):
    """What one person says of one text."""

    by: str
    decision: str
    text: int
    seen: int
    """The text that the page showed, or the person's own edit."""


class Reader(NamedTuple):
    """A person with a page before them, and then a function with what it has read."""

    by: str
    seen: int
    decision: str = ""
    """Empty: no button is pressed yet."""
    wants: int = 0
    read: tuple[Vote, ...] | None = None
    read_text: int = 0


class Mover(NamedTuple):
    """An operator's function with the deadline that it has read."""

    hours: int
    """How much more time is asked for; 0: the e-mail again."""
    read: int
    was_late: bool


class State(NamedTuple):
    """Everything there is. A text is a number: 0 as it was asked."""

    status: str
    late: bool
    text: int
    votes: tuple[Vote, ...]
    counted: tuple[Vote, ...]
    """What people were told is counted."""
    processes: tuple[Reader, ...]
    opens: tuple[tuple[str, int], ...]
    """How often each may still open the page."""
    edits: int
    reminds: bool
    """Whether the sweeper is to tell those who have voted of an edit."""
    decided_by: str
    forgeries: int
    broken: str
    deadline: int = 0
    """How many hours later it ends than it was asked to."""
    movers: tuple[Mover, ...] = ()
    moves: int = 0
    """How often operators may still ask for more time, or the e-mail again."""
    expiring: bool = False
    """Whether a sweeper has read it when its time was over."""


@dataclass(frozen=True)
class Scenario:
    """Bounds within which the model is explored."""

    name: str
    people: str = "abr"
    """Who the policy names."""
    needed: int = 2
    opens: int = 1
    """How often each opens the page."""
    edits: int = 1
    answers: str = "AD"
    others: str = ""
    """Who tries it, too, and was not asked."""
    bars_requester: bool = False
    is_question: bool = False
    forgeries: int = 0
    """Queue messages of strangers that say they have the answer."""
    moves: int = 0
    """How often operators ask for more time, or the e-mail again; then the sweeper reads first."""


class Votes:
    """The model, in a scenario and with some guards taken away."""

    must_end = True

    def __init__(self, scenario: Scenario, removed: Collection[str] = ()) -> None:
        self.scenario = scenario
        self.removed = frozenset(removed)
        self.name = scenario.name
        barred = scenario.bars_requester and self.has("requester_is_left_out")
        self.approvers = scenario.people.replace(REQUESTER, "") if barred else scenario.people

    def has(self, guard: str) -> bool:
        """Whether a guard is in place."""
        return guard not in self.removed

    def first(self) -> State:
        """It is asked; nobody has looked."""
        who = [*self.scenario.people, *self.scenario.others]
        opens = tuple((by, self.scenario.opens) for by in who)
        return State(PENDING, False, 0, (), (), (), opens, self.scenario.edits, False, "",
                     self.scenario.forgeries, "", moves=self.scenario.moves)  # fmt: skip

    def successors(self, state: State) -> list[tuple[str, State]]:
        """All that can happen next."""
        steps = list(self._opened(state))
        for reader in state.processes:
            if not reader.decision:
                steps += self._pressed(state, reader)
                steps.append((f"leave {reader.by}", _with(state, reader, None)))
            elif reader.decision == "Q":
                steps += self._answered(state, reader)
            elif reader.by == NAMELESS or self.scenario.is_question or self.scenario.needed == 1:
                steps += self._decided_alone(state, reader)
            elif reader.read is None:
                steps += self._voted(state, reader)
            else:
                steps += self._written(state, reader)
        if state.status == PENDING and not state.late:
            steps.append(("time", state._replace(late=True)))
        steps += [*self._expired(state), *self._moved(state)]
        if state.status == PENDING and "C" in self.scenario.answers:
            steps.append(("cancel", state._replace(status=CANCELLED)))
        if state.forgeries and state.status == PENDING:
            steps.append(("forged", self._forged(state)))
        if state.reminds:
            steps.append(("reminder", state._replace(reminds=False)))
        return steps

    def violation(self, state: State, is_still: bool) -> str:
        """What is wrong with a state, or an empty text."""
        if state.broken:
            return state.broken
        if state.status in (APPROVED, DENIED, RESOLVED):
            if state.decided_by not in self.scenario.people:
                return "decided by somebody who was not asked"
            if self.scenario.is_question != (state.status == RESOLVED):
                return "a question that was approved, or an approval that was answered"
        needed = self.scenario.needed
        if state.status == APPROVED and 1 < needed and len(self._agreed(state)) < needed:
            return "approved, and not by enough for this very call"
        if self.scenario.bars_requester and any(
            vote.by == REQUESTER and vote.decision == "A" for vote in state.votes
        ):
            return "the requester has approved"
        if not set(state.counted) <= set(state.votes):
            return "a vote is lost"
        if any(vote.text != vote.seen for vote in state.votes):
            return "a vote for what was not seen"
        left = any(vote.text != state.text for vote in state.votes)
        if is_still and state.status == EXPIRED and left and state.reminds:
            return "nobody was told of an edit"
        return ""

    def world(self, state: State) -> tuple[State, tuple[int, ...]]:
        """No state stands for another one."""
        return state, ()

    def is_choice(self, name: str) -> bool:
        """Whether a step is what somebody chooses to do."""
        return name.split()[0] in ("open", "press", "cancel", "forged", "operator")

    def _agreed(self, state: State) -> set[str]:
        """By the invariant's own count: the last vote of each person."""
        last = {vote.by: vote for vote in state.votes}
        return {v.by for v in last.values() if v.decision == "A" and v.text == state.text}

    def _opened(self, state: State) -> Iterator[tuple[str, State]]:
        for by, left in state.opens:
            if left and state.status == PENDING:
                opens = tuple((b, n - (b == by)) for b, n in state.opens)
                new = Reader(by, state.text)
                yield f"open {by}", _with(state, None, new)._replace(opens=opens)

    def _pressed(self, state: State, reader: Reader) -> Iterator[tuple[str, State]]:
        for answer in self.scenario.answers.replace("C", ""):  # C: an operator cancels.
            pressed = reader._replace(decision=answer, wants=reader.seen)
            yield f"press {reader.by} {answer}", _with(state, reader, pressed)
        if self.scenario.edits and "A" in self.scenario.answers:
            for text in sorted({0, state.edits} - {reader.seen}):  # A new one, or back to 0.
                edited = reader._replace(decision="A", wants=text)
                after = _with(state, reader, edited)._replace(edits=state.edits - (text > 0))
                yield f"press {reader.by} edit", after

    def _voted(self, state: State, reader: Reader) -> Iterator[tuple[str, State]]:
        """Reads the item, and ends where a vote changes nothing."""
        gone = _with(state, reader, None)
        if reader.by not in self.approvers and self.has("vote_checks_people"):
            yield "vote: forbidden", gone
            return
        if state.status != PENDING or (state.late and self.has("vote_in_time")):
            yield "vote: over", gone
            return
        is_edit = reader.wants != state.text
        if not is_edit and reader.decision == "A" and reader.by in self._agreed(state):
            yield "vote: repeated", gone
            return
        if reader.seen != state.text and self.has("vote_checks_seen"):
            yield "vote: changed", gone
            return
        reading = reader._replace(read=state.votes, read_text=state.text)
        yield "vote", _with(state, reader, reading)

    def _written(self, state: State, reader: Reader) -> Iterator[tuple[str, State]]:
        """C3v: writes what follows from what was read."""
        assert reader.read is not None
        is_same = reader.read == state.votes or not self.has("vote_compares_votes")
        is_pending = state.status == PENDING or not self.has("vote_while_pending")
        in_time = not state.late or not self.has("vote_in_time")
        if not (is_same and is_pending and in_time):
            again = reader._replace(read=None, read_text=0)
            yield "vote: again", _with(state, reader, again)
            return
        is_edit = reader.decision == "A" and reader.wants != reader.seen
        text = reader.wants if is_edit else reader.read_text
        vote = Vote(reader.by, reader.decision, text, reader.wants if is_edit else reader.seen)
        votes = (*reader.read, vote)
        after = _with(state, reader, None)._replace(
            text=text, votes=votes, counted=(*state.counted, vote)
        )
        if state.status != PENDING:
            after = after._replace(broken="changed after its end")
        if is_edit and reader.read and self.has("edit_reminds"):
            after = after._replace(reminds=True)
        elif is_edit and reader.read:
            after = after._replace(broken="nobody is told of an edit")
        if self._is_final(after, reader.decision):
            status = APPROVED if reader.decision == "A" else DENIED
            after = after._replace(status=status, decided_by=reader.by)
            if state.late:
                after = after._replace(broken="decided after its end")
        yield "vote: written", after

    def _expired(self, state: State) -> Iterator[tuple[str, State]]:
        """Ends what is late. Where there are operators, it reads first and writes later."""
        if state.expiring:
            after = state._replace(expiring=False)
            if state.status == PENDING and (state.late or not self.has("expire_at_its_new_end")):
                broken = "" if state.late else "expired before its end"
                after = after._replace(status=EXPIRED, broken=broken)
            yield "expire: written", after
        elif state.status == PENDING and state.late:
            if self.scenario.moves:
                yield "expire: read", state._replace(expiring=True)
            else:
                yield "expire", state._replace(status=EXPIRED)

    def _moved(self, state: State) -> Iterator[tuple[str, State]]:
        """C3x, more time, and C3y, the e-mail again: an operator reads, and writes later."""
        if state.moves and state.status == PENDING:
            for hours in range(MOST_HOURS):
                if not (state.late and self.has("extend_in_time")):
                    mover = Mover(hours, state.deadline, state.late)
                    asked = tuple(sorted((*state.movers, mover)))
                    after = state._replace(moves=state.moves - 1, movers=asked)
                    yield f"operator {hours}", after
        for mover in state.movers:
            left = list(state.movers)
            left.remove(mover)
            gone = state._replace(movers=tuple(left))
            yield self._extended(gone, mover) if mover.hours else self._resent(gone, mover)

    def _extended(self, state: State, mover: Mover) -> tuple[str, State]:
        is_pending = state.status == PENDING or not self.has("extend_while_pending")
        is_same = state.deadline == mover.read or not self.has("extend_compares_deadline")
        deadline = mover.read + mover.hours
        is_within = deadline <= MOST_HOURS or not self.has("extend_is_bounded")
        if not (is_pending and is_same and is_within):
            return "extend: refused", state
        broken = "" if self.has("extend_reminds") else "nobody has a link that works"
        if state.status != PENDING:
            broken = "changed after its end"
        elif mover.was_late:
            broken = "more time after its end"
        elif deadline < state.deadline:
            broken = "it ends before it was said to"
        elif deadline > MOST_HOURS:
            broken = "it ends after what it needs is gone"
        return "extend", state._replace(deadline=deadline, late=False, reminds=True, broken=broken)

    def _resent(self, state: State, mover: Mover) -> tuple[str, State]:
        if state.status != PENDING and self.has("resend_while_pending"):
            return "resend: refused", state
        broken = "changed after its end" if state.status != PENDING else ""
        return "resend", state._replace(reminds=True, broken=broken)

    def _is_final(self, state: State, decision: str) -> bool:
        if decision == "D":
            return True
        votes = list(state.votes)
        if self.has("vote_counts_people"):
            votes = list({vote.by: vote for vote in votes}.values())
        counted = [v for v in votes if v.decision == "A"]
        if self.has("vote_counts_digest"):
            counted = [v for v in counted if v.text == state.text]
        return len(counted) >= self.scenario.needed

    def _decided_alone(self, state: State, reader: Reader) -> Iterator[tuple[str, State]]:
        """C3: one person's link, or one without a name, of an earlier release or another topic."""
        is_refused = self.has("decide_needs_no_quorum") and self.scenario.needed > 1
        is_refused |= self.has("decide_needs_no_names") and reader.by == NAMELESS
        is_refused |= self.has("decide_is_of_the_asked") and reader.by == STRANGER
        is_refused |= self.has("decide_is_no_answer") and self.scenario.is_question
        gone = _with(state, reader, None)
        if is_refused or state.status != PENDING or state.late:
            yield "decide: refused", gone
            return
        status = APPROVED if reader.decision == "A" else DENIED
        yield "decide", gone._replace(status=status, decided_by=reader.by)

    def _answered(self, state: State, reader: Reader) -> Iterator[tuple[str, State]]:
        """C3q."""
        gone = _with(state, reader, None)
        is_refused = self.has("answer_needs_a_question") and not self.scenario.is_question
        is_refused |= self.has("answer_needs_no_names") and reader.by == NAMELESS
        is_refused |= self.has("answer_once") and state.status != PENDING
        is_refused |= self.has("answer_in_time") and state.late
        if is_refused:
            yield "answer_question: refused", gone
            return
        broken = "changed after its end" if state.status != PENDING else ""
        broken = broken or ("decided after its end" if state.late else "")
        yield (
            "answer_question",
            gone._replace(status=RESOLVED, decided_by=reader.by, broken=broken),
        )

    def _forged(self, state: State) -> State:
        """A queue message that says it is the result."""
        after = state._replace(forgeries=state.forgeries - 1)
        if self.has("resolve_needs_no_call"):
            return after
        return after._replace(status=RESOLVED, decided_by="forged")


def _with(state: State, old: Reader | None, new: Reader | None) -> State:
    processes = list(state.processes)
    if old is not None:
        processes.remove(old)
    if new is not None:
        processes.append(new)
    return state._replace(processes=tuple(sorted(processes, key=repr)))


SHORT = (
    Scenario("two of three", "abc"),
    Scenario("two of three, an edit back", "ab", opens=2, edits=1, answers="A"),
    Scenario("two of two, twice", "ab", opens=2, answers="AC"),
    Scenario("a requester", "abr", bars_requester=True, edits=0),
    Scenario("a stranger", "ab", others=STRANGER),
    Scenario("a link without a name", "ab", others=NAMELESS),
    Scenario("one is enough, and a link without a name", "a", 1, others=NAMELESS),
    Scenario("one is enough, and a stranger", "a", 1, others=STRANGER),
    Scenario(
        "a question",
        "ab",
        1,
        answers="QAC",
        edits=0,
        others=NAMELESS,
        is_question=True,
        forgeries=1,
    ),
    Scenario("an approval that is answered", "a", 1, answers="AQ", edits=0),
    Scenario("one is enough, and two give it more time", "a", 1, answers="AC", edits=0, moves=2),
    Scenario("two of two, and one gives it more time", "ab", answers="A", moves=1),
)
"""Each with all guards, inside `make test`; also where the removal of a guard shows."""

LONG = (
    Scenario("two of three, twice", "abc", opens=2, edits=1),
    Scenario("two of three, two edits", "abc", edits=2, answers="ADC"),
    Scenario("three of three", "abc", 3, edits=2),
    Scenario("two of four", "abcd", edits=1),
    Scenario("two of two, and two give it more time", "ab", answers="ADC", moves=2),
    Scenario("all at once", "abr", opens=1, edits=1, answers="ADC", others=STRANGER + NAMELESS,
             bars_requester=True),
)  # fmt: skip
"""Beside the short ones, under `make prove`."""

SCENARIOS = {scenario.name: scenario for scenario in (*SHORT, *LONG)}


def explore(
    scenario: Scenario,
    removed: Collection[str] = (),
    *,
    tell: Callable[[int, int], None] = lambda states, left: None,
) -> Found:
    """Explores a scenario without the removed guards, until a violation or the end."""
    assert set(removed) <= VOTE_GUARDS.keys()
    return search(Votes(scenario, removed), tell=tell)
