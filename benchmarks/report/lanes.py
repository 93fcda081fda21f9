"""A journal as a lane of a timeline: which step ran from when to when, and what struck it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.attempts import Attempt, attempts, unit_of
from benchmarks.model import STRUCK_AGAIN, Outcome, Result
from benchmarks.report import words
from benchmarks.report.facts import Campaign, SetupId, Subject
from shared import journal
from shared.journal import Event

STEP_KINDS = ("started", "checkpoint", "committed", "finished", "failed")
MARKS = {
    "fault_injected": "fault",
    STRUCK_AGAIN: "fault again",
    "healed": "healed",
    "mended": "mended",
    "given_up": "given up",
    "resumed": "resumed",
    "ended": "end",
}


LEAST = 0.009  # of the whole time: the width of the shortest bar


@dataclass(frozen=True, slots=True)
class Bar:
    """One attempt of a step; `ending` is finished, failed or killed."""

    step: str
    key: str
    attempt: int
    start_s: float
    end_s: float
    ending: str
    row: int = 0  # attempts that overlap lie in different rows


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment of the run as a whole."""

    at_s: float
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A moment when rows of an attempt became visible in the warehouse."""

    at_s: float
    row: int


@dataclass(frozen=True, slots=True)
class Lane:
    """One trial on one setup, in seconds since it was submitted."""

    setup: SetupId
    ending: str
    bars: tuple[Bar, ...]
    commits: tuple[Commit, ...]
    marks: tuple[Mark, ...]

    @property
    def rows(self) -> int:
        return 1 + max((bar.row for bar in self.bars), default=0)

    @property
    def end_s(self) -> float:
        ends = [bar.end_s for bar in self.bars] + [mark.at_s for mark in self.marks]
        return max(ends, default=0.0)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The same repetition of one scenario on every setup that has a journal of it."""

    scenario: str
    subject: Subject
    trial: int
    lanes: tuple[Lane, ...]
    absent: tuple[str, ...]
    least_s: float = 0.0  # the width that the shortest bar is drawn with

    @property
    def anchor(self) -> str:
        subject = self.subject
        parts = (self.scenario, subject.pipeline, subject.workload, str(self.trial))
        return words.slug("time", *parts)


def timelines(campaign: Campaign, folder: Path) -> list[Timeline]:
    """Read the journals of all recovery trials; calm ones are not drawn."""
    return [
        timeline(campaign, folder, name, subject, trial)
        for name, subject in campaign.faults
        for trial in _trials(campaign, name, subject)
    ]


def timeline(campaign: Campaign, folder: Path, name: str, subject: Subject, trial: int) -> Timeline:
    found: list[tuple[SetupId, Result, Sequence[Event]]] = []
    absent = []
    for setup in campaign.setups:
        cell = campaign.cell(setup, subject, name)
        result = next((it for it in cell.results if it.trial == trial), None)
        history = journal.read(folder / result.journal) if result and result.journal else ()
        if result and history:
            found.append((setup, result, history))
        else:
            error = f" ({result.error})" if result and result.error else ""
            absent.append(f"{setup.title}: {cell.word}{error}")
    least_s = LEAST * max((told[-1].at - _zero(told) for _, _, told in found), default=0.0)
    lanes = tuple(lane(*it, least_s) for it in found)
    return Timeline(name, subject, trial, lanes, tuple(absent), least_s)


def _zero(history: Sequence[Event]) -> float:
    return next((it.at for it in history if it.kind == "submitted"), history[0].at)


def lane(setup: SetupId, result: Result, history: Sequence[Event], least_s: float = 0.0) -> Lane:
    """Draw a history: attempts as bars, in as few rows as do not overlap.

    A bar takes the room of `least_s` seconds at least: most steps here last milliseconds.
    """
    zero = _zero(history)
    bars = stacked(bars_of(history, zero), least_s)
    return Lane(setup, _ending(result), bars, _commits(history, bars, zero), tuple(
        Mark(it.at - zero, MARKS[it.kind], str(it.detail or ""))
        for it in history if it.kind in MARKS
    ))  # fmt: skip


def story(told: Lane) -> str:
    """Tell a lane in words, in the order of the clock."""
    moments = [(it.at_s, it.kind + (f" ({it.detail})" if it.detail else "")) for it in told.marks]
    moments += [(bar.start_s, _attempt(bar)) for bar in told.bars]
    return "; ".join(f"{words.number(at)} {text}" for at, text in sorted(moments))


def _attempt(bar: Bar) -> str:
    sign = {"finished": "", "failed": " ✗ failed", "killed": " ✗ not finished"}[bar.ending]
    again = f" attempt {bar.attempt}" if bar.attempt > 1 else ""
    return f"{bar.step} {bar.key}".strip() + f"{again} until {words.number(bar.end_s)}{sign}"


def bars_of(history: Sequence[Event], zero: float) -> list[Bar]:
    """Return every attempt; a killed one ends at the next event of its key, or with the trial."""
    return [_bar(attempt, history, zero) for attempt in attempts(history)]


def stacked(bars: Sequence[Bar], least_s: float = 0.0) -> tuple[Bar, ...]:
    """Give each bar the first row that is free when it starts; each takes at least `least_s`."""
    free_at: list[float] = []
    placed = []
    for bar in sorted(bars, key=lambda it: (it.start_s, it.end_s)):
        row = next((n for n, at in enumerate(free_at) if at <= bar.start_s), len(free_at))
        free_at[row : row + 1] = [max(bar.end_s, bar.start_s + least_s)]
        placed.append(Bar(bar.step, bar.key, bar.attempt, bar.start_s, bar.end_s, bar.ending, row))
    return tuple(placed)


def _bar(attempt: Attempt, history: Sequence[Event], zero: float) -> Bar:
    start, end = attempt.start, attempt.end
    until = end.at if end else _next_at(start, history)
    ending = end.kind if end else "killed"
    return Bar(start.step, start.key, start.attempt, start.at - zero, until - zero, ending)


def _next_at(start: Event, history: Sequence[Event]) -> float:
    """Return when something else happened to the key of an attempt that nobody ended."""
    own = (*unit_of(start), start.pid)
    later = (it for it in history if it.at > start.at and it.key == start.key
             and it.kind in STEP_KINDS
             and not ((*unit_of(it), it.pid) == own and it.kind != "started"))  # fmt: skip
    return next((it.at for it in later), history[-1].at)


def _commits(history: Sequence[Event], bars: Sequence[Bar], zero: float) -> tuple[Commit, ...]:
    found = []
    for event in history:
        if event.kind != "committed":
            continue
        at = event.at - zero
        rows = [bar.row for bar in bars if (bar.step, bar.key) == (event.step, event.key)
                if bar.start_s <= at <= bar.end_s]  # fmt: skip
        found.append(Commit(at, rows[-1] if rows else 0))
    return tuple(found)


def _ending(result: Result) -> str:
    outcome = words.OUTCOMES[Outcome(result.outcome)]
    truth = words.TRUTHS[result.truth].word if result.truth else "no final state"
    return f"{outcome.symbol} {outcome.word}, {truth}"


def _trials(campaign: Campaign, name: str, subject: Subject) -> list[int]:
    cells = (campaign.cell(setup, subject, name) for setup in campaign.setups)
    return sorted({it.trial for cell in cells for it in cell.results if it.journal})
