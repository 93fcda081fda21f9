"""The surroundings of trials in containers, beside those of `stack.py`.

`Own` is a compose project of the bench alone, with names, ports and secrets that are not a
person's. `Network` is what the bench finds inside of a project that is up.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks import workloads
from benchmarks.compose import (
    PORTS,
    SECRETS,
    StackError,
    Stacks,
    address_in_network,
    docker,
)
from benchmarks.model import Apart, Setup, Surroundings
from benchmarks.orchestrators.api import APIS
from benchmarks.orchestrators.containers import Answering, Unseen
from benchmarks.orchestrators.services import free_port
from benchmarks.runner import Truths
from benchmarks.setups import make
from benchmarks.source import client
from benchmarks.stand import Stand

PROJECT = "orchestrators-bench"
SHARED = ("source", "warehouse")
SOURCE_PORT = 8765
TOKEN = "SOURCE_CONTROL_TOKEN"  # of the environment, from which the client takes it
REACHED_S = 10.0
# What a person's `.env` or shell says must not change a trial.
SAME = {
    "COMPOSE_FILE": "docker-compose.yml:docker/bench.compose.yml",
    "COMPOSE_PROFILES": "",
    "COMPOSE_PROJECT_NAME": PROJECT,
    "ENGINE_CPUS": str(min(2, os.cpu_count() or 1)),
    "ENGINE_MEMORY": "2g",
    "FIRST_RUN": "false",
    "SOURCE_TODAY": workloads.TODAY,
    "ETL_SOURCE": "standin",
    "ETL_SHADOW": "",
    "ETL_SYNTHETIC": "",
    "ETL_STEP_TIMEOUT_S": "",
    "ETL_REPOSITORIES": "",
    "ETL_CHANNELS": "",
    "ETL_VIDEOS": "",
    "GITHUB_TOKEN": "",
    "YOUTUBE_API_KEY": "",
}


def variables(directory: Path) -> dict[str, str]:
    """Return the variables of the compose file for a project of the bench's own."""
    ports = {f"{name.upper()}_PORT": str(free_port()) for name in (*PORTS, "warehouse")}
    made = {name: make_() for name, make_ in SECRETS.items()}
    own = {"BENCH_DIRECTORY": str(directory), "BENCH_JOURNALS": str(directory)}
    return {**SAME, **workloads.MEASURED, **ports, **made, **own}


def remove_leftovers() -> None:
    """Remove the containers of a bench that was killed; where there is no Docker there are none."""
    try:
        label = f"label=com.docker.compose.project={PROJECT}"
        left = docker("ps", "--all", "--quiet", "--filter", label)
    except StackError:
        return
    if left:
        Stacks(variables(Path("/"))).down()


@dataclass(frozen=True, slots=True)
class Database:
    """A database server in a container."""

    stacks: Stacks
    service: str

    def kill(self) -> None:
        """SIGKILL it; no restart policy acts after it."""
        if any(c.service == self.service and c.running for c in self.stacks.containers()):
            self.stacks.compose("kill", self.service)

    def start(self) -> None:
        """Start it again, if it does not run, and return when it answers."""
        self.stacks.compose("start", self.service)
        self.stacks.wait(lambda: self.stacks.ready(self.service), f"{self.service} is not ready")


