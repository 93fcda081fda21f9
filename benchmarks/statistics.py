"""What a handful of raw values says, and what it does not. Pure functions; nothing is dropped.

Sources of the formulas:

- bootstrap of the median, percentile interval: Efron and Tibshirani, *An Introduction to the
  Bootstrap*, 1993, chapter 13; the resampling is `scipy.stats.bootstrap`.
- permutation test of a difference: Fisher, *The Design of Experiments*, 1935; Good, *Permutation,
  Parametric and Bootstrap Tests*, 2005; `scipy.stats.permutation_test`.
- rank test of two samples without overlap: Mann and Whitney, *On a Test of Whether one of Two
  Random Variables is Stochastically Larger than the Other*, 1947; `scipy.stats.mannwhitneyu`,
  exact.
- modified z-score: Iglewicz and Hoaglin, *How to Detect and Handle Outliers*, 1993; for a median
  absolute deviation of zero, the mean absolute deviation takes its place, as IBM Cognos does.
- trials of one start of an engine resemble each other: what is resampled and permuted are whole
  starts. Davison and Hinkley, *Bootstrap Methods and their Application*, 1997, section 3.8.
- interval and noise gate together: criterion.rs, "Analysis process", where a change must be both
  significant and larger than the noise threshold.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from scipy import stats  # type: ignore[import-untyped]  # SciPy publishes no types

INTERVAL_FROM = 6  # values; resampling fewer only repeats their extremes
STARTS_FROM = 5  # starts of an engine that they come from, where several come from one
TESTED_FROM = 3  # starts on each side of a comparison; of fewer, a disturbed one would be half
FIGURE_FROM = 10  # values; a figure of fewer is marked as indicative
CONFIDENCE = 0.95
NOISE_GATE = 0.05  # a smaller relative difference is not claimed, however certain
RESAMPLES = 9_999
OUTLIER_FROM = 3.5  # of the modified z-score


Groups = tuple[tuple[float, ...], ...]  # the values of each start


class Sample(list[float]):
    """Values, and for each the start of the engine that it was measured in.

    A plain sequence of values is a sample in which each has a start of its own.
    """

    def __init__(self, values: Iterable[float], starts: Iterable[Hashable]) -> None:
        super().__init__(values)
        self.starts = tuple(starts)
        if len(self.starts) != len(self):
            raise ValueError(f"statistics: {len(self)} values, and starts of {len(self.starts)}")

    def each(self, made: Callable[[float], float]) -> Sample:
        """Return what is made of each value."""
        return Sample(map(made, self), self.starts)

    def times(self, factor: float) -> Sample:
        """Return the same values in another unit."""
        return self.each(lambda value: factor * value)

    def halves(self) -> tuple[Sample, Sample]:
        """Return the values of every other start, and those of the starts between."""
        order = list(dict.fromkeys(self.starts))
        first, second = (
            [it for it in zip(self, self.starts, strict=True) if it[1] in order[odd::2]]
            for odd in (0, 1)
        )
        return sampled(first), sampled(second)


def sampled(pairs: Sequence[tuple[float, Hashable]]) -> Sample:
    """Return a sample of values with their starts."""
    return Sample(*zip(*pairs, strict=True)) if pairs else Sample((), ())


class Verdict(StrEnum):
    """What may be said of a second sample against a first, when less is better."""

    IMPROVED = "improved"
    REGRESSED = "regressed"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Summary:
    """A median, and how far it can be trusted.

    `low` and `high` are a 95 % interval when `interval` is true, else the least and the greatest
    value.
    """

    median: float
    low: float
    high: float
    n: int
    interval: bool

    @property
    def indicative(self) -> bool:
        """Whether there are too few values to print the figure without saying so."""
        return self.n < FIGURE_FROM


@dataclass(frozen=True, slots=True)
class Difference:
    """A second sample against a first.

    `low` and `high` are a 95 % interval of the difference of the medians when `interval` is true,
    else the least and the greatest difference between two values, which is wider. `p` is the
    permutation test's, or then the rank test's; None when no test was made. `relative` is None when
    the first median is zero.
    """

    absolute: float
    relative: float | None
    low: float
    high: float
    interval: bool
    p: float | None
    verdict: Verdict
    reason: str

    @property
    def counts(self) -> bool:
        """Whether it counts where agreement is counted: few values are evidence of none."""
        return self.interval or self.verdict is not Verdict.UNDECIDED


def summarise(values: Sequence[float], seed: int = 0) -> Summary | None:
    """Return the median with its bootstrap 95 % interval, or with the range below 6 values.

    Percentile bootstrap: the 2.5 % and 97.5 % quantiles of the medians of resamples drawn with
    replacement (Efron and Tibshirani 1993). None for no values.
    """
    if not values:
        return None
    median, n = float(np.median(values)), len(values)
    if too_few(values):
        return Summary(median, min(values), max(values), n, interval=False)
    low, high = _bootstrap((_groups(values),), _median, seed)
    return Summary(median, low, high, n, interval=True)


def too_few(values: Sequence[float]) -> str:
    """Say what is missing for an interval; "" when nothing is."""
    starts = len(_groups(values))
    if len(values) < INTERVAL_FROM:
        return f"{len(values)} values, {INTERVAL_FROM} are needed for an interval"
    if starts < STARTS_FROM:
        return f"values of {starts} starts, {STARTS_FROM} are needed for an interval"
    return ""


def compare(first: Sequence[float], second: Sequence[float], seed: int = 0) -> Difference:
    """Say whether the second sample is lower, higher, or not told apart from the first.

    Told apart only when all agree: the bootstrap 95 % interval of `median(second) -
    median(first)` excludes zero, the two-sided permutation test of the same statistic gives
    p < 5 %, and the medians are at least 5 % of the first apart.

    Many divisions of few values, or of starts one of which holds most of them, have the same
    difference of medians. So where that test gives more, but no value lies among the other's, the
    test is that of ranks of the starts' medians, which adds less than 1 % to its error (2 of the
    252 divisions of five starts and five leave no overlap). Where either has too few values for an
    interval, it is that test alone.

    Raises:
        ValueError: a sample is empty.

    """
    if not first or not second:
        raise ValueError("statistics: two samples with values are needed")
    absolute = float(np.median(second) - np.median(first))
    relative = absolute / float(np.median(first)) if np.median(first) else None
    both = (_groups(second), _groups(first))
    few = too_few(first) or too_few(second)
    extremes = min(second) - max(first), max(second) - min(first)
    if few and min(map(len, both)) < TESTED_FROM:
        return Difference(absolute, relative, *extremes, False, None, Verdict.UNDECIDED, few)
    low, high = extremes if few else _bootstrap(both, _gap, seed)
    p, test = _tested(both, few, not _around_zero(*extremes), seed)
    doubt = _doubt(relative, low, high, p, few)
    told = Verdict.IMPROVED if absolute < 0 else Verdict.REGRESSED
    verdict = Verdict.UNDECIDED if doubt else told
    reason = doubt or f"{test} (p = {p:.4f}) and noise gate agree"
    return Difference(absolute, relative, low, high, not few, p, verdict, reason)


@dataclass(frozen=True, slots=True)
class Ratio:
    """The quotient of two medians.

    `low` and `high` are a 95 % interval when `interval` is true, else the least and the greatest
    quotient of two values.
    """

    value: float
    low: float
    high: float
    interval: bool


def ratio(first: Sequence[float], second: Sequence[float], seed: int = 0) -> Ratio | None:
    """Return `median(second) / median(first)` of positive values; None for others, or for none.

    The interval is the percentile bootstrap of that quotient, the samples resampled each alone.
    """
    if not first or not second or min(*first, *second) <= 0:
        return None
    value = float(np.median(second) / np.median(first))
    if too_few(first) or too_few(second):
        return Ratio(value, min(second) / max(first), max(second) / min(first), interval=False)
    low, high = _bootstrap((_groups(second), _groups(first)), _quotient, seed)
    return Ratio(value, low, high, interval=True)


def interval(
    samples: Sequence[Sequence[float]], of_medians: Callable[..., Any], seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap 95 % interval of what is made of the samples' medians.

    Each sample is resampled alone; `of_medians` takes arrays of medians, one for each sample.
    """

    def statistic(*chosen: Any) -> Any:
        return of_medians(*map(_median, chosen))

    return _bootstrap(tuple(map(_groups, samples)), statistic, seed)


