"""The list of sessions: each with what it waits for, and below it those that it asked for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from html import escape
from string import Template

from local.address import Address, part_of
from local.markup import moment, session_url, shown
from local.problems import Problem
from local.ten_steps import place_in_words
from local.timeline import Failures
from local.view import SessionRow
from local.waiting import Waiting

_LAST_WORDS_CHARACTERS = 400

Tree = list[tuple[SessionRow, "Tree"]]
Pages = Mapping[tuple[str, str], str]
"""By session and tool use: the address of the page where it is decided."""
_WaitsOf = Callable[[SessionRow], str]

_SESSION = Template("""\
<li><a class="row" href="$url">$task</a><br>
<span class="status">$state</span> <span class="soft">$place</span><br>
$waits$last_words<span class="soft"><code>$session_id</code> $agent $changed_at</span>
$children</li>
""")

_LAST_WORDS = Template("""\
<span class="words" dir="auto">$words</span><br>
""")


def session_list(
    tree: Tree, decided_at: Pages | None = None, failure_of: Failures = lambda _: None
) -> str:
    """Returns a part of the list as HTML.

    Args:
        tree: The sessions.
        decided_at: Where what waits for a person is decided.
        failure_of: What a message has failed with.
    """
    if not tree:
        return '<p class="soft">None yet.</p>\n'
    return _list(tree, "sessions", partial(_waits, decided_at or {}, failure_of))


def part_of_list(rows: Iterable[SessionRow], address: Address) -> tuple[Tree, str]:
    """Returns the sessions of a page, and the way to the others.

    Args:
        rows: Newest first; those that another session asked for count with it.
        address: The page's.
    """
    return part_of(nested(rows), address)


def rows_in(tree: Tree) -> Iterator[SessionRow]:
    """Returns every session of a part of the list."""
    for row, children in tree:
        yield row
        yield from rows_in(children)


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


def _list(tree: Tree, kind: str, waits_of: _WaitsOf) -> str:
    rows = "".join(_row(row, children, waits_of) for row, children in tree)
    return f'<ul class="{kind}">\n{rows}</ul>\n'


def _row(row: SessionRow, children: Tree, waits_of: _WaitsOf) -> str:
    return _SESSION.substitute(
        url=session_url(row.session_id),
        task=shown(row.task.strip()) or "(its task is in an earlier part)",
        state=shown(row.state),
        place=place_in_words(row),
        waits=waits_of(row),
        last_words=_last_words(row.last_words),
        session_id=shown(row.session_id),
        agent=shown(row.agent_name),
        changed_at="" if row.waits else moment(row.changed_at),  # They say since when.
        children=_list(children, "children", waits_of) if children else "",
    )


def _waits(decided_at: Pages, failure_of: Failures, row: SessionRow) -> str:
    """Says what a session waits for now; what a person has to decide has a link to where."""
    lines = []
    for wait in row.waits:
        url = decided_at.get((row.session_id, wait.tool_use_id), "")
        rest = _way(url) if wait.stage == "asked" else ""
        rest += _failure(failure_of(wait.message_id)) if wait.is_called else ""
        lines.append(f"<li>{_wait(wait)}{rest}</li>\n")
    return f'<ul class="waits">\n{"".join(lines)}</ul>\n' if lines else ""


def _wait(wait: Waiting) -> str:
    asked = f", asked: {shown(wait.asked)}" if wait.asked else ""
    verb = "Waited" if wait.stage == "answered" else "Waits"
    return f"{verb} for {shown(wait.who)}{asked}, {shown(wait.when)}"


def _failure(problem: Problem | None) -> str:
    return f". It failed at {moment(problem.at)}: {shown(problem.text)}" if problem else ""


def _way(url: str) -> str:
    return f'. <a class="way" href="{escape(url)}">Read and decide</a>' if url else ""


def _last_words(words: str) -> str:
    if len(words) > _LAST_WORDS_CHARACTERS:
        words = f"{words[:_LAST_WORDS_CHARACTERS]} …"
    return _LAST_WORDS.substitute(words=shown(words)) if words else ""
