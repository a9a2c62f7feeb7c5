"""Checks what an issuer says of who has signed in, and finds the person.

Source: OpenID Connect Core 1.0, 3.1.3.7, "ID Token Validation".
"""

from typing import Any

from longrunning.http import RefusedError
from longrunning.people.directory import People, Person
from oidc_issuer import NOT_ACCEPTED, Issuer

NOT_VERIFIED = (
    "Your e-mail address is not verified there, so it does not say who you are here. Nothing has "
    "changed."
)
NOBODY = "Nobody here has this account. Please ask whoever runs this to add you to people.toml."

Claims = dict[str, Any]


class StrangerError(RefusedError):
    """Somebody has signed in there whom `people.toml` does not have."""

    def __init__(self, reason: str, who: str) -> None:
        """Keeps who it is, for that one's own eyes: it is never logged."""
        super().__init__(403, reason)
        self.who = who


def check(claims: Claims, issuer: Issuer, nonce: str, now: int) -> None:
    """Sees that a token is this issuer's, for this API, of this very sign-in, and not over.

    Args:
        claims: Of the ID token.
        issuer: Who is asked.
        nonce: What was sent along with the browser.
        now: Epoch seconds.

    Raises:
        RefusedError: 403; what is logged names the claim, and no value.
    """
    holds = {
        "iss": claims.get("iss") == issuer.url,
        # No other audience is trusted, so there is none beside this one.
        "aud": claims.get("aud") in (issuer.client_id, [issuer.client_id]),
        "azp": claims.get("azp", issuer.client_id) == issuer.client_id,
        "exp": type(claims.get("exp")) in (int, float) and claims["exp"] > now,
        "nonce": claims.get("nonce") == nonce,
        "sub": isinstance(claims.get("sub"), str) and claims["sub"] != "",
    }
    if wrong := [name for name, is_right in holds.items() if not is_right]:
        raise RefusedError(403, NOT_ACCEPTED, f"a token with the wrong {', '.join(wrong)}")


def person_of(people: People, claims: Claims) -> Person:
    """Returns who it is: whose `oidc` is the claim `sub`, else who has that verified address.

    Whoever has an `oidc` is found by it alone: an address may be given to somebody else one day.

    Raises:
        StrangerError: Nobody in `people.toml`.
    """
    sub, email = claims["sub"], claims.get("email")
    address = email if isinstance(email, str) else ""
    for person in people.values():
        if person.oidc == sub:
            return person
    found = [p for p in people.values() if p.oidc is None and _is_same(address, p.email)]
    is_verified = claims.get("email_verified") is True
    if found and is_verified:
        return found[0]
    reason = NOBODY if is_verified or not address else NOT_VERIFIED
    raise StrangerError(reason, f"{address} ({sub})" if address else sub)


def _is_same(address: str, known: str) -> bool:
    """Compares in letters of any case; only ASCII's, for some others look or fold alike."""
    return address == known or (address.isascii() and address.lower() == known.lower())
