"""Whether SES can send to people, where the stack has a MailFrom: what is verified, what is not.

Until AWS gives production access, an account's SES is in a sandbox: it sends to verified addresses
alone, and each person has to confirm theirs by a click in an e-mail from AWS.
"""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from longrunning.people.directory import People, Person
from operate.lines import Line


def check(ses: Any, mail_from: str, people: People, *, is_dry: bool) -> Iterator[Line]:
    """Says it of the sender, then of each person; asks those who have to confirm.

    Args:
        ses: A client of SES v2.
        mail_from: The stack's MailFrom.
        people: Who there is.
        is_dry: Only says what it would do.
    """
    is_ours = any(_verified(ses, name) for name in _identities(mail_from))
    advice = "verified" if is_ours else "NOT verified in SES: nobody gets an e-mail until it is"
    yield Line(f"From {mail_from}", advice, is_ours)
    is_sandbox = not ses.get_account()["ProductionAccessEnabled"]
    if is_sandbox:
        why = "a sandbox: it sends to verified addresses alone, until AWS gives production access"
        yield Line("SES", why)
    for person in people.values():
        yield _one(ses, person, is_sandbox=is_sandbox, is_dry=is_dry)


def _one(ses: Any, person: Person, *, is_sandbox: bool, is_dry: bool) -> Line:
    who = f"{person.name} <{person.email}>"
    if not is_sandbox:
        return Line(who, "gets e-mails by SES")
    states = {name: _verified(ses, name) for name in _identities(person.email)}
    if any(states.values()):
        return Line(who, "verified: gets e-mails by SES")
    if states[person.email] is not None:
        return Line(who, "has not confirmed yet: see the e-mail from AWS", is_well=False)
    if is_dry:
        return Line(who, "not verified: would be asked to confirm", is_well=False)
    ses.create_email_identity(EmailIdentity=person.email)
    return Line(who, "asked now: has to confirm by the e-mail from AWS", is_well=False)


def _verified(ses: Any, identity: str) -> bool | None:
    """Whether SES knows an address or a domain as verified; None: it does not know it at all."""
    try:
        return bool(ses.get_email_identity(EmailIdentity=identity)["VerifiedForSendingStatus"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "NotFoundException":
            return None
        raise


def _identities(address: str) -> list[str]:
    """Returns what may stand for an address: itself, its domain, and those above."""
    labels = address.rpartition("@")[2].lower().split(".")
    return [address, *(".".join(labels[n:]) for n in range(len(labels) - 1))]
