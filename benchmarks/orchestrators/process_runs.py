"""Runs that are processes of their own: of an engine without services, and of no engine at all.

The last word of a run that succeeded is a line `done`; one that ended without it has failed.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from benchmarks.model import Role, Setup, State, Surroundings
from benchmarks.orchestrators.services import Services, end, environment_of

DONE = "done"
LAST_LINES = 3
SAID = {
    State.RUNNING: "at work",
    State.SUCCEEDED: f"said {DONE}",
    State.FAILED: f"ended without saying {DONE}",
}
NO_SERVICE = "no service that could be asked keeps the times of this mode's steps"

Command = Sequence[str | Path]


def module(environment: str, name: str, *arguments: str) -> list[str]:
    """Return the command that runs a module in one of the environments."""
    return [str(environment_of(environment) / "python"), "-m", name, *arguments]


@dataclass(slots=True)
class ProcessRuns:
    """An adapter without services of its own: each run is a service by the name of its handle."""

    setup: Setup
    surroundings: Surroundings
    services: Services = field(init=False)
    asked: dict[str, tuple[Command, Mapping[str, str]]] = field(default_factory=dict)
    launching: Lock = field(default_factory=Lock)  # runs are submitted by several threads
    begun: dict[str, int] = field(default_factory=dict)  # the bytes in its log from before a run

    def __post_init__(self) -> None:
        self.services = Services(self.surroundings.directory)

    def stop(self) -> None:
        """End the processes of all runs."""
        self.services.stop_all(grace_s=0)

    def web_ui(self) -> str:
        return ""

    def launch(self, command: Command, environment: Mapping[str, str]) -> str:
        """Start a run and return its handle."""
        with self.launching:
            handle = f"run-{len(self.asked) + 1}"
            self.asked[handle] = (command, environment)
            before = self.services.log(handle)  # of another start of the same setup
            self.begun[handle] = before.stat().st_size if before.exists() else 0
            self.services.start(handle, command, role=Role.TASK, environment=environment)
        return handle

    def running(self, handle: str) -> bool:
        """Whether the run's process lives."""
        return self.services.started[handle].running()

    def state(self, handle: str) -> State:
        """Ask the process, and when it has ended what it printed."""
        if self.running(handle):
            return State.RUNNING
        return State.SUCCEEDED if DONE in self.printed(handle).splitlines() else State.FAILED

    def mend(self) -> str:
        """Find nothing: there are no services."""
        return ""

    def give_up(self, handle: str) -> None:
        """End the run's process, which leaves a failed run."""
        end(self.services.started[handle])

    def cancel(self, handle: str) -> None:
        """Send the run's process SIGTERM, as Ctrl-C or `kill` do."""
        if self.running(handle):  # its pid may be another's by now
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.services.started[handle].pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the processes of all runs, as a power loss would."""
        for handle in self.services.started:
            self.give_up(handle)

    def resume(self, handle: str) -> str:
        """Run it again from its beginning: nothing remembers what was done."""
        return self.launch(*self.asked[handle])

    def output(self, handle: str) -> str:
        return self.printed(handle)

    def why(self, handle: str) -> str:
        """Return the end of what the run's process has printed."""
        return "\n".join(self.printed(handle).splitlines()[-LAST_LINES:])

    def history(self, handle: str) -> str:
        """Say of each process that was started for the run how it is: nobody keeps more."""
        same = [name for name, asked in self.asked.items() if asked == self.asked[handle]]
        return "\n".join(f"{name}: {SAID[self.state(name)]}" for name in same)

    def span_s(self, handle: str, steps: int) -> float | None:
        raise LookupError(NO_SERVICE)

    def steps_done(self, handle: str) -> int:
        raise LookupError(NO_SERVICE)

    def printed(self, handle: str) -> str:
        """Return what the run's process has printed so far."""
        log = self.services.started[handle].log.read_bytes()
        return log[self.begun[handle] :].decode(errors="replace")

    def pids(self, role: Role) -> Sequence[int]:
        return self.services.pids(role)
