"""Lambda durable functions: `wait_for_callback` on the SDK's local runner.

The runner keeps everything in memory and in this process, so there are operations and bytes to
count, but neither AWS calls nor a CPU of the client's own. In its favour, each step returns only
the messages it adds: the conversation is put together again by replay, which nobody bills.
"""

import base64
import copy
import json
import logging
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
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

NAME = "durable functions, wait_for_callback"
OFFERS = Offers("the answer, while the execution is kept", "yes: a callback ends once", "no")
ENDED = ""
"""Stands for the next question where there is none."""
POLL_SECONDS, WAIT_SECONDS = 0.005, 60


@contextmanager
def durable_peer(meter: Meter) -> Iterator[Contender]:
    """Makes the contender; its runners end with it."""
    logging.getLogger("aws_durable_execution_sdk_python_testing").setLevel(logging.CRITICAL)
    runners: list[Any] = []

    def open_session(conversation: Conversation) -> Cycle:
        while runners:  # The one before has done its cycles.
            runners.pop().close()
        session = _Session(conversation, meter)
        runners.append(session.runner)
        return session.cycle

    try:
        yield Contender(NAME, open_session, OFFERS, without="", has_cpu=False)
    finally:
        for runner in runners:
            runner.close()


class _Session:
    """One durable execution, paused at a question."""

    def __init__(self, conversation: Conversation, meter: Meter) -> None:
        self._meter, self._model, self._ids = meter, ScriptedModel(), make_ids()
        self._asked = 0
        self._seen: set[str] = set()
        self._questions: queue.Queue[str] = queue.Queue()
        said = [*conversation.earlier, {"role": "user", "content": conversation.task}]
        self.runner = DurableFunctionTestRunner(handler=self._handler(), execution_timeout=3600)
        self._count_checkpoints()
        document = json.dumps({"messages": said}, default=lambda b: base64.b64encode(b).decode())
        self._arn = self.runner.run_async(input=document)
        self._callback_id = self._wait()

    def cycle(self) -> None:
        """Answers, and waits for the next question."""
        answer = json.dumps(answer_to("x" * 170))
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
                answer = context.wait_for_callback(self._submit, name=f"approval-{number}")
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

    def _ask(self, messages: list[Any]) -> list[Any]:
        call = self._model.next_call(messages)
        if call is None:
            return [{"role": "assistant", "content": [{"text": "Done."}]}]
        name, content = call
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
        """Would send the e-mail."""
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
