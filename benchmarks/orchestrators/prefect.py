"""Prefect: a server, and a worker that runs each flow run in a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks.model import (
    Orchestrator,
    Role,
    Setting,
    Setup,
    State,
    Surroundings,
)
from benchmarks.orchestrators.api.prefect import POOL, STATES, PrefectApi
from benchmarks.orchestrators.process_runs import ProcessRuns, module
from benchmarks.orchestrators.services import (
    ROOT,
    Services,
    clean_environment,
    environment_of,
    free_port,
    installed_version,
    run_once,
)
from benchmarks.orchestrators.through_api import (
    STEP_TIMEOUT,
    OnThisMachine,
    of_the_pipelines,
)

POLL_S = 10.0  # of worker and runner, as shipped
START_S = 180.0  # for the server; its first start creates the database
SETTLE_S = 10.0  # from a first report of a crash to the automation that reschedules the run
STARTS = 3  # of a flow run; after that many, a crash is left to a person

NEEDED = (
    Setting("PREFECT_HOME", "the stack's directory", "~/.prefect", "nothing outside of it"),
    Setting("TMPDIR", "the stack's directory", "/tmp", "a killed worker leaves its folders there"),
    Setting("PREFECT_API_URL", "the stack's server", "", "worker and runs find their server"),
    Setting(
        "PREFECT_SERVER_DATABASE_CONNECTION_URL",
        "the stack's database",
        "SQLite in PREFECT_HOME",
        "PostgreSQL when the bench says so",
    ),
    Setting("PREFECT_SERVER_ANALYTICS_ENABLED", "false", "true", "no telemetry from a bench"),
    Setting("DO_NOT_TRACK", "1", "", "no telemetry from a bench"),
    Setting(
        "flow option `persist_result`",
        "True",
        "False",
        "the implementation's own: what a run that is resumed goes by; each task's value is written"
        " to a file",
    ),
)
COMMAND = "job variable `command`"
ZOMBIES, RETRIES = "automation `crash zombies`", "automation `retry crashed`"
MISSED = "automation `crash missed`"
MANUAL = "https://docs.prefect.io/v3"
TIMED_OUT = Setting(
    STEP_TIMEOUT,
    "120",
    "none",
    "recovery: `timeout_seconds` of every task: one that hangs ends, and is tried again; in a"
    " thread, as mapped tasks are, only between two instructions of Python, and not while a call"
    " waits, of which each such task warns in its log",
    source=f"{MANUAL}/how-to-guides/workflows/write-and-run#task-timeouts",
)
HEARTBEATS = Setting(
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY",
    "30",
    "180",
    "recovery: a run whose worker died with it is missed sooner; 30 is the least allowed, and the"
    " manual's number",
    source=f"{MANUAL}/advanced/detect-zombie-flows",
)
TUNED = (
    Setting(
        "PREFECT_WORKER_QUERY_SECONDS",
        "0.2",
        "10",
        "dispatch: a submitted run waits for no poll",
        group="worker_query_seconds",
    ),
    Setting(
        COMMAND,
        "python -m prefect.engine",
        "none",
        "dispatch: one Python process a run instead of two: none that only resolves the workspace",
        group="command",
    ),
    HEARTBEATS,
    Setting(
        MISSED,
        "no heartbeat for 90 s, from Pending on: Crashed",
        "none",
        "recovery: the manual's answer to a run that is Running for ever, counted from its start:"
        " one that dies before its first heartbeat has arrived is missed, too",
    ),
    Setting(
        RETRIES,
        f"Crashed for {SETTLE_S:g} s, at most {STARTS} starts: AwaitingRetry",
        "none",
        "recovery: a crashed run starts again by itself, and one that crashes every time ends",
    ),
    Setting(
        "PREFECT_CLIENT_RETRY_EXTRA_CODES",
        "500",
        "none",
        "recovery: what the server answers while its database is away is asked again, as 429, 502"
        " and 503 are; otherwise a run's process ends when it cannot report a state. The manual"
        " warns that a request that was carried out may so be made twice; the pipelines bear it",
        source="https://docs.prefect.io/v3/api-ref/settings-ref#clientsettings",
    ),
)
DOCUMENTED = (
    HEARTBEATS,
    Setting(
        ZOMBIES,
        "no heartbeat for 90 s: Crashed",
        "none",
        "recovery: the manual's automation, as it is there",
        source=f"{MANUAL}/advanced/detect-zombie-flows",
    ),
    TIMED_OUT,
)
# A run of a served flow is one Python process as shipped.
TUNED_SERVE = (
    Setting(
        "PREFECT_RUNNER_POLL_FREQUENCY",
        "1",
        "10",
        "dispatch: how often the runner asks for runs; whole seconds, so this is the least",
        group="runner_poll_frequency",
    ),
)
THREAD = "a call in the flow run's process; side by side, a thread"


def process(variant: str, settings: tuple[Setting, ...]) -> Setup:
    """Return a variant of the mode with a process worker."""
    return Setup("prefect", "process", variant, settings, NEEDED, THREAD, _pause_s(settings))


def served(variant: str, settings: tuple[Setting, ...]) -> Setup:
    """Return a variant of the mode in which the flows' own process asks for runs."""
    return Setup("prefect", "serve", variant, settings, NEEDED, THREAD, _pause_s(settings))


