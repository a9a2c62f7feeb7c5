"""The front door's own pages: no script, nothing from elsewhere, whatever an e-mail contains."""

import base64
import hashlib
from html import escape
from pathlib import Path
from string import Template

from local.mail import Mail, Question
from local.mail_links import sessions_of
from local.markup import clock, session_link, shown
from local.session_list import session_list
from local.view import SessionRow

_PAGES = Path(__file__).parent / "pages"
_STYLE = (_PAGES / "local.css").read_text(encoding="utf-8")
_FRAME = Template((_PAGES / "frame.html").read_text(encoding="utf-8"))
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", _POLICY),
    # Not no-referrer: the form's Origin would be null, and the guard wants to see ours.
    ("Referrer-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
]
# An e-mail has its styles in its elements, and its frame has the policy of the page around it.
MAIL_HEADERS = [
    (name, f"{value}; style-src-attr 'unsafe-inline'" if value == _POLICY else value)
    for name, value in HEADERS
]

_SEND = Template("""\
<section>
<h1>Send a task</h1>
$notice
$model
<form method="post" action="/local/tasks">
<label for="task">What shall the agent write about?</label>
<textarea id="task" name="task" rows="3" required>$task</textarea>
<button>Send the task</button>
</form>
</section>
<section>
<h2>Sessions</h2>
$queues
$sessions
</section>
""")

_MAIL = Template("""\
<article>
<h2 id="mail-$number">$subject</h2>
<p class="soft">To $to, <time datetime="$sent_at">$sent_at</time>$sessions</p>
$html$questions
</article>
""")

_QUESTION = Template("""$links
<pre dir="auto">
$body</pre>
""")

_AS_SENT = Template("""<details><summary>The e-mail as it was sent</summary>
<pre dir="auto">
$body</pre>
</details>
""")

# A document of its own: no script, and nothing of this page. Its links leave it.
_HTML = Template("""\
<iframe class="mail" title="$title" sandbox="allow-top-navigation-by-user-activation" \
srcdoc="$html"></iframe>
""")
_LEAVES = '<head><base target="_top">'

_NO_MAIL = """\
<section><h1>No e-mail yet</h1>
<p>The approver gets one as soon as an agent asks. <a href="/">Send a task</a>, then reload this \
page.</p></section>
"""

_SCRIPTED = """\
<p class="soft">The model is a script, not an AI: it needs no key, and plays the tools that the \
agent has with the words of the task. <code>docs/adapt.md</code> says how to give it turns of your \
own, or a real model.</p>
"""

_GONE = Template("""\
<section><h1>There is no approval here</h1>
<p>This stack was started at $started_at and remembers nothing of an earlier one: what was asked \
before then is gone with it, and its links lead nowhere. <a href="/">Send the task again</a>.</p>
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
) -> bytes:
    """Returns the page `/`.

    Args:
        sessions: Newest first.
        queue_lengths: Messages on their way, and dead letters.
        mails: How many e-mails there are.
        is_scripted: Whether the model is the scripted one.
        sent: The session id of a task that was just sent.
        problem: Why a task was not sent.
        task: What was typed, to be put right.
    """
    main = _SEND.substitute(
        notice=_notice(sent, problem),
        model=_SCRIPTED if is_scripted else "",
        task=f"\n{escape(task)}",
        queues=_queues(*queue_lengths),
        sessions=session_list(sessions),
    )
    return page("Tasks", main, mails)


def mailbox(mails: list[Mail]) -> bytes:
    """Returns the page `/local/mail`, newest first."""
    articles = [_mail(number, mail) for number, mail in enumerate(mails, 1)]
    return page("E-mail", "".join(reversed(articles)) or _NO_MAIL, len(mails))


def gone(started_at: float, mails: int) -> bytes:
    """Returns the page for a link to an approval that this stack has not.

    Args:
        started_at: When the stack was started, epoch seconds.
        mails: How many e-mails there are.
    """
    main = _GONE.substitute(started_at=clock(started_at))
    return page("No approval", main, mails)


def not_found(mails: int) -> bytes:
    """Returns the page for an address that nothing has."""
    return page("Nothing here", _NOT_FOUND, mails)


def page(title: str, main: str, mails: int) -> bytes:
    """Returns a whole page.

    Args:
        title: As text.
        main: As HTML.
        mails: How many e-mails there are.
    """
    text = _FRAME.substitute(title=shown(title), style=_STYLE, main=main, mails=mails)
    return text.encode()


def _notice(sent: str, problem: str) -> str:
    if problem:
        return f'<p class="problem" role="alert">{escape(problem)}</p>'
    if sent:
        return (
            f'<p class="done" role="status">Sent, as <code>{escape(sent)}</code>. What the agent '
            'asks comes as <a href="/local/mail">the approver\'s e-mail</a>; what has come of the '
            "task is below. Reload to see it.</p>"
        )
    return ""


def _queues(on_their_way: int, dead_letters: int) -> str:
    parts = []
    if on_their_way:
        parts.append(f"{on_their_way} on the way to an agent.")
    if dead_letters:
        parts.append(f"{dead_letters} could not be handled: see the dead-letter queue.")
    return f'<p class="soft">{" ".join(parts)}</p>' if parts else ""


def _mail(number: int, mail: Mail) -> str:
    is_one = len(mail.questions) == 1
    parts = [_question(q, "" if is_one else f" {n}") for n, q in enumerate(mail.questions, 1)]
    if not is_one:
        parts.append(_AS_SENT.substitute(body=escape(mail.body)))
    return _MAIL.substitute(
        number=number,
        subject=escape(mail.subject),
        html=_html(mail) if mail.html else "",
        sent_at=escape(mail.sent_at),
        to=escape(mail.to or "the approver"),
        sessions="".join(f", session {session_link(found)}" for found in sessions_of(mail)),
        questions="".join(parts),
    )


def _html(mail: Mail) -> str:
    """Shows the HTML as a person gets it, but that its links leave the frame."""
    html = mail.html.replace("<head>", _LEAVES, 1)
    return _HTML.substitute(title=escape(f"{mail.subject} (HTML)"), html=escape(html))


def _question(question: Question, number: str) -> str:
    """Shows one question of an e-mail; each button of several has its number."""
    links = "".join(
        f'<a class="button {link.label}" href="{escape(link.url)}">'
        f"{link.label.capitalize()}{number}</a>"
        for link in question.links
    )
    return _QUESTION.substitute(
        links=f"<p>{links}</p>" if links else "", body=escape(question.body)
    )
