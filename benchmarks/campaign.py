"""A campaign: many trials in a seeded order, each saved when it is done, resumable.

Repetitions are outermost and setups innermost in random order, so that drift of the machine hits
all alike. One setup is up at a time: the others' idle processes would otherwise be in its figures.
A setup's first trial after its start is a warm-up: kept, marked, not averaged.
"""

from __future__ import annotations

import os
import platform
import random
import shlex
import shutil
import socket
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psutil

from benchmarks import results, runner, stack, workloads
from benchmarks.model import PIPELINES, Outcome, Result, Setup, Workload
from benchmarks.noise import Noise, Watch, disturbed
from benchmarks.orchestrators.postgres import masked
from benchmarks.orchestrators.services import ROOT
from benchmarks.results import CONTROL_FROM, REPEATS_FROM, is_repeat
from benchmarks.sampling import Sampler
from benchmarks.scenarios import SCENARIOS, unsupported
from benchmarks.setups import ORDINARY, SETUPS
from benchmarks.workloads import ONE_KEY, WARMUP, named

PLAN = "campaign.json"
MEMORY_IN = "source-503"  # reading memory takes time, and this one's are mostly waits
LOG_BYTES = 200_000  # of the end of each service's log that is kept with the results


Cell = tuple[str, str, str, bool]  # setup, workload, scenario, whether it is the control's


@dataclass(frozen=True, slots=True)
class Profile:
    """How much a campaign does.

    Rounds of calm trials of every workload follow each other until `repetitions` are done or the
    next would not end within `budget_s` seconds; the faults are injected in the first
    `fault_rounds` of them. With `one_key` a pipeline has one key to work on, as it has when a fault
    hits it. `setups` are names, or their beginnings, of those that it is done on when no others are
    asked for.
    """

    repetitions: int
    fault_rounds: int
    budget_s: float
    workloads: tuple[str, ...] = PIPELINES
    setups: tuple[str, ...] = ORDINARY
    one_key: bool = False
    control: tuple[str, ...] = ()  # setups that are run twice a round: the A/A control


# How an engine's own time grows: in steps, side by side and in a row, and against the work.
OVERHEAD = (
    *("chain-1", "chain-10", "chain-50", "fanout-10", "fanout-50", "fib_40_10", "fib_10_33"),
    *(f"{shape}-10-busy-{ms}" for shape in ("chain", "fanout") for ms in (10, 100, 1000)),
)
# Run twice by a campaign's A/A control: the least and the most of what is between two trials.
CONTROL = ("bare/process/default", "airflow/local/tuned")
PROFILES: Mapping[str, Profile] = {
    "quick": Profile(repetitions=10, fault_rounds=1, budget_s=360, one_key=True),
    "standard": Profile(
        10, fault_rounds=3, budget_s=3600, workloads=(*PIPELINES, *OVERHEAD), control=CONTROL
    ),
}
PARTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # workloads, scenarios
    "overhead": ((*PIPELINES, *OVERHEAD), ("calm",)),
    "recovery": (("complaints",), tuple(SCENARIOS)),
}
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
    one_key: bool = False
    control: tuple[str, ...] = ()  # setups that are run twice a round


@dataclass(frozen=True, slots=True)
class Slot:
    """One trial that is to be done."""

    setup: str
    asked: str  # the workload's name on the command line
    scenario: str
    trial: int
    warmup: bool = False
    one_key: bool = False

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
        if self.warmup:
            return WARMUP
        if self.one_key and self.asked in ONE_KEY:
            return ONE_KEY[self.asked]
        return named(self.asked)


def slots(plan: Plan, round_: int) -> list[list[Slot]]:
    """Return the trials of a round (from 1): a list for each setup, both in seeded order.

    A setup of the A/A control has a second list, of its calm trials alone.
    """
    order = random.Random(f"{plan.seed}:{round_}")
    asked = [(s, round_) for s in plan.setups] + [(s, CONTROL_FROM + round_) for s in plan.control]
    blocks = []
    for setup, trial in order.sample(asked, len(asked)):
        wanted = plan.workloads if "calm" in plan.scenarios else ()
        calm = [Slot(setup, w, "calm", trial, one_key=plan.one_key) for w in wanted]
        faults = [s for s in plan.scenarios if s != "calm" and trial <= plan.fault_rounds]
        first = next((w for w in plan.workloads if w in PIPELINES), None)
        able = [s for s in faults if not unsupported(s, SETUPS[setup])]
        hurt = [Slot(setup, first, s, trial, one_key=True) for s in able if first]
        warm = Slot(setup, WARMUP.name, "calm", trial, warmup=True)
        # A fault may leave the engine busy: calm trials come first.
        blocks.append([warm, *order.sample(calm, len(calm)), *order.sample(hurt, len(hurt))])
    return blocks


