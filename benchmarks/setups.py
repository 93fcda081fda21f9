"""The registry of engines and of the ways in which they are run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.model import Orchestrator, Setup, Surroundings
from benchmarks.orchestrators import airflow, bare, containers, dagster, prefect

ADAPTERS: Mapping[str, Callable[[Setup, Surroundings], Orchestrator]] = {
    "bare": bare.Bare,
    "airflow": airflow.adapter,
    "prefect": prefect.adapter,
    "dagster": dagster.adapter,
}
SETUPS: Mapping[str, Setup] = {
    setup.name: setup
    for module in (bare, airflow, prefect, dagster, containers)
    for setup in module.SETUPS
}

# What is compared unless other setups are asked for: each engine as its services, and none at all.
ORDINARY = ("bare/process", "airflow/local", "prefect/process", "dagster/multiprocess")
COMPOSED = tuple(setup.name for setup in containers.SETUPS)


def make(setup: Setup, surroundings: Surroundings) -> Orchestrator:
    """Return the adapter of a setup; nothing is started."""
    if setup.mode == containers.MODE:
        return containers.adapter(setup, surroundings)
    return ADAPTERS[setup.engine](setup, surroundings)


def chosen(names: tuple[str, ...]) -> list[Setup]:
    """Return the setups whose names begin with one of `names`; all when none is given.

    Raises:
        LookupError: a name fits no setup; the message lists what there is.

    """
    for name in names:
        if not any(full.startswith(name) for full in SETUPS):
            raise LookupError(f"no setup is called {name}; there are: {', '.join(SETUPS)}")
    return [s for full, s in SETUPS.items() if not names or full.startswith(names)]
