"""What the lab's notebook does with a stack: send a task, read its e-mail, click, look around.

The same code serves the stack of `make run` and a deployed one, because `operate.stacks` finds both
and a queue of the lab's own gets a copy of each e-mail. `stack.close()` takes that queue away.
"""

import atexit
import json
import os
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[2]
# A notebook has no setting for this: its editor starts Python in the notebook's own folder.
sys.path += [str(ROOT / folder) for folder in (".", "src/layer/python")]

import showing

from longrunning import codec
from longrunning.messages import build_new
from longrunning.sessions import inline_messages
from longrunning.waits.item import unpacked
from operate import clicks, ledger, mailbox, stacks
from operate.conservation import Ledger
from operate.errors import OperateError
from operate.reading import Reader

STATE_DIR = ROOT / ".local"
"""Where the stack of `make run` says how it is reached."""

WAIT_SECONDS = 300
"""How long something may take before the lab gives up. A timer of the stack takes two minutes."""

POLL_SECONDS = 0.2

TELL_SECONDS = 10
"""After which it says what it is waiting for."""

SOON_SECONDS, SOON_SECONDS_DEPLOYED = 40, 180
"""How far ahead `soon` is: a real model takes longer to get to its timer than a script."""

Item = dict[str, Any]


class LabError(Exception):
    """The lab cannot go on; the message says what to do."""


@dataclass(frozen=True)
class Mail:
    """One question of an e-mail to the approver, with its two links."""

    session_id: str
    tool_use_id: str
    approve: str
    deny: str
    body: str = field(repr=False)

    def show(self) -> None:
        """Prints the e-mail; a link is a right, so that its signature is cut off."""
        print(showing.mail(self.body))


def connect(name: str | None = None) -> "LabStack":
    """Finds the stack and opens the lab's own mailbox.

    Args:
        name: A deployed stack's; None: that of the variable STACK, or else that of `make run`.

    Raises:
        LabError: There is no such stack, or it does not answer.
    """
    wanted = os.environ.get("STACK", "").strip() if name is None else name
    opened = ExitStack()
    try:
        found = stacks.find(wanted, STATE_DIR)
        topic_arn = found.resources["ApprovalTopic"]
        queue_name = mailbox.queue_name(found.name, secrets.token_hex(4))
        for client in (found.sqs, found.dynamodb, found.s3):
            opened.callback(client.close)
        box = opened.enter_context(mailbox.opened(found, topic_arn, queue_name))
    except OperateError as error:
        raise LabError(str(error)) from None
    atexit.register(opened.close)
    where = found.front_url or f"AWS, {found.session.region_name}"
    print(f"Stack {found.name} ({where}) answers.")
    return LabStack(found, box, opened)


