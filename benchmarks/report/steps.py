"""What a step costs: the synthetic workloads, by setup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.model import ENGINE_SAYS, ENGINE_SPAN, Outcome, Result, Verdict
from benchmarks.report import overhead, published, quiet, words
from benchmarks.report.facts import VARIANTS, Campaign, Cell, Row, SetupId, Subject
from benchmarks.report.overhead import Overhead
from benchmarks.report.shapes import NAMES, Shape, shape_of
from benchmarks.report.words import Figure, Mark
from benchmarks.results import sound
from benchmarks.statistics import Sample

KINDS = ("noop", "fib", "payload", "busy")  # in the order of the tables
MILLISECONDS = {"step": "per_step_s", "handoff": "handoff_p50_s", "handoff_95": "handoff_p95_s"}


@dataclass(frozen=True, slots=True)
class Line:
    """One setup on one synthetic workload."""

    setup: SetupId
    task: str
    cell: Cell
    figures: dict[str, Figure]
    overhead: Overhead | None
    no_overhead: str  # why there is none
    bench: float | None  # the bench's CPU time as a share of the engine's
    missing: Mark | None
    n: int

    @property
    def bench_heavy(self) -> bool:
        return quiet.above(self.bench)


@dataclass(frozen=True, slots=True)
class Table:
    """One synthetic workload on every setup that was to run any."""

    subject: Subject
    shape: Shape | None
    lines: tuple[Line, ...]
    main: bool  # shown unfolded

    @property
    def handed(self) -> bool:
        """Whether a step waits for another: only then there are hand-offs."""
        return not self.shape or (self.shape.pipeline == "chain" and self.shape.steps > 1)

    @property
    def single(self) -> bool:
        """Whether a run is one step, whose own time says nothing of an engine."""
        return self.shape is not None and self.shape.steps == 1

    @property
    def figures(self) -> int:
        """Count the setups with a figure."""
        return sum(line.n > 0 for line in self.lines)


@dataclass(frozen=True, slots=True)
class Flow:
    """One of the workloads that others published figures of: ours, and beside them theirs."""

    table: Table
    span: dict[SetupId, Figure]  # first step's start to last step's end, by the journal
    stored: dict[SetupId, Figure]  # first created to last completed, as they time it
    untold: dict[SetupId, str]  # why there is none
    theirs: tuple[published.Row, ...]


@dataclass(frozen=True, slots=True)
class Unsound:
    """Trials of one cell that ended alike and gave no figure."""

    cell: Cell
    outcome: Mark
    reason: str
    repetitions: str
    count: int


@dataclass(frozen=True, slots=True)
class Probe:
    """The time of one fib(33) on this host, without an orchestrator, and of how many of theirs."""

    here: Figure
    theirs: Mapping[str, str]  # where they timed it: the seconds, and how many times as long here


def _theirs(here_s: float) -> dict[str, str]:
    """Return their probes in words; the ratio is that of the hardware and the interpreter."""
    found = {}
    for where, (least, most) in published.PROBE_S.items():
        told = f"{least:g} s" if least == most else f"{least:g} to {most:g} s"
        ratio = here_s / ((least + most) / 2)
        found[where] = f"{told} (here {words.number(ratio)} times as long)"
    return found


def setups(campaign: Campaign) -> list[SetupId]:
    """Return the setups that a synthetic workload was tried on.

    Those between default and tuned have a section of their own.
    """
    tried = {cell.setup for cell in campaign.cells.values()
             if cell.subject in _subjects(campaign) and _rows(cell)}  # fmt: skip
    return [it for it in campaign.setups if it in tried and it.variant in VARIANTS]


def _subjects(campaign: Campaign) -> tuple[Subject, ...]:
    return (*campaign.synthetic, *campaign.together)


def tables(campaign: Campaign) -> list[Table]:
    """Return a table for each synthetic workload: no-ops first, those of the most steps shown."""
    told = [(it, shape_of(it.workload)) for it in campaign.synthetic]
    made = [Table(it, shape, lines(campaign, it, shape), False) for it, shape in told]
    shown = [_reference(made, pipeline) for pipeline in NAMES]
    ordered = sorted(made, key=_place)
    return [Table(it.subject, it.shape, it.lines, it in shown) for it in ordered]


def _reference(made: Sequence[Table], pipeline: str) -> Table | None:
    """Return the no-ops that most setups have a figure of; of these, those of the most steps.

    Where there are none, known work takes their place.
    """
    of_shape = [it for it in made if it.shape and it.shape.pipeline == pipeline]
    by_kind = ([it for it in of_shape if it.shape and it.shape.kind == kind]
               for kind in ("noop", "fib"))  # fmt: skip
    fit: list[Table] = next(filter(None, by_kind), [])
    return max(fit, key=lambda it: (it.figures, it.shape.steps if it.shape else 0), default=None)


def _place(table: Table) -> tuple[int, int, int, int]:
    shape = table.shape
    if shape is None:
        return (len(NAMES), 0, 0, 0)
    shapes = list(NAMES)
    return (shapes.index(shape.pipeline), KINDS.index(shape.kind), shape.steps, shape.amount)


def lines(campaign: Campaign, subject: Subject, shape: Shape | None) -> tuple[Line, ...]:
    """Return one line a setup."""
    base = campaign.cell(campaign.bare, subject).values("makespan_s")
    return tuple(_line(campaign, it, subject, shape, base) for it in setups(campaign))


def _line(
    campaign: Campaign, setup: SetupId, subject: Subject, shape: Shape | None,
    base: Sequence[float],
) -> Line:  # fmt: skip
    cell, seed = campaign.cell(setup, subject), campaign.seed
    values = cell.values("makespan_s")
    figures = {name: in_ms(cell.values(measure), cell, seed)
               for name, measure in MILLISECONDS.items()}  # fmt: skip
    figures["makespan"] = words.figure(values, "s", seed, cell.word)
    figures["closing"] = words.figure(cell.values("closing_s"), "s", seed, cell.word)
    figures["dispatch"] = words.figure(cell.values("dispatch_s"), "s", seed, cell.word)
    figures["cpu"] = in_ms(_cpu_per_step(cell, shape), cell, seed)
    added = None if setup == campaign.bare else overhead.overhead(base, values, seed)
    return Line(
        setup, task_of(campaign, setup), cell, figures, added, _no_overhead(setup, base, values),
        quiet.share_of(cell, quiet.burden(campaign, setup)), missing(cell), len(values),
    )  # fmt: skip


def in_ms(values: Sample, cell: Cell, seed: int) -> Figure:
    """Print seconds as milliseconds."""
    return words.figure(values.times(1000), "ms", seed, cell.word)


def _cpu_per_step(cell: Cell, shape: Shape | None) -> Sample:
    return cell.values("cpu_s").times(1 / shape.steps) if shape else Sample((), ())


def _no_overhead(setup: SetupId, base: Sequence[float], values: Sequence[float]) -> str:
    if setup.engine == "bare":
        return "is the baseline"
    return "bare was not measured" if values and not base else ""


def missing(cell: Cell) -> Mark | None:
    """Return how the trials of a cell without any figure ended."""
    if not cell.trials:
        return words.NO_FIGURE[words.NOT_MEASURED]
    if any(map(sound, cell.results)):
        return None
    outcomes = {it.outcome for it in cell.results}
    if outcomes == {Outcome.ERROR}:
        return words.NO_FIGURE[cell.word]
    return words.OUTCOMES[max(outcomes, key=list(Outcome).index)]


def task_of(campaign: Campaign, setup: SetupId) -> str:
    """Return what a step is on a setup: a call, a thread, a fork or a process; "" if unsaid."""
    found = (
        it
        for it in campaign.results
        if (it.engine, it.mode, it.variant) == (setup.engine, setup.mode, setup.variant)
    )
    return next((str(it.environment["task"]) for it in found if it.environment.get("task")), "")


def flows(campaign: Campaign, made: Sequence[Table]) -> list[Flow]:
    """Return the workloads that others published figures of."""
    return [
        Flow(it, _spans(it, campaign.seed), _stored(it, campaign.seed), _untold(it), theirs)
        for workload, theirs in published.FLOWS.items()
        for it in made
        if it.subject.workload == workload
    ]


def _spans(table: Table, seed: int) -> dict[SetupId, Figure]:
    steps = table.shape.steps if table.shape else 0
    return {
        line.setup: words.figure(
            line.cell.values("per_step_s").times(steps), "s", seed, line.cell.word
        )
        for line in table.lines
    }


def _stored(table: Table, seed: int) -> dict[SetupId, Figure]:
    return {
        line.setup: words.figure(line.cell.values(ENGINE_SPAN), "s", seed) for line in table.lines
    }


def _untold(table: Table) -> dict[SetupId, str]:
    return {
        line.setup: next(filter(None, (found_of(it, ENGINE_SPAN) for it in line.cell.results)), "")
        for line in table.lines
    }


def probe(campaign: Campaign, found: Sequence[Flow]) -> Probe | None:
    """Return how long one fib(33) takes here, from the steps of `bare`."""
    for flow in found:
        if flow.table.subject.workload == published.PROBE_WORKLOAD and flow.table.shape:
            steps = flow.table.shape.steps
            cell = campaign.cell(campaign.bare, flow.table.subject)
            values = cell.values("work_s").times(1 / steps)
            if not values:
                return None
            return Probe(words.figure(values, "s", campaign.seed), _theirs(median(values)))
    return None


def unsound(campaign: Campaign) -> list[Unsound]:
    """Return the calm synthetic trials that gave no figure, and why; equal ones once."""
    cells = [campaign.cell(setup, it) for it in _subjects(campaign) for setup in campaign.setups]
    found = []
    for cell in cells:
        rows = [row for row in _rows(cell) if not sound(row.result) and not row.result.warmup]
        told = [(words.OUTCOMES[row.result.outcome], reason(row.result)) for row in rows]
        for (mark, text), count in Counter(told).items():
            which = [row.repetition for row, it in zip(rows, told, strict=True)
                     if it == (mark, text)]  # fmt: skip
            found.append(Unsound(cell, mark, text, "; ".join(which[:3]), count))
    return found


def reason(result: Result) -> str:
    """Say why a trial gave no figure."""
    if result.error:
        return result.error
    said = found_of(result, ENGINE_SAYS)
    if result.outcome is Outcome.STUCK:
        return "; ".join(filter(None, [_stuck(result), said]))
    broken = [f"{it.check}: {it.reason}" for it in result.findings if it.verdict != Verdict.PASS]
    truth = words.TRUTHS[result.truth].word if result.truth else "no final state"
    return f"{truth}: {said}" if said else ", ".join([truth, *broken[:1]])


def found_of(result: Result, check: str) -> str:
    """Return the reason of one finding, "" when a result has none of that name."""
    return next((it.reason for it in result.findings if it.check == check), "")


def _stuck(result: Result) -> str:
    """Say how far a run had come when its deadline ended it."""
    told = "no final state at the deadline"
    if (took := result.environment.get("took_s")) is not None:
        told += f", after {words.number(float(took))} s"
    shape, started = shape_of(result.workload), result.measures.get("attempts_steps")
    if shape and started is not None:
        told += f"; {started:g} of {words.plural(shape.steps, 'step')} had started"
    return told


def _rows(cell: Cell) -> tuple[Row, ...]:
    return (*cell.trials, *cell.control)


def headline(made: Sequence[Table]) -> str:
    """Say how long it is until the first step, and what a step costs in the tables shown."""
    several = [it for it in made if it.main and not it.single]
    told = [_sentence(it, "step", "time a step") for it in several]
    shortest = max(made, key=_tells_of_the_start, default=None)
    if shortest:
        told.insert(0, _sentence(shortest, "dispatch", "trigger to first step"))
    return " ".join(filter(None, told))


def _tells_of_the_start(table: Table) -> tuple[int, int, int]:
    """Rank what says how long the first step takes: most setups, most trials, fewest steps."""
    steps = table.shape.steps if table.shape else 0
    return (table.figures, min((it.n for it in table.lines if it.n), default=0), -steps)


def _sentence(table: Table, name: str, measure: str) -> str:
    costs = [f"{line.setup.title} {line.figures[name].text}" for line in table.lines
             if line.n and not line.figures[name].word]  # fmt: skip
    if not costs:
        return ""
    fewest = min(line.n for line in table.lines if line.n)
    told = (
        f"{table.subject.title}, {measure}: {words.listed(costs)} (n = {fewest} or more a setup)."
    )
    return told[0].upper() + told[1:]
