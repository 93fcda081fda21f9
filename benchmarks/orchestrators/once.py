"""Runs that are processes of their own: of an engine without services, and of no engine at all.

The last word of a run that succeeded is a line `done`; one that ended without it has failed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.model import Role, State
from benchmarks.orchestrators.services import Services, environment_of

DONE = "done"

Command = Sequence[str | Path]


def module(environment: str, name: str, *arguments: str) -> list[str]:
    """Return the command that runs a module in one of the environments."""
    return [str(environment_of(environment) / "python"), "-m", name, *arguments]


@dataclass(slots=True)
class Once:
    """The runs that were started, each a service by the name of its handle."""

    services: Services
    asked: dict[str, tuple[Command, Mapping[str, str]]] = field(default_factory=dict)

    def start(self, command: Command, environment: Mapping[str, str]) -> str:
        """Start a run and return its handle."""
        handle = f"run-{len(self.asked) + 1}"
        self.asked[handle] = (command, environment)
        self.services.start(handle, command, role=Role.TASK, environment=environment)
        return handle

    def again(self, handle: str) -> str:
        """Start a run again from its beginning, and return the new handle."""
        return self.start(*self.asked[handle])

    def running(self, handle: str) -> bool:
        """Whether the run's process lives."""
        return self.services.started[handle].running()

    def state(self, handle: str) -> State:
        """Ask the process, and when it has ended its output."""
        if self.running(handle):
            return State.RUNNING
        return State.SUCCEEDED if DONE in self.output(handle).splitlines() else State.FAILED

    def output(self, handle: str) -> str:
        """Return what the run has printed so far."""
        return self.services.started[handle].log.read_text(errors="replace")
