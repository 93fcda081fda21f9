"""What a person types where an engine does not recover by itself, as the adapters send it."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """One entry of typed.toml: when it is typed, what the adapter sends, and the same by hand."""

    engine: str
    when: str
    sends: str
    page: str
    source: str


def typed(engines: Sequence[str]) -> list[Typed]:
    """Return what is typed on these engines, in their order."""
    (tables,) = tomllib.loads(FILE.read_text()).values()
    known = TypeAdapter(tuple[Typed, ...]).validate_python(tables)
    return [it for engine in engines for it in known if it.engine == engine]
