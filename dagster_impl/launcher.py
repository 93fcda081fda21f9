"""A run launcher that lets run monitoring see whether a run's process is alive. For one machine.

Not a part of Dagster: `DefaultRunLauncher` has no health check, so that a run whose process and
code server died together stays Started. `dagster.yaml` names this class as `run_launcher`, and the
folder above this one is on the PYTHONPATH of webserver and daemon. It reads the pid where the code
server logs it, since no public interface says it.
"""

import os
import re
import time
from pathlib import Path

from dagster import DagsterEventType, DagsterRun
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._serdes import ConfigurableClassData

STARTED = re.compile(r"Started process for run \(pid: (\d+)\)")
# A retry that cannot be launched is not launched later: the code server must be back by then, and
# the daemon have loaded its code again.
SETTLE_S = 15.0
CLOCKS_DIFFER_S = 1.0  # a process's start is known to the kernel's tick, the event by the wall


class HealthCheckedRunLauncher(DefaultRunLauncher):
    """Says of a run that it has failed when its process has been gone for `SETTLE_S` seconds."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data)
        self.gone_since: dict[str, float] = {}  # by run: when it was first seen to be gone

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Say whether the process that the code server has started for a run is there."""
        events = self._instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT)
        started = [(m[1], e.timestamp) for e in events if (m := STARTED.search(e.message))]
        if not started:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "its process has no pid yet")
        pid, logged = started[-1]
        began = began_at(int(pid))
        if began is not None and began <= logged + CLOCKS_DIFFER_S:  # later: the pid is another's
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        told = f"the run's process {pid} is gone"
        since = self.gone_since.setdefault(run.run_id, time.monotonic())
        if time.monotonic() - since < SETTLE_S:
            return CheckRunHealthResult(WorkerStatus.RUNNING, told)
        del self.gone_since[run.run_id]
        return CheckRunHealthResult(WorkerStatus.FAILED, told)


def began_at(pid: int) -> float | None:
    """Return when a process began, in seconds since 1970; None when it is gone. See proc(5)."""
    try:
        state, *numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if state == "Z":
        return None
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return boot + int(numbers[18]) / os.sysconf("SC_CLK_TCK")
