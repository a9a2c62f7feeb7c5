"""Lambda's Runtime API on 127.0.0.1, for one start: one event to hand out, one answer to take.

Source: AWS Lambda, "Using the Lambda runtime API for custom runtimes", version 2018-06-01.
"""

import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.cold_start.loopback import Handler, serving

START_SECONDS = 120
FUNCTION_SECONDS = 120
REQUEST_ID = "6f1a2b3c-4d5e-4f60-8a7b-9c0d1e2f3a4b"
FUNCTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:measured"


class StartError(Exception):
    """The function did not come up, or did not answer; the message says what it told."""


@dataclass(frozen=True)
class Answer:
    """What the function said, and when (`time.monotonic`)."""

    at: float
    document: Any


class RuntimeApi:
    """What the runtime client talks to."""

    def __init__(self, event: Any) -> None:
        """Takes the one event."""
        self._events = [json.dumps(event).encode()]
        self._answers: queue.Queue[tuple[str, Answer]] = queue.Queue()
        self._is_over = threading.Event()

    def answer(self) -> Answer:
        """Waits for the function's answer.

        Raises:
            StartError: It failed, or said nothing in time.
        """
        try:
            path, answer = self._answers.get(timeout=START_SECONDS)
        except queue.Empty:
            raise StartError(f"no answer in {START_SECONDS} s") from None
        if not path.endswith("/response"):
            raise StartError(f"{path}: {answer.document}")
        return answer

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serves until the block ends; yields what `AWS_LAMBDA_RUNTIME_API` is to hold."""
        with serving(self._handler()) as address:
            try:
                yield address
            finally:
                self._is_over.set()

    def _handler(self) -> type[Handler]:
        api = self

        class RuntimeHandler(Handler):
            def do_GET(self) -> None:
                if not api._events:
                    api._is_over.wait(START_SECONDS)  # As Lambda: until there is an event.
                    self.close_connection = True
                    return
                self.answer(200, api._events.pop(), _headers())

            def do_POST(self) -> None:
                at = time.monotonic()
                document = json.loads(self.body() or b"null")
                self.answer(202, b'{"status": "OK"}', {"Content-Type": "application/json"})
                api._answers.put((self.path, Answer(at, document)))

        return RuntimeHandler


def _headers() -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": REQUEST_ID,
        "Lambda-Runtime-Deadline-Ms": str(int((time.time() + FUNCTION_SECONDS) * 1000)),
        "Lambda-Runtime-Invoked-Function-Arn": FUNCTION_ARN,
        "Lambda-Runtime-Trace-Id": "Root=1-68ab1c00-ac46eb5de412a29689e9a8f0;Sampled=0",
    }
