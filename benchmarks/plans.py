"""What a campaign is to do: profiles, the plan that is kept beside its results, its slots.

Nothing here starts anything.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import NamedTuple, get_args

import orjson

from benchmarks import granularity, results, workloads
from benchmarks.granularity import LANES
from benchmarks.model import (
    ENGINES,
    IDLE,
    PIPELINES,
    SYNTHETIC,
    Apart,
    Outcome,
    Result,
    Workload,
)
from benchmarks.orchestrators.postgres import masked
from benchmarks.results import CONTROL_FROM, REPEATS_FROM
from benchmarks.scenarios import SCENARIOS, unsupported
from benchmarks.setups import (
    HURT,
    LADDER,
    ORDINARY,
    PLANTED,
    SETUPS,
    SHIPPED,
    TUNED,
    setup_of,
)
from benchmarks.workloads import DAYS_NAME, WARMUP, named

PLAN = results.PLAN
Size = tuple[tuple[str, int], int]  # of a synthetic workload: its shape, and how much a step is
Cell = tuple[str, str, str, bool]  # setup, workload, scenario, whether it is the control's


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
    f"{shape}-4-busy-{ms}"
    for shape in ("chain", "fanout")
    for ms in (1, 10, 100, 1_000, 10_000, 30_000)
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
LARGE_STEPS = 200  # a run of more has a start of the engine of its own
SLOW_S = 30.0  # cells that take longer than this are repeated less often
SLOW_REPETITIONS = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What a campaign was asked to do; kept beside its results, so that it can be resumed."""

    campaign: str
    profile: str
    seed: int
    setups: tuple[str, ...]
    workloads: tuple[str, ...]
    scenarios: tuple[str, ...]
    metadata: str
    warehouse: str
    command: str
    repetitions: int
    fault_rounds: int
    budget_s: float
    control: tuple[str, ...] = ()  # setups that are run twice a round
    per_start: int = 1
    known_bad: tuple[str, ...] = ()  # pipelines that the checks must catch first
    spared: tuple[str, ...] = ()  # setups without faults
    brief: tuple[str, ...] = ()  # setups that run the first workload alone
    once: tuple[str, ...] = ()  # setups with faults in the first round alone
    phased: bool = False  # whether calm trials wait for a random moment between an engine's looks
    side_by_side: bool = False  # whether the engines have their faults at the same time

    @property
    def rounds(self) -> int:
        return math.ceil(self.repetitions / self.per_start)


class Lane(NamedTuple):
    """What of a plan one bench does: all, or some setups alone, or some scenarios alone."""

    setups: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()

    @property
    def calm(self) -> bool:
        """Whether it has trials in which nothing goes wrong."""
        return not self.scenarios or results.CALM in self.scenarios

    def holds(self, setup: str, scenario: str) -> bool:
        """Whether it has such trials."""
        of_setup = not self.setups or setup in self.setups
        return of_setup and (not self.scenarios or scenario in self.scenarios)

    def part(self, block: Sequence[Slot]) -> list[Slot]:
        """Return the trials of a block that it has; none when only the warm-up is left."""
        found = [it for it in block if it.warmup or self.holds(it.setup, it.scenario)]
        return found if any(not it.warmup for it in found) else []


@dataclass(frozen=True, slots=True)
class Slot:
    """One trial that is to be done."""

    setup: str
    asked: str  # the workload's name on the command line
    scenario: str
    trial: int
    warmup: bool = False

    @property
    def name(self) -> str:
        kind = "warmup" if self.warmup else self.scenario
        return f"{self.setup.replace('/', '-')}-{self.asked}-{kind}-{self.trial}"

    @property
    def control(self) -> bool:
        """Whether it is of the second block of a setup that is run twice."""
        return self.trial >= CONTROL_FROM

    @property
    def cell(self) -> Cell:
        asked = "warm-up" if self.warmup else self.asked
        return (self.setup, asked, self.scenario, self.control)

    @property
    def workload(self) -> Workload:
        return WARMUP if self.warmup else named(self.asked)


def lacking(plan: Plan) -> dict[str, dict[str, str]]:
    """Return, by scenario and setup, why it cannot be done there."""
    given = (plan.metadata, plan.warehouse)
    reasons = {
        scenario: {s: unsupported(scenario, setup_of(s), *given) for s in plan.setups}
        for scenario in plan.scenarios
    }
    lacks = {it: {s: why for s, why in found.items() if why} for it, found in reasons.items()}
    return {scenario: found for scenario, found in lacks.items() if found}


