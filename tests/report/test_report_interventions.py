"""What a person types, as the report prints it, is what the adapters send."""

import json

import pytest

from benchmarks.orchestrators.api import airflow, dagster, prefect
from benchmarks.report.interventions import interventions

HERE = "http://127.0.0.1:1"


def printed(engine):
    return [it.sends for it in interventions([engine])]


def test_what_is_typed_on_airflow(monkeypatch):
    sent = []
    task = {"task_id": "TASK", "map_index": 0, "state": "running"}
    monkeypatch.setattr(
        airflow.AirflowApi,
        "_call",
        lambda _, method, path, **more: sent.append((method, path, more["json"])),
    )
    monkeypatch.setattr(airflow.AirflowApi, "_tasks", lambda *_: [task])
    api = airflow.AirflowApi(HERE)
    api.give_up("complaints/RUN")
    api.resume("complaints/RUN")

    said = [f"{method} /api/v2/{path} {json.dumps(body)}" for method, path, body in sent]
    assert said == [it.replace("INDEX", "0") for it in printed("airflow")]


def test_what_is_typed_on_prefect(monkeypatch):
    sent = []

    def change(_, method, path, body):
        sent.append(f"{method} /api/{path} {json.dumps(body)}")
        return {"status": "ACCEPT"}

    monkeypatch.setattr(prefect.PrefectApi, "change", change)
    monkeypatch.setattr(prefect.PrefectApi, "flow_run", lambda *_: {"state_type": "FAILED"})
    api = prefect.PrefectApi(HERE)
    api.give_up("RUN")
    api.resume("RUN")

    assert sent == printed("prefect")


@pytest.mark.parametrize(
    ("reason", "strategy"), [("STEP_FAILURE", "FROM_FAILURE"), ("RUN_EXCEPTION", "ALL_STEPS")]
)
def test_what_is_typed_on_dagster(monkeypatch, reason, strategy):
    sent = []

    def do(_, query, **variables):
        sent.append((query, variables))
        return {"run": {"runId": "again"}}

    run = {"runId": "RUN", "status": "FAILURE", "tags": {dagster.FAILURE_REASON: reason}}
    monkeypatch.setattr(dagster.DagsterApi, "_do", do)
    monkeypatch.setattr(dagster.DagsterApi, "last", lambda *_: run)
    api = dagster.DagsterApi(HERE, location="etl")
    api.give_up("RUN")
    api.resume("RUN")

    (ends, what), (starts, asked) = sent
    forced = "terminatePolicy: MARK_AS_CANCELED_IMMEDIATELY"
    assert forced in ends and what == {"run": "RUN"}
    assert "launchRunReexecution(reexecutionParams: $params)" in starts
    given = json.dumps(asked["params"]).replace('"RUN"', "RUN")
    assert printed("dagster")[0] == f"POST /graphql mutation terminateRun(runId: RUN, {forced})"
    again = f"POST /graphql mutation launchRunReexecution(reexecutionParams: {given})"
    assert again in printed("dagster") and strategy in again
