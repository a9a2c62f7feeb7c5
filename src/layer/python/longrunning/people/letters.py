"""Sends e-mails to people's own addresses by SES: one message a person, as text and as HTML.

Whom SES refuses is logged and counted, and the others get theirs: whether they are enough is not
known here. What is throttled waits and is sent again, as long as the function may wait. Any other
failure is a fault, and what asked for the e-mails is done again later, with the same links.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from longrunning.observability import get_logger, put_metric
from longrunning.people import email_html
from longrunning.people.directory import Person
from longrunning.people.emails import Email
from longrunning.people.pace import MARGIN_SECONDS, Pace

THROTTLED = frozenset({"TooManyRequestsException", "Throttling", "ThrottlingException"})
"""Over the account's rate, 1 a second at first. Source: SES, "Managing your sending quotas"."""

REFUSED = frozenset({"MessageRejected", "BadRequestException"})
"""It was about this address, or about ours. Source: SES API v2, "SendEmail", errors."""

PATIENCE_SECONDS = 10
"""Throttled e-mails of one turn are tried again for so long: less than a sweep keeps in hand."""

AUTOMATIC = {"Name": "Auto-Submitted", "Value": "auto-generated"}
"""Nobody's out-of-office answers it. Source: RFC 3834."""

_logger = get_logger("letters")


@dataclass(frozen=True)
class Letters:
    """Takes an e-mail to one person's address."""

    ses: Any
    """A low-level client of SES v2 that tries a call once: a repeat may be a second e-mail."""
    mail_from: str
    """Whom they are from: an address that SES knows to be ours."""
    pace: Pace
    """Of what goes by SNS; here it only says when the function ends."""
    clock: Callable[[], float]
    sleep: Callable[[float], None]

    write = staticmethod(email_html.turn_email)
    """Writes what asks a person for decisions."""
    write_sign_in = staticmethod(email_html.sign_in_email)
    """Writes what a person signs in with."""

    def send(self, letters: Iterable[tuple[Person, Email]]) -> list[str]:
        """Sends one message to each person.

        Returns:
            The ids of those whom SES refuses.

        Raises:
            Exception: An e-mail was not sent for another reason; those after it were not, either.
        """
        until = min(self.pace.deadline - MARGIN_SECONDS, self.clock() + PATIENCE_SECONDS)
        return [person.id for person, email in letters if not self._is_sent(person, email, until)]

    def _is_sent(self, person: Person, email: Email, until: float) -> bool:
        """Whether SES took it; what it throttles, and what broke, is tried again for this one."""
        pause, has_broken = 1, False
        while True:
            try:
                self.ses.send_email(**self._message(person, email))
                return True
            except Exception as error:
                code = _code_of(error)
                if code in REFUSED:
                    _note_refusal(person, code)
                    return False
                if code in THROTTLED and self.clock() + pause <= until:
                    self.sleep(pause)
                    pause *= 2
                elif has_broken or not _is_broken(error):
                    raise
                else:
                    has_broken = True

    def _message(self, person: Person, email: Email) -> dict[str, Any]:
        body = {"Text": _utf_8(email.body), "Html": _utf_8(email.html)}
        simple = {"Subject": _utf_8(email.subject), "Body": body, "Headers": [AUTOMATIC]}
        return {
            "FromEmailAddress": self.mail_from,
            "Destination": {"ToAddresses": [person.email]},
            "Content": {"Simple": simple},
        }


def _utf_8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


def _note_refusal(person: Person, code: str) -> None:
    """Never with the text of the error, which quotes addresses."""
    _logger.error(
        "SES refuses e-mails to this person: `make approvers` says what is not verified",
        extra={"person": person.id, "code": code},
    )
    put_metric("EmailRefused")


def _code_of(error: Exception) -> str:
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _is_broken(error: Exception) -> bool:
    """Whether there was no answer, or that of a service in trouble."""
    response = getattr(error, "response", None)
    return response is None or response["ResponseMetadata"]["HTTPStatusCode"] >= 500
