"""What every fault is held against."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.model import Struck, Workload, World
from shared.journal import Event


@dataclass(frozen=True, slots=True)
class Calm:
    """Nothing goes wrong."""

    name: str = "calm"
    lasts_s: float = math.inf

    def prepare(self, world: World, run: str, workload: Workload) -> None:
        """Arm nothing."""

    def due(self, history: Sequence[Event]) -> bool:
        return False

    def inject(self, world: World, history: Sequence[Event]) -> Struck:
        raise AssertionError("calm is never due")

    def landed(self, history: Sequence[Event]) -> bool:
        return True

    def heal(self, world: World) -> None:
        """There is nothing to undo."""
