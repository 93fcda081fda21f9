"""Prefect's REST API."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from benchmarks.model import PIPELINES, SYNTHETIC, State
from benchmarks.orchestrators.services import wait_until

POOL = "etl"
DEPLOYMENT = "etl"  # of every flow: `complaints/etl`, ...
TIMEOUT_S = 10.0  # of one request
# A locked SQLite is a 503, and nothing was done: like Prefect's own client, ask again.
UNTIL_SERVED = Retry(
    8, connect=0, read=0, other=0, status_forcelist=(503,), allowed_methods=None, backoff_factor=0.1
)
A_CALL = 200  # the most that the API gives at a time
REPORTED = "Process exited with status code"  # what a worker says of a crash, at first
DONE_S = 30.0  # for a worker that reported a crash to be done with the attempt

STATES: Mapping[str, State] = {
    "SCHEDULED": State.WAITING,
    "PENDING": State.WAITING,
    "PAUSED": State.WAITING,
    "RUNNING": State.RUNNING,
    "CANCELLING": State.RUNNING,
    "COMPLETED": State.SUCCEEDED,
    "FAILED": State.FAILED,
    "CRASHED": State.FAILED,
    "CANCELLED": State.FAILED,
}


@dataclass(slots=True)
class PrefectApi:
    """The server at an address; with `password` "" it is one that asks for none."""

    url: str
    password: str = field(default="", repr=False)
    synthetic: str = ""  # the ETL_SYNTHETIC that the engine runs with

    def version(self) -> str:
        return str(self.ask("GET", "admin/version"))

    def ready(self) -> bool:
        return self.serves() and self.deployed() and self.is_online()

    def deployed(self) -> bool:
        """Whether every pipeline has its deployment."""
        wanted = len(PIPELINES) + (len(SYNTHETIC) if self.synthetic else 0)
        return len(self.deployments()) >= wanted

    def serves(self) -> bool:
        """Whether the server answers and reaches its database."""
        self.ask("GET", "ready")
        return True

    def deployments(self) -> list[Any]:
        """Return the deployments of our pipelines."""
        return self.find("deployments", {"deployments": {"name": {"any_": [DEPLOYMENT]}}})

    def is_online(self, worker: str = "") -> bool:
        """Whether a worker is online: that of a name, or any."""
        listed = self.find(f"work_pools/{POOL}/workers", {})
        return any(w["status"] == "ONLINE" and worker in ("", w["name"]) for w in listed)

    def has_run(self, pipeline: str) -> bool:
        asked = {
            "flows": {"name": {"any_": [pipeline]}},
            "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
            "limit": 1,
        }
        return bool(self.find("flow_runs", asked))

    def submit(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        """Create a flow run named `run` from the pipeline's deployment; return its id."""
        deployment = self.ask("GET", f"deployments/name/{pipeline}/{DEPLOYMENT}")
        asked = {"name": run, "parameters": dict(parameters), "idempotency_key": run}
        path = f"deployments/{deployment['id']}/create_flow_run"
        return str(self.change("POST", path, asked)["id"])

    def state(self, handle: str) -> State:
        return STATES[self.flow_run(handle)["state_type"]]

    def flow_run(self, handle: str) -> dict[str, Any]:
        """Return all that the server says of a flow run."""
        found: dict[str, Any] = self.ask("GET", f"flow_runs/{handle}")
        return found

    def give_up(self, handle: str) -> None:
        self._set_state(handle, {"type": "FAILED", "message": "given up"}, force=True)

    def cancel(self, handle: str) -> None:
        self._set_state(handle, {"type": "CANCELLING", "name": "Cancelling"}, force=False)

    def resume(self, handle: str) -> str:
        """Schedule the same flow run again; steps with a stored result are not run again.

        A worker reports a crash twice, at once and when it is done with the attempt; the second
        report crashes what was scheduled in between. So that one is waited for where the first was
        a worker's: of an attempt that died with its worker, or was served by a runner, none comes.
        """
        flow_run = self.flow_run(handle)
        if flow_run["state_type"] == "CRASHED" and _by_worker(flow_run):
            crashed = flow_run["state"]["timestamp"]
            with contextlib.suppress(TimeoutError):
                wait_until(
                    lambda: self._is_done(handle, crashed), timeout_s=DONE_S, because="no report"
                )
        return self.schedule(handle)

    def schedule(self, handle: str) -> str:
        """Schedule the same flow run again, at once."""
        self._set_state(handle, {"type": "SCHEDULED", "name": "AwaitingRetry"}, force=False)
        return handle

    def _set_state(self, handle: str, state: Mapping[str, str], *, force: bool) -> None:
        asked = {"state": state, "force": force}
        said = self.change("POST", f"flow_runs/{handle}/set_state", asked)
        if said["status"] != "ACCEPT":
            raise RuntimeError(f"Prefect refused a state of flow run {handle}: {said['details']}")

    def _is_done(self, handle: str, since: str) -> bool:
        """Whether a worker has said since then that it is done with an attempt of the run."""
        asked = {
            "event": {"name": ["prefect.worker.executed-flow-run"]},
            "related": {"id": [f"prefect.flow-run.{handle}"]},
            "occurred": {"since": since},
        }
        return bool(self.ask("POST", "events/filter", {"filter": asked, "limit": 1})["events"])

    def output(self, handle: str) -> str:
        """Return the messages of the run's steps, oldest first."""
        asked: dict[str, Any] = {
            "logs": {"flow_run_id": {"any_": [handle]}},
            "sort": "TIMESTAMP_ASC",
        }
        lines = self._pages("logs", asked)
        return "\n".join(line["message"] for line in lines if line["task_run_id"])

    def why(self, handle: str) -> str:
        state = self.flow_run(handle)["state"]
        errors = {"flow_run_id": {"any_": [handle]}, "level": {"ge_": 40}}
        lines = self.find("logs", {"logs": errors, "limit": 20})
        return "\n".join([f"{state['name']}: {state['message']}", *(e["message"] for e in lines)])

    def history(self, handle: str) -> str:
        states = self.ask("GET", f"flow_run_states/?flow_run_id={handle}")
        return "\n".join(f"{it['timestamp']} {it['name']} {it['message'] or ''}" for it in states)

    def span_s(self, handle: str, steps: int) -> float | None:
        """Count by the task runs' states: `created` is when the server recorded a task run.

        The first step is the first that started, which it is in a chain.
        """
        runs = self._task_runs(handle)
        done = [run for run in runs if run["state_type"] == "COMPLETED"]
        ended = [datetime.fromisoformat(run["end_time"]) for run in done if run["end_time"]]
        if len(ended) < steps:
            return None
        first = min(runs, key=lambda run: datetime.fromisoformat(run["start_time"]))
        states = self.ask("GET", f"task_run_states/?task_run_id={first['id']}")
        pending = [
            datetime.fromisoformat(it["timestamp"]) for it in states if it["type"] == "PENDING"
        ]
        return (max(ended) - min(pending)).total_seconds() if pending else None

    def steps_done(self, handle: str) -> int:
        """Count those of the flow run's last start, in which what was kept is done at once."""
        runs = self._task_runs(handle)
        last = max((run["flow_run_run_count"] for run in runs), default=0)
        done = [run for run in runs if run["state_type"] == "COMPLETED"]
        return sum(run["flow_run_run_count"] == last for run in done)

    def _task_runs(self, handle: str) -> list[Any]:
        return self._pages("task_runs", {"flow_runs": {"id": {"any_": [handle]}}})

    def _pages(self, what: str, asked: Mapping[str, Any]) -> list[Any]:
        """Return all that fits a filter."""
        found: list[Any] = []
        while page := self.find(what, {**asked, "limit": A_CALL, "offset": len(found)}):
            found += page
        return found

    def find(self, what: str, asked: Mapping[str, Any]) -> list[Any]:
        """Return what fits a filter."""
        found: list[Any] = self.ask("POST", f"{what}/filter", asked)
        return found

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask once."""
        with requests.Session() as session:
            return self._send(session, method, path, body)

    def change(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        """Ask until it is served."""
        with requests.Session() as session:
            session.mount("http://", HTTPAdapter(max_retries=UNTIL_SERVED))
            return self._send(session, method, path, body)

    def _send(
        self, session: requests.Session, method: str, path: str, body: Mapping[str, Any] | None
    ) -> Any:
        login = ("admin", self.password) if self.password else None
        url = f"{self.url}/api/{path}"
        answer = session.request(method, url, json=body, auth=login, timeout=TIMEOUT_S)
        if not answer.ok:
            said = f"{answer.status_code} from {answer.url}: {answer.text[:500]}"
            raise requests.HTTPError(said, response=answer)
        return answer.json() if answer.content else None


def _by_worker(flow_run: Mapping[str, Any]) -> bool:
    """Whether it was a worker that said that a flow run has crashed."""
    said = flow_run["state"].get("message") or ""
    return bool(flow_run.get("work_pool_name")) and said.startswith(REPORTED)
