"""What the engine itself says of a run that has ended, asked after the trial: timed by nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import requests

from benchmarks.model import (
    ENGINE_SAYS,
    ENGINE_SPAN,
    Finding,
    Orchestrator,
    State,
    Stored,
    Told,
    Verdict,
    Workload,
)
from benchmarks.orchestrators.services import portable
from benchmarks.workloads import FLOWS

SETTLE_S = 30.0  # an engine may store its steps' ends after the run's
LATE_S = 180.0  # behind a fault: what comes later than that counts as lost
POLL_S = 0.5
WORDS = 600  # characters of what it says of a failure: the end, where the cause is


def hear(
    orchestrator: Orchestrator,
    handle: str,
    workload: Workload,
    state: State,
    *,
    hurt: bool = False,
    steps: int = 0,
) -> Told:
    """Ask why a run did not succeed, or how long one took that others have timed by this clock.

    Of one that was `hurt` it is asked how it went, too, and how many of its `steps` are stored as
    done, when it has succeeded.
    """
    told = _hear(orchestrator, handle, workload, state)
    if not hurt:
        return told
    stored = settled_steps(orchestrator, handle, steps) if state is State.SUCCEEDED else None
    return replace(told, history=_asked(orchestrator.history, handle), steps=stored)


def settled_steps(
    orchestrator: Orchestrator,
    handle: str,
    steps: int,
    settle_s: float = SETTLE_S,
    late_s: float = LATE_S,
) -> Stored | None:
    """Return how many steps a store has as done; None: it does not say.

    Where they are not all there in time they are waited for, to tell what comes late from what
    never comes.
    """
    begun, in_time, stored = time.monotonic(), None, None
    while True:
        try:
            stored = orchestrator.steps_done(handle)
        except LookupError:
            return None
        except OSError:  # behind a fault the API may need a moment
            pass
        waited_s = time.monotonic() - begun
        if stored is not None and waited_s <= settle_s:
            in_time = stored
        if stored is not None and stored >= steps:
            return Stored(in_time, stored, waited_s)
        if waited_s > late_s:
            return None if stored is None else Stored(in_time, stored, waited_s)
        time.sleep(POLL_S)


def _hear(orchestrator: Orchestrator, handle: str, workload: Workload, state: State) -> Told:
    if state is not State.SUCCEEDED:
        return Told(why=_why(orchestrator, handle))
    if workload.name not in FLOWS:
        return Told()
    try:
        return Told(span_s=settled_span_s(orchestrator, handle, len(workload.keys)))
    except (LookupError, OSError) as error:
        return Told(no_span=str(error))


def settled_span_s(
    orchestrator: Orchestrator, handle: str, steps: int, timeout_s: float = SETTLE_S
) -> float:
    """Return the span by the engine's clock as soon as its store knows the end of every step.

    Raises:
        LookupError: the engine does not say, or did not in time.
        OSError: its API did not answer.

    """
    deadline = time.monotonic() + timeout_s
    while (span := orchestrator.span_s(handle, steps)) is None:
        if time.monotonic() > deadline:
            raise LookupError(
                f"after {timeout_s:g} s its store did not know the end of {steps} steps"
            )
        time.sleep(POLL_S)
    return span


def _why(orchestrator: Orchestrator, handle: str) -> str:
    return " ".join(_asked(orchestrator.why, handle).split())[-WORDS:]


def _asked(ask: Callable[[str], str], handle: str) -> str:
    try:
        said = ask(handle)
    except requests.RequestException as error:
        said = f"its API did not answer: {error}"
    return portable(said)


def findings(told: Told) -> tuple[Finding, ...]:
    """Return what a result keeps of it in words."""
    said = {ENGINE_SAYS: told.why, ENGINE_SPAN: told.no_span}
    return tuple(Finding(name, Verdict.UNKNOWN, it) for name, it in said.items() if it)
