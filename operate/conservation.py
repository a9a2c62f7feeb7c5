"""The conservation law: no task is lost, none is done twice. A pure function over plain rows.

    accepted new tasks = completed + not done + denied + expired + failed + stopped + cancelled
                         + waiting + dead-lettered
    asked of agents    = the same, of the tasks that agents gave one another
    posts              = approvals spent, minus those whose effect the receiver refused for good,
                         of the protected tools whose receiver is known (`receivers.py`)

Messages on their way can still change what looks broken: while there are any, what moved within
the last hour counts as under way and is not held against the law.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from operate.receivers import RECEIVERS
from operate.rows import Approval, Letter, Post, Session

CATEGORIES = (
    "completed", "not done", "denied", "expired", "failed", "stopped", "cancelled", "waiting",
    "dead-lettered",
)  # fmt: skip

_CATEGORY_OF = {
    "finished": "completed", "not_done": "not done", "denied": "denied",
    "expired": "expired", "failed": "failed", "stopped": "stopped", "cancelled": "cancelled",
}  # fmt: skip
"""By the outcome of a session that ended; any other is a tool's word for what it has done."""

_WAIT_STATES = {"PENDING": "open"}

MOVING_SECONDS = 3_600
"""A message is handled or a dead letter long before: five deliveries, two minutes apart."""

KEPT_SECONDS = 14 * 86_400
"""A session and an approval are kept longer than a dead letter can lie, which is so long. What is
older may have passed its time to live, one before the other: TTL keeps no order."""

DEAF = "deaf parent"

ADVICE = {
    "lost": "A sender knows it, nothing here does. Send the task again, with its session id.",
    "in two": "One session id with two items: two agents ran one task. Compare them by hand.",
    "no outcome": "It ended and does not say how. Read the session and the agent's log.",
    "stuck": "Nothing will bring it on. make redrive RESEND=1",
    "never asked": "It waits for what nobody was asked. make redrive RESEND=1",
    "open question": "Its link still takes a decision that nobody waits for. The sweeper closes "
    "it within the hour; if not, see its alarm.",
    "no session": "An approval whose session is gone. Was a session deleted by hand?",
    "too few votes": "Approved, and fewer have approved this very call than must. Who may write to "
    "the table? Compare the item's votes with its digest.",
    "not posted": "Spent, and the receiver has no post. Ask the receiver before you post it.",
    "not approved": "A post without a spent approval. Who else may post? Check its IAM callers.",
    "posted twice": "One approval, more than one post. The receiver ignores idempotency keys.",
    "orphan child": "The agent that asked for it has waited no more for an hour, and it still "
    "waits, perhaps for a person. make redrive RESEND=1 withdraws that.",
    "deaf parent": "The agent that it asked ended an hour ago, and it does not know. The sweeper "
    "has it look within the hour, make redrive RESEND=1 at once.",
    "base missing": "Its conversation in S3 is gone: it cannot go on. Restore the object.",
}
"""What breaks the law, by kind, and what to do about it."""


@dataclass(frozen=True, order=True)
class Violation:
    """One thing that breaks the law."""

    kind: str
    """A key of `ADVICE`."""
    session_id: str
    tool_use_id: str = ""

    @property
    def advice(self) -> str:
        """What to do about it."""
        return ADVICE[self.kind]


