"""Several runs at once: how much a setup gets done, and how evenly it shares among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks import results
from benchmarks.report import scaling, steps, words
from benchmarks.report.curves import Curve
from benchmarks.report.facts import Campaign, Cell, SetupId, Subject
from benchmarks.report.shapes import Shape, shape_of
from benchmarks.report.words import Figure, Mark
from benchmarks.statistics import Sample

# By figure: the measure of runs at once, and the one of a run alone that is the same.
MEASURES = {
    "makespan": ("makespan_s", "makespan_s"),
    "steps": ("throughput_steps_per_s", "throughput_steps_per_s"),
    "median": ("run_makespan_p50_s", "makespan_s"),
    "slowest": ("run_makespan_max_s", "makespan_s"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One setup with so many runs at once."""

    runs: int
    cell: Cell
    figures: dict[str, Figure]
    missing: Mark | None
    n: int


@dataclass(frozen=True, slots=True)
class Group:
    """One workload, run alone and together, by setup."""

    title: str
    counts: tuple[int, ...]
    setups: tuple[tuple[SetupId, tuple[Line, ...]], ...]
    curves: tuple[Curve, ...]


def groups(campaign: Campaign) -> list[Group]:
    """Return every workload of which there were several runs at once."""
    found: dict[Shape, dict[int, Subject]] = {}
    for subject in campaign.together:
        if shape := shape_of(subject.workload):
            found.setdefault(_alone(shape), {})[shape.runs] = subject
    for subject in campaign.synthetic:
        shape = shape_of(subject.workload)
        if shape and _alone(shape) in found:
            found[_alone(shape)][1] = subject
    return [_group(campaign, shape, dict(sorted(it.items()))) for shape, it in found.items()]


def _alone(shape: Shape) -> Shape:
    return replace(shape, workload="", runs=1)


def _group(campaign: Campaign, shape: Shape, subjects: dict[int, Subject]) -> Group:
    told, curves = [], []
    for setup in steps.setups(campaign):
        cells = {runs: campaign.cell(setup, it) for runs, it in subjects.items()}
        if not any(cell.trials for cell in cells.values()):
            continue
        told.append((setup, tuple(_line(runs, it, campaign.seed) for runs, it in cells.items())))
        by_minute = {float(runs): runs_a_minute(runs, it) for runs, it in cells.items()}
        curves.append(Curve(setup, scaling.dots(by_minute, campaign.seed)))
    shown = tuple(it for it in curves if it.dots)
    return Group(shape.title, tuple(subjects), tuple(told), shown)


def _line(runs: int, cell: Cell, seed: int) -> Line:
    values = {name: cell.values(measures[runs == 1]) for name, measures in MEASURES.items()}
    figures = {name: words.figure(it, "s", seed, cell.word) for name, it in values.items()}
    figures["steps"] = words.figure(values["steps"], "a second", seed, cell.word)
    figures["runs"] = words.figure(runs_a_minute(runs, cell), "a minute", seed, cell.word)
    figures["apart"] = words.figure(slowest_over_fastest(cell), "×", seed, cell.word)
    figures["fairness"] = words.figure(cell.values("fairness_percent"), "%", seed, cell.word)
    return Line(runs, cell, figures, steps.missing(cell), len(values["makespan"]))


def runs_a_minute(runs: int, cell: Cell) -> Sample:
    """Return the throughput of each trial, from the first trigger to the last step's end."""
    return cell.values("makespan_s").each(lambda seconds: 60 * runs / seconds)


def slowest_over_fastest(cell: Cell) -> Sample:
    """Return, of each trial, the slowest run's makespan over the fastest's."""
    return results.sample(cell.results, _apart)


def _apart(measures: Mapping[str, float | None]) -> float | None:
    most, least = (measures.get(f"run_makespan_{it}_s") for it in ("max", "min"))
    return most / least if most is not None and least else None


def headline(found: Sequence[Group]) -> str:
    """Say in a sentence each what the most runs at once do to a setup."""
    told = []
    for group in found:
        most = [(setup, lines[-1]) for setup, lines in group.setups if lines[-1].n]
        if most:
            rates = [f"{setup.title} {line.figures['runs'].text}" for setup, line in most]
            told.append(f"{group.counts[-1]} runs at once of a {group.title}: "
                        f"{words.listed(rates)} (n = {min(line.n for _, line in most)} or more "
                        "a setup).")  # fmt: skip
    return " ".join(told)
