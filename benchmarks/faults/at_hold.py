"""Hold points: how they are armed, what waits there, and what strikes meanwhile."""

from __future__ import annotations

import contextlib
import math
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmarks.model import Struck, Workload, World
from benchmarks.processes import pid_of, send
from shared import journal
from shared.journal import Event


def arm(world: World, run: str, workload: Workload, kind: str, step: str) -> None:
    """Arm a hold point on the first key."""
    world.holds.mkdir(parents=True, exist_ok=True)
    journal.hold_file(world.holds, run, kind, step, workload.keys[0]).touch()


def hold_alone(world: World, hit: Event, *, deaf: bool = False) -> None:
    """Let every other attempt pass the hold point at which one waits; `deaf`: in one call."""
    file = journal.hold_file(world.holds, hit.run, hit.kind, hit.step, hit.key)
    journal.narrow(file, hit, deaf=deaf)


def release(world: World) -> None:
    """Release every hold point: what waits there goes on."""
    files = list(world.holds.glob("*"))
    pipes = [file for file in files if file.is_fifo()]
    for file in set(files) - set(pipes):
        file.unlink(missing_ok=True)
    for pipe in pipes:  # who is woken looks at the files again
        with contextlib.suppress(FileNotFoundError):
            _wake(pipe)


def _wake(pipe: Path) -> None:
    """End the call of who waits at a pipe's other end, also of who is about to; remove it."""
    both = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        pipe.unlink()
    finally:
        os.close(both)


def held(history: Sequence[Event], kind: str, step: str) -> Event | None:
    """Return the event of the step that waits at the hold point.

    The hold is on one key only: the event of another key is not the one to wait for.
    """
    submitted = next((e for e in history if e.kind == "submitted"), None)
    key = submitted.key if submitted is not None else ""
    return next((e for e in history if (e.kind, e.step, e.key) == (kind, step, key)), None)


def ended(history: Sequence[Event], hit: Event) -> Event | None:
    """Return the event by which the process that was hit told of the end of its step.

    A pid is used again, in a container that was restarted even at once: the process that was hit
    does not start the step anew.
    """
    place = (hit.step, hit.key, hit.host, hit.pid)
    later = history[history.index(hit) + 1 :]
    told = (e for e in later if (e.step, e.key, e.host, e.pid) == place)
    end = next((e for e in told if e.kind in ("started", "finished")), None)
    return end if end is not None and end.kind == "finished" else None


@dataclass(frozen=True, slots=True)
class AtHold(ABC):
    """What strikes while a step waits at a hold point.

    The default point is after the load's commit and before the engine hears of it. It has landed
    when the attempt that was hit told of its end not before an event of the kind `silent_until`:
    never at all, where that is "".
    """

    silent_until: ClassVar[str] = ""

    name: str
    kind: str = "committed"
    step: str = "load"
    lasts_s: float = math.inf

    def prepare(self, world: World, run: str, workload: Workload) -> None:
        arm(world, run, workload, self.kind, self.step)

    def due(self, history: Sequence[Event]) -> bool:
        return self.hit(history) is not None

    def hit(self, history: Sequence[Event]) -> Event | None:
        """Return the event of the attempt that is hit."""
        return held(history, self.kind, self.step)

    def inject(self, world: World, history: Sequence[Event]) -> Struck:
        hit = self.hit(history)
        assert hit is not None, "inject is called when due"
        return Struck(self.strike(world, hit), hit.step, hit.key)

    @abstractmethod
    def strike(self, world: World, hit: Event) -> str:
        """Do the harm, release the hold, and say what was done."""

    def landed(self, history: Sequence[Event]) -> bool:
        hit = self.hit(history)
        if hit is None:
            return False
        end = ended(history, hit)
        return end is None or when(history, self.silent_until) <= end.at

    def heal(self, world: World) -> None:
        release(world)
        self.restore(world)

    def restore(self, world: World) -> None:  # noqa: B027
        """Give back what was taken: nothing, unless a fault says so. Twice does nothing."""


@dataclass(frozen=True, slots=True)
class KillAtHold(AtHold):
    """SIGKILL the process that executes the step.

    It is stopped first and the hold released second, so that no other attempt can be caught by it.
    """

    name: str = "killed-after-commit"

    def strike(self, world: World, hit: Event) -> str:
        pid = pid_of(hit)
        send(pid, signal.SIGSTOP)
        release(world)
        send(pid, signal.SIGKILL)
        return f"SIGKILL to process {pid}"


def when(history: Sequence[Event], kind: str) -> float:
    """Return when an event of a kind was; `inf` when it was not."""
    return next((e.at for e in history if e.kind == kind), math.inf)
