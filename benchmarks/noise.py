"""How quiet the machine is: a fixed piece of work before a trial, stolen time and load during it.

A trial on a disturbed host is kept and marked, and repeated at the end of its campaign. There is
no piece of work behind a trial: what an engine still does then would pass for the host's doing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import psutil

PROBES = 21  # the median of many: one is as long as a turn that another guest may have taken
PROBE_DEPTH = 22  # of the recursion: some milliseconds
SLOWER_FROM = 1.3  # times the campaign's median probe
CROWDED_FROM = 3.0  # processes that want a core, of each core: an engine's time-outs would decide
STOLEN_FROM = 0.05  # of the cores' time, taken by other guests of the hypervisor


@dataclass(frozen=True, slots=True)
class Noise:
    """What a sceptic asks of the host during one trial.

    `probe_ms` is the median of 21 runs of a fixed recursion just before it; `steal_share` is the
    stolen part of all cores' time while it ran; `load_1m` is the load average at its start.
    """

    probe_ms: float
    steal_share: float
    load_1m: float


def crowded() -> bool:
    """Whether the machine has more to do than its time-outs were made for."""
    return os.getloadavg()[0] > CROWDED_FROM * (os.cpu_count() or 1)


class Watch:
    """Reads the host at the start and the end of a trial."""

    def __init__(self) -> None:
        self._probe_ms = probe_ms()
        self._load = os.getloadavg()[0]
        self._before = psutil.cpu_times()

    def noise(self) -> Noise:
        """Return what happened since this object was made."""
        now = psutil.cpu_times()
        total = sum(now) - sum(self._before)
        stolen = getattr(now, "steal", 0.0) - getattr(self._before, "steal", 0.0)
        share = stolen / total if total > 0 else 0.0
        return Noise(round(self._probe_ms, 3), round(max(share, 0.0), 4), round(self._load, 2))


def probe_ms() -> float:
    """Return the usual time of a fixed piece of work just now, in milliseconds."""
    times = []
    for _ in range(PROBES):
        began = time.perf_counter()
        _work(PROBE_DEPTH)
        times.append(time.perf_counter() - began)
    return median(times) * 1000


def _work(n: int) -> int:
    return n if n < 2 else _work(n - 1) + _work(n - 2)


def disturbance(noise: Noise, usual_ms: float) -> float:
    """Return how disturbed a trial was, from 1 on too much; `usual_ms` is the usual probe."""
    return max(noise.probe_ms / usual_ms / SLOWER_FROM, noise.steal_share / STOLEN_FROM)


def disturbed(noise: Noise, probes_ms: Sequence[float]) -> str:
    """Say what disturbed a trial, "" when nothing did; `probes_ms` are all of the campaign's.

    Without any, as of a campaign of faults alone, nobody knows how fast the host usually is.
    """
    usual = median(probes_ms) if probes_ms else noise.probe_ms
    if noise.probe_ms > SLOWER_FROM * usual:
        return f"the machine was {noise.probe_ms / usual:.1f} times slower than usual"
    if noise.steal_share > STOLEN_FROM:
        return f"{noise.steal_share:.0%} of the processors' time was stolen"
    return ""
