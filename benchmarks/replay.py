"""One trial of a results folder, done once more and held against what it was then."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import campaign, plans, results, stack
from benchmarks.attempts import History
from benchmarks.known_bad import CASES, EVERY_SCENARIO
from benchmarks.model import Outcome, Result
from benchmarks.plans import Plan, Slot
from benchmarks.setups import ABLATION, SETUPS
from shared import journal
from shared.journal import Event

Moment = tuple[float, str]  # seconds from the trigger, and what happened


@dataclass(frozen=True, slots=True)
class Replayed:
    """A trial as it was and as it is now, each with its history."""

    before: Result
    after: Result
    then: History
    now: History

    @property
    def agrees(self) -> bool:
        """Whether the run ended the same way, and as true."""
        before, after = self.before, self.after
        return (before.outcome, before.truth) == (after.outcome, after.truth)


def find(found: Sequence[Result], trial: str) -> Result:
    """Return a trial by its name, which is that of its journal, or by its line, from 1.

    Of one that broke and was done again, the last is returned.

    Raises:
        LookupError: there is no such trial; the message lists the nearest names.

    """
    if trial.isdecimal() and 0 < int(trial) <= len(found):
        return found[int(trial) - 1]
    named = {plans.slot_of(result).name: result for result in found}
    if trial in named:
        return named[trial]
    near = difflib.get_close_matches(trial, named, n=5, cutoff=0.3)
    raise LookupError(
        f"no trial is called {trial}, and there are {len(found)} lines;"
        f" near: {', '.join(near) or 'none'}"
    )


def replay(plan: Plan, folder: Path, before: Result, *, metadata: str, warehouse: str) -> Replayed:
    """Do a trial again as its campaign did, behind a warm-up; nothing is added to the results.

    Raises:
        LookupError: its setup, scenario or workload is no longer what it was.
        RuntimeError, OSError: the source or the databases could not be started.

    """
    slot = plans.slot_of(before)
    _check(slot, before)
    then = journal.read(folder / before.journal) if before.journal else ()
    with stack.surrounded("replay", metadata=metadata, warehouse=warehouse) as surround:
        scratch = surround.directory / "replayed"
        scratch.mkdir(parents=True, exist_ok=True)
        plan = replace(plan, seed=before.seed)
        if results.is_known_bad(before):
            after = campaign.try_case(plan, surround, CASES[before.mode], slot, scratch)
        else:
            after = campaign.once_more(plan, surround, slot, scratch)
        now = journal.read(scratch / after.journal) if after.journal else ()
    return Replayed(before, after, then, now)


def _check(slot: Slot, before: Result) -> None:
    setups = (*SETUPS, *ABLATION, *(case.setup.name for case in CASES.values()))
    if slot.setup not in setups:
        raise LookupError(f"{slot.setup} is no longer a setup of the bench")
    if slot.scenario not in EVERY_SCENARIO:
        raise LookupError(f"{slot.scenario} is no longer a scenario of the bench")
    if slot.workload.name != before.workload:
        raise LookupError(
            f"{before.pipeline} was asked to do {before.workload}; it is {slot.workload.name} now"
        )


def moments(history: History) -> list[Moment]:
    """Tell a history in seconds from the trigger."""
    if not history:
        return []
    zero = next((e.at for e in history if e.kind == "submitted"), history[0].at)
    return [(event.at - zero, _words(event)) for event in history]


def _words(event: Event) -> str:
    again = f"attempt {event.attempt}" if event.attempt > 1 and event.pid else ""
    why = f"({event.detail})" if isinstance(event.detail, str) else ""
    return " ".join(it for it in (event.kind, event.step, event.key, again, why) if it)


def compared(replayed: Replayed) -> list[str]:
    """Say in a line each whether outcome and truth are what they were."""
    before, after = replayed.before, replayed.after
    told = [
        _same("outcome", before.outcome, after.outcome),
        _same("truth", before.truth or "none", after.truth or "none"),
    ]
    broke = after.outcome is Outcome.ERROR
    return [*told, f"it broke: {after.error}"] if broke else told


def _same(name: str, before: str, after: str) -> str:
    return f"{name}: {before}, again" if before == after else f"{name}: {before}, and now {after}"
