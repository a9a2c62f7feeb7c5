"""The front door's own pages: no script, nothing from elsewhere, whatever an e-mail contains."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from string import Template

from local.address import RELOAD_SECONDS, ROWS, Address, part_of
from local.mail import Mail, Question
from local.mail_links import sessions_of
from local.markup import moment, moment_of, session_link, shown
from local.session_list import Pages, part_of_list, rows_in, session_list
from local.ten_steps import ten_steps
from local.verdicts import Verdicts, is_open, verdict_of
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

_WHOLE_MAILS = 3
"""On a page, whose text is not folded."""

_SEND = Template("""\
<section>
<h1>Send a task</h1>
$notice
<p>The agent works on the task until it needs a person. Then it stops, and the approver gets an \
e-mail, here on the page <a href="/local/mail">E-mail</a>. After the decision the agent goes on \
and does what was approved.</p>
$model
<form method="post" action="/local/tasks">
<label for="task">What shall the agent write about?</label>
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

_MAIL = Template("""\
<article>
<h2 id="mail-$number">$subject</h2>
$content</article>
""")

_DECIDED = Template("""\
<article>
<details$open><summary><h2 id="mail-$number">$subject</h2>
<p class="verdict">$verdict</p></summary>
$content</details>
</article>
""")

_CONTENT = Template("""\
<p class="soft">To $to, <time datetime="$sent_at">$sent</time>$sessions</p>
$html$questions
""")

_QUESTION = Template("""$links
<pre dir="auto">
$body</pre>
""")

_FOLDED_QUESTION = Template("""$links
<details><summary>Its text</summary>
<pre dir="auto">
$body</pre>
</details>
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

_MAILS = Template("""\
<section><h1>E-mail</h1>
<p>What approvers get: $count sent, $open open. What is decided is folded, below.</p></section>
""")

_NO_MAIL = """\
<section><h1>No e-mail yet</h1>
<p>The approver gets one as soon as an agent asks. <a href="/">Send a task</a>, then reload this \
page.</p></section>
"""

_SCRIPTED = """\
<p class="soft">The model is a script, not an AI: it needs no key, and plays the tools that the \
agent has with the words of the task. <code>docs/adapt.md</code> says how to give it turns of your \
own. To have a real model: the section <em>A real model</em> of the same file \
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
    """
    tree, ways = part_of_list(sessions, address)
    main = _SEND.substitute(
        notice=_notice(sent, problem),
        model=_SCRIPTED if is_scripted else "",
        task=f"\n{escape(task)}",
        queues=_queues(*queue_lengths),
        steps=ten_steps(rows_in(tree)),
        sessions=session_list(tree, decided_at),
        ways=ways,
    )
    return page("Tasks", main, mails, address)


def mailbox(
    mails: Sequence[Mail],
    ended: Verdicts | None = None,
    address: Address = Address("/local/mail"),  # noqa: B008 - it never changes
) -> bytes:
    """Returns the page `/local/mail`: what is open first, then the rest; each newest first.

    Args:
        mails: Oldest first.
        ended: What has become of what they ask; what is not there is open.
        address: The page's.
    """
    known = ended or {}
    numbered = list(enumerate(mails, 1))[::-1]
    ordered = sorted(numbered, key=lambda one: not is_open(one[1], known))  # It keeps the order.
    numbers = [number for number, _ in ordered]
    if address.item in numbers:
        address = replace(address, page=numbers.index(address.item) // ROWS + 1)
    shown_mails, ways = part_of(ordered, address)
    articles = [
        _mail(number, mail, known, place < _WHOLE_MAILS, number == address.item)
        for place, (number, mail) in enumerate(shown_mails)
    ]
    count = sum(is_open(mail, known) for mail in mails)
    head = _MAILS.substitute(count=len(mails), open=count)
    return page("E-mail", f"{head}{''.join(articles)}{ways}" if mails else _NO_MAIL, count, address)


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


def _mail(number: int, mail: Mail, ended: Verdicts, is_first: bool, is_wanted: bool) -> str:
    """Shows an e-mail; what asks nothing any more is folded behind what was decided.

    Of what is open the buttons are always there, and the text of the first ones.
    """
    verdicts = [verdict for q in mail.questions if (verdict := verdict_of(q, ended))]
    is_decided = bool(verdicts) and not is_open(mail, ended)
    subject = escape(mail.subject)
    content = _content(mail, ended, is_folded=not (is_decided or is_first or is_wanted))
    if not is_decided:
        return _MAIL.substitute(number=number, subject=subject, content=content)
    return _DECIDED.substitute(
        number=number,
        subject=subject,
        content=content,
        open=" open" if is_wanted else "",
        verdict=shown("; ".join(dict.fromkeys(verdicts))),
    )


def _content(mail: Mail, ended: Verdicts, is_folded: bool) -> str:
    is_one = len(mail.questions) == 1
    parts = [
        _question(q, "" if is_one else f" {n}", verdict_of(q, ended), is_folded)
        for n, q in enumerate(mail.questions, 1)
    ]
    if not is_one:
        parts.append(_AS_SENT.substitute(body=escape(mail.body)))
    return _CONTENT.substitute(
        html=_html(mail) if mail.html else "",
        sent_at=escape(mail.sent_at),
        sent=escape(moment_of(mail.sent_at)),
        to=escape(mail.to or "the approver"),
        sessions="".join(f", session {session_link(found)}" for found in sessions_of(mail)),
        questions="".join(parts),
    )


def _html(mail: Mail) -> str:
    """Shows the HTML as a person gets it, but that its links leave the frame."""
    html = mail.html.replace("<head>", _LEAVES, 1)
    return _HTML.substitute(title=escape(f"{mail.subject} (HTML)"), html=escape(html))


def _question(question: Question, number: str, verdict: str, is_folded: bool) -> str:
    """Shows one question of an e-mail; each button of several has its number.

    One that is decided has no buttons, but a way to the page that says so.
    """
    if verdict:
        way = f'<a href="{escape(question.links[0].url)}">Its page</a>'
        said = f"<p>{f'{number.strip()}: ' if number else ''}{shown(verdict)}. {way}</p>"
        return _with_text(said, question, is_folded)
    links = "".join(
        f'<a class="button {link.label}" href="{escape(link.url)}">'
        f"{link.label.capitalize()}{number}</a>"
        for link in question.links
    )
    return _with_text(f"<p>{links}</p>" if links else "", question, is_folded)


def _with_text(links: str, question: Question, is_folded: bool) -> str:
    template = _FOLDED_QUESTION if is_folded else _QUESTION
    return template.substitute(links=links, body=escape(question.body))
