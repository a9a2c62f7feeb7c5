"""The pages of the inbox: signing in, the lists, several at once. There is no script."""

import html
from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

from inbox_list import DECIDED, MAX_WORDS_CHARS, MINE, OPEN, Listed, Row, Wanted
from longrunning.http import MAX_COMMENT_CHARS
from longrunning.people.directory import Person
from longrunning.text import has_deadline, utc
from longrunning.waits.item import Status, Wait
from page_parts import alert, deadline, duration, fill, framed, iso, page, row, shown
from people_parts import votes, who_must_agree
from review_pages import arguments_section, text_shown
from viewer import Viewer

STYLE = "inbox.css"

_TABS = {MINE: "Yours", OPEN: "All open", DECIDED: "Decided"}
_HEADINGS = {OPEN: "All that is open", DECIDED: "What was decided"}
_EMPTY = {
    MINE: "Nothing waits for you.",
    OPEN: "Nothing is open.",
    DECIDED: "Nothing was decided yet.",
}
_SOON_SECONDS = 3_600
_ENDINGS = {Status.EXPIRED: "Nobody decided in time", Status.CANCELLED: "Withdrawn"}


def sign_in_page(problem: str, to: str) -> str:
    """Asks for an address; `to` is where to go on once signed in."""
    hidden = f'<input type="hidden" name="to" value="{html.escape(to)}">' if to else ""
    main = fill("sign_in.html", problem=alert(problem), to=hidden)
    return framed(page("Sign in", main), "", STYLE)


def sent_page() -> str:
    """Says that an e-mail is on its way, if there is such an approver."""
    return framed(page("Look into your mailbox", fill("sign_in_sent.html")), "", STYLE)


def sign_in_button_page(person: Person) -> str:
    """Offers the button that signs in."""
    main = fill("sign_in_button.html", who=shown(person.name))
    return framed(page("Sign in", main), "", STYLE)


def list_page(listed: Listed, wanted: Wanted, viewer: Viewer, now: int, problem: str = "") -> str:
    """Shows a list.

    Args:
        listed: The page of it.
        wanted: What was asked for.
        viewer: Who looks.
        now: Epoch seconds.
        problem: Why what was sent could not be done, or nothing.
    """
    heading = _heading(listed, wanted)
    main = fill(
        "inbox_list.html",
        problem=alert(problem),
        root="",
        heading=heading,
        view=wanted.view,
        words=html.escape(wanted.words),
        max_words=str(MAX_WORDS_CHARS),
        agents=_agents(listed.agents, wanted.agent),
        rows=_rows(listed, wanted, viewer, now),
        iso=iso(now),
        now=utc(now),
        again=_url(wanted, ""),
        more=_more(listed, wanted),
    )
    return framed(page(heading, main, tone="wide"), bar(listed, wanted.view, viewer, ""), STYLE)


def batch_page(waits: Sequence[Wait], left_out: int, viewer: Viewer, now: int) -> str:
    """Shows the whole of several approvals, and the form that decides them together.

    Args:
        waits: At least one.
        left_out: How many of those ticked are not among them.
        viewer: Who looks.
        now: Epoch seconds.
    """
    count = len(waits)
    heading = f"Decide {count} together" if count > 1 else "Decide this one"
    main = fill(
        "inbox_batch.html",
        problem="",
        heading=heading,
        left_out=alert(_left_out(left_out)),
        parts="\n".join(_part(number, wait, viewer, now) for number, wait in enumerate(waits)),
        comment="",
        max_comment=str(MAX_COMMENT_CHARS),
        count=str(count) if count > 1 else "",
    )
    return framed(page(heading, main), bar(None, MINE, viewer, "../"), STYLE)


def done_page(lines: Iterable[tuple[str, str, str]], mine: int, viewer: Viewer) -> str:
    """Says what became of each of several.

    Args:
        lines: Of each the reference, what it is about, and what became of it.
        mine: How many still wait for this person.
        viewer: Who looks.
    """
    rows = "\n".join(
        row(what, f'{shown(became)} <a href="approvals/{ref}">See it</a>')
        for ref, what, became in lines
    )
    main = fill("inbox_done.html", rows=rows, next=_still(mine))
    return framed(page("What became of them", main), bar(None, MINE, viewer, "../"), STYLE)


