"""A campaign: many trials in a seeded order, each saved when it is done, resumable.

Repetitions are outermost and setups innermost in random order, so that drift of the machine hits
all alike. One setup is up at a time: the others' idle processes would otherwise be in its figures.
A setup's first trial after its start is a warm-up: kept, marked, not averaged.
"""

from __future__ import annotations

import os
import shlex
import time
from collections import defaultdict
from collections.abc import Callable, Container, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import orjson

from benchmarks import (
    installation,
    instruments,
    known_bad,
    plans,
    results,
    runner,
    stack,
    workloads,
)
from benchmarks.known_bad import CASES, Case
from benchmarks.model import KNOWN_BAD, Outcome, Result, Verdict
from benchmarks.noise import Noise, crowded, disturbed
from benchmarks.orchestrators.services import benches_beside
from benchmarks.plans import (
    PLAN,
    Cell,
    Lane,
    Plan,
    Slot,
    slot_of,
    slots,
    trials,
)
from benchmarks.progress import cells_done, finished, is_slow, needed_no_more
from benchmarks.results import CONTROL_FROM, REPEATS_FROM, is_known_bad, is_repeat
from benchmarks.rows import attempt, keep_logs, line, row
from benchmarks.sampling import Sampler
from benchmarks.scenarios import SCENARIOS
from benchmarks.setups import setup_of
from benchmarks.stand import Stand
from benchmarks.workloads import WARMUP

EVERYTHING = Lane()
ROOM_S, ROOM_POLL_S = 300.0, 1.0
CASE_TRIES = 3  # of a known-bad pipeline whose fault missed its phase


Say = Callable[[str], None]
Progress = Callable[[str, int, int], None]  # what is going on, setups done, setups of the round


def run(
    plan: Plan,
    folder: Path,
    say: Say,
    progress: Progress,
    *,
    metadata: str,
    warehouse: str,
    lane: Lane = EVERYTHING,
) -> None:
    """Do what of the plan, or of a `lane` of it, is not in the folder yet.

    `metadata` and `warehouse` are the plan's, with passwords, which are never written down.

    Raises:
        RuntimeError, OSError: the source or the databases could not be started.

    """
    keep(plan, folder)
    note_beforehand(plan, folder)
    done = finished(folder)
    began, longest = time.monotonic(), 0.0
    with stack.surrounded("run", metadata=metadata, warehouse=warehouse) as surround:
        if lane.calm:  # a lane of faults is one of several
            check_the_checks(plan, surround, folder, say)
        for round_ in range(1, plan.rounds + 1):
            if round_ > 1 and time.monotonic() - began + longest > plan.budget_s:
                rounds = f"{round_ - 1} of {plan.rounds} rounds"
                say(f"the time of {plan.budget_s:g} s is used: {rounds} were done")
                break
            started = time.monotonic()
            settled = cells_done(folder) | needed_no_more(plan, folder)
            blocks = [part for block in slots(plan, round_) if (part := lane.part(block))]
            for begun, block in enumerate(blocks):
                if left := _left(block, done, settled):
                    progress(f"round {round_}: {block[0].setup}", begun, len(blocks))
                    run_block(plan, surround, left, folder, say)
            longest = _next_round_s(plan, round_, time.monotonic() - started, folder)
        repeat_disturbed(plan, surround, folder, say, began + plan.budget_s, lane)


def keep(plan: Plan, folder: Path) -> None:
    """Write a plan down, unless it is there: other benches may be reading it."""
    file, text = folder / PLAN, orjson.dumps(asdict(plan), option=orjson.OPT_INDENT_2)
    if not file.is_file() or file.read_bytes() != text:
        part = file.with_name(f".{PLAN}.{os.getpid()}")
        part.write_bytes(text)
        part.replace(file)


def check_the_checks(plan: Plan, surround: stack.Surround, folder: Path, say: Say) -> None:
    """Run the known-bad pipelines that the folder does not hold yet, a row each."""
    done = finished(folder)
    for case in (CASES[name] for name in plan.known_bad):
        slot = Slot(case.setup.name, "complaints", case.scenario.name, 1)
        if slot.name not in done:
            result = try_case(plan, surround, case, slot, folder)
            results.append(folder, result)
            why = results.not_caught(result)
            told = f"NOT CAUGHT: {why}" if why else result.findings[-1].reason
            say(f"known-bad {case.name}: {told}")


