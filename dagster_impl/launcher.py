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

STARTED = re.compile(r"Started process for run \(pid: (\d+)\)")
CLOCKS_DIFFER_S = 1.0  # a process's start is known to the kernel's tick, the event by the wall


class HealthCheckedRunLauncher(DefaultRunLauncher):
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
        if began is None or began > logged + CLOCKS_DIFFER_S:  # later: the pid is another's now
            return CheckRunHealthResult(WorkerStatus.FAILED, f"the run's process {pid} is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)


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
