"""Many tasks at once, and the people who answer the e-mails: all through a stack's own ways in."""

import json
import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from local.mail import subscribe_queue

from local_stack import WAIT_SECONDS, Answer, LocalStack, wait_until
from longrunning.messages import build_new

CLICKERS = 8
SQS_BATCH = 10
UNDECIDED = 500
"""An answer from here on says that the click is to be sent again."""


@dataclass
class Crowd:
    """Approvers who answer each e-mail as soon as it comes.

    `decide` says what they make of a task: the fields of the form.
    """

    stack: LocalStack
    decide: Callable[[str], dict[str, str]]
    answers: list[Answer] = field(default_factory=list)
    """The last answer to each click; people click again when they are told to."""
    repeated_clicks: int = 0
    _taken: int = 0
    _queue_url: str = ""
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(CLICKERS))
    _stopping: threading.Event = field(default_factory=threading.Event)
    _errors: list[BaseException] = field(default_factory=list)

    def send(self, tasks: Sequence[str]) -> list[str]:
        """Sends tasks, of letters, digits and dashes; returns their session ids."""
        session_ids = []
        for start in range(0, len(tasks), SQS_BATCH):
            batch = tasks[start : start + SQS_BATCH]
            sent = self.stack.sqs.send_message_batch(
                QueueUrl=self.stack.description["queue_url"],
                Entries=[
                    {"Id": str(n), "MessageBody": build_new(f"About {task}.")}
                    for n, task in enumerate(batch)
                ],
            )
            assert len(sent["Successful"]) == len(batch)
            session_ids += [entry["MessageId"] for entry in sent["Successful"]]
        return session_ids

    def answered(self, count: int, seconds: float = WAIT_SECONDS) -> Iterator[Answer]:
        """Yields the next answers as they come, then waits until nothing is on its way."""
        for _ in range(count):
            wait_until(lambda: bool(self._errors) or len(self.answers) > self._taken, seconds)
            assert not self._errors, self._errors
            self._taken += 1
            yield self.answers[self._taken - 1]
        self.stack.wait_until_quiet()

    @property
    def statuses(self) -> Counter[int]:
        """How often each status was the final answer to a click."""
        return Counter(answer.status for answer in self.answers)

    def _read_mail(self) -> None:
        client = self.stack.client("sqs")
        try:
            while not self._stopping.is_set():
                found = client.receive_message(
                    QueueUrl=self._queue_url, MaxNumberOfMessages=SQS_BATCH, WaitTimeSeconds=1
                ).get("Messages", [])
                for message in found:
                    self._pool.submit(self._click, json.loads(message["Body"])["Message"])
                if found:
                    client.delete_message_batch(
                        QueueUrl=self._queue_url,
                        Entries=[
                            {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                            for n, message in enumerate(found)
                        ],
                    )
        except BaseException as error:
            self._errors.append(error)
        finally:
            client.close()

    def _click(self, mail: str) -> None:
        try:
            [task] = set(re.findall(r"About ([\w-]+)\.", mail))
            fields = self.decide(task)
            found = re.search(rf"http\S+\?decision={fields['decision']}", mail)
            assert found, "no link"
            while (answer := self.stack.post_form(found[0], **fields)).status >= UNDECIDED:
                self.repeated_clicks += 1
                assert not self._stopping.wait(0.1)
            self.answers.append(answer)
        except BaseException as error:
            self._errors.append(error)


@contextmanager
def crowd(stack: LocalStack, decide: Callable[[str], dict[str, str]]) -> Iterator[Crowd]:
    """A crowd whose mailbox is a queue of its own, beside the stack's."""
    people = Crowd(stack, decide)
    sns = stack.client("sns")
    people._queue_url, (subscription,) = subscribe_queue(
        stack.sqs, sns, f"crowd-{uuid.uuid4().hex[:8]}", [stack.physical_ids()["ApprovalTopic"]]
    )
    reader = threading.Thread(target=people._read_mail)
    reader.start()
    try:
        yield people
    finally:
        sns.unsubscribe(SubscriptionArn=subscription)
        people._stopping.set()
        reader.join()
        people._pool.shutdown()
        stack.sqs.delete_queue(QueueUrl=people._queue_url)
        sns.close()
