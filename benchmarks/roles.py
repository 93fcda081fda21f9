"""Whose CPU seconds: those of an engine, split among its control, worker and task processes.

A task is what executes steps, with all that it starts: a process for each step, or for each run
where steps are calls or threads in the process of their run. A worker is what starts tasks and
waits for them. All others are control, so the three add up to the whole.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from benchmarks.model import Orchestrator, Role
from benchmarks.orchestrators.services import Services
from benchmarks.processes import children

LOOK_S = 0.5
# Engines whose workers end with their run. They are looked at meanwhile: what one does after the
# last look, LOOK_S before its end at most, counts as control.
PASSING = ("dagster",)
STEPS_IN_WORKER = (("dagster", "in-process"),)  # engine, mode: the worker executes steps itself


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds of a process, and of all that it has started."""

    own: float = 0.0
    below: float = 0.0


@dataclass(slots=True)
class Split:
    """Follows the workers and tasks of an engine from the first look on."""

    engine: Orchestrator
    _first: dict[psutil.Process, Used] = field(default_factory=dict)
    _last: dict[psutil.Process, Used] = field(default_factory=dict)
    _runs_before: float = 0.0
    _gone_before: int = 0

    @property
    def passing(self) -> bool:
        """Whether to look while a run goes on, too."""
        return self.engine.setup.engine in PASSING

    @property
    def workers(self) -> set[int]:
        """The pids of the workers that were seen."""
        return {process.pid for process in self._last}

    def begin(self) -> None:
        """Note what was used before."""
        self.look()
        self._first = dict(self._last)
        self._runs_before, self._gone_before = self._runs(), self._gone()

    def look(self) -> None:
        """Note what the workers that live have used so far."""
        for pid in self.engine.pids(Role.WORKER):
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                self._last[process] = used(process)

    def seconds(self) -> Mapping[Role, float]:
        """Return what workers and tasks have used since `begin`.

        Nothing when a run was ended with its guard: what it had used is lost.
        """
        self.look()
        if self._gone() != self._gone_before:
            return {}
        spent = [(at, self._first.get(it, Used())) for it, at in self._last.items()]
        own = sum(at.own - before.own for at, before in spent)
        below = sum(at.below - before.below for at, before in spent)
        below += self._runs() - self._runs_before
        setup = self.engine.setup
        if (setup.engine, setup.mode) in STEPS_IN_WORKER:
            return {Role.WORKER: 0.0, Role.TASK: own + below}
        return {Role.WORKER: own, Role.TASK: below}

    def _runs(self) -> float:
        """Return the seconds of runs that are services of their own, ended ones included."""
        guards = (guard for guard in self._guards() if guard.poll() is None)
        return sum(_whole(used(psutil.Process(guard.pid))) for guard in guards)

    def _gone(self) -> int:
        """Return how many runs that are services have lost their guard."""
        return sum(guard.poll() is not None for guard in self._guards())

    def _guards(self) -> list[subprocess.Popen[bytes]]:
        group = self.engine.services
        started = list(group.started.values()) if isinstance(group, Services) else []
        return [service.guard for service in started if service.role is Role.TASK]


def used(process: psutil.Process) -> Used:
    """Return the seconds of a process and of all below it, also of what has ended there.

    Raises:
        psutil.NoSuchProcess: it has ended.

    """
    times = process.cpu_times()
    below = times.children_user + times.children_system
    return Used(times.user + times.system, below + sum(map(_whole, _each(process.pid))))


def _each(pid: int) -> Iterable[Used]:
    for child in children(pid):
        with suppress(psutil.NoSuchProcess):
            yield used(psutil.Process(child))


def _whole(used: Used) -> float:
    return used.own + used.below
