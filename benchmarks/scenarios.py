"""Scenarios: what goes wrong during a workload. The name is the command line's."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.faults import Calm, KillAtHold, Refuse
from benchmarks.model import Scenario

SCENARIOS: Mapping[str, Scenario] = {
    s.name: s
    for s in (
        Scenario("calm", "Nothing goes wrong", Calm()),
        Scenario("source-503", "The source answers 503 twice, then well", Refuse()),
        Scenario(
            "killed-after-commit",
            "The task's process is killed after its commit, before the engine heard of it",
            KillAtHold(),
        ),
    )
}
FAULTS = tuple(name for name in SCENARIOS if name != "calm")
