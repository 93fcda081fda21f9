"""What must hold after a trial. Checks only read: the history, the state, and the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.model import (
    SYNTHETIC,
    Check,
    Finding,
    Outcome,
    State,
    Trial,
    Truth,
    Verdict,
)
from shared import synthetic
from shared.journal import Event


def _verdict(holds: bool) -> Verdict:
    return Verdict.PASS if holds else Verdict.FAIL


def whole(trial: Trial) -> Finding:
    """The warehouse equals the ground truth: nothing lost, doubled or unexpected."""
    if trial.ledger is None:
        return Finding("whole", Verdict.UNKNOWN, "the warehouse was not read")
    wrong = {
        name: getattr(trial.ledger, name)
        for name in ("lost", "unexpected", "duplicated")
        if getattr(trial.ledger, name)
    }
    reason = ", ".join(f"{n} {name}" for name, n in wrong.items())
    return Finding("whole", _verdict(not wrong), reason or f"{trial.ledger.present} rows")


def balanced(trial: Trial) -> Finding:
    """Every extracted record was loaded, quarantined or superseded, as the truth says."""
    if trial.ledger is None:
        return Finding("balanced", Verdict.UNKNOWN, "the warehouse was not read")
    holds = trial.ledger.balance
    return Finding("balanced", _verdict(holds), "" if holds else "the stored counts are off")


def truthful(trial: Trial) -> Finding:
    """The engine's final state is what the warehouse says."""
    kind = truth_of(trial.state, delivered(trial))
    if kind is None:
        return Finding("truthful", Verdict.UNKNOWN, "no state or no ledger")
    holds = kind in (Truth.TRUE_SUCCESS, Truth.TRUE_FAILURE)
    return Finding("truthful", _verdict(holds), kind.value)


def acknowledged_after_commit(trial: Trial) -> Finding:
    """No load finished before it had committed."""
    early = [
        (event.step, event.key)
        for n, event in enumerate(trial.history)
        if event.kind == "finished"
        and event.step == "load"
        and not _committed(trial.history[:n], event)
    ]
    return Finding("acknowledged_after_commit", _verdict(not early), f"{early}" if early else "")


def _committed(before: Sequence[Event], load: Event) -> bool:
    return any(e.kind == "committed" and (e.step, e.key) == (load.step, load.key) for e in before)


def nothing_repeated(trial: Trial) -> Finding:
    """No step that had finished was started again."""
    again = repeated(trial.history)
    reason = f"{len(again)} steps: {again[:5]}" if again else ""
    return Finding("nothing_repeated", _verdict(not again), reason)


def nothing_late(trial: Trial) -> Finding:
    """No row was written after the run had its final state."""
    late = trial.ledger.late if trial.ledger is not None else None
    if late is None:
        return Finding("nothing_late", Verdict.UNKNOWN, "the writes were not noted")
    reason = f"{late} rows after the final state" if late else ""
    return Finding("nothing_late", _verdict(not late), reason)


def recorded(trial: Trial) -> Finding:
    """The engine's own history soon has as many steps of a run that succeeded as were done."""
    done, stored = len(ended(trial.history)), trial.told.steps
    if stored is None or stored.in_time is None:
        return Finding("recorded", Verdict.UNKNOWN, "the engine did not say")
    reason = f"{stored.in_time} of {done} steps"
    if stored.in_time < done:
        reason += f"; {stored.at_last} when it was asked for {stored.waited_s:.0f} s"
    return Finding("recorded", _verdict(stored.in_time >= done), reason)


def ended(history: Sequence[Event]) -> set[tuple[str, str]]:
    """Return the steps and keys that finished."""
    return {(event.step, event.key) for event in history if event.kind == "finished"}


def repeated(history: Sequence[Event]) -> list[tuple[str, str]]:
    """Return each start of a step that had finished before, as step and key."""
    finished: set[tuple[str, str]] = set()
    again = []
    for event in history:
        unit = (event.step, event.key)
        if event.kind == "started" and unit in finished:
            again.append(unit)
        if event.kind == "finished":
            finished.add(unit)
    return again


