"""What became of the trials in which something went wrong: scenarios down, setups across."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks import results
from benchmarks.evidence import ends_as_it_must
from benchmarks.model import Outcome, Result, Truth, Verdict
from benchmarks.report import words
from benchmarks.report.facts import Campaign, Cell, SetupId, Subject, unique
from benchmarks.report.lanes import MARKS, Timeline
from benchmarks.report.words import Figure, Mark
from benchmarks.scenarios import GROUPS, SCENARIOS

TIMES = {
    "outage": "outage_s",
    "detect": "detect_s",
    "recover": "recover_s",
    "truth": "truth_s",
}
REACTIONS = ("detect", "recover")  # of a run that was harmed
APT = {  # only of trials that ended so
    "recover_s": (Truth.TRUE_SUCCESS, Truth.FALSE_FAILURE),
    "truth_s": (Truth.TRUE_SUCCESS, Truth.TRUE_FAILURE),
}
REASON_CHARACTERS = 90
FAULT = MARKS["fault_injected"]
# Of a trial's own: another process in each, and how long it took to strike.
OWN = re.compile(r", process \d+|(?<=process) \d+| \(done in [\d.]+ s\)")
OTHERS = "others"  # scenarios that an older bench had
LANDED = "landed"  # the check that the fault struck where it should
COUNTS = {"repeated steps": "repeated_steps", "interventions": "interventions_count"}
ROWS = {  # of the ledger
    "lost": "lost",
    "duplicated": "duplicated",
    "unexpected": "unexpected",
    "recovered": "recovered",
    "written": "written",
    "written again": "wasted",
    "late": "late",
}
WASTE = {"wasted attempts": "wasted_steps", "blast radius": "blast_radius_steps"}
COST_COLUMNS = (*ROWS, *WASTE, "wasted time")


@dataclass(frozen=True, slots=True)
class Ending:
    """One way in which trials of a cell ended, and how many did."""

    outcome: Mark
    truth: Mark | None
    count: int
    missed: bool  # the fault struck outside of the phase it was meant for: the verdict is unknown


@dataclass(frozen=True, slots=True)
class Told:
    """One cell of the matrix."""

    cell: Cell
    endings: tuple[Ending, ...]
    figures: dict[str, Figure]
    notes: tuple[str, ...]  # rows lost or doubled, checks that did not pass, errors
    n: int
    missing: Mark | None  # set when the cell has nothing to say but one of the four words

    @property
    def tone(self) -> str:
        """The worst tone in the cell."""
        if self.missing:
            return self.missing.tone
        tones = {it.outcome.tone for it in self.endings}
        tones |= {it.truth.tone for it in self.endings if it.truth}
        tones |= {"fair" for it in self.endings if it.missed}
        return next((tone for tone in ("bad", "fair", "good") if tone in tones), "none")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the matrix."""

    name: str
    subject: Subject
    cells: tuple[Told, ...]

    @property
    def anchor(self) -> str:
        return words.slug("fault", self.name, self.subject.pipeline, self.subject.workload)

    @property
    def title(self) -> str:
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Blow:
    """What a scenario does, and what it hit on each engine, as the journals have it."""

    scenario: Scenario
    says: str  # the sentence of `bench list`
    hit: dict[str, str]  # by engine


@dataclass(frozen=True, slots=True)
class Cost:
    """What a scenario cost on one setup: rows by the ledger, and work that was thrown away."""

    scenario: Scenario
    told: Told
    figures: dict[str, Figure]  # by the names of the columns


@dataclass(frozen=True, slots=True)
class Checked:
    """A pipeline that is wrong on purpose, and whether its check has caught it."""

    name: str
    scenario: str
    mark: Mark
    reason: str
    row: Result


def checked(campaign: Campaign) -> list[Checked]:
    """Return the known-bad pipelines of a campaign, each by its last trial."""
    last = {it.mode: it for it in campaign.known_bad}
    return [_checked(name, it) for name, it in last.items()]


def _checked(name: str, result: Result) -> Checked:
    why = results.not_caught(result)
    found = [it.reason for it in result.findings if it.check == results.CAUGHT]
    mark = words.NOT_CAUGHT if why else words.CAUGHT
    return Checked(name, result.scenario, mark, why or found[-1], result)