def outliers(values: Sequence[float]) -> list[bool]:
    """Label values whose modified z-score exceeds 3.5 in size. A label drops nothing.

    `0.6745 (x - median) / MAD`, MAD being the median absolute deviation (Iglewicz and Hoaglin
    1993); when that is zero, `(x - median) / (1.253314 MeanAD)`.
    """
    if not values:
        return []
    distance = np.asarray(values, dtype=float) - np.median(values)
    median_deviation = float(np.median(np.abs(distance)))
    mean_deviation = float(np.mean(np.abs(distance)))
    scale = median_deviation / 0.6745 if median_deviation else 1.253314 * mean_deviation
    if not scale:
        return [False] * len(values)
    return [bool(score > OUTLIER_FROM) for score in np.abs(distance) / scale]


def _tested(both: tuple[Groups, Groups], few: str, apart: bool, seed: int) -> tuple[float, str]:
    """Return p, and the test that gives it."""
    if not few:
        p = _permutation(both, _gap, seed)
        if p < 1 - CONFIDENCE or not apart:
            return p, "interval, permutation test"
    return _of_ranks(both), "no overlap, rank test"


def _doubt(relative: float | None, low: float, high: float, p: float, few: str) -> str:
    """Say what speaks against a difference; "" when nothing does."""
    if few and (_around_zero(low, high) or p >= 1 - CONFIDENCE):
        return few
    if _around_zero(low, high):
        return "the 95 % interval of the difference contains zero"
    if p >= 1 - CONFIDENCE:
        return f"the permutation test gives p = {p:.2f}"
    if relative is not None and abs(relative) < NOISE_GATE:
        return f"the difference is below the noise gate of {NOISE_GATE:.0%}"
    return ""