def try_case(plan: Plan, surround: stack.Surround, case: Case, slot: Slot, folder: Path) -> Result:
    """Do a known-bad pipeline's trial, again while its fault misses its phase; return its row."""
    for number in range(1, CASE_TRIES + 1):
        place = surround.directory / KNOWN_BAD / f"{case.name}-{number}"
        stand = known_bad.stand(case.how, case.setup, place, surround.source_url)
        with stack.running(stand):
            result = attempt(plan, surround, stand, slot, folder)
        if result.outcome is Outcome.ERROR:
            break
        found = known_bad.caught(case, result.findings)
        result = replace(result, findings=(*result.findings, found))
        if found.verdict is not Verdict.UNKNOWN:
            break
    own = {"metadata": None, "warehouse": stack.SQLITE}
    return replace(
        result,
        environment={**result.environment, **own},
        command=shlex.join(["bench", "replay", slot.name, f"results/{folder.name}"]),
    )


def note_beforehand(plan: Plan, folder: Path) -> None:
    """Keep what the engines' installations are, and what measuring costs on this host."""
    results.save_lacking(folder, plans.lacking(plan))
    if installation.FILE not in {file.name for file in folder.iterdir()}:
        engines = dict.fromkeys(setup_of(name).engine for name in plan.setups)
        installation.save(folder, installation.installed(engines))
        instruments.save(folder, instruments.measure())


def repeat_disturbed(
    plan: Plan,
    surround: stack.Surround,
    folder: Path,
    say: Say,
    deadline: float,
    lane: Lane = EVERYTHING,
) -> None:
    """Do the calm trials once more during which the host was disturbed, while there is time."""
    for (setup, control), again in _disturbed(folder).items():
        number = REPEATS_FROM + (CONTROL_FROM if control else 0)
        warm = Slot(setup, WARMUP.name, "calm", number, warmup=True)
        left = _left([warm, *again], finished(folder), needed_no_more(plan, folder))
        if not left or not lane.holds(setup, results.CALM):
            continue
        if time.monotonic() > deadline:
            say("no time is left to repeat the trials of a disturbed host")
            return
        repeats = sum(not slot.warmup for slot in left)
        say(f"{setup}: {repeats} trials were disturbed and are repeated")
        run_block(plan, surround, left, folder, say)


def _left(block: Sequence[Slot], done: Container[str], settled: Container[Cell]) -> list[Slot]:
    """Return what of a block is still to be done; nothing where only its warm-up is left."""
    left = [s for s in block if s.name not in done and s.cell not in settled]
    return left if any(not slot.warmup for slot in left) else []


def _disturbed(folder: Path) -> dict[tuple[str, bool], list[Slot]]:
    """Return the repeats that are to be done: by setup, those of its control apart."""
    rows = [r for r in results.read(folder) if "noise" in r.environment and not is_known_bad(r)]
    probes = results.probes_ms(rows)
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
    calm = sum(float(r.environment.get("took_s") or 0.0) for r in done if r.scenario == "calm")
    faults = sum(float(r.environment.get("took_s") or 0.0) for r in done if r.scenario != "calm")
    fewer = 1 - len(trials(plan, round_ + 1)) / len(trials(plan, round_))
    return took_s - fewer * calm - (faults if round_ >= plan.fault_rounds else 0.0)


def run_block(
    plan: Plan, surround: stack.Surround, block: Sequence[Slot], folder: Path, say: Say
) -> None:
    """Start a setup, do its trials, save each, and stop it; what breaks is a row, too."""
    setup, left = setup_of(block[0].setup), list(block)
    try:
        while left:
            left = run_in_place(plan, surround, block, left, folder, say)
    except (OSError, RuntimeError) as error:  # TimeoutError is an OSError
        for slot in block:
            if slot.name not in finished(folder):
                template = row(plan, surround, setup, slot, "")
                results.append(folder, runner.broken(template, error))
        say(f"{setup.name}: broke: {error}")


