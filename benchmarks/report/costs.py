"""What an engine costs to have: at rest, at its start, on disk, in lines, in what it writes.

What a trial wrote and used stands in its row as a whole; here it is divided by the trial's steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import results, statistics
from benchmarks.installation import Installation
from benchmarks.model import IDLE
from benchmarks.report import sources, words
from benchmarks.report.facts import Campaign, Cell, SetupId, Subject
from benchmarks.report.shapes import NAMES, Shape, shape_of
from benchmarks.report.words import Figure
from benchmarks.statistics import Sample

Read = Callable[[Cell | None, str], Sample]

MINUTE_S = 60.0
PEAK = "peak_pss_mb"
ROLES = {"control": "control", "worker": "worker", "metadata": "metadata database"}
SPLIT = ("control", "worker", "task", "metadata")
WRITTEN = {  # column -> measure, unit, how many of the measure's unit are one
    "rows": ("metadata_rows", "", 1.0),
    "disk": ("metadata_bytes", "kB", 1e3),
    "values": ("metadata_value_bytes", "kB", 1e3),
    "log": ("log_bytes", "kB", 1e3),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """One setup with nothing to do, and at its starts."""

    setup: SetupId
    cell: Cell | None  # None: it was never watched at rest
    cpu: Mapping[str, Figure]  # seconds a minute, by role
    memory: Mapping[str, Figure]  # MB, by role
    ask: Figure  # what a question to the API costs the engine
    written: Mapping[str, Figure]  # a minute
    first: Figure
    later: Figure
    peak: Figure  # memory, of all processes, in a run of one no-op


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of one workload adds and uses on one setup."""

    setup: SetupId
    cell: Cell
    written: Mapping[str, Figure]
    cpu: Mapping[str, Figure]  # milliseconds, by role
    whole: Figure
    reasons: Mapping[str, str]  # of what is written, why there is no figure


@dataclass(frozen=True, slots=True)
class Steps:
    """One workload of no-ops."""

    subject: Subject
    lines: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """The parts of a setup's bar, by role; None where a role has no process."""

    setup: SetupId
    parts: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Costs:
    """The section; what was not measured is empty."""

    standing: tuple[Standing, ...]
    cpu: tuple[Bar, ...]
    memory: tuple[Bar, ...]
    steps: tuple[Steps, ...]
    installations: tuple[Installation, ...]
    lines: tuple[sources.Lines, ...]


def costs(campaign: Campaign, installations: Mapping[str, Installation], root: Path) -> Costs:
    """Return what the results, the installations and the source text say."""
    rests = [it for setup in campaign.setups if (it := _standing(campaign, setup))]
    return Costs(
        tuple(rests),
        tuple(_bars(rests, _a_minute, "_cpu_s")),
        tuple(_bars(rests, _plain, "_pss_mb")),
        tuple(_steps(campaign)), tuple(installations.values()), tuple(sources.lines(root)),
    )  # fmt: skip


def headline(campaign: Campaign) -> str:
    """Say in a sentence what each setup takes while it has nothing to do."""
    found = (it for setup in campaign.setups if setup.engine != "bare"
             if (it := _standing(campaign, setup)) and it.cell)  # fmt: skip
    told = [f"{it.setup.title} {words.figure(_sum(it.cell, _a_minute, '_cpu_s'), 's', 0).text} and "
            f"{words.figure(_sum(it.cell, _plain, '_pss_mb'), 'MB', 0).text}"
            for it in found]  # fmt: skip
    return f"At rest, CPU a minute and memory: {words.listed(told)}." if told else ""


def _sum(cell: Cell | None, read: Read, suffix: str) -> list[float]:
    """Return the sum of the medians of control and worker, the metadata database left out."""
    parts = [words.middle(read(cell, f"{role}{suffix}")) for role in ("control", "worker")]
    known = [it for it in parts if it is not None]
    return [sum(known)] if known else []


def _standing(campaign: Campaign, setup: SetupId) -> Standing | None:
    """Return a setup's line, or None when nothing of it is known."""
    cell, seed = idle_cell(campaign, setup), campaign.seed
    starts = {name: _starts(campaign, setup, f"{name}_start_s") for name in ("first", "later")}
    peaks = _peaks(campaign, setup)
    if cell is None and not any(starts.values()) and not peaks:
        return None
    return Standing(
        setup, cell,
        {role: _of_role(cell, role, _a_minute(cell, f"{role}_cpu_s"), "s", seed) for role in ROLES},
        {role: _of_role(cell, role, _plain(cell, f"{role}_pss_mb"), "MB", seed) for role in ROLES},
        words.figure(asks_s(cell).times(1000), "ms", seed),
        {name: words.figure(_a_minute(cell, measure).times(1 / one), unit, seed)
         for name, (measure, unit, one) in WRITTEN.items()},
        words.figure(starts["first"], "s", seed), words.figure(starts["later"], "s", seed),
        words.figure(peaks, "MB", seed),
    )  # fmt: skip


