"""Who looks after a run that was hit: what a person would do, and when."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import requests

from benchmarks.model import FINAL, State, Struck
from benchmarks.stand import Stand, note
from shared.journal import Event

COMMANDS = 3  # that a person types until one is not refused


@dataclass(slots=True)
class Person:
    """Who looks after a run that was hit, and does one thing when it shows no sign for long."""

    stand: Stand
    run: str
    patience_s: float
    looked: bool = False
    given_up: bool = False
    resumed: bool = False
    refused: int = 0

    def would_act(self, state: State, history: Sequence[Event]) -> bool:
        """Whether the run has neither ended nor shown a sign for so long, and a way is left."""
        silent = time.monotonic() - history[-1].at > self.patience_s
        return silent and state not in FINAL and not self.given_up

    def act(self, handle: str) -> None:
        """Restart services that are unwell; give the run up where that is not it."""
        mended = "" if self.looked else self.stand.orchestrator.mend()
        self.looked = True
        if mended:
            note(self.stand, self.run, "mended", Struck(f"restarted {mended}"))
            return
        note(self.stand, self.run, "given_up", Struck(f"no sign for {self.patience_s:g} s"))
        with self.typing():
            self.stand.orchestrator.give_up(handle)
            self.given_up = True

    def would_resume(self, state: State) -> bool:
        """Whether the run has failed and was not resumed yet."""
        return state is State.FAILED and not self.resumed

    def resume(self, handle: str) -> str:
        """Resume a run by the manual's way, and return its handle from now on."""
        note(self.stand, self.run, "resumed", Struck("by the manual's way"))
        with self.typing():
            handle = self.stand.orchestrator.resume(handle)
            self.resumed = True
        return handle

    @contextlib.contextmanager
    def typing(self) -> Iterator[None]:
        """Let a command be refused now and then, to be typed again.

        A pooled connection to a database that was away is found dead by who uses it first.
        """
        try:
            yield
        except requests.RequestException:
            self.refused += 1
            if self.refused == COMMANDS:
                raise