def _pause_s(settings: tuple[Setting, ...]) -> float:
    """Return the pause between two questions of a worker or a runner for runs."""
    asks = ("PREFECT_WORKER_QUERY_SECONDS", "PREFECT_RUNNER_POLL_FREQUENCY")
    return next((float(s.value) for s in settings if s.name in asks), POLL_S)


SETUPS = (
    process("default", ()),
    process("tuned", TUNED),
    served("default", ()),
    served("tuned", TUNED_SERVE),
    Setup("prefect", "script", "default", (), NEEDED, THREAD.replace("flow run", "caller")),
)

# Results are persisted in every variant: it is the flows' own choice, and what a resume goes by.
RECOVERY = (process("documented", DOCUMENTED),)


def adapter(setup: Setup, surroundings: Surroundings) -> Orchestrator:
    """Return the adapter of a mode."""
    return (Script if setup.mode == "script" else Prefect)(setup, surroundings)


@dataclass(slots=True)
class Prefect(OnThisMachine):
    """A Prefect server and one process worker, driven by the REST API."""

    setup: Setup
    surroundings: Surroundings
    services: Services = field(init=False)
    api: PrefectApi = field(init=False)
    port: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.services = Services(self.surroundings.directory)
        self.api = PrefectApi("")

    @property
    def _set(self) -> dict[str, str]:
        """Return what is not as shipped: values by the names of the settings."""
        return {setting.name: setting.value for setting in self.setup.settings}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def version(self) -> str:
        return installed_version("prefect", "prefect")

    def start(self) -> None:
        """Start what does not run; on a new directory, make work pool and deployments first.

        Raises:
            TimeoutError: a service was not ready in time.
            RuntimeError: a service ended, or the deployments could not be made.

        """
        self.port = self.port or self.surroundings.port or free_port()
        self.api = PrefectApi(self.url, synthetic=self._synthetic)
        (self.surroundings.directory / "tmp").mkdir(parents=True, exist_ok=True)
        self.services.bury()
        if not self.services.pids(Role.CONTROL):
            self._start_server()
        if self.setup.mode != "process":
            self._start_without_worker()
            return
        if not self.api.find("work_pools", {"work_pools": {"name": {"any_": [POOL]}}}):
            self.api.change("POST", "work_pools/", {"name": POOL, "type": "process"})
        worker = "" if self.services.pids(Role.WORKER) else self._start_worker()
        if not self._is_deployed():
            self._deploy()  # while the worker starts
        self._tune()
        self.services.wait_until(
            lambda: self.api.is_online(worker),
            timeout_s=START_S,
            because="no worker is online",
        )

    def _start_without_worker(self) -> None:
        """Start, where the mode is to serve, the process that holds the deployments."""
        if self.setup.mode != "serve" or self.services.pids(Role.WORKER):
            return
        command, environment = module("prefect", "prefect_impl.serve"), self._environment()
        self.services.start("serve", command, role=Role.WORKER, environment=environment)
        self.services.wait_until(
            self._is_served, timeout_s=START_S, because="the flows are not served"
        )

    def _is_served(self) -> bool:
        ready = all(served["status"] == "READY" for served in self.api.deployments())
        return ready and self.api.deployed()

    def _start_server(self) -> None:
        address = ("--host", "127.0.0.1", "--port", str(self.port))
        self.services.start(
            "server", _prefect("server", "start", *address), environment=self._environment()
        )
        self.services.wait_until(
            self.api.serves, timeout_s=START_S, because="the server is not ready"
        )

    def _start_worker(self) -> str:
        """Start a worker and return its name: a new one, the last may still count as online."""
        name = f"worker-{uuid4().hex[:8]}"
        options = ("--pool", POOL, "--type", "process", "--name", name)
        self.services.start(
            "worker",
            _prefect("worker", "start", *options),
            role=Role.WORKER,
            environment=self._environment(),
        )
        return name

    def _environment(self) -> dict[str, str]:
        directory = self.surroundings.directory
        url = self.surroundings.metadata_url
        variables = {name: it for name, it in self._set.items() if name.startswith("PREFECT_")}
        return {
            "PREFECT_HOME": str(directory / "prefect"),
            "PREFECT_API_URL": f"{self._api_url()}/api",
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": (
                _with_driver(url) or f"sqlite+aiosqlite:///{directory / 'prefect.db'}"
            ),
            "TMPDIR": str(directory / "tmp"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "ETL_SCHEDULE": "true",
            **variables,
            **self.surroundings.environment,
            **of_the_pipelines(self.setup),
        }

    def _api_url(self) -> str:
        """Return where worker and runs find the server: at the other end of a link, if any."""
        link = self.surroundings.link
        return self.url if link is None else f"http://127.0.0.1:{link.to(self.port)}"

    @property
    def _synthetic(self) -> str:
        return self.surroundings.environment.get("ETL_SYNTHETIC", "")

    def _is_deployed(self) -> bool:
        """Whether the deployments are there, of the code that is to be run."""
        if not self.api.deployed():
            return False
        place = str(self.surroundings.code or ROOT)
        steps = [step for it in self.api.deployments() for step in it["pull_steps"] or ()]
        places = {told.get("directory", place) for step in steps for told in step.values()}
        return places <= {place}

    def _deploy(self) -> None:
        """Create the deployments."""
        files = ("prefect.yaml", *(("synthetic.yaml",) if self._synthetic else ()))
        with ThreadPoolExecutor() as pool:  # each is mostly the start of a Python
            list(pool.map(self._deploy_all, files))
        if not self.api.deployed():
            raise RuntimeError(f"prefect deploy of {files} made only {self.api.deployments()}")

    def _deploy_all(self, file: str) -> None:
        made = subprocess.run(
            _prefect("--no-prompt", "deploy", "--all", "--prefect-file", f"prefect_impl/{file}"),
            cwd=self.surroundings.code or ROOT,
            env=clean_environment(self._environment()),
            capture_output=True,
            text=True,
            timeout=START_S,
        )
        if made.returncode:
            raise RuntimeError(f"prefect deploy failed: {made.stdout[-1000:]}{made.stderr[-1000:]}")

    def _tune(self) -> None:
        """Give the server what of the settings it holds, where it is not there yet."""
        if COMMAND in self._set:
            self._set_command(self._set[COMMAND])
        wanted = [made for name, made in AUTOMATIONS.items() if name in self._set]
        there = {made["name"] for made in self.api.find("automations", {})} if wanted else set()
        for automation in wanted:
            if automation["name"] not in there:
                self.api.change("POST", "automations/", automation)

    def _set_command(self, command: str) -> None:
        """Let every deployment start its runs by this command, in Prefect's environment."""
        python = f"{environment_of('prefect') / 'python'}"
        wanted = {"job_variables": {"command": command.replace("python", python, 1)}}
        for deployment in self.api.deployments():
            if not deployment["job_variables"]:
                self.api.change("PATCH", f"deployments/{deployment['id']}", wanted)

    def stop(self) -> None:
        """Stop worker and server, and the runs with them."""
        self.services.stop_all(grace_s=1)  # the server would take longer than the default allows

    def web_ui(self) -> str:
        """Return the server's address: it serves the web UI, too."""
        return self.url

    def state(self, handle: str) -> State:
        """Ask once; a crash that the automation is about to retry is not the end."""
        flow_run = self.api.flow_run(handle)
        crashed = flow_run["state_type"] == "CRASHED"
        if RETRIES in self._set and crashed and _will_retry(flow_run):
            return State.WAITING
        return STATES[flow_run["state_type"]]

    def resume(self, handle: str) -> str:
        """Schedule the same flow run again; steps with a stored result are not run again."""
        if self.services.pids(Role.WORKER):
            return self.api.resume(handle)
        return self.api.schedule(handle)

    def pids(self, role: Role) -> Sequence[int]:
        """Return the server's pid for CONTROL and the worker's for WORKER."""
        return self.services.pids(role)


