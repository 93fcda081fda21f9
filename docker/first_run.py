"""Run each pipeline once through an engine's public API, and wait for the end.

    python docker/first_run.py ENGINE URL

A pipeline that has succeeded before is not run again: `docker compose up` may be said twice. With
FIRST_RUN=false none is run. Ends with 1 and the engine's own words when a run fails.
"""

from __future__ import annotations

import os
import sys
import time

from benchmarks.model import PIPELINES, State
from benchmarks.orchestrators.api import APIS, EngineApi
from benchmarks.orchestrators.api.dagster import DagsterApi
from benchmarks.orchestrators.services import wait_until

READY_S = 600.0  # a first start on a small, busy machine
RUN_S = 600.0
POLL_S = 1.0
FINAL = (State.SUCCEEDED, State.FAILED)


def main(name: str, url: str) -> None:
    """Wait for the engine, run what has not run yet, and end with the verdict."""
    engine = APIS[name](url, os.environ)
    print(f"waiting for {name}", flush=True)
    wait_until(engine.ready, timeout_s=READY_S, poll_s=POLL_S, because=f"{name} is not ready")
    if isinstance(engine, DagsterApi) and os.environ.get("ETL_SCHEDULE") == "true":
        engine.switch_on_schedules()
    if os.environ.get("FIRST_RUN") == "false":
        print(f"first run: none was wanted on {name}", flush=True)
        return
    failed = [pipeline for pipeline in PIPELINES if not ran(engine, pipeline)]
    if failed:
        sys.exit(f"first run: {', '.join(failed)} failed; what {name} says is above")
    print(f"first run: every pipeline has run on {name}", flush=True)


def ran(engine: EngineApi, pipeline: str) -> bool:
    """Run a pipeline, unless it has run, and say whether it succeeded."""
    if engine.has_run(pipeline):
        print(f"{pipeline}: has run before", flush=True)
        return True
    handle = engine.submit(pipeline, f"first-run-{int(time.time())}", {})
    wait_until(
        lambda: engine.state(handle) in FINAL,
        timeout_s=RUN_S,
        poll_s=POLL_S,
        because=f"{pipeline} did not end",
    )
    state = engine.state(handle)
    print(f"{pipeline}: {state}", flush=True)
    if state is State.FAILED:
        print(engine.why(handle), file=sys.stderr, flush=True)
    return state is State.SUCCEEDED


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2])
    except (OSError, RuntimeError) as error:
        sys.exit(f"first run: {error}")
