"""The real Airflow: started, given a run, read, and stopped without a trace."""

import pytest
import requests

from benchmarks.hearing import settled_span_s
from benchmarks.model import Role, State, Surroundings
from benchmarks.orchestrators.airflow import SETUPS, Airflow
from benchmarks.orchestrators.services import wait_until

STEPS = 8  # of two repositories: plan, three of each, summarise


@pytest.mark.services
def test_airflow_runs_what_is_submitted_and_leaves_nothing(tmp_path, source_url):
    environment = {
        "ETL_SOURCE_URL": source_url,
        "ETL_WAREHOUSE_URL": f"sqlite:///{tmp_path}/warehouse.db",
        "ETL_STAGING_URL": (tmp_path / "staging").as_uri(),
        "ETL_SCHEDULE": "false",
    }
    airflow = Airflow(SETUPS[0], Surroundings(tmp_path / "airflow", "", environment))
    try:
        airflow.start()
        parameters = {"repositories": ["apache/airflow", "dagster-io/dagster"]}
        handle = airflow.submit("github_stats", "service-1", parameters)
        finished = (State.SUCCEEDED, State.FAILED)
        wait_until(lambda: airflow.state(handle) in finished, timeout_s=90, because=handle)

        assert airflow.state(handle) is State.SUCCEEDED
        assert settled_span_s(airflow, handle, STEPS) > 0
        assert airflow.output(handle).count("Stars: ") == 2
        assert "2 extracted = 2 loaded" in airflow.output(handle)
        assert requests.get(airflow.web_ui(), timeout=10).status_code == 200
        assert len(airflow.pids(Role.CONTROL)) == 3
        assert airflow.pids(Role.WORKER)
    finally:
        running = [p for s in airflow.services.started.values() for p in s.processes()]
        airflow.stop()
    assert not [process for process in running if process.is_running()]
