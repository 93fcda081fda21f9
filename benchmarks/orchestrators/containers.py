"""The engines in containers: `docker-compose.yml` as the bench drives it, over the same APIs.

`Composed` starts and stops a stack from the host. `Answering` takes one that is up, as the bench
does inside of the containers' network, where there is no Docker.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.compose import StackError, Stacks, docker
from benchmarks.model import Orchestrator, Role, Setting, Setup, Surroundings
from benchmarks.orchestrators.api import APIS, EngineApi
from benchmarks.orchestrators.services import wait_until
from benchmarks.orchestrators.through_api import ThroughApi
from benchmarks.processes import Group
from shared import journal

MODE = "compose"
READY_S = 300.0
POLL_S = 1.0
STAGING = "/var/lib/etl/staging"
# Of each engine the container in which the pipelines' code runs; the others decide what runs.
WORKERS = {"airflow": "airflow-scheduler", "prefect": "prefect-worker", "dagster": "dagster-code"}

OWN = "made by `make env`, or by the bench for its own stack"
LIMITS = Setting("cpus, mem_limit", "2, 2g for each service", "none", "the same for the three")
NEEDED: Mapping[str, tuple[Setting, ...]] = {
    "airflow": (
        LIMITS,
        Setting("AIRFLOW_HOME", "/var/lib/airflow", "~/airflow", "owned by the containers' user"),
        Setting("AIRFLOW__API__BASE_URL", "the published address", "", "in the links of the UI"),
        Setting("AIRFLOW__API__SECRET_KEY", OWN, "random in each process", "shared by services"),
        Setting("AIRFLOW__API_AUTH__JWT_SECRET", OWN, "random in each process", "the same"),
        Setting("AIRFLOW__CORE__FERNET_KEY", OWN, "none", "connections are stored encrypted"),
        Setting(
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION",
            "False",
            "True",
            "a paused DAG does not run what is submitted either",
        ),
        Setting(
            "AIRFLOW__CORE__DAGS_FOLDER",
            "/opt/project/airflow_dags",
            "AIRFLOW_HOME/dags",
            "the pipelines are there",
        ),
        Setting(
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
            "http://airflow:8080/execution/",
            "http://localhost:8080/execution/",
            "another container",
        ),
        Setting(
            "AIRFLOW__CORE__LOAD_EXAMPLES", "False", "True", "they would be parsed all the time"
        ),
        Setting(
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS",
            "admin:admin",
            "admin:admin",
            "said, since the password file below names the user",
        ),
        Setting(
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",
            "a file with our password",
            "a generated one, in a log",
            "a person can know it",
        ),
        Setting(
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
            "PostgreSQL 15 in a container",
            "SQLite",
            "the metadata database of a production guide",
        ),
        Setting(
            "scheduler, triggerer --skip-serve-logs",
            "given",
            "not given",
            "the api-server reads the volume",
        ),
    ),
    "prefect": (
        LIMITS,
        Setting("DO_NOT_TRACK", "1", "", "no telemetry"),
        Setting("PREFECT_SERVER_ANALYTICS_ENABLED", "false", "true", "no telemetry"),
        Setting("PREFECT_HOME", "/var/lib/prefect", "~/.prefect", "owned by the containers' user"),
        Setting("PREFECT_API_URL", "http://prefect:4200/api", "", "another container"),
        Setting("PREFECT_API_AUTH_STRING", f"admin: and a password {OWN}", "", "a client logs in"),
        Setting("PREFECT_SERVER_API_AUTH_STRING", "the same", "", "the server asks for it"),
        Setting("PREFECT_UI_URL", "the published address", "", "in what clients print"),
        Setting("PREFECT_SERVER_UI_API_URL", "the published address", "", "for the browser"),
        Setting(
            "PREFECT_SERVER_UI_STATIC_DIRECTORY", "/tmp/ui", "in the package", "it is written to"
        ),
        Setting(
            "PREFECT_SERVER_DATABASE_CONNECTION_URL",
            "PostgreSQL 15 in a container",
            "SQLite",
            "the metadata database of a production guide",
        ),
        Setting(
            "PREFECT_SERVER_DATABASE_MIGRATE_ON_START", "false", "true", "a service that runs once"
        ),
        Setting(
            "PREFECT_RESULTS_LOCAL_STORAGE_PATH",
            "/var/lib/prefect/results",
            "PREFECT_HOME/storage",
            "a volume: results outlive the container",
        ),
        Setting(
            "PREFECT_WORKER_WEBSERVER_HOST", "127.0.0.1", "0.0.0.0", "for its health check alone"
        ),
        Setting("worker --with-healthcheck", "given", "not given", "says whether it polls"),
    ),
    "dagster": (
        LIMITS,
        Setting("telemetry.enabled", "false", "true", "no telemetry"),
        Setting("DAGSTER_HOME", "/var/lib/dagster", "none", "owned by the containers' user"),
        Setting(
            "storage.postgres: DAGSTER_POSTGRES_URL",
            "PostgreSQL 15 in a container",
            "SQLite",
            "the metadata database of a production guide",
        ),
        Setting(
            "workspace.yaml: load_from.grpc_server",
            "dagster-code:4000",
            "none",
            "the code server is another container",
        ),
    ),
}
TASKS = {
    "airflow": "a fork of a worker process, in the scheduler's container",
    "prefect": "a call in the flow run's process (side by side, a thread), in the worker container",
    "dagster": "a new process (spawn), in the code server's container",
}
SETUPS = tuple(
    Setup(engine, MODE, "default", needed=NEEDED[engine], task=TASKS[engine]) for engine in WORKERS
)


def adapter(setup: Setup, surroundings: Surroundings) -> Orchestrator:
    """Return the adapter of a stack; its variables are those of the surroundings."""
    return Composed(setup, surroundings)


@dataclass(slots=True)
class Containers:
    """The processes in an engine's own containers: below the init process of each.

    What Docker starts in a container for a health check is not below it, and not counted. The
    database's containers are left out, as those of the local mode are.
    """

    directory: Path
    stacks: Stacks
    engine: str
    known: list[psutil.Process] = field(default_factory=list)

    def inits(self) -> dict[str, psutil.Process]:
        """Return, by service, the init process of every container that runs."""
        names = [c.name for c in self.stacks.containers(self.engine) if c.running]
        wanted = '{{index .Config.Labels "com.docker.compose.service"}} {{.State.Pid}}'
        lines = docker("inspect", "-f", wanted, *names).splitlines() if names else []
        found = {}
        for service, pid in (line.split() for line in lines):
            with contextlib.suppress(psutil.NoSuchProcess, ValueError):
                if not service.endswith("-postgres") and int(pid):
                    found[service] = psutil.Process(int(pid))
        return found

    def roots(self) -> Sequence[psutil.Process]:
        """Return the init processes; Docker is asked anew when one of them has ended."""
        if not self.known or not all(process.is_running() for process in self.known):
            self.known = list(self.inits().values())
        return self.known

    def processes(self) -> Sequence[psutil.Process]:
        found = []
        for root in self.roots():
            with contextlib.suppress(psutil.NoSuchProcess):
                found += root.children(recursive=True)
        return found


@dataclass(slots=True)
class Composed(ThroughApi):
    """A stack that the bench brings up, and takes down with its volumes."""

    setup: Setup
    surroundings: Surroundings
    stacks: Stacks = field(init=False)
    services: Containers = field(init=False)
    api: EngineApi = field(init=False)
    engine: Answering = field(init=False)

    def __post_init__(self) -> None:
        variables = self.surroundings.environment
        self.stacks = Stacks(variables)
        name = self.setup.engine
        self.services = Containers(self.surroundings.directory, self.stacks, name)
        url = f"http://127.0.0.1:{variables[f'{name.upper()}_PORT']}"
        self.api = APIS[name](url, variables)
        self.engine = Answering(self.setup, self.api, url, self.services)

    def version(self) -> str:
        return self.engine.version()

    def start(self) -> None:
        """Bring up what is not; return when every service is healthy and takes runs."""
        engine = self.setup.engine
        if not self.stacks.runs(engine):
            self.stacks.up(engine)
        self.stacks.wait(lambda: self.stacks.is_up(engine), f"{engine} is not ready")
        self.engine.start()

    def stop(self) -> None:
        """Keep the logs, and remove containers, volumes and staged batches."""
        self.write_logs()
        with contextlib.suppress(StackError):  # it may be what is not up
            # Its user's files in the bench's folders: the bench's own user may not remove them.
            worker = WORKERS[self.setup.engine]
            self.stacks.compose("exec", "-T", worker, *f"find {STAGING} -user etl -delete".split())
        self.stacks.remove(self.setup.engine)

    def write_logs(self) -> None:
        """Write what each container has logged since it was made into the engine's directory."""
        for container in self.stacks.containers(self.setup.engine):
            log = self.services.directory / "logs" / f"{container.service}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(self.stacks.log(container.service))

    def web_ui(self) -> str:
        return self.engine.web_ui()

    def submit(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> str:
        # The bench's own first event has made the file; the containers have another user.
        file = journal.path(Path(self.surroundings.environment["BENCH_JOURNALS"]), run)
        if file.exists():
            file.chmod(0o666)
        return self.api.submit(pipeline, run, parameters)

    def mend(self) -> str:
        """Restart the containers that have ended, or whose health check fails."""
        unwell = [c.service for c in self.stacks.containers(self.setup.engine) if c.unwell]
        if unwell:
            self.stacks.compose("restart", *unwell)
            self.start()
        return ", ".join(unwell)

    def kill(self) -> None:
        """Kill every container of the engine; Docker starts none of them again by itself."""
        self.stacks.kill(self.setup.engine)

    def worker(self) -> str:
        service = WORKERS[self.setup.engine]
        for container in self.stacks.containers():
            if container.service == service:
                return container.name
        raise StackError(f"{service} has no container: the stack is not up")

    def pids(self, role: Role) -> Sequence[int]:
        """Return, by this machine's numbers, the main process of each container of a role.

        The worker's is that of the container in which the pipelines run; TASK is all below it.
        """
        worker = WORKERS[self.setup.engine]
        inits = self.services.inits()
        if role is Role.CONTROL:
            return [pid for name in inits if name != worker for pid in _mains(inits[name])]
        mains = _mains(inits[worker]) if worker in inits else []
        return mains if role is Role.WORKER else [pid for main in mains for pid in _below(main)]


def _mains(init: psutil.Process) -> list[int]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [process.pid for process in init.children()][:1]
    return []


def _below(pid: int) -> list[int]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [process.pid for process in psutil.Process(pid).children(recursive=True)]
    return []


@dataclass(slots=True)
class Answering(ThroughApi):
    """An engine that is up, behind its address; it is neither started nor stopped."""

    setup: Setup
    api: EngineApi
    url: str
    services: Group

    def version(self) -> str:
        return self.api.version()

    def start(self) -> None:
        """Wait until it takes runs."""
        because = f"{self.setup.engine} is not ready for a run"
        wait_until(self.api.ready, timeout_s=READY_S, poll_s=POLL_S, because=because)

    def stop(self) -> None:
        """Leave it as it is."""

    def web_ui(self) -> str:
        return self.url

    def mend(self) -> str:
        """Find nothing: it is not the bench's to restart."""
        return ""

    def kill(self) -> None:
        """Refuse: other containers are not ended from one.

        Raises:
            RuntimeError: always.

        """
        raise RuntimeError("an engine is killed from the host, not from a container beside it")

    def pids(self, role: Role) -> Sequence[int]:
        """Return none: the processes of other containers are not seen from one."""
        return []


@dataclass(frozen=True, slots=True)
class Unseen:
    """Processes that the bench cannot see."""

    directory: Path

    def roots(self) -> Sequence[psutil.Process]:
        return []

    def processes(self) -> Sequence[psutil.Process]:
        return []
