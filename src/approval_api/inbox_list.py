"""What the inbox lists: what waits for one person, all that is open, what was decided.

What is open is read in the order in which it is due, and looked at 500 at a time: whoever has more
goes on from page to page. What a page says of an approval is what its record says now.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from approval_services import Services
from inbox_services import InboxServices
from longrunning.codec import base64url, from_base64url
from longrunning.http import RefusedError
from longrunning.messages import SESSION_ID_PATTERN, TOOL_USE_ID_PATTERN
from longrunning.people.directory import Person
from longrunning.waits.decided import DecidedEntry
from longrunning.waits.item import Call, Wait, as_json
from longrunning.waits.open_pages import MAX_TIME, read_page, read_positions, written
from longrunning.waits.open_waits import APPROVAL_SHARDS

MINE, OPEN, DECIDED = "mine", "open", "decided"
VIEWS = (MINE, OPEN, DECIDED)

MAX_LOOKED_AT = 500
"""Entries of the index, for one page of what is open."""

MAX_SHOWN, MAX_SEARCHED = 50, 200
"""Of what is decided: on one page, and for it, where words are looked for."""

MAX_WORDS_CHARS = 200
PREVIEW_CHARS = 240


@dataclass(frozen=True)
class Wanted:
    """Which page of which list."""

    view: str
    words: str = ""
    """All of them must be in it, in letters of any case."""
    agent: str = ""
    next: str = ""
    """Where to go on, as the page before has said."""

    @property
    def is_narrowed(self) -> bool:
        """Whether it may leave something out."""
        return bool(self.words or self.agent)


class Row(NamedTuple):
    """What a list says of one approval; its text, which may be long, is not kept."""

    session_id: str
    tool_use_id: str
    agent_name: str
    action: str
    preview: str
    """How the text begins, or the arguments."""
    wait: Wait
    """All else: its call has no text and no arguments here."""
    approved: int
    """How many have approved the call in force."""
    is_mine: bool
    is_edited: bool


@dataclass
class Listed:
    """A page of a list."""

    rows: list[Row] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    """Of all that was looked at."""
    mine: int = 0
    """How many of those looked at wait for this person."""
    open: int = 0
    is_all: bool = True
    """Whether all that is open was looked at."""
    next: str = ""
    """Where the next page starts; empty: there is none."""


def listed(
    services: Services, inbox: InboxServices, person: Person, wanted: Wanted, now: int
) -> Listed:
    """Reads a page.

    Args:
        services: The approvals.
        inbox: Their indexes.
        person: Who looks.
        wanted: Which page.
        now: Epoch seconds.

    Raises:
        RefusedError: 400, `next` is not what a page has given.
    """
    if wanted.view != DECIDED:
        return _open_page(services, inbox, person, wanted, now)
    return _decided_page(services, inbox, wanted, now)


def is_for(wait: Wait, person: Person, now: int) -> bool:
    """Tells whether a wait is open, asked of a person, and this one has not agreed to it yet."""
    return wait.is_open(now) and wait.call is not None and person.id in wait.to_be_asked


def _open_page(
    services: Services, inbox: InboxServices, person: Person, wanted: Wanted, now: int
) -> Listed:
    page = Listed()
    try:
        after = read_positions(wanted.next) if wanted.next else {}
    except ValueError as error:
        raise RefusedError(400, "next: expected what the page before gave") from error
    found = read_page(inbox.open, MAX_LOOKED_AT, after, APPROVAL_SHARDS)
    page.is_all = not after and found.next is None
    page.next = "" if found.next is None else written(found.next)
    for wait in services.approvals.get_many((e.session_id, e.tool_use_id) for e in found.entries):
        if not wait.is_open(now) or wait.call is None:
            continue  # The index is a moment behind, and what is decided is listed elsewhere.
        is_mine = is_for(wait, person, now)
        page.open += 1
        page.mine += is_mine
        page.agents.add(wait.agent_name)
        if (is_mine or wanted.view == OPEN) and _fits(wait, wanted):
            page.rows.append(row_of(wait, is_mine))
    page.rows.sort(key=lambda row: (row.wait.decide_by, row.wait.key))
    return page


def _decided_page(services: Services, inbox: InboxServices, wanted: Wanted, now: int) -> Listed:
    page = Listed(is_all=False)  # How many are open is not counted here.
    after = _read_entry(wanted.next) if wanted.next else None
    most = MAX_SEARCHED if wanted.is_narrowed else MAX_SHOWN
    entries = inbox.decided.entries(now, most, after)
    last = entries[-1] if len(entries) == most else None
    for wait, entry in _in_order(services, entries):
        page.agents.add(wait.agent_name)
        if _fits(wait, wanted):
            page.rows.append(row_of(wait, is_mine=False))
        if len(page.rows) == MAX_SHOWN and entry != entries[-1]:
            last = entry
            break
    page.next = _written_entry(last) if last else ""
    return page


def row_of(wait: Wait, is_mine: bool) -> Row:
    """Returns what a list says of an approval."""
    call, approved = wait.in_force, len(wait.approved_by)
    bare = replace(wait, call=Call(call.action), edited_content=None, edited_arguments=None)
    preview = call.summary[:PREVIEW_CHARS]
    ids = (wait.session_id, wait.tool_use_id)
    agent, is_edited = wait.agent_name, wait.is_edited
    return Row(*ids, agent, call.action, preview, bare, approved, is_mine, is_edited)


def _in_order(
    services: Services, entries: list[DecidedEntry]
) -> Iterator[tuple[Wait, DecidedEntry]]:
    found = services.approvals.get_many((e.session_id, e.tool_use_id) for e in entries)
    by_key = {(wait.session_id, wait.tool_use_id): wait for wait in found}
    for entry in entries:
        wait = by_key.get((entry.session_id, entry.tool_use_id))
        if wait is not None and wait.call is not None:
            yield wait, entry


def _fits(wait: Wait, wanted: Wanted) -> bool:
    if wanted.agent and wait.agent_name != wanted.agent:
        return False
    words = wanted.words.casefold().split()
    return not words or all(word in text for text in [_text_of(wait)] for word in words)


def _text_of(wait: Wait) -> str:
    """Returns all that words are looked for in."""
    call = wait.in_force
    parts: Iterable[str | None] = (
        wait.agent_name, call.action, call.content, as_json(call.arguments), wait.session_id,
        wait.tool_use_id, wait.requested_by, wait.decided_by, " ".join(wait.approvers or ()),
    )  # fmt: skip
    return "\n".join(filter(None, parts)).casefold()


def _written_entry(entry: DecidedEntry) -> str:
    return base64url(json.dumps(entry).encode())


def _read_entry(text: str) -> DecidedEntry:
    try:
        found = json.loads(from_base64url(text))
        entry = DecidedEntry(*found)
        is_one = SESSION_ID_PATTERN.fullmatch(entry.session_id)
        is_one = is_one and TOOL_USE_ID_PATTERN.fullmatch(entry.tool_use_id)
        if not is_one or type(entry.decided_at) is not int or not 0 <= entry.decided_at < MAX_TIME:
            raise ValueError(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise RefusedError(400, "next: expected what the page before gave") from error
    return entry
