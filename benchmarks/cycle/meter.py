"""The one counting layer: every AWS call of every contender passes it, on botocore's events."""

import contextlib
import functools
import gc
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import botocore.session

from benchmarks.cycle.prices import Call, Usage, usage_of

_PARAMETERS = "benchmark_parameters"


class Meter:
    """Counts what happens inside `measured()`, and nothing else.

    Attributes:
        calls: Of the cycle so far.
        cpu_seconds: Of this process, all its threads, in the cycle so far.
        session_seconds: Of these, what loads and saves the session, where that can be told apart.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.cpu_seconds = self.session_seconds = 0.0
        self._sent = self._received = 0
        self._durable_operations = self._durable_bytes = 0
        self._depth = 0

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Listens to every botocore client that is made in here, whoever makes it."""
        create = botocore.session.Session.create_client

        def create_client(session: Any, *args: Any, **kwargs: Any) -> Any:
            client = create(session, *args, **kwargs)
            self._listen(client.meta.events)
            return client

        with mock.patch.object(botocore.session.Session, "create_client", create_client):
            yield

    @contextlib.contextmanager
    def measured(self) -> Iterator[None]:
        """Counts the calls in here, and this process's CPU; what is printed goes nowhere."""
        self._depth += 1
        with contextlib.redirect_stdout(io.StringIO()):
            started = time.process_time()
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self.cpu_seconds += time.process_time() - started

    def of_session(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wraps what loads or saves the session."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.session_seconds += time.process_time() - started

        return timed

    def forget(self) -> None:
        """Forgets what was counted."""
        self.calls, self.cpu_seconds, self.session_seconds = [], 0.0, 0.0
        self._sent = self._received = self._durable_operations = self._durable_bytes = 0

    def start_over(self) -> None:
        """Forgets what was counted, and has no cycle pay for looking through others' memory."""
        self.forget()
        gc.unfreeze()
        gc.collect()
        gc.freeze()

    def usage(self) -> Usage:
        """Returns what was used since the last start."""
        return replace(
            usage_of(self.calls, self._sent, self._received),
            durable_operations=self._durable_operations,
            durable_bytes=self._durable_bytes,
        )

    def add_durable(self, operations: int, data_written: int, sent: int, received: int) -> None:
        """Counts what a durable execution's SDK exchanges: it makes no AWS calls here."""
        self._durable_operations += operations
        self._durable_bytes += data_written
        self._sent += sent
        self._received += received

    def _listen(self, events: Any) -> None:
        events.register("provide-client-params.*.*", self._before)
        events.register("before-send.*.*", self._sending)
        events.register("after-call.*.*", self._after)

    def _before(self, params: dict[str, Any], model: Any, context: Any, **_: Any) -> Any:
        """Has DynamoDB say what it bills, for every contender."""
        context[_PARAMETERS] = params
        if model.input_shape and "ReturnConsumedCapacity" in model.input_shape.members:
            return {**params, "ReturnConsumedCapacity": "INDEXES"}
        return None

    def _sending(self, request: Any, **_: Any) -> None:
        if self._depth:
            self._sent += _size(request.headers, request.body) + len(request.url)

    def _after(self, http_response: Any, parsed: Any, model: Any, context: Any, **_: Any) -> None:
        if self._depth:
            service = model.service_model.service_name
            self.calls.append(Call(service, model.name, context[_PARAMETERS], parsed))
            # A streamed body is still to be read.
            body = None if "Body" in parsed else http_response.content
            self._received += _size(http_response.headers, body)


def _size(headers: Any, body: Any) -> int:
    """Returns the bytes of a request or an answer; the headers say more than a stream would."""
    names = {str(name).lower(): str(value) for name, value in headers.items()}
    size = names.get("content-length")
    in_body = int(size) if size else len(body or b"")
    return in_body + sum(len(name) + len(value) + 4 for name, value in names.items())
