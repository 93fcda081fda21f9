"""One trial: submit, watch, strike, resume at most once, heal always, judge and measure."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import requests

from benchmarks import checks, ledger, measures, workloads
from benchmarks.attempts import attempts
from benchmarks.hearing import findings, hear
from benchmarks.link import Link
from benchmarks.model import (
    ENGINE_SPAN,
    FINAL,
    SYNTHETIC,
    Fault,
    Finding,
    Ledger,
    Orchestrator,
    Outcome,
    Result,
    Scenario,
    Scene,
    Server,
    State,
    Struck,
    Trial,
    Truth,
    Verdict,
    Workload,
)
from benchmarks.orchestrators.services import Services, portable
from benchmarks.processes import Group, alive
from benchmarks.results import CALM
from benchmarks.sampling import Sampler
from benchmarks.source import client
from shared import journal, shadow, warehouse
from shared.journal import Event

COMMANDS = 3  # that a person types until one is not refused
JOURNAL_POLL_S = 0.05
STATE_POLL_S = 1.0  # an engine's API is asked no oftener, or the bench becomes the load
CALM_POLL_S = 5.0  # ... where nothing goes wrong, and no change of state is timed
CLOSING_POLL_S = 0.2  # ... until the last step has finished and only the final state is awaited
LINGER_S = 10.0  # for which attempts are waited that outlived their run: they may still write

Truths = Callable[[Workload], workloads.Expected]
NOTHING = Workload("", "", {}, ())


@dataclass(frozen=True, slots=True)
class Stand:
    """Where trials of one setup take place: the engine and everything a fault may touch.

    `metadata_url` is the PostgreSQL database in which the engine keeps its metadata, "" when it has
    none; `database` the processes of that server, when it is the bench's own.
    """

    orchestrator: Orchestrator
    source_url: str
    warehouse_url: str
    journals: Path
    holds: Path
    staging: Path
    metadata: Server | None = None
    shadowed: bool = False  # whether the pipelines note each row that they write
    metadata_url: str = ""
    database: Group | None = None
    warehouse: Server | None = None
    link: Link | None = None
    scene: Scene = field(default_factory=lambda: Scene("", NOTHING))

    @property
    def local(self) -> bool:
        """Whether the engine is processes that the bench has started: no containers."""
        return isinstance(self.orchestrator.services, Services)


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
        told=hear(stand.orchestrator, handle, workload, state, hurt=scenario.name != CALM),
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
        strike.look(history)
        calm = scenario.name == CALM
        if time.monotonic() - asked < patience_s(all_done(workload, history), calm):
            continue
        state, asked = ask(stand.orchestrator, handle, state), time.monotonic()
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


@dataclass(slots=True)
class Strike:
    """A trial's fault, from its moment to the end of its time.

    It is healed by a thread of its own: an engine whose database is away may let the bench wait for
    an answer for longer than the fault is to last. Leaving the context waits for that thread.
    """

    stand: Stand
    fault: Fault
    run: str
    struck_at: float | None = None
    healed: bool = False
    broken: Exception | None = None
    timer: threading.Timer | None = None
    healing: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer.join()
        if self.broken is not None and kind is None:
            raise self.broken

    def look(self, history: Sequence[Event]) -> None:
        """Inject the fault when it is due; from then on its time runs.

        Raises:
            RuntimeError, OSError: it could not be injected, or not be healed in time.

        """
        if self.broken is not None:
            raise self.broken
        if self.struck_at is None and self.fault.due(history):
            self.struck_at = at = time.monotonic()  # before: an engine may react faster than we
            struck = self.fault.inject(self.stand, history)
            note(self.stand, self.run, "fault_injected", struck, struck.at or at)
            if math.isfinite(self.fault.lasts_s):
                left = max(0.0, at + self.fault.lasts_s - time.monotonic())
                self.timer = threading.Timer(left, self._heal_in_time)
                self.timer.start()

    def _heal_in_time(self) -> None:
        try:
            self.heal()
        except Exception as error:  # whatever it is, the trial is the one to say so
            self.broken = error

    def heal(self) -> None:
        """Heal the fault, unless it was or never struck; say how long both took."""
        with self.healing:
            if self.struck_at is None or self.healed:
                return
            self.healed, at = True, time.monotonic()
            self.fault.heal(self.stand)
            what = f"after {at - self.struck_at:.1f} s, in {time.monotonic() - at:.1f} s"
            note(self.stand, self.run, "healed", Struck(what), at)

    def over_at(self) -> float:
        """Return when the fault's time is over; 0 when it has none, or never struck."""
        if self.struck_at is None or math.isinf(self.fault.lasts_s):
            return 0.0
        return self.struck_at + self.fault.lasts_s


@dataclass(slots=True)
class Person:
    """Who looks after a run that was hit, and does one thing when it shows no sign for long."""

    stand: Stand
    run: str
    patience_s: float
    looked: bool = False
    given_up: bool = False
    resumed: bool = False
    refused: int = 0

    def would_act(self, state: State, history: Sequence[Event]) -> bool:
        """Whether the run has neither ended nor shown a sign for so long, and a way is left."""
        silent = time.monotonic() - history[-1].at > self.patience_s
        return silent and state not in FINAL and not self.given_up

    def act(self, handle: str) -> None:
        """Restart services that are unwell; give the run up where that is not it."""
        mended = "" if self.looked else self.stand.orchestrator.mend()
        self.looked = True
        if mended:
            note(self.stand, self.run, "mended", Struck(f"restarted {mended}"))
            return
        note(self.stand, self.run, "given_up", Struck(f"no sign for {self.patience_s:g} s"))
        with self.typing():
            self.stand.orchestrator.give_up(handle)
            self.given_up = True

    def would_resume(self, state: State) -> bool:
        """Whether the run has failed and was not resumed yet."""
        return state is State.FAILED and not self.resumed

    def resume(self, handle: str) -> str:
        """Resume a run by the manual's way, and return its handle from now on."""
        note(self.stand, self.run, "resumed", Struck("by the manual's way"))
        with self.typing():
            handle = self.stand.orchestrator.resume(handle)
            self.resumed = True
        return handle

    @contextlib.contextmanager
    def typing(self) -> Iterator[None]:
        """Let a command be refused now and then, to be typed again.

        A pooled connection to a database that was away is found dead by who uses it first.
        """
        try:
            yield
        except requests.RequestException:
            self.refused += 1
            if self.refused == COMMANDS:
                raise


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


def note(stand: Stand, run: str, kind: str, what: Struck, at: float | None = None) -> None:
    """Append one of the bench's own events to the run's journal; `at` is now unless given."""
    event = Event(
        at=time.monotonic() if at is None else at,
        wall=time.time(),
        kind=kind,
        run=run,
        step=what.step,
        key=what.key,
        detail=what.what,
    )
    journal.append(stand.journals, event)


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
