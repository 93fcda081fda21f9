"""A history turned into numbers. Pure: nothing here looks at a clock, a file or a process.

Every measure is in the unit that its name ends in; None means that the history does not say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median, quantiles

from benchmarks.attempts import History, Unit, wasted
from benchmarks.checks import repeated
from shared import synthetic
from shared.journal import Event


def first(history: History, kind: str, after: float = float("-inf")) -> float | None:
    """Return when an event of a kind was first seen, in seconds of the journal's clock."""
    return next((e.at for e in history if e.kind == kind and e.at > after), None)


def last(history: History, kind: str) -> float | None:
    """Return when an event of a kind was last seen, before the run had its final state.

    What a step that the engine had given up tells later is no part of the run.
    """
    until = next((e.at for e in reversed(history) if e.kind == "ended"), float("inf"))
    return next((e.at for e in reversed(history) if e.kind == kind and e.at <= until), None)


def between(start: float | None, end: float | None) -> float | None:
    """Return the seconds from start to end, or None when one of them is not known."""
    return None if start is None or end is None else end - start


def dispatch_s(history: History) -> float | None:
    """Trigger → the first step's start."""
    return between(first(history, "submitted"), first(history, "started"))


def makespan_s(history: History) -> float | None:
    """Trigger → the last step's end."""
    return between(first(history, "submitted"), last(history, "finished"))


def closing_s(history: History) -> float | None:
    """The last step's end → the final state seen through the API (asked every 0.2 s by then)."""
    return between(last(history, "finished"), first(history, "ended"))


def handoffs_s(history: History) -> list[float]:
    """Return the seconds from each step's end to the first start of the step that waits for it.

    In an ETL pipeline that is the next step of the same key, in a chain the step of the next key.
    """
    finished: dict[Unit, float] = {}
    for event in history:
        if event.kind == "finished":
            finished.setdefault((event.step, event.key), event.at)
    follows = _follows(history)
    return [
        at - finished[before]
        for unit, at in _first_starts(history).items()
        if (before := follows.get(unit)) in finished
    ]


def _first_starts(history: History) -> dict[Unit, float]:
    return {(e.step, e.key): e.at for e in history if e.kind == "started" and e.attempt == 1}


def _follows(history: History) -> dict[Unit, Unit]:
    """Return, by step and key, the step and key that it waits for."""
    after = {"transform": "extract", "load": "transform"}
    pairs = {(e.step, e.key): (after[e.step], e.key) for e in history if e.step in after}
    handed = {e.key for e in _work(history, "finished") if _previous(e) is not None}
    keys = sorted({e.key for e in _work(history)})
    chain = {(synthetic.STEP, k): (synthetic.STEP, b) for b, k in pairwise(keys) if k in handed}
    return pairs | chain


def _previous(event: Event) -> object:
    """Return what a synthetic step was handed; None where the steps are independent."""
    return event.detail.get("previous") if isinstance(event.detail, dict) else None


def _work(history: History, kind: str = "") -> list[Event]:
    """Return the events of synthetic steps, of one kind or of all."""
    return [e for e in history if e.step == synthetic.STEP and kind in ("", e.kind)]


def handoff_p50_s(history: History) -> float | None:
    """The median of `handoffs_s`."""
    found = handoffs_s(history)
    return median(found) if found else None


def handoff_p95_s(history: History) -> float | None:
    """The 95 % quantile of `handoffs_s`, linear between the two values around it."""
    found = handoffs_s(history)
    if len(found) < 2:
        return found[0] if found else None
    return quantiles(found, n=20, method="inclusive")[-1]


def per_step_s(history: History) -> float | None:
    """The first step's start → the last step's end, over the count of steps that finished."""
    count = _steps(history)
    span = between(first(history, "started"), last(history, "finished"))
    return span / count if span is not None and count else None


def work_s(history: History) -> float | None:
    """What the steps themselves took: the sum over the attempts that finished."""
    started = {(e.key, e.attempt): e.at for e in _work(history, "started")}
    ends = {(e.key, e.attempt): e.at for e in _work(history, "finished")}
    took = [at - started[attempt] for attempt, at in ends.items() if attempt in started]
    return sum(took) if took else None


def throughput_steps_per_s(history: History) -> float | None:
    """Steps that finished, over the time from the trigger to the last step's end."""
    took, count = makespan_s(history), _steps(history)
    return count / took if took and count else None


def _steps(history: History) -> int:
    return len({e.key for e in _work(history, "finished")})


