"""What an engine costs while it has nothing to do, and what it costs it to be asked."""

from __future__ import annotations

import time
from collections.abc import Mapping

from benchmarks import written
from benchmarks.model import Role, State
from benchmarks.orchestrators.services import wait_until
from benchmarks.processes import below
from benchmarks.roles import Split
from benchmarks.runner import STATE_POLL_S
from benchmarks.sampling import Sampler, pss_mb
from benchmarks.stand import Stand
from benchmarks.workloads import WARMUP

RUN_S = 120.0  # in which the run before the rest must have ended
REST_S = 10.0  # after it: what an engine does behind a run is over
ASKED = 50  # questions to the API in a row
NOTHING = ("cpu_s", "control_cpu_s", "task_cpu_s", "control_pss_mb")


def measure(stand: Stand, run: str, seconds: float) -> dict[str, float | None]:
    """Do one run, let the engine rest, watch it for so many seconds, and ask it in a row.

    CPU and memory by role are those of the seconds without a run, in which the bench asks nothing.
    A role without a process has None, and an engine without any process used nothing.

    Raises:
        RuntimeError: the run did not succeed.
        OSError: an API or the database did not answer in time.

    """
    handle = _run(stand, run)
    time.sleep(REST_S)
    before, began = written.read(stand), time.monotonic()
    engine = stand.orchestrator
    with Sampler(engine.services, split=split_of(stand), database=stand.database) as sampler:
        time.sleep(seconds)
    lasted = time.monotonic() - began
    found = {"idle_s": lasted, **written.added(before, written.read(stand)), **sampler.usage()}
    if not engine.services.processes():  # what was read is the guards of ended runs
        found |= dict.fromkeys(NOTHING, 0.0)
    else:
        found |= _memory(stand)
    if not engine.pids(Role.WORKER):
        found |= dict.fromkeys(("worker_cpu_s", "worker_pss_mb"))
    return {**found, **_asked(stand, handle)}


def split_of(stand: Stand) -> Split | None:
    """Return what splits an engine's CPU seconds by role; None where its processes are not ours."""
    return Split(stand.orchestrator) if stand.local else None


def _run(stand: Stand, run: str) -> str:
    handle = stand.orchestrator.submit(WARMUP.pipeline, run, WARMUP.parameters)
    final = (State.SUCCEEDED, State.FAILED)
    wait_until(
        lambda: stand.orchestrator.state(handle) in final,
        timeout_s=RUN_S,
        because="the run before the rest has not ended",
        poll_s=STATE_POLL_S,
    )
    if stand.orchestrator.state(handle) is State.FAILED:
        raise RuntimeError("the run before the rest has failed")
    return handle


def _memory(stand: Stand) -> Mapping[str, float | None]:
    """Return the PSS of each role's processes, in MB."""
    engine = stand.orchestrator
    workers = {pid for worker in engine.pids(Role.WORKER) for pid in (worker, *below(worker))}
    alive = [p for p in engine.services.processes() if p.is_running()]
    server = stand.database.processes() if stand.database is not None else []
    return {
        "control_pss_mb": pss_mb([p for p in alive if p.pid not in workers]),
        "worker_pss_mb": pss_mb([p for p in alive if p.pid in workers]),
        "metadata_pss_mb": pss_mb(server),
    }


def _asked(stand: Stand, handle: str) -> Mapping[str, float | None]:
    """Ask for the state of a run many times: what that costs the engine is in no other figure."""
    began = time.monotonic()
    with Sampler(stand.orchestrator.services) as sampler:
        for _ in range(ASKED):
            stand.orchestrator.state(handle)
    asked_s = time.monotonic() - began
    return {"asked_count": float(ASKED), "asked_s": asked_s, "asked_engine_s": sampler.cpu}