def hurts(plan: Plan) -> bool:
    """Whether a campaign injects faults; then the rows written are noted in calm trials, too."""
    return any(name != results.CALM for name in plan.scenarios)


def sizes(plan: Plan, block: Sequence[Slot] = ()) -> str:
    """Return the sizes of synthetic pipelines that are defined while a block's trials are done.

    They are the whole plan's, also in a block of a few: each process of a step of Dagster's makes
    all of them anew, which is in its figures. Large ones would be most of that, and are defined
    only in a start that is theirs.
    """
    own = [WARMUP, *(slot.workload for slot in block)]
    if any(map(_is_large, own)):
        return workloads.sizes(own)
    asked = [it for it in map(named, plan.workloads) if not _is_large(it)]
    return workloads.sizes([*asked, *own])


def _is_large(workload: Workload) -> bool:
    return workload.pipeline in SYNTHETIC and workload.parameters["steps"] > LARGE_STEPS


def trials(plan: Plan, round_: int) -> range:
    """Return the numbers of the calm trials that a round has of each workload."""
    begun = (round_ - 1) * plan.per_start
    return range(begun + 1, min(begun + plan.per_start, plan.repetitions) + 1)


def start_of(plan: Plan, slot: Slot) -> int:
    """Return the round in whose start of its engine a trial was done; 0 of one done again."""
    number = slot.trial % CONTROL_FROM
    if number >= REPEATS_FROM:
        return 0
    grouped = slot.scenario == results.CALM and not slot.warmup
    return (number - 1) // plan.per_start + 1 if grouped else number


def slots(plan: Plan, round_: int) -> list[list[Slot]]:
    """Return the trials of a round (from 1): a list for each setup, both in seeded order.

    A setup of the A/A control has a second list, of its calm trials alone.
    """
    order = random.Random(f"{plan.seed}:{round_}")
    asked = [(s, 0) for s in plan.setups] + [(s, CONTROL_FROM) for s in plan.control]
    blocks = []
    for setup, offset in order.sample(asked, len(asked)):
        trial = offset + round_
        wanted = plan.workloads if "calm" in plan.scenarios else ()
        wanted = wanted[:1] if setup in plan.brief else wanted
        calm = [Slot(setup, w, "calm", offset + n) for w in wanted for n in trials(plan, round_)]
        rounds = min(1, plan.fault_rounds) if setup in plan.once else plan.fault_rounds
        spared = trial > rounds or setup in plan.spared
        faults = [s for s in plan.scenarios if s != "calm" and not spared]
        first = next((w for w in plan.workloads if w in PIPELINES), None)
        given = (setup_of(setup), plan.metadata, plan.warehouse)
        able = [s for s in faults if not unsupported(s, *given)]
        subjects = [(s, SCENARIOS[s].workload or first) for s in able]
        hurt = [Slot(setup, subject, s, trial) for s, subject in subjects if subject]
        warm = Slot(setup, WARMUP.name, "calm", trial, warmup=True)
        # A fault may leave the engine busy: calm trials come first.
        shuffled = order.sample(hurt, len(hurt))
        starts: dict[str, list[Slot]] = {what: [] for what in get_args(Apart)}
        for slot in shuffled:
            starts[SCENARIOS[slot.scenario].apart].append(slot)
        mixed = sorted(order.sample(calm, len(calm)), key=_amount)
        large = [it for it in mixed if _is_large(it.workload)]
        ordinary = [it for it in mixed if it not in large] + starts.pop("")
        parts = [[warm, *ordinary], large] if ordinary else [[warm, *large]]
        blocks += [it for it in (*parts, *starts.values()) if it]
    return blocks


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


def _amount(slot: Slot) -> int:
    """Return the milliseconds or characters of a step: larger ones may turn out to be needless.

    An engine is watched at rest before all else: what it keeps of runs before would be in it
    (Airflow's worker processes stay, and but for fork start only when they are needed).
    """
    if slot.workload.pipeline == IDLE:
        return -1
    size = _size(slot.asked) or _size(slot.asked, "payload")
    return size[1] if size is not None else 0


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


