"""Lambda durable functions on the SDK's local runner: each way to wait for a callback.

The runner keeps everything in memory and in this process, so there are operations and bytes to
count, but neither AWS calls nor a CPU of the client's own. In its favour, each step returns only
the messages it adds: the conversation is put together again by replay, which nobody bills.

`wait_for_callback` is the SDK's own: a context around a callback and a step that sends the e-mail.
`create_callback` leaves the sending to the caller. In a step of its own it happens once; outside of
a step, as in AWS's sample `lambda-durable-human-approval-sam` (serverless-patterns), it costs
nothing, and every replay sends the e-mails of all earlier questions again.
"""

import base64
import copy
import json
import logging
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

from benchmarks.cycle.contender import Contender, Cycle, Offers
from benchmarks.cycle.conversation import (
    PUBLISHED,
    Conversation,
    ScriptedModel,
    answer_to,
    make_ids,
)
from benchmarks.cycle.meter import Meter

WAITS, STEP, BARE = (
    "wait_for_callback",
    "create_callback, e-mail in a step",
    ("create_callback, e-mail outside a step"),
)
ONE_EFFECT = {WAITS: "no", STEP: "no", BARE: "no, and each replay mails again"}
ENDED = ""
"""Stands for the next question where there is none."""
POLL_SECONDS, WAIT_SECONDS = 0.005, 60


@contextmanager
def durable_peers(meter: Meter) -> Iterator[list[Contender]]:
    """Makes the contenders; their runners end with them."""
    logging.getLogger("aws_durable_execution_sdk_python_testing").setLevel(logging.CRITICAL)
    with ExitStack() as stack:
        yield [
            Contender(
                f"durable functions, {way}",
                _sessions(way, meter, stack.enter_context(ExitStack())),
                Offers(
                    "the answer, while the execution is kept",
                    "yes: a callback ends once",
                    one_effect,
                ),
                without="",
                has_cpu=False,
                is_close=True,
            )
            for way, one_effect in ONE_EFFECT.items()
        ]


def _sessions(way: str, meter: Meter, open_one: ExitStack) -> Callable[[Conversation], Cycle]:
    def open_session(conversation: Conversation) -> Cycle:
        open_one.close()  # The one before has done its cycles.
        session = _Session(conversation, meter, way)
        open_one.callback(session.runner.close)
        return session.cycle

    return open_session


class _Session:
    """One durable execution, paused at a question."""

    def __init__(self, conversation: Conversation, meter: Meter, way: str) -> None:
        self._meter, self._way, self._ids = meter, way, make_ids()
        self._model = ScriptedModel(conversation.post_bytes)
        self._asked, self._content = 0, ""
        self._seen: set[str] = set()
        self._mailed: set[str] = set()
        self._questions: queue.Queue[str] = queue.Queue()
        said = [*conversation.earlier, {"role": "user", "content": conversation.task}]
        self.runner = DurableFunctionTestRunner(handler=self._handler(), execution_timeout=3600)
        self._count_checkpoints()
        document = json.dumps({"messages": said}, default=lambda b: base64.b64encode(b).decode())
        self._arn = self.runner.run_async(input=document)
        self._callback_id = self._wait()

    def cycle(self) -> None:
        """Answers, and waits for the next question."""
        answer = json.dumps(answer_to(self._content))
        with self._meter.measured():
            self._meter.add_durable(0, len(answer), 0, len(answer))
            self.runner.send_callback_success(self._callback_id, answer.encode())
            self._callback_id = self._wait()

    def _handler(self) -> Any:
        @durable_execution
        def handler(event: dict[str, Any], context: DurableContext) -> None:
            said = context.step(lambda _: self._ask(event["messages"]), name="turn-0")
            messages = [*event["messages"], *said]
            for number in count(1):
                answer = self._approval(context, number)
                turn = partial(self._turn, messages, answer)
                messages += context.step(turn, name=f"turn-{number}")
                if "text" in messages[-1]["content"][0]:
                    return self._questions.put(ENDED)

        def invoked(invocation: Any, lambda_context: Any) -> Any:
            operations = invocation.initial_execution_state.operations
            received = sum(len(json.dumps(o.to_dict(), default=str)) for o in operations)
            self._meter.add_durable(0, 0, 0, received)
            return handler(invocation, lambda_context)

        return invoked

    def _approval(self, context: DurableContext, number: int) -> str:
        """Mails the question, and returns the answer."""
        name = f"approval-{number}"
        if self._way == WAITS:
            return str(context.wait_for_callback(self._submit, name=name))
        callback: Any = context.create_callback(name=name)
        mail = partial(self._submit, callback.callback_id)
        if self._way == STEP:
            context.step(mail, name=f"{name} submitter")
        else:
            self._seen.add(f"{name} submitter")
            mail(None)
        return str(callback.result())

    def _ask(self, messages: list[Any]) -> list[Any]:
        call = self._model.next_call(messages)
        if call is None:
            return [{"role": "assistant", "content": [{"text": "Done."}]}]
        name, content = call
        self._content = content
        use = {"toolUseId": next(self._ids), "name": name, "input": {"content": content}}
        return [{"role": "assistant", "content": [{"toolUse": use}]}]

    def _turn(self, before: list[Any], answer: str, _: Any) -> list[Any]:
        """Returns the four messages of a cycle."""
        messages = copy.copy(before)
        for text in (answer, PUBLISHED):
            use = messages[-1]["content"][0]["toolUse"]
            content = [{"text": text}]
            result = {"toolUseId": use["toolUseId"], "status": "success", "content": content}
            messages.append({"role": "user", "content": [{"toolResult": result}]})
            messages += self._ask(messages)
        return messages[len(before) :]

    def _count_checkpoints(self) -> None:
        client = self.runner._service_client
        checkpoint = client.checkpoint

        def counted(**arguments: Any) -> Any:
            for update in arguments["updates"]:
                self._count(update)
            return checkpoint(**arguments)

        client.checkpoint = counted

    def _count(self, update: Any) -> None:
        """An operation is billed once, whatever becomes of it; what it stores by its bytes."""
        is_new = update.operation_id not in self._seen
        self._seen.add(update.operation_id)
        size = len(json.dumps(update.to_dict(), default=str))
        self._meter.add_durable(int(is_new), len((update.payload or "").encode()), size, 0)
        if update.name and update.action.value == "SUCCEED":
            self._seen.add(update.name)

    def _submit(self, callback_id: str, _: Any) -> None:
        """Would send the e-mail; a person looks only at the first one of a question."""
        if callback_id not in self._mailed:
            self._mailed.add(callback_id)
            self._questions.put(callback_id)

    def _wait(self) -> str:
        """Waits until the next question is out and recorded."""
        self._asked += 1
        callback_id = self._questions.get(timeout=WAIT_SECONDS)
        if callback_id == ENDED:
            return ENDED
        deadline = time.monotonic() + WAIT_SECONDS
        while f"approval-{self._asked} submitter" not in self._seen:
            if time.monotonic() > deadline:
                raise TimeoutError("the question was not recorded")
            time.sleep(POLL_SECONDS)
        return callback_id
