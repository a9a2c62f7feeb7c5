"""Whose e-mail it is: the links of its questions tell session and tool use.

A link's token is the JSON list that `longrunning.people.links` describes, before the first dot.
Nothing is verified here: the mailbox got it from the stack's own topics.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from local.layer import links
from local.mail import Mail, Question


@dataclass(frozen=True)
class Asked:
    """A question of an e-mail.

    Attributes:
        number: Which e-mail, counted from 1, the oldest first.
        subject: The e-mail's.
        tool_use_id: What it asks about.
        url: The page where it is decided.
    """

    number: int
    subject: str
    tool_use_id: str
    url: str


def questions_of(mails: list[Mail], session_id: str) -> list[Asked]:
    """Returns what e-mails asked about a session, the oldest first."""
    found = []
    for number, mail in enumerate(mails, 1):
        for ids, url in _questions(mail):
            if ids[0] == session_id:
                found.append(Asked(number, mail.subject, ids[1], url))
    return found


def sessions_of(mail: Mail) -> list[str]:
    """Returns the sessions that an e-mail asks about."""
    return list(dict.fromkeys(ids[0] for ids, _ in _questions(mail)))


def pages_of(mails: list[Mail]) -> dict[tuple[str, str], str]:
    """Returns where each question is decided, by session and tool use: the link sent last."""
    return {ids: url for mail in mails for ids, url in _questions(mail)}


def ids_in(url: str) -> tuple[str, str] | None:
    """Returns session and tool use of a link; None where it names none."""
    payload = urlsplit(url).path.rpartition("/")[2].partition(".")[0]
    try:
        text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        kind, session_id, tool_use_id, *_ = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    is_one = kind in links.FOR_APPROVALS and isinstance(session_id, str)
    if is_one and isinstance(tool_use_id, str):
        return session_id, tool_use_id
    return None


def ids_of(question: Question) -> tuple[str, str] | None:
    """Returns session and tool use of a question; None where it asks about none."""
    # Both links of a question have the same token.
    return next((ids for link in question.links[:1] if (ids := ids_in(link.url))), None)


def _questions(mail: Mail) -> Iterator[tuple[tuple[str, str], str]]:
    for question in mail.questions:
        ids = ids_of(question)
        if ids:
            yield ids, question.links[0].url
