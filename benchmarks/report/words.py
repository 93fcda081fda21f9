"""How the report writes numbers, intervals and outcomes: always a word, never a colour alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks import statistics
from benchmarks.model import Outcome, Truth, Verdict

FAILED, UNSUPPORTED, SKIPPED, NOT_MEASURED = "failed", "unsupported", "skipped", "not measured"


@dataclass(frozen=True, slots=True)
class Mark:
    """A word with its symbol; `tone` (good, fair, bad, none) picks a colour beside the two."""

    symbol: str
    word: str
    tone: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One printed number, or the word that says why there is none."""

    text: str
    spread: str = ""  # the interval or the range
    n: int = 0
    indicative: bool = False
    word: str = ""

    @property
    def count(self) -> str:
        return f"n = {self.n}" + (", indicative" if self.indicative else "")


OUTCOMES = {
    Outcome.UNHARMED: Mark("✓", "unharmed", "good"),
    Outcome.SELF_HEALED: Mark("↻", "self-healed", "good"),
    Outcome.RESUMED: Mark("↷", "resumed", "fair"),
    Outcome.GAVE_UP: Mark("✗", "gave up", "bad"),
    Outcome.STUCK: Mark("◌", "stuck", "bad"),
    Outcome.ERROR: Mark("!", "failed", "bad"),
}
TRUTHS = {
    Truth.TRUE_SUCCESS: Mark("=", "true success", "good"),
    Truth.TRUE_FAILURE: Mark("=", "true failure", "fair"),
    Truth.FALSE_SUCCESS: Mark("≠", "false success", "bad"),
    Truth.FALSE_FAILURE: Mark("≠", "false failure", "bad"),
    Truth.LIMBO: Mark("?", "limbo", "bad"),
}
NO_FIGURE = {
    FAILED: Mark("!", FAILED, "bad"),
    UNSUPPORTED: Mark("⊘", UNSUPPORTED, "none"),
    SKIPPED: Mark("»", SKIPPED, "none"),
    NOT_MEASURED: Mark("·", NOT_MEASURED, "none"),
}
CHECKS = {
    Verdict.PASS: Mark("✓", "pass", "good"),
    Verdict.FAIL: Mark("✗", "fail", "bad"),
    Verdict.UNKNOWN: Mark("?", "unknown", "fair"),
}
CAUGHT = Mark("✓", "caught", "good")
NOT_CAUGHT = Mark("✗", "not caught", "bad")
AS_IT_MUST = Mark("✓", "failed, as it must", "good")
SEEN = Mark("▲", "seen", "fair")
NOT_SEEN = Mark("○", "not seen", "none")
LATE = Mark("▲", "later", "fair")
AGAINST_BARE = {
    statistics.Verdict.IMPROVED: Mark("▼", "faster", "good"),
    statistics.Verdict.REGRESSED: Mark("▲", "slower", "fair"),
    statistics.Verdict.UNDECIDED: Mark("≈", "undecided", "none"),
}
AGAINST_DEFAULT = {
    statistics.Verdict.IMPROVED: Mark("▼", "improved", "good"),
    statistics.Verdict.REGRESSED: Mark("▲", "regressed", "bad"),
    statistics.Verdict.UNDECIDED: Mark("≈", "undecided", "none"),
}


def number(value: float) -> str:
    """Write a number with about three significant digits and no exponent; 0 stays 0."""
    size = abs(value)
    if not size:
        return "0"
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    return ("−" if value < 0 else "") + f"{size:,.{digits}f}"


def signed(value: float) -> str:
    return ("+" if value > 0 else "−" if value < 0 else "±") + number(abs(value))


def spread(low: float, high: float, interval: bool) -> str:
    """Name what the two numbers are: an interval and a range are not the same thing."""
    return f"{'95 % CI' if interval else 'range'} {number(low)} to {number(high)}"


def figure(values: Sequence[float], unit: str, seed: int, word: str = NOT_MEASURED) -> Figure:
    """Print the median of some values; `word` stands where there are none."""
    summary = statistics.summarise(values, seed)
    if summary is None:
        return Figure(word, word=word)
    around = spread(summary.low, summary.high, summary.interval) if summary.n > 1 else ""
    text = f"{number(summary.median)} {unit}".strip()
    return Figure(text, around, summary.n, summary.indicative)


def middle(values: Sequence[float]) -> float | None:
    """Return the median, as a chart draws it; None where there are no values."""
    return median(values) if values else None


def tally(values: Sequence[float], word: str = NOT_MEASURED) -> Figure:
    """Print the median of some counts."""
    summary = statistics.summarise(values)
    if summary is None:
        return Figure(word, word=word)
    around = "" if summary.low == summary.high else f"{summary.low:g} to {summary.high:g}"
    return Figure(f"{summary.median:g}", around, summary.n, summary.indicative)


def slug(*parts: str) -> str:
    """Join parts to an id that a link can point at."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") or "x" for part in parts)


def listed(parts: Sequence[str]) -> str:
    """Join words as a sentence does."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def size(count_bytes: int) -> str:
    """Write a round count of bytes with its unit."""
    for unit, factor in (("MB", 10**6), ("kB", 10**3)):
        if count_bytes >= factor:
            return f"{count_bytes / factor:g} {unit}"
    return f"{count_bytes} B"


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
