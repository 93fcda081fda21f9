"""A trial's fault in time: struck when it is due, healed when its time is over."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from benchmarks.model import STRUCK_AGAIN, Fault, Repeats, Struck
from benchmarks.stand import Stand, note
from shared.journal import Event

TELLING_S = 0.02  # from which on it is said how long it took to inject a fault


@dataclass(slots=True)
class Strike:
    """A trial's fault, from its moment to the end of its time.

    It is healed by a thread of its own: an engine whose database is away may let the bench wait for
    an answer for longer than the fault is to last. Leaving the context waits for that thread.
    """

    stand: Stand
    fault: Fault
    run: str
    struck_at: float | None = None
    healed: bool = False
    broken: Exception | None = None
    timer: threading.Timer | None = None
    healing: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer.join()
        if self.broken is not None and kind is None:
            raise self.broken

    def look(self, history: Sequence[Event]) -> None:
        """Inject the fault when it is due; from then on its time runs.

        Raises:
            RuntimeError, OSError: it could not be injected, or not be healed in time.

        """
        if self.broken is not None:
            raise self.broken
        if self.struck_at is None and self.fault.due(history):
            self.struck_at = at = time.monotonic()  # before: an engine may react faster than we
            struck = self.fault.inject(self.stand, history)
            if (took_s := time.monotonic() - at) > TELLING_S:  # steps may end before it is done
                struck = replace(struck, what=f"{struck.what} (done in {took_s:.2f} s)")
            note(self.stand, self.run, "fault_injected", struck, struck.at or at)
            if math.isfinite(self.fault.lasts_s):
                left = max(0.0, at + self.fault.lasts_s - time.monotonic())
                self.timer = threading.Timer(left, self._heal_in_time)
                self.timer.start()
        elif self.struck_at is not None and isinstance(self.fault, Repeats):
            at = time.monotonic()
            with self.healing:
                more = None if self.healed else self.fault.again(self.stand, history)
            if more is not None:
                note(self.stand, self.run, STRUCK_AGAIN, more, at)

    def _heal_in_time(self) -> None:
        try:
            self.heal()
        except Exception as error:  # whatever it is, the trial is the one to say so
            self.broken = error

    def heal(self) -> None:
        """Heal the fault, unless it was or never struck; note when that began and ended."""
        with self.healing:
            if self.struck_at is None or self.healed:
                return
            self.healed, at = True, time.monotonic()
            self.fault.heal(self.stand)
            what = f"after {at - self.struck_at:.1f} s, in {time.monotonic() - at:.1f} s"
            note(self.stand, self.run, "healed", Struck(what), at)
            note(self.stand, self.run, "back", Struck(""))

    def over_at(self) -> float:
        """Return when the fault's time is over; 0 when it has none, or never struck."""
        if self.struck_at is None or math.isinf(self.fault.lasts_s):
            return 0.0
        return self.struck_at + self.fault.lasts_s
