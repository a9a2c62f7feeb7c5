"""The state of the model: what stands in tables, queues and bucket, and who is between two steps.

All of it is immutable and hashable. One letter stands for each word that is compared often.
"""

from dataclasses import dataclass
from typing import NamedTuple

PENDING, LATE = "P", "L"
"""LATE: PENDING in the table, and `decide_by` has passed."""
APPROVED, DENIED, EXPIRED, CANCELLED, SPENT, RESOLVED = "A", "D", "X", "C", "U", "R"
UNDECIDED = (PENDING, LATE)
WAITING, COMPLETED = "W", "D"

OUTCOMES = {
    APPROVED: "A", SPENT: "A", DENIED: "D", EXPIRED: "X", CANCELLED: "X", RESOLVED: "R",
}  # fmt: skip
"""What is told of a decided item; X: it is over."""

HUMAN, GATED, JOB = "H", "G", "J"
"""Kinds of tool uses: `human_approval`; a protected tool that paused by itself; no approval."""

NO_RESULT = "."


class Message(NamedTuple):
    """A queue message and its id: two of the same kind and tool use differ in their number."""

    kind: str
    """`new`; `wake`: says that a tool use was decided; `forged`: the same by a stranger; `result`:
    what a job came to, its number being the result."""
    item: int = -1
    number: int = 0


NEW = Message("new")
NOBODY = Message("")


class Base(NamedTuple):
    """What a session knows of its S3 object."""

    key: tuple[object, ...]
    digest: str
    age: int = 0
    """In units of 45 days: refreshed from 1 on, deleted by the lifecycle rule at 2."""
    aged: bool = False
    """Whether a unit has passed since the last save; no pause lasts longer than one."""


class Session(NamedTuple):
    """The session item. `turn` numbers the pause; 0: waits for no tool use."""

    status: str
    version: int
    turn: int
    fence: int
    unspent: tuple[int, ...]
    conversation: str
    """The saved result of each tool use: `.` none, `a` approved, `p` published, `d`, `x`, `c`, or
    a job's result."""
    paused_by: Message
    base: Base | None = None


class Item(NamedTuple):
    """An approval item. `text`: `o`riginal, `e`dited, a job's result, or whose it repeats."""

    status: str
    fence: int
    text: str
    is_open: bool
    due: str = ""
    """E-mails that the sweeper is still to send: `r`eminder, then `e`scalation."""
    acked: bool = False
    """Whether a message that tells of its decision was acknowledged before all were decided."""
    held_by: Message = NOBODY
    """Whose message made the first claim; nobody's any more after the next one."""
    over: tuple[Message, ...] = ()
    """Messages that met the first claim's lease and ended."""


class Queued(NamedTuple):
    """A message on the task queue and how often it was received. In flight: a worker has it."""

    message: Message
    received: int


class Worker(NamedTuple):
    """An agent function between two steps, with what it has read and claimed."""

    at: str
    message: Message
    version: int = 0
    turn: int = 0
    group: tuple[int, ...] = ()
    """Claimed: the tool uses of the turn, then the unspent ones of earlier turns."""
    fences: tuple[int, ...] = ()
    results: str = ""
    """Of each of the group, how far it is: see `worker.first_results`."""
    is_leased: bool = True
    plan: tuple[object, ...] = ()
    """What it is about to save or to do."""


class Pausing(NamedTuple):
    """An agent function that records and notifies of a pause."""

    at: str
    message: Message
    turn: int
    place: int
    notifies: tuple[int, ...]
    mode: str
    """`begin`; `finish` of another's pause; `again`: finish of its own."""


class Sweep(NamedTuple):
    """A sweeper between two steps with one item, as it has read it."""

    at: str
    message: None
    item: int
    read: tuple[object, ...] = ()


Process = Worker | Pausing | Sweep


class Budget(NamedTuple):
    """How many of each are left to happen."""

    crashes: int = 1
    duplicates: int = 0
    clicks: int = 1
    zombies: int = 0
    """Leases that end while their worker lives."""
    forgeries: int = 0
    results: int = 0
    """Messages from jobs."""
    resends: int = 0
    """Messages sent by a sweeper although another one is on its way."""
    deadlines: int = 0
    """Runs that are stopped after whole turns."""
    deletions: int = 0
    """A session that reaches its time to live, or is deleted by hand."""


class State(NamedTuple):
    """Everything there is."""

    session: Session | None
    items: tuple[Item | None, ...]
    queue: tuple[Queued, ...]
    dead: tuple[Message, ...]
    processes: tuple[Process, ...]
    notified: tuple[int, ...]
    """Tool uses whose links are out, or whose job is started."""
    reminders: int
    effects: tuple[tuple[int, str], ...]
    """Tool use (the idempotency key) and text of each effect."""
    told: tuple[tuple[int, str], ...]
    """What people were told of a tool use, as in OUTCOMES."""
    objects: tuple[tuple[tuple[object, ...], str], ...]
    """Keys and digests of what lies in the bucket."""
    broken: str
    """What a step did that it never may."""
    budget: Budget


Step = tuple[str, State]
"""The names of the steps that were taken, as in `steps.STEPS`, and the state after them."""


@dataclass(frozen=True)
class Scenario:
    """Bounds within which the model is explored."""

    name: str
    kinds: str = "H"
    """The kind of each tool use."""
    turns: tuple[tuple[int, ...], ...] = ((), (0,))
    """The tool uses of each pause; pause 0 is none."""
    after: tuple[tuple[int, ...], ...] = ((1,), ())
    """Which pauses a run may come to, by the last one before it."""
    budget: Budget = Budget()  # noqa: RUF009
    answers: str = "AD"
    """What people may say: A, D, E (approve with an edit), C (an operator cancels)."""
    waits_for_ever: bool = False
    """ON_SILENCE=wait: no approval ever expires."""
    has_clock: bool = False
    """Whether time passes in a step of its own, so that clicks come too late."""
    due: str = ""
    """E-mails the sweeper is to send of every approval."""
    receives: int = 0
    """Deliveries of a message before it is a dead letter; 0: they are not counted."""
    uses_bucket: bool = False
    slow_clicks: bool = False
    """Whether a click that began in time may be written too late."""
    is_denied: bool = False
    """Whether it begins where all of the first pause is denied, and nobody resumes as yet."""
    most_claims: int = 0
    """Explore no further than this fence; 0: no bound."""
