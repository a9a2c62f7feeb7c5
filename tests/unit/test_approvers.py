"""`make approvers`: who is subscribed for what, and what it changes."""

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from operate import approvers
from operate.errors import OperateError

from longrunning.people.directory import PeopleError, Person

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
    monkeypatch.setattr(approvers, "read_people", lambda: people)
    stack: Any = SimpleNamespace(client=lambda _: sns, resources={"ApprovalTopic": "arn:topic"})
    return approvers.main(stack)


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
    def wrong() -> None:
        raise PeopleError("people.toml: [Ann]: expected a name")

    monkeypatch.setattr(approvers, "read_people", wrong)
    with pytest.raises(OperateError, match=r"\[Ann\]"):
        approvers.main(SimpleNamespace())  # type: ignore[arg-type]
