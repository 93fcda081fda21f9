"""What can happen to a database: its server is gone, it is locked, or its disk is full."""

from __future__ import annotations

import errno
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import psutil
from sqlalchemy import select
from sqlalchemy.engine import make_url

from benchmarks.faults.at_hold import AtHold, release
from benchmarks.faults.supervisor import start_again
from benchmarks.model import Server, Workload, World
from shared import warehouse
from shared.journal import Event

LOCKS = {
    "sqlite": "BEGIN IMMEDIATE",  # the one writer
    "postgresql": f"LOCK TABLE {warehouse.COMPLAINTS.name} IN ACCESS EXCLUSIVE MODE",
}

DISK_MB = 8
FILLER = "filler"
CAP_SYS_ADMIN = 21  # capabilities(7): it may mount


@dataclass(frozen=True, slots=True)
class LockWarehouse(AtHold):
    """Another connection locks what the step is about to write to, for longer than SQLite waits."""

    silent_until: ClassVar[str] = "fault_injected"

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

    def restore(self, world: World) -> None:
        world.scene.undo.close()


@dataclass(frozen=True, slots=True)
class KillServer(AtHold):
    """SIGKILL a database's server; it is started again after some seconds.

    `of`: the metadata database's, or the warehouse's.
    """

    silent_until: ClassVar[str] = "fault_injected"

    of: Literal["metadata", "warehouse"] = "metadata"
    lasts_s: float = 2.0

    def strike(self, world: World, hit: Event) -> str:
        self.server(world).kill()
        release(world)
        return f"{self.of} database away for {self.lasts_s:g} s"

    def restore(self, world: World) -> None:
        self.server(world).start()
        start_again(world)

    def server(self, world: World) -> Server:
        """Return the server that is killed."""
        found: Server | None = getattr(world, self.of)
        assert found is not None, "the scenario is unsupported without a server of the bench"
        return found


@dataclass(frozen=True, slots=True)
class FillDisk(AtHold):
    """The warehouse's file is on a small disk of its own, which another fills to the last byte."""

    name: str = "disk-full"
    kind: str = "started"
    step: str = "load"
    lasts_s: float = 15.0

    def prepare(self, world: World, run: str, workload: Workload) -> None:
        file = file_of(world)
        disk = file.with_name("disk")
        disk.mkdir(exist_ok=True)
        mount(disk, DISK_MB)
        world.scene.undo.callback(unmount, disk)
        _move(world, file, disk / file.name)
        world.scene.undo.callback(_move, world, disk / file.name, file)
        file.symlink_to(disk / file.name)
        world.scene.undo.callback(file.unlink)
        AtHold.prepare(self, world, run, workload)

    def strike(self, world: World, hit: Event) -> str:
        # Somebody reads: without, the first writer would fail at the index of the WAL file already.
        reader = world.scene.undo.enter_context(warehouse.engine(world.warehouse_url).connect())
        reader.execute(select(warehouse.BATCHES)).all()
        fill(file_of(world).with_name("disk") / FILLER)
        release(world)
        return f"no byte is free on the warehouse's disk for {self.lasts_s:g} s"

    def landed(self, history: Sequence[Event]) -> bool:
        """Whether a load failed by it."""
        kinds = [e.kind for e in history if e.step == self.step]
        return "fault_injected" in kinds and "failed" in kinds[kinds.index("fault_injected") :]

    def heal(self, world: World) -> None:
        """Free the disk; the file is put back where it was at the trial's end."""
        (file_of(world).with_name("disk") / FILLER).unlink(missing_ok=True)
        release(world)


@dataclass(frozen=True, slots=True)
class FillMetadataDisk(AtHold):
    """The metadata's tables are on a small disk, which somebody fills to the last byte.

    The server and its write-ahead log are elsewhere: it answers, refuses what needs another page,
    and does what fits into those that there are.
    """

    silent_until: ClassVar[str] = "fault_injected"

    name: str = "metadata-disk-full"
    lasts_s: float = 30.0

    def strike(self, world: World, hit: Event) -> str:
        fill(self.filler(world))
        release(world)
        return f"no byte is free on the metadata database's disk for {self.lasts_s:g} s"

    def restore(self, world: World) -> None:
        self.filler(world).unlink(missing_ok=True)
        start_again(world)

    def filler(self, world: World) -> Path:
        """Return the file that takes what is free."""
        assert world.disk is not None, "the scenario's start has a disk"
        return world.disk / FILLER


def file_of(world: World) -> Path:
    """Return the file of a warehouse on SQLite."""
    database = make_url(world.warehouse_url).database
    assert database, "the scenario is for SQLite"
    return Path(database)


def fill(filler: Path) -> None:
    """Write to a file until its disk has no byte left."""
    piece = bytes(4096)
    with filler.open("wb", buffering=0) as stream:
        while True:
            try:
                stream.write(piece)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                return


def _move(world: World, old: Path, new: Path) -> None:
    warehouse.engine(world.warehouse_url).dispose()  # so that no connection keeps the old one
    for part in old.parent.glob(f"{old.name}*"):
        shutil.move(part, new.with_name(part.name))


def mount(place: Path, size_mb: int) -> None:
    """Put a small disk, in memory, at a place.

    Raises:
        OSError: this process may not, see `may_mount`.

    """
    _do("mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(place))


def unmount(place: Path) -> None:
    """Take the disk away, what is on it included, as soon as nobody has a file of it open."""
    _do("umount", "--lazy", str(place))


def unmount_leftovers(runs: Path, mounts: Path = Path("/proc/mounts")) -> list[Path]:
    """Take away the disks below `runs` whose bench is gone, and return where they were.

    The folder of a bench ends with its process id.
    """
    places = [Path(line.split()[1]) for line in mounts.read_text().splitlines()]
    ours = [place for place in places if runs in place.parents]
    gone = [it for it in ours if not _bench_of(it.relative_to(runs).parts[0])]
    for place in gone:
        unmount(place)
    return gone


def _bench_of(folder: str) -> bool:
    pid = folder.rpartition("-")[2]
    return pid.isdecimal() and psutil.pid_exists(int(pid))


def _do(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")


def may_mount(status: Path = Path("/proc/self/status")) -> bool:
    """Whether this process may mount a file system: root may, and in a container often not."""
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)", status.read_text(), re.M)
    return effective is not None and bool(int(effective[1], 16) >> CAP_SYS_ADMIN & 1)
