"""Who may see the inbox: people sign in by an e-mail, and stay signed in for eight hours.

(Or at an issuer of OpenID Connect, where there is one: `inbox_oidc.py`. Then no e-mail is sent.)

1. A browser asks for an e-mail, by an address. The answer is the same whoever asks, and sets the
   cookie `__Host-asked`, a random one, with where to go on.
2. The e-mail's link holds the SHA-256 of that random part: its page works in that browser alone,
   and nothing happens before its button is pressed. A scanner, or who was forwarded the e-mail,
   gets nowhere.
3. The button sets `__Host-approver`, a signed cookie with the person's id.

Cookies are sent to this host alone, never read by a script, and not with a form of another site. A
form counts only with `Origin` of this very host.
"""

import re
import secrets
from typing import NamedTuple
from urllib.parse import urlsplit

from approval_services import Services
from inbox_services import InboxServices
from longrunning import http, observability
from longrunning.http import Event, RefusedError
from longrunning.people import passes
from longrunning.people.directory import Person
from longrunning.people.links import InvalidLinkError
from longrunning.people.notifications import APPROVER
from longrunning.people.sign_in_email import sign_in_email

SESSION, ASKED, GONE = "__Host-approver", "__Host-asked", "__Host-gone"
"""Cookies. Source: RFC 6265bis, "__Host-": only with Secure, Path=/ and no Domain."""

BY_SIGN_IN = "signed-in"
"""How somebody who is signed in decides, in the records."""

PARTITION = "~sign-in"
"""Of the items in the table of the approvals that say when a person was sent a link last. No
session can have this id."""

_USUAL_PORTS = {"https": 443, "http": 80}

PAUSE_SECONDS = 60
KEPT_SECONDS = 86_400

_ASKED_BYTES, _ASKED_PATTERN = 24, re.compile(r"[A-Za-z0-9_-]{32}")

FOREIGN = "This came from another site. Nothing has changed. Please use the inbox itself."
NOT_YOUR_LINK = (
    "This link does not work here, or no longer: it works for ten minutes, in the browser that "
    "asked for it. Please ask for a new one."
)

logger = observability.get_logger("inbox")


class Taken(NamedTuple):
    """Who has signed in, and the cookie that says so."""

    person: Person
    cookie: str
    to: str
    """The approval to go on to, as it was asked for; empty: the list."""


def signed_in(services: Services, event: Event, now: int) -> Person | None:
    """Returns who is signed in; None for nobody, or whoever is no longer in `people.toml`."""
    try:
        session = passes.read_session(services.keys, cookie_of(event, SESSION))
    except InvalidLinkError:
        return None
    return services.people.get(session.person) if session.expires_at > now else None


def check_origin(inbox: InboxServices, event: Event) -> None:
    """Refuses a form that a page of ours has not sent.

    Raises:
        RefusedError: 403, its `Origin` is another one.
    """
    if http.headers(event).get("origin") != _origin_of(base_url(inbox, event)):
        raise RefusedError(403, FOREIGN)


def _origin_of(url: str) -> str:
    """Returns a URL's origin as browsers write it: in small letters, without a usual port."""
    parts = urlsplit(url)
    port = "" if parts.port in (None, _USUAL_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}"


def base_url(inbox: InboxServices, event: Event) -> str:
    """Returns where this API is: as the stack was told, or as API Gateway says.

    Never the `Host` of a request, which whoever sends it chooses.
    """
    return inbox.base_url or f"https://{event['requestContext']['domainName']}"


def ask(
    services: Services, inbox: InboxServices, event: Event, address: str, to: str, now: int
) -> str:
    """Sends a link to whoever has this address, once a minute at most; returns the cookie to set.

    Who asks is told the same in any case.

    Args:
        services: The keys, and who there is.
        inbox: Where e-mails are sent.
        event: The request.
        address: As it was typed.
        to: The approval to go on to, `session/tool use`; empty: the list.
        now: Epoch seconds.

    Raises:
        botocore.exceptions.ClientError: The e-mail was not sent; the next try sends it.
    """
    # Who asks twice is sent one e-mail: it works with what this browser has already.
    browser = _asking(event) or secrets.token_urlsafe(_ASKED_BYTES)
    person = next((p for p in services.people.values() if p.is_called(address)), None)
    if person is None:
        logger.info("nobody has this address")
    elif not _take_turn(inbox, person, now):
        logger.info("asked again within a minute", extra={"person": person.id})
    else:
        try:
            _send(services, inbox, event, person, browser, now)
        except Exception:
            _give_back_turn(inbox, person)
            raise
    return _set(ASKED, f"{browser}~{to}", passes.SIGN_IN_SECONDS)


