"""The tests' own SES: what it refuses, as SES does and the emulator partly does not."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError

from longrunning_testkit.pocket.sesv2 import MAX_MESSAGE_BYTES, MAX_RECIPIENTS, SesV2
from pocket import Pocket

REGION = "eu-west-1"
SENDER = "approvals@example.com"


@pytest.fixture
def ses(pocket: Pocket) -> SesV2:
    """An account out of the sandbox, whose sender is verified."""
    pocket.sesv2.add_identity(SENDER)
    return pocket.sesv2


def send(*to: str, sender: str = SENDER, text: str = "Text") -> None:
    client: Any = boto3.client("sesv2", region_name=REGION)
    body = {"Text": {"Data": text}, "Html": {"Data": "<p>"}}
    simple = {"Subject": {"Data": "Subject"}, "Body": body}
    destination = {"ToAddresses": list(to)}
    client.send_email(FromEmailAddress=sender, Destination=destination, Content={"Simple": simple})


def refused(*to: str, **more: str) -> str:
    with pytest.raises(ClientError) as error:
        send(*to, **more)
    return str(error.value.response["Error"]["Code"])


def test_it_keeps_what_it_took(ses: SesV2) -> None:
    send("ann@example.org")
    (sent,) = ses.sent
    assert (sent.sender, sent.to, sent.text) == (SENDER, ("ann@example.org",), "Text")


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ([], "BadRequestException"),
        ([f"p{n}@example.org" for n in range(MAX_RECIPIENTS + 1)], "BadRequestException"),
        (["a@b@example.org"], "BadRequestException"),
        (["ä@example.org"], "BadRequestException"),
    ],
)
def test_what_is_no_recipient_is_refused(ses: SesV2, to: list[str], code: str) -> None:
    assert refused(*to) == code
    assert ses.sent == []
    send(*[f"p{n}@example.org" for n in range(MAX_RECIPIENTS)])


def test_a_message_that_is_too_big_is_refused(ses: SesV2) -> None:
    assert refused("ann@example.org", text="x" * (MAX_MESSAGE_BYTES * 3 // 4)) == (
        "BadRequestException"
    )


def test_a_sender_that_is_not_verified_is_refused(ses: SesV2) -> None:
    assert refused("ann@example.org", sender="other@example.com") == "MessageRejected"
    ses.add_identity("other@example.com", is_verified=False)
    assert refused("ann@example.org", sender="other@example.com") == "MessageRejected"
    ses.add_identity("example.com")
    send("ann@example.org", sender="other@deep.example.com")


def test_a_sandbox_sends_to_verified_addresses_alone(ses: SesV2) -> None:
    ses.is_sandbox = True
    assert refused("ann@example.org") == "MessageRejected"
    ses.add_identity("ann@example.org")
    send("ann@example.org")


def test_a_rate_is_kept_once_it_is_set(ses: SesV2, pocket: Pocket) -> None:
    ses.per_second = 1
    send("ann@example.org")
    assert refused("ann@example.org") == "TooManyRequestsException"
    pocket.clock.step(1)  # type: ignore[attr-defined]
    send("ann@example.org")


def test_an_identity_is_added_once_and_waits_to_be_confirmed(ses: SesV2) -> None:
    client: Any = boto3.client("sesv2", region_name=REGION)
    client.create_email_identity(EmailIdentity="bob@example.org")
    found = client.get_email_identity(EmailIdentity="bob@example.org")
    assert found["VerifiedForSendingStatus"] is False
    with pytest.raises(client.exceptions.AlreadyExistsException):
        client.create_email_identity(EmailIdentity="bob@example.org")
    with pytest.raises(client.exceptions.NotFoundException):
        client.get_email_identity(EmailIdentity="gone@example.org")
    assert client.get_account()["ProductionAccessEnabled"] is True


def test_a_header_that_the_service_does_not_know_is_botocores_to_refuse(ses: SesV2) -> None:
    client: Any = boto3.client("sesv2", region_name=REGION)
    with pytest.raises(ParamValidationError):
        client.send_email(FromEmailAddress=SENDER, Content={"Simple": {"Reply": "x"}})
