"""Airflow as its real services: api-server, dag-processor, and a scheduler with LocalExecutor.

Driven through the public REST API. Two orders matter. The api-server is up, and its Execution API
has answered once, before the scheduler starts: a task that meets a cold one burns its retries. And
a service is started again only when all that the dead one started is gone, as systemd and
containers do it: orphans of a killed scheduler keep its database locks. The scenario
`host-left` shows what comes of it otherwise.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psutil

from benchmarks.model import Orchestrator, Role, Setting, Setup, Surroundings
from benchmarks.orchestrators.api.airflow import AirflowApi
from benchmarks.orchestrators.process_runs import ProcessRuns, module
from benchmarks.orchestrators.services import (
    ROOT,
    Services,
    environment_of,
    free_port,
    installed_version,
    run_once,
)
from benchmarks.orchestrators.sized import defined, sized
from benchmarks.orchestrators.through_api import (
    STEP_TIMEOUT,
    OnThisMachine,
    of_the_pipelines,
)

READY_S = 180.0  # two busy cores were seen to need a minute
STOP_S = 2.0
# The title of a LocalExecutor's worker. A task process, its child, takes another one.
WORKER = "airflow worker -- LocalExecutor"

CHOSEN = "chosen at the start"  # by `Airflow._chosen`
NEEDED = (
    Setting("core.dags_folder", CHOSEN, "AIRFLOW_HOME/dags", "the pipelines are elsewhere"),
    Setting("core.load_examples", "False", "True", "the examples would be parsed all the time"),
    Setting(
        "core.dags_are_paused_at_creation",
        "False",
        "True",
        "a paused DAG does not run what is submitted either; the schedules are switched off by"
        " ETL_SCHEDULE instead",
    ),
    Setting(
        "core.simple_auth_manager_all_admins",
        "True",
        "False",
        "no password to look up in a log; the api-server listens on loopback alone",
    ),
    Setting(
        "core.execution_api_server_url",
        CHOSEN,
        "http://localhost:8080/execution/",
        "follows from the port",
    ),
    Setting("api.host", "127.0.0.1", "0.0.0.0", "nobody outside of this machine may call it"),
    Setting("api.port", CHOSEN, "8080", "a free port"),
    Setting("api.base_url", CHOSEN, "http://localhost:8080", "follows from the port"),
    Setting("api.secret_key", CHOSEN, "random in each process", "the processes must share it"),
    Setting(
        "api_auth.jwt_secret",
        CHOSEN,
        "random, kept in airflow.cfg by the first process",
        "the processes must share it, also those that start together",
    ),
    Setting(
        "database.sql_alchemy_conn",
        CHOSEN,
        "sqlite:///AIRFLOW_HOME/airflow.db",
        "the metadata database that the bench gives",
    ),
    Setting(
        "scheduler --skip-serve-logs",
        "given",
        "not given",
        "its log server listens on every address; on one machine the api-server reads the files",
    ),
)

SLEEP = "scheduler.scheduler_idle_sleep_time"
SLEEP_S = 1.0  # as shipped
MANUAL = "https://airflow.apache.org/docs/apache-airflow/stable"
TIMED_OUT = Setting(
    STEP_TIMEOUT,
    "120",
    "none",
    "recovery: `execution_timeout` of every task: one that hangs ends, and is tried again",
    source=f"{MANUAL}/core-concepts/tasks.html#timeouts",
)
TUNED = (
    Setting(
        SLEEP,
        "0.1",
        f"{SLEEP_S:g}",
        "dispatch: the pause between two looks at what can run next is in every hand-off; with 0.05"
        " the looks took the tasks' processor time on two cores, and a step was no faster",
        group="scheduler_idle_sleep_time",
    ),
    Setting(
        "core.mp_start_method",
        "forkserver",
        "fork",
        "recovery: workers do not inherit the scheduler's database connections, so that locks of a"
        " scheduler that was killed end with it; and what the preload needs",
        group="forkserver",
    ),
    Setting(
        "core.mp_forkserver_preload",
        ",".join(
            (
                "airflow.__main__",
                "airflow.executors.local_executor",
                "airflow.sdk.definitions.asset.metadata",
                "airflow.sdk.definitions.decorators.condition",
                "airflow.sdk.definitions.decorators.setup_teardown",
                "airflow.sdk.execution_time.supervisor",
                "airflow.sdk.execution_time.task_runner",
                "airflow.dag_processing.dagbag",
                "airflow.providers.standard.decorators.python",
                "airflow.version",
                "airflow_dags.retries",
                "jinja2.ext",
                "shared.complaints",
                "shared.github_stats",
                "shared.synthetic",
                "shared.youtube_stats",
            )
        ),
        "",
        "dispatch: what every task would import again is imported once, before the workers fork",
        group="forkserver",
    ),
    Setting(
        "scheduler.enable_health_check",
        "True",
        "False",
        "dispatch: this server's process starts the forkserver with the scheduler; otherwise the"
        " first task would wait for its imports",
        group="forkserver",
    ),
    Setting(
        "scheduler.scheduler_health_check_server_host",
        "127.0.0.1",
        "0.0.0.0",
        "of that server: nobody outside of this machine may call it",
        group="forkserver",
    ),
    Setting(
        "scheduler.scheduler_health_check_server_port",
        CHOSEN,
        "8974",
        "of that server: a free port",
        group="forkserver",
    ),
    Setting(
        "scheduler.task_instance_heartbeat_timeout",
        "30",
        "300",
        "recovery: a task whose supervisor is gone is noticed after half a minute; shorter, and an"
        " api-server that is away for 20 s would cost healthy tasks",
    ),
    Setting(
        "scheduler.task_instance_heartbeat_timeout_detection_interval",
        "2",
        "10",
        "recovery: how often the scheduler looks for them",
    ),
    Setting(
        "workers.min_heartbeat_interval",
        "2",
        "5",
        "recovery: the last heartbeat before an outage is recent enough for the 30 s",
    ),
    Setting(
        "workers.execution_api_retries",
        "20",
        "5",
        "recovery: a supervisor keeps asking through an outage of 20 s instead of losing a result",
    ),
    Setting(
        "workers.execution_api_retry_wait_max",
        "3",
        "90",
        "recovery: and notices within 3 s that the api-server is back",
    ),
    Setting(
        "scheduler.scheduler_heartbeat_sec",
        "1",
        "5",
        "recovery: a dead scheduler is known by its missing heartbeat",
    ),
    Setting(
        "scheduler.scheduler_health_check_threshold",
        "5",
        "30",
        "recovery: from that age on its tasks are orphans, to be started again",
    ),
    Setting(
        "scheduler.orphaned_tasks_check_interval",
        "2",
        "300",
        "recovery: a scheduler that restarts fast finds the orphans of the one before it only at a"
        " later check",
    ),
    TIMED_OUT,
)
DOCUMENTED = (
    TIMED_OUT,
    Setting(
        "scheduler.task_instance_heartbeat_timeout",
        "90",
        "300",
        "recovery: a task whose supervisor is gone is failed, and tried again; the manual names the"
        " setting and no value: 90 s as Prefect's does",
        source=f"{MANUAL}/core-concepts/tasks.html#task-instance-heartbeat-timeout",
    ),
    Setting(
        "scheduler.orphaned_tasks_check_interval",
        "30",
        "300",
        "recovery: how soon the tasks of a scheduler that died are taken up; the manual names the"
        " setting for that and no value: 30 s as the age at which a scheduler counts as dead",
        source=f"{MANUAL}/administration-and-deployment/scheduler.html"
        "#scheduler-configuration-options",
    ),
)

# Without services there is nothing to address and no secret to share.
ALONE = ("core.dags_folder", "core.load_examples", "database.sql_alchemy_conn")
FORK = "a fork of a worker process"


def local(variant: str, settings: tuple[Setting, ...]) -> Setup:
    """Return a variant of the mode with LocalExecutor."""
    values = {setting.name: setting.value for setting in settings}
    return Setup(
        "airflow", "local", variant, settings, NEEDED, FORK, float(values.get(SLEEP, SLEEP_S))
    )


SETUPS = (
    local("default", ()),
    local("tuned", TUNED),
    Setup(
        "airflow",
        "dag-test",
        "default",
        needed=tuple(s for s in NEEDED if s.name in ALONE),
        task="a call in the run's own process, one at a time",
    ),
)

RECOVERY = (local("documented", DOCUMENTED),)


def adapter(setup: Setup, surroundings: Surroundings) -> Orchestrator:
    """Return the adapter of a mode."""
    return (DagTest if setup.mode == "dag-test" else Airflow)(setup, surroundings)


@dataclass(slots=True)
class Airflow(OnThisMachine):
    """The services of one Airflow; its home, database and secrets are in the directory given."""

    setup: Setup
    surroundings: Surroundings
    services: Services = field(init=False)
    api: AirflowApi = field(init=False)
    port: int = 0

    def __post_init__(self) -> None:
        self.services = Services(self.surroundings.directory)
        self.api = AirflowApi("")

    def version(self) -> str:
        return installed_version("airflow", "apache-airflow")

    def start(self) -> None:
        """Start what does not run, and return when a submitted run would start at once."""
        self.port = self.port or self.surroundings.port or free_port()
        self.api = AirflowApi(self.web_ui())
        environment = self._environment()
        self._migrate(environment)
        self.services.bury()
        began = time.time()
        self._launch("api-server", environment)
        self._launch("dag-processor", environment)
        self._wait(self.api.answers, "airflow api-server did not answer /execution/health")
        self._launch("scheduler", environment, "--skip-serve-logs")
        self._wait(lambda: self._ready(began), "airflow is not ready for a run")

    def stop(self) -> None:
        """Stop every service: the scheduler first, whose tasks report to the api-server."""
        self.services.stop("scheduler", grace_s=STOP_S)
        self.services.stop("dag-processor", grace_s=STOP_S)
        self.services.kill_all()  # the api-server keeps no state and waits long for idle clients

    def web_ui(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def pids(self, role: Role) -> Sequence[int]:
        if role is Role.WORKER:
            return [process.pid for process in self._workers()]
        return self.services.pids(role)

    def _environment(self) -> dict[str, str]:
        chosen = self._chosen()
        settings = (s for s in (*self.setup.needed, *self.setup.settings) if "." in s.name)
        return {
            **self.surroundings.environment,
            **of_the_pipelines(self.setup),
            "AIRFLOW_HOME": str(self._home),
            **{_variable(s.name): chosen.get(s.name, s.value) for s in settings},
        }

    @property
    def _home(self) -> Path:
        home = self.surroundings.directory / "home"
        home.mkdir(mode=0o700, parents=True, exist_ok=True)  # airflow.cfg in it holds a key
        return home

    def _chosen(self) -> dict[str, str]:
        url = _with_driver(self.surroundings.metadata_url)
        return {
            "core.dags_folder": str((self.surroundings.code or ROOT) / "airflow_dags"),
            "core.execution_api_server_url": f"http://127.0.0.1:{self._api_port()}/execution/",
            "api.port": str(self.port),
            "api.base_url": self.web_ui(),
            "scheduler.scheduler_health_check_server_port": str(free_port()),
            "database.sql_alchemy_conn": url or f"sqlite:///{self._home.absolute()}/airflow.db",
            **_secrets(self._home / "secrets.json"),
        }

    def _api_port(self) -> int:
        """Return where tasks find the api-server: at the other end of a link, if any."""
        link = self.surroundings.link
        return self.port if link is None else link.to(self.port)

    def _migrate(self, environment: Mapping[str, str]) -> None:
        """Create the metadata database, once for a directory."""
        done = self._home / "migrated"
        if not self.surroundings.migrated and not done.exists():
            _run_migration(environment, self.surroundings.directory)
            done.touch()

    def _launch(self, name: str, environment: Mapping[str, str], *options: str) -> None:
        if name not in self.services.started:
            command = [str(environment_of("airflow") / "airflow"), name, *options]
            self.services.start(name, command, environment=environment)

    def _wait(self, ready: Any, because: str) -> None:
        self.services.wait_until(ready, timeout_s=READY_S, because=because)

    def _ready(self, began: float) -> bool:
        """Whether both services have reported since then, and every pipeline is known."""
        health = self.api.health()
        reported = (_reported(health[name], name, began) for name in ("scheduler", "dag_processor"))
        return all(reported) and self.api.known() >= defined(self.surroundings.environment)

    def _workers(self) -> Iterator[psutil.Process]:
        services = (*self.services.started.values(), *self.services.left)
        schedulers = [it for it in services if it.name == "scheduler"]
        below = (p for scheduler in schedulers for p in scheduler.processes())
        titled = [p for p in below if _title(p).startswith(WORKER)]
        pids = {process.pid for process in titled}
        for process in titled:
            # A task process bears its worker's title until it has set its own.
            with suppress(psutil.NoSuchProcess):  # it has ended since
                if process.ppid() not in pids:
                    yield process


def migrate(url: str, directory: Path) -> None:
    """Create Airflow's tables in an empty PostgreSQL database."""
    environment = {
        "AIRFLOW_HOME": str(directory),
        _variable("database.sql_alchemy_conn"): _with_driver(url),
    }
    _run_migration(environment, directory)


