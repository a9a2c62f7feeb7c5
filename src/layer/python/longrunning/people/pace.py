"""How fast e-mails go, all senders of a stack together.

    agents, at most five at a time    one a second each               MessagePace
    more agents, all together         four a second                   SharedPace
    sweepers, all together            four a second                   SharedPace

Nine at most, or eight: SNS suspends an e-mail subscription that gets more than 10 a second.
Source: SNS, "Email subscriptions". `docs/decisions/0026-one-e-mail-a-turn.md` says why it holds.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

MAX_AGENTS_UNCOUNTED = 5
"""More than so many agents count their e-mails together."""

MARGIN_SECONDS = 3
"""An e-mail begun this long before the function's end is out before it."""


class TooEarlyError(Exception):
    """The e-mail may go only after this message's time is over; come back at `until`."""

    def __init__(self, until: float) -> None:
        """Takes epoch seconds."""
        super().__init__(self.__doc__)
        self.until = until


class Pace(Protocol):
    """Has e-mails wait for their turn."""

    deadline: float
    """When the function ends, as far as that was said; epoch seconds."""

    def begin(self, deadline: float, *, is_repeated: bool) -> None:
        """Says that a message was received.

        Args:
            deadline: When the function ends; epoch seconds.
            is_repeated: Whether an earlier delivery of it may have come some way.
        """

    def wait(self, key: str) -> None:
        """Sleeps until an e-mail may go.

        Args:
            key: Of what it is about, the same at each delivery.

        Raises:
            TooEarlyError: That is too late for this message.
        """


class Unpaced:
    """For a subscriber that takes all there is, such as a queue."""

    deadline = math.inf

    def begin(self, deadline: float, *, is_repeated: bool) -> None:
        """Takes the time."""
        self.deadline = deadline

    def wait(self, key: str) -> None:
        """Does not."""


@dataclass
class MessagePace:
    """Lets one e-mail go a second after its message was begun.

    One agent's place takes one message after the other, whichever environment does it. So between
    two e-mails from one place lies at least the second that the later message has taken by then.
    """

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    deadline: float = math.inf
    _earliest: float = math.inf

    def begin(self, deadline: float, *, is_repeated: bool) -> None:
        """Takes the time."""
        self._earliest, self.deadline = self.clock() + 1, deadline

    def wait(self, key: str) -> None:
        """Sleeps for the rest of the second: a model that thinks has taken it long before."""
        now = self.clock()
        at = min(self._earliest, now + 1)
        if at > now:
            if at > self.deadline - MARGIN_SECONDS:
                raise TooEarlyError(at)
            self.sleep(at - now)
        self._earliest = math.inf  # What failed may have arrived: it is repeated a second later.
