"""What `make smoke` is going to do, who has agreed to it, and how it says what it has done."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

from operate import mailbox
from operate.errors import OperateError
from operate.reading import explained
from operate.stacks import Stack

TELL_SECONDS = 5
"""Between two lines of progress."""

UNITOK_TABLE = "PostsTable"
"""Of UniTok, the receiver that stands in the stack itself: what it gets goes nowhere else."""


@dataclass(frozen=True)
class Plan:
    """What it is going to do, and where."""

    stack: Stack
    run: str
    """Eight hexadecimal digits that are in the names of all that it makes."""
    endpoint: str
    """Where posts go, outside the stack; "" where the stack has a UniTok of its own."""
    operator_url: str

    @classmethod
    def of(cls, stack: Stack, run: str) -> "Plan":
        """Looks up where this stack publishes, and where its operators' routes are."""
        with explained(), closing(stack.client("cloudformation")) as cloudformation:
            [found] = cloudformation.describe_stacks(StackName=stack.name)["Stacks"]
        given = {
            p["ParameterKey"]: p.get("ParameterValue", "") for p in found.get("Parameters", [])
        }
        outputs = {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])}
        outside = given.get("PublishEndpoint", "") or "a receiver outside this stack"
        here = f"{stack.front_url}/operator" if stack.front_url else outputs.get("OperatorUrl", "")
        return cls(stack, run, "" if UNITOK_TABLE in stack.resources else outside, here)

    @property
    def stays_inside(self) -> bool:
        """Whether what it publishes goes to the stack's own UniTok, or to this machine's."""
        return not self.endpoint or bool(self.stack.front_url)

    @property
    def session_id(self) -> str:
        """The session that its task starts."""
        return f"smoke-{self.run}"

    @property
    def queue_name(self) -> str:
        """The queue that gets the e-mails meanwhile."""
        return mailbox.queue_name(self.stack.name, self.run)

    def lines(self, limit_seconds: int) -> Iterator[str]:
        """Yields what it is going to do."""
        yield f"make smoke checks stack {self.stack.name}, in {limit_seconds} s at most:"
        yield "  - looks at its alarms, its dead letters, and at who is subscribed;"
        yield f"  - makes the queue {self.queue_name} for a copy of the e-mails, and deletes it;"
        yield f"  - sends a task, session {self.session_id}. Approvers get its e-mail, too: they"
        yield "    need not answer;"
        yield "  - approves by the link what the agent asks. So it publishes a test post, on"
        yield f"    {self.endpoint or 'UniTok, in this stack'};"
        yield "  - counts the ledger.\n"


@dataclass
class Consent:
    """Whether somebody has agreed that it publishes outside the stack."""

    is_given: bool = False

    def ask(self, what: str) -> None:
        """Asks once, on a terminal; YES=1 is the answer for everything else.

        Raises:
            OperateError: Nobody has agreed.
        """
        if self.is_given or os.environ.get("YES") == "1":
            self.is_given = True
            return
        if sys.stdin.isatty():
            self.is_given = input(f"{what} Go on? [y/N] ").strip().lower() in ("y", "yes")
        if not self.is_given:
            raise OperateError(f"{what} Nothing of it was done. If it may be: make smoke YES=1 …")


@dataclass
class Steps:
    """Prints a line for each step, with the seconds that it took."""

    started: float = field(default_factory=time.monotonic)
    _last: float = field(default_factory=time.monotonic)
    _told: float = field(default_factory=time.monotonic)

    @property
    def total_seconds(self) -> float:
        """Since the first step began."""
        return time.monotonic() - self.started

    def done(self, text: str) -> None:
        """A step that went well."""
        self._line("✓", text)

    def failed(self, text: str) -> None:
        """The step that ends the run."""
        self._line("✗", text)

    def note(self, text: str) -> None:
        """Something that breaks nothing and that somebody should look at."""
        self._line("!", text)

    def waiting(self, text: str) -> None:
        """What is waited for, every few seconds."""
        if time.monotonic() - self._told > TELL_SECONDS:
            self._told = time.monotonic()
            print(f"    {self._told - self._last:6.1f} s  … {text}", flush=True)

    def _line(self, mark: str, text: str) -> None:
        now = time.monotonic()
        print(f"  {mark} {now - self._last:6.1f} s  {text}", flush=True)
        self._last = self._told = now