def bar(listed: Listed | None, view: str, viewer: Viewer, root: str) -> str:
    """Returns the bar above each page: the lists, and who is signed in.

    Args:
        listed: Whose counts are shown; None: none are.
        view: The list that is shown.
        viewer: Who is signed in.
        root: What leads from the page's URL to the place above the inbox, such as `../`.
    """
    counts = {MINE: listed.mine, OPEN: listed.open} if listed and listed.is_all else {}
    tabs = "".join(
        f'<a href="{root}inbox?view={name}"{_current(name == view)}>{label}'
        + (f" <b>{counts[name]}</b>" if name in counts else "")
        + "</a>"
        for name, label in _TABS.items()
    )
    who = shown(viewer.name_of(viewer.id or ""))
    return fill("inbox_bar.html", tabs=tabs, root=root, who=who)


def strip(listed: Listed, root: str) -> str:
    """Leads to what waits next, below the bar; the arguments are those of `bar`."""
    url = f"{root}inbox"
    if listed.rows:
        first = listed.rows[0]
        url = f"{url}/approvals/{first.session_id}/{first.tool_use_id}"
    words = f"Next: {listed.rows[0].preview[:60]}" if listed.rows else _still(0)
    return fill("inbox_strip.html", url=url, words=shown(words))


def _current(is_current: bool) -> str:
    return ' aria-current="page"' if is_current else ""


def _heading(listed: Listed, wanted: Wanted) -> str:
    if wanted.view != MINE:
        return _HEADINGS[wanted.view]
    count = len(listed.rows)
    if wanted.is_narrowed:
        return f"{count} of yours found"
    if not listed.is_all:
        return "What waits for you"
    return {0: "Nothing waits for you", 1: "One waits for you"}.get(count, f"{count} wait for you")


def _still(mine: int) -> str:
    return {0: "Nothing more waits for you", 1: "One more waits for you"}.get(
        mine, f"{mine} more wait for you"
    )


def _left_out(count: int) -> str:
    if not count:
        return ""
    return f"{count} of those ticked cannot be decided together with others: open each by itself."


def _agents(names: Iterable[str], chosen: str) -> str:
    known = sorted({*names, chosen} - {""})
    options = [("", "Every agent"), *((name, name) for name in known)]
    return "".join(
        f'<option value="{html.escape(value)}"{" selected" if value == chosen else ""}>'
        f"{shown(label)}</option>"
        for value, label in options
    )


def _rows(listed: Listed, wanted: Wanted, viewer: Viewer, now: int) -> str:
    if not listed.rows:
        found_none = "Nothing of that was found." if wanted.is_narrowed else _EMPTY[wanted.view]
        return f"<p>{found_none}</p>"
    rows = "".join(
        _row(number, r, wanted.view, viewer, now) for number, r in enumerate(listed.rows)
    )
    has_picks = wanted.view != DECIDED and any(_may_pick(r) for r in listed.rows)
    return fill(
        "inbox_rows.html",
        root="",
        rows=rows,
        batch=fill("inbox_batch_bar.html") if has_picks else "",
    )


def _row(number: int, found: Row, view: str, viewer: Viewer, now: int) -> str:
    ref = f"{found.session_id}/{found.tool_use_id}"
    facts = _decision(found, viewer) if view == DECIDED else _facts(found, view, now)
    wants = "asks" if found.wait.is_question else f"wants to run <code>{shown(found.action)}</code>"
    return fill(
        "inbox_row.html",
        pick=_pick(number, ref, found) if view != DECIDED and _may_pick(found) else "",
        who=f"<strong>{shown(found.agent_name)}</strong> {wants}",
        url=f"inbox/approvals/{ref}",
        preview=shown(found.preview) or "<em>nothing but the call itself</em>",
        facts=facts,
    )


