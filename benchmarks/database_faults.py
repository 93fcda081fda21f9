"""What can happen to the warehouse: another holds its lock, or its server is gone for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.faults import AtHold, release, silent_until
from benchmarks.model import Server, World
from shared import warehouse
from shared.journal import Event

LOCKS = {
    "sqlite": "BEGIN IMMEDIATE",  # the one writer
    "postgresql": f"LOCK TABLE {warehouse.COMPLAINTS.name} IN ACCESS EXCLUSIVE MODE",
}


@dataclass(frozen=True, slots=True)
class LockWarehouse(AtHold):
    """Another connection locks what the step is about to write to, for longer than SQLite waits."""

    name: str = "warehouse-locked"
    kind: str = "started"
    step: str = "load"
    lasts_s: float = 45.0

    def strike(self, world: World, hit: Event) -> str:
        engine = warehouse.engine(world.warehouse_url)
        connection = world.scene.undo.enter_context(engine.connect())
        connection.exec_driver_sql(LOCKS[engine.dialect.name])
        release(world)
        return f"warehouse locked for {self.lasts_s:g} s"

    def landed(self, history: Sequence[Event]) -> bool:
        """Whether the hit attempt wrote nothing before the lock was there."""
        return silent_until(history, self.hit(history), "fault_injected")

    def heal(self, world: World) -> None:
        release(world)
        world.scene.undo.close()


@dataclass(frozen=True, slots=True)
class KillWarehouse(AtHold):
    """SIGKILL the warehouse's server while a step's transaction is open; start it again."""

    name: str = "warehouse-killed"
    kind: str = "written"
    step: str = "load"
    lasts_s: float = 2.0

    def strike(self, world: World, hit: Event) -> str:
        _server(world).kill()
        release(world)
        return f"warehouse away for {self.lasts_s:g} s"

    def landed(self, history: Sequence[Event]) -> bool:
        """Whether the transaction that was open never committed."""
        return silent_until(history, self.hit(history), "fault_injected")

    def heal(self, world: World) -> None:
        release(world)
        _server(world).start()


def _server(world: World) -> Server:
    assert world.warehouse is not None, "the scenario is unsupported without a server of the bench"
    return world.warehouse
