"""No orchestrator: the same steps in one plain Python process, as cron would start it.

It is the zero line of every overhead figure, and what the bench itself is tested on. It retries
nothing; a failed run is continued by running it again.

As a program: `python -m benchmarks.orchestrators.bare PIPELINE RUN PARAMETERS-AS-JSON`.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from benchmarks.model import Setup
from benchmarks.orchestrators.process_runs import DONE, Command, ProcessRuns, module
from benchmarks.orchestrators.through_api import of_the_pipelines
from shared import complaints, github_stats, synthetic, youtube_stats

TASK = "a call; side by side, a thread"
SETUPS = (Setup("bare", "process", "default", task=TASK),)
CONCURRENCY = 2


@dataclass(slots=True)
class Bare(ProcessRuns):
    """A process for each run; without an orchestrator, running it again is all one can do."""

    def version(self) -> str:
        return f"python {platform.python_version()}"

    def start(self) -> None:
        """There is nothing to start."""

    def submit(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        command = self.command(pipeline, run, parameters)
        environment = {**self.surroundings.environment, **of_the_pipelines(self.setup)}
        return self.launch(command, environment)

    def command(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> Command:
        """Return the command that is one run."""
        return module("bench", __name__, pipeline, run, json.dumps(parameters))


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


def run_chain(run: str, steps: int, kind: synthetic.Kind, amount: int) -> None:
    """Run so many steps one after the other, each with the value of the one before."""
    previous = None
    for key in synthetic.keys(steps):
        previous = synthetic.work(run, key, kind, amount, previous)


def run_fanout(run: str, steps: int, kind: synthetic.Kind, amount: int) -> None:
    """Run so many independent steps, two at a time."""
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        keys = synthetic.keys(steps)
        for worked in [pool.submit(synthetic.work, run, key, kind, amount) for key in keys]:
            worked.result()  # raises what a step raised


PROGRAMS: Mapping[str, Callable[[str, Mapping[str, Any]], None]] = {
    "complaints": partial(run_pipeline, complaints),
    "github_stats": partial(run_pipeline, github_stats),
    "youtube_stats": partial(run_pipeline, youtube_stats),
    "chain": lambda run, parameters: run_chain(run, **parameters),
    "fanout": lambda run, parameters: run_fanout(run, **parameters),
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](sys.argv[2], json.loads(sys.argv[3]))
    print(DONE)
