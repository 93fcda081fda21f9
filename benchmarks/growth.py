"""How a measure grows with the count of steps: the exponent of a power law. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats  # type: ignore[import-untyped]  # SciPy publishes no types

SIZES_FROM = 3  # two points fit every power law


@dataclass(frozen=True, slots=True)
class Growth:
    """`value = factor · n ** exponent`; the interval is of 95 %. None, and why, when not fitted."""

    exponent: float | None
    low: float | None
    high: float | None
    factor: float | None
    reason: str


def fit(samples: Mapping[int, Sequence[float]]) -> Growth:
    """Fit a power law to values by count of steps.

    Theil-Sen on the logarithms (Sen, *JASA* 63, 1968), which one disturbed trial does not bend:
    the median of the slopes between all pairs of values (`scipy.stats.theilslopes`).
    """
    pairs = [(n, value) for n, values in samples.items() for value in values if value > 0]
    sizes = {n for n, _ in pairs}
    if len(sizes) < SIZES_FROM:
        return Growth(None, None, None, None, f"{_sizes(len(sizes))}, {SIZES_FROM} are needed")
    if len({value for _, value in pairs}) == 1:
        return Growth(0.0, 0.0, 0.0, pairs[0][1], "")  # SciPy's interval fails on nothing but ties
    xs, ys = ([math.log(pair[axis]) for pair in pairs] for axis in (0, 1))
    with np.errstate(invalid="ignore"):  # of many ties SciPy makes an interval that is no number
        slope, intercept, low, high = map(float, stats.theilslopes(ys, xs))
    sure = not (math.isnan(low) or math.isnan(high))
    return Growth(slope, low if sure else None, high if sure else None, math.exp(intercept), "")


def _sizes(count: int) -> str:
    return "1 size" if count == 1 else f"{count} sizes"