def plan(
    name: str,
    profile: str,
    *,
    setups: tuple[str, ...],
    workloads: tuple[str, ...],
    scenarios: tuple[str, ...],
    seed: int,
    metadata: str,
    warehouse: str,
    repetitions: int | None,
    command: str,
    control: tuple[str, ...] = (),
    known_bad: tuple[str, ...] = (),
    spared: tuple[str, ...] = (),
    brief: tuple[str, ...] = (),
    once: tuple[str, ...] = (),
    side_by_side: bool = False,
) -> Plan:
    """Return the plan of a campaign; `repetitions`, when given, are done whatever they take.

    Raises:
        LookupError: there is no such profile.

    """
    much = profile_of(profile)
    if repetitions is not None:
        much = replace(
            much,
            repetitions=repetitions,
            fault_rounds=repetitions,
            budget_s=math.inf,
            per_start=1,
        )
    return Plan(
        campaign=name,
        profile=profile,
        seed=seed,
        setups=setups,
        workloads=_own_names(workloads),
        scenarios=scenarios,
        metadata=masked(metadata),
        warehouse=masked(warehouse),
        command=command.replace(metadata, masked(metadata)).replace(warehouse, masked(warehouse)),
        repetitions=much.repetitions,
        fault_rounds=much.fault_rounds,
        budget_s=much.budget_s,
        control=control,
        per_start=much.per_start,
        known_bad=known_bad,
        spared=spared,
        brief=brief,
        once=once,
        phased=much.phased,
        side_by_side=side_by_side,
    )


def _own_names(workloads: Iterable[str]) -> tuple[str, ...]:
    return tuple(w if w in PIPELINES else named(w).name for w in workloads)


def wider(plan: Plan, workloads: Sequence[str]) -> Plan:
    """Return a plan with more workloads."""
    every = dict.fromkeys((*plan.workloads, *_own_names(workloads)))
    return replace(plan, workloads=tuple(every))


def more(plan: Plan, repetitions: int) -> Plan:
    """Return a plan with more repetitions, faults included where each repetition had them.

    Raises:
        LookupError: the plan has more already.

    """
    if repetitions < plan.repetitions:
        raise LookupError(
            f"this campaign is of {plan.repetitions} repetitions: --repetitions {repetitions}"
            " cannot take any back"
        )
    every = plan.fault_rounds == plan.repetitions
    faults = repetitions if every else plan.fault_rounds
    return replace(plan, repetitions=repetitions, fault_rounds=faults, budget_s=math.inf)


def load(folder: Path) -> Plan:
    """Return the plan of an earlier campaign.

    Raises:
        FileNotFoundError: the folder is not a campaign's.

    """
    kept = orjson.loads((folder / PLAN).read_bytes())
    if "pipelines" in kept:  # what workloads were called while there were no others
        kept["workloads"] = kept.pop("pipelines")
    for name in (
        "setups",
        "workloads",
        "scenarios",
        "control",
        "known_bad",
        "spared",
        "brief",
        "once",
    ):
        kept[name] = tuple(kept.get(name, ()))
    if kept["budget_s"] is None:  # JSON has no infinity
        kept["budget_s"] = math.inf
    return Plan(**kept)


def finished(folder: Path) -> set[str]:
    """Return the names of the trials that a folder holds, those of the bench's errors left out."""
    if not (folder / results.LINES).is_file():
        return set()
    return {slot_of(r).name for r in results.read(folder) if r.outcome is not Outcome.ERROR}


def cells_done(folder: Path) -> set[Cell]:
    """Return the cells that need no more trials: stuck once in calm, or slow and done three times.

    What was stuck has no figure that a control could be held against. Under a fault it is an
    outcome as others are, and how often it comes is the question.
    """
    if not (folder / results.LINES).is_file():
        return set()
    took: dict[Cell, list[Result]] = defaultdict(list)
    for result in results.read(folder):
        if not result.warmup and result.outcome is not Outcome.ERROR:
            took[slot_of(result).cell].append(result)
    stuck = {(*cell[:3], True) for cell, done in took.items() if _stuck(done)}
    return stuck | {cell for cell, done in took.items() if _enough(done)}


def faults_left(plan: Plan, folder: Path) -> list[str]:
    """Return the names of the trials with a fault that are still to be done."""
    done, settled = finished(folder), cells_done(folder)
    every = (slot for n in range(1, plan.rounds + 1) for it in slots(plan, n) for slot in it)
    hurt = (slot for slot in every if slot.scenario != results.CALM)
    return [it.name for it in hurt if it.name not in done and it.cell not in settled]


