"""Trials that mostly wait, side by side: the faults of each engine in a bench of its own."""

from __future__ import annotations

import os
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import results
from benchmarks.orchestrators.services import RUNS, Service, Services, environment_of
from benchmarks.plans import Plan
from benchmarks.progress import faults_left
from benchmarks.results import CALM
from benchmarks.setups import setup_of

POLL_S = 1.0
GRACE_S = 90.0  # a bench that is stopped stops its engine first
NOT_TOLD = ("results:", "unsupported:", "WRONG")  # the bench that started it says so, too


@dataclass(slots=True)
class Bench:
    """One at work on an engine's faults, and how much of its log has been told."""

    service: Service
    read: int = 0

    def lines(self) -> list[str]:
        """Return the whole lines that it has written since the last look."""
        with self.service.log.open("rb") as stream:
            stream.seek(self.read)
            text = stream.read()
        whole = text[: text.rfind(b"\n") + 1]
        self.read += len(whole)
        return whole.decode(errors="replace").splitlines()


def run(
    plan: Plan,
    folder: Path,
    tell: Callable[[str], None],
    progress: Callable[[str, int, int], None],
) -> None:
    """Do the faults of a plan that the folder does not hold, each engine's beside the others'.

    What the benches say is told line by line. They end with this one, however that ends.

    Raises:
        RuntimeError, OSError: a bench could not be started, or has left trials out.

    """
    services = Services(RUNS / f"lanes-{plan.campaign}-{os.getpid()}")
    asked = results.count(folder) + len(faults_left(plan, folder))
    try:
        benches = [
            Bench(services.start(engine, command(plan, folder, setups), environment={}))
            for engine, setups in by_engine(plan).items()
        ]
        while any([it.service.running() for it in benches]):
            time.sleep(POLL_S)
            _tell(benches, tell)
            progress(f"{len(benches)} engines side by side", results.count(folder), asked)
        _tell(benches, tell)
    finally:
        services.stop_all(grace_s=GRACE_S)
        shutil.rmtree(services.directory, ignore_errors=True)
    if left := faults_left(plan, folder):
        raise RuntimeError(
            f"{len(left)} trials were not done, {left[0]} the first of them: what their bench said"
            f" is above; go on with `bench run --resume results/{folder.name}`"
        )


def command(plan: Plan, folder: Path, setups: Sequence[str]) -> list[str | Path]:
    """Return the command that does the faults of some of a plan's setups."""
    faults = ",".join(it for it in plan.scenarios if it != CALM)
    words = ("--resume", folder, "--setups", ",".join(setups), "--scenarios", faults)
    return [environment_of("bench") / "bench", "run", *words]


def by_engine(plan: Plan) -> dict[str, list[str]]:
    """Return the setups of a plan that have faults, by engine."""
    found = defaultdict(list)
    for name in plan.setups:
        if name not in plan.spared:
            found[setup_of(name).engine].append(name)
    return dict(found)


def _tell(benches: Sequence[Bench], tell: Callable[[str], None]) -> None:
    for line in (line for it in benches for line in it.lines()):
        if not line.startswith(NOT_TOLD):
            tell(line)
