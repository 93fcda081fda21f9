"""The source's own clock: the day it is told to be, at the running time of day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """`day` None: the real day.

    Snapshots take their day from the `Date` header, so a fixed one makes them deterministic. Only
    the day is fixed: moments at which limits end are real ones, since clients wait for them.
    """

    day: date | None = None

    def now(self) -> datetime:
        """Return the moment, UTC."""
        real = datetime.now(UTC)
        return real if self.day is None else datetime.combine(self.day, real.timetz())

    def today(self) -> date:
        """Return the day, UTC."""
        return self.now().date()

    def header(self) -> str:
        """Return the moment as a `Date` header says it (RFC 9110)."""
        return format_datetime(self.now(), usegmt=True)
