"""The pages of the inbox: signing in, the lists, several at once. There is no script."""

import html
import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

from inbox_list import DECIDED, MAX_WORDS_CHARS, MINE, OPEN, Listed, Row, Wanted
from longrunning.http import MAX_COMMENT_CHARS
from longrunning.people.directory import Person
from longrunning.people.words import Words
from longrunning.text import has_deadline
from longrunning.waits.item import Status, Wait
from page_parts import alert, code, deadline, duration, fill, framed, moment, page, row, shown
from people_parts import votes, who_must_agree
from review_pages import arguments_section, text_shown
from viewer import Viewer

STYLE = "inbox.css"

_ID = re.compile(r'(?<=[ -])(id|labelledby)="([^"]*)"')
"""In the markup of a page: what was written by others has no quote in it."""

_TABS = {MINE: "inbox.mine", OPEN: "inbox.open", DECIDED: "inbox.decided"}
_HEADINGS = {OPEN: "inbox.all_open", DECIDED: "inbox.all_decided"}
_EMPTY = {MINE: "inbox.empty_mine", OPEN: "inbox.empty_open", DECIDED: "inbox.empty_decided"}
_WAITS = ("inbox.waits_none", "inbox.waits_one", "inbox.waits_many")
_MORE = ("inbox.more_none", "inbox.more_one", "inbox.more_many")
_SOON_SECONDS = 3_600
_ENDINGS = {
    Status.EXPIRED: "inbox.nobody",
    Status.CANCELLED: "closed.withdrawn",
    Status.DENIED: "decided.denied",
    Status.RESOLVED: "question.answered",
}
BECAME = {
    "approved": "batch.approved",
    "denied": "batch.denied",
    "recorded": "batch.recorded",
    "counted": "batch.counted",
    "conflict": "batch.conflict",
    "expired": "batch.expired",
    "unknown": "batch.unknown",
    "forbidden": "batch.forbidden",
    "question": "batch.question",
    "changed": "batch.changed",
    "full": "batch.full",
}
"""What became of one of several, by the decision or by its outcome."""


def sign_in_page(words: Words, problem: str, to: str) -> str:
    """Asks for an address; `to` is where to go on once signed in."""
    hidden = f'<input type="hidden" name="to" value="{html.escape(to)}">' if to else ""
    problem = alert(words.reason(problem))
    main = fill("sign_in.html", words, problem=problem, to=hidden)
    return framed(page(words.say("signin.heading"), main, words=words), "", STYLE)


def sign_in_oidc_page(words: Words, problem: str, url: str, who: str = "") -> str:
    """Leads to where one signs in; `who` is signed in there, and nobody here."""
    there = f"<p>{words.say('signin.there', who=shown(who))}</p>" if who else ""
    problem = alert(words.reason(problem))
    main = fill("sign_in_oidc.html", words, problem=problem, there=there, url=html.escape(url))
    return framed(page(words.say("signin.heading"), main, words=words), "", STYLE)


def sent_page(words: Words) -> str:
    """Says that an e-mail is on its way, if there is such an approver."""
    main = fill("sign_in_sent.html", words)
    return framed(page(words.say("signin.sent"), main, words=words), "", STYLE)


def sign_in_button_page(person: Person) -> str:
    """Offers the button that signs in."""
    words = person.words
    heading = words.say("signin.as", person=shown(person.name))
    main = fill("sign_in_button.html", words, heading=heading)
    return framed(page(words.say("signin.heading"), main, words=words), "", STYLE)


def list_page(listed: Listed, wanted: Wanted, viewer: Viewer, now: int) -> str:
    """Shows a list.

    Args:
        listed: The page of it.
        wanted: What was asked for.
        viewer: Who looks.
        now: Epoch seconds.
    """
    words = viewer.words
    heading = _heading(listed, wanted, words)
    main = fill(
        "inbox_list.html",
        words,
        heading=heading,
        view=wanted.view,
        typed=html.escape(wanted.words),
        max_words=str(MAX_WORDS_CHARS),
        agents=_agents(listed.agents, wanted.agent, words),
        rows=_rows(listed, wanted, viewer, now),
        as_of=words.say("inbox.as_of", time=moment(now, words)),
        again=_url(wanted, ""),
        more=_more(listed, wanted, words),
    )
    text = page(heading, main, tone="wide", words=words)
    return framed(text, bar(listed, wanted.view, viewer, ""), STYLE)


def batch_page(waits: Sequence[Wait], left_out: int, viewer: Viewer, now: int) -> str:
    """Shows the whole of several approvals, and the form that decides them together.

    Args:
        waits: At least one.
        left_out: How many of those ticked are not among them.
        viewer: Who looks.
        now: Epoch seconds.
    """
    words, count = viewer.words, len(waits)
    one = count == 1
    heading = words.say("batch.heading_one" if one else "batch.heading", count=count)
    main = fill(
        "inbox_batch.html",
        words,
        heading=heading,
        left_out=alert(words.say("batch.left_out", count=left_out) if left_out else ""),
        parts="\n".join(_part(number, wait, viewer, now) for number, wait in enumerate(waits)),
        max_comment=str(MAX_COMMENT_CHARS),
        approve=words.say("review.approve" if one else "batch.approve", count=count),
        deny=words.say("review.deny" if one else "batch.deny", count=count),
    )
    return framed(page(heading, main, words=words), bar(None, MINE, viewer, "../"), STYLE)