def blows(rows: Sequence[Scenario], timelines: Sequence[Timeline]) -> list[Blow]:
    """Return what was done in each scenario, from the journal of the first trial on each engine."""
    drawn: dict[tuple[str, Subject], dict[str, str]] = {}
    for it in timelines:
        hit = drawn.setdefault((it.scenario, it.subject), {})
        for lane in it.lanes:
            struck = next((mark.detail for mark in lane.marks if mark.kind == FAULT), "")
            if struck:
                hit.setdefault(lane.setup.engine, OWN.sub("", struck))
    return [Blow(row, _says(row.name), drawn.get((row.name, row.subject), {})) for row in rows]


def _says(name: str) -> str:
    return SCENARIOS[name].title if name in SCENARIOS else ""


def beside(rows: Sequence[Scenario]) -> int:
    """Return beside how many other benches the trials were done, at most."""
    trials = (trial for row in rows for told in row.cells for trial in told.cell.results)
    return max((int(it.environment.get("beside") or 0) for it in trials), default=0)


def load(rows: Sequence[Scenario]) -> tuple[float, float] | None:
    """Return the median and the most of the load when the trials began; None when not noted."""
    trials = (trial for row in rows for told in row.cells for trial in told.cell.results)
    loads = [float(it.environment["noise"]["load_1m"]) for it in trials
             if "noise" in it.environment]  # fmt: skip
    return (median(loads), max(loads)) if loads else None


def costs(campaign: Campaign, rows: Sequence[Scenario]) -> list[Cost]:
    """Return what each cell of the matrix cost, those without a trial left out."""
    return [Cost(row, it, _costs(it, campaign.seed)) for row in rows for it in row.cells if it.n]


def _costs(it: Told, seed: int) -> dict[str, Figure]:
    trials = it.cell.results
    rows = {label: words.tally(_counts(trials, name)) for label, name in ROWS.items()}
    waste = {label: words.tally(values(trials, name)) for label, name in WASTE.items()}
    return {**rows, **waste, "wasted time": words.figure(values(trials, "wasted_s"), "s", seed)}


def _counts(trials: Sequence[Result], name: str) -> list[float]:
    """Return what the ledgers of the trials count; nothing of a trial whose fault missed."""
    ledgers = [it.ledger for it in trials if it.ledger and not missed(it)]
    return [float(it[name]) for it in ledgers if it.get(name) is not None]


def hurt(campaign: Campaign) -> list[SetupId]:
    """Return the setups that a fault was tried on; all of them when there is none."""
    return [it for it in campaign.setups if _trials(campaign, it)] or list(campaign.setups)


def matrix(campaign: Campaign, lacking: results.Lacking | None = None) -> list[Scenario]:
    """Return one row a scenario and subject, with a cell for each setup that was hurt.

    They stand in the order of `bench list`; `lacking` says why a setup cannot be hurt so.
    """
    setups, why = hurt(campaign), lacking or {}
    place = {name: number for number, name in enumerate(SCENARIOS)}
    faults = sorted(campaign.faults, key=lambda it: place.get(it[0], len(place)))
    return [
        Scenario(name, subject, tuple(
            told(campaign.cell(setup, subject, name), campaign.seed,
                 why.get(name, {}).get(setup.name, "")) for setup in setups
        ))
        for name, subject in faults
    ]  # fmt: skip


def grouped(rows: Sequence[Scenario]) -> list[tuple[str, list[Scenario]]]:
    """Return the rows by what is hit, in the order of `bench list`; what it does not know last."""
    members = {group: [one.name for one in found] for group, found in GROUPS.items()}
    members[OTHERS] = [row.name for row in rows if row.name not in SCENARIOS]
    found = {
        group: [row for name in dict.fromkeys(names) for row in rows if row.name == name]
        for group, names in members.items()
    }
    return [(group, here) for group, here in found.items() if here]


