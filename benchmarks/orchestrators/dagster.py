"""Dagster: a code server, the webserver and the daemon, driven over the webserver's GraphQL API."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy.engine import make_url

from benchmarks.link import Link
from benchmarks.model import Orchestrator, Role, Setting, Setup, State, Surroundings
from benchmarks.orchestrators.api.dagster import STATES, DagsterApi, run_config, tags
from benchmarks.orchestrators.process_runs import ProcessRuns, module
from benchmarks.orchestrators.services import (
    ROOT,
    Services,
    environment_of,
    free_port,
    installed_version,
    run_once,
)
from benchmarks.orchestrators.sized import sized
from benchmarks.orchestrators.through_api import OnThisMachine
from benchmarks.processes import children

LOCATION = "bench"
PRELOAD = "dagster_impl.preload"
READY_TIMEOUT_S = 120.0
WILL_RETRY = "dagster/will_retry"

NEEDED = (
    Setting("telemetry.enabled", "false", "true", "the bench talks to loopback only"),
    Setting(
        "workspace.yaml: load_from.grpc_server",
        "127.0.0.1, a free port",
        "none",
        "the webserver and the daemon must find the code server",
    ),
    Setting(
        "job tag dagster/retry_strategy",
        "ALL_STEPS",
        "FROM_FAILURE",
        "the implementation's own: from failure, a retry would leave out mapped steps that had not"
        " begun (dagster-io/dagster#20925); without run retries it does nothing",
    ),
    Setting(
        "job tag dagster/max_runtime, of synthetic pipelines alone",
        "0",
        "none",
        "how long their runs take is what is measured: they are not ended by a setup's"
        " run_monitoring.max_runtime_seconds, as the pipelines' are",
    ),
)
START_METHOD = "execution.config.multiprocess.start_method"  # of the run config
PRELOADED = f"{START_METHOD}.forkserver.preload_modules"
AUTOCREATE = "storage.postgres.should_autocreate_tables"
RUN_RETRIES = "run_retries.enabled"
MAX_RUNTIME = "run_monitoring.max_runtime_seconds"
QUEUE = "run_queue"
LOOK_S = 5.0  # of the daemon at its queue, as shipped
LOOK = f"{QUEUE}.dequeue_interval_seconds"
TUNED = (
    Setting(
        START_METHOD,
        "forkserver",
        "spawn",
        "cost of a step: it is forked from a process that has imported the definitions, instead of"
        " importing them",
        group="forkserver",
    ),
    Setting(
        PRELOADED,
        PRELOAD,
        "the definitions",
        "cost of a step: what each needs besides the definitions is imported once, too",
        group="preload_modules",
        needs="forkserver",
    ),
    Setting(
        AUTOCREATE,
        "false",
        "true",
        "cost of a step: each process would look in PostgreSQL three times for tables that are"
        " missing; `dagster instance migrate` makes them before the first start",
        group="should_autocreate_tables",
    ),
    Setting(
        LOOK,
        "1",
        f"{LOOK_S:g}",
        "dispatch: a launched run waits in the queue for the daemon's next look; whole seconds, so"
        " this is the least. Without a queue it would start at once, and a launch that fails would"
        " not be tried again",
        group="run_queue",
    ),
    Setting(
        f"{QUEUE}.dequeue_use_threads",
        "true",
        "false",
        "dispatch: runs in the queue are launched side by side",
        group="run_queue",
    ),
    Setting(
        f"{QUEUE}.max_user_code_failure_retries",
        "10",
        "0",
        "recovery: a run that meets a code server which is not back yet stays in the queue",
    ),
    Setting(
        f"{QUEUE}.user_code_failure_retry_delay",
        "3",
        "60",
        "recovery: and is launched soon after it is back",
    ),
    Setting(
        RUN_RETRIES, "true", "false", "recovery: a run whose process has died starts again, whole"
    ),
    Setting("run_retries.max_retries", "2", "0", "recovery: two crashes of a run are survived"),
    Setting(
        "run_retries.retry_on_asset_or_op_failure",
        "false",
        "true",
        "recovery: a step has its own retries, and what is final for it stays final",
    ),
    Setting(
        "DAGSTER_EVENT_LOG_CONSUMER_DAEMON_INTERVAL_SECONDS",
        "1",
        "5",
        "recovery: how soon the daemon sees that a run has failed",
    ),
    Setting(
        "run_monitoring.enabled",
        "true",
        "false",
        "recovery: a run that never starts is failed, and retried",
    ),
    Setting("run_monitoring.poll_interval_seconds", "2", "120", "recovery: how soon that is seen"),
    Setting(
        "run_monitoring.start_timeout_seconds", "60", "180", "recovery: a run starts in seconds"
    ),
    Setting(
        "run_monitoring.cancel_timeout_seconds", "10", "180", "recovery: a run ends in seconds"
    ),
    Setting(
        MAX_RUNTIME,
        "120",
        "0, none",
        "recovery: the one time-out there is, of a whole run: one that hangs, or whose process and"
        " code server died together, fails, and is retried; so is one that is well but longer",
    ),
)
# Of ours: no part of Dagster, and so a variant of its own.
LAUNCHER = (
    Setting(
        "run_launcher.class",
        "HealthCheckedRunLauncher",
        "DefaultRunLauncher",
        "recovery: `dagster_impl.launcher`, ours: run monitoring sees that a run's process is gone",
    ),
)
MANUAL = "https://docs.dagster.io/deployment/execution"
DOCUMENTED = (
    Setting(
        RUN_RETRIES,
        "true",
        "false",
        "recovery: a run that failed, or whose process has died, starts again",
        source=f"{MANUAL}/run-retries",
    ),
    Setting(
        "run_retries.max_retries",
        "3",
        "0",
        "recovery: the manual's number",
        source=f"{MANUAL}/run-retries",
    ),
    Setting(
        "run_retries.retry_on_asset_or_op_failure",
        "false",
        "true",
        "recovery: the manual's way to have retries of ops and of runs without their product",
        source=f"{MANUAL}/run-retries#combining-op-and-run-retries",
    ),
    Setting(
        "run_monitoring.enabled",
        "true",
        "false",
        "recovery: hanging runs are looked for, every 120 s as shipped",
        source=f"{MANUAL}/run-monitoring",
    ),
    Setting(
        MAX_RUNTIME,
        "180",
        "0, none",
        "recovery: a run that takes longer is ended, and retried; the manual: above what runs take",
        source=f"{MANUAL}/run-monitoring#general-run-timeouts",
    ),
)
IN_PROCESS = Setting(
    "execution.config",
    "in_process: {}",
    "multiprocess: {}",
    "this mode: the run's process executes its steps itself",
)
SPAWNED, FORKED = "a new process (spawn)", "a fork of a process in which {} is imported"


def multiprocess(variant: str, settings: tuple[Setting, ...]) -> Setup:
    """Return a variant of the mode in which each step is a process."""
    names = {setting.name for setting in settings}
    forked = FORKED.format("everything" if PRELOADED in names else "the pipelines' code")
    task = forked if START_METHOD in names else SPAWNED
    return Setup("dagster", "multiprocess", variant, settings, NEEDED, task, _pause_s(settings))


def in_process(variant: str, settings: tuple[Setting, ...]) -> Setup:
    """Return a variant of the mode in which a run is one process."""
    task = "a call in the run's process, one at a time"
    needed = (*NEEDED, IN_PROCESS)
    return Setup("dagster", "in-process", variant, settings, needed, task, _pause_s(settings))


def _pause_s(settings: tuple[Setting, ...]) -> float:
    """Return the daemon's pause between two looks at its queue."""
    return float({s.name: s.value for s in settings}.get(LOOK, LOOK_S))


