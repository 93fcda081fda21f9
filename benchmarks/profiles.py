"""How much a campaign does: its profiles, and the parts of which each asks one question.

Nothing here starts anything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.granularity import COARSE_MS, FINE_MS
from benchmarks.model import ENGINES, PIPELINES
from benchmarks.scenarios import SCENARIOS
from benchmarks.setups import HURT, LADDER, ORDINARY, PLANTED, SETUPS, SHIPPED, TUNED

EVERY = tuple(SCENARIOS)
# One of each kind: the source, the task, what the task runs below, what decides, and everything.
FIRST = (
    *("calm", "source-503", "killed-after-commit"),
    *("host-killed", "control-killed", "power-lost"),
)
# In containers, where each engine has its faults behind the other's, and only as shipped.
FIRST_CONTAINED = (*FIRST[:3], "worker-killed", "worker-paused", "worker-cut-off")


@dataclass(frozen=True, slots=True)
class Profile:
    """How much a campaign does.

    Rounds of calm trials of every workload, `per_start` of each in a round, follow each other until
    `repetitions` are done or the next would not end within `budget_s` seconds; the faults are
    injected in the first `fault_rounds` of them. `setups` are names, or their beginnings, of those
    that it is done on when no others are asked for, `spared` those of them without faults,
    `brief` those that run the first workload alone, and `once` those with faults in the first round
    alone.
    `contained` are the scenarios in containers, where they are others. The part `recovery` is of
    `faults` alone, on the setups `hurt`.
    """

    repetitions: int
    fault_rounds: int
    budget_s: float
    workloads: tuple[str, ...] = PIPELINES
    scenarios: tuple[str, ...] = FIRST
    contained: tuple[str, ...] = ()
    per_start: int = 1  # calm trials of a workload between a start of the engine and its stop
    setups: tuple[str, ...] = ORDINARY
    spared: tuple[str, ...] = ()
    brief: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    faults: tuple[str, ...] = EVERY
    hurt: tuple[str, ...] = HURT
    control: tuple[str, ...] = ()  # setups that are run twice a round: the A/A control
    phased: bool = True  # calm trials begin at any moment between an engine's looks for runs


# How an engine's own time grows: in steps, side by side and in a row, and against the work.
COUNTS = (1, 10, 50, 200, 1000)
GROWTH = tuple(f"{shape}-{count}" for shape in ("chain", "fanout") for count in COUNTS)
# Few steps: the slowest engines are as efficient as their work is long only with tens of seconds.
GRAINS = tuple(
    f"{shape}-4-busy-{ms}" for shape in ("chain", "fanout") for ms in sorted((*COARSE_MS, *FINE_MS))
)
OVERHEAD = (*GROWTH, "fib_40_10", "fib_10_33", *GRAINS)
COSTS = ("idle-60", "dispatch", "fib_10_33")
# What one run hands from step to step, and what runs do to each other; one run alone is `chain-5`.
PAYLOADS = tuple(f"chain-5-payload-{size}" for size in ("1kB", "100kB", "10MB"))
TOGETHER = ("chain-5", *(f"chain-5-runs-{runs}" for runs in (4, 16)))
# Up by factors, until an engine refuses or the largest is through.
LIMIT = tuple(f"chain-2-payload-{size}MB" for size in (1, 3, 10, 30, 100, 300))
# Run twice by a campaign's A/A control: the least and the most of what is between two trials.
CONTROL = ("bare/process/default", "airflow/local/tuned")
PROFILES: Mapping[str, Profile] = {
    # Ten minutes are too short for faults in settings as shipped, some of which wait for minutes.
    "quick": Profile(
        repetitions=10,
        fault_rounds=1,
        budget_s=360,
        spared=SHIPPED,
        brief=SHIPPED,
        faults=FIRST,
        hurt=TUNED,
        contained=FIRST_CONTAINED,
        phased=False,  # one trial a cell is no picture of all moments
    ),
    # Ten repetitions in an hour, in five rounds: the host's speed drifts by a quarter within one,
    # and few large blocks would take that for a difference of setups. Faults would take a third
    # of the hour, and have a part of their own.
    "standard": Profile(
        repetitions=10,
        fault_rounds=0,
        budget_s=3600,
        workloads=("complaints", "fanout-10", "fib_40_10"),
        scenarios=("calm",),
        control=CONTROL,
        per_start=2,
    ),
    # Days, to be resumed: every workload in every mode.
    "full": Profile(
        repetitions=10,
        fault_rounds=3,
        budget_s=math.inf,
        workloads=(*PIPELINES, *OVERHEAD, *COSTS, *PAYLOADS, *TOGETHER, *LIMIT),
        scenarios=EVERY,
        setups=ENGINES,
        spared=tuple(name for name in SETUPS if name not in HURT),  # what is tuned for speed alone
        once=SHIPPED,  # nobody notices for minutes
        control=CONTROL,
        per_start=2,
    ),
}


class Part(NamedTuple):
    """What a part of a campaign does; what it does not say, the profile does.

    `profile` is how much it does unless another is asked for.
    """

    workloads: tuple[str, ...]
    scenarios: tuple[str, ...] = ()
    setups: tuple[str, ...] = ()
    profile: str = "standard"


PARTS: Mapping[str, Part] = {
    "overhead": Part((*PIPELINES, *OVERHEAD, *COSTS, *PAYLOADS, *TOGETHER), ("calm",)),
    "growth": Part(GROWTH, ("calm",)),
    "metg": Part(GRAINS, ("calm",), ENGINES),
    "costs": Part(COSTS, ("calm",)),
    "together": Part(TOGETHER, ("calm",)),
    "payload": Part(PAYLOADS, ("calm",)),
    "limit": Part(LIMIT, ("calm",)),
    "recovery": Part(("complaints",), profile="quick"),
    "ablation": Part(("fib_40_10", "dispatch"), ("calm",), LADDER),
    # Whether what is the same is left undecided, and what is slower by a fifth is found.
    "control": Part(("chain-4-busy-1000",), ("calm",), (*CONTROL, *PLANTED)),
}


def profile_for(part: str) -> str:
    """Return the name of the profile when none is asked for; that of no known part is any."""
    return PARTS[part].profile if part in PARTS else "quick"


def repetitions_of(profile: str, part: str, asked: int | None) -> int | None:
    """Return how many repetitions are done; None: as many as the profile's time allows.

    The part of the faults has as many of calm trials as of them.

    Raises:
        LookupError: there is no such profile.

    """
    of_faults = part in PARTS and not PARTS[part].scenarios
    return max(1, profile_of(profile).fault_rounds) if asked is None and of_faults else asked


def asked_for(profile: str, part: str = "", *, contained: bool = False) -> Part:
    """Return what a profile does, or a part of it; `contained`: in containers.

    Raises:
        LookupError: there is no such profile, or no such part.

    """
    much = profile_of(profile)
    if not part:
        others = contained and much.contained
        return Part(much.workloads, others or much.scenarios, much.setups)
    if part not in PARTS:
        raise LookupError(
            f"no part of the benchmark is called {part}; there are: {', '.join(PARTS)}"
        )
    own = PARTS[part]
    if not own.scenarios:
        return Part(own.workloads, much.faults, much.hurt)
    return own._replace(setups=own.setups or much.setups)


def profile_of(name: str) -> Profile:
    """Return a profile.

    Raises:
        LookupError: there is none of that name.

    """
    if name not in PROFILES:
        raise LookupError(f"no profile is called {name}; there are: {', '.join(PROFILES)}")
    return PROFILES[name]


def control_of(profile: str, setups: Sequence[str], asked: bool | None) -> tuple[str, ...]:
    """Return the setups that are run twice: the profile's, or when asked for always one at least.

    Raises:
        LookupError: there is no such profile.

    """
    much = profile_of(profile).control
    if asked is None:
        return tuple(s for s in much if s in setups)
    usual = tuple(s for s in CONTROL if s in setups) or tuple(setups[:1])
    return usual if asked else ()
