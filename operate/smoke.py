"""`make smoke`: one task through a whole stack, decided as a person does, with a look at each step.

It changes nothing but this: its own task, its session and approval, the post that comes of it, and
a queue that is gone at the end.
"""

import os
import secrets
from contextlib import closing

from operate import clicks, mailbox
from operate.errors import OperateError
from operate.ledger import settled
from operate.reading import Reader, explained
from operate.smoke_plan import Consent, Plan, Steps
from operate.smoke_walk import FailedError, Walk
from operate.stacks import Stack

SOUND, UNSOUND = 0, 1
"""Exit statuses; 2 is that of every command that could not do its work."""

LIMIT_SECONDS = 300
"""How long the whole walk may take, unless LIMIT_SECONDS= says otherwise."""


def main(stack: Stack) -> int:
    """Checks the stack; returns the exit status.

    Raises:
        OperateError: It could not be checked, or nobody has agreed to what it publishes.
    """
    limit_seconds = _limit_seconds()
    plan = Plan.of(stack, secrets.token_hex(4))
    print("\n".join(plan.lines(limit_seconds)), flush=True)
    if os.environ.get("DRY_RUN") == "1":
        return SOUND
    consent = Consent(is_given=bool(stack.front_url))
    if not plan.stays_inside:
        consent.ask(f"It publishes a test post on {plan.endpoint}.")
    steps = Steps()
    walk = Walk(stack, plan, consent, steps, limit_seconds)
    try:
        with explained():
            _check(stack, walk, steps)
    except (FailedError, clicks.NoAnswerError) as error:
        steps.failed(str(error))
        return UNSOUND
    finally:
        walk.withdraw()
    print(f"The stack works, from task to post: {steps.total_seconds:.1f} s.")
    return SOUND


def _check(stack: Stack, walk: Walk, steps: Steps) -> None:
    topic_arn = stack.resources.get("ApprovalTopic", "")
    if not topic_arn:
        raise OperateError(f"Stack {stack.name} has no ApprovalTopic: it is not this template's.")
    _look_at_alarms(stack, steps)
    _look_at_dead_letters(stack, steps)
    _look_at_subscriptions(stack, topic_arn, steps)
    with mailbox.opened(stack, topic_arn, walk.queue_name) as box:
        steps.done("a queue gets a copy of each e-mail, until the task is done")
        walk.send()
        walk.follow(box)
    walk.check_effects()
    walk.check_opposite()
    _count(stack, steps)


def _look_at_alarms(stack: Stack, steps: Steps) -> None:
    if not stack.alarms:
        return steps.note("The stack has no alarm: nobody will be told of trouble.")
    with closing(stack.client("cloudwatch")) as cloudwatch:
        pages = cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNames=list(stack.alarms), StateValue="ALARM"
        )
        names = [a["AlarmName"] for page in pages for a in page.get("MetricAlarms", [])]
    ringing = sorted(stack.alarms[name] for name in names if name in stack.alarms)
    if not ringing:
        return steps.done(f"none of {len(stack.alarms)} alarms is in state ALARM")
    return steps.note(
        f"In state ALARM: {', '.join(ringing)}. docs/operate.md says what to do for each."
    )


def _look_at_dead_letters(stack: Stack, steps: Steps) -> None:
    attribute = "ApproximateNumberOfMessages"
    found = stack.sqs.get_queue_attributes(
        QueueUrl=stack.dead_letter_queue_url, AttributeNames=[attribute]
    )
    number = int(found["Attributes"][attribute])
    if not number:
        return steps.done("no dead letters")
    return steps.note(f"Dead letters: {number:,}. make redrive DRY_RUN=1 shows them and says why.")


def _look_at_subscriptions(stack: Stack, topic_arn: str, steps: Steps) -> None:
    with closing(stack.client("sns")) as sns:
        pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
        every = [s for page in pages for s in page["Subscriptions"]]
    others = [s for s in every if not mailbox.is_of_a_run(s["Endpoint"], stack.name)]
    confirmed = [s for s in others if s["SubscriptionArn"].startswith("arn:")]
    for left in (s["SubscriptionArn"] for s in every if s not in others):
        steps.note(
            "Another make smoke is running, or was killed. If none runs, delete its queue and: "
            f"aws sns unsubscribe --subscription-arn {left}"
        )
    if not confirmed:
        raise FailedError(
            "Nobody has a confirmed subscription to the approval topic, so a question reaches no "
            f"one ({len(others)} to be confirmed). Confirm the e-mail that AWS sent, within two "
            "days. Later, have AWS send another one: aws sns subscribe --protocol email "
            f"--topic-arn {topic_arn} --notification-endpoint ADDRESS (docs/deploy.md)"
        )
    steps.done(f"confirmed subscriptions to the approval topic: {len(confirmed)}")


def _count(stack: Stack, steps: Steps) -> None:
    reader = Reader(stack)
    _, ledger = settled(reader)
    if not ledger.holds:
        kinds = ", ".join(sorted({v.kind for v in ledger.violations})) or "the sums differ"
        raise FailedError(
            f"The law is broken ({kinds}): make ledger names the sessions and what to do."
        )
    steps.done(f"the law holds: {reader.items:,} items read")


def _limit_seconds() -> int:
    text = os.environ.get("LIMIT_SECONDS", "") or str(LIMIT_SECONDS)
    if not text.isdigit() or int(text) < 1:
        raise OperateError(f"LIMIT_SECONDS={text} is no number of seconds: 1 or more.")
    return int(text)
