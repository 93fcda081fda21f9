"""What the adapters of engines with services have in common: the API is asked, whatever runs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from benchmarks.model import Setup, State
from benchmarks.orchestrators.api import EngineApi
from benchmarks.orchestrators.services import Services

STEP_TIMEOUT = "ETL_STEP_TIMEOUT_S"  # each implementation makes it its engine's own time-out


def of_the_pipelines(setup: Setup) -> dict[str, str]:
    """Return the settings of a setup that the pipelines read from their environment."""
    return {s.name: s.value for s in setup.settings if s.name.startswith("ETL_")}


class ThroughApi:
    """Hands on to the engine's API; each API says how its engine does it."""

    __slots__ = ()
    api: EngineApi

    def submit(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        return self.api.submit(pipeline, run, parameters)

    def state(self, handle: str) -> State:
        return self.api.state(handle)

    def give_up(self, handle: str) -> None:
        self.api.give_up(handle)

    def cancel(self, handle: str) -> None:
        self.api.cancel(handle)

    def resume(self, handle: str) -> str:
        return self.api.resume(handle)

    def output(self, handle: str) -> str:
        return self.api.output(handle)

    def why(self, handle: str) -> str:
        return self.api.why(handle)

    def history(self, handle: str) -> str:
        return self.api.history(handle)

    def span_s(self, handle: str, steps: int) -> float | None:
        return self.api.span_s(handle, steps)

    def steps_done(self, handle: str) -> int:
        return self.api.steps_done(handle)


class OnThisMachine(ThroughApi, ABC):
    """An engine whose services are processes that the bench starts."""

    __slots__ = ()
    services: Services

    @abstractmethod
    def start(self) -> None:
        """Start what does not run, and return when a run can be submitted."""

    def mend(self) -> str:
        """Start the services that have died, and end what others that had died have left."""
        left, dead = self.services.end_left(), self.services.dead()
        if dead:
            self.start()
        told = ", ".join(dead)
        if left:
            told = f"{told or 'nothing'}, and ended what the dead {' and '.join(left)} had left"
        return told

    def kill(self) -> None:
        self.services.kill_all()
