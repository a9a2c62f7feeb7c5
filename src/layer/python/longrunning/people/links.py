"""Signed links: who holds one may decide one approval, or answer one wait, until it expires.

A token is `<payload>.<signature>`, both base64url without padding. The payload is a JSON list; its
first part says what the token is for, and each route takes its own kind only:

    [1, session_id, tool_use_id, expires_at, key_id]                  whoever has it may decide
    [2, session_id, tool_use_id, expires_at, person, flags, key_id]   this person may decide
    [3, person, browser, expires_at, key_id]                          this person may sign in
    [4, person, expires_at, key_id]                                   this person is signed in
    [5, session_id, tool_use_id, expires_at, key_id]                  a system may answer
    [6, secret, to, expires_at, key_id]                               this browser went to sign in

The signature is HMAC-SHA256 over the payload's text. The same input gives the same token, so an
e-mail sent twice has the same links.

Rotation: the secret may hold two keys. Add the new one, wait until every environment has read it
(deploy again), make it `current`, and remove the old one once its last link has expired.
"""

import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from longrunning.codec import base64url, from_base64url

REVIEW, PERSONAL, SIGN_IN, SIGNED_IN, CALLBACK, GONE = 1, 2, 3, 4, 5, 6
"""Kinds of tokens. Callbacks had kind 1 before, and such tokens go on until their end. Those of
signing in: `longrunning.people.passes`."""

_FIELDS = {REVIEW: 3, PERSONAL: 5, SIGN_IN: 3, SIGNED_IN: 2, CALLBACK: 3, GONE: 3}
"""How many stand between a token's kind and its key."""

FOR_APPROVALS, FOR_CALLBACKS = (REVIEW, PERSONAL), (CALLBACK, REVIEW)

VOTES, WANTS_SIGN_IN = 1, 2
"""Flags: the person is one of several who must agree; and must sign in for it."""

BY_LINK = "link"
"""How a person has decided: with a link that was sent to that person's mailbox alone."""

MAX_KEYS = 2
MIN_KEY_CHARS = 32

_KEY_ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,32}")
_TOKEN_PATTERN = re.compile(r"([A-Za-z0-9_-]{1,2048})\.([A-Za-z0-9_-]{43})")


class LinkKeysError(ValueError):
    """The secret must be JSON like {"current": "k1", "k1": "<32 or more random characters>"}."""


class InvalidLinkError(ValueError):
    """Not a token that one of these keys has signed."""


@dataclass(frozen=True)
class LinkKeys:
    """The signing keys by id, and the id of the one that signs new links."""

    current: str
    by_id: dict[str, bytes] = field(repr=False)

    @classmethod
    def parse(cls, secret: str) -> "LinkKeys":
        """Parses the secret's text, `{"current": "k1", "k1": "<random>"}`, one or two keys.

        Raises:
            LinkKeysError: It has another form. The message never holds any of it.
        """
        try:
            keys = json.loads(secret)
            current = keys.pop("current")
            usable = current in keys and len(keys) <= MAX_KEYS
            usable = usable and all(_usable(key_id, key) for key_id, key in keys.items())
        except (ValueError, TypeError, AttributeError, KeyError):
            usable = False
        if not usable:
            raise LinkKeysError(LinkKeysError.__doc__)
        return cls(current, {key_id: key.encode() for key_id, key in keys.items()})


@dataclass(frozen=True)
class Link:
    """A token's contents. `expires_at` is in epoch seconds."""

    session_id: str
    tool_use_id: str
    expires_at: int
    person: str | None = None
    """Whose it is; None: whoever has it."""
    flags: int = 0
    via: str = BY_LINK
    """How the person has shown who it is; never part of a token."""

    @property
    def is_vote(self) -> bool:
        """Whether the person is one of several who must agree."""
        return bool(self.flags & VOTES)

    @property
    def wants_sign_in(self) -> bool:
        """Whether having the link is not enough to decide."""
        return bool(self.flags & WANTS_SIGN_IN) and self.via == BY_LINK


