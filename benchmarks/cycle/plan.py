"""What is measured, and what is found: names of figures, without what makes them."""

from dataclasses import dataclass

from benchmarks.cycle.contender import Contender
from benchmarks.cycle.prices import Usage
from benchmarks.cycle.turns import Cell


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    sizes: tuple[int, ...]
    """Numbers of messages."""
    cycles: int
    cycles_with_attachment: int
    peer_cycles: int
    texts: tuple[int, ...]
    """Bytes of the texts to approve, of those contenders that are close."""
    text_size: int
    """Messages of the conversation in which they are asked for."""
    marks: tuple[int, ...]
    """Cycles of one long session that are looked at, the first one among them."""
    window: int
    """So many from each of them on make a mean."""

    def cycles_of(self, contender: Contender, has_attachment: bool) -> int:
        """Returns how many in a row. A peer's cost alike; of ours, some write a base."""
        if contender.is_peer:
            return self.peer_cycles
        return self.cycles_with_attachment if has_attachment else self.cycles


Cells = dict[tuple[str, bool, int], Cell]
"""By contender's name, whether there is an attachment, and number of messages."""

Tasks = dict[str, Usage]
"""By contender's name, what a task takes that one approval finishes, from start to end."""


Texts = dict[tuple[str, int], Cell]
"""By contender's name and bytes of the texts to approve."""

Sessions = dict[str, Cell]
"""By contender's name, the cycles of one session, all of which are made."""
