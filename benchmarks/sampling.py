"""What a trial costs: CPU seconds and memory of an engine's processes, and of the bench itself."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType

import psutil

from benchmarks.processes import Group

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

    Reading the PSS of dozens of processes takes a noticeable part of a core: it is not read in the
    trials from which overhead is computed.
    """

    services: Group
    memory: bool = False
    cpu: float | None = None
    peak_mb: float | None = None
    own: float | None = None
    _roots: Sequence[psutil.Process] = ()
    _before: float = 0.0
    _own_before: float = 0.0
    _done: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Sampler:
        self._roots = self.services.roots()
        self._before, self._own_before = self._cpu_s(self._roots), time.process_time()
        if self.memory:
            self._thread = threading.Thread(target=self._sample, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        roots = self.services.roots()
        # The seconds of a root that has ended are lost, and those of other containers not seen.
        if roots and set(self._roots) <= set(roots):
            self.cpu = self._cpu_s(roots) - self._before
        self.own = time.process_time() - self._own_before

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
        return {"cpu_s": self.cpu, "bench_cpu_s": self.own, "peak_pss_mb": self.peak_mb}


def _below(root: psutil.Process) -> list[psutil.Process]:
    try:
        return root.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