@dataclass
class Ledger:
    """What was counted."""

    tasks: dict[str, int]
    """Number of tasks in each of `CATEGORIES`."""
    accepted: int
    """Tasks accepted, counted on their own: every id that a table, a dead letter or a sender has,
    but those still in the queue, and those that agents gave one another."""
    asked: int = 0
    """Tasks that agents gave one another, counted in the same way."""
    asked_tasks: dict[str, int] = field(default_factory=dict)
    """Of these, the number in each of `CATEGORIES`."""
    waits: dict[str, Counter[str]] = field(default_factory=dict)
    """Waits that are no approvals, by tool: `resolved`, `expired`, `cancelled`, `open`."""
    spent: int = 0
    """Approvals spent, of every action."""
    refused: int = 0
    """Of these: the receiver refused the effect for good."""
    unfinished: int = 0
    """Of these: the effect is still to be made or repeated, by a message or a dead letter."""
    uncounted: dict[str, Counter[str]] = field(default_factory=dict)
    """Approvals by action, where its receiver is not known: `spent`, `refused`, `not done`."""
    not_done: tuple[tuple[str, str], ...] = ()
    """Session and tool use ids of what was approved and never done: its session ended without."""
    posts: int | None = None
    """Posts that an approval can still stand behind; None where no receiver is known."""
    older_posts: int = 0
    """Posts so old that their approvals may have passed their time to live."""
    on_their_way: int = 0
    """Messages in the task queue."""
    unseen_letters: int = 0
    """Dead letters that someone else was looking at."""
    under_way: int = 0
    """Sessions that look stuck, and that a message may still bring on."""
    queued: int = 0
    """Tasks that a sender knows and that are only in the queue."""
    unnamed: int = 0
    """Tasks here that the senders' list does not name."""
    letters: Counter[str] = field(default_factory=Counter)
    """Dead letters: `moving` bring something on when redriven, `hints` have a source asked that the
    sweeper asks in any case, `done` bring on nothing, `rejected` were malformed, `unreadable` are
    and were never looked at."""
    violations: tuple[Violation, ...] = ()

    @property
    def elsewhere(self) -> int:
        """Approvals spent and not refused whose receiver is not known."""
        return sum(n["spent"] - n["refused"] for n in self.uncounted.values())

    @property
    def expected(self) -> int:
        """As many posts as there must be."""
        return self.spent - self.refused - self.unfinished - self.elsewhere

    @property
    def sums_hold(self) -> bool:
        """Whether both sides of all equations are equal."""
        tasks = self.accepted == sum(self.tasks.values())
        asked = self.asked == sum(self.asked_tasks.values())
        return tasks and asked and self.posts in (None, self.expected)

    @property
    def holds(self) -> bool:
        """Whether the law holds."""
        return self.sums_hold and not self.violations

    @property
    def to_resend(self) -> tuple[str, ...]:
        """Session ids that `make redrive RESEND=1` brings on."""
        kinds = ("stuck", "never asked")
        return tuple(sorted({v.session_id for v in self.violations if v.kind in kinds}))

    @property
    def orphans(self) -> tuple[str, ...]:
        """Session ids whose questions it withdraws."""
        return tuple(v.session_id for v in self.violations if v.kind == "orphan child")

    @property
    def deaf(self) -> tuple[tuple[str, str], ...]:
        """Session and tool use ids that it has look."""
        return tuple((v.session_id, v.tool_use_id) for v in self.violations if v.kind == DEAF)


def count(
    sessions: Iterable[Session],
    approvals: Iterable[Approval],
    posts: Iterable[Post],
    letters: Iterable[Letter],
    *,
    now: int,
    counted: Collection[str] = RECEIVERS.keys(),
    on_their_way: int = 0,
    unseen_letters: int = 0,
    accepted: Collection[str] | None = None,
) -> Ledger:
    """Counts the law.

    Args:
        sessions: All of them.
        approvals: All of them.
        posts: What the receivers have, one entry per effect.
        letters: The dead letters.
        now: Epoch seconds.
        counted: The actions whose effects are among the posts.
        on_their_way: Messages in the task queue, delayed and in flight included.
        unseen_letters: Dead letters that could not be read, because someone else looks at them.
        accepted: Session ids that the senders know of, to compare with.
    """
    rows = _Count(sessions, approvals, letters, now, on_their_way + unseen_letters)
    ledger = rows.ledger(posts, frozenset(counted), accepted)
    ledger.on_their_way, ledger.unseen_letters = on_their_way, unseen_letters
    return ledger


