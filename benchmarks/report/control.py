"""The A/A control, setups run twice, which must not be told apart; and the planted slowdown.

The second is the other half of the first: a comparison that never decides would pass the control.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks import statistics
from benchmarks.model import SLOWER
from benchmarks.report import words
from benchmarks.report.facts import Campaign, Cell
from benchmarks.report.words import Figure, Mark
from benchmarks.statistics import Verdict

MEASURE = "makespan_s"
TOLD_APART = Mark("✗", "told apart", "bad")
UNDECIDED = Mark("≈", "undecided", "good")
TOO_FEW = Mark("·", "undecided", "none")  # as everything is with so few values
FOUND = Mark("✓", "found", "good")
NOT_FOUND = Mark("✗", "not found", "bad")


class Two(NamedTuple):
    """What is held against each other, and what each verdict on the second means then."""

    names: tuple[str, str]
    marks: Mapping[Verdict, Mark]
    otherwise: Mark


BLOCKS = Two(("first block", "second block"), {Verdict.UNDECIDED: UNDECIDED}, TOLD_APART)
SPEEDS = Two(("ordinary setup", "slowed setup"), {Verdict.REGRESSED: FOUND}, NOT_FOUND)


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
    return [
        _pair(it, BLOCKS, it.values(MEASURE), it.control_values(MEASURE), campaign.seed)
        for it in cells
        if it.control and it.trials
    ]


def failed(found: Sequence[Pair]) -> list[Pair]:
    """Return the cells in which a setup differs from itself."""
    return [it for it in found if it.mark is TOLD_APART]


def planted(campaign: Campaign) -> list[Pair]:
    """Return every calm cell of a setup that was made slower on purpose, beside the ordinary one.

    The cell is the slowed one's; `first` is the ordinary setup's figure.
    """
    known = {it.name: it for it in campaign.setups}
    both = [(known.get(it.name.removesuffix(SLOWER)), it) for it in campaign.setups]
    cells = [
        (campaign.cell(usual, subject), campaign.cell(slowed, subject))
        for usual, slowed in both
        if usual is not None and usual != slowed
        for subject in (*campaign.subjects, *campaign.synthetic)
    ]
    return [
        _pair(slowed, SPEEDS, usual.values(MEASURE), slowed.values(MEASURE), campaign.seed)
        for usual, slowed in cells
        if slowed.trials
    ]


def _pair(cell: Cell, two: Two, first: Sequence[float], second: Sequence[float], seed: int) -> Pair:
    one, other = (words.figure(values, "s", seed) for values in (first, second))
    mark, reason = _judge(two, first, second, seed)
    return Pair(cell, one, other, mark, reason)


def _judge(
    two: Two, first: Sequence[float], second: Sequence[float], seed: int
) -> tuple[Mark, str]:
    if not first or not second:
        return TOO_FEW, f"no trial of the {two.names[bool(first)]} delivered"
    found = statistics.compare(first, second, seed)
    mark = two.marks.get(found.verdict, two.otherwise) if found.counts else TOO_FEW
    return mark, found.reason
