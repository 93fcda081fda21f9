"""What was reported of the three engines before, and whether it happened here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import evidence
from benchmarks.model import Outcome, Result
from benchmarks.report import recovery, words
from benchmarks.report.entries import Entry, read
from benchmarks.report.facts import Cell, unique
from benchmarks.report.recovery import Scenario

FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Entry):
    """One entry of reported.toml: a trial shows it when all that is given here holds.

    Its outcome is one of `outcomes`, its truth one of `truths`, it did not pass `check`, and what
    is kept of the engine's log and history has `pattern`, a regular expression over all of it.
    `otherwise` is what is to be known where no trial shows it.
    """

    truths: tuple[str, ...] = ()
    pattern: str = ""
    check: str = ""
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """How many of the trials of one cell that could have shown it did."""

    cell: Cell
    scenario: str
    shown: int
    count: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one report."""

    report: Report
    cells: tuple[Seen, ...]  # each that could have shown it

    @property
    def seen(self) -> tuple[Seen, ...]:
        """The cells in which it was seen."""
        return tuple(it for it in self.cells if it.shown)

    @property
    def mark(self) -> words.Mark:
        if not self.cells:
            return words.NO_FIGURE[words.NOT_MEASURED]
        return words.SEEN if self.seen else words.NOT_SEEN

    @property
    def count(self) -> int:
        """How many trials could have shown it."""
        return sum(it.count for it in self.cells)

    @property
    def tried(self) -> str:
        """On which setups they were."""
        return words.listed(unique(it.cell.setup.title for it in self.cells))


def known() -> tuple[Report, ...]:
    """Return the entries of reported.toml, in their order."""
    return read(FILE, Report)


def answers(folder: Path, matrix: Sequence[Scenario], engines: Sequence[str]) -> list[Answer]:
    """Return what became of each report about one of the engines, by the trials of a folder."""
    return [_answer(folder, matrix, it) for it in known() if it.engine in engines]


def _answer(folder: Path, matrix: Sequence[Scenario], report: Report) -> Answer:
    cells = [(row.title, told.cell) for row in matrix for told in row.cells
             if row.name in report.scenarios]  # fmt: skip
    seen = [_seen(folder, report, title, cell) for title, cell in cells]
    return Answer(report, tuple(it for it in seen if it.count))


def _seen(folder: Path, report: Report, scenario: str, cell: Cell) -> Seen:
    told = [it for it in cell.results if _is_about(report, it)]
    return Seen(cell, scenario, sum(_shows(folder, report, it) for it in told), len(told))


def _is_about(report: Report, result: Result) -> bool:
    """Whether a trial could have shown it."""
    says = result.outcome is not Outcome.ERROR and not recovery.missed(result)
    asked = result.variant in (report.variants or (result.variant,))
    return says and asked and result.engine == report.engine


def _shows(folder: Path, report: Report, result: Result) -> bool:
    true = result.truth in (report.truths or (result.truth,))
    passed = report.check and report.check not in evidence.failed(result)
    if passed or not (true and report.fits(result)):
        return False
    log = evidence.read(folder, str(result.environment.get("log") or ""))
    return not report.pattern or re.search(report.pattern, log, re.MULTILINE) is not None
