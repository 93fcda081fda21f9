"""The engines' public APIs, as far as a first run and the tests of the containers need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

import requests

from benchmarks.model import PIPELINES, State
from benchmarks.orchestrators import airflow, dagster, prefect

CALL_S = 30.0
LOCATION = "etl"  # Dagster's code location in containers
SCHEDULES = """
query Schedules($at: RepositorySelector!) {
  schedulesOrError(repositorySelector: $at) { __typename
    ... on Schedules { results { name scheduleState { status } } }
    ... on Error { message } }
}"""
START_SCHEDULE = """
mutation Start($at: ScheduleSelector!) {
  startSchedule(scheduleSelector: $at) { __typename ... on Error { message } }
}"""
SUCCEEDED = """
query Succeeded($pipeline: String!) {
  runsOrError(filter: {pipelineName: $pipeline, statuses: [SUCCESS]}, limit: 1) { __typename
    ... on Runs { results { runId } }
    ... on Error { message } }
}"""
DAGSTER_RUN = """
query Run($run: ID!) {
  runOrError(runId: $run) { __typename
    ... on Run { status eventConnection(limit: 1000) { events { __typename
      ... on MessageEvent { message stepKey }
      ... on ExecutionStepFailureEvent { error { message } } } } }
    ... on Error { message } }
}"""
FAILURES = ("ExecutionStepFailureEvent", "RunFailureEvent")


class EngineError(Exception):
    """An engine did not do what it was asked; the message is its own."""


class Engine(Protocol):
    """One engine behind an address."""

    def ready(self) -> bool:
        """Whether a run that is triggered now would start: asked once, never waits."""

    def has_run(self, pipeline: str) -> bool:
        """Whether a run of the pipeline has ever succeeded."""

    def trigger(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        """Ask for a run under our id; return the engine's handle of it."""

    def state(self, handle: str) -> State:
        """Ask once where a run is."""

    def give_up(self, handle: str) -> None:
        """Make a run that is stuck a failed one, as a person would before resuming it."""

    def resume(self, handle: str) -> str:
        """Continue a failed run the way the engine's manual says; return its handle."""

    def why(self, handle: str) -> str:
        """Return what the engine says about a run that failed."""


