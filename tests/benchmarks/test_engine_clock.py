"""What the adapters make of answers of each engine's API, written by hand: spans, and retries."""

import pytest

from benchmarks.orchestrators.api.airflow import AirflowApi
from benchmarks.orchestrators.api.dagster import DagsterApi
from benchmarks.orchestrators.api.prefect import PrefectApi


class Airflow(AirflowApi):
    def _tasks(self, handle):
        return iter(self.told)


class Prefect(PrefectApi):
    def find(self, what, asked):
        return self.told[asked["offset"] :] if what == "task_runs" else []

    def ask(self, method, path, body=None):
        assert path == "task_run_states/?task_run_id=first"
        return self.states


class Dagster(DagsterApi):
    def _chain(self, handle):
        return [{"runId": handle}]

    def _do(self, query, **variables):
        return {"runs": [{"runId": "first"}, {"runId": "again"}]}

    def _events(self, run):
        return self.told


def at(seconds):
    return f"2026-11-22T09:00:{seconds:06.3f}Z"


def task(queued, end, state="success"):
    return {"state": state, "queued_when": queued and at(queued), "end_date": at(end)}


def airflow(*told):
    api = Airflow("")
    api.told = told
    return api


@pytest.mark.parametrize(
    ("told", "span_s"),
    [
        ((task(1, 3), task(4, 9.5)), 8.5),
        ((task(4, 9.5), task(1, 3)), 8.5),
        ((task(1, 3), task(4, 9.5, state="running")), None),
        ((task(1, 3),), None),
        ((task(None, 3), task(4, 9.5)), None),
    ],
)
def test_airflow_counts_from_the_first_task_queued_to_the_last_one_ended(told, span_s):
    assert airflow(*told).span_s("dag/run", 2) == span_s


def task_run(name, start, end, state="COMPLETED", starts=1):
    return {
        "id": name, "start_time": at(start), "state_type": state, "end_time": end and at(end),
        "flow_run_run_count": starts,
    }  # fmt: skip


def prefect(told, states=(("PENDING", 1), ("RUNNING", 2), ("COMPLETED", 3))):
    api = Prefect("")
    api.told = told
    api.states = [{"type": kind, "timestamp": at(seconds)} for kind, seconds in states]
    return api


def test_prefect_counts_from_the_first_pending_to_the_last_completed():
    told = [task_run("second", 4, 9.5), task_run("first", 2, 3)]

    assert prefect(told).span_s("run", 2) == 8.5


def test_prefect_does_not_say_before_every_task_run_is_recorded():
    late, unknown = task_run("second", 4, None, state="RUNNING"), task_run("second", 4, None)

    assert prefect([task_run("first", 2, 3)]).span_s("run", 2) is None
    assert prefect([task_run("first", 2, 3), late]).span_s("run", 2) is None
    assert prefect([task_run("first", 2, 3), unknown]).span_s("run", 2) is None
    both = [task_run("first", 2, 3), task_run("second", 4, 9.5)]
    assert prefect(both, states=[("COMPLETED", 3)]).span_s("run", 2) is None


def event(kind, key, seconds):
    return {"__typename": kind, "stepKey": key, "timestamp": str(int(1000 * seconds))}


def dagster(*told):
    api = Dagster("", "etl")
    api.told = list(told)
    return api


def test_dagster_counts_from_the_first_step_created_to_the_last_success():
    created = event("StepWorkerStartingEvent", "a", 1)
    steps = [event("ExecutionStepStartEvent", "a", 2), event("ExecutionStepSuccessEvent", "a", 3)]
    steps += [event("ExecutionStepSuccessEvent", "b", 9.5), event("RunSuccessEvent", None, 20)]

    assert dagster(created, *steps).span_s("run", 2) == 8.5
    assert dagster(*steps).span_s("run", 2) == 7.5
    assert dagster(created, *steps[:2]).span_s("run", 2) is None
    assert dagster().span_s("run", 0) is None


def test_each_store_counts_the_steps_that_succeeded():
    of_airflow = (task(1, 3), task(4, 9.5), task(5, 9.5, state="running"))
    of_prefect = [
        *(task_run(name, 2, 3) for name in ("a", "b")),
        *(task_run(name, 4, 5, starts=2) for name in ("a again", "b again", "c")),
        task_run("d", 5, None, state="RUNNING", starts=2),
    ]
    of_dagster = [event("ExecutionStepSuccessEvent", key, 3) for key in ("a", "b")]

    assert airflow(*of_airflow).steps_done("dag/run") == 2
    assert prefect(of_prefect).steps_done("run") == 3
    assert prefect([]).steps_done("run") == 0
    assert dagster(*of_dagster).steps_done("again") == 2


def test_dagster_says_also_of_a_process_that_could_not_begin_why(monkeypatch):
    told = [
        {"__typename": "EngineEvent", "stepKey": None, "message": "no job", "error": None},
        {"__typename": "EngineEvent", "stepKey": None, "message": "no", "error": {"message": "E"}},
        {"__typename": "RunFailureEvent", "stepKey": None, "message": "failed", "error": None},
    ]
    api = dagster(*told)
    monkeypatch.setattr(api, "last", lambda handle: {"runId": handle})

    assert api.why("first") == "run: no E\nrun: failed"


def run(name, parent="", **tags):
    told = {"dagster/parent_run_id": parent} if parent else {}
    told |= {f"dagster/{key}": value for key, value in tags.items()}
    pairs = [{"key": key, "value": value} for key, value in told.items()]
    return {"runId": name, "status": "FAILURE", "tags": pairs}


class Retried(DagsterApi):
    def _do(self, query, **variables):
        return {"runs": self.told}


@pytest.mark.parametrize(
    ("told", "last"),
    [
        ([run("first", auto_retry_run_id="again"), run("again", "first")], "again"),
        ([run("again", "first", retry_number="1"), run("first")], "again"),
        ([run("a-person's", "first"), run("first")], "first"),
        ([run("first", auto_retry_run_id="gone")], "first"),
    ],
    ids=["noted", "the note was lost", "a person's", "never made"],
)
def test_dagster_has_continued_a_run_by_what_its_daemon_made_of_it(told, last):
    api = Retried("", "etl")
    api.told = told
    assert api.last("first")["runId"] == last
