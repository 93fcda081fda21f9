"""Airflow's REST API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests

from benchmarks.model import State
from benchmarks.orchestrators.sized import defined, sized

CALL_S = 10.0
PAGE = 100  # the most that the API gives at a time, as shipped
PRINTED = "task.stdout"  # the logger of what a task prints
SERVICES = ("metadatabase", "scheduler", "dag_processor", "triggerer")
FAILED = ("failed", "up_for_retry")
STATES = {
    "queued": State.WAITING,
    "running": State.RUNNING,
    "success": State.SUCCEEDED,
    "failed": State.FAILED,
}


@dataclass(slots=True)
class AirflowApi:
    """The api-server at an address; with `password` "" it is one that takes all for admins."""

    url: str
    password: str = field(default="", repr=False)
    synthetic: str = ""  # the ETL_SYNTHETIC that the engine runs with
    token: str = field(default="", repr=False)

    def version(self) -> str:
        return str(self._get("version")["version"])

    def answers(self) -> bool:
        """Whether the Execution API, whose first call is slow, has answered."""
        return _good(requests.get(f"{self.url}/execution/health", timeout=CALL_S)).ok

    def health(self) -> dict[str, Any]:
        """Return what the api-server knows of each service; nobody has to log in for it."""
        url = f"{self.url}/api/v2/monitor/health"
        health: dict[str, Any] = _good(requests.get(url, timeout=CALL_S)).json()
        return health

    def ready(self) -> bool:
        health = self.health()
        healthy = all(health[name]["status"] == "healthy" for name in SERVICES)
        return healthy and self.known() >= defined({"ETL_SYNTHETIC": self.synthetic})

    def known(self) -> set[str]:
        """Return the names of the DAGs.

        Raises:
            RuntimeError: a file of DAGs cannot be imported.

        """
        errors = self._get("importErrors")["import_errors"]
        if errors:
            raise RuntimeError(f"airflow cannot import a pipeline: {errors[0]['stack_trace']}")
        return {dag["dag_id"] for dag in self._get("dags", limit=PAGE)["dags"]}

    def has_run(self, pipeline: str) -> bool:
        return bool(self._get(f"dags/{pipeline}/dagRuns", state="success", limit=1)["dag_runs"])

    def submit(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        dag, conf = sized(pipeline, parameters)
        asked = {"dag_run_id": run, "logical_date": None, "conf": conf}
        self._call("POST", f"dags/{dag}/dagRuns", json=asked)
        return f"{dag}/{run}"

    def state(self, handle: str) -> State:
        return STATES[self._get(_path(handle))["state"]]

    def give_up(self, handle: str) -> None:
        """Fail the tasks that were begun.

        Not the run: its tasks that have not begun would be skipped, and stay so when it resumes.
        """
        for task in self._tasks(handle):
            if task["state"] in ("queued", "running", "restarting"):
                index = f"/{task['map_index']}" if task["map_index"] >= 0 else ""
                path = f"{_path(handle)}/taskInstances/{task['task_id']}{index}"
                self._call("PATCH", path, json={"new_state": "failed"})

    def cancel(self, handle: str) -> None:
        """Mark the run as failed, as its page offers: there is no other way to cancel one."""
        self._call("PATCH", _path(handle), json={"state": "failed"})

    def resume(self, handle: str) -> str:
        """Clear the run's failed tasks: they and what depends on them run again."""
        asked = {"dry_run": False, "only_failed": True}
        self._call("POST", f"{_path(handle)}/clear", json=asked)
        return handle

    def output(self, handle: str) -> str:
        entries = (
            entry
            for task in self._tasks(handle)
            for attempt in range(1, task["try_number"] + 1)
            for entry in self._log(handle, task, attempt)
        )
        return "\n".join(entry["event"] for entry in entries if entry.get("logger") == PRINTED)

    def why(self, handle: str) -> str:
        failed = [task for task in self._tasks(handle) if task["state"] in FAILED]
        return "\n".join(self._errors(handle, task) for task in failed)

    def history(self, handle: str) -> str:
        """Return the tries of each task, then what happened to the run's tasks besides."""
        dag, run = handle.split("/", 1)
        lines = []
        for task in self._tasks(handle):
            index = f"/{task['map_index']}" if task["map_index"] >= 0 else ""
            path = f"{_path(handle)}/taskInstances/{task['task_id']}{index}/tries"
            lines += [
                f"{it['start_date']} to {it['end_date']} {it['task_id']}[{it['map_index']}]"
                f" try {it['try_number']}: {it['state']}"
                for it in self._get(path)["task_instances"]
            ]
        events = self._get("eventLogs", dag_id=dag, run_id=run, limit=PAGE)["event_logs"]
        return "\n".join([*lines, *(_event(it) for it in events)])

    def span_s(self, handle: str, steps: int) -> float | None:
        """Count from the first task instance queued: before that it has no time of its own."""
        tasks = self._done(handle)
        if len(tasks) < steps or not all(task["queued_when"] for task in tasks):
            return None
        first = min(datetime.fromisoformat(task["queued_when"]) for task in tasks)
        last = max(datetime.fromisoformat(task["end_date"]) for task in tasks)
        return (last - first).total_seconds()

    def steps_done(self, handle: str) -> int:
        return len(self._done(handle))

    def _done(self, handle: str) -> list[dict[str, Any]]:
        return [task for task in self._tasks(handle) if task["state"] == "success"]

    def _errors(self, handle: str, task: Mapping[str, Any]) -> str:
        log = self._log(handle, task, task["try_number"])
        errors = [entry for entry in log if entry.get("level") in ("error", "critical")]
        said = [f"{entry['event']} {_exceptions(entry)}".strip() for entry in errors]
        name = f"task {task['task_id']}[{task['map_index']}], try {task['try_number']}"
        return f"{name}: {'; '.join(said) or 'no log'}"

    def _tasks(self, handle: str) -> Iterator[dict[str, Any]]:
        """Return the run's task instances, oldest start first."""
        found: list[dict[str, Any]] = []
        path = f"{_path(handle)}/taskInstances"
        while True:
            answer = self._get(path, limit=PAGE, offset=len(found), order_by="start_date")
            found += answer["task_instances"]
            if not answer["task_instances"] or len(found) >= answer["total_entries"]:
                return iter(found)

    def _log(self, handle: str, task: Mapping[str, Any], attempt: int) -> list[dict[str, Any]]:
        path = f"{_path(handle)}/taskInstances/{task['task_id']}/logs/{attempt}"
        content: list[dict[str, Any]] = self._get(
            path, map_index=task["map_index"], full_content=True
        )["content"]
        return content

    def _get(self, path: str, **asked: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._call("GET", path, params=asked).json()
        return answer

    def _call(self, method: str, path: str, **more: Any) -> requests.Response:
        if not self.token:
            self.log_in()
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self.token}"}
        url = f"{self.url}/api/v2/{path}"
        return _good(requests.request(method, url, headers=headers, timeout=CALL_S, **more))

    def log_in(self) -> None:
        """Get a new token: one is good for a day, and only as long as the secret is the same."""
        url = f"{self.url}/auth/token"
        login = {"username": "admin", "password": self.password}
        said = (
            requests.post(url, json=login, timeout=CALL_S)
            if self.password
            else requests.get(url, timeout=CALL_S)
        )
        self.token = _good(said).json()["access_token"]


def _event(it: Mapping[str, Any]) -> str:
    return f"{it['when']} {it['event']} {it['task_id']}[{it['map_index']}] {it['extra'] or ''}"


def _good(answer: requests.Response) -> requests.Response:
    if not answer.ok:
        asked = f"{answer.request.method} {answer.request.path_url}"
        what = f"airflow answered {answer.status_code} to {asked}: {answer.text}"
        raise requests.HTTPError(what[:1000], response=answer)
    return answer


def _path(handle: str) -> str:
    pipeline, run = handle.split("/", 1)
    return f"dags/{pipeline}/dagRuns/{run}"


def _exceptions(entry: Mapping[str, Any]) -> str:
    """Return the errors of an entry of a log, innermost last."""
    details: Sequence[Mapping[str, Any]] = entry.get("error_detail") or ()
    return "; ".join(f"{e.get('exc_type')}: {e.get('exc_value')}" for e in details)