def _around_zero(low: float, high: float) -> bool:
    return low <= 0 <= high


def _groups(values: Sequence[float]) -> Groups:
    """Return the values of each start."""
    if not isinstance(values, Sample):
        return tuple((value,) for value in values)
    found: dict[Hashable, list[float]] = defaultdict(list)
    for value, start in zip(values, values.starts, strict=True):
        found[start].append(value)
    return tuple(map(tuple, found.values()))


def _median(sample: Any) -> Any:
    median = np.nanmedian if np.isnan(sample).any() else np.median  # the former takes its time
    return median(sample, axis=-1)


def _gap(one: Any, other: Any) -> Any:
    return _median(one) - _median(other)


def _quotient(one: Any, other: Any) -> Any:
    return _median(one) / _median(other)


@functools.cache  # pure, slow, and asked for the same samples by several tables
def _bootstrap(
    samples: tuple[Groups, ...], statistic: Callable[..., Any], seed: int
) -> tuple[float, float]:
    indices, of_starts = _by_index(samples, statistic)
    found = stats.bootstrap(
        indices, of_starts, n_resamples=RESAMPLES, confidence_level=CONFIDENCE,
        method="percentile", vectorized=True, rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)


@functools.cache
def _permutation(samples: tuple[Groups, ...], statistic: Callable[..., Any], seed: int) -> float:
    indices, of_starts = _by_index(samples, statistic)
    found = stats.permutation_test(
        indices, of_starts, n_resamples=RESAMPLES, vectorized=True, alternative="two-sided",
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    return float(found.pvalue)


def _of_ranks(samples: tuple[Groups, ...]) -> float:
    medians = (list(map(np.median, starts)) for starts in samples)
    return float(stats.mannwhitneyu(*medians, method="exact").pvalue)


def _by_index(
    samples: tuple[Groups, ...], statistic: Callable[..., Any]
) -> tuple[list[Any], Callable[..., Any]]:
    """Return what SciPy may resample or permute: each sample's starts as numbers of rows.

    The rows are one start's values each, filled up with NaN where others have more.
    """
    groups = [group for sample in samples for group in sample]
    table = np.full((len(groups), max(map(len, groups))), np.nan)
    for row, group in enumerate(groups):
        table[row, : len(group)] = group
    ends = np.cumsum([len(sample) for sample in samples])
    indices = np.split(np.arange(len(groups)), ends[:-1])

    def of_starts(*chosen: Any, axis: int = -1) -> Any:
        """Return the statistic of all values of the chosen starts."""
        rows = [table[np.moveaxis(it, axis, -1)] for it in chosen]
        return statistic(*(it.reshape(*it.shape[:-2], -1) for it in rows))

    return indices, of_starts
