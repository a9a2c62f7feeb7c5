"""Resumes of one length, in a process of their own: so that its memory is theirs.

    python -m benchmarks.warm.resumes <messages> <runs> <resumes in a run>

Prints JSON: `{"runs": [{"ours": ms, "strands": ms, "aws": ms}, …], "bytes": of the conversation,
"megabytes": the peak of the memory, "megabytes_before": the peak before such a conversation came}`.
"""

import contextlib
import json
import os
import statistics
import sys
from dataclasses import dataclass

from benchmarks.cycle.contender import Contender
from benchmarks.cycle.conversation import make_conversation
from benchmarks.cycle.engine import running_engine
from benchmarks.cycle.meter import Meter
from benchmarks.cycle.our_project import our_project, table_properties
from benchmarks.warm.memory import peak_megabytes
from benchmarks.warm.stopwatch import Stopwatch, installed

SHORT = 6
"""Messages of the conversations that warm up."""

ADDED = 4
"""Messages by a resume: the answer, the call that publishes, its result, the next question."""


def main() -> None:
    """Reads the arguments, measures, and prints."""
    messages, runs, at_a_time = map(int, sys.argv[1:])
    report = sys.stdout
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),  # The functions' metrics.
        running_engine(table_properties()) as engine,
        installed() as watch,
        our_project(engine, Meter()) as project,
    ):
        resumes = Resumes(project, watch)
        for number in range(at_a_time):
            resumes.two(SHORT, f"short-{number}")
        before = peak_megabytes()
        found = []
        for run in range(runs):
            names = [f"run-{run}-{number}" for number in range(at_a_time)]
            found.append(medians([resumes.two(messages, name) for name in names]))
        size = len(json.dumps(make_conversation(messages, False, "").earlier).encode())
        told = {"runs": found, "bytes": size, "megabytes": peak_megabytes()}
    json.dump(told | {"megabytes_before": before}, report)


@dataclass(frozen=True)
class Resumes:
    """Pauses and resumes; the pause itself is not measured."""

    project: Contender
    watch: Stopwatch

    def two(self, messages: int, name: str) -> dict[str, float]:
        """Resumes a conversation of so many messages, and again when it paused once more.

        Returns:
            Milliseconds of the agent function from a resume to the next pause, by whose they are:
            the mean of both. Of two, one writes the conversation's base anew.
        """
        cycle = self.project.open(make_conversation(messages - ADDED, False, name))
        cycle()  # From here on every message is as Strands leaves it.
        before = dict(self.watch.seconds)
        cycle()
        cycle()
        return {whose: (self.watch.seconds[whose] - before[whose]) * 500 for whose in before}


def medians(found: list[dict[str, float]]) -> dict[str, float]:
    """Returns the median of each part."""
    return {whose: statistics.median(part[whose] for part in found) for whose in found[0]}


if __name__ == "__main__":
    main()
