"""Why a trial did not heal by itself: a sentence, its source, and the engine's own words for it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from benchmarks import evidence
from benchmarks.model import ENGINE_SAYS, Result
from benchmarks.report.facts import Cell, unique

FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True)
class Explanation:
    """One entry of explanations.toml; an empty list of outcomes or variants means any.

    `pattern` is a regular expression that the engine's log of the trial, or what its API said of
    the run, must hold in one line: otherwise the sentence is not said.
    """

    engine: str
    scenarios: tuple[str, ...]
    pattern: str
    says: str
    source: str
    variants: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()

    def fits(self, result: Result) -> bool:
        """Whether it is about such a trial."""
        return (
            result.engine == self.engine
            and result.scenario in self.scenarios
            and result.variant in (self.variants or (result.variant,))
            and result.outcome in (self.outcomes or (result.outcome,))
        )


@dataclass(frozen=True, slots=True)
class Explained:
    """What a cell is explained by; without a sentence nothing known was found in the log."""

    says: str
    source: str
    quote: str


@cache
def known() -> tuple[Explanation, ...]:
    """Return the entries of explanations.toml, in their order."""
    entries = tomllib.loads(FILE.read_text())["explanation"]
    return TypeAdapter(tuple[Explanation, ...]).validate_python(entries)


def explained(folder: Path, cell: Cell) -> list[Explained]:
    """Return what explains the trials of a cell that did not heal by themselves, each once."""
    return unique(_explained(folder, it) for it in cell.results if evidence.is_due(it))


def _explained(folder: Path, result: Result) -> Explained:
    for it in known():
        if it.fits(result) and (quote := _quote(folder, result, it.pattern)):
            return Explained(it.says, it.source, quote)
    return Explained("", "", "")


def _quote(folder: Path, result: Result, pattern: str) -> str:
    found = evidence.quoted(folder, str(result.environment.get("log") or ""), pattern)
    return found or _said(result, pattern)


def _said(result: Result, pattern: str) -> str:
    """Return the line in which the engine's API said so; "" when it did not."""
    lines = [line for it in result.findings if it.check == ENGINE_SAYS
             for line in it.reason.splitlines()]  # fmt: skip
    return next((evidence.around(match) for line in lines
                 if (match := re.search(pattern, line))), "")  # fmt: skip
