"""No orchestrator: the same steps in one plain Python process, as cron would start it.

It is the zero line of every overhead figure, and what the bench itself is tested on. It retries
nothing; a failed run is continued by running it again.

As a program: `python -m benchmarks.orchestrators.bare PIPELINE RUN PARAMETERS-AS-JSON`.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from benchmarks.model import Role, Setup, State, Surroundings
from benchmarks.orchestrators.services import Service, Services, environment_of
from shared import complaints, github_stats, youtube_stats

SETUPS = (Setup("bare", "process", "default"),)
STEPS: Mapping[str, Any] = {
    "complaints": complaints,
    "github_stats": github_stats,
    "youtube_stats": youtube_stats,
}
CONCURRENCY = 2


@dataclass(slots=True)
class Bare:
    """A process for each run."""

    setup: Setup
    surroundings: Surroundings
    services: Services = field(init=False)
    runs: dict[str, tuple[str, str, Mapping[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.services = Services(self.surroundings.directory)

    def version(self) -> str:
        return f"python {platform.python_version()}"

    def start(self) -> None:
        """There is nothing to start."""

    def stop(self) -> None:
        """End the processes of all runs."""
        self.services.stop_all(grace_s=0)

    def web_ui(self) -> str:
        return ""

    def submit(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        handle = f"run-{len(self.runs) + 1}"
        self.runs[handle] = (pipeline, run, parameters)
        program = environment_of("bench") / "python"
        self.services.start(
            handle,
            [program, "-m", __name__, pipeline, run, json.dumps(parameters)],
            role=Role.TASK,
            environment=self.surroundings.environment,
        )
        return handle

    def state(self, handle: str) -> State:
        if self._service(handle).running():
            return State.RUNNING
        return State.SUCCEEDED if self.output(handle).endswith("done\n") else State.FAILED

    def resume(self, handle: str) -> str:
        """Run it again: without an orchestrator that is all one can do."""
        return self.submit(*self.runs[handle])

    def output(self, handle: str) -> str:
        return self._service(handle).log.read_text()

    def pids(self, role: Role) -> Sequence[int]:
        return self.services.pids(role)

    def _service(self, handle: str) -> Service:
        return self.services.started[handle]


def run_pipeline(steps: Any, run: str, parameters: Mapping[str, Any]) -> None:
    """Run every step of a pipeline, two keys at a time."""
    given = dict(parameters)
    for name in ("start", "end"):
        if name in given:
            given[name] = date.fromisoformat(given[name])
    keys = steps.plan(run, **given)

    def one(key: str) -> str:
        loaded: str = steps.load(run, steps.transform(run, steps.extract(run, key)))
        if hasattr(steps, "describe"):
            print(steps.describe(run, loaded))
        return loaded

    with ThreadPoolExecutor(CONCURRENCY) as pool:
        loaded = list(pool.map(one, keys))
    print(steps.summarise(run, loaded))


if __name__ == "__main__":
    run_pipeline(STEPS[sys.argv[1]], sys.argv[2], json.loads(sys.argv[3]))
    print("done")
