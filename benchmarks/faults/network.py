"""What can happen between a step and its control plane, while both reach everything else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from benchmarks.faults.at_hold import AtHold, release
from benchmarks.link import Link
from benchmarks.model import World
from shared.journal import Event


@dataclass(frozen=True, slots=True)
class DisturbLink(AtHold):
    """Cut the link to the control plane, or hold back by `delay_s` what goes over it.

    It strikes before a load: that writes to the warehouse, and cannot tell.
    """

    silent_until: ClassVar[str] = "fault_injected"

    name: str
    kind: str = "started"
    step: str = "load"
    lasts_s: float = 60.0
    delay_s: float | None = None  # None: cut; inf: half-open

    def strike(self, world: World, hit: Event) -> str:
        link = _link(world)
        if self.delay_s is None:
            link.cut()
        else:
            link.slow(self.delay_s)
        release(world)
        return f"{self._words()} for {self.lasts_s:g} s"

    def _words(self) -> str:
        if self.delay_s is None:
            return "the control plane cannot be reached"
        if math.isinf(self.delay_s):
            return "the control plane does not answer"
        return f"the control plane answers after {2 * self.delay_s:g} s"

    def restore(self, world: World) -> None:
        _link(world).mend()


def _link(world: World) -> Link:
    assert world.link is not None, "the scenario's start has a link"
    return world.link
