"""The ten steps of the walk, with each session of a list where it stands."""

from collections.abc import Iterable
from string import Template

from local.markup import session_url, shown
from local.view import ARRIVING, RUNNING, SessionRow

STEPS = (
    ("arrive", "in the queue"),
    ("validate", "a message it knows"),
    ("load", "the session, if there is one"),
    ("run", "the agent, until it asks"),
    ("pause", "the agent stops"),
    ("save", "conversation, then question"),
    ("notify", "the approver, by e-mail"),
    ("decide", "approve or deny"),
    ("resume", "where it stopped"),
    ("publish", "what was approved, once"),
)
WAITS, ENDED = "waits", "ended"
"""Between notify and decide nothing runs; and not every session ends with what was approved."""
_SLOTS = {"notify": (WAITS, "nothing runs: minutes, days")}
_MARKS_AT_A_STEP = 4
_MARK_CHARACTERS = 28

_STEP = Template("""\
<li$kind><span class="number">$number</span>
<div><b>$name</b> <span class="soft">$note</span>$marks</div></li>
""")


def place_of(row: SessionRow) -> str:
    """Returns the step at which a session stands, or `WAITS` or `ENDED`."""
    if row.has_ended:
        return "publish" if row.outcome == "published" else ENDED
    if row.status in (ARRIVING, RUNNING):
        return "arrive" if row.status == ARRIVING else "run"
    stages = {wait.stage for wait in row.waits}
    if "asked" in stages:
        return WAITS
    return "notify" if "saved" in stages else "resume"


def place_in_words(row: SessionRow) -> str:
    """Returns the same for people, such as `step 4 of 10, run`."""
    place = place_of(row)
    if place == WAITS:
        return "between steps 7, notify, and 8, decide"
    if place == ENDED:
        return ENDED
    names = [name for name, _ in STEPS]
    return f"step {names.index(place) + 1} of {len(names)}, {place}"


def ten_steps(rows: Iterable[SessionRow]) -> str:
    """Returns the steps as HTML, each with links to the sessions that stand there.

    Those that another session asked for are left out once they have ended.
    """
    at: dict[str, list[SessionRow]] = {}
    for row in rows:
        if row.parent_id and row.has_ended:
            continue
        at.setdefault(place_of(row), []).append(row)
    lines = []
    for number, (name, note) in enumerate(STEPS, 1):
        lines.append(_line(f"{number}", name, note, at.get(name, [])))
        if name in _SLOTS:
            slot, note = _SLOTS[name]
            lines.append(_line("", slot, note, at.get(slot, [])))
    if ENDED in at:
        lines.append(_line("", ENDED, "the agent will not go on", at[ENDED]))
    return f'<ul class="ten" aria-label="The ten steps">\n{"".join(lines)}</ul>\n'


def _line(number: str, name: str, note: str, rows: list[SessionRow]) -> str:
    return _STEP.substitute(
        kind="" if number else ' class="between"',
        number=number,
        name=name,
        note=note,
        marks=_marks(rows),
    )


def _marks(rows: list[SessionRow]) -> str:
    marks = [
        f'<a class="mark" href="{session_url(row.session_id)}">{shown(_short(row))}</a>'
        for row in rows[:_MARKS_AT_A_STEP]
    ]
    if len(rows) > _MARKS_AT_A_STEP:
        marks.append(f'<span class="soft">and {len(rows) - _MARKS_AT_A_STEP} more</span>')
    return f' <span class="marks">{" ".join(marks)}</span>' if marks else ""


def _short(row: SessionRow) -> str:
    text = " ".join(row.task.split()) or row.session_id
    return text if len(text) <= _MARK_CHARACTERS else f"{text[: _MARK_CHARACTERS - 2].rstrip()} …"