Say = Callable[[str], None]
Progress = Callable[[str, int, int], None]  # what is going on, setups done, setups of the round


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
) -> Plan:
    """Return the plan of a campaign; `repetitions`, when given, are done whatever they take.

    Raises:
        LookupError: there is no such profile.

    """
    much = profile_of(profile)
    if repetitions is not None:
        much = replace(
            much, repetitions=repetitions, fault_rounds=repetitions, budget_s=float("inf")
        )
    return Plan(
        campaign=name,
        profile=profile,
        seed=seed,
        setups=setups,
        workloads=tuple(w if w in PIPELINES else named(w).name for w in workloads),
        scenarios=scenarios,
        metadata=masked(metadata),
        warehouse=masked(warehouse),
        command=command.replace(metadata, masked(metadata)).replace(warehouse, masked(warehouse)),
        repetitions=much.repetitions,
        fault_rounds=much.fault_rounds,
        budget_s=much.budget_s,
        one_key=much.one_key,
        control=control,
    )


def run(
    plan: Plan, folder: Path, say: Say, progress: Progress, *, metadata: str, warehouse: str
) -> None:
    """Do what of the plan is not in the folder yet.

    `metadata` and `warehouse` are the plan's, with passwords, which are never written down.

    Raises:
        RuntimeError, OSError: the source or the databases could not be started.

    """
    (folder / PLAN).write_bytes(orjson.dumps(asdict(plan), option=orjson.OPT_INDENT_2))
    done = finished(folder)
    began, longest = time.monotonic(), 0.0
    with stack.surrounded("run", metadata=metadata, warehouse=warehouse) as surround:
        for round_ in range(1, plan.repetitions + 1):
            if round_ > 1 and time.monotonic() - began + longest > plan.budget_s:
                say(f"the time of {plan.budget_s:g} s is used: {round_ - 1} repetitions were done")
                break
            started = time.monotonic()
            settled = cells_done(folder)
            blocks = slots(plan, round_)
            for begun, block in enumerate(blocks):
                left = [s for s in block if s.name not in done and s.cell not in settled]
                if any(not slot.warmup for slot in left):
                    progress(f"repetition {round_}: {block[0].setup}", begun, len(blocks))
                    run_block(plan, surround, left, folder, say)
            longest = _next_round_s(plan, round_, time.monotonic() - started, folder)
        repeat_disturbed(plan, surround, folder, say, began + plan.budget_s)


def repeat_disturbed(
    plan: Plan, surround: stack.Surround, folder: Path, say: Say, deadline: float
) -> None:
    """Do the calm trials once more during which the host was disturbed, while there is time."""
    for (setup, control), asked in _disturbed(folder).items():
        if time.monotonic() > deadline:
            say("no time is left to repeat the trials of a disturbed host")
            return
        number = REPEATS_FROM + (CONTROL_FROM if control else 0)
        warm = Slot(setup, WARMUP.name, "calm", number, warmup=True)
        say(f"{setup}: {len(asked)} trials were disturbed and are repeated")
        run_block(plan, surround, [warm, *asked], folder, say)


def _disturbed(folder: Path) -> dict[tuple[str, bool], list[Slot]]:
    """Return the repeats that are to be done: by setup, those of its control apart."""
    rows = [r for r in results.read(folder) if "noise" in r.environment]
    probes = [r.environment["noise"]["probe_ms"] for r in rows]
    done, found = finished(folder), defaultdict(list)
    for r in rows:
        slot = slot_of(r)
        again = replace(slot, trial=slot.trial + REPEATS_FROM)
        timed = slot.scenario == "calm" and not slot.warmup and not is_repeat(slot.trial)
        if timed and again.name not in done and disturbed(Noise(**r.environment["noise"]), probes):
            found[slot.setup, slot.control].append(again)
    return found


def _next_round_s(plan: Plan, round_: int, took_s: float, folder: Path) -> float:
    """Return how long the next round will take: this one's time without trials it will not have."""
    if round_ != plan.fault_rounds:
        return took_s
    faulted = [r for r in results.read(folder) if r.scenario != "calm" and r.trial == round_]
    return took_s - sum(float(r.environment["took_s"]) for r in faulted)


