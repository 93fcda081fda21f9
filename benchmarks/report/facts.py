"""The lines of a campaign, grouped into the cells that the report prints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks.model import ENGINES, PIPELINES, Outcome, Result, Truth
from benchmarks.report import words
from benchmarks.results import CALM

VARIANTS = ("default", "tuned")
SOUND = (Outcome.UNHARMED, Outcome.SELF_HEALED, Outcome.RESUMED)
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
    """A result and its place in results.jsonl, from 0."""

    index: int
    result: Result


@dataclass(frozen=True, slots=True)
class Cell:
    """All repetitions of one scenario with one subject on one setup."""

    setup: SetupId
    subject: Subject
    scenario: str
    trials: tuple[Row, ...] = ()
    warmups: tuple[Row, ...] = ()
    superseded: tuple[Row, ...] = ()  # broke, and were done again when the campaign was resumed

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

    def values(self, measure: str) -> list[float]:
        """Return a measure of the sound trials: a run that went wrong has no time to print."""
        return [value for result in self.results if sound(result)
                if (value := result.measures.get(measure)) is not None]  # fmt: skip

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

    def cell(self, setup: SetupId, subject: Subject, scenario: str = CALM) -> Cell:
        return self.cells.get((setup, subject, scenario)) or Cell(setup, subject, scenario)

    @property
    def bare(self) -> SetupId:
        return next(setup for setup in self.setups if setup.engine == "bare")

    @property
    def results(self) -> tuple[Result, ...]:
        return tuple(row.result for row in self.rows)


def sound(result: Result) -> bool:
    """Whether a trial delivered what it should have, and said so."""
    return result.outcome in SOUND and result.truth in (Truth.TRUE_SUCCESS, None)


def campaign(results: Sequence[Result]) -> Campaign:
    """Group the lines of a folder."""
    rows = tuple(Row(index, result) for index, result in enumerate(results))
    setups, subjects = _setups(results), _subjects(results)
    by_setup = {(it.engine, it.mode, it.variant): it for it in setups}
    by_subject = {(it.pipeline, it.workload): it for it in subjects}
    grouped: dict[tuple[SetupId, Subject, str], list[Row]] = defaultdict(list)
    for row in rows:
        it = row.result
        setup = by_setup[it.engine, it.mode, it.variant]
        grouped[setup, by_subject[it.pipeline, it.workload], it.scenario].append(row)
    cells = {key: _cell(*key, found) for key, found in grouped.items()}
    faults = unique((key[2], key[1]) for key in grouped if key[2] != CALM)
    calm = {key[1] for key, cell in cells.items() if key[2] == CALM and cell.trials}
    seen = {key[1] for key in grouped}
    shown = tuple(it for it in subjects if it in calm or it not in seen)
    order = {subject: place for place, subject in enumerate(subjects)}
    faults.sort(key=lambda fault: order[fault[1]])
    return Campaign(rows, setups, shown, tuple(faults), cells, results[0].seed if results else 0)


def unique(values: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(values))


def _cell(setup: SetupId, subject: Subject, scenario: str, rows: Sequence[Row]) -> Cell:
    again = tuple(row for row in rows if _done_later(row, rows))
    trials = tuple(row for row in rows if not row.result.warmup and row not in again)
    warmups = tuple(row for row in rows if row.result.warmup and row not in again)
    return Cell(setup, subject, scenario, trials, warmups, again)


def _done_later(row: Row, rows: Sequence[Row]) -> bool:
    """Whether a trial that broke was repeated further down."""
    same = (row.result.trial, row.result.warmup)
    return row.result.outcome == Outcome.ERROR and any(
        later.index > row.index and (later.result.trial, later.result.warmup) == same
        for later in rows
    )


def _setups(results: Sequence[Result]) -> tuple[SetupId, ...]:
    """Return the setups found, and those that a full campaign would have had."""
    found = {(it.engine, it.mode, it.variant) for it in results}
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


def _subjects(results: Sequence[Result]) -> tuple[Subject, ...]:
    found = unique((it.pipeline, it.workload) for it in results)
    found += [(it, "") for it in PIPELINES if it not in {pipeline for pipeline, _ in found}]
    timed = {(it.pipeline, it.workload) for it in results if not it.warmup}
    workloads = {pipeline: sum(it[0] == pipeline for it in timed) for pipeline, _ in found}
    place = {pipeline: number for number, pipeline in enumerate(PIPELINES)}
    found.sort(key=lambda it: place.get(it[0], len(place)))
    several = {pipeline for pipeline, count in workloads.items() if count > 1}
    return tuple(
        Subject(pipeline, workload, f"{pipeline}, {workload}" if pipeline in several else pipeline)
        for pipeline, workload in found
    )
