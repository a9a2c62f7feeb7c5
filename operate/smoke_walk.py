"""The one task of `make smoke`: sent, asked about, approved as a person does, and looked at after.

What the agent's texts say does not matter, so a model may word them as it likes, and ask as often
as it likes: whatever its session asks is approved.
"""

import os
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from longrunning.messages import build_new
from longrunning.sessions import COMPLETED
from longrunning.text import utc, visible
from longrunning.waits.item import Status, Wait, from_item
from operate import clicks
from operate.mailbox import Mailbox, Question
from operate.reading import Reader
from operate.smoke_plan import Consent, Plan, Steps
from operate.stacks import Stack

MAX_SHOWN_CHARS = 2_000
"""Of a text that the agent asks about."""

TASK = "This only tests that posts work. Write one short post that says so, and ask for approval."
"""What the agent is asked to do, unless SMOKE_TASK= says otherwise."""

UNITOK_ACTION = "publish_post"
"""What the stack's own UniTok takes: every other call may reach somebody outside."""

FAULTY = ("failed", "stopped")
"""Outcomes of a session that its agent did not mean."""

Item = dict[str, Any]


class FailedError(Exception):
    """The stack does not do what it should: the message says what to do."""


class Walk:
    """Follows the one task.

    Args:
        stack: The stack.
        plan: What is to be done.
        consent: Asked before an effect outside the stack.
        steps: Where it says what it has done.
        limit_seconds: How long until it gives up.
    """

    def __init__(
        self, stack: Stack, plan: Plan, consent: Consent, steps: Steps, limit_seconds: int
    ) -> None:
        """Nothing is sent yet."""
        self._stack, self._plan, self._consent, self._steps = stack, plan, consent, steps
        self._limit_seconds = limit_seconds
        self._questions: dict[str, Question] = {}
        self._decided: dict[str, Question] = {}
        self._is_open = False
        """Whether its task was sent, and has not ended."""

    @property
    def queue_name(self) -> str:
        """What the queue for the e-mails is called."""
        return self._plan.queue_name

    def send(self) -> None:
        """Sends the task."""
        text = os.environ.get("SMOKE_TASK", "").strip() or TASK
        body = build_new(f"{text}\n\n(make smoke, {self._plan.run})", self._plan.session_id)
        self._is_open = True
        self._stack.sqs.send_message(QueueUrl=self._stack.task_queue_url, MessageBody=body)
        self._steps.done(f"sent a task: session {self._plan.session_id}")

    def follow(self, box: Mailbox) -> None:
        """Decides whatever the agent asks, until its session has ended.

        Args:
            box: Where the e-mails come.

        Raises:
            FailedError: It did not end in time, did not ask, or somebody else decided.
        """
        deadline = time.monotonic() + self._limit_seconds
        while True:
            session, items = self._session(), self._items()
            if session.get("status", {}).get("S") == COMPLETED:
                break
            self._questions |= {q.tool_use_id: q for q in box.receive(self._plan.session_id)}
            for tool_use_id, approval in items.items():
                if tool_use_id in self._questions and tool_use_id not in self._decided:
                    self._decide(from_item(approval), approval, self._questions[tool_use_id])
            state = self._state(session, items)
            if time.monotonic() > deadline:
                raise FailedError(self._too_late(session, items, state))
            self._steps.waiting(state)
        self._is_open = False
        self._steps.done(f"the session has ended: {_how(session)}")
        if not self._decided:
            _check_end(session)
            raise FailedError(_no_question(session, items))

    def check_effects(self) -> None:
        """Checks that what was approved was done, and is where it can be counted.

        Raises:
            FailedError: It was not.
        """
        approvals = [from_item(self._item(tool_use_id)) for tool_use_id in self._decided]
        for approval in approvals:
            if approval.decision != "approved" or approval.edited_content is not None:
                raise FailedError("What is recorded is not what was decided here. Was it edited?")
            if approval.refused:
                raise FailedError(
                    f"The receiver refused {approval.asked.action} for good. What its test data "
                    "must be, SMOKE_TASK= can say; the log of AgentFunction has its status."
                )
        spent = [approval for approval in approvals if approval.status == Status.SPENT]
        _check_end(self._session())
        if not spent:
            raise FailedError(
                "It was approved, and the agent ended without the call (NotDoneAlarm in "
                "docs/operate.md). Nothing was published. A model may do so: run it again."
            )
        if len(spent) < len(approvals):
            more = len(approvals) - len(spent)
            self._steps.note(f"Approved and not done, for the agent changed its mind: {more}")
        self._steps.done("the record is SPENT: it allows no other call")
        for approval in spent:
            self._check_post(approval)

    def check_opposite(self) -> None:
        """Checks that the opposite decision is refused, and changes nothing.

        Raises:
            FailedError: It was taken.
        """
        for tool_use_id, question in self._decided.items():
            before = self._item(tool_use_id)
            answer = clicks.decide(question.deny_url, "denied")
            if answer.status != 409 or self._item(tool_use_id) != before:
                raise FailedError(
                    f"A denial after the approval was answered {answer.status}, not 409, or has "
                    "changed the record. Do not use this stack: report it with its commit."
                )
        self._steps.done("the opposite decision is refused: 409, and nothing changes")

    def withdraw(self) -> None:
        """Cancels what still waits of its task; says what it cannot take back."""
        if not self._is_open:
            return
        session_id = self._plan.session_id
        try:
            items = self._items()
            waiting = [i for i, item in items.items() if from_item(item).status == Status.PENDING]
            if not items:
                print(f"    Its task may still be in the queue: session {session_id}.")
            for tool_use_id in waiting:
                answer = clicks.cancel(
                    self._stack.session, self._plan.operator_url, session_id, tool_use_id
                )
                if answer.status != 200:
                    raise FailedError(f"the answer was {answer.status}")
                print("    Its question was cancelled.")
        except (BotoCoreError, ClientError, FailedError, clicks.NoAnswerError) as error:
            print(f"    Session {session_id} still waits and could not be cancelled ({error}).")
            print("    Cancel it as docs/operate.md says, or let its question expire.")

    def _decide(self, approval: Wait, item: Item, question: Question) -> None:
        """Looks at the question, then presses the button as a person does."""
        if approval.status != Status.PENDING:
            raise FailedError(
                f"Somebody else was faster: it is {approval.status}. Run it again, and tell the "
                f"approvers to leave session {self._plan.session_id} alone."
            )
        self._steps.done(f"asked by e-mail: {visible(approval.asked.action)}")
        self._show(approval)
        page = self._look(question, item)
        if self._plan.endpoint or approval.asked.action != UNITOK_ACTION:
            self._consent.ask(f"The agent asks to run {visible(approval.asked.action)}.")
        answer = clicks.press(question.approve_url, "approved", page, approval.asked.content or "")
        if answer.status != 200:
            raise FailedError(
                f"The button Approve was answered {answer.status}. Look at the log of "
                "ApprovalFunction; 409 means that somebody decided otherwise."
            )
        recorded = from_item(self._item(approval.tool_use_id))
        if recorded.decision != "approved":
            raise FailedError("The page said yes, and the record does not. Report it.")
        self._decided[approval.tool_use_id] = question
        self._steps.done("approved by the link, as a browser does")

    def _show(self, approval: Wait) -> None:
        text = visible(approval.asked.content or "")
        cut = " […]" if len(text) > MAX_SHOWN_CHARS else ""
        for line in (text[:MAX_SHOWN_CHARS] + cut).split("\n"):
            print(f"                | {line}")
        print(f"                decide until {utc(approval.decide_by)}", flush=True)

    def _look(self, question: Question, before: Item) -> str:
        """Opens both links; returns the page of the one that approves."""
        looks = [clicks.look(url) for url in (question.approve_url, question.deny_url)]
        if self._item(question.tool_use_id) != before:
            raise FailedError(
                "The record has changed while the links were looked at. Did somebody decide at "
                "that moment? Run it again. If it says so again, do not use this stack: report it."
            )
        for page, told in looks:
            if page.status != 200 or "<form" not in page.text or told.status != 200:
                raise FailedError(
                    f"The link of the e-mail was answered {page.status} as a page and "
                    f"{told.status} as JSON. Look at the log of ApprovalFunction; if "
                    "ApprovalBaseUrl is set, at where that domain leads."
                )
            if told.document.get("content") != from_item(before).asked.content:
                raise FailedError("The link shows another text than the record. Report it.")
        self._steps.done("both links show it, and looking changes nothing")
        return looks[0][0].text

    def _check_post(self, approval: Wait) -> None:
        receiver = self._stack.receivers.get(approval.asked.action)
        if receiver is None:
            return self._steps.note(
                f"What {visible(approval.asked.action)} did is not counted here: look at its "
                f"receiver for the key {approval.key}."
            )
        named = receiver.partition | {"idempotency_key": approval.key}
        key = {name: {"S": value} for name, value in named.items()}
        found = self._stack.dynamodb.get_item(
            TableName=receiver.table, Key=key, ConsistentRead=True
        )
        if "Item" not in found:
            raise FailedError(
                f"It is spent, and {receiver.table} has no post of it. Ask the receiver, then "
                "make ledger."
            )
        return self._steps.done("published, under the key of its approval")

    def _state(self, session: Item, items: dict[str, Item]) -> str:
        """Says what is waited for."""
        if not session:
            return "the agent works: no pause yet"
        for approval in map(from_item, items.values()):
            if approval.status == Status.PENDING and approval.call is None:
                return f"the agent waits for {visible(approval.tool_name)}, not for a person"
            if approval.status == Status.PENDING:
                return "it is asked and recorded; its e-mail has not come yet"
            if approval.status == Status.APPROVED:
                return "it is approved; the agent has not gone on yet"
        return "the agent goes on"

    def _too_late(self, session: Item, items: dict[str, Item], state: str) -> str:
        said = f"Nothing more came in {self._limit_seconds} s: {state}."
        for message in Reader(self._stack).look_at_letters():
            if self._plan.session_id in message["Body"]:
                return f"{said} Its message is a dead letter: make redrive DRY_RUN=1 says why."
        if not session:
            todo = "the log of AgentFunction, and whether its trigger is enabled"
        elif any(from_item(item).status == Status.PENDING for item in items.values()):
            todo = "ApprovalMailAlarm and the log of AgentFunction; a new queue may be late, too"
        else:
            todo = "the log of AgentFunction, and RunFailedAlarm in docs/operate.md"
        return f"{said} Look at {todo}. A slow model: LIMIT_SECONDS={2 * self._limit_seconds}"

    def _session(self) -> Item:
        """Returns what has become of the session, and no message of it; empty before a pause."""
        names = ("status", "outcome", "reason")
        found = self._stack.dynamodb.query(
            TableName=self._stack.sessions_table,
            KeyConditionExpression="session_id = :id",
            ExpressionAttributeValues={":id": {"S": self._plan.session_id}},
            ProjectionExpression=", ".join(f"#{name}" for name in names),
            ExpressionAttributeNames={f"#{name}": name for name in names},
            ConsistentRead=True,
        )["Items"]
        return dict(found[0]) if found else {}

    def _items(self) -> dict[str, Item]:
        """Returns the session's items of the table `approvals`, by tool use id."""
        found = self._stack.dynamodb.query(
            TableName=self._stack.approvals_table,
            KeyConditionExpression="session_id = :id",
            ExpressionAttributeValues={":id": {"S": self._plan.session_id}},
            ConsistentRead=True,
        )["Items"]
        return {item["tool_use_id"]["S"]: item for item in found}

    def _item(self, tool_use_id: str) -> Item:
        return self._items()[tool_use_id]


def _how(session: Item) -> str:
    outcome = session.get("outcome", {}).get("S", "it does not say how")
    reason = session.get("reason", {}).get("S", "")
    return f"{outcome} ({visible(reason)})" if reason else outcome


def _check_end(session: Item) -> None:
    if session.get("outcome", {}).get("S") in FAULTY:
        raise FailedError(
            f"The session ended {_how(session)}. SessionFailedAlarm in docs/operate.md says what "
            "to do."
        )


def _no_question(session: Item, items: dict[str, Item]) -> str:
    if items:
        return "It asked, and ended before anybody could answer here. Did somebody cancel it?"
    return (
        f"The agent ended without asking ({_how(session)}). Read its last words in the history "
        "(docs/operate.md). A model may answer in words alone: give a task that needs an approval, "
        "SMOKE_TASK=…"
    )