def look(services: Services, event: Event, token: str, now: int) -> Person:
    """Returns who signs in with a link; nothing changes.

    Raises:
        RefusedError: 403, not with this one, not in this browser, or no longer.
    """
    try:
        sign_in = passes.read_sign_in(services.keys, token)
    except InvalidLinkError as error:
        raise RefusedError(403, NOT_YOUR_LINK) from error
    person = services.people.get(sign_in.person)
    if person is None or sign_in.expires_at <= now or not sign_in.is_for(_asking(event)):
        raise RefusedError(403, NOT_YOUR_LINK)
    return person


def take(services: Services, event: Event, token: str, now: int) -> Taken:
    """Signs a person in; the rest is that of `look`."""
    person = look(services, event, token, now)
    to = cookie_of(event, ASKED).partition("~")[2]
    return Taken(person, begin_session(services, person, now), to)


def begin_session(services: Services, person: Person, now: int) -> str:
    """Returns the cookie of somebody who has shown who it is, and counts that."""
    session = passes.make_session(services.keys, person.id, now + passes.SESSION_SECONDS)
    observability.put_metric("SignedIn")
    logger.info("signed in", extra={"person": person.id})
    return _set(SESSION, session, passes.SESSION_SECONDS)


def keep_gone(services: Services, gone: passes.Gone) -> str:
    """Returns the cookie of a browser that goes to an issuer."""
    return _set(GONE, passes.make_gone(services.keys, gone), passes.SIGN_IN_SECONDS)


def forget(name: str) -> str:
    """Returns what has a browser forget a cookie."""
    return _set(name, "", 0)


def _send(
    services: Services, inbox: InboxServices, event: Event, person: Person, browser: str, now: int
) -> None:
    end = now + passes.SIGN_IN_SECONDS
    token = passes.make_sign_in(services.keys, person.id, passes.browser_of(browser), end)
    url = f"{base_url(inbox, event)}/inbox/sign-in/{token}"
    if inbox.letters:
        # Whom SES refuses is logged and counted there: who asks must not learn who is known here.
        inbox.letters.send([(person, inbox.letters.write_sign_in(person, url))])
        return
    email = sign_in_email(person, url)
    inbox.sns.publish(
        TopicArn=inbox.topic_arn,
        Subject=email.subject,
        Message=email.body,
        MessageAttributes={APPROVER: {"DataType": "String", "StringValue": person.id}},
    )


def _asking(event: Event) -> str:
    """Returns what this browser was given when it asked; empty for none, or what never was."""
    given = cookie_of(event, ASKED).partition("~")[0]
    return given if _ASKED_PATTERN.fullmatch(given) else ""


def _take_turn(inbox: InboxServices, person: Person, now: int) -> bool:
    """Whether a minute has passed: nobody is flooded, and no subscription is stopped for it."""
    values = {":now": now, ":before": now - PAUSE_SECONDS, ":end": now + KEPT_SECONDS}
    try:
        inbox.dynamodb.update_item(
            TableName=inbox.table_name,
            Key={"session_id": {"S": PARTITION}, "tool_use_id": {"S": person.id}},
            UpdateExpression="SET sent_at = :now, expires_at = :end",
            ConditionExpression="attribute_not_exists(sent_at) OR sent_at <= :before",
            ExpressionAttributeValues={n: {"N": str(value)} for n, value in values.items()},
        )
    except inbox.dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _give_back_turn(inbox: InboxServices, person: Person) -> None:
    inbox.dynamodb.update_item(
        TableName=inbox.table_name,
        Key={"session_id": {"S": PARTITION}, "tool_use_id": {"S": person.id}},
        UpdateExpression="REMOVE sent_at",
    )


def cookie_of(event: Event, name: str) -> str:
    """Returns a cookie, empty for none.

    API Gateway has them in a list of their own, not every stand-in does.
    """
    sent = event.get("cookies") or http.headers(event).get("cookie", "").split(";")
    pairs = (pair.strip().partition("=") for pair in sent)
    return next((value for found, _, value in pairs if found == name), "")


def _set(name: str, value: str, seconds: int) -> str:
    # Lax: with Strict, who comes from an e-mail would look signed out.
    return f"{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}"
