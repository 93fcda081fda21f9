"""What a trial costs: CPU seconds and memory of an engine's processes, and of the bench itself."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import psutil

from benchmarks.model import Role
from benchmarks.processes import Group
from benchmarks.roles import LOOK_S, Split

PSS_PERIOD_S = 0.5


def cpu_s(processes: Sequence[psutil.Process]) -> float:
    """Return user and system seconds of live processes and of their children that have ended.

    A child's seconds are added to its parent's when the parent waits for it (`times(2)`), and the
    guard waits for orphans, so over a whole tree nothing is counted twice or lost.
    """
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total


def pss_mb(processes: Sequence[psutil.Process]) -> float | None:
    """Return the proportional set size in MB (10^6 bytes): shared pages are counted once.

    None when there is no process, or one whose memory only its user and root may read.
    """
    total = 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied:
            return None
    return total / 1e6 if processes else None


@dataclass(slots=True)
class Sampler:
    """Reads CPU at the start and the end of a trial, and memory in between when asked to.

    `split` says whose seconds they are; `database` are the processes of the metadata database,
    whose seconds are not in the engine's. Reading the PSS of dozens of processes takes a noticeable
    part of a core: it is not read in the trials from which overhead is computed.
    """

    services: Group
    memory: bool = False
    split: Split | None = None
    database: Group | None = None
    cpu: float | None = None
    by_role: Mapping[Role, float] = field(default_factory=dict)
    database_cpu: float | None = None
    peak_mb: float | None = None
    own: float | None = None
    _roots: Sequence[psutil.Process] = ()
    _before: float = 0.0
    _database_roots: Sequence[psutil.Process] = ()
    _database_before: float = 0.0
    _own_before: float = 0.0
    _done: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Sampler:
        self._roots = self.services.roots()
        if self.database is not None:
            self._database_roots = self.database.roots()
            self._database_before = self._cpu_s(self._database_roots)
        self._before = self._cpu_s(self._roots)
        if self.split is not None:
            self.split.begin()
        self._own_before = time.process_time()
        if self.split is not None and self.split.passing:
            self._start(self._look)
        if self.memory:
            self._start(self._sample)
        return self

    def _start(self, target: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=target, daemon=True))
        self._threads[-1].start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.own = time.process_time() - self._own_before
        self._done.set()
        for thread in self._threads:
            thread.join()
        # Within the time of the total, so that control, which is the rest of it, is not negative.
        by_role = self.split.seconds() if self.split is not None else {}
        lost = self.split is not None and not by_role
        roots = self.services.roots()
        # The seconds of a root that has ended are lost, and those of other containers not seen.
        if roots and not lost and set(self._roots) <= set(roots):
            self.cpu = self._cpu_s(roots) - self._before
            rest = max(0.0, self.cpu - sum(by_role.values()))
            self.by_role = {Role.CONTROL: rest, **by_role}
        database = self.database.roots() if self.database is not None else []
        if database and set(self._database_roots) <= set(database):
            self.database_cpu = self._cpu_s(database) - self._database_before

    def _look(self) -> None:
        assert self.split is not None
        while not self._done.wait(LOOK_S):
            self.split.look()

    def _sample(self) -> None:
        while not self._done.wait(PSS_PERIOD_S):
            now = pss_mb(self.services.processes())
            if now is not None:
                self.peak_mb = max(self.peak_mb or 0.0, now)

    def _cpu_s(self, roots: Sequence[psutil.Process]) -> float:
        # The roots are in: the seconds of a service that has ended are theirs.
        return cpu_s([p for root in roots for p in (root, *_below(root))])

    def usage(self) -> dict[str, float | None]:
        """Return the measures of the trial."""
        used = {"cpu_s": self.cpu, "bench_cpu_s": self.own, "peak_pss_mb": self.peak_mb}
        if self.split is not None:
            used |= {f"{role}_cpu_s": self.by_role.get(role) for role in Role}
        if self.database is not None:
            used["metadata_cpu_s"] = self.database_cpu
        return used


def _below(root: psutil.Process) -> list[psutil.Process]:
    try:
        return root.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
