"""A turn of many questions: what each decision takes, by how many are asked at once."""

from dataclasses import dataclass
from unittest import mock

import agent_definition
import agent_handler
from benchmarks.cycle.conversation import make_conversation
from benchmarks.cycle.engine import Engine
from benchmarks.cycle.meter import Meter
from benchmarks.cycle.our_project import our_project
from benchmarks.growth.counted import Counted, total
from benchmarks.memory.script import Asking, Script
from benchmarks.memory.whole_turns import WholeTurns


@dataclass(frozen=True)
class Turn:
    """What one turn took, from the first decision to the end of its task."""

    questions: int
    decisions: tuple[Counted, ...]
    """Each from the click to the end of its message; the last one resumes and publishes all."""

    @property
    def early(self) -> Counted | None:
        """One that is not the last; they are alike."""
        return self.decisions[0] if len(self.decisions) > 1 else None

    @property
    def all(self) -> Counted:
        """All together."""
        return total(self.decisions)


def measure(engine: Engine, meter: Meter, questions: int) -> Turn:
    """Asks so many questions in one turn, approves and publishes them."""
    model = Asking(Script(1, turns=1))
    with (
        our_project(engine, meter),
        mock.patch.object(agent_definition, "make_model", lambda *_: model),
    ):
        agent_handler._resources.cache_clear()
        walk = WholeTurns(engine, meter)
        walk.open(make_conversation(2, False, "warm-up"))()  # What happens once.
        model.script = Script(questions, turns=1)
        walk.open(make_conversation(2, False, "turn"))
        meter.start_over()
        counted = tuple(Counted.of(meter) for _ in walk.decisions())
    if len(counted) != questions:
        raise RuntimeError(f"{questions} questions, and {len(counted)} decisions")
    return Turn(questions, counted)
