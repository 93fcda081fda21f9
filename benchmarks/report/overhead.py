"""What a calm run costs on each setup, and how much of that the orchestrator adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from benchmarks import statistics
from benchmarks.report import words
from benchmarks.report.facts import VARIANTS, Campaign, Cell, SetupId, Subject
from benchmarks.report.words import Figure, Mark

MEASURES = {  # column -> measure, unit
    "makespan": ("makespan_s", "s"),
    "dispatch": ("dispatch_s", "s"),
    "handoff": ("handoff_p50_s", "s"),
    "closing": ("closing_s", "s"),
    "cpu": ("cpu_s", "s"),
}


@dataclass(frozen=True, slots=True)
class Overhead:
    """What a setup adds to `bare`: the difference of the median makespans."""

    text: str
    percent: str
    spread: str
    mark: Mark
    reason: str
    n: int
    indicative: bool
    absolute_s: float
    low_s: float
    high_s: float
    interval: bool
    points_s: tuple[float, ...]  # each makespan minus the median of bare
    outliers: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One setup in the summary of one subject."""

    setup: SetupId
    cell: Cell
    figures: dict[str, Figure]
    overhead: Overhead | None
    n: int
    failed: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two setups on one subject."""

    subject: Subject
    first: str
    second: str
    difference: statistics.Difference
    mark: Mark
    n: int


def lines(campaign: Campaign, subject: Subject) -> list[Line]:
    """Return one line a setup."""
    base = campaign.cell(campaign.bare, subject).values("makespan_s")
    return [_line(campaign, setup, subject, base) for setup in campaign.setups]


def overhead(base: Sequence[float], values: Sequence[float], seed: int) -> Overhead | None:
    """Return what a setup adds to `bare`, or None when one of the two has no values."""
    if not base or not values:
        return None
    found = statistics.compare(base, values, seed)
    summary = statistics.summarise(base, seed)
    middle = summary.median if summary else 0.0
    n = min(len(base), len(values))
    return Overhead(
        text=f"{words.signed(found.absolute)} s",
        percent="" if found.relative is None else f"{words.signed(100 * found.relative)} %",
        spread=words.spread(found.low, found.high, found.interval),
        mark=words.AGAINST_BARE[found.verdict], reason=found.reason,
        n=n, indicative=n < statistics.FIGURE_FROM,
        absolute_s=found.absolute, low_s=found.low, high_s=found.high, interval=found.interval,
        points_s=tuple(value - middle for value in values),
        outliers=tuple(statistics.outliers(values)),
    )  # fmt: skip


def tuned_against_default(campaign: Campaign) -> list[Comparison]:
    """Compare the two variants of each engine; the default comes first."""
    pairs = [
        (default, tuned)
        for default, tuned in combinations(campaign.setups, 2)
        if (default.engine, default.mode) == (tuned.engine, tuned.mode)
        and {default.variant, tuned.variant} == set(VARIANTS)
    ]
    return _comparisons(campaign, pairs)


def engines_compared(campaign: Campaign, variant: str) -> list[Comparison]:
    """Compare the engines with each other, within one variant only."""
    setups = [it for it in campaign.setups if it.variant == variant and it.engine != "bare"]
    return _comparisons(campaign, list(combinations(setups, 2)))


def split_halves(campaign: Campaign) -> list[Comparison]:
    """Compare each setup with itself, every other start against the rest: an A/A control."""
    found = []
    for subject in campaign.subjects:
        for setup in campaign.setups:
            values = campaign.cell(setup, subject).values("makespan_s")
            halves = values.halves()
            comparison = _comparison(campaign, subject, setup.title, setup.title, *halves)
            found += [comparison] if comparison else []
    return found


def _line(campaign: Campaign, setup: SetupId, subject: Subject, base: Sequence[float]) -> Line:
    cell = campaign.cell(setup, subject)
    values = cell.values("makespan_s")
    figures = {
        column: words.figure(cell.values(measure), unit, campaign.seed, cell.word)
        for column, (measure, unit) in MEASURES.items()
    }
    added = None if setup == campaign.bare else overhead(base, values, campaign.seed)
    return Line(setup, cell, figures, added, len(values), cell.failed_count)


def _comparisons(campaign: Campaign, pairs: Sequence[tuple[SetupId, SetupId]]) -> list[Comparison]:
    found = []
    for subject in campaign.subjects:
        for one, other in pairs:
            first = campaign.cell(one, subject).values("makespan_s")
            second = campaign.cell(other, subject).values("makespan_s")
            comparison = _comparison(campaign, subject, one.title, other.title, first, second)
            found += [comparison] if comparison else []
    return found


def _comparison(
    campaign: Campaign, subject: Subject, one: str, other: str,
    first: Sequence[float], second: Sequence[float],
) -> Comparison | None:  # fmt: skip
    if not first or not second:
        return None
    found = statistics.compare(first, second, campaign.seed)
    mark = words.AGAINST_DEFAULT[found.verdict]
    return Comparison(subject, one, other, found, mark, min(len(first), len(second)))
