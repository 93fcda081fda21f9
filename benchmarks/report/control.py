"""The A/A control, setups run twice, which must not be told apart; and the planted slowdown.

The second is the other half of the first: a comparison that never decides would pass the control.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import statistics
from benchmarks.model import SLOWER
from benchmarks.report import words
from benchmarks.report.facts import Campaign, Cell, SetupId
from benchmarks.report.words import Figure, Mark
from benchmarks.statistics import Verdict

MEASURE = "makespan_s"
TOLD_APART = Mark("✗", "told apart", "bad")
UNDECIDED = Mark("≈", "undecided", "good")
TOO_FEW = Mark("·", "undecided", "none")  # as everything is with so few values
FOUND = Mark("✓", "found", "good")
NOT_FOUND = Mark("✗", "not found", "bad")


@dataclass(frozen=True, slots=True)
class Pair:
    """One calm workload on one setup, in its first and in its second block, or slowed down."""

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


def planted(campaign: Campaign) -> list[Pair]:
    """Return every calm cell of a setup that was made slower on purpose, beside the ordinary one.

    The cell is the slowed one's; `first` is the ordinary setup's figure.
    """
    known = {(it.engine, it.mode, it.variant): it for it in campaign.setups}
    slowed = [it for it in campaign.setups if it.variant.endswith(SLOWER)]
    pairs = [(known.get((it.engine, it.mode, ordinary(it))), it) for it in slowed]
    return [
        _planted(campaign.cell(usual, subject), campaign.cell(slow, subject), campaign.seed)
        for usual, slow in pairs
        if usual is not None
        for subject in (*campaign.subjects, *campaign.synthetic)
        if campaign.cell(slow, subject).trials
    ]


def ordinary(setup: SetupId) -> str:
    """Return the variant of which a setup is the slowed one."""
    return setup.variant.removesuffix(SLOWER)


def _planted(usual: Cell, slowed: Cell, seed: int) -> Pair:
    values = usual.values(MEASURE), slowed.values(MEASURE)
    first, second = (words.figure(it, "s", seed) for it in values)
    if not all(values):
        return Pair(slowed, first, second, TOO_FEW, "one of the two has no trial that delivered")
    found = statistics.compare(*values, seed)
    if not found.interval:
        return Pair(slowed, first, second, TOO_FEW, found.reason)
    mark = FOUND if found.verdict is Verdict.REGRESSED else NOT_FOUND
    return Pair(slowed, first, second, mark, found.reason)


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
