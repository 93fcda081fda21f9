"""A made-up results folder: every figure in it is invented, so that tests can know it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.model import (
    KNOWN_BAD,
    PIPELINES,
    Finding,
    Ledger,
    Outcome,
    Result,
    Truth,
    Verdict,
)
from benchmarks.workloads import named
from shared import journal
from shared.journal import Event

VERSIONS = {"bare": "0.1.0", "airflow": "3.3.2", "prefect": "3.9.1", "dagster": "1.13.27"}
SETUPS = (
    ("bare", "default"),
    ("airflow", "default"), ("airflow", "tuned"),
    ("prefect", "default"), ("prefect", "tuned"),
    ("dagster", "default"), ("dagster", "tuned"),
)  # fmt: skip
DISPATCH = {
    "bare": (0.02, 0.02), "airflow": (1.9, 0.8), "prefect": (3.1, 1.2), "dagster": (5.2, 3.6),
}  # fmt: skip
HANDOFF = {
    "bare": (0.001, 0.001), "airflow": (1.2, 0.4), "prefect": (0.08, 0.05), "dagster": (1.5, 0.9),
}  # fmt: skip
KEYS = {
    "complaints": ("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"),
    "github_stats": ("apache/airflow", "PrefectHQ/prefect", "dagster-io/dagster"),
    "youtube_stats": ("UC1", "UC2"),
}
TUNING = {
    "airflow": ("scheduler.scheduler_idle_sleep_time", "0.1", "1", "the loop sleeps less"),
    "prefect": ("PREFECT_WORKER_QUERY_SECONDS", "1", "10", "the worker polls more often"),
    "dagster": ("run_coordinator.dequeue_interval_seconds", "1", "5", "queued runs start sooner"),
}
# scenario -> setup -> (outcome, truth, detect, recover, repeated, interventions, lost); or a text.
Story = tuple[Outcome, Truth, float | None, float | None, int, int, int] | str
FAULTS: dict[str, dict[tuple[str, str], Story]] = {
    "task_killed_after_commit": {
        ("bare", "default"): (Outcome.RESUMED, Truth.TRUE_SUCCESS, 0.4, 3.0, 4, 1, 0),
        ("airflow", "default"): (Outcome.SELF_HEALED, Truth.TRUE_SUCCESS, 6.1, 9.4, 1, 0, 0),
        ("airflow", "tuned"): (Outcome.SELF_HEALED, Truth.TRUE_SUCCESS, 2.2, 4.4, 1, 0, 0),
        ("prefect", "default"): (Outcome.RESUMED, Truth.TRUE_SUCCESS, 11.0, 14.5, 6, 1, 0),
        ("prefect", "tuned"): (Outcome.GAVE_UP, Truth.FALSE_FAILURE, 5.0, None, 3, 1, 0),
        ("dagster", "default"): (Outcome.SELF_HEALED, Truth.TRUE_SUCCESS, 4.8, 8.8, 1, 0, 0),
        ("dagster", "tuned"): "RuntimeError: the daemon's port was taken <8080>",
    },
    "control_killed": {
        ("bare", "default"): "unsupported: bare has no control process",
        ("airflow", "default"): (Outcome.UNHARMED, Truth.TRUE_SUCCESS, 1.5, 6.0, 0, 0, 0),
        ("airflow", "tuned"): (Outcome.UNHARMED, Truth.FALSE_SUCCESS, 1.4, None, 0, 0, 40),
        ("prefect", "default"): (Outcome.STUCK, Truth.LIMBO, None, None, 0, 0, 12),
        ("prefect", "tuned"): "skipped: the campaign was cut short",
        ("dagster", "default"): (Outcome.SELF_HEALED, Truth.TRUE_SUCCESS, 2.0, 7.5, 2, 0, 0),
    },
}


# What a no-op costs on each setup of the made-up overhead campaign, in seconds: of the start, of a
# hand-off, and of one step itself.
STEP_COSTS = {
    ("bare", "default"): (0.1, 0.0005, 0.0002), ("airflow", "default"): (2.0, 1.0, 0.05),
    ("airflow", "tuned"): (1.0, 0.15, 0.05), ("prefect", "tuned"): (1.5, 0.01, 0.002),
    ("dagster", "default"): (5.0, 1.2, 0.1),
}  # fmt: skip
STEP_WORKLOADS = (
    *("chain-1-noop", "chain-10-noop", "chain-50-noop", "fanout-10-noop", "fib_40_10"),
    *("fib_10_33", "chain-10-busy-10", "chain-10-busy-100", "chain-10-busy-1000"),
    *("fanout-10-busy-100", "fanout-10-busy-1000", "chain-10-payload-1000"),
    *("chain-10-payload-100000", "chain-10-noop-runs-4", "chain-10-noop-runs-16"),
)
TASKS = {"bare": "a call", "airflow": "a fork", "prefect": "a call", "dagster": "a new process"}
FIB_33_S = 0.4
QUIET_HOST = {"probe_ms": 5.0, "steal_share": 0.0, "load_1m": 0.3}
LOUD_HOST = {"probe_ms": 12.5, "steal_share": 0.0, "load_1m": 3.0}


def write(folder: Path, repetitions: int = 2) -> list[Result]:
    """Fill a folder: 7 setups, 3 pipelines, two faults, every kind of hole."""
    (folder / "journals").mkdir(parents=True, exist_ok=True)
    made = list(_calm(folder, repetitions)) + list(_faults(folder, repetitions))
    for it in [known_bad("appends-without-key"), *made]:
        if it.engine == KNOWN_BAD:
            (folder / it.journal).touch()
        results.append(folder, it)
    return made


def known_bad(name: str, verdict: Verdict = Verdict.PASS) -> Result:
    """Return the trial of a known-bad pipeline that was caught, unless the verdict is another."""
    base = result("bare", "default", "complaints", "task_killed_after_commit", 1)
    reason = "by the check <whole>: 12 duplicated" if verdict is Verdict.PASS else "whole says pass"
    return replace(
        base, engine=KNOWN_BAD, mode=name, truth=Truth.FALSE_SUCCESS, outcome=Outcome.RESUMED,
        ledger=asdict(replace(ledger("complaints"), duplicated=12)),
        findings=(Finding(results.CAUGHT, verdict, reason),), journal=f"journals/{name}.jsonl",
        command=f"bench replay {name}",
    )  # fmt: skip


def result(engine: str, variant: str, pipeline: str, scenario: str, trial: int) -> Result:
    setup = f"{engine} {variant}"
    return Result(
        schema=results.SCHEMA, campaign="made-up", engine=engine, version=VERSIONS[engine],
        mode="local", variant=variant, pipeline=pipeline, workload="small", scenario=scenario,
        trial=trial, warmup=False, started=f"2026-11-22T09:{trial % 60:02}:05Z",
        outcome=Outcome.UNHARMED, truth=Truth.TRUE_SUCCESS, measures={},
        ledger=asdict(ledger(pipeline)),
        findings=(Finding("complete", Verdict.PASS, "every row arrived"),),
        journal=f"journals/{setup}-{pipeline}-{scenario}-{trial}.jsonl".replace(" ", "-"),
        environment=environment(engine, variant), seed=7,
        command=f"bench run --setup {engine}/local/{variant} --pipeline {pipeline} "
        f"--scenario {scenario} --seed 7",
    )  # fmt: skip


def ledger(pipeline: str, lost: int = 0) -> Ledger:
    return Ledger(
        expected=400, present=400 - lost, lost=lost, unexpected=0, duplicated=0, quarantined=3,
        balance=True, digest=f"{pipeline}-{lost}-5a5a5a5a5a5a", requests=21, written=777 - lost,
        wasted=377, recovered=123, late=0,
    )  # fmt: skip


def environment(engine: str, variant: str) -> dict[str, Any]:
    tuning = [TUNING[engine]] if variant == "tuned" else []
    needed = (
        [("telemetry", "off", "on", "nothing may leave the machine")] if engine != "bare" else []
    )
    names = ("name", "value", "default", "reason")
    return {
        "host": "made-up-host", "cpu": "Invented CPU", "cores_count": 2, "memory_mb": 8192,
        "os": "Linux 6.1", "python": "3.11.7", "commit": "0123abc", "load_1m": 0.4, "took_s": 1.5,
        "metadata": None if engine == "bare" else "postgresql 18.6", "warehouse": "sqlite",
        "settings": [dict(zip(names, it, strict=True)) for it in tuning],
        "needed": [dict(zip(names, it, strict=True)) for it in needed],
        "command_campaign": "bench run --profile quick --seed 7",
    }  # fmt: skip


def write_overhead(folder: Path, repetitions: int = 10) -> list[Result]:
    """Fill a folder with synthetic workloads, a control, disturbed trials and every kind of hole.

    Prefect has no chain of 50; Dagster is stuck in it, and broke in the fan-out.
    """
    (folder / "journals").mkdir(parents=True, exist_ok=True)
    numbers = range(1, repetitions + 1)
    made = [
        step_result(*setup, workload, trial)
        for setup in STEP_COSTS
        for workload in STEP_WORKLOADS
        for trial in numbers
        if setup[0] != "dagster" and (setup[0], workload) != ("prefect", "chain-50-noop")
    ]
    made = [_said_by(it) if it.workload == "fib_40_10" else it for it in made]
    large = step_result("airflow", "default", "chain-10-payload-30000000", 1)
    made += [refused(large, "XCom of 30000000 bytes | too large")]
    made += [
        step_result("bare", "default", it, results.CONTROL_FROM + trial, control=True)
        for it in ("chain-10-noop", "fib_40_10")
        for trial in numbers
    ]
    made += [step_result("dagster", "default", "chain-10-noop", trial) for trial in numbers]
    made += [stuck(step_result("dagster", "default", "chain-50-noop", 1), started=31)]
    broken = step_result("dagster", "default", "fanout-10-noop", 1)
    made += [
        replace(
            broken,
            outcome=Outcome.ERROR,
            truth=None,
            measures={},
            journal="",
            findings=(),
            error="RuntimeError: the code server <went> away",
        )
    ]
    made = [_on_a_loud_host(it) for it in made]
    made += [step_result("airflow", "tuned", "chain-10-noop", results.REPEATS_FROM + 2)]
    for it in made:
        if it.journal:
            (folder / it.journal).touch()
        results.append(folder, it)
    return made


def _said_by(made: Result) -> Result:
    """Add the engine's own clock, or why it has none."""
    if made.engine != "bare":
        return replace(made, measures={**made.measures, "engine_span_s": 7.25})
    untold = Finding("engine_span_s", Verdict.UNKNOWN, "nobody keeps it")
    measures = {**made.measures, "engine_span_s": None}
    return replace(made, measures=measures, findings=(*made.findings, untold))