def migrate(url: str, directory: Path) -> None:
    """Create Prefect's tables in an empty PostgreSQL database."""
    environment = {
        "PREFECT_HOME": str(directory),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": _with_driver(url),
        "DO_NOT_TRACK": "1",
    }
    command = _prefect("server", "database", "upgrade", "--yes")
    run_once(command, environment, directory, timeout_s=START_S)


def _with_driver(url: str) -> str:
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


@dataclass(slots=True)
class Script(ProcessRuns):
    """A flow called in a script: each run is a process that calls it; of Prefect, the server."""

    engine: Prefect = field(init=False)
    runs: dict[str, str] = field(default_factory=dict)  # by handle

    def __post_init__(self) -> None:
        self.engine = Prefect(self.setup, self.surroundings)
        self.services = self.engine.services

    def version(self) -> str:
        return self.engine.version()

    def start(self) -> None:
        """Start the server."""
        self.engine.start()

    def stop(self) -> None:
        """Stop the server, and end the processes of all runs."""
        self.engine.stop()

    def web_ui(self) -> str:
        return self.engine.web_ui()

    def submit(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        asked = (pipeline, run, json.dumps(dict(parameters)))
        command = module("prefect", "prefect_impl.once", *asked)
        handle = self.launch(command, self.engine._environment())
        self.runs[handle] = run
        return handle

    def state(self, handle: str) -> State:
        """Ask the server, once it has heard of the run; nobody tells it of a script's death."""
        flow_runs = self._flow_runs(handle)
        if len(flow_runs) < list(self.runs.values()).count(self.runs[handle]):
            return State.WAITING if self.running(handle) else State.FAILED
        return STATES[flow_runs[-1]["state_type"]]

    def _flow_runs(self, handle: str) -> list[Any]:
        """Return the flow runs of a name, oldest first: one for each call."""
        named = {"flow_runs": {"name": {"any_": [self.runs[handle]]}}, "sort": "START_TIME_ASC"}
        return self.engine.api.find("flow_runs", named)

    def resume(self, handle: str) -> str:
        """Call the flow again, as a new flow run: results are kept for a flow run of their own."""
        again = self.launch(*self.asked[handle])
        self.runs[again] = self.runs[handle]
        return again

    def output(self, handle: str) -> str:
        return "\n".join(self.engine.output(flow_run["id"]) for flow_run in self._flow_runs(handle))

    def span_s(self, handle: str, steps: int) -> float | None:
        """Ask the server of the last call's flow run."""
        return self.engine.span_s(self._flow_runs(handle)[-1]["id"], steps)

    def steps_done(self, handle: str) -> int:
        return self.engine.steps_done(self._flow_runs(handle)[-1]["id"])


def _prefect(*arguments: str) -> list[str]:
    return [str(environment_of("prefect") / "prefect"), *arguments]


def _will_retry(flow_run: Mapping[str, Any]) -> bool:
    crashed = datetime.fromisoformat(flow_run["state"]["timestamp"])
    age_s = (datetime.now(UTC) - crashed).total_seconds()
    return 0 < flow_run["run_count"] < STARTS and age_s < 3 * SETTLE_S


def _automation(name: str, trigger: Mapping[str, Any], action: Mapping[str, Any]) -> dict[str, Any]:
    """Return an automation that changes the state of a flow run from which no event comes."""
    proactive = {
        "type": "event",
        "posture": "Proactive",
        "for_each": ["prefect.resource.id"],
        "threshold": 1,
        **trigger,
    }
    return {
        "name": name,
        "enabled": True,
        "trigger": proactive,
        "actions": [{"type": "change-flow-run-state", **action}],
    }


def _zombies(name: str, after: Sequence[str]) -> dict[str, Any]:
    """Return the automation of the manual's page on zombie flows."""
    ends = ("heartbeat", "Completed", "Failed", "Cancelled", "Crashed")
    trigger = {
        "match": {"prefect.resource.id": "prefect.flow-run.*"},
        "after": [f"prefect.flow-run.{event}" for event in after],
        "expect": [f"prefect.flow-run.{event}" for event in ends],
        "within": 90,
    }
    return _automation(
        name, trigger, {"state": "CRASHED", "message": "No heartbeat for 90 seconds"}
    )


CRASH_ZOMBIES = _zombies("crash zombies", ("heartbeat",))
# The first heartbeat of a run is on its way for a second or two: one that dies then has sent none.
CRASH_MISSED = _zombies("crash missed", ("heartbeat", "Pending", "Running"))
# A worker reports a crash twice, and the second report crashes a run that was scheduled again in
# between. So the automation acts not on the first report, but when no other event came for a while.
RETRY_CRASHED = _automation(
    "retry crashed",
    {
        "match": {
            "prefect.resource.id": "prefect.flow-run.*",
            "prefect.run-count": [str(n) for n in range(1, STARTS)],
        },
        "after": ["prefect.flow-run.Crashed"],
        "expect": [f"prefect.flow-run.{s}" for s in ("AwaitingRetry", "Running", "Cancelled")],
        "within": SETTLE_S,
    },
    {"state": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry after a crash"},
)
AUTOMATIONS = {ZOMBIES: CRASH_ZOMBIES, MISSED: CRASH_MISSED, RETRIES: RETRY_CRASHED}