def finished(folder: Path) -> set[str]:
    """Return the names of the trials that a folder holds, those of the bench's errors left out."""
    if not (folder / results.LINES).is_file():
        return set()
    return {slot_of(r).name for r in results.read(folder) if r.outcome is not Outcome.ERROR}


def cells_done(folder: Path) -> set[Cell]:
    """Return the cells that need no further trial: stuck once, or slow and done three times.

    What was stuck has no figure that a control could be held against.
    """
    if not (folder / results.LINES).is_file():
        return set()
    took: dict[Cell, list[Result]] = defaultdict(list)
    for result in results.read(folder):
        if not result.warmup and result.outcome is not Outcome.ERROR:
            took[slot_of(result).cell].append(result)
    stuck = {(*cell[:3], True) for cell, done in took.items() if _stuck(done)}
    return stuck | {cell for cell, done in took.items() if _enough(done)}


def _stuck(done: Sequence[Result]) -> bool:
    return any(r.outcome is Outcome.STUCK for r in done)


def _enough(done: Sequence[Result]) -> bool:
    if _stuck(done):
        return True
    slow = min(float(r.environment["took_s"]) for r in done) > SLOW_S
    return slow and len(done) >= SLOW_REPETITIONS


def slot_of(result: Result) -> Slot:
    """Return the slot that a result fills."""
    setup = f"{result.engine}/{result.mode}/{result.variant}"
    asked = result.pipeline if result.pipeline in PIPELINES else result.workload
    small = ONE_KEY.get(result.pipeline)
    one_key = small is not None and small.name == result.workload
    return Slot(setup, asked, result.scenario, result.trial, result.warmup, one_key)


def run_block(
    plan: Plan, surround: stack.Surround, block: Sequence[Slot], folder: Path, say: Say
) -> None:
    """Start a setup, do its trials, save each, and stop it; what breaks is a row, too."""
    from benchmarks.setups import SETUPS

    setup = SETUPS[block[0].setup]
    asked = {slot.workload.name: slot.workload for slot in block}
    sizes = {"ETL_SYNTHETIC": workloads.sizes([WARMUP, *asked.values()])}
    stand = surround.stand(setup, passed={**stack.MEASURED, **sizes})
    left = list(block)
    try:
        while left:
            left = run_until_stuck(plan, surround, stand, left, folder, say)
    except (OSError, RuntimeError) as error:  # TimeoutError is an OSError
        for slot in block:
            if slot.name not in finished(folder):
                template = row(plan, surround, setup, slot, "")
                results.append(folder, runner.broken(template, error))
        say(f"{setup.name}: broke: {error}")
    finally:
        keep_logs(stand, folder)


def run_until_stuck(
    plan: Plan,
    surround: stack.Surround,
    stand: runner.Stand,
    block: Sequence[Slot],
    folder: Path,
    say: Say,
) -> list[Slot]:
    """Start the stand, do trials until one is stuck, stop it; return what is left to do.

    A run that has not ended at its deadline goes on, and would be in the next trials' figures.
    """
    began = time.monotonic()
    with stack.running(stand):
        say(f"{block[0].setup}: ready in {time.monotonic() - began:.1f} s")
        if not block[0].warmup:
            warm_again(stand)
        for done, slot in enumerate(block, start=1):
            result = attempt(plan, surround, stand, slot, folder)
            results.append(folder, result)
            say(line(slot, result))
            if result.outcome is Outcome.STUCK:
                return list(block[done:])
    return []


def warm_again(stand: runner.Stand) -> None:
    """Warm a setup up whose warm-up trial was saved before the campaign was cut short."""
    run_id = f"warm-again-{time.time_ns():x}"
    sampler = Sampler(stand.orchestrator.services)
    runner.run_trial(stand, SCENARIOS["calm"], WARMUP, run_id, sampler)


def attempt(
    plan: Plan, surround: stack.Surround, stand: runner.Stand, slot: Slot, folder: Path
) -> Result:
    """Do one trial and return its row."""
    scenario, workload = SCENARIOS[slot.scenario], slot.workload
    run_id = f"{slot.name}-{random.Random(time.time_ns()).randrange(16**6):06x}"
    template = row(plan, surround, stand.orchestrator.setup, slot, stand.orchestrator.version())
    heavy = slot.scenario == MEMORY_IN or slot.warmup
    sampler = Sampler(stand.orchestrator.services, memory=heavy)
    began, watch = time.monotonic(), Watch()
    try:
        trial = runner.run_trial(stand, scenario, workload, run_id, sampler)
        result = runner.result_of(trial, scenario, template, sampler.usage())
    except (OSError, RuntimeError) as error:
        result = runner.broken(template, error)
    finally:
        journal = keep_journal(stand, run_id, folder, slot)
    host = {"took_s": round(time.monotonic() - began, 3), "noise": asdict(watch.noise())}
    return replace(result, journal=journal, environment={**result.environment, **host})


