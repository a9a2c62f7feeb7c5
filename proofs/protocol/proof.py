"""What each model has to show: no violation with its guards, one without each that it needs."""

import sys
import time

from protocol.code import function_source, stands_in_order
from protocol.guards import COST
from prove_figures import is_long, record


class Proof:
    """The explorations of one model; `found` is what each came to, by its name."""

    def __init__(self, row, explore, scenarios, short, long, guards):
        """Takes a model as its modules have it; `row` is its name in the table of `make prove`."""
        self.row, self.explore, self.scenarios, self.guards = row, explore, scenarios, guards
        self.cost_only = [name for name, guard in guards.items() if guard.problem == COST]
        self.needed = [name for name, guard in guards.items() if guard.problem != COST]
        self.explored = [scenario.name for scenario in (*short, *(long if is_long() else ()))]
        self.found = {}

    def holds_in(self, name):
        """With every guard nothing goes wrong."""
        found = self.found[name] = self.explore(self.scenarios[name], tell=_told(name))
        assert not found.problem, _as_text(found)
        record(self.row, states=found.states, scenarios=1, violations=0)

    def breaks_without(self, guard):
        """Without this one its problem comes."""
        without = self._without(guard)
        assert without.problem == self.guards[guard].problem, _as_text(without)
        self.found[guard] = without
        record(self.row, guards=1, counterexamples=1)

    def only_costs_without(self, guard):
        """Without this one nothing goes wrong, either."""
        without = self._without(guard)
        assert not without.problem, _as_text(without)
        self.found[guard] = without
        record(self.row, guards=1, cost_only=1)

    def _without(self, guard):
        return self.explore(self.scenarios[self.guards[guard].scenario], [guard])

    @property
    def steps(self):
        """Names of all steps that were taken."""
        return {name for found in self.found.values() for name in found.steps}

    @property
    def is_whole(self):
        """Whether every scenario was explored, not some of them alone."""
        return self.found.keys() >= set(self.explored)


def is_in_the_code(at):
    """Whether what a step or a guard says stands in the function that it names."""
    return stands_in_order(at.text, function_source(at.where))


def _told(what):
    """In the long form, says every few seconds how far it is."""
    started = last = time.monotonic()

    def tell(done, left):
        nonlocal last
        now = time.monotonic()
        if is_long() and now - last > 10:
            last = now
            line = f"{what}: {done:,} states, {left:,} to go as yet, {now - started:.0f} s"
            print(line, file=sys.__stderr__, flush=True)

    return tell


def _as_text(found):
    """The problem and a shortest way to it."""
    steps = "".join(f"\n  {number:2}. {step}" for number, step in enumerate(found.trace, 1))
    return f"{found.problem}:{steps}"
