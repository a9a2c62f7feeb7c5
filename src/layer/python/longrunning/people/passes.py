"""Tokens with which a person signs in to the inbox, and stays signed in.

A sign-in token is e-mailed, and works only in the browser that asked for it: it holds the SHA-256
of that browser's cookie. A session is a signed cookie: no table of sessions, so signing out clears
the browser's, and only a new key or an entry less in `people.toml` ends one elsewhere.
"""

import hashlib
from typing import NamedTuple

from longrunning.codec import base64url
from longrunning.people.links import GONE, SIGN_IN, SIGNED_IN, LinkKeys, said, signed

SIGN_IN_SECONDS = 600
SESSION_SECONDS = 8 * 3_600
OPERATOR_SIGN_IN_SECONDS = 60

ANY_BROWSER = ""
"""Of a token that goes to somebody who has proved who it is in another way, for a minute."""


class SignIn(NamedTuple):
    """A sign-in token's contents. `expires_at` is in epoch seconds."""

    person: str
    browser: str
    """The SHA-256 of the cookie of the browser that asked; or `ANY_BROWSER`."""
    expires_at: int

    def is_for(self, cookie: str) -> bool:
        """Tells whether it was sent to the browser with this cookie."""
        return self.browser in (ANY_BROWSER, browser_of(cookie))


class SignedIn(NamedTuple):
    """A session's contents. `expires_at` is in epoch seconds."""

    person: str
    expires_at: int


class Gone(NamedTuple):
    """What a browser keeps while it is at an issuer. `expires_at` is in epoch seconds."""

    secret: str
    """Random; what the issuer is sent is made of it, and does not give it away."""
    to: str
    """The approval to go on to, `session/tool use`; empty: the list."""
    expires_at: int

    def made(self, what: str) -> str:
        """Returns something unguessable that is this browser's alone, such as its `state`."""
        return base64url(hashlib.sha256(f"{what}:{self.secret}".encode()).digest())


def browser_of(cookie: str) -> str:
    """Returns what stands in a token for a browser's cookie."""
    return hashlib.sha256(cookie.encode()).hexdigest()


def make_sign_in(keys: LinkKeys, person: str, browser: str, expires_at: int) -> str:
    """Signs a token with which a person signs in, in one browser."""
    return signed(keys, SIGN_IN, person, browser, expires_at)


def make_session(keys: LinkKeys, person: str, expires_at: int) -> str:
    """Signs the cookie of a person who has signed in."""
    return signed(keys, SIGNED_IN, person, expires_at)


def make_gone(keys: LinkKeys, gone: Gone) -> str:
    """Signs the cookie of a browser that goes to an issuer to sign in."""
    return signed(keys, GONE, *gone)


def read_sign_in(keys: LinkKeys, token: str) -> SignIn:
    """Verifies a sign-in token. Whether it has expired is the caller's to check.

    Raises:
        InvalidLinkError: Anything but such a token that one of these keys has signed.
    """
    return SignIn(*said(keys, token, (SIGN_IN,)))


def read_session(keys: LinkKeys, token: str) -> SignedIn:
    """Verifies a session's cookie; the rest is that of `read_sign_in`."""
    return SignedIn(*said(keys, token, (SIGNED_IN,)))


def read_gone(keys: LinkKeys, token: str) -> Gone:
    """Verifies the cookie of a browser that comes back; the rest is that of `read_sign_in`."""
    return Gone(*said(keys, token, (GONE,)))
