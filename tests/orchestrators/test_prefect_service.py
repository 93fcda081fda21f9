"""The real Prefect: started, given a run, read, and stopped without a trace."""

import pytest
import requests

from benchmarks.hearing import settled_span_s
from benchmarks.model import Role, State, Surroundings
from benchmarks.orchestrators.prefect import SETUPS, Prefect
from benchmarks.orchestrators.services import wait_until

STEPS = 8  # of two repositories: plan, three of each, summarise


@pytest.mark.services
def test_prefect_runs_what_is_submitted_and_leaves_nothing(tmp_path, source_url):
    environment = {
        "ETL_SOURCE_URL": source_url,
        "ETL_WAREHOUSE_URL": f"sqlite:///{tmp_path}/warehouse.db",
        "ETL_STAGING_URL": (tmp_path / "staging").as_uri(),
        "ETL_SCHEDULE": "false",
    }
    prefect = Prefect(SETUPS[0], Surroundings(tmp_path / "prefect", "", environment))
    try:
        prefect.start()
        parameters = {"repositories": ["apache/airflow", "dagster-io/dagster"]}
        handle = prefect.submit("github_stats", "service-1", parameters)
        finished = (State.SUCCEEDED, State.FAILED)
        wait_until(lambda: prefect.state(handle) in finished, timeout_s=90, because=handle)

        assert prefect.state(handle) is State.SUCCEEDED
        assert settled_span_s(prefect, handle, STEPS) > 0
        # a run's messages reach the server in batches, the last of them behind its final state
        said = "2 extracted = 2 loaded"
        wait_until(lambda: said in prefect.output(handle), timeout_s=20, because="no output")
        assert prefect.output(handle).count("Stars: ") == 2
        assert requests.get(prefect.web_ui(), timeout=10).status_code == 200
        assert len(prefect.pids(Role.CONTROL)) == 1
        assert len(prefect.pids(Role.WORKER)) == 1
    finally:
        running = [p for s in prefect.services.started.values() for p in s.processes()]
        prefect.stop()
    assert not [process for process in running if process.is_running()]
