"""One trial: submit, watch, strike, resume at most once, heal always, judge and measure."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import requests

from benchmarks import checks, ledger, measures, workloads
from benchmarks.attempts import attempts
from benchmarks.hearing import findings, hear
from benchmarks.model import (
    ENGINE_SPAN,
    FINAL,
    SYNTHETIC,
    Finding,
    Ledger,
    Orchestrator,
    Outcome,
    Result,
    Scenario,
    Scene,
    State,
    Struck,
    Trial,
    Truth,
    Verdict,
    Workload,
)
from benchmarks.orchestrators.services import portable
from benchmarks.person import COMMANDS, Person
from benchmarks.processes import alive
from benchmarks.results import CALM
from benchmarks.sampling import Sampler
from benchmarks.source import client
from benchmarks.stand import Stand, note
from benchmarks.strike import Strike
from shared import journal, shadow, warehouse
from shared.journal import Event

JOURNAL_POLL_S = 0.05
STATE_POLL_S = 1.0  # an engine's API is asked no oftener, or the bench becomes the load
CALM_POLL_S = 5.0  # ... where nothing goes wrong, and no change of state is timed
CLOSING_POLL_S = 0.2  # ... until the last step has finished and only the final state is awaited
LINGER_S = 10.0  # for which attempts are waited that outlived their run: they may still write

Truths = Callable[[Workload], workloads.Expected]


def run_trial(
    stand: Stand,
    scenario: Scenario,
    workload: Workload,
    run: str,
    sampler: Sampler,
    truth: Truths | None = None,
) -> Trial:
    """Bring one run of a workload to its end or its deadline, through the scenario's fault.

    `truth` says what must arrive; by default the stand-in source's ground truth.

    Raises:
        RuntimeError, OSError: the bench or a service broke; no statement about the engine.

    """
    clear(stand)
    stand = replace(stand, scene=Scene(run, workload))
    file = journal.path(stand.journals, run)
    with stand.scene.undo:
        try:
            scenario.fault.prepare(stand, run, workload)
            with sampler:
                state, handle = watch(stand, scenario, workload, run, file)
        finally:
            scenario.fault.heal(stand)
        if state in FINAL:
            outlast(file)
    history = journal.read(file)
    return Trial(
        setup=stand.orchestrator.setup,
        workload=workload,
        scenario=scenario.name,
        run=run,
        history=history,
        state=state,
        ledger=take_ledger(
            stand, workload, run, scenario.truth or truth or workloads.expected, history
        ),
        told=hear(
            stand.orchestrator,
            handle,
            workload,
            state,
            hurt=scenario.name != CALM,
            steps=len(checks.ended(history)),
        ),
    )


def clear(stand: Stand) -> None:
    """Empty the warehouse, the source's record and the answers kept from earlier runs."""
    if stand.shadowed:
        with warehouse.engine(stand.warehouse_url).begin() as connection:
            shadow.create(connection)  # a run that never gets to its warehouse has written nothing
    warehouse.empty(stand.warehouse_url)
    client.reset(stand.source_url)
    for kept in (stand.staging / "cache").rglob("*.json"):
        kept.unlink()


def outlast(file: Path) -> None:
    """Wait until nothing of a run can write any more, or for `LINGER_S` seconds.

    A worker that was cut off or frozen may go on after its engine has given the run up.
    """
    deadline = time.monotonic() + LINGER_S
    while any(a.end is None and alive(a.start) for a in attempts(journal.read(file))):
        if time.monotonic() > deadline:
            return
        time.sleep(JOURNAL_POLL_S)


def take_ledger(
    stand: Stand, workload: Workload, run: str, truth: Truths, history: Sequence[Event]
) -> Ledger | None:
    """Hold the warehouse against the ground truth; None where a pipeline has no warehouse."""
    if workload.pipeline in SYNTHETIC:
        return None
    url, expected = stand.warehouse_url, truth(workload)
    taken = ledger.take(
        workload.pipeline,
        run,
        expected,
        url=url,
        requests=int(client.counts(stand.source_url)["total"]),
    )
    if not stand.shadowed:
        return taken
    right = ledger.right_rows(workload.pipeline, expected, url)
    return ledger.with_writes(taken, right, shadow.writes(warehouse.engine(url), run), history)


def watch(
    stand: Stand, scenario: Scenario, workload: Workload, run: str, file: Path
) -> tuple[State, str]:
    """Return the state the run ended in, or was in at the deadline, and the engine's handle."""
    note(stand, run, "submitted", Struck(workload.name, key=workload.keys[0]))
    deadline = time.monotonic() + max(scenario.deadline_s, workload.deadline_s)
    handle = submitted(stand, workload, run, tries=1 if scenario.name == CALM else COMMANDS)
    stand.scene.handles[run] = handle
    with Strike(stand, scenario.fault, run) as strike:
        state = attend(stand, scenario, workload, run, strike, deadline, file)
    return state, stand.scene.handles[run]


