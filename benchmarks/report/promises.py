"""After how many seconds an engine's settings let it notice, beside the seconds measured here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.model import Result
from benchmarks.report import recovery, words
from benchmarks.report.entries import Entry, read
from benchmarks.report.recovery import Scenario, Told
from benchmarks.report.words import Figure

SLACK_S = 10.0  # the bench asks every second; what notices has a process to start, on a busy host
FILE = Path(__file__).with_suffix(".toml")
NUMBER = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise(Entry):
    """One entry of promises.toml: what is noticed at the latest, by the settings that say when.

    `adds` names settings and their values as shipped, in seconds: the promise is their sum, each as
    the setup has it. One that is 0 as shipped is off, and without it nothing is promised.
    """

    adds: dict[str, float]
    after_outage: bool = False  # the seconds count from when what was killed is back

    def seconds(self, result: Result) -> float | None:
        """Return the sum of the settings as a trial had them; None when one of them is off."""
        own = {str(it["name"]): str(it["value"]) for it in result.environment["settings"]}
        values = [_seconds(own.get(name), shipped) for name, shipped in self.adds.items()]
        return sum(values) if all(values) else None


@dataclass(frozen=True, slots=True)
class Kept:
    """A promise, and what was measured of it."""

    scenario: Scenario
    told: Told
    promise: Promise
    promised_s: float | None
    measured_s: float | None  # the median
    measured: Figure

    @property
    def late(self) -> bool:
        """Whether the median is clearly above what was promised.

        The bench asks every second, and what notices has a process to start.
        """
        if self.promised_s is None or self.measured_s is None:
            return False
        return self.measured_s > self.promised_s + SLACK_S


def known() -> tuple[Promise, ...]:
    """Return the entries of promises.toml, in their order."""
    return read(FILE, Promise)


def kept(matrix: Sequence[Scenario]) -> list[Kept]:
    """Return the promises about the trials of a campaign, in the order of the matrix."""
    return [it for row in matrix for told in row.cells for it in _kept(row, told)]


def _kept(row: Scenario, told: Told) -> Iterator[Kept]:
    if "detect" not in told.figures:  # of a run that was not harmed there was nothing to notice
        return
    harmed = [it for it in told.cell.results if not recovery.unharmed(it)]
    trial = told.cell.results[0]
    for it in known():
        if it.fits(trial):
            middle = words.middle(recovery.values(harmed, "detect_s"))
            promised = it.seconds(trial)
            if promised is not None and it.after_outage:
                promised += words.middle(recovery.values(told.cell.results, "outage_s")) or 0.0
            yield Kept(row, told, it, promised, middle, told.figures["detect"])


def _seconds(own: str | None, shipped: float) -> float:
    """Return a setting's value in seconds: the first number of its text."""
    found = NUMBER.search(own) if own is not None else None
    return float(found[0]) if found else shipped
