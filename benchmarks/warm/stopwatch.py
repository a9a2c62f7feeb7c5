"""Whose processor time a resume takes: this project's, Strands' or the AWS client's."""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from botocore.auth import SigV4Auth
from botocore.client import BaseClient
from botocore.response import StreamingBody
from strands import Agent

import agent_handler
import publish_post
from longrunning import human_approval
from longrunning.agent import run as agent_run
from longrunning.agent import watch as watch_of_a_run
from longrunning.agent.gate import Gate

OURS, STRANDS, AWS = "ours", "strands", "aws"


class Stopwatch:
    """Adds processor time, of all threads together, to whoever's turn it is.

    One thread works at a time while a resume runs: the others wait for it. So there is one `whose`.
    """

    def __init__(self) -> None:
        self.seconds = {OURS: 0.0, STRANDS: 0.0, AWS: 0.0}
        self._whose: str | None = None
        self._since = 0.0

    def on(
        self, whose: str, function: Callable[..., Any], starts: bool = False
    ) -> Callable[..., Any]:
        """Wraps a function: while it runs, time is `whose`; then again the caller's.

        Nothing is timed but what runs inside a function that `starts`.
        """

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if not (starts or self._whose):
                return function(*args, **kwargs)
            before = self._turn(whose)
            try:
                return function(*args, **kwargs)
            finally:
                self._turn(before)

        return timed

    def _turn(self, whose: str | None) -> str | None:
        now = time.process_time()
        before = self._whose
        if before:
            self.seconds[before] += now - self._since
        self._whose, self._since = whose, now
        return before


@contextmanager
def installed() -> Iterator[Stopwatch]:
    """Has a stopwatch run whenever the agent function's handler does."""
    watch = Stopwatch()
    keeper = agent_run._turn_keeper

    def timed_keeper(*args: Any) -> Any:
        return watch.on(OURS, keeper(*args))

    places = {
        OURS: [  # What Strands calls.
            (watch_of_a_run, "name_apart"),
            (Gate, "before_tool"),
            (Gate, "_run_allowed"),
            (human_approval, "human_approval"),
        ],
        STRANDS: [(Agent, "__init__"), (Agent, "__call__")],
        AWS: [
            (BaseClient, "_make_api_call"),
            (StreamingBody, "read"),
            (SigV4Auth, "add_auth"),  # Of the post; every other request is signed in its call.
            (publish_post, "_send"),
        ],
    }
    handler = watch.on(OURS, agent_handler.handler, starts=True)
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(agent_handler, "handler", handler))
        for whose, names in places.items():
            for owner, name in names:
                timed = watch.on(whose, getattr(owner, name))
                stack.enter_context(mock.patch.object(owner, name, timed))
        stack.enter_context(mock.patch.object(agent_run, "_turn_keeper", timed_keeper))
        yield watch
