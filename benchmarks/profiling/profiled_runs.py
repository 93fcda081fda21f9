"""Profiles of an engine at work: some runs of a workload, and what its processes did meanwhile."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import orjson

from benchmarks import runner, stack, workloads
from benchmarks.model import Setup, Workload
from benchmarks.orchestrators.services import Services
from benchmarks.profiling import spent
from benchmarks.profiling.inside import sitecustomize
from benchmarks.profiling.spent import FOLDER, Profile, Sampled, Spent
from benchmarks.roles import Split
from benchmarks.sampling import Sampler
from benchmarks.scenarios import SCENARIOS
from benchmarks.stand import Stand

SETTLE_S = 3 * sitecustomize.PERIOD_S * sitecustomize.FLUSH_LOOKS  # until all is written
LEAST_NS = 10_000_000  # stacks with less are left out of what is kept for flame graphs


def profile(
    setup: Setup, workload: str, runs: int, folder: Path, say: Callable[[str], None]
) -> Profile:
    """Do some runs behind a warm-up, and keep below `folder` what the CPU time went to.

    Raises:
        RuntimeError, OSError: what is needed could not be started.
        ValueError: the engine's processes wrote nothing.

    """
    asked = workloads.named(workload)
    with stack.surrounded("profile", metadata=stack.EMBEDDED, warehouse=stack.SQLITE) as surround:
        samples = surround.directory / "samples"
        samples.mkdir(parents=True)
        passed = {
            **stack.MEASURED,
            "ETL_SYNTHETIC": workloads.sizes([workloads.WARMUP, asked]),
            "ETL_PROFILE": str(samples),
            "PYTHONPATH": str(Path(sitecustomize.__file__).parent),
        }
        with stack.running(surround.stand(setup, passed=passed)) as stand:
            say(f"{setup.name}: ready")
            grouped, used = _sampled(stand, asked, runs, samples, say)
    total = None if None in used else sum(it for it in used if it is not None)
    steps = asked.parameters.get("steps", 1)
    made = Profile(setup.name, asked.name, runs, steps, total, _spent(grouped))
    if not made.spent:
        raise ValueError(f"profile: no process of {setup.name} wrote a sample")
    _keep(made, grouped, folder)
    return made


def _sampled(
    stand: Stand, workload: Workload, runs: int, samples: Path, say: Callable[[str], None]
) -> tuple[dict[str, list[Sampled]], list[float | None]]:
    """Return what the processes wrote during the runs, by kind, and the CPU seconds of each run."""
    _run(stand, workloads.WARMUP, "warm-up")
    before = _sizes(samples)
    workers: set[int] = set()
    used = []
    for number in range(1, runs + 1):
        cpu_s, seen = _run(stand, workload, f"profiled-{number}")
        workers |= seen
        used.append(cpu_s)
        say(f"{stand.orchestrator.setup.name} {workload.name}: run {number} of {runs}")
    services = stand.orchestrator.services
    assert isinstance(services, Services), "profiles are of the local modes"
    names = {it.pid: name for name, it in services.started.items()}
    after = sorted(_sizes(samples).items())
    found = [spent.read(samples / name, before.get(name, 0), end) for name, end in after]
    return spent.kinds(found, names, workers), used


def _sizes(samples: Path) -> dict[str, int]:
    """Return how much each process has written so far, by the name of its file."""
    return {file.name: file.stat().st_size for file in samples.iterdir()}


def _run(stand: Stand, workload: Workload, run: str) -> tuple[float | None, set[int]]:
    """Return the CPU seconds of one run, and the processes that were its workers."""
    split = Split(stand.orchestrator)
    sampler = Sampler(stand.orchestrator.services, split=split)
    runner.run_trial(stand, SCENARIOS["calm"], workload, run, sampler)
    time.sleep(SETTLE_S)
    return sampler.cpu, split.workers


def _spent(grouped: dict[str, list[Sampled]]) -> tuple[Spent, ...]:
    added = (spent.spent(kind, sampled) for kind, sampled in grouped.items())
    return tuple(sorted((it for it in added if it.cpu_s), key=lambda it: -it.cpu_s))


def _keep(made: Profile, grouped: dict[str, list[Sampled]], folder: Path) -> None:
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    name = f"{made.setup.replace('/', '-')}-{made.workload}"
    (place / f"{name}.json").write_bytes(orjson.dumps(asdict(made), option=orjson.OPT_INDENT_2))
    stacks = spent.folded(grouped, LEAST_NS).encode()
    (place / f"{name}.folded.gz").write_bytes(gzip.compress(stacks, mtime=0))