@dataclass
class LabStack:
    """A stack, as the lab uses it."""

    stack: stacks.Stack
    box: mailbox.Mailbox
    opened: ExitStack
    mails: list[Mail] = field(default_factory=list)
    """Every question that came since `connect`, oldest first."""

    # What a person or a program does.

    def send(self, task: str) -> str:
        """Sends a task to the queue; returns the id of its session."""
        session_id = f"lab-{secrets.token_hex(4)}"
        self.send_message(build_new(task, session_id))
        return session_id

    def send_message(self, body: str) -> None:
        """Puts a message on the task queue, whatever it says."""
        self.stack.sqs.send_message(QueueUrl=self.stack.task_queue_url, MessageBody=body)

    def click(self, link: str, decision: str, **fields: str) -> clicks.Answer:
        """Decides as the button of the page does; prints the answer.

        Args:
            link: Either link of the e-mail.
            decision: `approved` or `denied`.
            **fields: What goes along: a `comment`, or the approver's own `content`.
        """
        form = urlencode({"decision": decision, **fields}).encode()
        url = link.partition("?")[0]
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        answer = clicks.send("POST", url, headers, form)
        print(showing.answer("POST", answer))
        return answer

    def look(self, link: str) -> clicks.Answer:
        """Opens a link as a mail scanner does; prints the answer."""
        answer, _ = clicks.look(link)
        print(showing.answer("GET", answer))
        return answer

    def soon(self) -> str:
        """Returns a time that a timer of the lab waits for, such as `2027-03-01T09:00:00Z`."""
        ahead = SOON_SECONDS if self.stack.front_url else SOON_SECONDS_DEPLOYED
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ahead))

    # What is there.

    def session(self, session_id: str) -> Item:
        """Returns the session's item; empty before it is saved for the first time."""
        found = self._items(self.stack.sessions_table, session_id)
        return found[0] | {"messages": inline_messages(found[0])} if found else {}

    def waits(self, session_id: str) -> list[Item]:
        """Returns what the session waits or has waited for, in the order of its conversation."""
        said = json.dumps(self.session(session_id).get("messages", []))
        stored = self._items(self.stack.approvals_table, session_id)
        items = [{name: unpacked(value) for name, value in item.items()} for item in stored]
        return sorted(items, key=lambda i: (i["requested_at"], said.find(i["tool_use_id"])))

    def posts(self, session_id: str) -> list[Item]:
        """Returns what UniTok has of the session; nothing where posts go outside the stack."""
        receiver = self.stack.receivers.get("publish_post")
        if receiver is None:
            return []
        items = self.stack.dynamodb.query(
            TableName=receiver.table,
            KeyConditionExpression="feed = :feed AND begins_with(idempotency_key, :start)",
            ExpressionAttributeValues={
                ":feed": {"S": receiver.partition["feed"]},
                ":start": {"S": f"{session_id}/"},
            },
            ConsistentRead=True,
        )["Items"]
        return [codec.from_item(item) for item in items]

    def show(self, session_id: str) -> None:
        """Prints what tables, queue, mailbox and UniTok have of a session."""
        self._read_mail()
        mails = [mail for mail in self.mails if mail.session_id == session_id]
        print(showing.session(self.session(session_id)))
        print(showing.waits(self.waits(session_id)))
        print(showing.queue(*self._queue()))
        print(showing.line("e-mails", f"{len(mails)} about this session"))
        print(showing.posts(self.posts(session_id)))

    def show_conversation(self, session_id: str) -> None:
        """Prints what the model is sent when the session goes on."""
        print(showing.conversation(self.session(session_id).get("messages", [])))

    def ledger(self) -> Ledger:
        """Counts the whole stack, as `make ledger` does."""
        return ledger.settled(Reader(self.stack))[1]

    # Waiting for what the stack does by itself.

    def wait_for_mail(self, session_id: str, after: Mail | None = None) -> Mail:
        """Waits for a question of a session; returns it.

        Raises:
            LabError: None came in time, or the session has ended without one.
        """
        if mail := self.next_mail(session_id, after):
            return mail
        outcome = self.session(session_id)["outcome"]
        raise LabError(f"Session {session_id} has ended ({outcome}) without asking anybody.")

    def next_mail(self, session_id: str, after: Mail | None = None) -> Mail | None:
        """Waits for a question of a session, or for its end.

        Args:
            session_id: The session.
            after: The question before; None: the first one is wanted.

        Returns:
            The question; None where the session has ended.

        Raises:
            LabError: Neither came in time.
        """

        def newest() -> Mail | bool | None:
            has_ended = self.session(session_id).get("status") == "completed"
            self._read_mail()
            mails = {mail.tool_use_id: mail for mail in self.mails if mail.session_id == session_id}
            names = list(mails)
            new = names[names.index(after.tool_use_id) + 1 :] if after else names
            return mails[new[-1]] if new else has_ended

        found = self._wait(newest, f"an e-mail about session {session_id}")
        return found if isinstance(found, Mail) else None

    def wait_until_ended(self, session_id: str) -> Item:
        """Waits until a session has ended; returns its item.

        Raises:
            LabError: It did not end in time.
        """

        def ended() -> Item | None:
            item = self.session(session_id)
            return item if item.get("status") == "completed" else None

        return self._wait(ended, f"the end of session {session_id}")

    def wait_for(self, session_id: str, tool_name: str, status: str) -> Item:
        """Waits until the newest wait of a tool has a status; returns its item.

        Raises:
            LabError: It did not get there in time.
        """

        def there() -> Item | None:
            items = [item for item in self.waits(session_id) if item["tool_name"] == tool_name]
            return items[-1] if items and items[-1]["status"] == status else None

        return self._wait(there, f"{tool_name} {status} in session {session_id}")

    def wait_until_quiet(self) -> None:
        """Waits until no message is in the queue or being handled.

        Raises:
            LabError: There still was one.
        """
        self._wait(lambda: sum(self._queue()[:2]) == 0 or None, "an empty queue")

    def close(self) -> None:
        """Takes the lab's own mailbox away."""
        self.opened.close()

    def _read_mail(self) -> None:
        messages = self.stack.sqs.receive_message(
            QueueUrl=self.box.queue_url, MaxNumberOfMessages=10
        ).get("Messages", [])
        for message in messages:
            self.mails += _mails(message["Body"])
            self.stack.sqs.delete_message(
                QueueUrl=self.box.queue_url, ReceiptHandle=message["ReceiptHandle"]
            )

    def _queue(self) -> tuple[int, int, int]:
        """Returns how many messages wait, are being handled, and are dead letters."""
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible")]
        task, dead = (
            self.stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            for url in (self.stack.task_queue_url, self.stack.dead_letter_queue_url)
        )
        return int(task[names[0]]), int(task[names[1]]), int(dead[names[0]])

    def _items(self, table: str, session_id: str) -> list[Item]:
        found = self.stack.dynamodb.query(
            TableName=table,
            KeyConditionExpression="session_id = :id",
            ExpressionAttributeValues={":id": {"S": session_id}},
            ConsistentRead=True,
        )
        return [codec.from_item(item) for item in found["Items"]]

    def _wait(self, look: Callable[[], Any], what: str) -> Any:
        started, is_told = time.monotonic(), False
        while not (found := look()):
            seconds = time.monotonic() - started
            if seconds > WAIT_SECONDS:
                raise LabError(
                    f"{WAIT_SECONDS} s have passed without {what}. What the functions log stands "
                    "in the terminal of make run; of a deployed stack: sam logs --stack-name NAME"
                )
            if seconds > TELL_SECONDS and not is_told:
                is_told = True
                print(f"Waiting for {what} …", file=sys.stderr, flush=True)
            time.sleep(POLL_SECONDS)
        return found


def _mails(body: str) -> list[Mail]:
    return [
        Mail(q.session_id, q.tool_use_id, q.approve_url, q.deny_url, body)
        for q in mailbox.questions(body)
    ]