@dataclass(slots=True)
class Airflow:
    url: str
    password: str = field(repr=False)
    token: str = field(default="", repr=False)

    def ready(self) -> bool:
        health = self._call("GET", "/api/v2/monitor/health", bare=True)
        services = ("metadatabase", "scheduler", "dag_processor", "triggerer")
        return all(health[name]["status"] == "healthy" for name in services) and self._known()

    def _known(self) -> bool:
        errors = self._call("GET", "/api/v2/importErrors")["import_errors"]
        if errors:
            raise EngineError(f"airflow cannot import a pipeline: {errors[0]['stack_trace']}")
        dags = self._call("GET", "/api/v2/dags")["dags"]
        return {dag["dag_id"] for dag in dags} >= set(PIPELINES)

    def has_run(self, pipeline: str) -> bool:
        path = f"/api/v2/dags/{pipeline}/dagRuns?state=success&limit=1"
        return bool(self._call("GET", path)["dag_runs"])

    def trigger(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        asked = {"dag_run_id": run, "logical_date": None, "conf": dict(parameters)}
        self._call("POST", f"/api/v2/dags/{pipeline}/dagRuns", asked)
        return f"/api/v2/dags/{pipeline}/dagRuns/{run}"

    def state(self, handle: str) -> State:
        return airflow.STATES[self._call("GET", handle)["state"]]

    def give_up(self, handle: str) -> None:
        # Not the run: its tasks that have not begun would be skipped, and stay so when it resumes.
        tasks = self._call("GET", f"{handle}/taskInstances?limit=100")["task_instances"]
        for task in tasks:
            if task["state"] in ("queued", "running", "restarting"):
                index = f"/{task['map_index']}" if task["map_index"] >= 0 else ""
                path = f"{handle}/taskInstances/{task['task_id']}{index}"
                self._call("PATCH", path, {"new_state": "failed"})

    def resume(self, handle: str) -> str:
        self._call("POST", f"{handle}/clear", {"dry_run": False, "only_failed": True})
        return handle

    def why(self, handle: str) -> str:
        tasks = self._call("GET", f"{handle}/taskInstances?limit=100")["task_instances"]
        failed = [task for task in tasks if task["state"] == "failed"]
        return "\n".join(self._logged(handle, task) for task in failed)

    def _logged(self, handle: str, task: Mapping[str, Any]) -> str:
        name, index = task["task_id"], task["map_index"]
        path = f"{handle}/taskInstances/{name}/logs/{task['try_number']}"
        log = self._call("GET", f"{path}?map_index={index}&full_content=true")["content"]
        errors = [e for e in log if e.get("level") in ("error", "critical")]
        said = [f"{e['event']} {_exceptions(e)}".strip() for e in errors]
        return f"task {name}[{index}], try {task['try_number']}: {'; '.join(said) or 'no log'}"

    def _call(self, method: str, path: str, content: Any = None, *, bare: bool = False) -> Any:
        headers = {} if bare else {"Authorization": f"Bearer {self._logged_in()}"}
        return _content(
            requests.request(method, self.url + path, json=content, headers=headers, timeout=CALL_S)
        )

    def _logged_in(self) -> str:
        if not self.token:
            login = {"username": "admin", "password": self.password}
            said = _content(requests.post(f"{self.url}/auth/token", json=login, timeout=CALL_S))
            self.token = said["access_token"]
        return self.token


@dataclass(slots=True)
class Prefect:
    url: str
    password: str = field(repr=False)

    def ready(self) -> bool:
        self._call("GET", "ready")
        named = {"deployments": {"name": {"any_": [prefect.DEPLOYMENT]}}}
        if len(self._call("POST", "deployments/filter", named)) < len(PIPELINES):
            return False
        workers = self._call("POST", f"work_pools/{prefect.POOL}/workers/filter", {})
        return any(worker["status"] == "ONLINE" for worker in workers)

    def has_run(self, pipeline: str) -> bool:
        asked = {
            "flows": {"name": {"any_": [pipeline]}},
            "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
            "limit": 1,
        }
        return bool(self._call("POST", "flow_runs/filter", asked))

    def trigger(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        found = self._call("GET", f"deployments/name/{pipeline}/{prefect.DEPLOYMENT}")
        asked = {"name": run, "parameters": dict(parameters), "idempotency_key": run}
        made = self._call("POST", f"deployments/{found['id']}/create_flow_run", asked)
        return str(made["id"])

    def state(self, handle: str) -> State:
        return prefect.STATES[self._call("GET", f"flow_runs/{handle}")["state_type"]]

    def give_up(self, handle: str) -> None:
        self._set_state(handle, {"type": "CRASHED", "message": "given up"}, force=True)

    def resume(self, handle: str) -> str:
        self._set_state(handle, {"type": "SCHEDULED", "name": "AwaitingRetry"}, force=False)
        return handle

    def _set_state(self, handle: str, state: Mapping[str, str], *, force: bool) -> None:
        asked = {"state": state, "force": force}
        said = self._call("POST", f"flow_runs/{handle}/set_state", asked)
        if said["status"] != "ACCEPT":
            raise EngineError(f"Prefect refused a state of flow run {handle}: {said['details']}")

    def why(self, handle: str) -> str:
        state = self._call("GET", f"flow_runs/{handle}")["state"]
        errors = {"flow_run_id": {"any_": [handle]}, "level": {"ge_": 40}}
        lines = self._call("POST", "logs/filter", {"logs": errors, "limit": 20})
        return "\n".join([f"{state['name']}: {state['message']}", *(e["message"] for e in lines)])

    def _call(self, method: str, path: str, content: Any = None) -> Any:
        url, login = f"{self.url}/api/{path}", ("admin", self.password)
        return _content(requests.request(method, url, json=content, auth=login, timeout=CALL_S))


@dataclass(slots=True)
class Dagster:
    url: str

    def ready(self) -> bool:
        said = self._ask(dagster.READY)
        loaded = [
            entry["loadStatus"] == "LOADED" and "message" not in entry["locationOrLoadError"]
            for entry in said["workspaceOrError"]["locationEntries"]
        ]
        daemons = said["instance"]["daemonHealth"]["allDaemonStatuses"]
        beats = [d["lastHeartbeatTime"] or 0.0 for d in daemons if d["required"]]
        young = datetime.now(UTC).timestamp() - min(beats, default=0.0) < 90
        return bool(loaded) and all(loaded) and young

    def schedule(self) -> None:
        """Switch on every schedule that is not: Dagster ships them stopped."""
        at = {"repositoryLocationName": LOCATION, "repositoryName": dagster.REPOSITORY}
        for found in self._do(SCHEDULES, at=at)["results"]:
            if found["scheduleState"]["status"] != "RUNNING":
                self._do(START_SCHEDULE, at={**at, "scheduleName": found["name"]})

    def has_run(self, pipeline: str) -> bool:
        return bool(self._do(SUCCEEDED, pipeline=pipeline)["results"])

    def trigger(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        tags = {"etl/run": run, **_days(pipeline, parameters)}
        params = {
            "selector": {
                "repositoryLocationName": LOCATION,
                "repositoryName": dagster.REPOSITORY,
                "jobName": pipeline,
            },
            "runConfigData": _run_config(pipeline, parameters),
            "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
        }
        return str(self._do(dagster.LAUNCH, params=params)["run"]["runId"])

    def state(self, handle: str) -> State:
        return dagster.STATES[self._do(DAGSTER_RUN, run=handle)["status"]]

    def give_up(self, handle: str) -> None:
        self._do(dagster.TERMINATE, run=handle)

    def resume(self, handle: str) -> str:
        # All steps: after a crash "from failure" leaves out what had not begun.
        params = {"parentRunId": handle, "strategy": "ALL_STEPS"}
        return str(self._do(dagster.REEXECUTE, params=params)["run"]["runId"])

    def why(self, handle: str) -> str:
        events = self._do(DAGSTER_RUN, run=handle)["eventConnection"]["events"]
        return "\n".join(_failure(e) for e in events if e["__typename"] in FAILURES)

    def _do(self, query: str, **variables: Any) -> dict[str, Any]:
        said: dict[str, Any] = next(iter(self._ask(query, **variables).values()))
        if "message" in said or "errors" in said:
            raise EngineError(f"{said['__typename']}: {said.get('message') or said['errors']}")
        return said

    def _ask(self, query: str, **variables: Any) -> dict[str, Any]:
        content = {"query": query, "variables": variables}
        said = _content(requests.post(f"{self.url}/graphql", json=content, timeout=CALL_S))
        if "errors" in said:
            raise EngineError(said["errors"][0]["message"])
        data: dict[str, Any] = said["data"]
        return data


def _failure(event: Mapping[str, Any]) -> str:
    error = (event.get("error") or {}).get("message", "")
    return f"{event['stepKey'] or 'run'}: {event['message']} {error}".strip()


def _exceptions(entry: Mapping[str, Any]) -> str:
    """Return the errors of an entry of Airflow's log, innermost last."""
    details: Sequence[Mapping[str, Any]] = entry.get("error_detail") or ()
    return "; ".join(f"{e.get('exc_type')}: {e.get('exc_value')}" for e in details)


def yesterday() -> dict[str, str]:
    """Return the day that `complaints` takes when a run names none."""
    day: date = datetime.now(UTC).date() - timedelta(days=1)
    return {"start": str(day), "end": str(day)}


def _days(pipeline: str, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags by which a run of Dagster takes a range of days."""
    if pipeline != "complaints":
        return {}
    days = {**yesterday(), **parameters}
    return {f"dagster/asset_partition_range_{bound}": days[bound] for bound in ("start", "end")}


def _run_config(pipeline: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    if not parameters or pipeline not in dagster.ASKED_FOR:
        return {}
    asset, plan = dagster.ASKED_FOR[pipeline]
    return {"ops": {asset: {"ops": {plan: {"config": dict(parameters)}}}}}


def _content(answer: requests.Response) -> Any:
    """Return the JSON of an answer.

    Raises:
        EngineError: what was asked for is wrong; asking again would not help.
        requests.HTTPError: the server is not ready, or broken.

    """
    if answer.status_code >= 500:
        answer.raise_for_status()
    if not answer.ok:
        said = answer.text[:1000]
        raise EngineError(f"{answer.status_code} {answer.request.method} {answer.url}: {said}")
    return answer.json() if answer.content else None