SETUPS: tuple[Setup, ...] = (
    multiprocess("default", ()),
    multiprocess("tuned", TUNED),
    in_process("default", ()),
    in_process("tuned", tuple(s for s in TUNED if s.name not in (START_METHOD, PRELOADED))),
    Setup(
        "dagster",
        "api",
        "default",
        needed=NEEDED[:1],
        task="a call in the caller's own process, one at a time",
    ),
)

RECOVERY = (
    multiprocess("documented", DOCUMENTED),
    multiprocess("tuned+launcher", (*TUNED, *LAUNCHER)),
)


def adapter(setup: Setup, surroundings: Surroundings) -> Orchestrator:
    """Return the adapter of a mode."""
    return (Api if setup.mode == "api" else Dagster)(setup, surroundings)


# Sections of dagster.yaml.
INSTANCE = ("telemetry", QUEUE, "run_launcher", "run_retries", "run_monitoring")
# The modules of classes in them.
MODULES = {"run_launcher": "dagster_impl.launcher"}
DATABASE = {"postgres_url": {"env": "DAGSTER_POSTGRES_URL"}}
WORKSPACE_YAML = """\
load_from:
  - grpc_server:
      host: 127.0.0.1
      port: {port}
      location_name: {location}
"""


def instance_of(setup: Setup) -> dict[str, dict[str, Any]]:
    """Return what a setup's dagster.yaml holds, the storage left out: settings by section."""
    sections: dict[str, dict[str, Any]] = {}
    for setting in (*setup.needed, *setup.settings):
        section, _, name = setting.name.partition(".")
        if section in INSTANCE:
            sections.setdefault(section, {})[name] = _typed(setting.value)
    for section in sections.keys() & MODULES.keys():
        sections[section]["module"] = MODULES[section]
    return sections


