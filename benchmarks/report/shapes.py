"""What a synthetic workload asks for, read from its name."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.model import SYNTHETIC
from benchmarks.report.words import plural
from benchmarks.workloads import CALLED, named

NAMES = {"chain": "chain", "fanout": "fan-out"}


@dataclass(frozen=True, slots=True)
class Shape:
    """So many steps of one kind, in a row (chain) or side by side (fanout), in `runs` at once."""

    pipeline: str
    steps: int
    kind: str
    amount: int
    workload: str
    runs: int = 1

    @property
    def title(self) -> str:
        if self.workload in CALLED:
            return self.workload
        work = {
            "noop": plural(self.steps, "no-op"),
            "busy": f"{plural(self.steps, 'step')} of {self.amount:,} ms",
            "fib": f"{plural(self.steps, 'step')} of fib({self.amount})",
            "payload": f"{plural(self.steps, 'step')} that hand on {self.amount:,} characters",
        }
        at_once = f", {self.runs} runs at once" if self.runs > 1 else ""
        return f"{NAMES[self.pipeline]} of {work[self.kind]}{at_once}"


def shape_of(workload: str) -> Shape | None:
    """Return the shape of a synthetic workload, or None when the name is not one."""
    try:
        found = named(workload)
    except LookupError:
        return None
    if found.pipeline not in SYNTHETIC:
        return None
    asked = found.parameters
    return Shape(
        found.pipeline, asked["steps"], asked["kind"], asked["amount"], workload, found.runs
    )
