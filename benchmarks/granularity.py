"""METG(50 %): how small a task may be before the engine eats more than half of the time.

Minimum effective task granularity, after Slaughter et al., *Task Bench*, SC 2020 (arXiv
1908.05790): the graph and the count of tasks stay fixed while the task shrinks, and the size is
looked for at which the efficiency falls through one half. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

from benchmarks import statistics

# Task sizes, from the smallest a clock can hold apart to what the slowest engine needs.
COARSE_MS = (1, 10, 100, 1_000, 10_000, 30_000)
FINE_MS = (3, 30, 300, 3_000)  # of use only between the two coarse ones around the half
THRESHOLD = 0.5
LANES = {"chain": 1, "fanout": 2}  # tasks at a time: every setup is limited to two in a run
MOST = 1.05  # a higher efficiency means that time or work was miscounted
RISING = 1.1  # times the efficiency at the size before: the largest size's is not the best yet
FULL = 1 / RISING  # ... unless there is not so much left


@dataclass(frozen=True, slots=True)
class Point:
    """A task size in seconds of work, and the efficiency there (of n runs, the median)."""

    task_s: float
    efficiency: float
    n: int


@dataclass(frozen=True, slots=True)
class Metg:
    """The size in seconds, or None and why not; `below` and `above` are the sizes around it.

    `half` is the efficiency there. `low` and `high` are a 95 % interval, None where there is none.
    """

    task_s: float | None
    below: float | None
    above: float | None
    reason: str
    points: tuple[Point, ...]
    half: float | None = None
    low: float | None = None
    high: float | None = None

    def around(self, size: float) -> bool:
        """Whether a size lies between the two around it, or is one of them."""
        if self.below is None or self.above is None:
            return False
        return self.below <= size <= self.above

    @property
    def least(self) -> int:
        """How many runs each of the sizes around it has at least."""
        around = (self.below, self.above)
        return min((it.n for it in self.points if it.task_s in around), default=0)

    @property
    def rising(self) -> bool:
        """Whether the efficiency still rose at the largest size: a half of more is at a larger."""
        if self.task_s is None or self.points[-1].efficiency > FULL:
            return False
        return self.points[-1].efficiency > RISING * self.points[-2].efficiency


def efficiency(task_s: float, steps: int, makespan_s: float, lanes: int) -> float:
    """Return the useful work over what `lanes` tasks at a time could have done meanwhile."""
    return task_s * steps / (makespan_s * min(lanes, steps))


def metg(samples: Mapping[float, Sequence[float]], peak: float | None = None) -> Metg:
    """Return the METG(50 %) of efficiencies by task size, in seconds.

    The threshold is half of `peak`, or of the best median efficiency when it is not given.
    """
    points = tuple(
        Point(size, median(values), len(values))
        for size, values in sorted(samples.items())
        if values
    )
    wrong = next((p for p in points if not 0 <= p.efficiency <= MOST), None)
    if wrong is not None:
        return _none(f"an efficiency of {wrong.efficiency:.2f} at {wrong.task_s:g} s", points)
    if len(points) < 2:
        return _none("fewer than two task sizes were measured", points)
    best = max(p.efficiency for p in points)
    half = THRESHOLD * (best if peak is None else peak)
    if best < half:
        return _none(f"not reached: at most {100 * best:.0f} % efficient", points)
    if points[0].efficiency >= half:
        return _none(f"not bracketed: still efficient at {1000 * points[0].task_s:g} ms", points)
    under, over = next(
        pair for pair in reversed(list(pairwise(points))) if _crosses(pair[0], pair[1], half)
    )
    around = (under.task_s, over.task_s)
    size = float(_size_at(half, around, under.efficiency, over.efficiency))
    return Metg(size, *around, "", points, half)


def with_interval(found: Metg, samples: Mapping[float, Sequence[float]], seed: int = 0) -> Metg:
    """Return the same with its bootstrap 95 % interval, or as it is where the values are too few.

    What is resampled are the efficiencies at the two sizes around it, those of each alone. The
    best efficiency is taken as known.
    """
    if found.half is None or found.below is None or found.above is None:
        return found
    around = (found.below, found.above)
    ends = [samples[size] for size in around]
    if any(map(statistics.too_few, ends)):
        return found
    low, high = statistics.interval(ends, partial(_size_at, found.half, around), seed)
    return replace(found, low=low, high=high)


def _size_at(half: float, around: tuple[float, float], under: Any, over: Any) -> Any:
    """Return the size with an efficiency of `half`, by those at the sizes around it.

    Between them the wall time is taken as linear in the size of the task, as it is where an engine
    adds the same to each: the inverse of the efficiency is then linear in that of the size. What a
    resample has outside of them is put at their ends.
    """
    below, above = around
    under, over = np.minimum(under, half), np.maximum(over, half)
    gap = np.maximum(over - under, np.finfo(float).tiny)  # of no use only where both are at `half`
    share = over * (half - under) / (half * gap)
    return 1 / ((1 - share) / below + share / above)


def _crosses(one: Point, other: Point, half: float) -> bool:
    return one.efficiency < half <= other.efficiency


def _none(reason: str, points: tuple[Point, ...]) -> Metg:
    return Metg(None, None, None, reason, points)
