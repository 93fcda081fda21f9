"""What can happen to the process that executes a step, and to the one that supervises it."""

from __future__ import annotations

import contextlib
import math
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psutil

from benchmarks.attempts import STRIKES
from benchmarks.faults.at_hold import AtHold, KillAtHold, hold_alone, release
from benchmarks.model import Finding, Role, Struck, Trial, Verdict, World
from benchmarks.processes import pid_of, send
from shared import journal
from shared.journal import Event

GRACE_S = 10.0  # what Docker gives a container that it stops
CGROUPS = Path("/sys/fs/cgroup")
LIMIT_BYTES = 64 * 1024  # beside what the process has: its next few pages are too many


@dataclass(frozen=True, slots=True)
class Terminate(AtHold):
    """SIGTERM the process that executes the step, and SIGKILL it when it is there after the grace.

    The step is at work meanwhile: it ends only when the process does.
    """

    silent_until: ClassVar[str] = "fault_injected"

    name: str = "terminated"
    kind: str = "checkpoint"
    step: str = "extract"
    lasts_s: float = GRACE_S

    def strike(self, world: World, hit: Event) -> str:
        process = psutil.Process(pid_of(hit))
        hold_alone(world, hit)
        world.scene.undo.callback(_signal, process, signal.SIGKILL)
        send(process.pid, signal.SIGTERM)
        return f"SIGTERM to process {process.pid}, {self.lasts_s:g} s of grace"

    def heal(self, world: World) -> None:
        world.scene.undo.close()
        release(world)


@dataclass(frozen=True, slots=True)
class Freeze(AtHold):
    """SIGSTOP the process that executes the step and its supervisor, and SIGCONT both later.

    The step is about to write: when it is thawed it does, unless it is kept from it.
    """

    silent_until: ClassVar[str] = "healed"

    name: str
    kind: str = "started"
    step: str = "load"
    lasts_s: float = 100.0

    def strike(self, world: World, hit: Event) -> str:
        frozen = with_supervisor(world, psutil.Process(pid_of(hit)))
        for process in frozen:
            world.scene.undo.callback(_signal, process, signal.SIGCONT)
            send(process.pid, signal.SIGSTOP)
        release(world)
        return f"{len(frozen)} processes frozen for {self.lasts_s:g} s"

    def restore(self, world: World) -> None:
        world.scene.undo.close()


@dataclass(frozen=True, slots=True)
class KillSupervisor(AtHold):
    """SIGKILL the process that supervises the step's process, which goes on by itself.

    The step is about to write, and does so later: until then another attempt of it may be at work.
    """

    silent_until: ClassVar[str] = "fault_injected"

    name: str = "supervisor-killed"
    kind: str = "started"
    step: str = "load"
    lasts_s: float = 60.0  # the step goes on; longer than the heartbeat time-outs as tuned

    def strike(self, world: World, hit: Event) -> str:
        *above, process = with_supervisor(world, psutil.Process(pid_of(hit)))
        if not above:
            raise RuntimeError(f"nothing supervises process {process.pid}")
        hold_alone(world, hit)
        world.scene.undo.callback(_signal, process, signal.SIGKILL)
        for it in above:
            send(it.pid, signal.SIGKILL)
        return f"SIGKILL to what supervises the step, process {above[0].pid}"


@dataclass(frozen=True, slots=True)
class KillEachTime(KillAtHold):
    """The same in each attempt, for some minutes: as a day on which the library itself crashes."""

    name: str = "killed-each-time"
    kind: str = "written"
    lasts_s: float = 240.0

    def strike(self, world: World, hit: Event) -> str:
        told = KillAtHold.strike(self, world, hit)
        journal.hold_file(world.holds, hit.run, self.kind, self.step, hit.key).touch()
        return told

    def again(self, world: World, history: Sequence[Event]) -> Struck | None:
        """Kill the next attempt that has come to the hold point, if one has."""
        waited = [e for e in history if (e.kind, e.step, e.key) == self._point(history)]
        count = sum(e.kind in STRIKES for e in history)
        if len(waited) <= count:
            return None
        return Struck(self.strike(world, waited[count]), self.step, waited[count].key)

    def _point(self, history: Sequence[Event]) -> tuple[str, str, str]:
        first = self.hit(history)
        return (self.kind, self.step, first.key if first is not None else "")


