"""A history turned into numbers. Pure: nothing here looks at a clock, a file or a process.

Every measure is in the unit that its name ends in; None means that the history does not say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from benchmarks.checks import repeated
from shared.journal import Event

History = Sequence[Event]


def first(history: History, kind: str, after: float = float("-inf")) -> float | None:
    """Return when an event of a kind was first seen, in seconds of the journal's clock."""
    return next((e.at for e in history if e.kind == kind and e.at > after), None)


def last(history: History, kind: str) -> float | None:
    """Return when an event of a kind was last seen."""
    return next((e.at for e in reversed(history) if e.kind == kind), None)


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
    """Return, for each key, the seconds from one step's end to the next step's first start."""
    finished: dict[tuple[str, str], float] = {}
    for event in history:
        if event.kind == "finished":
            finished.setdefault((event.step, event.key), event.at)
    started = {(e.step, e.key): e.at for e in history if e.kind == "started" and e.attempt == 1}
    follows = {"transform": "extract", "load": "transform"}
    return [
        at - finished[follows[step], key]
        for (step, key), at in started.items()
        if step in follows and (follows[step], key) in finished
    ]


def handoff_p50_s(history: History) -> float | None:
    """The median of `handoffs_s`."""
    found = handoffs_s(history)
    return median(found) if found else None


def detect_s(history: History) -> float | None:
    """Fault → the first sign of a reaction: the hit step starts again, or the run's state says so.

    A run found failed is resumed at once, so `resumed` and `ended` are when the state was seen.
    """
    fault = next((e for e in history if e.kind == "fault_injected"), None)
    if fault is None:
        return None
    hit = (fault.step, fault.key)
    signs = (
        e.at
        for e in history
        if e.at > fault.at
        and (e.kind in ("resumed", "ended") or (e.kind == "started" and (e.step, e.key) == hit))
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


def repeated_steps(history: History) -> float | None:
    """How many times a step that had finished was started again."""
    return float(len(repeated(history)))


def interventions_count(history: History) -> float | None:
    """How many commands a person would have typed."""
    return float(sum(e.kind == "resumed" for e in history))


def attempts_steps(history: History) -> float | None:
    """How many times any step was started."""
    return float(sum(e.kind == "started" for e in history))


ALWAYS: tuple[Callable[[History], float | None], ...] = (
    dispatch_s,
    makespan_s,
    closing_s,
    handoff_p50_s,
    attempts_steps,
)
OF_A_FAULT: tuple[Callable[[History], float | None], ...] = (
    detect_s,
    recover_s,
    truth_s,
    repeated_steps,
    interventions_count,
)


def measure(history: History) -> dict[str, float | None]:
    """Return every measure by name; those of a fault only when one was injected."""
    faulted = first(history, "fault_injected") is not None
    return {m.__name__: m(history) for m in (*ALWAYS, *(OF_A_FAULT if faulted else ()))}
