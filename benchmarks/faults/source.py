"""What the source can do wrong: it refuses, says how long, breaks off, or sends what is invalid."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from benchmarks.model import Check, Finding, Struck, Trial, Verdict, Workload, World
from benchmarks.source import client
from benchmarks.workloads import Expected, expected, expected_of
from shared.journal import Event

SLACK_S = 0.5  # from the refusal to the event that tells of it, on a busy machine
POISONED = (0, 30, 60, 90)  # of the first day's complaints: on each of its pages
DRIFTED = "product"  # a field that a complaint must have


@dataclass(frozen=True, slots=True)
class Misbehave:
    """The source answers some requests wrongly; `effect` is what its control address is told.

    `shows` is the kind of event by which an extraction tells that it was hit. Before the run is
    submitted nothing is asked, so the damage is armed and not timed.
    """

    name: str
    what: str
    effect: Mapping[str, Any]
    shows: str = "failed"
    lasts_s: float = math.inf

    def prepare(self, world: World, run: str, workload: Workload) -> None:
        client.set_fault(world.source_url, pipeline=workload.pipeline, **self.effect)

    def due(self, history: Sequence[Event]) -> bool:
        return self.hit(history) is not None

    def hit(self, history: Sequence[Event]) -> Event | None:
        """Return the event by which the first extraction that was hit tells of it."""
        return next((e for e in history if (e.kind, e.step) == (self.shows, "extract")), None)

    def inject(self, world: World, history: Sequence[Event]) -> Struck:
        """Name the step that was hit: the damage was armed before."""
        hit = self.hit(history)
        assert hit is not None, "inject is called when due"
        return Struck(self.what, hit.step, hit.key, hit.at)

    def landed(self, history: Sequence[Event]) -> bool:
        """Whether as many extractions told of it as it was to hit."""
        told = sum((e.kind, e.step) == (self.shows, "extract") for e in history)
        return told >= (self.effect.get("times") or 1)

    def heal(self, world: World) -> None:
        client.clear(world.source_url)


@dataclass(frozen=True, slots=True)
class MisbehaveOnKeys(Misbehave):
    """The source answers every request for some of the days wrongly: those at `places`.

    An ordinary `Misbehave` strikes whichever request comes first.
    """

    places: tuple[int, ...] = (0,)

    def prepare(self, world: World, run: str, workload: Workload) -> None:
        for key in keys_at(workload, self.places):
            client.set_fault(
                world.source_url,
                pipeline=workload.pipeline,
                times=None,
                match={"query": f"date_received_min={key}"},
                **self.effect,
            )


def keys_at(workload: Workload, places: Sequence[int]) -> list[str]:
    """Return the keys of a workload at these places, from 0."""
    return [workload.keys[place] for place in places]


@dataclass(frozen=True, slots=True)
class Poison(Misbehave):
    """Some records of the first day are invalid, each in another way."""

    effect: Mapping[str, Any] = field(default_factory=dict)
    shows: str = "finished"

    def prepare(self, world: World, run: str, workload: Workload) -> None:
        ids = [str(n) for n in sorted(poisoned_ids(workload))]
        client.set_fault(
            world.source_url, pipeline=workload.pipeline, kind="poison", ids=ids, times=None
        )


def poisoned_ids(workload: Workload) -> set[int]:
    """Return the ids of the complaints that are poisoned."""
    rows = expected(workload).rows["complaints"]
    first = [row for row in rows if row["date_received"] == workload.keys[0]]
    return {first[place]["complaint_id"] for place in POISONED}


def without_poisoned(workload: Workload) -> Expected:
    """Return what must arrive when these records are invalid: all others; these are put aside."""
    ids = poisoned_ids(workload)
    return _without(workload, lambda row: row["complaint_id"] in ids)


def without_first_day(workload: Workload) -> Expected:
    """Return what must arrive when every record of the first day is invalid."""
    return _without(workload, lambda row: row["date_received"] == workload.keys[0])


def _without(workload: Workload, invalid: Callable[[Mapping[str, Any]], bool]) -> Expected:
    rows = expected(workload).rows["complaints"]
    valid = [row for row in rows if not invalid(row)]
    return Expected(expected_of(valid).rows, quarantined=len(rows) - len(valid))


def waits_s(limit_s: float) -> Check:
    """Return a check: what a limit of so many seconds refused is not asked for before its end.

    What comes after a person has resumed the run is the person's own.
    """

    def waits(trial: Trial) -> Finding:
        refused: dict[str, float] = {}
        early = []
        for event in _before_resumed(trial.history):
            if (event.kind, event.step) == ("failed", "extract"):
                refused.setdefault(event.key, event.at)
            elif (event.kind, event.step) == ("started", "extract") and event.key in refused:
                after_s = event.at - refused[event.key]
                if after_s < limit_s - SLACK_S:
                    early.append(f"{event.key} after {after_s:.1f} s")
        if not refused:
            return Finding("waits", Verdict.UNKNOWN, "nothing was refused")
        return Finding("waits", Verdict.FAIL if early else Verdict.PASS, "; ".join(early))

    return waits


def _before_resumed(history: Sequence[Event]) -> Sequence[Event]:
    return list(takewhile(lambda event: event.kind != "resumed", history))


def asked_once(trial: Trial) -> Finding:
    """What is final is not tried again: no extraction is started anew after it was refused."""
    again = sorted({e.key for e in trial.history if e.step == "extract" and e.attempt > 1})
    if not any(e.kind == "failed" for e in trial.history):
        return Finding("asked_once", Verdict.UNKNOWN, "nothing was refused")
    return Finding("asked_once", Verdict.FAIL if again else Verdict.PASS, ", ".join(again))
