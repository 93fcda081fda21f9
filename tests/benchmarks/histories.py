"""Histories written by hand."""

from __future__ import annotations

from benchmarks.model import Ledger, Setup, State, Trial, Workload
from shared.journal import Event, _numbered

WORKLOAD = Workload("one-day", "complaints", {}, ("k",))
COMPLETE = Ledger(
    expected=3, present=3, lost=0, unexpected=0, duplicated=0, quarantined=0, balance=True,
    digest="", requests=0,
)  # fmt: skip


def history(*told: tuple[float, str, str]) -> tuple[Event, ...]:
    """Return events of moment, kind and `step` or `step:key` (key `k` unless said)."""
    events = []
    for at, kind, what in told:
        step, _, key = what.partition(":")
        detail = step if kind == "ended" else None
        step = "" if kind == "ended" else step
        events.append(Event(at, at, kind, "r", step, key or ("k" if step else ""), detail=detail))
    return tuple(_numbered(events))


def trial(*told: tuple[float, str, str], state=State.SUCCEEDED, ledger=COMPLETE) -> Trial:
    """Return a trial with this history."""
    setup = Setup("bare", "process", "default")
    return Trial(setup, WORKLOAD, "calm", "r", history(*told), state, ledger)
