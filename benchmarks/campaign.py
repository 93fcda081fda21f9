"""A campaign: many trials in a seeded order, each saved when it is done, resumable.

Repetitions are outermost and setups innermost in random order, so that drift of the machine hits
all alike. One setup is up at a time: the others' idle processes would otherwise be in its figures.
A setup's first trial after its start is a warm-up: kept, marked, not averaged.
"""

from __future__ import annotations

import secrets
import shlex
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import orjson

from benchmarks import results, runner, stack, workloads
from benchmarks.host import machine
from benchmarks.model import Outcome, Result, Setup
from benchmarks.noise import Noise, Watch, disturbed
from benchmarks.plans import (
    PLAN,
    Cell,
    Plan,
    Slot,
    cells_done,
    finished,
    is_slow,
    slot_of,
    slots,
    trials,
)
from benchmarks.results import CONTROL_FROM, REPEATS_FROM, is_repeat
from benchmarks.sampling import Sampler
from benchmarks.scenarios import SCENARIOS
from benchmarks.setups import SETUPS
from benchmarks.workloads import WARMUP

MEMORY_IN = "source-503"  # reading memory takes time, and this one's are mostly waits
LOG_BYTES = 200_000  # of the end of each service's log that is kept with the results


Say = Callable[[str], None]
Progress = Callable[[str, int, int], None]  # what is going on, setups done, setups of the round


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
        for round_ in range(1, plan.rounds + 1):
            if round_ > 1 and time.monotonic() - began + longest > plan.budget_s:
                rounds = f"{round_ - 1} of {plan.rounds} rounds"
                say(f"the time of {plan.budget_s:g} s is used: {rounds} were done")
                break
            started = time.monotonic()
            settled = cells_done(folder)
            blocks = slots(plan, round_)
            for begun, block in enumerate(blocks):
                left = [s for s in block if s.name not in done and s.cell not in settled]
                if any(not slot.warmup for slot in left):
                    progress(f"round {round_}: {block[0].setup}", begun, len(blocks))
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
    names = {slot.name for block in slots(plan, round_) for slot in block}
    done = [r for r in results.read(folder) if slot_of(r).name in names and not r.warmup]
    calm = sum(float(r.environment["took_s"]) for r in done if r.scenario == "calm")
    faults = sum(float(r.environment["took_s"]) for r in done if r.scenario != "calm")
    fewer = 1 - len(trials(plan, round_ + 1)) / len(trials(plan, round_))
    return took_s - fewer * calm - (faults if round_ >= plan.fault_rounds else 0.0)


def run_block(
    plan: Plan, surround: stack.Surround, block: Sequence[Slot], folder: Path, say: Say
) -> None:
    """Start a setup, do its trials, save each, and stop it; what breaks is a row, too."""
    setup = SETUPS[block[0].setup]
    asked = {slot.workload.name: slot.workload for slot in block}
    sizes = {"ETL_SYNTHETIC": workloads.sizes([WARMUP, *asked.values()])}
    linked = any(SCENARIOS[slot.scenario].linked for slot in block)
    stand = surround.stand(setup, passed={**stack.MEASURED, **sizes}, linked=linked)
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
        slow: set[Cell] = set()  # these are repeated once a start
        for done, slot in enumerate(block, start=1):
            if slot.cell in slow:
                continue
            result = attempt(plan, surround, stand, slot, folder)
            results.append(folder, result)
            say(line(slot, result))
            if is_slow(result):
                slow.add(slot.cell)
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
    run_id = f"{slot.name}-{secrets.token_hex(3)}"
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
