"""What a campaign is to do: the plan that is kept beside its results, and its slots.

Nothing here starts anything.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, get_args

import orjson

from benchmarks import results, workloads
from benchmarks.model import IDLE, PIPELINES, SYNTHETIC, Apart, Result, Workload
from benchmarks.orchestrators.postgres import masked
from benchmarks.profiles import profile_of
from benchmarks.results import CONTROL_FROM, REPEATS_FROM
from benchmarks.scenarios import SCENARIOS, unsupported
from benchmarks.setups import setup_of
from benchmarks.workloads import DAYS_NAME, WARMUP, named

PLAN = results.PLAN
Size = tuple[tuple[str, int], int]  # of a synthetic workload: its shape, and how much a step is
Cell = tuple[str, str, str, bool]  # setup, workload, scenario, whether it is the control's
LARGE_STEPS = 200  # a run of more has a start of the engine of its own


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


def _amount(slot: Slot) -> int:
    """Return the milliseconds or characters of a step: larger ones may turn out to be needless.

    An engine is watched at rest before all else: what it keeps of runs before would be in it
    (Airflow's worker processes stay, and but for fork start only when they are needed).
    """
    if slot.workload.pipeline == IDLE:
        return -1
    size = size_of(slot.asked) or size_of(slot.asked, "payload")
    return size[1] if size is not None else 0


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


def slot_of(result: Result) -> Slot:
    """Return the slot that a result fills."""
    setup = f"{result.engine}/{result.mode}/{result.variant}"
    ordinary = result.pipeline in PIPELINES and not DAYS_NAME.fullmatch(result.workload)
    asked = result.pipeline if ordinary else result.workload
    return Slot(setup, asked, result.scenario, result.trial, result.warmup)


def size_of(asked: str, kind: str = "busy") -> Size | None:
    """Return shape, count and milliseconds, or characters, of such steps; None of all else."""
    if asked in PIPELINES:
        return None
    workload = named(asked)
    told = workload.parameters
    if told.get("kind") != kind or workload.runs > 1:
        return None
    return (workload.pipeline, told["steps"]), told["amount"]
