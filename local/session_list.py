"""The list of sessions: each with what it waits for, and below it those that it asked for."""

from collections.abc import Iterable
from string import Template

from local.markup import moment, session_link, shown
from local.view import SessionRow
from local.waiting import Waiting

SHOWN_SESSIONS = 50
"""With a task of their own; those that they asked for come beside."""
_LAST_WORDS_CHARACTERS = 400

Tree = list[tuple[SessionRow, "Tree"]]

_SESSION = Template("""\
<li><span class="status">$state</span> $task<br>
$waits$last_words<span class="soft">$session_id $agent $changed_at</span>
$children</li>
""")

_LAST_WORDS = Template("""\
<span class="words" dir="auto">$words</span><br>
""")


def session_list(sessions: list[SessionRow]) -> str:
    """Returns the list as HTML; `sessions` come newest first."""
    if not sessions:
        return '<p class="soft">None yet.</p>'
    roots = nested(sessions)
    more = ""
    if len(roots) > SHOWN_SESSIONS:
        more = f'<p class="soft">And {len(roots) - SHOWN_SESSIONS} older ones.</p>'
    return _list(roots[:SHOWN_SESSIONS], "sessions") + more


def nested(sessions: Iterable[SessionRow]) -> Tree:
    """Puts each session below the one that asked for it, where that is there; keeps the order."""
    rows = list(sessions)
    below: dict[str, Tree] = {row.session_id: [] for row in rows}
    roots: Tree = []
    for row in rows:
        has_parent = row.parent_id in below and row.parent_id != row.session_id
        siblings = below[row.parent_id] if has_parent else roots
        siblings.append((row, below[row.session_id]))
    return roots


def waits_of(waits: Iterable[Waiting]) -> str:
    """Returns what a session waits for now, as HTML."""
    rows = [f"<li>Waits for {shown(w.who)}, {shown(w.when)}</li>\n" for w in waits]
    return f'<ul class="waits">\n{"".join(rows)}</ul>\n' if rows else ""


def _list(tree: Tree, kind: str) -> str:
    rows = "".join(_row(row, children) for row, children in tree)
    return f'<ul class="{kind}">\n{rows}</ul>\n'


def _row(row: SessionRow, children: Tree) -> str:
    return _SESSION.substitute(
        state=shown(row.state),
        task=shown(row.task),
        waits=waits_of(row.waits),
        last_words=_last_words(row.last_words),
        session_id=session_link(row.session_id),
        agent=shown(row.agent_name),
        changed_at=moment(row.changed_at),
        children=_list(children, "children") if children else "",
    )


def _last_words(words: str) -> str:
    if len(words) > _LAST_WORDS_CHARACTERS:
        words = f"{words[:_LAST_WORDS_CHARACTERS]} …"
    return _LAST_WORDS.substitute(words=shown(words)) if words else ""
