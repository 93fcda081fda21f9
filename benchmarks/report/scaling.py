"""How a setup's cost grows with the count of steps, and how small a task may be on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks import granularity, growth, results, statistics, workloads
from benchmarks.granularity import Metg
from benchmarks.growth import Growth
from benchmarks.report import steps, words
from benchmarks.report.curves import Curve, Dot
from benchmarks.report.facts import Campaign, Cell, SetupId, Subject
from benchmarks.report.shapes import NAMES, Shape, shape_of
from benchmarks.report.words import Mark
from benchmarks.results import CALM

GROWN = {"makespan": "makespan_s", "handoff": "handoff_p50_s", "cpu": "cpu_s"}
# Of the work of an engine's own processes, and of what it writes down: shown where it was measured.
ALSO_GROWN = {
    "dispatch": "dispatch_s", "closing": "closing_s", "time a step": "per_step_s",
    "hand-off, 95 %": "handoff_p95_s", "steps a second": "throughput_steps_per_s",
    "CPU, control": "control_cpu_s", "CPU, worker": "worker_cpu_s", "CPU, task": "task_cpu_s",
    "CPU, metadata database": "metadata_cpu_s", "metadata rows": "metadata_rows",
    "metadata on disk": "metadata_bytes", "values of the rows": "metadata_value_bytes",
    "logs": "log_bytes",
}  # fmt: skip
OF_SEVERAL = ("time a step", "steps a second")  # of a run of one step they say nothing
NO_METG = Mark("·", "no figure", "none")  # the reason stands beside it


@dataclass(frozen=True, slots=True)
class Grown:
    """One setup: how each measure grows with the count of no-ops."""

    setup: SetupId
    fits: dict[str, Growth]
    more: dict[str, Growth]


@dataclass(frozen=True, slots=True)
class Growths:
    """The no-ops of one shape, of every count that was measured."""

    pipeline: str
    title: str
    sizes: tuple[int, ...]
    lines: tuple[Grown, ...]
    curves: tuple[Curve, ...]

    @property
    def enough(self) -> bool:
        """Whether a power can be fitted to so many counts."""
        return len(self.sizes) >= growth.SIZES_FROM

    @property
    def more(self) -> list[str]:
        """Name what else was fitted on some setup."""
        fitted = (name for line in self.lines for name, fit in line.more.items()
                  if fit.exponent is not None)  # fmt: skip
        return sorted(set(fitted), key=list(ALSO_GROWN).index)


@dataclass(frozen=True, slots=True)
class Grain:
    """One setup: the smallest task worth running, of the whole run and of its steps alone."""

    setup: SetupId
    run: Metg
    steps: Metg
    half: Metg  # of the run, by what the machine could do and not by the setup's own best
    disturbed: str = ""  # how many of its trials were on a disturbed host, in words

    @property
    def peak(self) -> str:
        """The best efficiency of a run, and at which size; "" when there is none."""
        best = max(self.run.points, key=lambda it: it.efficiency, default=None)
        return f"{100 * best.efficiency:.0f} % at {size(best.task_s)}" if best else ""


@dataclass(frozen=True, slots=True)
class Grains:
    """Tasks of one shape and count, of every size that was measured."""

    pipeline: str
    count: int
    title: str
    sizes_s: tuple[float, ...]
    lines: tuple[Grain, ...]
    curves: tuple[Curve, ...]


def growths(campaign: Campaign) -> list[Growths]:
    """Return how the no-ops of each shape grow."""
    found = _grouped(campaign, "noop")
    return [
        _growths(campaign, pipeline, {shape.steps: it for it, shape in sized})
        for pipeline in NAMES
        if (sized := _together(campaign, [it for key in found if key[0] == pipeline
                                          for it in found[key]]))
    ]  # fmt: skip


def grains(campaign: Campaign) -> list[Grains]:
    """Return the METG(50 %) of each shape and count of busy steps."""
    return [
        _grains(campaign, pipeline, count, {it[1].amount / 1000: it[0] for it in found})
        for (pipeline, count), every in _grouped(campaign, "busy").items()
        if (found := _together(campaign, every))
    ]


def _together(
    campaign: Campaign, sized: Sequence[tuple[Subject, Shape]]
) -> list[tuple[Subject, Shape]]:
    """Return the sizes that were measured in one campaign: in that which has the most of them.

    Others may be of another host, or of another day of the same.
    """
    measured = {subject: row.result.campaign for (_, subject, scenario), cell
                in campaign.cells.items() if scenario == CALM for row in cell.trials}  # fmt: skip
    found: dict[str, list[tuple[Subject, Shape]]] = defaultdict(list)
    for it in sized:
        found[measured[it[0]]].append(it)
    return max(found.values(), key=len, default=[])


def _grouped(
    campaign: Campaign, kind: str
) -> Mapping[tuple[str, int], list[tuple[Subject, Shape]]]:
    """Return the workloads of a kind by shape and count of steps, the chains first."""
    found: dict[tuple[str, int], list[tuple[Subject, Shape]]] = defaultdict(list)
    for subject in campaign.synthetic:
        shape = shape_of(subject.workload)
        own = subject.workload in workloads.CALLED  # what has a name of its own is asked otherwise
        if shape and shape.kind == kind and not own:
            found[shape.pipeline, shape.steps].append((subject, shape))
    order = list(NAMES)
    return dict(sorted(found.items(), key=lambda it: (order.index(it[0][0]), it[0][1])))


def _growths(campaign: Campaign, pipeline: str, sized: Mapping[int, Subject]) -> Growths:
    subjects = dict(sorted(sized.items()))
    lines, curves = [], []
    for setup in steps.setups(campaign):
        cells = {n: campaign.cell(setup, subject) for n, subject in subjects.items()}
        fits = {
            name: growth.fit({n: cell.values(measure) for n, cell in cells.items()})
            for name, measure in GROWN.items()
            if (pipeline, name) != ("fanout", "handoff")  # independent steps hand nothing on
        }
        lines.append(Grown(setup, fits, _more(cells)))
        makespans = {float(n): cell.values("makespan_s") for n, cell in cells.items()}
        curves.append(Curve(setup, dots(makespans, campaign.seed)))
    shown = tuple(it for it in curves if it.dots)
    return Growths(pipeline, NAMES[pipeline], tuple(subjects), tuple(lines), shown)


def _more(cells: Mapping[int, Cell]) -> dict[str, Growth]:
    return {
        name: growth.fit({n: cell.values(measure) for n, cell in cells.items()
                          if n > 1 or name not in OF_SEVERAL})
        for name, measure in ALSO_GROWN.items()
    }  # fmt: skip


def dots(values: Mapping[float, Sequence[float]], seed: int) -> tuple[Dot, ...]:
    """Return medians with their interval or range, in the order of x."""
    told = {x: statistics.summarise(it, seed) for x, it in sorted(values.items())}
    return tuple(Dot(x, it.median, it.low, it.high) for x, it in told.items() if it)


def _grains(
    campaign: Campaign, pipeline: str, count: int, sized: Mapping[float, Subject]
) -> Grains:
    subjects = {size: it for size, it in sorted(sized.items()) if size > 0}
    lines, curves = [], []
    for setup in steps.setups(campaign):
        cells = {size: campaign.cell(setup, subject) for size, subject in subjects.items()}
        run = efficiencies(cells, pipeline, count, "makespan_s", over=1)
        alone = efficiencies(cells, pipeline, count, "per_step_s", over=count)
        found, of_steps, half = (
            granularity.with_interval(granularity.metg(it, peak), it, campaign.seed)
            for it, peak in ((run, None), (alone, None), (run, 1.0))
        )
        lines.append(Grain(setup, found, of_steps, half, _noise(cells.values())))
        mark = (found.task_s, found.half) if found.task_s and found.half else None
        curves.append(Curve(setup, dots(run, campaign.seed), mark))
    title = f"{NAMES[pipeline]} of {words.plural(count, 'step')}"
    shown = tuple(it for it in curves if it.dots)
    return Grains(pipeline, count, title, tuple(subjects), tuple(lines), shown)


def _noise(cells: Iterable[Cell]) -> str:
    """Say how many of the trials were on a disturbed host; "" where none was."""
    rows = [row for cell in cells for row in cell.trials]
    count = sum(bool(row.disturbed) for row in rows)
    return f"{count} of {words.plural(len(rows), 'trial')} on a disturbed host" if count else ""


def headline_of_growth(found: Sequence[Growths]) -> str:
    """Say in a sentence each by which power of the count of steps a run's time grows."""
    told = []
    for it in found:
        powers = [f"{line.setup.title} {exponent(fit)}" for line in it.lines
                  if (fit := line.fits["makespan"]).exponent is not None]  # fmt: skip
        if it.enough and powers:
            counts = words.listed(list(map(str, it.sizes)))
            told.append(f"A run's time grows with its steps ({it.title}, {counts}) by the power: "
                        f"{words.listed(powers)}.")  # fmt: skip
    return " ".join(told)


