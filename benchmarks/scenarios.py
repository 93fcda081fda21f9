"""Scenarios: what goes wrong during a workload. The name is the command line's."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.faults import Calm, CutOffWorker, KillAtHold, KillWorker, PauseWorker, Refuse
from benchmarks.model import Scenario, Setup
from benchmarks.orchestrators.containers import MODE as COMPOSE

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
        Scenario(
            "worker-killed",
            "The worker's container loses its main process after a commit, and is restarted",
            KillWorker(),
            mode=COMPOSE,
            otherwise="nothing starts a service of the local mode again, as a restart policy does",
        ),
        Scenario(
            "worker-paused",
            "The worker's container is frozen for 20 s after a commit",
            PauseWorker(),
            mode=COMPOSE,
            otherwise="no group of local processes is what a worker's container holds",
        ),
        Scenario(
            "worker-cut-off",
            "The worker's container is off the network for 20 s after a commit",
            CutOffWorker(),
            mode=COMPOSE,
            otherwise="all local processes share one loopback network",
        ),
    )
}
FAULTS = tuple(name for name in SCENARIOS if name != "calm")


def unsupported(scenario: str, setup: Setup) -> str:
    """Return why a scenario cannot be done on a setup; "" when it can."""
    wanted = SCENARIOS[scenario]
    return wanted.otherwise if wanted.mode not in ("", setup.mode) else ""
