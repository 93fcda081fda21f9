"""What can go wrong, from outside the pipeline's code. A fault strikes at an event, not a time."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.model import Struck, Workload, World
from benchmarks.source import client
from shared import journal
from shared.journal import Event


@dataclass(frozen=True, slots=True)
class Calm:
    """Nothing goes wrong."""

    name: str = "calm"

    def prepare(self, world: World, run: str, workload: Workload) -> None:
        """Arm nothing."""

    def due(self, history: Sequence[Event]) -> bool:
        return False

    def inject(self, world: World, history: Sequence[Event]) -> Struck:
        raise AssertionError("calm is never due")

    def landed(self, history: Sequence[Event]) -> bool:
        return True

    def heal(self, world: World) -> None:
        """There is nothing to undo."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The source answers the first requests with an error status."""

    status: int = 503
    times: int = 2
    name: str = "source-503"

    def prepare(self, world: World, run: str, workload: Workload) -> None:
        client.set_fault(
            world.source_url,
            pipeline=workload.pipeline,
            kind="status",
            status=self.status,
            times=self.times,
        )

    def due(self, history: Sequence[Event]) -> bool:
        return any(e.kind == "failed" and e.step == "extract" for e in history)

    def inject(self, world: World, history: Sequence[Event]) -> Struck:
        """Name the step that the source's refusal made fail: the damage was armed before."""
        hit = next(e for e in history if e.kind == "failed" and e.step == "extract")
        return Struck(f"the source answered {self.status}", hit.step, hit.key)

    def landed(self, history: Sequence[Event]) -> bool:
        failed = sum(e.kind == "failed" and e.step == "extract" for e in history)
        return failed >= self.times

    def heal(self, world: World) -> None:
        client.clear(world.source_url)


@dataclass(frozen=True, slots=True)
class KillAtHold:
    """SIGKILL the process that executes a step, at a hold point.

    The default point is after the load's commit and before the engine hears of it. The process is
    stopped first and the hold released second, so that no other attempt can be caught by it.
    """

    kind: str = "committed"
    step: str = "load"
    name: str = "killed-after-commit"

    def prepare(self, world: World, run: str, workload: Workload) -> None:
        world.holds.mkdir(parents=True, exist_ok=True)
        self._file(world, run, workload.keys[0]).touch()

    def _file(self, world: World, run: str, key: str) -> Path:
        return journal.hold_file(world.holds, run, self.kind, self.step, key)

    def due(self, history: Sequence[Event]) -> bool:
        # The hold point is on one key only: the event of another key is not the one to wait for.
        return self._hit(history) is not None

    def _hit(self, history: Sequence[Event]) -> Event | None:
        submitted = next((e for e in history if e.kind == "submitted"), None)
        held = submitted.key if submitted is not None else ""
        return next(
            (e for e in history if (e.kind, e.step, e.key) == (self.kind, self.step, held)), None
        )

    def inject(self, world: World, history: Sequence[Event]) -> Struck:
        hit = self._hit(history)
        assert hit is not None, "inject is called when due"
        os.kill(hit.pid, signal.SIGSTOP)
        self.heal(world)
        os.kill(hit.pid, signal.SIGKILL)
        return Struck(f"SIGKILL to process {hit.pid}", hit.step, hit.key)

    def landed(self, history: Sequence[Event]) -> bool:
        """Whether the hit attempt never told of its end."""
        hit = self._hit(history)
        if hit is None:
            return False
        return not any(
            e.kind == "finished" and (e.step, e.key, e.pid) == (hit.step, hit.key, hit.pid)
            for e in history
        )

    def heal(self, world: World) -> None:
        for file in world.holds.glob("*"):
            with contextlib.suppress(FileNotFoundError):
                file.unlink()
