"""The registry of engines and of the ways in which they are run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from benchmarks.ablation import ALONE, variants
from benchmarks.model import SLOWER, Orchestrator, Setting, Setup, Surroundings
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

# Between default and tuned: asked for by these names, and in no list.
ABLATION: Mapping[str, Setup] = {
    setup.name: setup
    for make, tuned in (
        (airflow.local, airflow.TUNED),
        (prefect.process, prefect.TUNED),
        (dagster.multiprocess, dagster.TUNED),
    )
    for setup in variants(make, tuned)
}

# As each vendor's manual has it for recovery, and what tries more: asked for by these names, too.
RECOVERY: Mapping[str, Setup] = {
    setup.name: setup for module in (airflow, prefect, dagster) for setup in module.RECOVERY
}
# Slower on purpose, by as much as a comparison of two setups must find.
SLOWED = Setting(
    "ETL_SLOWDOWN", "1.2", "1", "planted: the work of a busy step takes a fifth longer than asked"
)
PLANTED: Mapping[str, Setup] = {
    setup.name: setup
    for setup in (
        Setup("bare", "process", f"default{SLOWER}", (SLOWED,), task=bare.TASK),
        airflow.local(f"tuned{SLOWER}", (*airflow.TUNED, SLOWED)),
    )
}
UNLISTED: Mapping[str, Setup] = {**ABLATION, **RECOVERY, **PLANTED}

MODES = ("airflow/local", "prefect/process", "dagster/multiprocess")  # each as its services
SHIPPED, TUNED = (tuple(f"{mode}/{it}" for mode in MODES) for it in ("default", "tuned"))
# What is hurt in a campaign of faults: all that is said to help, beside what is as shipped.
HURT = ("bare/process/default", *SHIPPED, *RECOVERY, *TUNED)

# From default to tuned, each group of settings alone in between.
LADDER = tuple(
    name
    for mode in MODES
    for name in (
        f"{mode}/default",
        *(full for full in ABLATION if full.startswith(f"{mode}/{ALONE}")),
        f"{mode}/tuned",
    )
)

# What is compared unless other setups are asked for: each engine as its services, and none at all.
ORDINARY = ("bare/process", *MODES)
COMPOSED = tuple(setup.name for setup in containers.SETUPS)


def make(setup: Setup, surroundings: Surroundings) -> Orchestrator:
    """Return the adapter of a setup; nothing is started."""
    if setup.mode == containers.MODE:
        return containers.adapter(setup, surroundings)
    return ADAPTERS[setup.engine](setup, surroundings)


def chosen(names: tuple[str, ...]) -> list[Setup]:
    """Return the setups whose names begin with one of `names`; all when none is given.

    Those in no list are found by a name that fits no other.

    Raises:
        LookupError: a name fits no setup; the message lists what there is.

    """
    inner = tuple(name for name in names if not _fitting((name,), SETUPS))
    for name in inner:
        if not _fitting((name,), UNLISTED):
            every = ", ".join((*SETUPS, *UNLISTED))
            raise LookupError(f"no setup is called {name}; there are: {every}")
    outer = tuple(name for name in names if name not in inner)
    found = _fitting(outer, SETUPS) if outer or not names else []
    return found + (_fitting(inner, UNLISTED) if inner else [])


def _fitting(names: tuple[str, ...], setups: Mapping[str, Setup]) -> list[Setup]:
    return [setups[it] for it in meant(names, setups)] if names else list(setups.values())


def meant(asked: Sequence[str], names: Collection[str]) -> list[str]:
    """Return the names that are asked for: by themselves, or by a beginning that is no name."""
    begun = tuple(it for it in asked if it not in names)
    return [name for name in names if name in asked or (begun and name.startswith(begun))]


def setup_of(name: str) -> Setup:
    """Return the setup of a name, whether it is listed or not.

    Raises:
        KeyError: there is none.

    """
    return SETUPS[name] if name in SETUPS else UNLISTED[name]
