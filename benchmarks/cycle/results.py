"""All that was measured, and how its figures are read."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.cycle.contender import Contender
from benchmarks.cycle.plan import Cells, Plan, Sessions, Tasks, Texts
from benchmarks.cycle.prices import Usage, mean
from benchmarks.cycle.turns import Cell


@dataclass(frozen=True)
class Results:
    """All cells, and how to read them."""

    contenders: Sequence[Contender]
    cells: Cells
    tasks: Tasks
    texts: Texts
    sessions: Sessions
    plan: Plan

    @property
    def ours(self) -> Contender:
        """This project."""
        return self.contenders[0]

    @property
    def peers(self) -> list[Contender]:
        """Those to compare with."""
        return [c for c in self.contenders if c.is_peer]

    @property
    def close(self) -> list[Contender]:
        """Those with which longer texts and longer sessions are tried, this project first."""
        return [c for c in self.contenders if c.is_close]

    def cell(self, contender: Contender, size: int, has_attachment: bool = False) -> Cell:
        """Returns what was measured."""
        return self.cells[contender.name, has_attachment, size]

    def mean(self, contender: Contender, size: int, has_attachment: bool = False) -> Usage:
        """Returns its average cycle; one that failed at once used nothing."""
        return mean(self.cell(contender, size, has_attachment).usages or [Usage()])

    def dollars(
        self, contender: Contender, size: int, has_attachment: bool = False
    ) -> float | None:
        """Returns the figure to compare: our mean, a peer's first cycle; None if it failed."""
        cell = self.cell(contender, size, has_attachment)
        if not cell.usages:
            return None
        if contender is self.ours:
            return self.mean(contender, size, has_attachment).dollars
        return cell.usages[0].dollars

    def text_dollars(self, contender: Contender, post_bytes: int) -> float | None:
        """Returns the same by the bytes of a text: our mean, a peer's first cycle."""
        usages = self.texts[contender.name, post_bytes].usages
        if not usages:
            return None
        return (mean(usages) if contender is self.ours else usages[0]).dollars

    def ratio_to(self, name: str, post_bytes: int) -> float | None:
        """Returns how many times a contender's dollars are ours; None if one of both failed."""
        peer = next(c for c in self.close if c.name == name)
        mine, theirs = (self.text_dollars(c, post_bytes) for c in (self.ours, peer))
        return mine / theirs if mine and theirs else None

    def record_dollars(self, size: int, has_attachment: bool = False) -> float:
        """Returns what our approval items cost: asked, decided, claimed, spent."""
        usage = self.mean(self.ours, size, has_attachment)
        tables = [table for table in usage.written if table.endswith("approvals")]
        return sum(map(usage.dollars_of_table, tables))

    def cpu_ms(self, contender: Contender, size: int, has_attachment: bool = False) -> list[float]:
        """Returns the CPU of each cycle that was measured in turn with everybody's."""
        return self.cell(contender, size, has_attachment).cpu_ms[: self.plan.peer_cycles]

    def persistence_ms(
        self, contender: Contender, size: int, has_attachment: bool = False
    ) -> float | None:
        """Returns the CPU of a cycle without that of the same agent's, which stores nothing."""
        found = self.cpu_ms(contender, size, has_attachment)
        if not found or not contender.has_cpu:
            return None
        alone = self.cells[contender.without, has_attachment, size].cpu_ms[: len(found)]
        return statistics.median(a - b for a, b in zip(found, alone, strict=True))

    def session_ms(self, size: int) -> float:
        """Returns the CPU that our session's load and save take of a cycle."""
        return statistics.median(self.cell(self.ours, size).session_ms[: self.plan.peer_cycles])

    def below(
        self,
        size: int,
        figure: Callable[[Contender, int], float | None],
        mine: float | None = None,
    ) -> list[tuple[float, Contender]]:
        """Returns the peers whose figure is below ours, the lowest first."""
        mine = mine or figure(self.ours, size) or 0
        found = [(figure(peer, size), peer) for peer in self.peers]
        return sorted(
            ((value, peer) for value, peer in found if value is not None and value < mine),
            key=lambda pair: pair[0],
        )
