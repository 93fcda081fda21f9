"""What can go wrong, from outside the pipeline's code. A fault strikes at an event, not a time."""

from __future__ import annotations

import contextlib
import math
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import compose
from benchmarks.model import InContainers, Role, Server, Struck, Workload, World
from benchmarks.processes import pid_of, send
from benchmarks.source import client
from shared import journal
from shared.journal import Event


@dataclass(frozen=True, slots=True)
class Calm:
    """Nothing goes wrong."""

    name: str = "calm"
    lasts_s: float = math.inf

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
    lasts_s: float = math.inf

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
        return Struck(f"the source answered {self.status}", hit.step, hit.key, hit.at)

    def landed(self, history: Sequence[Event]) -> bool:
        failed = sum(e.kind == "failed" and e.step == "extract" for e in history)
        return failed >= self.times

    def heal(self, world: World) -> None:
        client.clear(world.source_url)


def arm(world: World, run: str, workload: Workload, kind: str, step: str) -> None:
    """Arm a hold point on the first key."""
    world.holds.mkdir(parents=True, exist_ok=True)
    journal.hold_file(world.holds, run, kind, step, workload.keys[0]).touch()


def hold_alone(world: World, hit: Event) -> None:
    """Let every other attempt pass the hold point at which one waits."""
    journal.narrow(journal.hold_file(world.holds, hit.run, hit.kind, hit.step, hit.key), hit)


def release(world: World) -> None:
    """Release every hold point: what waits there goes on."""
    for file in world.holds.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            file.unlink()


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
class AtHold:
    """What strikes while a step waits at a hold point.

    The default point is after the load's commit and before the engine hears of it.
    """

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

    def strike(self, world: World, hit: Event) -> str:
        """Do the harm, release the hold, and say what was done."""
        raise NotImplementedError

    def landed(self, history: Sequence[Event]) -> bool:
        """Whether the hit attempt never told of its end."""
        hit = self.hit(history)
        return hit is not None and ended(history, hit) is None

    def heal(self, world: World) -> None:
        release(world)


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


@dataclass(frozen=True, slots=True)
class KillWorker(AtHold):
    """SIGKILL the main process of the worker's container, and with it all that runs in there.

    The restart policy starts it again, as it would after the kernel ran out of memory. It does not
    act after `docker kill`: that counts as a person's wish.
    """

    name: str = "worker-killed"

    def strike(self, world: World, hit: Event) -> str:
        send(pid_of(hit), signal.SIGSTOP)
        release(world)
        worker = world.orchestrator.pids(Role.WORKER)[0]
        send(worker, signal.SIGKILL)
        return f"SIGKILL to the worker container's process {worker}"


@dataclass(frozen=True, slots=True)
class PauseWorker(AtHold):
    """Freeze the worker's container for some seconds: nothing in it runs, nothing in it ends."""

    name: str = "worker-paused"
    lasts_s: float = 20.0

    def strike(self, world: World, hit: Event) -> str:
        compose.pause(_worker(world))
        release(world)
        return f"worker frozen for {self.lasts_s:g} s"

    def landed(self, history: Sequence[Event]) -> bool:
        """Whether the hit attempt was silent while it was frozen."""
        return silent_until(history, self.hit(history), "healed")

    def heal(self, world: World) -> None:
        release(world)
        compose.thaw(_worker(world))


@dataclass(frozen=True, slots=True)
class CutOffWorker(AtHold):
    """Take the worker's container off the network for some seconds.

    What it does without others goes on; it cannot tell them, and they cannot ask.
    """

    name: str = "worker-cut-off"
    lasts_s: float = 20.0

    def strike(self, world: World, hit: Event) -> str:
        compose.disconnect(_worker(world))
        release(world)
        return f"worker off the network for {self.lasts_s:g} s"

    def landed(self, history: Sequence[Event]) -> bool:
        """Whether the hit attempt had not told of its end when it was cut off."""
        return silent_until(history, self.hit(history), "fault_injected")

    def heal(self, world: World) -> None:
        release(world)
        compose.connect(_worker(world))


@dataclass(frozen=True, slots=True)
class KillControl(AtHold):
    """SIGKILL every process of the control plane, the worker's left out; it is started again.

    The step that waited goes on meanwhile, where the engine leaves it alive.
    """

    name: str = "control-killed"
    lasts_s: float = 2.0

    def strike(self, world: World, hit: Event) -> str:
        pids = world.orchestrator.pids(Role.CONTROL)
        for pid in pids:
            send(pid, signal.SIGKILL)
        release(world)
        return f"SIGKILL to {len(pids)} processes of the control plane"

    def landed(self, history: Sequence[Event]) -> bool:
        """Whether the hit attempt had not told of its end when the control plane went away."""
        return silent_until(history, self.hit(history), "fault_injected")

    def heal(self, world: World) -> None:
        release(world)
        world.orchestrator.start()


@dataclass(frozen=True, slots=True)
class KillMetadata(AtHold):
    """SIGKILL the server of the metadata database; it is started again after some seconds."""

    name: str = "metadata-killed"
    lasts_s: float = 2.0

    def strike(self, world: World, hit: Event) -> str:
        _metadata(world).kill()
        release(world)
        return f"metadata database away for {self.lasts_s:g} s"

    def landed(self, history: Sequence[Event]) -> bool:
        """Whether the hit attempt had not told of its end when the database went away."""
        return silent_until(history, self.hit(history), "fault_injected")

    def heal(self, world: World) -> None:
        release(world)
        _metadata(world).start()
        world.orchestrator.start()  # what did not survive it, as a restart policy would


def _metadata(world: World) -> Server:
    assert world.metadata is not None, "the scenario is unsupported on SQLite"
    return world.metadata


@dataclass(frozen=True, slots=True)
class CutPower(AtHold):
    """SIGKILL the engine with its runs and its metadata database; start all of it again.

    The source stays: it stands for APIs elsewhere.
    """

    name: str = "power-lost"
    lasts_s: float = 2.0

    def strike(self, world: World, hit: Event) -> str:
        world.orchestrator.kill()
        if world.metadata is not None:
            world.metadata.kill()
        release(world)
        return "SIGKILL to everything"

    def heal(self, world: World) -> None:
        release(world)
        if world.metadata is not None:
            world.metadata.start()
        world.orchestrator.start()


def silent_until(history: Sequence[Event], hit: Event | None, kind: str) -> bool:
    """Whether the attempt that was hit told of its end not before an event of a kind."""
    if hit is None:
        return False
    end = ended(history, hit)
    return end is None or when(history, kind) <= end.at


def _worker(world: World) -> str:
    assert isinstance(world.orchestrator, InContainers), "the scenario names the mode"
    return world.orchestrator.worker()


def when(history: Sequence[Event], kind: str) -> float:
    """Return when an event of a kind was; `inf` when it was not."""
    return next((e.at for e in history if e.kind == kind), math.inf)
