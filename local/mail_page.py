"""The page of e-mails: what is open first, what is decided folded behind what was decided."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from string import Template

from local import pages
from local.address import ROWS, Address, part_of
from local.mail import Mail, Question
from local.mail_links import sessions_of
from local.markup import moment_of, session_link, shown
from local.verdicts import Verdicts, is_open, verdict_of

# An e-mail has its styles in its elements, and its frame has the policy of the page around it.
HEADERS = [
    (name, f"{value}; style-src-attr 'unsafe-inline'" if value == pages.POLICY else value)
    for name, value in pages.HEADERS
]

_WHOLE_MAILS = 3
"""On a page, whose text is not folded."""

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
    return pages.page(
        "E-mail", f"{head}{''.join(articles)}{ways}" if mails else _NO_MAIL, count, address
    )


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
