"""Dagster: a code server, the webserver and the daemon, driven over the webserver's GraphQL API."""

from __future__ import annotations

import json
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
    Service,
    Services,
    end,
    environment_of,
    free_port,
    installed_version,
)
from benchmarks.orchestrators.sized import sized

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
)
TUNED = (
    Setting(
        "execution.config.multiprocess.start_method",
        f"forkserver, preload_modules: [{PRELOAD}]",
        "spawn",
        "a step is forked from a process that has imported everything, instead of importing it",
    ),
    Setting(
        "run_coordinator.class",
        "DefaultRunCoordinator",
        "QueuedRunCoordinator, dequeued every 5 s",
        "a run starts when it is launched",
    ),
    Setting("run_retries.enabled", "true", "false", "a run whose process has died is continued"),
    Setting("run_retries.max_retries", "2", "0", "two crashes of a run are survived"),
    Setting(
        "run_retries.retry_on_asset_or_op_failure",
        "false",
        "true",
        "a step has its own retries: what is final for it stays final",
    ),
    Setting(
        "DAGSTER_EVENT_LOG_CONSUMER_DAEMON_INTERVAL_SECONDS",
        "1",
        "5",
        "how soon the daemon sees that a run has failed",
    ),
    Setting(
        "run_monitoring.enabled", "true", "false", "a run that never starts is failed, and retried"
    ),
    Setting("run_monitoring.poll_interval_seconds", "2", "120", "how soon that is seen"),
    Setting("run_monitoring.start_timeout_seconds", "60", "180", "a run starts in seconds here"),
    Setting("run_monitoring.cancel_timeout_seconds", "10", "180", "a run ends in seconds here"),
)
IN_PROCESS = Setting(
    "execution.config",
    "in_process: {}",
    "multiprocess: {}",
    "this mode: the run's process executes its steps itself",
)
SETUPS: tuple[Setup, ...] = (
    Setup("dagster", "multiprocess", "default", needed=NEEDED, task="a new process (spawn)"),
    Setup(
        "dagster",
        "multiprocess",
        "tuned",
        settings=TUNED,
        needed=NEEDED,
        task="a fork of a process in which everything is imported",
    ),
    Setup(
        "dagster",
        "in-process",
        "default",
        needed=(*NEEDED, IN_PROCESS),
        task="a call in the run's process, one at a time",
    ),
    Setup(
        "dagster",
        "api",
        "default",
        needed=NEEDED[:1],
        task="a call in the caller's own process, one at a time",
    ),
)


def adapter(setup: Setup, surroundings: Surroundings) -> Orchestrator:
    """Return the adapter of a mode."""
    return (Api if setup.mode == "api" else Dagster)(setup, surroundings)


SHIPPED_YAML = "telemetry:\n  enabled: false\n"
TUNED_YAML = ROOT / "dagster_impl" / "dagster.yaml"
POSTGRES_YAML = "storage:\n  postgres:\n    postgres_url:\n      env: DAGSTER_POSTGRES_URL\n"
WORKSPACE_YAML = """\
load_from:
  - grpc_server:
      host: 127.0.0.1
      port: {port}
      location_name: {location}
"""


