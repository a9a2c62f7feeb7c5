"""Processes that die, freeze or lose their way at any call they make to the outside.

Every AWS call of a handler (at the botocore level) and every post it sends is counted, over all
processes of a run. A *fate* says what becomes of one of them:

    dies before      the process is gone, the call never happened
    dies after       the call happened, the process is gone
    freezes          the process stands still while the world goes on, until it is thawed
    throttled        the service refuses
    timed out        no answer, and it did not happen
    reply lost       no answer, and it did happen
    sent twice       the reply was lost, and the client itself sent the call again

A dead process makes no more calls, whichever of its threads tries.
"""

import contextvars
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

import publish_post
import sweeper

DIES_BEFORE, DIES_AFTER, FREEZES = "dies before", "dies after", "freezes"
THROTTLED, TIMED_OUT, REPLY_LOST, SENT_TWICE = "throttled", "timed out", "reply lost", "sent twice"

DEATHS = (DIES_BEFORE, DIES_AFTER)
KILLS = (*DEATHS, FREEZES)
FAULTS = (THROTTLED, TIMED_OUT, REPLY_LOST, SENT_TWICE)

POST = "POST /posts"

Fates = Callable[[int, str], str | None]
"""From the number of a call, counted from 1, and its name to what becomes of it."""


class KilledError(BaseException):
    """The process is gone; nothing may catch this."""


@dataclass
class Process:
    """One run of a handler. Its threads inherit it with their context."""

    name: str
    is_dead: bool = False
    is_frozen: bool = False
    answer: Any = None
    error: BaseException | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)
    _goes_on: threading.Event = field(default_factory=threading.Event)

    def begin(self, handler: Callable[[], Any]) -> None:
        """Runs a handler until it ends or freezes."""
        threading.Thread(target=_run_as, args=(self, lambda: self._run(handler))).start()
        self._stopped.wait()

    def thaw(self) -> None:
        """Goes on after a freeze, until the handler ends or freezes again."""
        self.is_frozen = False
        self._stopped.clear()
        self._goes_on.set()
        self._stopped.wait()

    def freeze(self) -> None:
        """Stands still until somebody thaws it."""
        self.is_frozen = True
        self._goes_on.clear()
        self._stopped.set()
        self._goes_on.wait()

    def _run(self, handler: Callable[[], Any]) -> None:
        try:
            self.answer = handler()
        except BaseException as error:
            self.error = error
        self._stopped.set()


_process: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


@dataclass
class Mortality:
    """Deals out the fates of all calls.

    Attributes:
        fate_of: What becomes of a call.
        calls: The names of all calls so far, such as `agent PutItem`.
        met: How often each fate was met.
    """

    fate_of: Fates
    calls: list[str] = field(default_factory=list)
    met: dict[str, int] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.Lock)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Puts itself between the handlers and botocore, and between the publisher and its wire."""
        call, send = botocore.client.BaseClient._make_api_call, publish_post._send

        def make_api_call(client: Any, operation: str, request: dict[str, Any]) -> Any:
            return self.call(operation, lambda: call(client, operation, request), client)

        def send_post(request: Any) -> Any:
            return self.call(POST, lambda: _run_as(None, lambda: send(request)))

        patch.setattr(botocore.client.BaseClient, "_make_api_call", make_api_call)
        patch.setattr(publish_post, "_send", send_post)
        patch.setattr(sweeper, "ThreadPoolExecutor", OneThread)

    def call(self, operation: str, make: Callable[[], Any], client: Any = None) -> Any:
        """Makes one call, or what its fate makes of it. Nobody's call is not counted."""
        process = _process.get()
        if process is None:
            return make()
        fate = self._next_fate(process, operation)
        match fate:
            case "dies before":
                self._die(process)
            case "freezes":
                process.freeze()
            case "throttled":
                raise _throttled(operation, client)
            case "timed out":
                raise _timed_out(client, ConnectTimeoutError)
        answer = make()
        match fate:
            case "dies after":
                self._die(process)
            case "reply lost":
                raise _timed_out(client, ReadTimeoutError)
            case "sent twice":
                answer = make()
        if process.is_dead:  # Another thread died while this one waited for its answer.
            raise KilledError
        return answer

    def _next_fate(self, process: Process, operation: str) -> str | None:
        with self._lock:
            if process.is_dead:
                raise KilledError
            self.calls.append(f"{process.name} {operation}")
            fate = self.fate_of(len(self.calls), self.calls[-1])
            if fate:
                self.met[fate] = self.met.get(fate, 0) + 1
            return fate

    def _die(self, process: Process) -> None:
        process.is_dead = True
        raise KilledError


class OneThread:
    """The sweeper's threads, one after another: they would not inherit the process."""

    def __init__(self, most: int) -> None:
        """Takes what a `ThreadPoolExecutor` takes."""

    def __enter__(self) -> "OneThread":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to wait for."""

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Calls the function with each item."""
        return map(function, items)


def _run_as(process: Process | None, function: Callable[[], Any]) -> Any:
    context = contextvars.copy_context()
    context.run(_process.set, process)
    return context.run(function)


def _throttled(operation: str, client: Any) -> Exception:
    if client is None:
        return publish_post.PublishFailedError("the receiver answered 429")
    reasons = {}
    code = "ThrottlingException"
    if operation == "TransactWriteItems":
        code = "TransactionCanceledException"
        reasons = {"CancellationReasons": [{"Code": "ThrottlingError"}]}
    elif client.meta.service_model.service_name == "dynamodb":
        code = "ProvisionedThroughputExceededException"
    error = {"Error": {"Code": code, "Message": "Too fast."}, **reasons}
    kind: type[Exception] = client.exceptions.from_code(code)
    return kind(error, operation)


def _timed_out(client: Any, kind: type[Exception]) -> Exception:
    if client is None:
        return publish_post.PublishFailedError("the receiver did not answer")
    return kind(endpoint_url=client.meta.endpoint_url)
