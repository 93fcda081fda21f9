"""The lines of a campaign, grouped into the cells that the report prints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from benchmarks import noise, results
from benchmarks.instruments import Instruments
from benchmarks.model import ENGINES, IDLE, PIPELINES, SYNTHETIC, Outcome, Result
from benchmarks.report import shapes, words
from benchmarks.results import CALM, is_control, is_known_bad, is_repeat, sound
from benchmarks.statistics import Sample

VARIANTS = ("default", "tuned")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SetupId:
    """Engine, mode and variant; the mode is empty for a setup that no line is about."""

    engine: str
    mode: str
    variant: str
    title: str = field(compare=False)

    @property
    def name(self) -> str:
        return f"{self.engine}/{self.mode or '?'}/{self.variant}"


@dataclass(frozen=True, slots=True)
class Subject:
    """A pipeline and what it was asked to do. Numbers are never merged across subjects."""

    pipeline: str
    workload: str
    title: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Row:
    """A result and its place in results.jsonl, from 0, without what checked the checks."""

    index: int
    result: Result
    disturbed: str = ""  # what disturbed the host meanwhile

    @property
    def repetition(self) -> str:
        """Which repetition it is, in words."""
        control, number = divmod(self.result.trial, results.CONTROL_FROM)
        told = f"repetition {number % results.REPEATS_FROM or 1}"
        told += ", done again" if is_repeat(self.result.trial) else ""
        return f"A/A control, {told}" if control else told


@dataclass(frozen=True, slots=True)
class Cell:
    """All repetitions of one scenario with one subject on one setup."""

    setup: SetupId
    subject: Subject
    scenario: str
    trials: tuple[Row, ...] = ()
    warmups: tuple[Row, ...] = ()
    superseded: tuple[Row, ...] = ()  # broke, and were done again when the campaign was resumed
    replaced: tuple[Row, ...] = ()  # of a disturbed host: the less disturbed one is in the figures
    control: tuple[Row, ...] = ()  # of the second block of a setup that was run twice

    @property
    def anchor(self) -> str:
        setup, subject = self.setup, self.subject
        parts = (setup.engine, setup.mode, setup.variant, subject.pipeline, subject.workload)
        return words.slug("cell", *parts, self.scenario)

    @property
    def results(self) -> tuple[Result, ...]:
        return tuple(row.result for row in self.trials)

    @property
    def word(self) -> str:
        """The one of the four words that says why there is no figure."""
        if not self.trials:
            return words.NOT_MEASURED
        errors = [result.error for result in self.results]
        for word in (words.UNSUPPORTED, words.SKIPPED):
            if all(error.startswith(word) for error in errors):
                return word
        return words.NOT_MEASURED if any(map(sound, self.results)) else words.FAILED

    @property
    def failed_count(self) -> int:
        return sum(not sound(result) for result in self.results)

    def values(self, measure: str) -> Sample:
        """Return a measure of the sound trials: a run that went wrong has no time to print."""
        return results.sample(self.results, results.of(measure))

    def control_values(self, measure: str) -> Sample:
        """Return a measure of the A/A control's trials, which are in no other figure."""
        found = (row.result for row in self.control if not row.result.warmup)
        return results.sample(found, results.of(measure))

    def warm_values(self, measure: str) -> list[float]:
        """Return a measure of the warm-ups: memory is read in these."""
        found = (row.result.measures.get(measure) for row in self.warmups if sound(row.result))
        return [value for value in found if value is not None]


@dataclass(frozen=True, slots=True)
class Campaign:
    """Everything that was measured, in the order in which the report shows it."""

    rows: tuple[Row, ...]
    setups: tuple[SetupId, ...]
    subjects: tuple[Subject, ...]
    faults: tuple[tuple[str, Subject], ...]
    cells: Mapping[tuple[SetupId, Subject, str], Cell]
    seed: int
    synthetic: tuple[Subject, ...] = ()  # those with a calm trial; `subjects` are of the ETL alone
    together: tuple[Subject, ...] = ()  # the same of several runs at once
    instruments: Instruments | None = None  # what measuring costs; older results do not say
    known_bad: tuple[Result, ...] = ()  # trials that checked the checks; nothing else knows of them

    def cell(self, setup: SetupId, subject: Subject, scenario: str = CALM) -> Cell:
        return self.cells.get((setup, subject, scenario)) or Cell(setup, subject, scenario)

    @property
    def bare(self) -> SetupId:
        return next(setup for setup in self.setups if setup.engine == "bare")

    @property
    def results(self) -> tuple[Result, ...]:
        return tuple(row.result for row in self.rows)


