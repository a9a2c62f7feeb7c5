"""SES, API v2: identities, what was sent, and what SES refuses to send.

Sources: SES, "SendEmail" of API v2, "Service quotas", "Verified identities".
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any

from longrunning_testkit.pocket.errors import AwsError, NotInPocketError

MAX_RECIPIENTS = 50
MAX_MESSAGE_BYTES = 40 * 1024 * 1024
"""After encoding, which adds about a third: base64."""


@dataclass(frozen=True)
class Sent:
    """One message. `at` is in seconds since the epoch."""

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    at: float
    headers: dict[str, str] = field(default_factory=dict)


class SesV2:
    """One account in one region.

    Attributes:
        sent: What was taken, in this order.
        is_sandbox: Whether recipients must be verified as well.
        per_second: How many messages SES takes within a second; None: the clock stands still.
        fails: Errors by recipient's address, each raised once, the first one first.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.sent: list[Sent] = []
        self.is_sandbox = False
        self.per_second: int | None = None
        self.fails: dict[str, list[AwsError]] = {}
        self._identities: dict[str, bool] = {}

    def add_identity(self, identity: str, *, is_verified: bool = True) -> None:
        """Adds an address or a domain."""
        self._identities[identity] = is_verified

    def send_email(
        self, FromEmailAddress: str, Destination: dict[str, list[str]], Content: dict[str, Any]
    ) -> dict[str, Any]:
        to = [address for addresses in Destination.values() for address in addresses]
        if Content.keys() != {"Simple"}:
            raise NotInPocketError("anything but a simple message")
        simple = Content["Simple"]
        self._check(FromEmailAddress, to, simple)
        for address in to:
            if self.fails.get(address):
                raise self.fails[address].pop(0)
        now = self._clock()
        if self.per_second is not None:
            if sum(one.at > now - 1 for one in self.sent) >= self.per_second:
                code, message = "TooManyRequestsException", "Maximum sending rate exceeded."
                raise AwsError(code, message, status=429)
        body = {name: part["Data"] for name, part in simple["Body"].items()}
        headers = {header["Name"]: header["Value"] for header in simple.get("Headers", ())}
        text, html, subject = body.get("Text", ""), body.get("Html", ""), simple["Subject"]["Data"]
        self.sent.append(Sent(FromEmailAddress, tuple(to), subject, text, html, now, headers))
        return {"MessageId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"ses/{len(self.sent)}"))}

    def create_email_identity(self, EmailIdentity: str) -> dict[str, Any]:
        """Adds an identity that is not verified yet; whose it is gets an e-mail."""
        if EmailIdentity in self._identities:
            raise AwsError(
                "AlreadyExistsException", f"Email identity {EmailIdentity} already exist."
            )
        self.add_identity(EmailIdentity, is_verified=False)
        return self.get_email_identity(EmailIdentity)

    def get_email_identity(self, EmailIdentity: str) -> dict[str, Any]:
        if EmailIdentity not in self._identities:
            message = f"Email identity {EmailIdentity} does not exist."
            raise AwsError("NotFoundException", message, status=404)
        kind = "EMAIL_ADDRESS" if "@" in EmailIdentity else "DOMAIN"
        is_verified = self._identities[EmailIdentity]
        return {"IdentityType": kind, "VerifiedForSendingStatus": is_verified}

    def get_account(self) -> dict[str, Any]:
        return {"ProductionAccessEnabled": not self.is_sandbox, "SendingEnabled": True}

    def _check(self, sender: str, to: list[str], simple: dict[str, Any]) -> None:
        if not to:
            raise _bad("There must be at least one recipient")
        if len(to) > MAX_RECIPIENTS:
            raise _bad("Recipient count exceeds 50.")
        if any(address.count("@") != 1 or not address.isascii() for address in to):
            raise _bad("Illegal address")
        data = [part["Data"] for part in (*simple["Body"].values(), simple["Subject"])]
        if sum(len(text.encode()) for text in data) * 4 // 3 > MAX_MESSAGE_BYTES:
            raise _bad(f"Message length is more than {MAX_MESSAGE_BYTES} bytes long")
        failed = [] if self._is_verified(sender) else [sender]
        if self.is_sandbox:
            failed += [address for address in to if not self._is_verified(address)]
        if failed:
            reason = "The following identities failed the check in region EU-WEST-1"
            message = f"Email address is not verified. {reason}: {', '.join(failed)}"
            raise AwsError("MessageRejected", message)

    def _is_verified(self, address: str) -> bool:
        """By the address itself, its domain, or one above that."""
        address = parseaddr(address)[1]
        labels = address.rpartition("@")[2].lower().split(".")
        domains = [".".join(labels[n:]) for n in range(len(labels) - 1)]
        return any(self._identities.get(identity) for identity in (address, *domains))


def _bad(message: str) -> AwsError:
    return AwsError("BadRequestException", message)
