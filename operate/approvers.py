"""`make approvers`: has the people of `people.toml` be reached, and lists who is not yet.

Without MailFrom they are subscribed to the approval topic. With it, SES sends to their addresses:
`operate.senders` says whether it can.

Each subscription has a filter policy that selects the e-mails to that person alone: nobody gets
another's links. A person confirms by a click in the e-mail that SNS sends. Safe to repeat; nothing
is removed. DRY_RUN=1 only shows.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from longrunning.people.directory import People, PeopleError, Person, read_people
from longrunning.people.notifications import APPROVER
from operate import senders
from operate.errors import OperateError
from operate.lines import Line
from operate.reading import explained
from operate.stacks import Stack

FILE = Path("src/layer/python/people.toml")
"""The project's own: in a starter the library, which looks beside itself, is installed."""


def main(stack: Stack) -> int:
    """Subscribes who is not subscribed yet, or asks SES; returns 0 if all can be reached.

    Raises:
        OperateError: There is no `people.toml`, or it or AWS says no.
    """
    try:
        people = read_people(FILE)
    except PeopleError as error:
        raise OperateError(str(error)) from error
    if not people:
        raise OperateError(f"There is no {FILE.name}: docs/people.md says what it holds.")
    is_dry = os.environ.get("DRY_RUN") == "1"
    with explained():
        if mail_from := _mail_from(stack):
            found = senders.check(stack.client("sesv2"), mail_from, people, is_dry=is_dry)
        else:
            found = subscribe(stack, people, is_dry=is_dry)
        lines = list(found)
    width = max(len(line.who) for line in lines)
    for line in lines:
        print(f"{line.who:{width}}  {line.state}")
    return 0 if all(line.is_well for line in lines) else 1


def subscribe(stack: Stack, people: People, *, is_dry: bool) -> Iterator[Line]:
    """Makes the subscriptions that are missing, and corrects those that select other e-mails.

    Args:
        stack: The stack.
        people: Who there is.
        is_dry: Only says what it would do.
    """
    sns, topic = stack.client("sns"), stack.resources["ApprovalTopic"]
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = [s for page in pages for s in page["Subscriptions"] if s["Protocol"] == "email"]
    by_email = {s["Endpoint"].lower(): s["SubscriptionArn"] for s in found}
    for person in people.values():
        arn = by_email.pop(person.email.lower(), None)
        yield _one(sns, topic, person, arn, is_dry)
    for email in sorted(by_email):
        yield Line(email, "not in people.toml: gets what is asked of nobody by name")


def _mail_from(stack: Stack) -> str:
    """Returns the stack's MailFrom; "" where it has none, or is of before there was one."""
    [found] = stack.client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"]
    parameters = {p["ParameterKey"]: p["ParameterValue"] for p in found.get("Parameters", ())}
    return str(parameters.get("MailFrom", ""))


def _one(sns: Any, topic: str, person: Person, arn: str | None, is_dry: bool) -> Line:
    who = f"{person.name} <{person.email}>"
    policy = json.dumps({APPROVER: [person.id]})
    if arn is None:
        if is_dry:
            return Line(who, "would be subscribed", is_well=False)
        sns.subscribe(
            TopicArn=topic,
            Protocol="email",
            Endpoint=person.email,
            Attributes={"FilterPolicy": policy},
        )
        return Line(who, "subscribed now: has to confirm by the e-mail from SNS", is_well=False)
    if not arn.startswith("arn:"):  # "PendingConfirmation". Source: SNS, "Subscription".
        return Line(who, "has not confirmed yet: see the e-mail from SNS", is_well=False)
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    if json.loads(attributes.get("FilterPolicy") or "{}") == json.loads(policy):
        return Line(who, "confirmed")
    if is_dry:
        return Line(who, "confirmed; would get only what is for this person", is_well=False)
    sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=policy
    )
    return Line(who, "confirmed; gets only what is for this person from now on")