def _peaks(campaign: Campaign, setup: SetupId) -> list[float]:
    """Return the peak memory in the warm-ups, the one workload that all setups have.

    Reading memory costs time, so the bench does not read it in the trials that it times.
    """
    same = (it for it in campaign.cells.values() if it.setup == setup)
    return [value for it in same for value in it.warm_values(PEAK)]


def _of_role(cell: Cell | None, role: str, values: Sequence[float], unit: str, seed: int) -> Figure:
    rests = len(_plain(cell, "idle_s"))
    absent = role == "worker" or (cell is not None and cell.setup.engine == "bare")
    if absent and rests and not values:
        return Figure("no process", n=rests, indicative=rests < statistics.FIGURE_FROM)
    return words.figure(values, unit, seed)


def idle_cell(campaign: Campaign, setup: SetupId) -> Cell | None:
    """Return the trials in which a setup was watched at rest: of the longest rest."""
    found = [it for it in campaign.cells.values()
             if it.setup == setup and it.subject.pipeline == IDLE and it.trials]  # fmt: skip
    return max(found, key=lambda it: max(it.values("idle_s"), default=0.0), default=None)


def _starts(campaign: Campaign, setup: SetupId, measure: str) -> list[float]:
    """Return how long the starts took that had no other bench beside them.

    They stand in the rows of the warm-ups.
    """
    return [value for result in campaign.results
            if (result.engine, result.mode, result.variant)
            == (setup.engine, setup.mode, setup.variant)
            and not result.environment.get("beside")
            and (value := result.measures.get(measure)) is not None]  # fmt: skip


def _a_minute(cell: Cell | None, measure: str) -> Sample:
    return _made(cell, (measure, "idle_s"), lambda value, lasted_s: value * MINUTE_S / lasted_s)


def _plain(cell: Cell | None, measure: str) -> Sample:
    return _made(cell, (measure,), lambda value: value)


def _made(cell: Cell | None, of: Sequence[str], made: Callable[..., float]) -> Sample:
    """Return what is made of some measures of each trial in which all of them are known."""

    def read(measures: Mapping[str, float | None]) -> float | None:
        known = [value for name in of if (value := measures.get(name)) is not None]
        return made(*known) if len(known) == len(of) else None

    return results.sample(cell.results if cell else (), read)


def asks_s(cell: Cell | None) -> Sample:
    """Return the CPU seconds that a question to its API costs an engine, its rest taken off."""
    told = ("asked_engine_s", "asked_s", "asked_count", "cpu_s", "idle_s")
    return _made(
        cell,
        told,
        lambda used, took, count, cpu, rest: max(0.0, used - cpu * took / rest) / count,
    )


def _bars(rests: Iterable[Standing], read: Read, suffix: str) -> Iterator[Bar]:
    for it in rests:
        parts = {role: words.middle(read(it.cell, role + suffix)) for role in ROLES}
        if parts["control"] is not None:
            yield Bar(it.setup, parts)


def _steps(campaign: Campaign) -> list[Steps]:
    """Return the no-ops of the most steps of each shape for which something is known."""
    found = []
    for pipeline in NAMES:
        sized = sorted(_noops(campaign, pipeline), key=lambda it: -it[1].steps)
        tables = (Steps(it, _lines(campaign, it, shape)) for it, shape in sized)
        found += [it for it in tables if it.lines][:1]
    return found


def _noops(campaign: Campaign, pipeline: str) -> list[tuple[Subject, Shape]]:
    told = ((it, shape_of(it.workload)) for it in campaign.synthetic)
    return [(it, shape) for it, shape in told
            if shape and (shape.pipeline, shape.kind) == (pipeline, "noop")]  # fmt: skip


def _lines(campaign: Campaign, subject: Subject, shape: Shape) -> tuple[Step, ...]:
    cells = (campaign.cell(setup, subject) for setup in campaign.setups)
    return tuple(_step(cell, shape.steps, campaign.seed) for cell in cells if _told(cell))


def _told(cell: Cell) -> bool:
    return bool(cell.values("log_bytes") or cell.values("task_cpu_s"))


def _step(cell: Cell, steps: int, seed: int) -> Step:
    written = {
        name: words.figure(cell.values(measure).times(1 / (one * steps)), unit, seed, cell.word)
        for name, (measure, unit, one) in WRITTEN.items()
    }
    cpu = {role: _ms(cell, f"{role}_cpu_s", steps, seed) for role in SPLIT}
    reasons = {name: text for it in cell.results
               for name, text in it.environment.get("unmeasured", {}).items()}  # fmt: skip
    missing = {name: reasons[measure] for name, (measure, _, _) in WRITTEN.items()
               if measure in reasons and written[name].word}  # fmt: skip
    return Step(cell.setup, cell, written, cpu, _ms(cell, "cpu_s", steps, seed), missing)


def _ms(cell: Cell, measure: str, steps: int, seed: int) -> Figure:
    values = cell.values(measure).times(1000 / steps)
    return words.figure(values, "ms", seed, cell.word)