def make_token(
    keys: LinkKeys,
    session_id: str,
    tool_use_id: str,
    expires_at: int,
    *,
    person: str | None = None,
    flags: int = 0,
) -> str:
    """Signs the token of an approval with the current key; the same arguments, the same token.

    Args:
        keys: The signing keys.
        session_id: The waiting session.
        tool_use_id: The waiting tool use.
        expires_at: Epoch seconds from which on the link is refused.
        person: Whose it is; None: whoever has it.
        flags: `VOTES`, `WANTS_SIGN_IN`, both or nothing.
    """
    ids = (session_id, tool_use_id, expires_at)
    if person is None:
        return signed(keys, REVIEW, *ids)
    return signed(keys, PERSONAL, *ids, person, flags)


def make_callback_token(keys: LinkKeys, session_id: str, tool_use_id: str, expires_at: int) -> str:
    """Signs the token with which a system answers a wait; the arguments are those above."""
    return signed(keys, CALLBACK, session_id, tool_use_id, expires_at)


def read_token(keys: LinkKeys, token: str, kinds: Sequence[int] = FOR_APPROVALS) -> Link:
    """Verifies a token and returns what it says. Whether it has expired is the caller's to check.

    Args:
        keys: The signing keys.
        token: As it came.
        kinds: What it may be for.

    Raises:
        InvalidLinkError: Anything but such a token that one of these keys has signed.
    """
    return Link(*said(keys, token, kinds))


def signed(keys: LinkKeys, kind: int, *says: str | int) -> str:
    """Signs a token of a kind with the current key."""
    fields = [kind, *says, keys.current]
    payload = base64url(json.dumps(fields, separators=(",", ":")).encode())
    return f"{payload}.{_signature(keys.by_id[keys.current], payload)}"


def said(keys: LinkKeys, token: str, kinds: Sequence[int]) -> list[Any]:
    """Verifies a token and returns what stands in it between its kind and its key.

    Nothing of the payload is looked at before a signature holds, and each key is compared in
    constant time.

    Args:
        keys: The signing keys.
        token: As it came.
        kinds: What it may be for.

    Raises:
        InvalidLinkError: Anything but such a token that one of these keys has signed.
    """
    parts = _TOKEN_PATTERN.fullmatch(token)
    if not parts:
        raise InvalidLinkError(InvalidLinkError.__doc__)
    payload, signature = parts.groups()
    signers = [
        key_id
        for key_id, key in keys.by_id.items()
        if hmac.compare_digest(_signature(key, payload), signature)
    ]
    if not signers:
        raise InvalidLinkError(InvalidLinkError.__doc__)
    kind, *fields, key_id = json.loads(from_base64url(payload))
    if kind not in kinds or key_id not in signers:
        raise InvalidLinkError(InvalidLinkError.__doc__)
    if len(fields) != _FIELDS[kind]:
        raise InvalidLinkError(InvalidLinkError.__doc__)
    says: list[Any] = fields
    return says


def review_url(base_url: str, token: str, decision: str) -> str:
    """Returns the link for an e-mail: it opens the page with `decision` preselected.

    Args:
        base_url: The approval API, such as `https://id.execute-api.region.amazonaws.com`.
        token: As `make_token` gives it.
        decision: `approved` or `denied`; `answered` for a question.
    """
    return f"{base_url.rstrip('/')}/approvals/{token}?decision={decision}"


def callback_url(base_url: str, token: str) -> str:
    """Returns where a system answers a wait: whoever holds this URL can, and must not log it."""
    return f"{base_url.rstrip('/')}/callbacks/{token}"


def _usable(key_id: str, key: object) -> bool:
    named = _KEY_ID_PATTERN.fullmatch(key_id) is not None
    return named and isinstance(key, str) and len(key) >= MIN_KEY_CHARS


def _signature(key: bytes, payload: str) -> str:
    return base64url(hmac.digest(key, payload.encode(), "sha256"))