def done_page(lines: Iterable[tuple[str, str, str]], mine: int, viewer: Viewer) -> str:
    """Says what became of each of several.

    Args:
        lines: Of each the reference, what it is about, and what became of it.
        mine: How many still wait for this person.
        viewer: Who looks.
    """
    words = viewer.words
    rows = "\n".join(
        row(what, f'{shown(became)} <a href="approvals/{ref}">{words.say("batch.see")}</a>')
        for ref, what, became in lines
    )
    main = fill("inbox_done.html", words, rows=rows, next=_counted(_MORE, mine, words))
    text = page(words.say("batch.became"), main, words=words)
    return framed(text, bar(None, MINE, viewer, "../"), STYLE)


def bar(listed: Listed | None, view: str, viewer: Viewer, root: str, strip: str = "") -> str:
    """Returns the bar above each page: the lists, and who is signed in.

    Args:
        listed: Whose counts are shown; None: none are.
        view: The list that is shown.
        viewer: Who is signed in.
        root: What leads from the page's URL to the place above the inbox, such as `../`.
        strip: HTML, below the lists.
    """
    words = viewer.words
    counts = {MINE: listed.mine, OPEN: listed.open} if listed and listed.is_all else {}
    tabs = "".join(
        f'<a href="{root}inbox?view={name}"{_current(name == view)}>{words.say(label)}'
        + (f" <b>{counts[name]}</b>" if name in counts else "")
        + "</a>"
        for name, label in _TABS.items()
    )
    who = shown(viewer.name_of(viewer.id or ""))
    return fill("inbox_bar.html", words, tabs=tabs, root=root, who=who, strip=strip)


def actions(wait: Wait, later_end: int | None, words: Words) -> str:
    """Returns what else can be done about an open approval.

    Args:
        wait: What is open.
        later_end: Which end a day more would mean, in epoch seconds; None: there is no more.
        words: Of who looks.
    """
    extend = ""
    if later_end is not None:
        until = words.say("act.until", time=moment(later_end, words))
        place, read = html.escape(wait.tool_use_id), str(wait.decide_by)
        extend = fill("inbox_extend.html", words, place=place, read=read, until=until)
    return fill(
        "inbox_actions.html",
        words,
        place=html.escape(wait.tool_use_id),
        extend=extend,
        max_comment=str(MAX_COMMENT_CHARS),
    )


def next_strip(listed: Listed, words: Words, root: str) -> str:
    """Leads to what waits next, for the bar; the arguments are those of `bar`."""
    url = f"{root}inbox"
    said = words.say("inbox.more_none")
    if listed.rows:
        first = listed.rows[0]
        url = f"{url}/approvals/{first.session_id}/{first.tool_use_id}"
        said = words.say("inbox.next", what=first.preview[:60])
    return f'<p class="strip"><a href="{url}">{shown(said)}</a></p>'


def resent_strip(words: Words) -> str:
    """Says that the e-mails are sent again, for the bar."""
    return f'<p class="strip" role="status">{words.say("act.resent")}</p>'


def _current(is_current: bool) -> str:
    return ' aria-current="page"' if is_current else ""


def _heading(listed: Listed, wanted: Wanted, words: Words) -> str:
    count = len(listed.rows)
    if wanted.view != MINE:
        return words.say(_HEADINGS[wanted.view])
    if wanted.is_narrowed:
        return words.say("inbox.found", count=count)
    return _counted(_WAITS, count, words) if listed.is_all else words.say("inbox.waits_some")


def _counted(keys: tuple[str, str, str], count: int, words: Words) -> str:
    """Says a number: none, one, or how many."""
    return words.say(keys[min(count, 2)], count=count)


def _agents(names: Iterable[str], chosen: str, words: Words) -> str:
    known = sorted({*names, chosen} - {""})
    options = [("", words.say("inbox.every_agent")), *((name, name) for name in known)]
    return "".join(
        f'<option value="{html.escape(value)}"{" selected" if value == chosen else ""}>'
        f"{shown(label)}</option>"
        for value, label in options
    )


def _rows(listed: Listed, wanted: Wanted, viewer: Viewer, now: int) -> str:
    words = viewer.words
    if not listed.rows:
        key = "inbox.found_none" if wanted.is_narrowed else _EMPTY[wanted.view]
        return f"<p>{words.say(key)}</p>"
    numbered = enumerate(listed.rows)
    rows = "".join(_row(number, found, wanted.view, viewer, now) for number, found in numbered)
    has_picks = wanted.view != DECIDED and any(_may_pick(r) for r in listed.rows)
    batch = fill("inbox_batch_bar.html", words) if has_picks else ""
    return fill("inbox_rows.html", rows=rows, batch=batch)


