"""The front door's own pages: no script, nothing from elsewhere, whatever an e-mail contains."""

import base64
import hashlib
from html import escape
from pathlib import Path
from string import Template

from local.address import RELOAD_SECONDS, Address
from local.markup import moment, shown
from local.session_list import Pages, part_of_list, rows_in, session_list
from local.ten_steps import ten_steps
from local.timeline import Failures
from local.view import SessionRow

_PAGES = Path(__file__).parent / "pages"
_STYLE = (_PAGES / "local.css").read_text(encoding="utf-8")
_FRAME = Template((_PAGES / "frame.html").read_text(encoding="utf-8"))
_FEED = b' <a href="/feed">Feed</a>'
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", POLICY),
    # Not no-referrer: the form's Origin would be null, and the guard wants to see ours.
    ("Referrer-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
]
_SEND = Template("""\
<section>
<h1>Send a task</h1>
$notice
<p>The agent works on the task until it needs a person. Then it stops, and the approver gets an \
e-mail, here on the page <a href="/local/mail">E-mail</a>. After the decision the agent goes on \
and does what was approved.</p>
$model
<form method="post" action="/local/tasks">
<label for="task">What shall the agent do?</label>
<textarea id="task" name="task" rows="3" required>$task</textarea>
<button>Send the task</button>
</form>
</section>
<section>
<h2>The ten steps, and where each session is</h2>
$steps</section>
<section>
<h2>Sessions</h2>
$queues
$sessions$ways</section>
""")

_SCRIPTED = """\
<p class="soft">The model is a script, not an AI: it needs no key, plays the tools that the \
agent has, and repeats your words in what it drafts. <code>docs/adapt.md</code> says how to give \
it turns of your own. To have a real model: the section <em>A real model</em> of the same file \
(<code>docs/adapt.md#a-real-model</code>).</p>
"""

_GONE = Template("""\
<section><h1>There is no approval here</h1>
<p>This stack was started at $started_at and remembers nothing of an earlier one: what was asked \
before then is gone with it, and its links lead nowhere. <a href="/">Send the task again</a>. \
<code>make run KEEP=1</code> keeps what is open over a restart.</p>
<p class="soft">A link of this stack's own is on <a href="/local/mail">the page of e-mails</a>: \
take the whole of it.</p></section>
""")

_NOT_FOUND = """\
<section><h1>There is nothing here</h1><p>Try one of the links above.</p></section>
"""


def landing(
    sessions: list[SessionRow],
    queue_lengths: tuple[int, int],
    mails: int,
    *,
    is_scripted: bool = False,
    sent: str = "",
    problem: str = "",
    task: str = "",
    address: Address = Address("/"),  # noqa: B008 - it never changes
    decided_at: Pages | None = None,
    failure_of: Failures = lambda _: None,
) -> bytes:
    """Returns the page `/`.

    Args:
        sessions: Newest first.
        queue_lengths: Messages on their way, and dead letters.
        mails: How many e-mails ask what is not decided.
        is_scripted: Whether the model is the scripted one.
        sent: The session id of a task that was just sent.
        problem: Why a task was not sent.
        task: What was typed, to be put right.
        address: The page's.
        decided_at: Where what waits for a person is decided.
        failure_of: What a message has failed with.
    """
    tree, ways = part_of_list(sessions, address)
    main = _SEND.substitute(
        notice=_notice(sent, problem),
        model=_SCRIPTED if is_scripted else "",
        task=f"\n{escape(task)}",
        queues=_queues(*queue_lengths),
        steps=ten_steps(rows_in(tree)),
        sessions=session_list(tree, decided_at, failure_of),
        ways=ways,
    )
    return page("Tasks", main, mails, address)


def gone(started_at: float, mails: int) -> bytes:
    """Returns the page for a link to an approval that this stack has not.

    Args:
        started_at: When the stack was started, epoch seconds.
        mails: How many e-mails ask what is not decided.
    """
    main = _GONE.substitute(started_at=moment(started_at))
    return page("No approval", main, mails)


def not_found(mails: int) -> bytes:
    """Returns the page for an address that nothing has."""
    return page("Nothing here", _NOT_FOUND, mails)


def page(title: str, main: str, mails: int, address: Address | None = None) -> bytes:
    """Returns a whole page.

    Args:
        title: As text.
        main: As HTML.
        mails: How many e-mails ask what is not decided.
        address: The page's, where it may reload by itself.
    """
    text = _FRAME.substitute(
        title=shown(title),
        style=_STYLE,
        main=main,
        mails=f" ({mails} open)" if mails else "",
        reload=_reload(address) if address else "",
    )
    return text.encode()


def without_feed(answer: bytes) -> bytes:
    """Returns a page as it is where the stack has no UniTok; no text of others can be the link."""
    return answer.replace(_FEED, b"", 1)


def _reload(address: Address) -> str:
    """Returns the way to have the page reload by itself, or to have it stop."""
    words = f"Stop reloading ({RELOAD_SECONDS} s)" if address.reloads else "Auto-reload"
    return f' <a href="{escape(address.at(reloads=not address.reloads))}">{words}</a>'


def _notice(sent: str, problem: str) -> str:
    if problem:
        return f'<p class="problem" role="alert">{escape(problem)}</p>'
    if sent:
        return (
            f'<p class="done" role="status">Sent, as <code>{escape(sent)}</code>. What the agent '
            'asks comes as <a href="/local/mail">the approver\'s e-mail</a>; what has come of the '
            'task is below. Reload to see it, or <a href="/?reload=1">have the page reload by '
            "itself</a>.</p>"
        )
    return ""


def _queues(on_their_way: int, dead_letters: int) -> str:
    parts = []
    if on_their_way:
        parts.append(f"{on_their_way} on the way to an agent.")
    if dead_letters:
        parts.append(
            f"{dead_letters} could not be handled: <code>make redrive DRY_RUN=1</code> tells why."
        )
    return f'<p class="soft">{" ".join(parts)}</p>' if parts else ""
