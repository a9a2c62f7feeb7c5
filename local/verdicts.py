"""What has become of what e-mails ask: the page of e-mails folds what is decided."""

from collections.abc import Callable, Mapping

from local.layer import Status, Wait
from local.mail import Mail, Question
from local.mail_links import ids_of
from local.markup import moment

Verdicts = Mapping[tuple[str, str], str]
"""By session and tool use: how it ended, such as `Approved by ann`; what is not there is open."""

GONE = "No longer there"


Waits = Mapping[tuple[str, str], Wait]


def verdicts(mails: list[Mail], read_waits: Callable[[], Waits]) -> Verdicts:
    """Says what has become of each question of e-mails that is open no more."""
    asked = {ids for mail in mails for question in mail.questions if (ids := ids_of(question))}
    waits = read_waits() if asked else {}
    ended = {ids: _verdict(waits.get(ids)) for ids in asked}
    return {ids: verdict for ids, verdict in ended.items() if verdict}


def is_open(mail: Mail, ended: Verdicts) -> bool:
    """Tells whether an e-mail asks something that nobody has decided."""
    return any(ids not in ended for question in mail.questions if (ids := ids_of(question)))


def count_open(mails: list[Mail], read_waits: Callable[[], Waits]) -> int:
    """Returns how many e-mails ask something that nobody has decided."""
    ended = verdicts(mails, read_waits)
    return sum(is_open(mail, ended) for mail in mails)


def verdict_of(question: Question, ended: Verdicts) -> str:
    """Returns what has become of a question; "" of an open one, and of what asks nothing."""
    ids = ids_of(question)
    return ended.get(ids, "") if ids else ""


def _verdict(wait: Wait | None) -> str:
    if wait is None:
        return GONE
    if wait.status == Status.PENDING:
        return ""
    said = "answered" if wait.status == Status.RESOLVED else wait.decision or wait.status.lower()
    by = f" by {wait.decided_by}" if wait.decided_by else ""
    at = f", {moment(wait.decided_at)}" if wait.decided_at else ""
    return f"{said.capitalize()}{by}{at}"
