"""The real Dagster: started, given a run, read, and stopped without a trace."""

import pytest
import requests
import yaml

from benchmarks.hearing import settled_span_s
from benchmarks.model import Role, State, Surroundings
from benchmarks.orchestrators.dagster import SETUPS, Dagster, instance_of
from benchmarks.orchestrators.services import ROOT, wait_until

STEPS = 8  # of two repositories: plan, three of each, summarise


def test_the_tuned_settings_are_those_of_the_template():
    template = yaml.safe_load((ROOT / "dagster_impl" / "dagster.yaml").read_text())
    tuned = next(setup for setup in SETUPS if setup.variant == "tuned")

    assert instance_of(tuned) == template
    assert template["run_retries"] == {
        "enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False,
    }  # fmt: skip


def test_as_shipped_the_instance_is_told_about_telemetry_alone():
    assert instance_of(SETUPS[0]) == {"telemetry": {"enabled": False}}


@pytest.mark.services
def test_dagster_runs_what_is_submitted_and_leaves_nothing(tmp_path, source_url):
    environment = {
        "ETL_SOURCE_URL": source_url,
        "ETL_WAREHOUSE_URL": f"sqlite:///{tmp_path}/warehouse.db",
        "ETL_STAGING_URL": (tmp_path / "staging").as_uri(),
        "ETL_SCHEDULE": "false",
    }
    dagster = Dagster(SETUPS[0], Surroundings(tmp_path / "dagster", "", environment))
    try:
        dagster.start()
        parameters = {"repositories": ["apache/airflow", "dagster-io/dagster"]}
        handle = dagster.submit("github_stats", "service-1", parameters)
        wait_until(lambda: bool(dagster.pids(Role.WORKER)), timeout_s=60, because="a run's process")
        finished = (State.SUCCEEDED, State.FAILED)
        wait_until(lambda: dagster.state(handle) in finished, timeout_s=600, because=handle)

        assert dagster.state(handle) is State.SUCCEEDED
        assert settled_span_s(dagster, handle, STEPS) > 0
        assert dagster.output(handle).count("Stars: ") == 2
        assert "2 extracted = 2 loaded" in dagster.output(handle)
        assert requests.get(dagster.web_ui(), timeout=10).status_code == 200
        assert len(dagster.pids(Role.CONTROL)) == 3
    finally:
        running = [p for s in dagster.services.started.values() for p in s.processes()]
        dagster.stop()
    assert not [process for process in running if process.is_running()]
