"""Why a trial did not heal by itself: a sentence, its source, and the engine's own words for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks import evidence
from benchmarks.model import ENGINE_SAYS, Result
from benchmarks.report.entries import Entry, read
from benchmarks.report.facts import Cell

FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation(Entry):
    """One entry of explanations.toml.

    `pattern` is a regular expression that the engine's log of the trial, or what its API said of
    the run, must hold in one line: otherwise the sentence is not said. Nor is it when they hold
    `without` as well, another such expression, if there is one. An entry with a `check` is about
    that alone, and its pattern may be in what the check found.
    """

    pattern: str
    without: str = ""
    check: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """What a cell is explained by; without a sentence nothing known was found in the log."""

    says: str
    source: str
    quote: str


def known() -> tuple[Explanation, ...]:
    """Return the entries of explanations.toml, in their order."""
    return read(FILE, Explanation)


def explained(folder: Path, cell: Cell) -> list[Explained]:
    """Return what explains the trials of a cell that did not heal, or pass a check.

    Each sentence stands once, with the words of the first log that has them.
    """
    due = [(it, why) for it in cell.results for why in _due(it)]
    found = [_explained(folder, result, check) for result, check in due]
    first: dict[tuple[str, str], Explained] = {}
    for it in found:
        first.setdefault((it.says, it.source), it)
    return list(first.values())


def _due(result: Result) -> list[str]:
    """Return what is to be explained: "" is how it ended, the others are checks."""
    return [*([""] if evidence.is_due(result) else []), *evidence.failed(result)]


def _explained(folder: Path, result: Result, check: str) -> Explained:
    for it in known():
        fits = it.check in ("", check) and it.fits(result)
        barred = fits and it.without and _quote(folder, result, it.without, check)
        if fits and not barred and (quote := _quote(folder, result, it.pattern, check)):
            return Explained(it.says, it.source, quote)
    return Explained("", "", "")


def _quote(folder: Path, result: Result, pattern: str, check: str) -> str:
    found = evidence.quoted(folder, str(result.environment.get("log") or ""), pattern)
    return found or _said(result, pattern, check or ENGINE_SAYS)


def _said(result: Result, pattern: str, check: str) -> str:
    """Return the line in which a check found so, or the engine's API said so; "" when neither."""
    lines = [line for it in result.findings if it.check == check
             for line in it.reason.splitlines()]  # fmt: skip
    return next((evidence.around(match) for line in lines
                 if (match := re.search(pattern, line))), "")  # fmt: skip
