"""A slot of a campaign's plan done: its trial, its row of results, and what is kept beside it."""

from __future__ import annotations

import random
import secrets
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import evidence, idle, known_bad, plans, results, runner, stack, together, written
from benchmarks.host import machine
from benchmarks.model import IDLE, SYNTHETIC, InContainers, Outcome, Result, Setup, Workload
from benchmarks.noise import Watch
from benchmarks.orchestrators.services import benches_beside, portable
from benchmarks.plans import Plan, Slot
from benchmarks.results import REPEATS_FROM
from benchmarks.sampling import Sampler
from benchmarks.stand import Stand
from shared import journal

WRITTEN_ROUNDS = 2  # in which it is read what no-ops add to database and logs: that hardly varies
LOG_BYTES = 200_000  # of the end of each service's log that is kept with the results


def attempt(plan: Plan, surround: stack.Surround, stand: Stand, slot: Slot, folder: Path) -> Result:
    """Do one trial and return its row."""
    workload = slot.workload
    run_id = f"{slot.name}-{secrets.token_hex(3)}"
    template = row(plan, surround, stand.orchestrator.setup, slot, stand.orchestrator.version())
    time.sleep(phase_s(plan, slot, stand.orchestrator.setup))
    began, watch = time.monotonic(), Watch()
    beside = benches_beside() if stand.local else 0
    hurt = slot.scenario != results.CALM
    logged, history = evidence.sizes(logs_of(stand)) if hurt else {}, ""
    try:
        if workload.pipeline == IDLE:
            result = rest(stand, workload, run_id, template)
        elif is_written(slot):
            before = written.settled(stand)
            result, history = trial(stand, slot, run_id, template)
            added = written.added(before, written.settled(stand))
            result = with_reasons(stand, result, added)
        else:
            result, history = trial(stand, slot, run_id, template)
    except (OSError, RuntimeError) as error:
        result = runner.broken(template, error)
    finally:
        kept = keep_journals(stand, run_id, folder, slot)
    own = {"took_s": round(time.monotonic() - began, 3), "noise": asdict(watch.noise())}
    own |= {"beside": max(beside, benches_beside())} if stand.local else {}
    own |= {"journals": kept} if workload.runs > 1 else {}
    if evidence.is_kept(result):
        said = evidence.told(history, evidence.since(logs_of(stand), logged))
        own |= {"log": evidence.keep(folder, slot.name, portable(said))} if said else {}
    return replace(
        result, journal=kept[0] if kept else "", environment={**result.environment, **own}
    )


def logs_of(stand: Stand) -> Path:
    """Return where an engine's logs are; those of containers are written there now."""
    if isinstance(stand.orchestrator, InContainers):
        stand.orchestrator.write_logs()
    return stand.orchestrator.services.directory


def trial(stand: Stand, slot: Slot, run_id: str, template: Result) -> tuple[Result, str]:
    """Run a workload through a scenario, judge and measure it; return what the engine told, too."""
    # Reading memory takes time: it is read in warm-ups, one step on every setup.
    sampler = Sampler(
        stand.orchestrator.services, slot.warmup, idle.split_of(stand), database=stand.database
    )
    scenario = known_bad.EVERY_SCENARIO[slot.scenario]
    if slot.workload.runs > 1:
        several = together.run_trials(stand, scenario, slot.workload, run_id, sampler)
        return together.result_of(several, template, sampler.usage()), ""
    done = runner.run_trial(stand, scenario, slot.workload, run_id, sampler)
    return runner.result_of(done, scenario, template, sampler.usage()), done.told.history


def rest(stand: Stand, workload: Workload, run_id: str, template: Result) -> Result:
    """Watch an engine that has nothing to do: there is no truth to hold its rows against."""
    found = idle.measure(stand, run_id, workload.parameters["seconds"])
    return with_reasons(stand, replace(template, outcome=Outcome.UNHARMED), found)


def is_written(slot: Slot) -> bool:
    """Whether a trial is one around which database and logs are read: that takes seconds."""
    asked, number = slot.workload, slot.trial % REPEATS_FROM
    noops = asked.pipeline in SYNTHETIC and asked.parameters["kind"] == "noop"
    return noops and not slot.warmup and not slot.control and number <= WRITTEN_ROUNDS


def with_reasons(stand: Stand, result: Result, found: Mapping[str, float | None]) -> Result:
    """Add measures to a row, and why some of what is written has no figure."""
    why = written.reasons(stand, found)
    environment = {**result.environment, **({"unmeasured": why} if why else {})}
    return replace(result, measures={**result.measures, **found}, environment=environment)


def phase_s(plan: Plan, slot: Slot, setup: Setup) -> float:
    """Return the seconds that a trial waits before it is submitted; seeded, uniform.

    Without it a trial would begin at a fixed time behind the one before, and meet an engine that
    looks for runs now and then always at the same moment between two looks.
    """
    timed = plan.phased and slot.scenario == results.CALM and not slot.warmup
    pause_s = setup.pause_s if timed and slot.workload.pipeline != IDLE else 0.0
    wide = max(slot.workload.phase_s, pause_s)
    return random.Random(f"{plan.seed}:{slot.name}").uniform(0, wide)


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
            "sizes": plans.sizes(plan, [slot]),
            "start": plans.start_of(plan, slot),
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


def keep_journals(stand: Stand, run_id: str, folder: Path, slot: Slot) -> list[str]:
    """Copy the journals of a trial's runs beside the results; return their paths there."""
    (folder / "journals").mkdir(exist_ok=True)
    found, runs = [], slot.workload.runs
    for run, name in zip(
        together.names(run_id, runs), together.names(slot.name, runs), strict=True
    ):
        file, kept = journal.path(stand.journals, run), f"journals/{name}.jsonl"
        if file.exists():
            (folder / kept).write_text(portable(file.read_text()))
            found.append(kept)
    return found


def keep_logs(stand: Stand, folder: Path, block: Sequence[Slot]) -> None:
    """Keep the end of every service's log; those of faults alone in a folder of their own."""
    calm = any(it.scenario == results.CALM and not it.warmup for it in block)
    name = stand.journals.parent.name if stand.local else stand.orchestrator.setup.name
    place = folder / "logs" / f"{name.replace('/', '-')}{'' if calm else '-faults'}"
    for log in _logs(stand):
        place.mkdir(parents=True, exist_ok=True)
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - LOG_BYTES))
            text = stream.read().decode(errors="replace")
        (place / log.name).write_text(portable(text))


def _logs(stand: Stand) -> Iterator[Path]:
    yield from stand.orchestrator.services.directory.glob("logs/*.log")