def run_in_place(
    plan: Plan,
    surround: stack.Surround,
    block: Sequence[Slot],
    left: Sequence[Slot],
    folder: Path,
    say: Say,
) -> list[Slot]:
    """Do trials of a block until one leaves work behind; return what is left to do."""
    stand = stand_of(plan, surround, block)
    try:
        return run_until_stuck(plan, surround, stand, left, folder, say)
    finally:
        keep_logs(stand, folder, block)


def stand_of(plan: Plan, surround: stack.Surround, block: Sequence[Slot]) -> Stand:
    """Return the place of a setup's trials, with what their pipelines must be told."""
    sizes = {"ETL_SYNTHETIC": plans.sizes(plan, block)}
    noted = workloads.SHADOWED if plans.hurts(plan) else {}
    wanted = [SCENARIOS[slot.scenario] for slot in block]
    passed = {**stack.MEASURED, **sizes, **noted}
    return surround.stand(
        setup_of(block[0].setup),
        passed=passed,
        apart=next((it.apart for it in wanted if it.apart), ""),
    )


def once_more(plan: Plan, surround: stack.Surround, slot: Slot, folder: Path) -> Result:
    """Do one trial behind a warm-up, and return its row."""
    stand = stand_of(plan, surround, [slot])
    with stack.running(stand):
        if not slot.warmup:
            warm_again(stand)
        return attempt(plan, surround, stand, slot, folder)


def run_until_stuck(
    plan: Plan,
    surround: stack.Surround,
    stand: Stand,
    block: Sequence[Slot],
    folder: Path,
    say: Say,
) -> list[Slot]:
    """Start the stand, do trials until one leaves work behind, stop it; return what is left to do.

    What goes on behind a trial would be in the next ones' figures.
    """
    first, began = is_first(stand), time.monotonic()
    with stack.running(stand):
        ready_s = time.monotonic() - began
        say(f"{block[0].setup}: ready in {ready_s:.1f} s")
        if not block[0].warmup:
            warm_again(stand)
        slow: set[Cell] = set()  # these are repeated once a start
        for done, slot in enumerate(block, start=1):
            if slot.cell in slow | needed_no_more(plan, folder):
                continue
            wait_for_room()
            result = attempt(plan, surround, stand, slot, folder)
            if slot.warmup:
                start = {"first_start_s" if first else "later_start_s": ready_s}
                result = replace(result, measures={**result.measures, **start})
            results.append(folder, result)
            say(line(slot, result))
            if is_slow(result):
                slow.add(slot.cell)
            if leaves_work(slot, result):
                surround.leave(setup_of(slot.setup))
                return list(block[done:])
    return []


def wait_for_room() -> None:
    """Wait, where other benches are at work, until the machine has room for one more trial.

    Of twelve benches at a load of 20, some had runs that a time-out ended, which have none of that
    elsewhere. After `ROOM_S` seconds the trial is done as it is; its load is in its row.
    """
    deadline = time.monotonic() + ROOM_S
    while benches_beside() and crowded() and time.monotonic() < deadline:
        time.sleep(ROOM_POLL_S)


def leaves_work(slot: Slot, result: Result) -> bool:
    """Whether a run may go on: it was not at its end, or the engine said it had not taken it.

    A server that has refused a payload may be at work on it for longer than it was waited for.
    """
    large = slot.workload.parameters.get("kind") == "payload"
    refused = result.outcome is Outcome.GAVE_UP and (slot.workload.runs > 1 or large)
    return refused or result.outcome is Outcome.STUCK


def is_first(stand: Stand) -> bool:
    """Whether an engine has never been started here: its directory is empty, its tables new."""
    directory = stand.orchestrator.services.directory
    return not directory.exists() or not any(directory.iterdir())


def warm_again(stand: Stand) -> None:
    """Warm a setup up whose warm-up trial was saved before the campaign was cut short."""
    run_id = f"warm-again-{time.time_ns():x}"
    sampler = Sampler(stand.orchestrator.services)
    runner.run_trial(stand, SCENARIOS["calm"], WARMUP, run_id, sampler)