def worked(trial: Trial) -> Finding:
    """Each step of a synthetic pipeline finished once, with its value and that of the step before.

    The second one is None where the steps are independent.
    """
    wanted, found = _values(trial)
    wrong = [key for key, told in found.items() if told != [wanted.get(key)]]
    reason = f"{len(wrong)} steps: " + "; ".join(f"{k}: {found[k]}" for k in wrong[:3])
    return Finding("worked", _verdict(not wrong), reason if wrong else f"{len(found)} steps")


def _values(trial: Trial) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Return what each step of a synthetic pipeline had to say at its end, and all that it said."""
    chained = trial.workload.pipeline == "chain"
    wanted = synthetic.expected(**trial.workload.parameters, chained=chained)
    found: dict[str, list[Any]] = {key: [] for key in wanted}
    for event in trial.history:
        if (event.kind, event.step) == ("finished", synthetic.STEP):
            found.setdefault(event.key, []).append(event.detail)
    return wanted, found


CHECKS: dict[str, Check] = {
    "whole": whole,
    "balanced": balanced,
    "truthful": truthful,
    "acknowledged_after_commit": acknowledged_after_commit,
    "nothing_repeated": nothing_repeated,
}


# Where each row written was noted, and the run had a final state.
SHADOWED_CHECKS: dict[str, Check] = {"nothing_late": nothing_late}
# Where the engine was asked what it has stored of a run that was hit and succeeded.
TOLD_CHECKS: dict[str, Check] = {"recorded": recorded}
# Of the synthetic pipelines, which have no warehouse.
SYNTHETIC_CHECKS: dict[str, Check] = {"worked": worked, "nothing_repeated": nothing_repeated}


def judge(trial: Trial, *, landed: bool) -> tuple[Finding, ...]:
    """Return what every check says; a fault that missed its phase makes all of it unknown."""
    findings = tuple(check(trial) for check in _asked(trial).values())
    if landed:
        return (Finding("landed", Verdict.PASS), *findings)
    missed = Finding("landed", Verdict.UNKNOWN, "the fault missed the phase it was meant for")
    return (missed, *(Finding(f.check, Verdict.UNKNOWN, f.reason) for f in findings))


def _asked(trial: Trial) -> dict[str, Check]:
    """Return the checks that can say something of a trial of its kind."""
    if trial.workload.pipeline in SYNTHETIC:
        return SYNTHETIC_CHECKS
    noted = trial.ledger is not None and trial.ledger.late is not None
    told = trial.told.steps is not None
    return {**CHECKS, **(SHADOWED_CHECKS if noted else {}), **(TOLD_CHECKS if told else {})}


def delivered(trial: Trial) -> bool | None:
    """Whether a run did all that it was to do: by the ledger, or by the values of its steps.

    A step that was done again, with its value, is no loss: `worked` and `nothing_repeated` say so.
    """
    if trial.workload.pipeline in SYNTHETIC:
        wanted, found = _values(trial)
        return all(
            told and all(it == wanted.get(key) for it in told) for key, told in found.items()
        )
    return None if trial.ledger is None else trial.ledger.complete


def truth_of(state: State | None, complete: bool | None) -> Truth | None:
    """Hold the engine's final state against what the run delivered."""
    if state is None or complete is None:
        return None
    if state is State.SUCCEEDED:
        return Truth.TRUE_SUCCESS if complete else Truth.FALSE_SUCCESS
    if state is State.FAILED:
        return Truth.FALSE_FAILURE if complete else Truth.TRUE_FAILURE
    return Truth.LIMBO


def outcome_of(state: State | None, history: Sequence[Event]) -> Outcome:
    """Say in one word how a trial ended."""
    kinds = {event.kind for event in history}
    if state is None:
        return Outcome.ERROR
    if state is State.FAILED:
        return Outcome.GAVE_UP
    if state is not State.SUCCEEDED:
        return Outcome.STUCK
    if kinds & {"mended", "given_up", "resumed"}:
        return Outcome.RESUMED
    harmed = kinds & {"failed", "noticed"} or any(event.attempt > 1 for event in history)
    return Outcome.SELF_HEALED if harmed else Outcome.UNHARMED