def _typed(value: str) -> Any:
    """Return a setting's value as dagster.yaml has it: a number, true, false, or a text."""
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


@dataclass(slots=True)
class Dagster(OnThisMachine):
    """The three services on one machine; a run is a process, and so is each of its steps."""

    setup: Setup
    surroundings: Surroundings
    services: Services = field(init=False)
    api: DagsterApi = field(init=False)
    code_port: int = field(default_factory=free_port)
    given_up: set[str] = field(default_factory=set)
    web_port: int = field(init=False)

    def __post_init__(self) -> None:
        self.services = Services(self.surroundings.directory)
        self.web_port = self.surroundings.port or free_port()
        self.api = DagsterApi(self.web_ui(), LOCATION)

    def version(self) -> str:
        return installed_version("dagster", "dagster")

    def start(self) -> None:
        """Start what is not running: the code server, then webserver and daemon side by side."""
        self._configure()
        self.services.bury()
        self._start(
            "code-server", "dagster", "api", "grpc", *self._code(), *self._at(self.code_port)
        )
        self.services.wait_until(self._code_ready, timeout_s=READY_TIMEOUT_S, because="code server")
        workspace = ("-w", self._home / "workspace.yaml")
        self._start("webserver", "dagster-webserver", *self._at(self.web_port), *workspace)
        self._start("daemon", "dagster-daemon", "run", *workspace)
        self.services.wait_until(self._ready, timeout_s=READY_TIMEOUT_S, because="Dagster")

    def _configure(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        database = dict(DATABASE)
        if AUTOCREATE in self._set and self.surroundings.metadata_url:
            self._migrate()
            database["should_autocreate_tables"] = _typed(self._set[AUTOCREATE])
        self._write(instance_of(self.setup), database)
        workspace = WORKSPACE_YAML.format(port=self.code_port, location=LOCATION)
        (self._home / "workspace.yaml").write_text(workspace)

    def _write(self, instance: dict[str, Any], database: dict[str, Any]) -> None:
        storage = {"storage": {"postgres": database}} if self.surroundings.metadata_url else {}
        (self._home / "dagster.yaml").write_text(json.dumps(instance | storage))  # JSON is YAML

    def _migrate(self) -> None:
        """Create the metadata database's tables, once for a directory."""
        done = self._home / "migrated"
        if not done.exists():
            self._write({}, dict(DATABASE))
            command = (environment_of("dagster") / "dagster", "instance", "migrate")
            run_once(command, self._environment(), self._home, timeout_s=READY_TIMEOUT_S)
            done.touch()

    @property
    def _home(self) -> Path:
        # Not the directory itself: with telemetry off, Dagster deletes what is in its `logs/`.
        return self.surroundings.directory / "home"

    @property
    def _set(self) -> dict[str, str]:
        """Return what is not as shipped: values by the names of the settings."""
        return {setting.name: setting.value for setting in self.setup.settings}

    def _code(self) -> tuple[str | Path, ...]:
        place = self.surroundings.code or ROOT
        return ("-m", "dagster_impl.definitions", "-d", place, "--location-name", LOCATION)

    def _at(self, port: int) -> tuple[str, ...]:
        return ("-h", "127.0.0.1", "-p", str(port))

    def _start(self, name: str, program: str, *arguments: str | Path) -> None:
        if name in self.services.started:
            return
        command = [environment_of("dagster") / program, *arguments]
        url, link = self.surroundings.metadata_url, self.surroundings.link
        if name == "code-server" and link is not None:
            url = _over(link, url)  # runs and their steps are below it
        self.services.start(name, command, environment=self._environment(url))

    def _environment(self, url: str = "") -> dict[str, str]:
        url = url or self.surroundings.metadata_url
        environment = {
            **self.surroundings.environment,
            "DAGSTER_HOME": str(self._home),
        }
        if url:
            # In SQLAlchemy 2.1 a bare postgresql:// means psycopg 3; dagster-postgres needs 2.
            environment["DAGSTER_POSTGRES_URL"] = url.replace(
                "postgresql://", "postgresql+psycopg2://", 1
            )
        if LAUNCHER[0].name in self._set:
            place = str(self.surroundings.code or ROOT)  # webserver and daemon import it, too
            given = environment.get("PYTHONPATH")
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, (given, place)))
        variables = {name: it for name, it in self._set.items() if name.startswith("DAGSTER_")}
        return environment | variables

    def _code_ready(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.code_port), timeout=1):
            return True

    def _ready(self) -> bool:
        """Whether the code is loaded, and every daemon has given a sign of life since its start."""
        began = psutil.Process(self.services.started["daemon"].pid).create_time()
        return self.api.ready(began)

    def stop(self) -> None:
        self.services.stop_all()

    def web_ui(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    def submit(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        return self.api.submit(pipeline, run, parameters, self._execution())

    def _execution(self) -> dict[str, Any]:
        if self.setup.mode == "in-process":
            return {"execution": {"config": {"in_process": {}}}}
        if START_METHOD not in self._set:
            return {}
        preload = {"preload_modules": [self._set[PRELOADED]]} if PRELOADED in self._set else {}
        method = {self._set[START_METHOD]: preload}
        return {"execution": {"config": {"multiprocess": {"start_method": method}}}}

    def state(self, handle: str) -> State:
        """Ask once where the run is, or the run by which the daemon has continued it."""
        run = self.api.last(handle)
        failed = run["status"] == "FAILURE"
        promised = failed and run["tags"].get(WILL_RETRY) != "false"
        if RUN_RETRIES in self._set and promised and handle not in self.given_up:
            return State.WAITING  # the retry is decided, or about to be, and not yet launched
        return STATES[run["status"]]

    def give_up(self, handle: str) -> None:
        """End the run, and expect no retry of it any more: its launch may have failed for good."""
        self.given_up.add(handle)
        self.api.give_up(handle)

    def pids(self, role: Role) -> Sequence[int]:
        """Return the services' processes, or those of the runs: the code server's children."""
        if role is Role.CONTROL:
            return self.services.pids(role)
        return self._run_workers() if role is Role.WORKER else []

    def _run_workers(self) -> list[int]:
        started = self.services.started.get("code-server")
        servers = [*self.services.left, *([started] if started is not None else [])]
        # Of a code server that has died, the guard is the parent of what it started.
        parents = [pid for server in servers for pid in (server.pid, server.guard.pid)]
        return sorted(pid for parent in parents for pid in children(parent) if _spawned(pid))


@dataclass(slots=True)
class Api(ProcessRuns):
    """`execute_in_process`: each run is a process that calls its steps; of Dagster, the instance.

    Values are handed from step to step in memory, unlike those of a run that Dagster launches: what
    a failed run left there is gone when it is resumed.
    """

    engine: Dagster = field(init=False)

    def __post_init__(self) -> None:
        self.engine = Dagster(self.setup, self.surroundings)
        self.services = self.engine.services

    def version(self) -> str:
        return self.engine.version()

    def start(self) -> None:
        """Configure the instance; its first user creates its tables."""
        self.engine._configure()

    def submit(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        job, _ = sized(pipeline, parameters)
        found = tags(pipeline, run, parameters), run_config(pipeline, parameters)
        command = module("dagster", "dagster_impl.once", job, *map(json.dumps, found))
        return self.launch(command, self.engine._environment())


def _over(link: Link, url: str) -> str:
    """Return the address of a database as it is at the other end of a link."""
    direct = make_url(url)
    assert direct.port, "the bench gives a port, and SQLite has no server to be cut off from"
    return direct.set(port=link.to(direct.port)).render_as_string(hide_password=False)


def _spawned(pid: int) -> bool:
    """Whether a process is one that multiprocessing has spawned; one that has ended is none."""
    try:
        return "spawn_main" in " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return False