class _Count:
    """One count; everything is looked up by session."""

    def __init__(
        self,
        sessions: Iterable[Session],
        approvals: Iterable[Approval],
        letters: Iterable[Letter],
        now: int,
        hidden: int,
    ) -> None:
        self.now, self.hidden = now, hidden
        every = list(sessions)
        self.past = {s.session_id for s in every if _is_over(s.expires_at, now)}
        """TTL deletes days late: such a session may have lost its approvals already."""
        self.items = [s for s in every if s.session_id not in self.past]
        self.sessions = {s.session_id: s for s in self.items}
        self.approvals: dict[str, dict[str, Approval]] = defaultdict(dict)
        for approval in approvals:
            if approval.session_id not in self.past and not _is_over(approval.expires_at, now):
                self.approvals[approval.session_id][approval.tool_use_id] = approval
        self.letters = list(letters)
        self.by_session: dict[str, list[Letter]] = defaultdict(list)
        for letter in self.letters:
            if not letter.is_rejected:
                self.by_session[letter.session_id].append(letter)
        self.by_message = {i.message_id: i for i in self.letters if not i.is_rejected}
        self.moved_by = {
            message_id: session
            for session in self.items
            for message_id in (session.paused_by, *self._holders(session))
        }
        self.under_way: set[str] = set()

    def ledger(
        self, posts: Iterable[Post], counted: frozenset[str], accepted: Collection[str] | None
    ) -> Ledger:
        violations = [
            *self._of_sessions(), *self._of_approvals(), *self._of_parents(), *self._of_votes(),
        ]  # fmt: skip
        tasks, asked = self._tasks(is_asked=False), self._tasks(is_asked=True)
        found = Ledger(
            tasks=tasks[1],
            accepted=len(tasks[0]),
            asked=len(asked[0]),
            asked_tasks=asked[1],
            letters=Counter(map(self._use_of, self.letters)),
            waits=self._waits(),
        )
        if accepted is not None:
            violations += self._compare(found, set(accepted) - self.past, tasks[0], asked[0])
        self._count_approvals(found, counted)
        violations += self._of_posts(found, posts, counted)
        found.under_way = len(self.under_way)
        found.violations = tuple(sorted(set(violations)))
        return found

    def _tasks(self, *, is_asked: bool) -> tuple[set[str], dict[str, int]]:
        """Returns the ids of the tasks of people, or of agents, and how many ended how."""
        sessions = [s for s in self.items if (s.parent is not None) is is_asked]
        letters = [i for i in self.letters if i.kind == "new" and not i.is_rejected]
        dead = {i.session_id for i in letters if i.is_asked is is_asked}
        dead -= self.sessions.keys() | self.past
        tasks = Counter(filter(None, map(self._category, sessions)))
        tasks["dead-lettered"] += len(dead)
        known = {s.session_id for s in sessions} | dead
        return known, {category: tasks[category] for category in CATEGORIES}

    def _waits(self) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for records in self.approvals.values():
            for wait in records.values():
                if not wait.action:
                    found[wait.tool_name][_WAIT_STATES.get(wait.status, wait.status.lower())] += 1
        return dict(found)

    def _category(self, session: Session) -> str | None:
        if session.status == "waiting":
            return "dead-lettered" if self._is_dead(session) else "waiting"
        is_word = session.outcome and session.outcome not in CATEGORIES
        return _CATEGORY_OF.get(session.outcome, "completed" if is_word else None)

    def _is_dead(self, session: Session) -> bool:
        if session.paused_by in self.by_message:
            return True  # It saved the session, and did not come to the end of the pause.
        if self._holders(session) & self.by_message.keys():
            return True  # It claimed the turn, and did not come to its end.
        return any(self._moves(letter, session) for letter in self.by_session[session.session_id])

    def _holders(self, session: Session) -> set[str]:
        """Ids of the messages that claimed what a session waits for: a `look` names no session."""
        records = self.approvals.get(session.session_id, {})
        turn = (records.get(tool_use_id) for tool_use_id, _ in session.pending)
        return {a.held_by for a in turn if a and a.held_by}

    def _moves(self, letter: Letter, session: Session) -> bool:
        """Whether a dead letter is what would have moved a waiting session on."""
        if letter.message_id in {session.paused_by, *self._holders(session)}:
            return True
        if letter.kind == "cancel":
            return self._is_given_up(session)
        if letter.kind == "new" or not session.pending:
            return False
        records = self.approvals.get(session.session_id, {})
        turn = [records.get(tool_use_id) for tool_use_id, _ in session.pending]
        is_decided = all(a and a.status != "PENDING" for a in turn)
        awaited = {i for i, _ in session.pending} & set(letter.tool_use_ids)
        brings = any((a := records.get(i)) and _takes_a_message(a) for i in awaited)
        return bool(awaited) and (is_decided or brings)

    def _use_of(self, letter: Letter) -> str:
        if letter.is_rejected:
            return "rejected"
        if letter.kind == "unreadable":
            return "unreadable"
        session = self.sessions.get(letter.session_id) or self.moved_by.get(letter.message_id)
        is_task = letter.kind == "new" and not session and letter.session_id not in self.past
        is_awaited = session and session.status == "waiting" and self._moves(letter, session)
        if is_task or is_awaited:
            return "moving"
        return "hints" if self._is_hint(letter) else "done"

    def _is_hint(self, letter: Letter) -> bool:
        """Whether it only has a source asked, which the sweeper has asked in any case."""
        records = self.approvals.get(letter.session_id, {})
        named = (records.get(tool_use_id) for tool_use_id in letter.tool_use_ids)
        is_asked = any(a and a.is_looked_at and a.status == "PENDING" for a in named)
        return letter.kind == "look" or is_asked

    def _of_sessions(self) -> Iterator[Violation]:
        items = Counter(session.session_id for session in self.items)
        for session in self.items:
            if items[session.session_id] > 1:
                yield Violation("in two", session.session_id)
            if self._category(session) is None:
                yield Violation("no outcome", session.session_id)
            elif session.status == "waiting" and not self._is_dead(session):
                yield from self._unless_moving(session, self._of_waiting(session))

    def _of_waiting(self, session: Session) -> Iterator[Violation]:
        records = self.approvals.get(session.session_id, {})
        turn = [records.get(tool_use_id) for tool_use_id, _ in session.pending]
        for (tool_use_id, _), record in zip(session.pending, turn, strict=True):
            if record is None:
                yield Violation("never asked", session.session_id, tool_use_id)
        decided = [record for record in turn if record and record.status != "PENDING"]
        if len(decided) == len(turn) and not any(record.is_open for record in decided):
            yield Violation("stuck", session.session_id)

    def _unless_moving(
        self, session: Session, violations: Iterable[Violation]
    ) -> Iterator[Violation]:
        found = list(violations)
        if found and self._may_move(session):
            self.under_way.add(session.session_id)
        else:
            yield from found

    def _may_move(self, session: Session) -> bool:
        records = self.approvals.get(session.session_id, {}).values()
        if any(record.lease_until >= self.now for record in records):
            return True
        moved = [session.paused_at, *(max(r.decided_at, r.lease_until) for r in records)]
        return self.hidden > 0 and max(moved) > self.now - MOVING_SECONDS

    def _of_approvals(self) -> Iterator[Violation]:
        for session_id, records in self.approvals.items():
            session = self.sessions.get(session_id)
            waits_for = {i for i, _ in session.pending} if session else set()
            for approval in records.values():
                if session is None and approval.requested_at > self.now - KEPT_SECONDS:
                    yield Violation("no session", session_id, approval.tool_use_id)
                elif approval.status == "PENDING" and approval.tool_use_id not in waits_for:
                    yield Violation("open question", session_id, approval.tool_use_id)

    def _of_parents(self) -> Iterator[Violation]:
        for session in self.items:
            if session.parent is None:
                continue
            parent_id, tool_use_id = session.parent
            wait = self.approvals.get(parent_id, {}).get(tool_use_id)
            long_ago = self.now - MOVING_SECONDS
            if session.status == "waiting":
                over_at = max(wait.decided_at if wait else 0, session.paused_at)
                if (
                    self._is_given_up(session)
                    and not self._is_dead(session)
                    and over_at <= long_ago
                ):
                    yield Violation("orphan child", session.session_id)
            elif wait and wait.status == "PENDING" and session.paused_at <= long_ago:
                if not any(tool_use_id in i.tool_use_ids for i in self.by_session[parent_id]):
                    yield Violation("deaf parent", parent_id, tool_use_id)

    def _is_given_up(self, session: Session) -> bool:
        """Whether another agent asked for it that waits no more."""
        if session.parent is None:
            return False
        wait = self.approvals.get(session.parent[0], {}).get(session.parent[1])
        return wait is None or wait.status != "PENDING"

    def _compare(
        self, found: Ledger, accepted: set[str], known: set[str], asked: set[str]
    ) -> list[Violation]:
        missing = accepted - known - asked
        found.unnamed = len(known - accepted)
        if len(missing) <= self.hidden:
            found.queued = len(missing)
            return []
        found.accepted += len(missing)
        return [Violation("lost", session_id) for session_id in missing]

    def _count_approvals(self, found: Ledger, counted: frozenset[str]) -> None:
        every = [a for records in self.approvals.values() for a in records.values()]
        found.spent = sum(a.status == "SPENT" for a in every)
        found.refused = sum(a.refused for a in every if a.status == "SPENT")
        not_done = [a for a in every if self._is_not_done(a)]
        found.not_done = tuple(sorted((a.session_id, a.tool_use_id) for a in not_done))
        uncounted: dict[str, Counter[str]] = defaultdict(Counter)
        for approval in every:
            if approval.action not in counted and approval.status == "SPENT":
                uncounted[approval.action] += Counter(spent=1, refused=int(approval.refused))
        for approval in not_done:
            if approval.action not in counted:
                uncounted[approval.action]["not done"] += 1
        found.uncounted = dict(uncounted)

    def _is_not_done(self, approval: Approval) -> bool:
        """Whether nothing will do what was approved: recorded, or its session has ended."""
        session = self.sessions.get(approval.session_id)
        has_ended = session is not None and session.status == "completed"
        is_approved = approval.status == "APPROVED" and bool(approval.action)
        return is_approved and (approval.not_done or has_ended)

    def _of_votes(self) -> Iterator[Violation]:
        """What counts as approved was approved by as many as must."""
        for records in self.approvals.values():
            for approval in records.values():
                counts = approval.status in ("APPROVED", "SPENT")
                if counts and approval.agreed < approval.needed:
                    yield Violation("too few votes", approval.session_id, approval.tool_use_id)

    def _of_posts(
        self, found: Ledger, posts: Iterable[Post], counted: frozenset[str]
    ) -> list[Violation]:
        if not counted:
            return []
        spent = {
            approval.key: approval
            for records in self.approvals.values()
            for approval in records.values()
            if approval.status == "SPENT" and approval.action in counted
        }
        made: Counter[str] = Counter()
        for post in posts:
            is_old = post.key not in spent and post.created_at <= self.now - KEPT_SECONDS
            found.older_posts += is_old
            made[post.key] += not is_old
        made = +made
        found.posts = made.total()
        missing = [a for key, a in spent.items() if not made[key] and not a.refused]
        unfinished = [a for a in missing if self._is_unfinished(a)]
        found.unfinished = len(unfinished)
        lacking = [a for a in missing if a not in unfinished]
        wrong = [key for key in made if key not in spent or spent[key].refused]
        twice = [key for key, times in made.items() if times > 1]
        return [
            *(Violation("not posted", a.session_id, a.tool_use_id) for a in lacking),
            *(Violation("not approved", *_ids(key)) for key in wrong),
            *(Violation("posted twice", *_ids(key)) for key in twice),
        ]

    def _is_unfinished(self, approval: Approval) -> bool:
        """Spent by a run that was not saved: whoever claims it next repeats the effect."""
        session = self.sessions.get(approval.session_id)
        if session is None or session.status != "waiting":
            return False
        return approval.tool_use_id in {*(i for i, _ in session.pending), *session.unspent}


def _takes_a_message(approval: Approval) -> bool:
    """Whether a message's own result would be recorded.

    Not for what only a person decides, nor for what has a source to ask.
    """
    return approval.status == "PENDING" and not (approval.action or approval.is_looked_at)


def _is_over(expires_at: int, now: int) -> bool:
    return 0 < expires_at <= now


def _ids(key: str) -> tuple[str, str]:
    session_id, _, tool_use_id = key.partition("/")
    return session_id, tool_use_id
