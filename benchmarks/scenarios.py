"""Scenarios: what goes wrong during a workload. The name is the command line's."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.faults import (
    Calm,
    CutOffWorker,
    CutPower,
    KillAtHold,
    KillControl,
    KillMetadata,
    KillWorker,
    PauseWorker,
    Refuse,
)
from benchmarks.model import Scenario, Setup
from benchmarks.orchestrators.containers import MODE as COMPOSE

# The longest time after which an engine is known to notice by itself as shipped: Airflow's 300 s
# without a heartbeat, and a check every 10 s. A person steps in later than that.
STUCK_S = 330.0
DEADLINE_S = 600.0
ALONE = ("bare", "dag-test", "script", "api")  # an engine and modes without services of their own
NO_SERVICES = "it has no services of its own: nothing is there to be taken away"
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
        *(
            Scenario(
                fault.name,
                title,
                fault,
                deadline_s=DEADLINE_S,
                stuck_s=STUCK_S,
                served=True,
                otherwise=NO_SERVICES,
            )
            for fault, title in (
                (KillControl(), "The control plane is killed after a commit, and started again"),
                (KillMetadata(), "The metadata database is away for 2 s after a commit"),
                (CutPower(), "Everything is killed after a commit, and started again"),
            )
        ),
    )
}
FAULTS = tuple(name for name in SCENARIOS if name != "calm")


def unsupported(scenario: str, setup: Setup, metadata: str = "postgresql") -> str:
    """Return why a scenario cannot be done on a setup; "" when it can."""
    wanted = SCENARIOS[scenario]
    if wanted.mode not in ("", setup.mode):
        return wanted.otherwise
    if wanted.served and (setup.engine in ALONE or setup.mode in ALONE):
        return wanted.otherwise
    if isinstance(wanted.fault, KillMetadata) and metadata == "sqlite":
        return "SQLite has no server: its file is the services' own"
    return ""