def with_supervisor(world: World, process: psutil.Process) -> list[psutil.Process]:
    """Return a process behind the worker, if any, that it was started by, itself or through others.

    What is between them only forks: to stop it would stop what else it is to fork.
    """
    workers = set(world.orchestrator.pids(Role.WORKER))
    return [*(above for above in process.parents() if above.pid in workers), process]


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    """Send a signal to a process, unless it has ended: its pid may be another's by now."""
    with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
        if process.is_running():
            send(process.pid, number)


@dataclass(frozen=True, slots=True)
class Hang(AtHold):
    """The step never comes back: it waits in one call, as for a peer that does not answer.

    It can be ended from outside, and another attempt goes on.
    """

    silent_until: ClassVar[str] = "ended"

    name: str = "hung"
    kind: str = "checkpoint"
    step: str = "extract"

    def strike(self, world: World, hit: Event) -> str:
        hold_alone(world, hit, deaf=True)
        return "the step hangs in a call"


@dataclass(frozen=True, slots=True)
class ExhaustMemory(KillAtHold):
    """Put the process that executes the step into a cgroup without memory: the kernel kills it."""

    name: str = "out-of-memory"
    kind: str = "started"
    step: str = "extract"

    def strike(self, world: World, hit: Event) -> str:
        pid = pid_of(hit)
        group, limit = memory_group(f"etl-bench-{pid}")
        group.mkdir()
        world.scene.undo.callback(_dissolve, group)
        limit.write_text(str(LIMIT_BYTES))
        (group / "cgroup.procs").write_text(str(pid))
        release(world)
        return f"process {pid} may have {LIMIT_BYTES // 1024} KiB more"

    def restore(self, world: World) -> None:
        world.scene.undo.close()


def memory_group(name: str, root: Path = CGROUPS) -> tuple[Path, Path]:
    """Return where a control group of memory is to be made, and its file for the limit.

    Raises:
        PermissionError: none can be made here; the message says why.

    """
    first, second = root / "memory", root / "cgroup.subtree_control"
    if (first / "memory.limit_in_bytes").exists():  # version 1: a hierarchy of its own
        above, limit = first, "memory.limit_in_bytes"
    elif second.exists() and "memory" in second.read_text().split():
        above, limit = root, "memory.max"
    else:
        raise PermissionError(f"no memory controller of cgroups is below {root}")
    if not os.access(above, os.W_OK):
        raise PermissionError(f"{above} may not be written to: only root limits memory")
    return above / name, above / name / limit


def _dissolve(group: Path) -> None:
    """Remove a control group; what lives in it goes up, without its limit."""
    for pid in (group / "cgroup.procs").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            (group.parent / "cgroup.procs").write_text(pid)
    group.rmdir()


def fenced(trial: Trial) -> Finding:
    """An attempt that was thought dead commits nothing once another has taken over its step."""
    fault = next((e for e in trial.history if e.kind == "fault_injected"), None)
    if fault is None:
        return Finding("fenced", Verdict.UNKNOWN, "no attempt was hit")
    unit = [e for e in trial.history if (e.step, e.key) == (fault.step, fault.key) and e.pid]
    struck = next((e.pid for e in reversed(unit) if e.at <= fault.at), 0)
    taken_over = next((e.at for e in unit if e.kind == "started" and e.at > fault.at), None)
    own = [e for e in unit if e.pid == struck and e.at > fault.at]
    anew = sum(e.kind == "started" for e in own)  # a retry in the same process is another attempt
    commits = [e for e in own if e.kind == "committed"]
    again = next((e.at for e in own if e.kind == "started"), math.inf)
    before = [e for e in commits if e.at < again]
    late = before or commits[: max(0, len(commits) - anew)]
    if taken_over is None:
        return Finding("fenced", Verdict.PASS, "no other attempt took over")
    wrote = [e for e in late if e.at > taken_over]
    reason = "the attempt that was hit committed beside the one that took over" if wrote else ""
    return Finding("fenced", Verdict.FAIL if wrote else Verdict.PASS, reason)
