"""What is known of engines under faults beforehand: the entries of this folder's TOML files."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from benchmarks.model import Result

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is said of some trials, and where that is said; no variants, or outcomes, means any."""

    engine: str
    scenarios: tuple[str, ...]
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


@cache
def read(file: Path, kind: type[Kind]) -> tuple[Kind, ...]:
    """Return the entries of a file in their order: its one list of tables, whatever its name."""
    (tables,) = tomllib.loads(file.read_text()).values()
    return TypeAdapter(tuple[kind, ...]).validate_python(tables)  # type: ignore[valid-type]
