"""What a person types where an engine does not recover by itself, as the adapters send it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report.entries import read

FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """One entry of interventions.toml: when, what the adapter sends, and the same by hand."""

    engine: str
    when: str
    sends: str
    page: str
    source: str


def interventions(engines: Sequence[str]) -> list[Intervention]:
    """Return what is typed on these engines, in their order."""
    known = read(FILE, Intervention)
    return [it for engine in engines for it in known if it.engine == engine]
