"""Two results folders held against each other, cell by cell. Pure but for the reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from benchmarks import results as lines
from benchmarks import statistics
from benchmarks.model import Result
from benchmarks.statistics import Difference, Sample, Verdict

MEASURES = (
    *("dispatch_s", "makespan_s", "closing_s", "handoff_p50_s", "handoff_p95_s", "per_step_s"),
    *("engine_span_s", "cpu_s", "control_cpu_s", "worker_cpu_s", "task_cpu_s", "metadata_cpu_s"),
    *("metadata_rows", "metadata_bytes", "log_bytes", "recover_s"),
)
Cell = tuple[str, str, str, str]  # setup, pipeline, workload, scenario
Samples = dict[tuple[Cell, str], Sample]


@dataclass(frozen=True, slots=True)
class Compared:
    """One measure of one cell in both folders."""

    cell: Cell
    measure: str
    first: float  # medians, in the unit that the measure's name ends in
    second: float
    difference: Difference


def compare(first: Sequence[Result], second: Sequence[Result], seed: int = 0) -> list[Compared]:
    """Return a line for each measure of each cell that both hold, in the order of the first.

    What neither took any of, as bare of a control plane's CPU time, is no figure: it would agree
    with itself always.
    """
    return list(_compared(_samples(first), _samples(second), seed))


def allowing(found: Sequence[Compared], drift: float) -> list[Compared]:
    """Return the lines with no difference claimed that is below the gate and the host's `drift`."""
    gate = statistics.NOISE_GATE + abs(drift)
    return [_undecided(it, gate) if _below(it, gate) else it for it in found]


def _below(line: Compared, gate: float) -> bool:
    relative = line.difference.relative
    return relative is not None and abs(relative) < gate


def _undecided(line: Compared, gate: float) -> Compared:
    said = f"the difference is below the noise gate and the host's change, {gate:.0%}"
    told = replace(line.difference, verdict=Verdict.UNDECIDED, reason=said)
    return replace(line, difference=told)


def drift(first: Sequence[Result], second: Sequence[Result]) -> float:
    """Return by which share a fixed piece of work took longer beside the second, of the medians.

    Two campaigns are not interleaved: what the host does otherwise meanwhile is in all figures.
    """
    probes = (lines.probes_ms(results) for results in (first, second))
    one, other = (median(found) if found else None for found in probes)
    return other / one - 1 if one and other else 0.0


def agreement(found: Sequence[Compared]) -> float | None:
    """Return the share of lines that are not told apart, or None when no line could have been.

    A line of too few values for an interval says nothing when it is undecided.
    """
    able = [c.difference for c in found if c.difference.counts]
    if not able:
        return None
    return sum(it.verdict is Verdict.UNDECIDED for it in able) / len(able)


def _compared(first: Samples, second: Samples, seed: int) -> Iterator[Compared]:
    for (cell, measure), values in first.items():
        others = second.get((cell, measure))
        if others and (any(values) or any(others)):
            medians = (statistics.summarise(it, seed) for it in (values, others))
            one, other = (it.median for it in medians if it is not None)
            difference = statistics.compare(values, others, seed)
            yield Compared(cell, measure, one, other, difference)


def _samples(results: Sequence[Result]) -> Samples:
    """Return the values of the sound trials that figures are made of."""
    by_cell: dict[Cell, list[Result]] = defaultdict(list)
    for r in lines.counted(results):
        cell = (f"{r.engine}/{r.mode}/{r.variant}", r.pipeline, r.workload, r.scenario)
        by_cell[cell].append(r)
    return {(cell, it): values for cell, own in by_cell.items() for it in MEASURES
            if (values := lines.sample(own, lines.of(it)))}  # fmt: skip
