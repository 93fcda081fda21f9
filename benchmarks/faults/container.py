"""What can happen to the container in which the pipelines' code runs."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import ClassVar

from benchmarks import compose
from benchmarks.faults.at_hold import AtHold, release
from benchmarks.model import InContainers, Role, World
from benchmarks.processes import pid_of, send
from shared.journal import Event


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

    silent_until: ClassVar[str] = "healed"

    name: str = "worker-paused"
    lasts_s: float = 20.0

    def strike(self, world: World, hit: Event) -> str:
        compose.pause(_worker(world))
        release(world)
        return f"worker frozen for {self.lasts_s:g} s"

    def restore(self, world: World) -> None:
        compose.thaw(_worker(world))


@dataclass(frozen=True, slots=True)
class CutOffWorker(AtHold):
    """Take the worker's container off the network for some seconds.

    What it does without others goes on; it cannot tell them, and they cannot ask.
    """

    silent_until: ClassVar[str] = "fault_injected"

    name: str = "worker-cut-off"
    lasts_s: float = 20.0

    def strike(self, world: World, hit: Event) -> str:
        compose.disconnect(_worker(world))
        release(world)
        return f"worker off the network for {self.lasts_s:g} s"

    def restore(self, world: World) -> None:
        compose.connect(_worker(world))


def _worker(world: World) -> str:
    assert isinstance(world.orchestrator, InContainers), "the scenario names the mode"
    return world.orchestrator.worker()