def _row(number: int, found: Row, view: str, viewer: Viewer, now: int) -> str:
    words, ref = viewer.words, f"{found.session_id}/{found.tool_use_id}"
    facts = _decision(found, viewer) if view == DECIDED else _facts(found, view, now, words)
    picks = view != DECIDED and _may_pick(found)
    return fill(
        "inbox_row.html",
        pick=_pick(number, ref, found, words) if picks else "",
        who=_wants(found.wait, found.agent_name, found.action, words),
        url=f"inbox/approvals/{ref}",
        preview=shown(found.preview) or f"<em>{words.say('inbox.bare')}</em>",
        facts=facts,
    )


def _wants(wait: Wait, agent_name: str, action: str, words: Words) -> str:
    agent = f"<strong>{shown(agent_name)}</strong>"
    if wait.is_question:
        return words.say("inbox.asks", agent=agent)
    return words.say("inbox.wants", agent=agent, action=code(action))


def _may_pick(found: Row) -> bool:
    return found.is_mine and not found.wait.is_question


def _pick(number: int, ref: str, found: Row, words: Words) -> str:
    label = html.escape(words.say("inbox.tick", what=found.preview[:60]))
    return (
        f'<label><input type="checkbox" name="pick" value="{ref}" id="pick-{number}" '
        f'aria-label="{label}"></label>'
    )


def _facts(found: Row, view: str, now: int, words: Words) -> str:
    wait = found.wait
    waiting = words.say("inbox.waiting", time=duration(max(0, now - wait.requested_at), words))
    facts = [_left(wait, now, words), f"<span>{waiting}</span>"]
    if wait.requested_by:
        person = words.say("inbox.for", person=shown(wait.requested_by))
        facts.append(f"<span>{person}</span>")
    if wait.is_question:
        facts.append(_tag(words.say("inbox.question")))
    if wait.needed:
        said = words.say("inbox.so_far", count=found.approved, needed=wait.needed)
        facts.append(_tag(said))
    if found.is_edited:
        facts.append(_tag(words.say("inbox.edited")))
    if view == OPEN and not found.is_mine:
        facts.append(_tag(words.say("inbox.not_mine")))
    return "\n".join(facts)


def _left(wait: Wait, now: int, words: Words) -> str:
    if not has_deadline(wait.requested_at, wait.decide_by):
        return f"<span>{words.say('inbox.no_deadline')}</span>"
    left, whole = wait.decide_by - now, max(1, wait.decide_by - wait.requested_at)
    share = max(1, min(100, 100 * left // whole))
    tone = ' class="soon"' if left <= _SOON_SECONDS else ""
    said = words.say("inbox.left", time=duration(left, words))
    return (
        f'<span{tone}><progress aria-hidden="true" max="100" value="{share}"></progress>'
        f"<b>{said}</b></span>"
    )


def _decision(found: Row, viewer: Viewer) -> str:
    wait, words = found.wait, viewer.words
    by = wait.decided_by or ""
    name = viewer.name_of(by)
    if wait.via == "rule":
        name = words.say("inbox.the_rule", rule=by.partition(":")[2])
    what = f"<b>{words.say(_ENDINGS.get(wait.status, 'decided.approved'))}</b>"
    if wait.status != Status.EXPIRED:
        what = words.say("inbox.by", what=what, who=shown(name))
    return f"<span>{what}</span>\n{moment(wait.decided_at or 0, words)}"


def _tag(said: str) -> str:
    return f'<span class="tag">{said}</span>'


def _more(listed: Listed, wanted: Wanted, words: Words) -> str:
    if not listed.next:
        return ""
    said = words.say("inbox.earlier" if wanted.view == DECIDED else "inbox.next_ones")
    return f'<p><a href="{_url(wanted, listed.next)}">{said}</a></p>'


def _url(wanted: Wanted, next_: str) -> str:
    fields = {"view": wanted.view, "q": wanted.words, "agent": wanted.agent, "next": next_}
    given = {name: value for name, value in fields.items() if value}
    return html.escape(f"inbox?{urlencode(given)}")


def _part(number: int, wait: Wait, viewer: Viewer, now: int) -> str:
    words = viewer.words
    return fill(
        "inbox_batch_part.html",
        ref=f"{wait.session_id}/{wait.tool_use_id}",
        heading=_wants(wait, wait.agent_name, wait.asked.action, words),
        digest=wait.in_force.digest,
        deadline=deadline(wait, now, words),
        who=who_must_agree(wait, viewer),
        text=_numbered(text_shown(wait, words), number),
        arguments=_numbered(arguments_section(wait, words) + votes(wait, viewer), number),
    )


def _numbered(section: str, number: int) -> str:
    """Makes the ids of a section those of one of several: a page has each id once."""
    return _ID.sub(lambda match: f'{match[1]}="{match[2]}-{number}"', section)
