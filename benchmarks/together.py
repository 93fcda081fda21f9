"""Several runs of one workload at once: submitted together, watched until all have ended."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import requests

from benchmarks import checks, hearing, measures, runner, workloads
from benchmarks.model import (
    Finding,
    Orchestrator,
    Outcome,
    Result,
    Scenario,
    State,
    Struck,
    Told,
    Trial,
    Truth,
    Verdict,
    Workload,
)
from benchmarks.runner import JOURNAL_POLL_S
from benchmarks.sampling import Sampler
from benchmarks.stand import Stand, note
from shared import journal

ENDED = (State.SUCCEEDED, State.FAILED)


@dataclass(slots=True)
class UnderWay:
    """One of the runs, from its submission to its end."""

    run: str
    handle: str
    follower: journal.Follower
    state: State = State.WAITING
    refused: str = ""  # what the engine said when it did not take the run
    asked: float = 0.0  # when the engine was last asked about it


def names(run: str, runs: int) -> list[str]:
    """Return our ids of the runs of a trial; one alone has the trial's."""
    if runs == 1:
        return [run]
    return [f"{run}-{number:02d}" for number in range(1, runs + 1)]


def run_trials(
    stand: Stand, scenario: Scenario, workload: Workload, run: str, sampler: Sampler
) -> tuple[Trial, ...]:
    """Bring all runs of a workload to their end or the deadline, calmly; nothing is resumed.

    Raises:
        RuntimeError, OSError: the bench or a service broke; no statement about the engine.

    """
    runner.clear(stand)
    with sampler:
        deadline = time.monotonic() + max(scenario.deadline_s, workload.deadline_s)
        under_way = submit(stand, workload, names(run, workload.runs))
        watch(stand, workload, under_way, deadline)
    return tuple(_trial(stand, scenario, workload, it) for it in under_way)


def submit(stand: Stand, workload: Workload, runs: Sequence[str]) -> list[UnderWay]:
    """Submit all at the same moment: one that the engine is slow to accept delays no other."""
    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(partial(_submit, stand, workload), runs))


def _submit(stand: Stand, workload: Workload, run: str) -> UnderWay:
    """Submit one run; that the engine does not take it under this load is an answer, too."""
    note(stand, run, "submitted", Struck(workload.name, key=workload.keys[0]))
    follower = journal.Follower(journal.path(stand.journals, run))
    try:
        handle = stand.orchestrator.submit(workload.pipeline, run, workload.parameters)
    except requests.RequestException as error:
        return UnderWay(run, "", follower, State.FAILED, f"not accepted: {error}")
    return UnderWay(run, handle, follower)


def watch(stand: Stand, workload: Workload, under_way: list[UnderWay], deadline: float) -> None:
    """Watch until every run has ended; of many runs, the API is asked no oftener than of one."""
    left, asked = [it for it in under_way if it.state not in ENDED], time.monotonic()
    while left and time.monotonic() < deadline:
        time.sleep(JOURNAL_POLL_S)
        closing = [it for it in left if runner.all_done(workload, it.follower.look())]
        if time.monotonic() - asked < runner.patience_s(bool(closing)):
            continue
        _ask(stand.orchestrator, min(closing or left, key=lambda it: it.asked))
        asked = time.monotonic()
        for it in [it for it in left if it.state in ENDED]:
            left.remove(it)
            note(stand, it.run, "ended", Struck(it.state.value))
    for it in [it for it in under_way if it in left or it.refused]:
        note(stand, it.run, "ended", Struck(it.state.value))


def _ask(orchestrator: Orchestrator, one: UnderWay) -> None:
    one.state = runner.ask(orchestrator, one.handle, one.state)
    one.asked = time.monotonic()


def _trial(stand: Stand, scenario: Scenario, workload: Workload, one: UnderWay) -> Trial:
    history = journal.read(journal.path(stand.journals, one.run))
    return Trial(
        setup=stand.orchestrator.setup,
        workload=workload,
        scenario=scenario.name,
        run=one.run,
        history=history,
        state=one.state,
        ledger=runner.take_ledger(stand, workload, one.run, workloads.expected, history),
        told=_told(stand, workload, one),
    )


def _told(stand: Stand, workload: Workload, one: UnderWay) -> Told:
    if one.refused:
        return Told(why=one.refused[: hearing.WORDS])
    return hearing.hear(stand.orchestrator, one.handle, workload, one.state)


def result_of(trials: Sequence[Trial], template: Result, usage: Mapping[str, Any]) -> Result:
    """Judge and measure the runs of a trial as one: it is as good as the worst of them."""
    histories = [trial.history for trial in trials]
    return replace(
        template,
        outcome=max((_outcome(it) for it in trials), key=list(Outcome).index),
        truth=_worst([checks.truth_of(it.state, checks.delivered(it)) for it in trials]),
        measures={**measures.of_runs(histories), **usage},
        findings=tuple(_all_findings(trials)),
    )


def _outcome(trial: Trial) -> Outcome:
    return checks.outcome_of(trial.state, trial.history)


def _worst(truths: Sequence[Truth | None]) -> Truth | None:
    """Return the worst of them; limbo before all, since it goes with what is stuck."""
    return None if None in truths else max((it for it in truths if it), key=list(Truth).index)


def _all_findings(trials: Sequence[Trial]) -> list[Finding]:
    """Return each check once: what it says of the first run that is not well, or of how many."""
    found: dict[str, list[tuple[Trial, Finding]]] = {}
    for trial in trials:
        for it in (*checks.judge(trial, landed=True), *hearing.findings(trial.told)):
            found.setdefault(it.check, []).append((trial, it))
    return [_one(told, len(trials)) for told in found.values()]


def _one(told: Sequence[tuple[Trial, Finding]], runs: int) -> Finding:
    wrong = [(trial, it) for trial, it in told if it.verdict is not Verdict.PASS]
    if not wrong:
        return replace(told[0][1], reason=f"{runs} runs")
    trial, first = wrong[0]
    return replace(first, reason=f"{len(wrong)} of {runs} runs; {trial.run}: {first.reason}")
