"""The page of one session: what it waits for, what happened, its conversation."""

from collections.abc import Iterable
from string import Template

from local import pages
from local.address import Address
from local.conversation import conversation
from local.layer import Status, Wait
from local.mail_links import Asked
from local.markup import folded, moment, session_link, session_url, shown
from local.problems import Problem
from local.records import Record
from local.timeline import Entry
from local.traces import Span

_HEAD = Template("""\
<section>
<p><a href="/">All sessions</a></p>
<h1>Session <code>$session_id</code></h1>
$notice<p><span class="status">$state</span> <span class="soft">$agent, $changed_at</span></p>
$parent</section>
""")

_TIMELINE = Template("""\
<section>
<h2>What happened</h2>
<ol class="timeline">
$entries</ol>
$steps</section>
""")

_ENTRY = Template("""\
<li>
<p><span class="soft">$at</span> <b>$title</b>$note</p>
$text$rest</li>
""")

_CANCEL = Template("""\
<form method="post" action="$url/cancel">
<input type="hidden" name="tool_use_id" value="$tool_use_id">
<p class="soft">To cancel: $effect</p>
<button class="no">Cancel this wait</button>
</form>
""")
_TOLD = "The agent is told that it was cancelled, and goes on$others. This cannot be taken back."
_OTHERS = " once all else that it waits for is answered, too"

_STEPS = Template("""\
<details><summary>The functions' steps, as they were traced ($count)</summary>
<ul class="steps">
$rows</ul>
</details>
""")

_CONVERSATION = Template("""\
<section>
<h2>The conversation, as the agent has it</h2>
$messages</section>
""")

_CANCELLED = """\
<p class="done" role="status">It is cancelled, and the agent is told. Reload to see what comes of \
it.</p>
"""

_UNKNOWN = Template("""\
<section><h1>There is no such session</h1>
<p>A task that was just sent has a session once its agent waits or ends: reload in a moment. What an
earlier stack had is gone with it.</p>
$problem<p><a href="/">All sessions</a></p></section>
""")


def session(
    record: Record,
    entries: list[Entry],
    spans: list[Span],
    asked: list[Asked],
    mails: int,
    *,
    problem: str = "",
    is_cancelled: bool = False,
    address: Address | None = None,
) -> bytes:
    """Returns the page.

    Args:
        record: The session.
        entries: What happened.
        spans: What the functions traced of it.
        asked: What e-mails asked.
        mails: How many e-mails ask what is not decided.
        problem: Why a wait was not cancelled.
        is_cancelled: Whether a wait was just cancelled.
        address: The page's, where it may reload by itself.
    """
    main = "".join((
        _head(record, _notice(problem, is_cancelled)),
        _TIMELINE.substitute(
            entries="".join(_entry(entry, record, asked) for entry in entries),
            steps=_steps(spans),
        ),
        _CONVERSATION.substitute(messages=conversation(record.messages, record.unread)),
    ))  # fmt: skip
    return pages.page(f"Session {record.row.session_id}", main, mails, address)


def unknown(mails: int, problem: Problem | None = None, address: Address | None = None) -> bytes:
    """Returns the page for a session that there is not, or not yet.

    Args:
        mails: How many open e-mails there are.
        problem: What the agent's function has failed with last.
        address: The page's own, where it may reload by itself.
    """
    notice = _notice(failed(problem), False) if problem else ""
    return pages.page("No session", _UNKNOWN.substitute(problem=notice), mails, address)


def failed(problem: Problem) -> str:
    """Returns what to say of a run that failed, and is tried again."""
    return f"The agent's function failed at {moment(problem.at)}. {problem.text}"


def _head(record: Record, notice: str) -> str:
    row = record.row
    parent = f"<p>Asked for by {session_link(row.parent_id)}</p>\n" if row.parent_id else ""
    return _HEAD.substitute(
        session_id=shown(row.session_id),
        notice=notice,
        state=shown(row.state),
        agent=shown(row.agent_name),
        changed_at=moment(row.changed_at),
        parent=parent,
    )


def _notice(problem: str, is_cancelled: bool) -> str:
    if problem:
        return f'<p class="problem" role="alert">{shown(problem)}</p>\n'
    return _CANCELLED if is_cancelled else ""


def _entry(entry: Entry, record: Record, asked: list[Asked]) -> str:
    return _ENTRY.substitute(
        at=f"{entry.bound} {moment(entry.at)}".strip(),
        title=shown(entry.title),
        note=f', <span class="soft">{shown(entry.note)}</span>' if entry.note else "",
        text=folded(entry.text),
        rest=_of_wait(entry.asked, record, asked) if entry.asked else "",
    )


def _of_wait(wait: Wait, record: Record, asked: list[Asked]) -> str:
    """Returns what belongs to a wait: the session that it asked for, its e-mails, its button."""
    parts = []
    child = record.children.get(wait.tool_use_id)
    if child:
        state, link = shown(child.state), session_link(child.session_id)
        parts.append(f'<p>Its session: {link}, <span class="status">{state}</span></p>\n')
    parts += _mails(wait, [q for q in asked if q.tool_use_id == wait.tool_use_id])
    if wait.status == Status.PENDING:
        parts.append(_cancel(wait, record))
    return "".join(parts)


def _mails(wait: Wait, questions: list[Asked]) -> Iterable[str]:
    for question in questions:
        subject, n = shown(question.subject), question.number
        yield f'<p>E-mail: <a href="/local/mail?item={n}#mail-{n}">{subject}</a></p>\n'
    if questions and wait.status == Status.PENDING:
        yield f'<p><a href="{shown(questions[-1].url)}">Read and decide</a></p>\n'


def _cancel(wait: Wait, record: Record) -> str:
    open_waits = [other for other in record.waits if other.status == Status.PENDING]
    others = _OTHERS if len(open_waits) > 1 else ""
    return _CANCEL.substitute(
        url=session_url(wait.session_id),
        tool_use_id=shown(wait.tool_use_id),
        effect=Template(_TOLD).substitute(others=others),
    )


def _steps(spans: list[Span]) -> str:
    if not spans:
        return ""
    rows = [
        f"<li>{moment(span.start)} {shown(span.name)} {shown(span.operation)} "
        f'<span class="soft">{(span.end - span.start) * 1_000:,.0f} ms</span></li>\n'
        for span in spans
    ]
    return _STEPS.substitute(count=len(rows), rows="".join(rows))