def _may_pick(found: Row) -> bool:
    return found.is_mine and not found.wait.is_question


def _pick(number: int, ref: str, found: Row) -> str:
    return (
        f'<label><input type="checkbox" name="pick" value="{ref}" id="pick-{number}" '
        f'aria-label="Tick: {html.escape(found.preview[:60])}"></label>'
    )


def _facts(found: Row, view: str, now: int) -> str:
    wait = found.wait
    facts = [_left(wait, now), f"<span>asked {_ago(now - wait.requested_at)}</span>"]
    if wait.requested_by:
        facts.append(f"<span>for {shown(wait.requested_by)}</span>")
    if wait.is_question:
        facts.append(_tag("question"))
    if wait.needed:
        facts.append(_tag(f"{found.approved} of {wait.needed} approved"))
    if wait.votes and not found.approved:
        facts.append(_tag("edited since somebody approved"))
    if view == OPEN and not found.is_mine:
        facts.append(_tag("not waiting for you"))
    return "\n".join(facts)


def _left(wait: Wait, now: int) -> str:
    if not has_deadline(wait.requested_at, wait.decide_by):
        return "<span>no deadline</span>"
    left, whole = wait.decide_by - now, max(1, wait.decide_by - wait.requested_at)
    share = max(1, min(100, 100 * left // whole))
    tone = ' class="soon"' if left <= _SOON_SECONDS else ""
    return (
        f'<span{tone}><progress aria-hidden="true" max="100" value="{share}"></progress>'
        f"<b>{duration(left)} left</b></span>"
    )


def _ago(seconds: int) -> str:
    return f"{duration(max(0, seconds))} ago"


def _decision(found: Row, viewer: Viewer) -> str:
    wait, at = found.wait, found.wait.decided_at or 0
    word = _ENDINGS.get(wait.status) or ("Denied" if wait.decision == "denied" else "Approved")
    if wait.status == Status.RESOLVED:
        word = "Answered"
    by = wait.decided_by or ""
    who = (
        f"by the rule {by.partition(':')[2]}" if wait.via == "rule" else f"by {viewer.name_of(by)}"
    )
    who = "" if wait.status == Status.EXPIRED else f" {shown(who)}"
    return f'<span><b>{word}</b>{who}</span>\n<time datetime="{iso(at)}">{utc(at)}</time>'


def _tag(words: str) -> str:
    return f'<span class="tag">{words}</span>'


def _more(listed: Listed, wanted: Wanted) -> str:
    if not listed.next:
        return ""
    words = "Earlier ones" if wanted.view == DECIDED else "There are more: look at the next ones"
    return f'<p><a href="{_url(wanted, listed.next)}">{words}</a></p>'


def _url(wanted: Wanted, next_: str) -> str:
    fields = {"view": wanted.view, "q": wanted.words, "agent": wanted.agent, "next": next_}
    given = {name: value for name, value in fields.items() if value}
    return html.escape(f"inbox?{urlencode(given)}")


def _part(number: int, wait: Wait, viewer: Viewer, now: int) -> str:
    return fill(
        "inbox_batch_part.html",
        ref=f"{wait.session_id}/{wait.tool_use_id}",
        agent=shown(wait.agent_name),
        action=shown(wait.asked.action),
        digest=wait.in_force.digest,
        deadline=deadline(wait, now),
        who=who_must_agree(wait, viewer),
        text=_numbered(text_shown(wait), number),
        arguments=_numbered(arguments_section(wait) + votes(wait, viewer), number),
    )


def _numbered(section: str, number: int) -> str:
    """Makes the ids of a section those of one of several: a page has each id once."""
    for name in ("text-heading", "content", "the-values", "what-goes-with-it", "who-said-what"):
        section = section.replace(f'id="{name}"', f'id="{name}-{number}"')
        section = section.replace(f'labelledby="{name}"', f'labelledby="{name}-{number}"')
    return section