def headline(found: Sequence[Grains]) -> str:
    """Say in a sentence how small a task may be on each setup."""
    told = []
    for it in found:
        sizes = [f"{line.setup.title} {'more than ' if line.run.rising else ''}"
                 f"{size(line.run.task_s)}"
                 for line in it.lines if line.run.task_s is not None]  # fmt: skip
        if sizes:
            told.append(f"METG(50 %) of a run, {it.title}: {words.listed(sizes)}.")
    return " ".join(told)


def efficiencies(
    cells: Mapping[float, Cell], pipeline: str, count: int, measure: str, over: int
) -> dict[float, statistics.Sample]:
    """Return the efficiency of every trial by task size; the wall time is `over` × `measure`."""
    lanes = granularity.LANES[pipeline]

    def read(size: float, measures: results.Measures) -> float | None:
        took_s = over * (measures.get(measure) or 0.0)
        return granularity.efficiency(size, count, took_s, lanes) if took_s else None

    return {size: results.sample(it.results, partial(read, size)) for size, it in cells.items()}


def exponent(fit: Growth) -> str:
    """Print the exponent of a fit."""
    return "" if fit.exponent is None else f"{fit.exponent:.2f}".replace("-", "−")


def exponent_spread(fit: Growth) -> str:
    """Print the interval of an exponent."""
    if fit.low is None or fit.high is None:
        return ""
    return f"95 % CI {fit.low:.2f} to {fit.high:.2f}".replace("-", "−")


def size(task_s: float) -> str:
    """Print a task size."""
    return f"{words.number(1000 * task_s)} ms"


def bracket(found: Metg, own: bool = True) -> str:
    """Print the two measured sizes around a METG; `own`: it is of the setup's own best."""
    if found.below is None or found.above is None:
        return ""
    if own and found.rising:
        return "a lower bound: the best efficiency is not known yet"
    sizes = f"between {1000 * found.below:,g} and {1000 * found.above:,g} ms"
    if found.low is None or found.high is None:
        return sizes
    low, high = (words.number(1000 * it) for it in (found.low, found.high))
    return f"95 % CI {low} to {high}; {sizes}"
