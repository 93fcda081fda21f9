"""What people do to a run while it goes on: they trigger it twice, or cancel it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar

import requests

from benchmarks.faults.at_hold import AtHold, hold_alone, release
from benchmarks.model import Finding, State, Trial, Verdict, Workload, World
from benchmarks.orchestrators.services import wait_until
from benchmarks.person import COMMANDS
from benchmarks.workloads import Expected, complaints, expected
from shared.journal import Event

# From a cancellation to the moment from which nothing may be written: twice the longest grace as
# shipped (Prefect's worker sends SIGKILL 30 s after SIGTERM; Airflow tells a task at its next
# heartbeat, within 5 s, and kills it 5 s later).
GRACE_S = 60.0
TWIN_S = 300.0  # for the other run to end


@dataclass(frozen=True, slots=True)
class TriggerTwice(AtHold):
    """Submit a run of the same days while one is at work on them; both go on side by side.

    `later`: of days that begin so many later, so that the two overlap.
    """

    silent_until: ClassVar[str] = "fault_injected"

    name: str = "triggered-twice"
    kind: str = "checkpoint"
    step: str = "extract"
    later: int = 0

    def strike(self, world: World, hit: Event) -> str:
        scene, engine = world.scene, world.orchestrator
        twin = f"{scene.run}-again"
        parameters = moved(scene.workload, self.later).parameters
        asked = f"{parameters['start']} to {parameters['end']} was asked for, too"
        try:
            scene.handles[twin] = engine.submit(scene.workload.pipeline, twin, parameters)
        except requests.HTTPError as error:  # which is an answer as well
            asked += f", and refused: {error}"[:300]
        release(world)
        return asked

    def heal(self, world: World) -> None:
        """Wait for the other run's end: what it writes is in the same warehouse.

        Raises:
            TimeoutError: it has not ended.

        """
        release(world)
        for handle in [h for run, h in world.scene.handles.items() if run != world.scene.run]:
            wait_until(
                lambda handle=handle: _ended(world, handle),  # type: ignore[misc]
                timeout_s=TWIN_S,
                because="the second run has not ended",
            )


def moved(workload: Workload, days: int) -> Workload:
    """Return a workload of as many days, so many later."""
    start = date.fromisoformat(workload.keys[0]) + timedelta(days=days)
    return complaints(str(start), len(workload.keys))


def of_both(workload: Workload) -> Expected:
    """Return what must arrive of a run and of one that begins a day later."""
    return expected(complaints(workload.keys[0], len(workload.keys) + 1))


def _ended(world: World, handle: str) -> bool:
    return world.orchestrator.state(handle) in (State.SUCCEEDED, State.FAILED)


@dataclass(frozen=True, slots=True)
class Cancel(AtHold):
    """Cancel the run the way the engine offers while a step is at work, which it is for a while.

    After the grace the step goes on, if it is still there.
    """

    silent_until: ClassVar[str] = "fault_injected"

    name: str = "cancelled"
    kind: str = "checkpoint"
    step: str = "extract"
    lasts_s: float = GRACE_S

    def strike(self, world: World, hit: Event) -> str:
        hold_alone(world, hit)
        refused = _cancel(world)
        return f"cancelled, with {self.lasts_s:g} s to stop" + refused


def _cancel(world: World) -> str:
    """Ask for the run's end, as often as a person would; say how often that was refused.

    Airflow's api-server answered 500 once: its transaction and the scheduler's had locked the same
    rows in another order, and the database had ended one of the two.

    Raises:
        requests.RequestException: it was refused each time.

    """
    handle, refused = world.scene.handles[world.scene.run], ""
    for left in reversed(range(COMMANDS)):
        try:
            world.orchestrator.cancel(handle)
            break
        except requests.RequestException as error:
            if not left:
                raise
            refused += f"; refused: {error}"[:300]
    return refused


def stopped(trial: Trial) -> Finding:
    """A run that was cancelled does nothing any more once its grace is over."""
    over = next((e.at for e in trial.history if e.kind == "healed"), math.inf)
    if math.isinf(over):
        return Finding("stopped", Verdict.UNKNOWN, "the grace was not waited for")
    late = [f"{e.kind} {e.step} {e.key}".strip() for e in trial.history if e.pid and e.at > over]
    return Finding("stopped", Verdict.FAIL if late else Verdict.PASS, "; ".join(late[:5]))