def _run_migration(environment: Mapping[str, str], directory: Path) -> None:
    command = (environment_of("airflow") / "airflow", "db", "migrate")
    run_once(command, environment, directory, timeout_s=READY_S)


def _with_driver(url: str) -> str:
    return url.replace("postgresql:", "postgresql+psycopg2:", 1)


@dataclass(slots=True)
class DagTest(ProcessRuns):
    """`dag.test()`: each run is a process that calls its tasks; of Airflow, only the database.

    A run that is resumed tests the same logical date again: all of its tasks are cleared.
    """

    engine: Airflow = field(init=False)

    def __post_init__(self) -> None:
        self.engine = Airflow(self.setup, self.surroundings)
        self.services = self.engine.services

    def version(self) -> str:
        return self.engine.version()

    def start(self) -> None:
        """Create the metadata database: that is all there is to start."""
        self.engine._migrate(self.engine._environment())

    def submit(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        dag, conf = sized(pipeline, parameters)
        now = datetime.now(UTC).isoformat()
        command = module("airflow", "airflow_dags.once", dag, run, now, json.dumps(conf))
        return self.launch(command, self.engine._environment())


def _variable(name: str) -> str:
    section, key = name.upper().split(".")
    return f"AIRFLOW__{section}__{key}"


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _reported(component: Mapping[str, Any], name: str, began: float) -> bool:
    beat = component.get(f"latest_{name}_heartbeat")
    if beat is None or component["status"] != "healthy":
        return False
    return datetime.fromisoformat(beat).timestamp() >= began


def _secrets(file: Path) -> dict[str, str]:
    """Return the secrets of a directory, made and kept at the first call."""
    if not file.exists():
        made = {
            name: secrets.token_urlsafe(64) for name in ("api.secret_key", "api_auth.jwt_secret")
        }
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as stream:
            stream.write(orjson.dumps(made))
    kept: dict[str, str] = orjson.loads(file.read_bytes())
    return kept