@dataclass(slots=True)
class Dagster:
    """The three services on one machine; a run is a process, and so is each of its steps."""

    setup: Setup
    surroundings: Surroundings
    services: Services = field(init=False)
    api: DagsterApi = field(init=False)
    code_port: int = field(default_factory=free_port)
    web_port: int = field(init=False)
    dead: list[Service] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.services = Services(self.surroundings.directory)
        self.web_port = self.surroundings.port or free_port()
        self.api = DagsterApi(self.web_ui(), LOCATION)

    def version(self) -> str:
        return installed_version("dagster", "dagster")

    def start(self) -> None:
        """Start what is not running: the code server, then webserver and daemon side by side."""
        self._configure()
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
        storage = POSTGRES_YAML if self.surroundings.metadata_url else ""
        instance = TUNED_YAML.read_text() if self._tuned else SHIPPED_YAML
        (self._home / "dagster.yaml").write_text(instance + storage)
        workspace = WORKSPACE_YAML.format(port=self.code_port, location=LOCATION)
        (self._home / "workspace.yaml").write_text(workspace)

    @property
    def _home(self) -> Path:
        # Not the directory itself: with telemetry off, Dagster deletes what is in its `logs/`.
        return self.surroundings.directory / "home"

    @property
    def _tuned(self) -> bool:
        return self.setup.variant == "tuned"

    def _code(self) -> tuple[str | Path, ...]:
        return ("-m", "dagster_impl.definitions", "-d", ROOT, "--location-name", LOCATION)

    def _at(self, port: int) -> tuple[str, ...]:
        return ("-h", "127.0.0.1", "-p", str(port))

    def _start(self, name: str, program: str, *arguments: str | Path) -> None:
        service = self.services.started.get(name)
        if service is not None and service.running():
            return
        if service is not None:  # what it left behind may still be at work
            self.dead.append(self.services.started.pop(name))
        command = [environment_of("dagster") / program, *arguments]
        url = self.surroundings.metadata_url
        if name == "code-server" and self.surroundings.link is not None:
            url = _over(self.surroundings.link, url)  # runs and their steps are below it
        self.services.start(name, command, environment=self._environment(url))

    def _environment(self, url: str) -> dict[str, str]:
        environment = {
            **self.surroundings.environment,
            "DAGSTER_HOME": str(self._home),
        }
        if url:
            # In SQLAlchemy 2.1 a bare postgresql:// means psycopg 3; dagster-postgres needs 2.
            environment["DAGSTER_POSTGRES_URL"] = url.replace(
                "postgresql://", "postgresql+psycopg2://", 1
            )
        if self._tuned:
            environment["DAGSTER_EVENT_LOG_CONSUMER_DAEMON_INTERVAL_SECONDS"] = "1"
        return environment

    def _code_ready(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.code_port), timeout=1):
            return True

    def _ready(self) -> bool:
        """Whether the code is loaded, and every daemon has given a sign of life since its start."""
        began = psutil.Process(self.services.started["daemon"].pid).create_time()
        return self.api.ready(began)

    def stop(self) -> None:
        for service in self.dead:
            end(service)
        self.dead.clear()
        self.services.stop_all()

    def web_ui(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    def submit(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        return self.api.submit(pipeline, run, parameters, self._execution())

    def _execution(self) -> dict[str, Any]:
        if self.setup.mode == "in-process":
            return {"execution": {"config": {"in_process": {}}}}
        if not self._tuned:
            return {}
        forkserver = {"forkserver": {"preload_modules": [PRELOAD]}}
        return {"execution": {"config": {"multiprocess": {"start_method": forkserver}}}}

    def state(self, handle: str) -> State:
        """Ask once where the run is, or the run by which the daemon has continued it."""
        run = self.api.last(handle)
        if self._tuned and run["status"] == "FAILURE" and run["tags"].get(WILL_RETRY) != "false":
            return State.RUNNING  # the retry is decided, or about to be, and not yet launched
        return STATES[run["status"]]

    def give_up(self, handle: str) -> None:
        """Mark the run as cancelled."""
        self.api.give_up(handle)

    def cancel(self, handle: str) -> None:
        """Terminate the run: its process is asked to end."""
        self.api.cancel(handle)

    def resume(self, handle: str) -> str:
        """Re-execute the run: from its failed steps, or whole when its process has died."""
        return self.api.resume(handle)

    def kill(self) -> None:
        """End the services, and what those that died before have left."""
        self.services.kill_all()
        for service in self.dead:
            end(service)

    def output(self, handle: str) -> str:
        """Return what the steps logged, those of automatic retries included."""
        return self.api.output(handle)

    def pids(self, role: Role) -> Sequence[int]:
        """Return the services' processes, or those of the runs: the code server's children."""
        if role is Role.CONTROL:
            return self.services.pids(role)
        return self._run_workers() if role is Role.WORKER else []

    def _run_workers(self) -> list[int]:
        started = self.services.started.get("code-server")
        servers = [*self.dead, *([started] if started is not None else [])]
        # Of a code server that has died, the guard is the parent of what it started.
        parents = {pid for server in servers for pid in (server.pid, server.guard.pid)}
        found = [p for server in servers for p in server.processes()]
        return [p.pid for p in found if _spawned(p, parents)]


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
        url = self.surroundings.metadata_url
        return self.launch(command, self.engine._environment(url))


def _over(link: Link, url: str) -> str:
    """Return the address of a database as it is at the other end of a link."""
    direct = make_url(url)
    assert direct.port, "the bench gives a port, and SQLite has no server to be cut off from"
    return direct.set(port=link.to(direct.port)).render_as_string(hide_password=False)


def _spawned(process: psutil.Process, parents: set[int]) -> bool:
    """Whether a process is one that multiprocessing has spawned from one of `parents`."""
    try:
        return process.ppid() in parents and "spawn_main" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False
