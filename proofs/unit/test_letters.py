"""How long an e-mail to a person is tried: as long as the function may wait, and no longer."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from longrunning.people.directory import Person
from longrunning.people.emails import Email
from longrunning.people.letters import PATIENCE_SECONDS, Letters
from longrunning.people.pace import MARGIN_SECONDS, Unpaced

ANN, BOB = (Person(id_, id_.title(), f"{id_}@example.com") for id_ in ("ann", "bob"))
EMAIL = Email("Subject", "Text", "<p>Text</p>")


def failed(code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "SendEmail")


THROTTLED = failed("TooManyRequestsException", 429)


@dataclass
class Ses:
    """Takes what it is given, after it has failed as told; time moves by what is slept."""

    failures: list[Exception] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    now: float = 1_000

    def send_email(self, Destination: dict[str, list[str]], **_: Any) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent += Destination["ToAddresses"]

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def send(ses: Ses, *people: Person, left: float = 120) -> list[str]:
    pace = Unpaced()
    pace.begin(ses.now + left, is_repeated=False)
    letters = Letters(ses, "approvals@example.com", pace, lambda: ses.now, ses.sleep)
    return letters.send([(person, EMAIL) for person in people])


def test_each_pause_is_twice_the_last_one() -> None:
    ses = Ses([THROTTLED] * 3)
    assert send(ses, ANN, BOB) == []
    assert (ses.slept, ses.sent) == ([1, 2, 4], [ANN.email, BOB.email])


def test_patience_is_shared_by_all_of_a_turn() -> None:
    ses = Ses([THROTTLED] * 9)
    with pytest.raises(ClientError):
        send(ses, ANN, BOB)
    assert sum(ses.slept) <= PATIENCE_SECONDS


def test_at_the_functions_end_nothing_is_waited_for() -> None:
    ses = Ses([THROTTLED])
    with pytest.raises(ClientError):
        send(ses, ANN, left=MARGIN_SECONDS + 0.5)
    assert (ses.slept, ses.sent) == ([], [])
    assert send(Ses([THROTTLED]), ANN, left=MARGIN_SECONDS + 1.5) == []


def test_a_connection_that_broke_is_tried_once_more() -> None:
    broken = ConnectionClosedError(endpoint_url="x")
    assert send(Ses([broken]), ANN) == []
    with pytest.raises(ConnectionClosedError):
        send(Ses([broken, broken]), ANN)


@pytest.mark.parametrize("code", ["MessageRejected", "BadRequestException"])
def test_who_is_refused_is_told_and_the_others_get_theirs(code: str) -> None:
    ses = Ses([failed(code)])
    assert send(ses, ANN, BOB) == ["ann"]
    assert ses.sent == [BOB.email]


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "AccountSuspendedException", "SendingPausedException",
             "MailFromDomainNotVerifiedException", "LimitExceededException", "NotFoundException"]
)  # fmt: skip
def test_what_is_about_all_of_them_is_a_fault(code: str) -> None:
    ses = Ses([failed(code)])
    with pytest.raises(ClientError):
        send(ses, ANN, BOB)
    assert ses.sent == []