def _on_a_loud_host(made: Result) -> Result:
    """Disturb one trial that is repeated, and one that is not: both take a hundred times longer."""
    found = (made.engine, made.variant, made.workload, made.trial)
    loud = {("airflow", "tuned", "chain-10-noop", 2), ("airflow", "tuned", "chain-10-noop", 3)}
    if found not in loud:
        return made
    slow = {name: value and 100 * value for name, value in made.measures.items()}
    return replace(made, measures=slow, environment={**made.environment, "noise": LOUD_HOST})


def step_result(
    engine: str, variant: str, workload: str, trial: int, control: bool = False, **more: float
) -> Result:
    """Return a calm trial of a synthetic workload; `more` are measures that take other values."""
    pipeline = "chain" if workload.startswith("fib") else workload.partition("-")[0]
    base = result(engine, variant, pipeline, results.CALM, trial)
    own = {"task": TASKS[engine], "noise": QUIET_HOST, "control": control}
    return replace(
        base, workload=workload, ledger=None, measures={**_step_measures(base, workload), **more},
        findings=(Finding("worked", Verdict.PASS, ""),),
        journal=f"journals/{engine}-{variant}-{workload}-{trial}.jsonl",
        environment={**base.environment, **own},
    )  # fmt: skip


def _step_measures(base: Result, workload: str) -> dict[str, float | None]:
    start, handoff, own = STEP_COSTS[base.engine, base.variant]
    steps, work = _work_of(workload)
    chance = random.Random(f"{base.engine}{base.variant}{workload}{base.trial}").uniform(0.98, 1.02)
    runs = named(workload).runs
    if runs > 1:
        return _together(runs, steps, chance * runs * (start + steps * (own + handoff)) / 2)
    lanes = 2 if base.pipeline == "fanout" else 1
    span = chance * (steps * (own + work) + (steps - 1) * handoff) / lanes
    chained = handoff if base.pipeline == "chain" and steps > 1 else None
    cpu = {"bare": 0.001, "airflow": 1.1, "prefect": 0.1, "dagster": 1.5}[base.engine]
    return {
        "dispatch_s": start, "makespan_s": start + span, "closing_s": 0.2,
        "handoff_p50_s": chained, "handoff_p95_s": chained and 2 * chained,
        "attempts_steps": float(steps), "per_step_s": span / steps,
        "work_s": steps * (own + work), "throughput_steps_per_s": steps / (start + span),
        "cpu_s": 0.05 + steps * (cpu + work), "bench_cpu_s": 0.004, "peak_pss_mb": None,
    }  # fmt: skip