def needed_no_more(plan: Plan, folder: Path) -> set[Cell]:
    """Return the cells of sizes that what the folder holds makes needless, or too large."""
    busy, payloads = _sizes(plan, "busy"), _sizes(plan, "payload")
    if not (busy or payloads) or not (folder / results.LINES).is_file():
        return set()
    done = [it for it in results.read(folder) if not it.warmup]
    return _needless(busy, done) | _too_large(payloads, done)


def _needless(asked: Sequence[tuple[str, Size]], done: Sequence[Result]) -> set[Cell]:
    """Return the cells of larger tasks than are needed to know at which size half of all is work.

    They would take minutes each. One at which a setup loses hardly anything any more says how
    efficient it gets, and no larger one is needed; what is slow and lies beyond the sizes between
    which the half is, says just that, and is done once.
    """
    found: dict[tuple[str, bool, tuple[str, int]], dict[int, list[Result]]] = defaultdict(dict)
    for result in filter(results.sound, done):
        slot = slot_of(result)
        size = _size(slot.asked)
        if size is not None:
            shape, amount = size
            found[slot.setup, slot.control, shape].setdefault(amount, []).append(result)
    return {
        (setup, name, results.CALM, control)
        for (setup, control, shape), by_amount in found.items()
        for name, (other, amount) in asked
        if other == shape and _settled(amount, by_amount, shape)
    }


def _too_large(asked: Sequence[tuple[str, Size]], done: Sequence[Result]) -> set[Cell]:
    """Return the cells of larger payloads than one that a setup has refused."""
    refused = [slot_of(it) for it in done if _refused(it)]
    tried = [(slot, size) for slot in refused if (size := _size(slot.asked, "payload")) is not None]
    return {
        (slot.setup, name, results.CALM, slot.control)
        for slot, (shape, most) in tried
        for name, (other, amount) in asked
        if other == shape and amount > most
    }


def _refused(result: Result) -> bool:
    return result.outcome is not Outcome.ERROR and not results.sound(result)


def _sizes(plan: Plan, kind: str) -> list[tuple[str, Size]]:
    return [(name, size) for name in plan.workloads if (size := _size(name, kind)) is not None]


def _settled(
    amount: int, by_amount: Mapping[int, Sequence[Result]], shape: tuple[str, int]
) -> bool:
    """Whether a size needs no further trial, by those that there were."""
    seen = {
        float(size): [_efficiency(it, *shape, size) for it in done]
        for size, done in by_amount.items()
    }
    full = (size for size, shares in seen.items() if median(shares) > granularity.FULL)
    upper = granularity.metg(seen).above
    slow = any(map(is_slow, by_amount.get(amount, ())))
    beyond = upper is not None and amount > upper
    return amount > min(full, default=math.inf) or (slow and beyond)


def _size(asked: str, kind: str = "busy") -> Size | None:
    """Return shape, count and milliseconds, or characters, of such steps; None of all else."""
    if asked in PIPELINES:
        return None
    workload = named(asked)
    told = workload.parameters
    if told.get("kind") != kind or workload.runs > 1:
        return None
    return (workload.pipeline, told["steps"]), told["amount"]


def _efficiency(result: Result, pipeline: str, steps: int, amount: int) -> float:
    makespan_s = result.measures.get("makespan_s") or math.inf
    return granularity.efficiency(amount / 1000, steps, makespan_s, LANES[pipeline])


def is_slow(result: Result) -> bool:
    """Whether a run took so long that its cell is repeated less often."""
    told = [result.measures.get(name) for name in ("makespan_s", "closing_s")]
    run_s = None if None in told else sum(filter(None, told))
    return (float(result.environment["took_s"]) if run_s is None else run_s) > SLOW_S


def _stuck(done: Sequence[Result]) -> bool:
    return any(r.outcome is Outcome.STUCK and r.scenario == results.CALM for r in done)


def _enough(done: Sequence[Result]) -> bool:
    if _stuck(done):
        return True
    return all(map(is_slow, done)) and len(done) >= SLOW_REPETITIONS


def slot_of(result: Result) -> Slot:
    """Return the slot that a result fills."""
    setup = f"{result.engine}/{result.mode}/{result.variant}"
    ordinary = result.pipeline in PIPELINES and not DAYS_NAME.fullmatch(result.workload)
    asked = result.pipeline if ordinary else result.workload
    return Slot(setup, asked, result.scenario, result.trial, result.warmup)