def attend(
    stand: Stand,
    scenario: Scenario,
    workload: Workload,
    run: str,
    strike: Strike,
    deadline: float,
    file: Path,
) -> State:
    """Watch a run until its end or the deadline, strike when it is due, and be the person."""
    handle = stand.scene.handles[run]
    person = Person(stand, run, scenario.stuck_s)
    state, asked = State.WAITING, time.monotonic()
    follower = journal.Follower(file)
    while time.monotonic() < deadline:
        time.sleep(JOURNAL_POLL_S)
        history = follower.look()
        before = strike.struck_at
        strike.look(history)
        if strike.struck_at != before:
            state = State.RUNNING  # whenever it was asked last: a step of it was at work
        calm = scenario.name == CALM
        if time.monotonic() - asked < patience_s(all_done(workload, history), calm):
            continue
        known, asked = state, time.monotonic()
        state = ask(stand.orchestrator, handle, known)
        if strike.struck_at is not None and (known, state) == (State.RUNNING, State.WAITING):
            note(stand, run, "noticed", Struck("the engine has ended the attempt, and will retry"))
        if strike.struck_at is not None and person.would_act(state, history):
            person.act(handle)
        elif person.would_resume(state) and scenario.ends is not Truth.TRUE_FAILURE:
            if scenario.heals_first:
                strike.heal()
            handle = stand.scene.handles[run] = person.resume(handle)
        elif state in FINAL:
            break
    note(stand, run, "ended", Struck(state.value))
    if scenario.after_s:
        linger(strike, follower, scenario.after_s)
    return state


def submitted(stand: Stand, workload: Workload, run: str, tries: int) -> str:
    """Ask for a run, again where that is refused, and return its handle.

    The trial before may have taken a database away: who uses a pooled connection first finds it
    dead.
    """
    for left in reversed(range(tries)):
        try:
            return stand.orchestrator.submit(workload.pipeline, run, workload.parameters)
        except requests.RequestException as error:
            if not left:
                raise
            note(stand, run, "refused", Struck(f"{error}"[:200]))
    raise AssertionError("a run is asked for at least once")


def linger(strike: Strike, follower: journal.Follower, after_s: float) -> None:
    """Watch on for what comes behind the end of the run and, where it has one, of the fault."""
    ended = time.monotonic()
    while time.monotonic() < max(ended, strike.over_at()) + after_s:
        time.sleep(JOURNAL_POLL_S)
        strike.look(follower.look())


def patience_s(closing: bool, calm: bool = True) -> float:
    """Return how long the engine's API is left alone between two questions."""
    if closing:
        return CLOSING_POLL_S
    return CALM_POLL_S if calm else STATE_POLL_S


def all_done(workload: Workload, history: Sequence[Event]) -> bool:
    """Whether no further step is awaited."""
    if not history or history[-1].kind != "finished":
        return False
    if workload.pipeline not in SYNTHETIC:
        return history[-1].step == "summarise"
    return sum(event.kind == "finished" for event in history) >= len(workload.keys)


def ask(orchestrator: Orchestrator, handle: str, known: State) -> State:
    """Return where a run is, or where it was known to be when nobody answers."""
    try:
        return orchestrator.state(handle)
    except requests.RequestException:
        return known  # an API that does not answer says nothing new


def result_of(
    trial: Trial, scenario: Scenario, template: Result, usage: Mapping[str, Any]
) -> Result:
    """Judge and measure a trial; `template` holds what is known before it."""
    landed = scenario.fault.landed(trial.history)
    truth = checks.truth_of(trial.state, checks.delivered(trial))
    return replace(
        template,
        outcome=checks.outcome_of(trial.state, trial.history),
        truth=truth,
        measures={**measures.measure(trial.history), **usage, **span_of(trial)},
        ledger=asdict(trial.ledger) if trial.ledger is not None else None,
        findings=(
            *(as_it_must(f, truth, scenario.ends) for f in checks.judge(trial, landed=landed)),
            *own_findings(trial, scenario, landed),
            *findings(trial.told),
        ),
    )


def as_it_must(finding: Finding, truth: Truth | None, ends: Truth) -> Finding:
    """Return what is found; rows that are missing are right where a run must, and does, fail."""
    missing = finding.check in ("whole", "balanced") and finding.verdict is Verdict.FAIL
    if missing and truth is ends is Truth.TRUE_FAILURE:
        return replace(finding, verdict=Verdict.PASS, reason=f"{finding.reason}, as the run says")
    return finding


def own_findings(trial: Trial, scenario: Scenario, landed: bool) -> tuple[Finding, ...]:
    """Return what the scenario's own checks say; unknown when its fault missed its phase."""
    found = tuple(check(trial) for check in scenario.checks)
    if landed:
        return found
    return tuple(Finding(f.check, Verdict.UNKNOWN, f.reason) for f in found)


def span_of(trial: Trial) -> dict[str, float | None]:
    """Return the time by the engine's own clock, where it was asked for it."""
    told = trial.told
    return {ENGINE_SPAN: told.span_s} if told.span_s is not None or told.no_span else {}


def broken(template: Result, error: Exception) -> Result:
    """Return the row of a trial in which the bench or a service broke."""
    said = portable(f"{type(error).__name__}: {error}")
    return replace(template, outcome=Outcome.ERROR, error=said[:2000])