def _work_of(workload: str) -> tuple[int, float]:
    """Return how many steps a workload has, and how long each of them works."""
    if workload in ("fib_40_10", "fib_10_33"):
        return (40, 0.0) if workload == "fib_40_10" else (10, FIB_33_S)
    asked = {"steps": 1, "kind": "noop", **named(workload).parameters}
    return asked["steps"], asked["amount"] / 1000 if asked["kind"] == "busy" else 0.0


def _together(runs: int, steps: int, took: float) -> dict[str, float | None]:
    return {
        "makespan_s": took, "throughput_runs_per_s": runs / took,
        "throughput_steps_per_s": runs * steps / took, "run_makespan_p50_s": 0.8 * took,
        "run_makespan_min_s": 0.5 * took, "run_makespan_max_s": took, "fairness_percent": 95.0,
        "cpu_s": 1.0 * runs, "bench_cpu_s": 0.004, "peak_pss_mb": None,
    }  # fmt: skip


def refused(made: Result, said: str) -> Result:
    """Return a trial whose run the engine failed, in its own words."""
    return replace(
        made, outcome=Outcome.GAVE_UP, truth=Truth.TRUE_FAILURE,
        measures=dict.fromkeys(made.measures),
        findings=(Finding("worked", Verdict.FAIL, "2 steps"),
                  Finding("engine_says", Verdict.UNKNOWN, said)),
    )  # fmt: skip