@dataclass(slots=True)
class Own:
    """The source and the warehouse in containers; engines come and go beside them."""

    directory: Path
    variables: dict[str, str] = field(init=False)
    stacks: Stacks = field(init=False)
    source_url: str = ""

    def start(self) -> None:
        """Bring up what the engines share.

        Raises:
            StackError: there is no Docker, or this host does not reach the containers' network.

        """
        remove_leftovers()
        self.variables = variables(self.directory)
        self.stacks = Stacks(self.variables)
        self.stacks.compose("up", "--detach", *SHARED)
        self.stacks.wait(lambda: self.stacks.ready(*SHARED), "source and warehouse are not ready")
        source = next(c.name for c in self.stacks.containers() if c.service == "source")
        self.source_url = f"http://{address_in_network(source)}:{SOURCE_PORT}"
        os.environ[TOKEN] = self.variables[TOKEN]
        self.stacks.wait(
            lambda: client.ready(self.source_url),
            f"the source at {self.source_url} is not reached from this host, which must be the"
            " Linux that Docker runs on; `docker compose run --rm bench verify` needs no reaching",
            REACHED_S,
        )

    def stop(self) -> None:
        """Remove every container, volume and network."""
        os.environ.pop(TOKEN, None)
        remove_leftovers()

    def metadata_name(self) -> str:
        return "postgresql 15 in containers"

    def truth(self) -> Truths:
        return workloads.expected

    def leave(self, setup: Setup) -> None:
        """Do nothing: a stack is taken down with all that it holds."""

    def stand(
        self,
        setup: Setup,
        *,
        port: int = 0,
        passed: Mapping[str, str] = workloads.MEASURED,
        apart: Apart = "",  # nothing of it is for containers
    ) -> Stand:
        """Return the place of a setup's trials; its engine is not started."""
        place, engine = self.directory / setup.name.replace("/", "-"), setup.engine
        journals = place / "journals" / engine
        staging = place / "staging" / engine
        for folder in (
            *(journals / "runs", journals / "holds", place / "engine"),
            *(staging / "cache" / pipeline for pipeline in ("github_stats", "youtube_stats")),
        ):
            folder.mkdir(parents=True, exist_ok=True)
        _open_to_all(place / "journals", place / "staging")
        given = {
            **self.variables,
            **passed,
            "BENCH_DIRECTORY": str(place),
            "BENCH_JOURNALS": str(journals / "runs"),
        }
        if port:
            given[f"{engine.upper()}_PORT"] = str(port)
        return Stand(
            orchestrator=make(setup, Surroundings(place / "engine", "", given)),
            source_url=self.source_url,
            warehouse_url=_warehouse(
                self.variables, f"127.0.0.1:{self.variables['WAREHOUSE_PORT']}", engine
            ),
            journals=journals / "runs",
            holds=journals / "holds",
            staging=staging,
            metadata=Database(Stacks(given), f"{engine}-postgres"),
            shadowed=workloads.SHADOWED.items() <= passed.items(),
        )


@dataclass(slots=True)
class Network:
    """A project that is up, seen from inside of its network; nothing is started or stopped."""

    directory: Path
    source_url: str = f"http://source:{SOURCE_PORT}"
    journals: Path = Path("/var/lib/etl/journals")
    staging: Path = Path("/var/lib/etl/staging")

    def start(self) -> None:
        """Check that what is up may be verified: it empties the warehouse.

        Raises:
            LookupError: the pipelines read the real APIs.

        """
        if os.environ.get("ETL_SOURCE") == "live":
            raise LookupError("ETL_SOURCE is live: only the stand-in has a ground truth")

    def stop(self) -> None:
        """Leave all as it is."""

    def metadata_name(self) -> str:
        return "postgresql 15 in containers"

    def truth(self) -> Truths:
        """Return the truth of the day that the source takes for today."""
        return partial(workloads.expected, today=client.described(self.source_url)["today"])

    def leave(self, setup: Setup) -> None:
        """Do nothing: what is up is somebody else's."""

    def stand(
        self,
        setup: Setup,
        *,
        port: int = 0,
        passed: Mapping[str, str] = workloads.MEASURED,
        apart: Apart = "",  # nothing of it is for containers
    ) -> Stand:
        """Return the place of an engine's trials."""
        engine = setup.engine
        url = f"http://{engine}:{PORTS[engine]}"
        api = APIS[engine](url, os.environ)
        return Stand(
            orchestrator=Answering(setup, api, url, Unseen(self.directory)),
            source_url=self.source_url,
            warehouse_url=_warehouse(os.environ, "warehouse:5432", engine),
            journals=self.journals / engine / "runs",
            holds=self.journals / engine / "holds",
            staging=self.staging / engine,
        )


def up() -> list[str]:
    """Return the engines that are up in the network: those whose front service has an address."""
    return [engine for engine in PORTS if _resolves(engine)]


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True


def _warehouse(given: Mapping[str, str], server: str, engine: str) -> str:
    return f"postgresql://etl:{given['WAREHOUSE_PASSWORD']}@{server}/{engine}"


def _open_to_all(*folders: Path) -> None:
    """Let the containers' user write below folders, and the bench's take away what it wrote."""
    for folder in folders:
        for place in (folder, *(f for f in folder.rglob("*") if f.is_dir())):
            place.chmod(0o777)
