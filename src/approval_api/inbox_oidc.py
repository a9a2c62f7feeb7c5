"""Signs people in at an issuer of OpenID Connect: the code flow, with PKCE, `state` and `nonce`.

1. The browser gets a signed cookie with something random, and is sent to the issuer with what is
   derived from that: `state`, `nonce`, the challenge of PKCE. No table is needed.
2. It comes back with a code. Only with the same cookie, within ten minutes, is it exchanged.
3. What the issuer says of the person is checked, and the session is that of `inbox_access`.

So a link to the second step, with a code of somebody else's, signs nobody in. Codes, tokens and
what the issuer says are never logged.
"""

import hashlib
import hmac
import secrets
from urllib.parse import parse_qsl, urlencode, urlsplit

import inbox_access as access
import oidc_claims
from approval_services import Services
from inbox_access import Taken
from inbox_services import InboxServices
from longrunning import observability
from longrunning.codec import base64url
from longrunning.http import Event, RefusedError
from longrunning.people import passes
from longrunning.people.links import InvalidLinkError
from oidc_issuer import (
    LOCAL_HOSTS,
    Issuer,
    IssuerError,
    claims_of_code,
    endpoints,
    name_of_error,
)

CALLBACK = "/inbox/oidc/callback"
SCOPE = "openid email"
DENIED = "access_denied"

NOT_BEGUN = (
    "This sign-in was not begun in this browser, or more than ten minutes ago. Please begin again."
)
NOT_LET_IN = "You were not signed in there. Nothing has changed. Please try again."
ISSUER_DOWN = (
    "Your organisation does not answer as it should. Nothing has changed. Please try again in a "
    "moment."
)

logger = observability.get_logger("inbox_oidc")


def leave(
    services: Services, inbox: InboxServices, event: Event, to: str, now: int
) -> tuple[str, str]:
    """Returns where the browser is sent to sign in, and the cookie that it keeps meanwhile.

    Args:
        services: The keys.
        inbox: The issuer.
        event: The request.
        to: The approval to go on to, `session/tool use`; empty: the list.
        now: Epoch seconds.

    Raises:
        RefusedError: 503, the issuer does not say where.
    """
    gone = passes.Gone(secrets.token_urlsafe(24), to, now + passes.SIGN_IN_SECONDS)
    issuer = issuer_of(inbox)
    verifier = gone.made("verifier").encode()
    query = {
        "response_type": "code",
        "client_id": issuer.client_id,
        "redirect_uri": _callback(inbox, event),
        "scope": SCOPE,
        "state": gone.made("state"),
        "nonce": gone.made("nonce"),
        "code_challenge": base64url(hashlib.sha256(verifier).digest()),
        "code_challenge_method": "S256",
    }
    try:
        url = endpoints(issuer).authorization
    except IssuerError as error:
        raise _down(error) from error
    separator = "&" if urlsplit(url).query else "?"
    return f"{url}{separator}{urlencode(query)}", access.keep_gone(services, gone)


def take(services: Services, inbox: InboxServices, event: Event, now: int) -> Taken:
    """Signs in who comes back from the issuer.

    Raises:
        RefusedError: 403 for whom it does not name, 503 if it does not answer.
    """
    query = dict(parse_qsl(event.get("rawQueryString") or ""))
    gone = _gone(services, event, query.get("state", ""), now)
    if "code" not in query:
        error = name_of_error(query.get("error"))
        if error == DENIED:
            raise RefusedError(403, NOT_LET_IN)
        raise _down(IssuerError(f"no code: {error}"))
    issuer = issuer_of(inbox)
    try:
        claims = claims_of_code(
            issuer,
            query["code"],
            gone.made("verifier"),
            _callback(inbox, event),
            inbox.client_secret(),
        )
    except IssuerError as error:
        raise _down(error) from error
    oidc_claims.check(claims, issuer, gone.made("nonce"), now)
    person = oidc_claims.person_of(services.people, claims)
    return Taken(person, access.begin_session(services, person, now), gone.to)


def issuer_of(inbox: InboxServices) -> Issuer:
    """Returns the issuer. It may be on this machine if the stack was told that it is here, too."""
    here = urlsplit(inbox.base_url)
    is_local = here.scheme == "http" and here.hostname in LOCAL_HOSTS
    return Issuer(inbox.oidc_issuer, inbox.oidc_client_id, is_local)


def _gone(services: Services, event: Event, state: str, now: int) -> passes.Gone:
    """Returns what this browser has kept since it went there."""
    try:
        gone = passes.read_gone(services.keys, access.cookie_of(event, access.GONE))
    except InvalidLinkError as error:
        raise RefusedError(403, NOT_BEGUN) from error
    is_same = hmac.compare_digest(gone.made("state").encode(), state.encode())
    if gone.expires_at <= now or not is_same:
        raise RefusedError(403, NOT_BEGUN)
    return gone


def _callback(inbox: InboxServices, event: Event) -> str:
    return f"{access.base_url(inbox, event)}{CALLBACK}"


def _down(error: IssuerError) -> RefusedError:
    logger.error("the issuer does not answer as it must", extra={"reason": str(error)})
    return RefusedError(503, ISSUER_DOWN)