def of_runs(histories: Sequence[History]) -> dict[str, float | None]:
    """Return the measures of runs that were submitted together.

    `makespan_s` is that of all of them: the first trigger → the last step's end of any.
    """
    every = sorted((e for history in histories for e in history), key=lambda e: e.at)
    took, steps = makespan_s(every), sum(_steps(history) for history in histories)
    makespans = [makespan_s(history) for history in histories]
    whole = [it for it in makespans if it is not None]
    known = took if took and len(whole) == len(histories) else None
    return {
        "makespan_s": known,
        "throughput_runs_per_s": len(histories) / known if known else None,
        "throughput_steps_per_s": steps / known if known else None,
        "run_makespan_p50_s": median(whole) if known else None,
        "run_makespan_min_s": min(whole) if known else None,
        "run_makespan_max_s": max(whole) if known else None,
        "fairness_percent": 100 * jain(whole) if known else None,
    }


def jain(shares: Sequence[float]) -> float:
    """Return Jain's index of fairness, (Σx)² / (n·Σx²): 1 when all are alike, 1/n at worst.

    R. Jain, D. Chiu, W. Hawe: A Quantitative Measure of Fairness and Discrimination for Resource
    Allocation in Shared Computer Systems, DEC Research Report TR-301, 1984.
    """
    squares = sum(share**2 for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0


def detect_s(history: History) -> float | None:
    """Fault → the first sign of a reaction: the hit step starts again, or the run's state says so.

    A run found failed is resumed at once, so `resumed` and `ended` are when the state was seen;
    `noticed` is when the engine said that the attempt is over and that it will try again.
    None when nobody reacted before a person stepped in.
    """
    fault = next((e for e in history if e.kind == "fault_injected"), None)
    if fault is None:
        return None
    hit = (fault.step, fault.key)
    seen = ("noticed", "resumed", "ended")
    helped = min((e.at for e in history if e.kind in ("mended", "given_up")), default=math.inf)
    signs = (
        e.at
        for e in history
        if fault.at < e.at < helped
        and (e.kind in seen or (e.kind == "started" and (e.step, e.key) == hit))
    )
    return between(fault.at, next(signs, None))


def recover_s(history: History) -> float | None:
    """Fault → the last commit, if the run then succeeded: the ledger is complete from there on."""
    ended = next((e for e in history if e.kind == "ended"), None)
    if ended is None or ended.detail != "succeeded":
        return None
    done = last(history, "finished")
    return between(first(history, "fault_injected"), done)


def truth_s(history: History) -> float | None:
    """Fault → the final state seen through the API."""
    return between(first(history, "fault_injected"), first(history, "ended"))


def outage_s(history: History) -> float | None:
    """Fault → all is back, of a fault that is healed while the run goes on: starts included."""
    return between(first(history, "fault_injected"), first(history, "back"))


def repeated_steps(history: History) -> float | None:
    """How many times a step that had finished was started again."""
    return float(len(repeated(history)))


def wasted_steps(history: History) -> float | None:
    """How many attempts were thrown away or did again what another had done."""
    return float(len(wasted(history)))


def wasted_s(history: History) -> float | None:
    """Seconds in which attempts worked that were thrown away or did again what another had done.

    One that was killed worked until the fault, or until its own last event if that was later.
    """
    return sum((a.took_s for a in wasted(history)), 0.0)


def blast_radius_steps(history: History) -> float | None:
    """How many units of work, besides the one that was hit, were interrupted or done again."""
    fault = next((e for e in history if e.kind == "fault_injected"), None)
    hit = (fault.step, fault.key) if fault is not None else None
    return float(len({a.unit for a in wasted(history)} - {hit}))


def interventions_count(history: History) -> float | None:
    """How many commands a person would have typed."""
    return float(sum(e.kind in ("mended", "given_up", "resumed") for e in history))


def attempts_steps(history: History) -> float | None:
    """How many times any step was started."""
    return float(sum(e.kind == "started" for e in history))


def journal_count(history: History) -> float | None:
    """How many events were written, the bench's own included."""
    return float(len(history))


ALWAYS: tuple[Callable[[History], float | None], ...] = (
    dispatch_s,
    makespan_s,
    closing_s,
    handoff_p50_s,
    attempts_steps,
    journal_count,
)
OF_SYNTHETIC: tuple[Callable[[History], float | None], ...] = (
    per_step_s,
    handoff_p95_s,
    work_s,
    throughput_steps_per_s,
)
OF_A_FAULT: tuple[Callable[[History], float | None], ...] = (
    detect_s,
    recover_s,
    truth_s,
    outage_s,
    repeated_steps,
    wasted_steps,
    wasted_s,
    blast_radius_steps,
    interventions_count,
)


def measure(history: History) -> dict[str, float | None]:
    """Return every measure by name; some only of synthetic steps, or when a fault was injected."""
    faulted = first(history, "fault_injected") is not None
    asked = (
        *ALWAYS,
        *(OF_SYNTHETIC if _work(history) else ()),
        *(OF_A_FAULT if faulted else ()),
    )
    return {m.__name__: m(history) for m in asked}