def stuck(made: Result, started: int) -> Result:
    """Return a trial that had no final state at its deadline."""
    nothing: dict[str, float | None] = dict.fromkeys(made.measures)
    return replace(
        made, outcome=Outcome.STUCK, truth=Truth.LIMBO,
        measures={**nothing, "attempts_steps": float(started), "cpu_s": 40.0},
        findings=(Finding("worked", Verdict.FAIL, f"{50 - started} steps"),),
        environment={**made.environment, "took_s": 121.4},
    )  # fmt: skip


def _calm(folder: Path, repetitions: int) -> Iterator[Result]:
    for engine, variant in SETUPS:
        for pipeline in PIPELINES:
            warm_up = pipeline == "github_stats"  # one a setup, and memory is read in it alone
            for trial in range(0 if warm_up else 1, repetitions + 1):
                warm = trial == 0
                base = result(engine, variant, pipeline, results.CALM, trial or 1)
                base = replace(base, journal=base.journal.replace("calm", f"calm-{trial}"))
                chance = random.Random(f"{engine}{variant}{pipeline}{trial}")
                history = calm_history(base, chance, slow=2.0 if warm else 1.0)
                _tell(folder / base.journal, history)
                yield replace(base, warmup=warm, measures=_measures(base, history, chance, warm))


def _measures(
    base: Result, history: list[Event], chance: random.Random, memory: bool
) -> dict[str, float | None]:
    first = next(event.at for event in history if event.kind == "started")
    last = max(event.at for event in history if event.kind == "finished")
    weight = {"bare": 1, "airflow": 14, "prefect": 7, "dagster": 9}[base.engine]
    return {
        "dispatch_s": round(first - 100, 3), "makespan_s": round(last - 100, 3),
        "closing_s": round(history[-1].at - last, 3),
        "handoff_p50_s": HANDOFF[base.engine][base.variant == "tuned"],
        "cpu_s": round(weight * chance.uniform(0.9, 1.1), 2),
        "peak_pss_mb": round(70 * weight * chance.uniform(0.98, 1.02), 1) if memory else None,
    }  # fmt: skip


