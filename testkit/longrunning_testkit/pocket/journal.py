"""What a table held at an earlier moment, as a point-in-time restore has it.

Of each write the item that it replaced is kept, which costs no copy: a table never changes an item
that it holds, it puts another one there.

Source: DynamoDB, "Point-in-time recovery": any second of the last 35 days.
"""

from collections.abc import Callable, Iterable
from copy import copy
from typing import Any

from longrunning_testkit.pocket.attributes import Item
from longrunning_testkit.pocket.errors import AwsError

KEPT_SECONDS = 35 * 86_400
_LOOK_EVERY = 1_000
Place = tuple[Any, Any]


class Journal:
    """The writes of one table, oldest first."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._writes: list[tuple[float, Place, Item | None]] = []

    def __deepcopy__(self, _: dict[int, Any]) -> "Journal":
        """What was written never changes, and there is one clock."""
        other = copy(self)
        other._writes = list(self._writes)
        return other

    def note(self, place: Place, before: Item | None) -> None:
        """Notes what a write is about to replace."""
        self._writes.append((self._clock(), place, before))
        if len(self._writes) % _LOOK_EVERY == 0:
            self._forget()

    def since(self, moment: float) -> Iterable[tuple[Place, Item | None]]:
        """Returns what each write after a moment replaced, and where, the newest write first.

        Raises:
            AwsError: No backup reaches that far back, or the moment has not come.
        """
        now = self._clock()
        if not now - KEPT_SECONDS <= moment <= now:
            message = f"Invalid restore time: {moment}"
            raise AwsError("InvalidRestoreTimeException", message)
        return [(place, before) for at, place, before in reversed(self._writes) if at > moment]

    def _forget(self) -> None:
        """No restore can ask for it any more."""
        oldest = self._clock() - KEPT_SECONDS
        self._writes = [write for write in self._writes if write[0] >= oldest]
