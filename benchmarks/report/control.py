"""The A/A control: setups that a campaign ran twice, and whether the two are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import statistics
from benchmarks.report import words
from benchmarks.report.facts import Campaign, Cell
from benchmarks.report.words import Figure, Mark
from benchmarks.statistics import Verdict

MEASURE = "makespan_s"
TOLD_APART = Mark("✗", "told apart", "bad")
UNDECIDED = Mark("≈", "undecided", "good")
TOO_FEW = Mark("·", "undecided", "none")  # as everything is with so few values


@dataclass(frozen=True, slots=True)
class Pair:
    """One calm workload on one setup, in its first and in its second block."""

    cell: Cell
    first: Figure
    second: Figure
    mark: Mark
    reason: str

    @property
    def decides(self) -> bool:
        """Whether there were enough values to tell two setups apart."""
        return self.mark is not TOO_FEW


def pairs(campaign: Campaign) -> list[Pair]:
    """Return every calm cell that was measured twice, in the order of the report."""
    order = [*campaign.subjects, *campaign.synthetic, *campaign.together]
    cells = [campaign.cell(setup, it) for setup in campaign.setups for it in order]
    return [_pair(cell, campaign.seed) for cell in cells if cell.control and cell.trials]


def failed(found: Sequence[Pair]) -> list[Pair]:
    """Return the cells in which a setup differs from itself."""
    return [it for it in found if it.mark is TOLD_APART]


def _pair(cell: Cell, seed: int) -> Pair:
    values = cell.values(MEASURE), cell.control_values(MEASURE)
    first, second = (words.figure(it, "s", seed) for it in values)
    mark, reason = _judge(*values, seed)
    return Pair(cell, first, second, mark, reason)


def _judge(first: Sequence[float], second: Sequence[float], seed: int) -> tuple[Mark, str]:
    if not first or not second:
        which = "first" if not first else "second"
        return TOO_FEW, f"no trial of the {which} block delivered"
    found = statistics.compare(first, second, seed)
    if not found.interval:
        return TOO_FEW, found.reason
    mark = UNDECIDED if found.verdict is Verdict.UNDECIDED else TOLD_APART
    return mark, found.reason
