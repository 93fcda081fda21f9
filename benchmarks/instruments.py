"""What measuring itself costs on this host: an event of the journal, and a look at it.

Measured at the beginning of a campaign. The CPU seconds that the bench spends during a trial are
in its row (`bench_cpu_s`); these are what the steps pay, and what a look is made of.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import orjson
import psutil

from benchmarks.noise import probe_ms
from benchmarks.runner import CALM_POLL_S, JOURNAL_POLL_S
from shared import journal
from shared.journal import Event

FILE = "instruments.json"  # beside the results
ROUNDS = 9  # of each the median: what else runs on the host meanwhile shall not count
MANY = 500


@dataclass(frozen=True, slots=True)
class Instruments:
    """CPU microseconds of one event, one look and one reading of a process; periods in seconds.

    `event_us` is one event written to a journal: a step writes two, with its own seconds.
    `idle_look_us` is a look at a journal without news, of which there are `1 / look_period_s` a
    second. `process_us` is reading CPU seconds of one process, twice a trial for each. In
    a calm trial the API is asked every `ask_period_s` until the last step has finished.
    """

    event_us: float
    idle_look_us: float
    process_us: float
    look_period_s: float
    ask_period_s: float
    probe_ms: float


def measure() -> Instruments:
    """Measure them, in about a second."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        event = _us(lambda: journal.append(place, _event()))
        follower = journal.Follower(journal.path(place, _event().run))
        follower.look()
        look = _us(follower.look)
    process = psutil.Process()
    read = _us(process.cpu_times)
    return Instruments(event, look, read, JOURNAL_POLL_S, CALM_POLL_S, round(probe_ms(), 3))


def _event() -> Event:
    """Return an event as a synthetic step writes it at its end."""
    detail = {"value": 1, "previous": None}
    at, wall = time.monotonic(), time.time()
    return Event(at, wall, "finished", "instruments", "work", "0001", pid=1, detail=detail)


def _us(call: Callable[[], object]) -> float:
    """Return the CPU microseconds of a call: the median over rounds of many."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(MANY):
            call()
        found.append((time.process_time() - began) / MANY * 1e6)
    return round(median(found), 3)


def save(folder: Path, found: Instruments) -> None:
    """Keep what was found beside the results."""
    (folder / FILE).write_bytes(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2))


def load(folder: Path) -> Instruments | None:
    """Return what was kept beside the results; None: they are older than this.

    Raises:
        ValueError: the file is not what `save` writes.

    """
    file = folder / FILE
    if not file.exists():
        return None
    try:
        return Instruments(**orjson.loads(file.read_bytes()))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file}: not what a campaign writes: {error}") from None