def told(cell: Cell, seed: int, lacking: str = "") -> Told:
    """Say what a cell says; `lacking` is why there can be no trial in it."""
    judged = [it for it in cell.results if it.outcome != Outcome.ERROR]
    harmed = [it for it in judged if not unharmed(it)]
    figures = {label: words.figure(values(of, it), "s", seed, _absent(of, it))
               for label, it in TIMES.items()
               if (of := harmed if label in REACTIONS else judged)
               and (label != "outage" or values(of, it))}  # fmt: skip
    figures |= {label: words.tally(values(judged, it)) for label, it in COUNTS.items()}
    word = words.UNSUPPORTED if lacking and not cell.trials else cell.word
    missing = None if judged else words.NO_FIGURE[word]
    notes = (lacking,) if word == words.UNSUPPORTED and lacking else _notes(cell.results)
    return Told(cell, _endings(judged), figures, notes, len(judged), missing)


def judged(campaign: Campaign, setup: SetupId) -> list[Result]:
    """Return the fault trials of a setup that say something about the engine."""
    return [it for it in _trials(campaign, setup) if it.outcome != Outcome.ERROR and not missed(it)]


def silent(campaign: Campaign, setup: SetupId) -> int:
    """Count the fault trials of a setup that say nothing: they broke, or the fault missed."""
    return len(_trials(campaign, setup)) - len(judged(campaign, setup))


def unharmed(result: Result) -> bool:
    """Whether there was nothing to notice and nothing to recover."""
    return (result.outcome, result.truth) == (Outcome.UNHARMED, Truth.TRUE_SUCCESS)


def missed(result: Result) -> bool:
    """Whether the fault missed the phase that it was meant for, so that nothing can be said."""
    return any(it.check == LANDED and it.verdict != Verdict.PASS for it in result.findings)


def _trials(campaign: Campaign, setup: SetupId) -> list[Result]:
    cells = (campaign.cell(setup, subject, name) for name, subject in campaign.faults)
    return [it for cell in cells for it in cell.results]


def values(results: Sequence[Result], measure: str) -> list[float]:
    """Return a measure where it means something: no time to all rows without all rows."""
    apt = APT.get(measure, tuple(Truth))
    return [value for it in results if it.truth in apt and not missed(it)
            if (value := it.measures.get(measure)) is not None]  # fmt: skip


def _absent(judged: Sequence[Result], measure: str) -> str:
    """Say why a time is missing: no run got there, or nobody saw when."""
    got_there = any(it.truth in APT.get(measure, tuple(Truth)) for it in judged)
    return words.NOT_MEASURED if got_there or not judged else words.FAILED


def _endings(results: Sequence[Result]) -> tuple[Ending, ...]:
    worst_first = list(reversed(Outcome))
    counted = Counter((it.outcome, it.truth, missed(it), ends_as_it_must(it)) for it in results)
    ordered = sorted(counted.items(), key=lambda it: worst_first.index(it[0][0]))
    return tuple(
        Ending(words.AS_IT_MUST, None, count, astray) if right else
        Ending(words.OUTCOMES[outcome], words.TRUTHS[truth] if truth else None, count, astray)
        for (outcome, truth, astray, right), count in ordered
    )  # fmt: skip


def _notes(results: Sequence[Result]) -> tuple[str, ...]:
    """Say what the words and numbers of a cell leave out, each thing once."""
    notes = [result.error for result in results if result.error]
    for name in ("lost", "unexpected", "duplicated"):
        wrong = (result for result in results if not ends_as_it_must(result))
        counts = [(result.ledger or {}).get(name) for result in wrong]
        notes += [f"{words.plural(count, 'row')} {name}" for count in counts if count]
    return tuple(unique([*notes, *_broken_checks(results)]))


def _broken_checks(results: Sequence[Result]) -> list[str]:
    """Say which checks did not pass, how often, and why the first time."""
    found: dict[tuple[str, Verdict], list[str]] = {}
    for result in results:
        for it in result.findings:
            if it.verdict != Verdict.PASS and (it.check == LANDED or not missed(result)):
                found.setdefault((it.check, it.verdict), []).append(it.reason)
    return [
        f"check {check}: {words.CHECKS[verdict].word} in {len(reasons)} of {len(results)}"
        + (f", {textwrap.shorten(reasons[0], REASON_CHARACTERS)}" if reasons[0] else "")
        for (check, verdict), reasons in found.items()
    ]
