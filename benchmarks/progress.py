"""What of a campaign is done, and what is needed no more; from its results folder alone."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks import granularity, results
from benchmarks.granularity import COARSE_MS, FINE_MS, LANES
from benchmarks.model import Outcome, Result
from benchmarks.plans import Cell, Plan, Size, size_of, slot_of, slots

SLOW_S = 30.0  # cells that take longer than this are repeated less often
SLOW_REPETITIONS = 3


def finished(folder: Path) -> set[str]:
    """Return the names of the trials that a folder holds, those of the bench's errors left out."""
    if not (folder / results.LINES).is_file():
        return set()
    return {slot_of(r).name for r in results.read(folder) if r.outcome is not Outcome.ERROR}


def cells_done(folder: Path) -> set[Cell]:
    """Return the cells that need no more trials: stuck once in calm, or slow and done three times.

    What was stuck has no figure that a control could be held against. Under a fault it is an
    outcome as others are, and how often it comes is the question.
    """
    if not (folder / results.LINES).is_file():
        return set()
    took: dict[Cell, list[Result]] = defaultdict(list)
    for result in results.read(folder):
        if not result.warmup and result.outcome is not Outcome.ERROR:
            took[slot_of(result).cell].append(result)
    stuck = {(*cell[:3], True) for cell, done in took.items() if _stuck(done)}
    return stuck | {cell for cell, done in took.items() if _enough(done)}


def faults_left(plan: Plan, folder: Path) -> list[str]:
    """Return the names of the trials with a fault that are still to be done."""
    done, settled = finished(folder), cells_done(folder)
    every = (slot for n in range(1, plan.rounds + 1) for it in slots(plan, n) for slot in it)
    hurt = (slot for slot in every if slot.scenario != results.CALM)
    return [it.name for it in hurt if it.name not in done and it.cell not in settled]


def needed_no_more(plan: Plan, folder: Path) -> set[Cell]:
    """Return the cells of sizes that what the folder holds makes needless, or too large."""
    busy, payloads = _sizes(plan, "busy"), _sizes(plan, "payload")
    if not (busy or payloads) or not (folder / results.LINES).is_file():
        return set()
    done = [it for it in results.read(folder) if not it.warmup]
    return _needless(busy, done) | _too_large(payloads, done)


def _needless(asked: Sequence[tuple[str, Size]], done: Sequence[Result]) -> set[Cell]:
    """Return the cells of other task sizes than are needed to know at which half of all is work.

    Large ones would take minutes each. One at which a setup loses hardly anything any more says
    how efficient it gets, and no larger one is needed. What lies beside the sizes between which a
    half is says just that, and is done three times, what is slow once; fine sizes are done between
    two coarse ones alone.
    """
    found: dict[tuple[str, bool, tuple[str, int]], dict[int, list[Result]]] = defaultdict(dict)
    for result in filter(results.sound, done):
        slot = slot_of(result)
        size = size_of(slot.asked)
        if size is not None:
            shape, amount = size
            found[slot.setup, slot.control, shape].setdefault(amount, []).append(result)
    return {
        (setup, name, results.CALM, control)
        for (setup, control, shape), by_amount in found.items()
        for name, (other, amount) in asked
        if other == shape and _settled(amount, by_amount, shape, fine=amount in _fine(asked, shape))
    }


def _fine(asked: Sequence[tuple[str, Size]], shape: tuple[str, int]) -> set[int]:
    """Return the fine sizes of a shape that have coarse ones on both sides in what is asked for."""
    amounts = {amount for _, (other, amount) in asked if other == shape}
    coarse = amounts.intersection(COARSE_MS)
    return {it for it in amounts.intersection(FINE_MS)
            if min(coarse, default=it) < it < max(coarse, default=it)}  # fmt: skip


def _too_large(asked: Sequence[tuple[str, Size]], done: Sequence[Result]) -> set[Cell]:
    """Return the cells of larger payloads than one that a setup has refused."""
    refused = [slot_of(it) for it in done if _refused(it)]
    tried = [
        (slot, size) for slot in refused if (size := size_of(slot.asked, "payload")) is not None
    ]
    return {
        (slot.setup, name, results.CALM, slot.control)
        for slot, (shape, most) in tried
        for name, (other, amount) in asked
        if other == shape and amount > most
    }


def _refused(result: Result) -> bool:
    return result.outcome is not Outcome.ERROR and not results.sound(result)


def _sizes(plan: Plan, kind: str) -> list[tuple[str, Size]]:
    return [(name, size) for name in plan.workloads if (size := size_of(name, kind)) is not None]


def _settled(
    amount: int, by_amount: Mapping[int, Sequence[Result]], shape: tuple[str, int], fine: bool
) -> bool:
    """Whether a size needs no further trial, by those that there were."""
    run, steps = (_efficiencies(by_amount, shape, took_s) for took_s in (_run_s, _steps_s))
    full = (size for size, shares in run.items() if median(shares) > granularity.FULL)
    if amount > min(full, default=math.inf):
        return True
    halves = (granularity.metg(run), granularity.metg(run, peak=1.0), granularity.metg(steps))
    if any(it.around(amount) for it in halves):
        return False
    done = by_amount.get(amount, ())
    enough = 1 if any(map(is_slow, done)) else SLOW_REPETITIONS
    known = any(it.task_s is not None for it in halves)
    return fine or (known and len(done) >= enough)


def _efficiencies(
    by_amount: Mapping[int, Sequence[Result]],
    shape: tuple[str, int],
    took_s: Callable[[Result, int], float],
) -> dict[float, list[float]]:
    """Return what part of the wall time was work, by task size in milliseconds."""
    pipeline, steps = shape
    return {
        float(amount): [
            granularity.efficiency(amount / 1000, steps, took_s(it, steps), LANES[pipeline])
            for it in done
        ]
        for amount, done in by_amount.items()
    }


def _run_s(result: Result, steps: int) -> float:
    return result.measures.get("makespan_s") or math.inf


def _steps_s(result: Result, steps: int) -> float:
    return (result.measures.get("per_step_s") or math.inf) * steps


def is_slow(result: Result) -> bool:
    """Whether a run took so long that its cell is repeated less often."""
    told = [result.measures.get(name) for name in ("makespan_s", "closing_s")]
    run_s = None if None in told else sum(filter(None, told))
    return (float(result.environment["took_s"]) if run_s is None else run_s) > SLOW_S


def _stuck(done: Sequence[Result]) -> bool:
    return any(r.outcome is Outcome.STUCK and r.scenario == results.CALM for r in done)


def _enough(done: Sequence[Result]) -> bool:
    if _stuck(done):
        return True
    return all(map(is_slow, done)) and len(done) >= SLOW_REPETITIONS
