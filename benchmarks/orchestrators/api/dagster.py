"""The GraphQL API of Dagster's webserver."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from benchmarks.model import SYNTHETIC, State
from benchmarks.orchestrators.sized import sized

REPOSITORY = "__repository__"
ANSWER_TIMEOUT_S = 90.0
EVENTS_A_PAGE = 1000
BEAT_S = 90.0  # daemons beat every 30 s; Dagster itself calls one dead after 30 minutes

READY = """
query Ready {
  workspaceOrError { ... on Workspace { locationEntries {
    loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } }
  instance { daemonHealth { allDaemonStatuses { daemonType required lastHeartbeatTime } } }
}"""
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) { __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on Error { message } }
}"""
REEXECUTE = """
mutation Reexecute($params: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $params) { __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on Error { message } }
}"""
TERMINATE = """
mutation Terminate($run: String!) {
  terminateRun(runId: $run, terminatePolicy: MARK_AS_CANCELED_IMMEDIATELY) { __typename
    ... on Error { message } }
}"""
CANCEL = TERMINATE.replace("MARK_AS_CANCELED_IMMEDIATELY", "SAFE_TERMINATE")
GROUP = """
query Group($run: ID!) {
  runGroupOrError(runId: $run) { __typename
    ... on RunGroup { runs { runId status tags { key value } } }
    ... on Error { message } }
}"""
EVENTS = """
query Events($run: ID!, $cursor: String, $limit: Int) {
  logsForRun(runId: $run, afterCursor: $cursor, limit: $limit) { __typename
    ... on EventConnection { cursor hasMore events { __typename
      ... on MessageEvent { message level stepKey timestamp }
      ... on ErrorEvent { error { message } } } }
    ... on Error { message } }
}"""
SUCCEEDED = """
query Succeeded($pipeline: String!) {
  runsOrError(filter: {pipelineName: $pipeline, statuses: [SUCCESS]}, limit: 1) { __typename
    ... on Runs { results { runId } }
    ... on Error { message } }
}"""
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

STATES = {
    "NOT_STARTED": State.WAITING,
    "QUEUED": State.WAITING,
    "STARTING": State.WAITING,
    "STARTED": State.RUNNING,
    "CANCELING": State.RUNNING,
    "CANCELED": State.FAILED,
    "SUCCESS": State.SUCCEEDED,
    "FAILURE": State.FAILED,
}

FAILURE_REASON = "dagster/failure_reason"
AUTO_RETRY = "dagster/auto_retry_run_id"
RETRY_NUMBER = "dagster/retry_number"  # of a run that the daemon has made
PARENT = "dagster/parent_run_id"
# Only a step with a process of its own is created before it starts.
CREATED = ("StepWorkerStartingEvent", "ExecutionStepStartEvent")
COMPLETED = "ExecutionStepSuccessEvent"
FAILURES = ("ExecutionStepFailureEvent", "RunFailureEvent")


class DagsterError(requests.RequestException):
    """Dagster answered with an error, for example while its database is away."""


@dataclass(slots=True)
class DagsterApi:
    """The webserver at an address, and the name of the code location that it serves."""

    url: str
    location: str

    def version(self) -> str:
        return str(self.ask("query Version { version }")["version"])

    def ready(self, since: float | None = None) -> bool:
        """Whether the code is loaded, and every daemon has given a sign of life.

        `since` is the Unix time from which on a sign counts; when not given, that of the last
        beats. `healthy` would not do: a daemon that has died stays healthy for half an hour.
        """
        said = self.ask(READY)
        entries = said["workspaceOrError"]["locationEntries"]
        for entry in entries:
            if "message" in (entry["locationOrLoadError"] or {}):
                raise DagsterError(entry["locationOrLoadError"]["message"])
        daemons = said["instance"]["daemonHealth"]["allDaemonStatuses"]
        beats = [d["lastHeartbeatTime"] or 0.0 for d in daemons if d["required"]]
        loaded = [entry["loadStatus"] == "LOADED" for entry in entries]
        began = time.time() - BEAT_S if since is None else since
        return bool(loaded) and all(loaded) and min(beats, default=0.0) >= began

    def switch_on_schedules(self) -> None:
        """Switch on every schedule that is not: Dagster ships them stopped."""
        at = {"repositoryLocationName": self.location, "repositoryName": REPOSITORY}
        for found in self._do(SCHEDULES, at=at)["results"]:
            if found["scheduleState"]["status"] != "RUNNING":
                self._do(START_SCHEDULE, at={**at, "scheduleName": found["name"]})

    def has_run(self, pipeline: str) -> bool:
        return bool(self._do(SUCCEEDED, pipeline=pipeline)["results"])

    def submit(
        self,
        pipeline: str,
        run: str,
        parameters: Mapping[str, Any],
        config: Mapping[str, Any] | None = None,
    ) -> str:
        """Launch a run; `config` is laid under the run config that carries the parameters."""
        job, _ = sized(pipeline, parameters)
        found = tags(pipeline, run, parameters)
        params = {
            "selector": {
                "repositoryLocationName": self.location,
                "repositoryName": REPOSITORY,
                "jobName": job,
            },
            "runConfigData": {**(config or {}), **run_config(pipeline, parameters)},
            "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in found.items()]},
        }
        return str(self._do(LAUNCH, params=params)["run"]["runId"])

    def state(self, handle: str) -> State:
        """Ask once where the run is, or the run by which the daemon has continued it."""
        return STATES[self.last(handle)["status"]]

    def last(self, handle: str) -> dict[str, Any]:
        """Return the run, or its latest automatic retry."""
        return self._chain(handle)[-1]

    def _chain(self, handle: str) -> list[dict[str, Any]]:
        """Return the run and its automatic retries, oldest first."""
        group = self._do(GROUP, run=handle)["runs"]
        runs = {r["runId"]: r | {"tags": {t["key"]: t["value"] for t in r["tags"]}} for r in group}
        chain = [runs[handle]]
        while (retry := _retry(chain[-1], runs.values())) is not None:
            chain.append(retry)
        return chain

    def give_up(self, handle: str) -> None:
        self._do(TERMINATE, run=self.last(handle)["runId"])

    def cancel(self, handle: str) -> None:
        self._do(CANCEL, run=self.last(handle)["runId"])

    def resume(self, handle: str) -> str:
        """Re-execute the run: from its failed steps, or whole when its process has died.

        After a crash "from failure" would leave out every mapped step that had not begun yet
        (dagster-io/dagster#20925). A run that is stuck is given up first.
        """
        run = self.last(handle)
        if STATES[run["status"]] is not State.FAILED:
            self._do(TERMINATE, run=run["runId"])
        failed_by_a_step = run["tags"].get(FAILURE_REASON) == "STEP_FAILURE"
        strategy = "FROM_FAILURE" if failed_by_a_step else "ALL_STEPS"
        params = {"parentRunId": run["runId"], "strategy": strategy}
        launched = self._do(REEXECUTE, params=params)
        return str(launched["run"]["runId"])

    def output(self, handle: str) -> str:
        """Return what the steps logged, those of automatic retries included."""
        events = self._events_of(self._chain(handle))
        return "\n".join(event["message"] for event in events if _by_a_step(event))

    def why(self, handle: str) -> str:
        events = self._events(self.last(handle)["runId"])
        failed = (e for e in events if e["__typename"] in FAILURES or e.get("error"))
        return "\n".join(map(_failure, failed))

    def history(self, handle: str) -> str:
        """Return the events of the run, and of those that continued it or that it continues."""
        lines = []
        for run in self._do(GROUP, run=handle)["runs"]:
            lines.append(f"run {run['runId']}: {run['status']}")
            lines += [
                f"{datetime.fromtimestamp(_at_ms(it) / 1000, UTC):%H:%M:%S.%f}"
                f" {it['__typename']} {it['stepKey'] or ''} {it['message']}"
                for it in self._events(run["runId"])
            ]
        return "\n".join(lines)

    def span_s(self, handle: str, steps: int) -> float | None:
        events = self._events_of(self._chain(handle))
        created = [event for event in events if event["__typename"] in CREATED]
        done = _completed(events)
        if not created or len(done) < steps:
            return None
        first, last = (map(_at_ms, found) for found in (created, done.values()))
        return (max(last) - min(first)) / 1000

    def steps_done(self, handle: str) -> int:
        """Count those of the run and of all that it continues: what is done is not done again."""
        return len(_completed(self._events_of(self._do(GROUP, run=handle)["runs"])))

    def _events_of(self, runs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [event for run in runs for event in self._events(run["runId"])]

    def _events(self, run: str) -> list[dict[str, Any]]:
        found, cursor, more = [], None, True
        while more:
            page = self._do(EVENTS, run=run, cursor=cursor, limit=EVENTS_A_PAGE)
            found += page["events"]
            cursor, more = page["cursor"], page["hasMore"]
        return found

    def _do(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send a query of one field and return the field.

        Raises:
            DagsterError: the field is one of Dagster's errors.
            requests.RequestException: there was no good answer.

        """
        said: dict[str, Any] = next(iter(self.ask(query, **variables).values()))
        if "message" in said or "errors" in said:
            raise DagsterError(f"{said['__typename']}: {said.get('message') or said['errors']}")
        return said

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send a query once and return its data.

        Raises:
            DagsterError: the answer is an error, of GraphQL or of the webserver.
            requests.RequestException: there was no good answer.

        """
        content = {"query": query, "variables": variables}
        response = requests.post(f"{self.url}/graphql", json=content, timeout=ANSWER_TIMEOUT_S)
        if not response.ok:
            raise DagsterError(f"{response.status_code}: {response.text[:1000]}", response=response)
        said = response.json()
        if "errors" in said:
            raise DagsterError(said["errors"][0]["message"])
        data: dict[str, Any] = said["data"]
        return data


def tags(pipeline: str, run: str, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags that give a run our id and its days; without a choice, yesterday alone."""
    if pipeline != "complaints":
        return {"etl/run": run}
    yesterday = str(datetime.now(UTC).date() - timedelta(days=1))
    return {
        "etl/run": run,
        "dagster/asset_partition_range_start": parameters.get("start", yesterday),
        "dagster/asset_partition_range_end": parameters.get("end", yesterday),
    }


ASKED_FOR = {
    "github_stats": ("repositories", "plan_repositories"),
    "youtube_stats": ("channel_tables", "plan_channels"),
}


def run_config(pipeline: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the run config that carries the parameters to the pipeline's steps."""
    if pipeline in SYNTHETIC:
        return {"resources": {"amount": {"config": sized(pipeline, parameters)[1]}}}
    if not parameters or pipeline not in ASKED_FOR:
        return {}
    asset, plan = ASKED_FOR[pipeline]
    return {"ops": {asset: {"ops": {plan: {"config": dict(parameters)}}}}}


def _retry(run: Mapping[str, Any], others: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the run that the daemon has made as a retry of a run; None when there is none.

    Where the database took the retry and refused the note of it, the retry alone tells of it.
    """
    noted = run["tags"].get(AUTO_RETRY)
    children = [it for it in others if it["tags"].get(PARENT) == run["runId"]]
    own = [it for it in children if it["runId"] == noted or RETRY_NUMBER in it["tags"]]
    return next(iter(own), None)


def _by_a_step(event: Mapping[str, Any]) -> bool:
    """Whether an event is what a step logged; what Dagster logs of its own in a step is DEBUG."""
    return bool(event["__typename"] == "LogMessageEvent" and event["level"] != "DEBUG")


def _completed(events: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the event of each step's success, by its key."""
    return {event["stepKey"]: event for event in events if event["__typename"] == COMPLETED}


def _at_ms(event: Mapping[str, Any]) -> int:
    """Return when an event was logged, in milliseconds of Unix time."""
    return int(event["timestamp"])


def _failure(event: Mapping[str, Any]) -> str:
    error = (event.get("error") or {}).get("message", "")
    return f"{event['stepKey'] or 'run'}: {event['message']} {error}".strip()