def row(plan: Plan, surround: stack.Surround, setup: Setup, slot: Slot, version: str) -> Result:
    """Return what is known of a trial before it begins."""
    return Result(
        schema=results.SCHEMA,
        campaign=plan.campaign,
        engine=setup.engine,
        version=version,
        mode=setup.mode,
        variant=setup.variant,
        pipeline=slot.workload.pipeline,
        workload=slot.workload.name,
        scenario=slot.scenario,
        trial=slot.trial,
        warmup=slot.warmup,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        outcome=Outcome.ERROR,
        truth=None,
        measures={},
        ledger=None,
        findings=(),
        journal="",
        environment={
            **machine(),
            "metadata": surround.metadata_name(),
            "warehouse": plan.warehouse,
            "settings": [asdict(s) for s in setup.settings],
            "needed": [asdict(s) for s in setup.needed],
            "command_campaign": plan.command,
            "task": setup.task,
            "control": slot.control,
        },
        seed=plan.seed,
        command=shlex.join(
            [
                *("bench", "run", "--setups", setup.name, "--workloads", slot.asked),
                *("--scenarios", slot.scenario, "--repetitions", "1", "--seed", str(plan.seed)),
                *(("--target", "compose") if setup.mode == "compose" else ()),
            ]
        ),
    )


def machine() -> dict[str, Any]:
    """Return what a sceptic asks about the machine."""
    return {
        "host": socket.gethostname(),
        "cpu": _cpu_model(),
        "cores_count": os.cpu_count(),
        "memory_mb": round(psutil.virtual_memory().total / 1e6),
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": _commit(),
        "load_1m": round(os.getloadavg()[0], 2),
    }


def _cpu_model() -> str | None:
    for text in Path("/proc/cpuinfo").read_text().splitlines():
        if text.startswith("model name"):
            return text.partition(":")[2].strip()
    return None


def _commit() -> str | None:
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True
    )
    return asked.stdout.strip() or None


def line(slot: Slot, result: Result) -> str:
    """Return a trial in one line, for the progress display."""
    scenario = "control" if slot.control else slot.scenario
    name = f"{slot.setup:28} {slot.asked:13} {'warm-up' if slot.warmup else scenario:20}"
    if result.outcome is Outcome.ERROR:
        return f"{name} {result.error.splitlines()[0][:150]}"
    makespan = result.measures.get("makespan_s")
    seconds = f"{makespan:6.2f} s" if makespan is not None else "       –"
    return f"{name} {seconds}  {result.outcome}, {result.truth}"


def keep_journal(stand: runner.Stand, run_id: str, folder: Path, slot: Slot) -> str:
    """Copy a trial's journal beside the results; return its path there, "" when there is none."""
    from shared import journal

    file = journal.path(stand.journals, run_id)
    if not file.exists():
        return ""
    (folder / "journals").mkdir(exist_ok=True)
    kept = f"journals/{slot.name}.jsonl"
    shutil.copyfile(file, folder / kept)
    return kept


def keep_logs(stand: runner.Stand, folder: Path) -> None:
    """Keep the end of every service's log."""
    place = folder / "logs" / stand.orchestrator.setup.name.replace("/", "-")
    for log in _logs(stand):
        place.mkdir(parents=True, exist_ok=True)
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - LOG_BYTES))
            (place / log.name).write_bytes(stream.read())


def _logs(stand: runner.Stand) -> Iterator[Path]:
    yield from stand.orchestrator.services.directory.glob("logs/*.log")


def load(folder: Path) -> Plan:
    """Return the plan of an earlier campaign.

    Raises:
        FileNotFoundError: the folder is not a campaign's.

    """
    kept = orjson.loads((folder / PLAN).read_bytes())
    for name in ("setups", "workloads", "scenarios", "control"):
        kept[name] = tuple(kept.get(name, ()))
    if kept["budget_s"] is None:  # JSON has no infinity
        kept["budget_s"] = float("inf")
    return Plan(**kept)