def calm_history(base: Result, chance: random.Random, slow: float = 1.0) -> list[Event]:
    tuned = base.variant == "tuned"
    handoff = HANDOFF[base.engine][tuned]
    events = [event(100.0, "submitted", base)]
    clock = 100 + DISPATCH[base.engine][tuned] * slow * chance.uniform(0.9, 1.1)
    clock = _step(events, base, clock, "plan", "", 0.05)
    ends = []
    for number, key in enumerate(KEYS[base.pipeline]):
        at = clock + handoff * (1 + number // 2)
        for step, length in (("extract", 0.7), ("transform", 0.2), ("load", 0.3)):
            at = _step(events, base, at, step, key, length * chance.uniform(0.8, 1.2)) + handoff
        ends.append(at)
    clock = _step(events, base, max(ends), "summarise", "", 0.1)
    events.append(event(clock + 0.3 * (1 + handoff), "ended", base, detail="succeeded"))
    return sorted(events, key=lambda it: it.at)


def _step(events: list[Event], base: Result, at: float, step: str, key: str, s: float) -> float:
    events.append(event(at, "started", base, step, key, pid=hash_of(step + key)))
    if step == "load":
        events.append(event(at + 0.8 * s, "committed", base, step, key, pid=hash_of(step + key)))
    events.append(event(at + s, "finished", base, step, key, pid=hash_of(step + key)))
    return at + s


def hash_of(text: str) -> int:
    return 1000 + sum(text.encode())


def event(
    at: float,
    kind: str,
    base: Result,
    step: str = "",
    key: str = "",
    pid: int = 1,
    detail: Any = None,
) -> Event:
    return Event(
        at=round(at, 4), wall=1795000000 + at, kind=kind, run="run", step=step, key=key, pid=pid,
        host="made-up-host", detail=detail,
    )  # fmt: skip


def _faults(folder: Path, repetitions: int) -> Iterator[Result]:
    for scenario, stories in FAULTS.items():
        for (engine, variant), story in stories.items():
            for trial in range(1, repetitions + 1):
                base = result(engine, variant, "complaints", scenario, trial)
                if isinstance(story, str):
                    yield _broken(base, story)
                    continue
                _tell(folder / base.journal, _fault_history(base, story))
                yield _harmed(base, story)


def _broken(base: Result, story: str) -> Result:
    nothing: dict[str, float | None] = dict.fromkeys(("makespan_s", "detect_s", "recover_s"))
    return replace(
        base, outcome=Outcome.ERROR, truth=None, ledger=None, findings=(), journal="",
        measures=nothing, error=story,
    )  # fmt: skip


def _harmed(base: Result, story: Story) -> Result:
    assert not isinstance(story, str)
    outcome, truth, detect, recover, repeated, interventions, lost = story
    verdict = Verdict.FAIL if lost else Verdict.PASS
    return replace(
        base, outcome=outcome, truth=truth, ledger=asdict(ledger("complaints", lost)),
        findings=(Finding("complete", verdict, f"{lost} rows are lost | see the ledger"),),
        measures={
            "detect_s": detect, "recover_s": recover, "truth_s": recover and recover + 1,
            "repeated_steps": repeated, "interventions_count": interventions,
            "wasted_steps": repeated + 1, "wasted_s": 4.321, "blast_radius_steps": repeated,
        },
    )  # fmt: skip


def _fault_history(base: Result, story: Story) -> list[Event]:
    assert not isinstance(story, str)
    calm = calm_history(base, random.Random(base.engine))
    strike = next(it for it in calm if it.kind == "committed")
    late = story[1] == Truth.LIMBO
    wait = story[3] or (story[2] or 5.0) + 4
    told = [it for it in calm if it.at <= strike.at]
    told.append(event(strike.at + 0.01, "fault_injected", base, detail="killed <one> process"))
    if story[5]:
        told.append(event(strike.at + wait / 2, "resumed", base))
    if not late:
        again = [replace(it, at=it.at + wait / 2 + 0.2) for it in calm if it.at > strike.at]
        start = event(strike.at + wait / 2 + 0.1, "started", base, strike.step, strike.key, pid=77)
        told += [start, *(replace(it, pid=77) if it.key == strike.key else it for it in again)]
    else:
        told.append(event(160.0, "ended", base, detail="deadline"))
    return sorted(told, key=lambda it: it.at)


def _tell(file: Path, history: list[Event]) -> None:
    for it in history:
        journal.append(file.parent, replace(it, run=file.stem))
