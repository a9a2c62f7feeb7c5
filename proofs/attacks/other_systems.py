"""The systems in which tools start work: one that is asked, and one that calls back.

Both take a second start under the same name for the first one, as a tool may ask of them. Each call
of them is one at which the process may die.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import boto3

import agent_definition
from longrunning.agent.long_running import LongTool, Result, long_running
from longrunning.messages import build_look
from longrunning.waits.item import Wait
from mortal import Mortality

LOOKED, CALLED_BACK = "encode_video", "await_build"

AT_MOST = timedelta(hours=6)
ENDLESS_AT_MOST = timedelta(minutes=20)
"""How long a job that never ends is waited for."""


@dataclass
class Work:
    """What was started under one name."""

    key: str
    """Of the wait that it is for."""
    output: str
    ends_at: float | None
    """None: it never does."""
    started_at: float
    starts: int = 0
    is_stopped: bool = False


@dataclass
class Systems:
    """Where the work is done.

    Attributes:
        jobs: What is asked, by name.
        builds: What calls back, by name.
        callbacks: The name of each answer that came over HTTP, and the status that it got.
    """

    mortality: Mortality
    after: Callable[[float, Callable[[], Any]], None]
    send: Callable[[str], Any]
    clock: Callable[[], float]
    call_back: Callable[[str, dict[str, Any]], int | None]
    """Answers at a URL; returns the status, if there was any."""
    jobs: dict[str, Work] = field(default_factory=dict)
    builds: dict[str, Work] = field(default_factory=dict)
    callbacks: list[tuple[str, int | None]] = field(default_factory=list)

    def tools(self, session: boto3.Session, settings: Mapping[str, str]) -> Iterator[LongTool]:
        """Makes the tools that start work here."""
        yield self._looked()
        yield self._called_back(agent_definition.make_callback_url(session, settings))

    def _looked(self) -> LongTool:
        def within(seconds: int | None) -> timedelta:
            return AT_MOST if seconds else ENDLESS_AT_MOST

        @long_running(within=within)
        def encode_video(wait: Wait, title: str, events: list[int], seconds: int | None) -> None:
            """Encodes a video, in so many seconds; after each of `events` it says that it did."""

            def start() -> None:
                now = self.clock()
                ends_at = now + seconds if seconds else None
                output = f"{title} {wait.name[:8]}"
                work = self.jobs.setdefault(wait.name, Work(wait.key, output, ends_at, now))
                work.starts += 1
                for at in events if work.starts == 1 else ():
                    self.after(at, partial(self.send, build_look(LOOKED, wait.name)))

            self.mortality.call("StartJob", start)

        @encode_video.look
        def look(wait: Wait) -> Result | None:
            return self.mortality.call("LookAtJob", partial(self._result_of, wait.name))

        @encode_video.cancel
        def cancel(wait: Wait) -> None:
            self.mortality.call("CancelJob", partial(self._stop, wait.name))

        @encode_video.locate
        def locate(about: str) -> tuple[str, str]:
            session_id, _, tool_use_id = self.jobs[about].key.partition("/")
            return session_id, tool_use_id

        return encode_video

    def _result_of(self, name: str) -> Result | None:
        work = self.jobs.get(name)
        if work is None or work.ends_at is None or work.ends_at > self.clock():
            return None
        return Result(work.output)

    def _stop(self, name: str) -> None:
        if name in self.jobs:
            self.jobs[name].is_stopped = True

    def _called_back(self, url_of: Callable[[Wait], str]) -> LongTool:
        @long_running(within=AT_MOST, by_callback=True)
        def await_build(wait: Wait, branch: str, seconds: int) -> None:
            """Builds a branch, in so many seconds."""
            url = url_of(wait)

            def start() -> None:
                given = {"build": f"{branch} {wait.name[:8]}"}
                now = self.clock()
                work = Work(wait.key, json.dumps(given), now + seconds, now)
                work = self.builds.setdefault(wait.name, work)
                work.starts += 1
                if work.starts == 1:
                    self.after(seconds, partial(self._answer, wait.name, url, given))

            self.mortality.call("StartBuild", start)

        return await_build

    def _answer(self, name: str, url: str, given: dict[str, Any]) -> None:
        """Answers, and does it again as long as that gets no answer itself."""
        status = self.call_back(url, {"status": "success", "result": given})
        self.callbacks.append((name, status))
        if status is None or status >= 500:
            self.after(15, partial(self._answer, name, url, given))