def campaign(lines: Sequence[Result]) -> Campaign:
    """Group the lines of a folder."""
    known_bad = tuple(it for it in lines if is_known_bad(it))
    lines = [it for it in lines if not is_known_bad(it)]
    rows, aside = _rows(lines), results.set_aside(lines)
    setups, subjects = _setups(lines), _subjects(lines)
    by_setup = {(it.engine, it.mode, it.variant): it for it in setups}
    by_subject = {(it.pipeline, it.workload): it for it in subjects}
    grouped: dict[tuple[SetupId, Subject, str], list[Row]] = defaultdict(list)
    for row in rows:
        it = row.result
        setup = by_setup[it.engine, it.mode, it.variant]
        grouped[setup, by_subject[it.pipeline, it.workload], it.scenario].append(row)
    cells = {key: _cell(*key, found, aside) for key, found in grouped.items()}
    faults = unique((key[2], key[1]) for key in grouped if key[2] != CALM)
    calm = {key[1] for key, cell in cells.items() if key[2] == CALM and cell.trials}
    order = {subject: place for place, subject in enumerate(subjects)}
    faults.sort(key=lambda fault: order[fault[1]])
    synthetic = tuple(it for it in subjects if it.pipeline in SYNTHETIC and it in calm)
    idle = any(it.pipeline == IDLE for it in calm)
    shown = _shown(subjects, calm, {key[1] for key in grouped}, bool(synthetic) or idle)
    seed = lines[0].seed if lines else 0
    alone = tuple(it for it in synthetic if not _several_runs(it))
    together = tuple(it for it in synthetic if _several_runs(it))
    return Campaign(
        rows, setups, shown, tuple(faults), cells, seed, alone, together, known_bad=known_bad
    )


def _several_runs(subject: Subject) -> bool:
    shape = shapes.shape_of(subject.workload)
    return shape is not None and shape.runs > 1


def _rows(lines: Sequence[Result]) -> tuple[Row, ...]:
    """Number the lines, and say of each what disturbed it."""
    probes = results.probes_ms(lines)
    return tuple(Row(index, it, _disturbed(it, probes)) for index, it in enumerate(lines))


def _disturbed(result: Result, probes_ms: Sequence[float]) -> str:
    told = result.environment.get("noise")
    return noise.disturbed(noise.Noise(**told), probes_ms) if told else ""


def _shown(
    subjects: Sequence[Subject], calm: Iterable[Subject], seen: Iterable[Subject], others: bool
) -> tuple[Subject, ...]:
    """Return the pipelines with a calm trial, and those that a campaign of them would have had.

    A campaign of other workloads, too (`others`), was not meant to have all of them.
    """
    etl = [it for it in subjects if it.pipeline not in (*SYNTHETIC, IDLE)]
    return tuple(it for it in etl if it in calm or (it not in seen and not others))


def unique(values: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(values))


def _cell(
    setup: SetupId, subject: Subject, scenario: str, rows: Sequence[Row], aside: set[Any]
) -> Cell:
    """Keep apart what is in the figures and what is not, each for its own reason."""
    kinds: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        kinds[_kind(row, rows, aside)].append(row)
    return Cell(setup, subject, scenario, **{kind: tuple(it) for kind, it in kinds.items()})


def _kind(row: Row, rows: Sequence[Row], aside: set[Any]) -> str:
    it = row.result
    if _done_later(row, rows):
        return "superseded"
    if results.is_set_aside(it, aside):
        return "replaced"
    if is_control(it):
        return "control"
    return "warmups" if it.warmup else "trials"


def _done_later(row: Row, rows: Sequence[Row]) -> bool:
    """Whether a trial that broke was repeated further down."""
    same = (row.result.trial, row.result.warmup)
    return row.result.outcome == Outcome.ERROR and any(
        later.index > row.index and (later.result.trial, later.result.warmup) == same
        for later in rows
    )


def _setups(lines: Sequence[Result]) -> tuple[SetupId, ...]:
    """Return the setups found, and those that a full campaign would have had."""
    found = {(it.engine, it.mode, it.variant) for it in lines}
    known = {(engine, variant) for engine, _, variant in found}
    wanted = {("bare", "default")} | {(it, v) for it in ENGINES[1:] for v in VARIANTS}
    found |= {(engine, "", variant) for engine, variant in wanted - known}
    modes = {engine: {mode for it, mode, _ in found if it == engine and mode} for engine in ENGINES}
    place = {engine: number for number, engine in enumerate(ENGINES)}
    ordered = sorted(found, key=lambda it: (place[it[0]], it[1], it[2]))
    return tuple(SetupId(*it, _title(*it, several=len(modes[it[0]]) > 1)) for it in ordered)


def _title(engine: str, mode: str, variant: str, several: bool) -> str:
    name = f"{engine} {mode}".strip() if several else engine
    return name if engine == "bare" else f"{name} {variant}"


def _subjects(lines: Sequence[Result]) -> tuple[Subject, ...]:
    found = unique((it.pipeline, it.workload) for it in lines)
    found += [(it, "") for it in PIPELINES if it not in {pipeline for pipeline, _ in found}]
    timed = {(it.pipeline, it.workload) for it in lines if not it.warmup}
    workloads = {pipeline: sum(it[0] == pipeline for it in timed) for pipeline, _ in found}
    place = {pipeline: number for number, pipeline in enumerate(PIPELINES)}
    found.sort(key=lambda it: place.get(it[0], len(place)))
    several = {pipeline for pipeline, count in workloads.items() if count > 1}
    return tuple(Subject(*it, _subject_title(*it, several=it[0] in several)) for it in found)


def _subject_title(pipeline: str, workload: str, several: bool) -> str:
    if pipeline == IDLE:
        return f"{workload.rpartition('-')[2]} s without a run"
    shape = shapes.shape_of(workload) if pipeline in SYNTHETIC else None
    if shape:
        return shape.title
    return f"{pipeline}, {workload}" if several else pipeline
