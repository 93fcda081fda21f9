"""The attempts of a history: each start of a step with its end, if it had one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.model import STRUCK_AGAIN
from shared.journal import Event

History = Sequence[Event]
Unit = tuple[str, str]  # step and key

ENDS = ("finished", "failed")
STRIKES = ("fault_injected", STRUCK_AGAIN)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a step. `end` is None when nobody told of it: it was killed, or still runs."""

    start: Event
    end: Event | None
    seen_at: float  # when, by the journal's clock, something was last known of it

    @property
    def unit(self) -> Unit:
        return unit_of(self.start)

    @property
    def finished(self) -> bool:
        return self.end is not None and self.end.kind == "finished"

    @property
    def took_s(self) -> float:
        """How long it worked: to its end, or to the last that is known of it."""
        return self.seen_at - self.start.at


def unit_of(event: Event) -> Unit:
    return event.step, event.key


def attempts(history: History) -> list[Attempt]:
    """Return every attempt in the order of their starts, each with the end that its process told.

    What nobody ended is known until its own last event, or until the fault if that struck later.
    """
    return [_attempt(e, history) for e in history if e.kind == "started"]


def _attempt(start: Event, history: History) -> Attempt:
    own = list(_own(start, history))
    end = next((e for e in own if e.kind in ENDS), None)
    if end is not None:
        return Attempt(start, end, end.at)
    until = next((e.at for e in _after(start, history) if e.kind == "started"), float("inf"))
    struck = [e.at for e in history if e.kind in STRIKES and start.at <= e.at <= until]
    return Attempt(start, None, max([start.at, *(e.at for e in own), *struck]))


def _own(start: Event, history: History) -> Iterator[Event]:
    """Return what the process that started a unit told of it, until it started it anew."""
    for event in _after(start, history):
        if (event.host, event.pid) == (start.host, start.pid):
            if event.kind == "started":
                return
            yield event


def _after(start: Event, history: History) -> Iterator[Event]:
    """Return the later events of the same unit."""
    return (
        e for e in history if e.at >= start.at and e is not start and unit_of(e) == unit_of(start)
    )


def wasted(history: History) -> list[Attempt]:
    """Return the attempts whose work was thrown away or done again.

    Of each unit one attempt was enough, the first to finish; all others are wasted.
    """
    found = attempts(history)
    enough: dict[Unit, Attempt] = {}
    for attempt in sorted((a for a in found if a.finished), key=lambda a: a.seen_at):
        enough.setdefault(attempt.unit, attempt)
    return [a for a in found if a is not enough.get(a.unit)]
