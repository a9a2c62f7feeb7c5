"""`make approvers`: who is subscribed for what, and what it changes."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from operate import approvers
from operate.errors import OperateError

from longrunning.people.directory import PeopleError, Person
from longrunning_testkit.pocket.sesv2 import SesV2
from pocket import Pocket

PEOPLE = {
    id_: Person(id_, id_.title(), f"{id_}@example.com") for id_ in ("ann", "bob", "cyd", "dan")
}


@dataclass
class Sns:
    """A topic's subscriptions."""

    subscriptions: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By e-mail address: ARN and filter policy."""
    changed: list[tuple[str, str]] = field(default_factory=list)

    def get_paginator(self, _: str) -> Any:
        found = [
            {"Protocol": "email", "Endpoint": email, "SubscriptionArn": arn}
            for email, (arn, _) in self.subscriptions.items()
        ]
        queue = {"Protocol": "sqs", "Endpoint": "arn:queue", "SubscriptionArn": "arn:q"}
        pages = [{"Subscriptions": found[:1]}, {"Subscriptions": [*found[1:], queue]}]
        return SimpleNamespace(paginate=lambda TopicArn: pages)

    def get_subscription_attributes(self, SubscriptionArn: str) -> dict[str, Any]:
        policy = next(p for arn, p in self.subscriptions.values() if arn == SubscriptionArn)
        return {"Attributes": {"FilterPolicy": policy} if policy else {}}

    def subscribe(self, *, Endpoint: str, Attributes: dict[str, str], **_: Any) -> None:
        self.changed.append((Endpoint, Attributes["FilterPolicy"]))

    def set_subscription_attributes(
        self, SubscriptionArn: str, AttributeName: str, AttributeValue: str
    ) -> None:
        assert AttributeName == "FilterPolicy"
        self.changed.append((SubscriptionArn, AttributeValue))


def policy(id_: str) -> str:
    return json.dumps({"approver": [id_]})


@pytest.fixture
def sns() -> Sns:
    return Sns({
        "ann@example.com": ("arn:ann", policy("ann")),
        "Bob@Example.com": ("arn:bob", ""),
        "cyd@example.com": ("PendingConfirmation", ""),
        "boss@example.com": ("arn:boss", '{"approver": [{"exists": false}]}'),
    })  # fmt: skip


def run(sns: Sns, monkeypatch: pytest.MonkeyPatch, people: Any = PEOPLE) -> int:
    monkeypatch.setattr(approvers, "read_people", lambda _: people)
    stack: Any = SimpleNamespace(
        name="s", client=lambda name: clients(sns)[name], resources={"ApprovalTopic": "arn:topic"}
    )
    return approvers.main(stack)


def clients(sns: Any = None, ses: Any = None, mail_from: str = "") -> dict[str, Any]:
    """Of a stack with this MailFrom."""
    parameters = [{"ParameterKey": "MailFrom", "ParameterValue": mail_from}]
    stacks = {"Stacks": [{"Parameters": parameters if mail_from else []}]}
    cloudformation = SimpleNamespace(describe_stacks=lambda StackName: stacks)
    return {"cloudformation": cloudformation, "sns": sns, "sesv2": ses}


def test_it_subscribes_who_is_missing_and_narrows_what_others_get(
    sns: Sns, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(sns, monkeypatch) == 1, "not all have confirmed"
    assert sns.changed == [("arn:bob", policy("bob")), ("dan@example.com", policy("dan"))]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Ann <ann@example.com>  confirmed"
    assert "from now on" in lines[1]
    assert "has not confirmed yet" in lines[2]
    assert "has to confirm" in lines[3]
    assert lines[4].split("  ")[0] == "boss@example.com"
    assert "not in people.toml" in lines[4]


def test_a_dry_run_changes_nothing(
    sns: Sns, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRY_RUN", "1")
    assert run(sns, monkeypatch) == 1
    assert sns.changed == []
    said = capsys.readouterr().out
    assert "would be subscribed" in said
    assert "would get only what is for this person" in said


def test_it_ends_well_once_all_have_confirmed(sns: Sns, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(sns, monkeypatch, {"ann": PEOPLE["ann"]}) == 0


def test_without_people_it_says_what_to_do(sns: Sns, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OperateError, match=r"There is no people.toml: docs/people.md"):
        run(sns, monkeypatch, {})


def test_a_file_that_is_wrong_is_said(sns: Sns, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(_: Path) -> None:
        raise PeopleError("people.toml: [Ann]: expected a name")

    monkeypatch.setattr(approvers, "read_people", wrong)
    with pytest.raises(OperateError, match=r"\[Ann\]"):
        approvers.main(SimpleNamespace())  # type: ignore[arg-type]


# --- with MailFrom -------------------------------------------------------------------------------


@pytest.fixture
def ses(pocket: Pocket) -> SesV2:
    """A sandbox in which the sender, Ann and Bob's domain are verified; Cyd was asked."""
    ses = pocket.sesv2
    ses.is_sandbox = True
    for identity in ("approvals@example.org", "ann@example.com", "bob.example"):
        ses.add_identity(identity)
    ses.add_identity("cyd@example.com", is_verified=False)
    return ses


def run_with_ses(monkeypatch: pytest.MonkeyPatch) -> int:
    people = PEOPLE | {"bob": Person("bob", "Bob", "bob@mail.bob.example")}
    monkeypatch.setattr(approvers, "read_people", lambda _: people)
    real = boto3.client("sesv2", region_name="eu-west-1")
    made = clients(ses=real, mail_from="approvals@example.org")
    return approvers.main(SimpleNamespace(name="s", client=lambda name: made[name]))  # type: ignore[arg-type]


def test_with_mail_from_it_says_whom_ses_can_send_to_and_asks_who_is_missing(
    ses: SesV2, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_with_ses(monkeypatch) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[:2]] == ["From approvals@example.org", "SES"]
    states = ["verified", "a sandbox", "verified: gets", "verified: gets", "not confirmed yet",
              "asked now"]  # fmt: skip
    assert all(state in line for state, line in zip(states, lines, strict=True))
    assert ses.get_email_identity("dan@example.com")["VerifiedForSendingStatus"] is False
    run_with_ses(monkeypatch)
    assert "has not confirmed yet" in capsys.readouterr().out.splitlines()[-1]


def test_with_mail_from_a_dry_run_asks_nobody(
    ses: SesV2, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRY_RUN", "1")
    assert run_with_ses(monkeypatch) == 1
    assert "would be asked to confirm" in capsys.readouterr().out
    assert "dan@example.com" not in ses._identities


def test_with_production_access_everyone_is_reached(
    ses: SesV2, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ses.is_sandbox = False
    assert run_with_ses(monkeypatch) == 0
    assert "dan@example.com" not in ses._identities
    ses.add_identity("approvals@example.org", is_verified=False)
    assert run_with_ses(monkeypatch) == 1
    assert "NOT verified in SES" in capsys.readouterr().out
