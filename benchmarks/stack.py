"""Everything around the engines: the source, the databases, and a place for each setup."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks import migrated_databases, stack_in_containers, workloads
from benchmarks.faults.database import mount, unmount
from benchmarks.faults.service import BEFORE, deploy
from benchmarks.link import Link
from benchmarks.model import CODE, Apart, Role, Setup, Surroundings
from benchmarks.orchestrators import postgres
from benchmarks.orchestrators.postgres import Postgres
from benchmarks.orchestrators.services import (
    ROOT,
    RUNS,
    Services,
    environment_of,
    free_port,
)
from benchmarks.runner import Truths
from benchmarks.setups import make
from benchmarks.source import client
from benchmarks.stand import Stand

EMBEDDED = "postgresql"
SQLITE = "sqlite"
CONTAINERS = "containers"  # source, databases and engines in a compose project of the bench's own
NETWORK = "network"  # ... in one that is up, seen from inside of it
MEASURED = workloads.MEASURED
METADATA_DISK_MB = 256  # an engine's tables have 10 to 30


class Surround(Protocol):
    """The source and the databases of a campaign."""

    directory: Path
    source_url: str

    def start(self) -> None:
        """Start them."""

    def stop(self) -> None:
        """Stop them; stopping what is stopped does nothing."""

    def metadata_name(self) -> str:
        """Return product and version of the metadata database, for the record."""

    def truth(self) -> Truths:
        """Return what tells the ground truth of a workload."""

    def stand(
        self,
        setup: Setup,
        *,
        port: int = 0,
        passed: Mapping[str, str] = MEASURED,
        apart: Apart = "",
    ) -> Stand:
        """Return the place of a setup's trials; its engine is not started."""

    def leave(self, setup: Setup) -> None:
        """Have a setup's next trials in a place that holds nothing of those before.

        A run that is still at work there would go on in the engine's next start, and write into
        the warehouse of another trial.
        """


@dataclass(slots=True)
class Local:
    """The source and the databases of a campaign, below one directory.

    `metadata` and `warehouse` are `postgresql` (an embedded server for each), `sqlite`, or the URL
    of a PostgreSQL server on which databases may be created.
    """

    directory: Path
    metadata: str = EMBEDDED
    warehouse: str = SQLITE
    recorded: Path | None = None  # a folder of recorded complaint pages to replay
    services: Services = field(init=False)
    metadata_server: Postgres | None = None  # the embedded ones
    warehouse_server: Postgres | None = None
    given: list[tuple[str, str]] = field(default_factory=list)  # databases on others' servers
    disks: list[Path] = field(default_factory=list)
    source_url: str = ""
    left: Counter[str] = field(default_factory=Counter)  # how often each setup's place was left

    def start(self) -> None:
        """Start the source, and PostgreSQL when it is needed."""
        self.services = Services(self.directory / "source")
        (self.directory / "source").mkdir(parents=True, exist_ok=True)
        if self.metadata == EMBEDDED:
            copied = migrated_databases.server()
            self.metadata_server = Postgres(self.directory / "metadata", copied)
            self.metadata_server.start()
        if self.warehouse == EMBEDDED:
            self.warehouse_server = Postgres(self.directory / "warehouse")
            self.warehouse_server.start()
        port = free_port()
        self.source_url = f"http://127.0.0.1:{port}"
        self.services.start(
            "source",
            _source_command(port, self.recorded),
            role=Role.CONTROL,
            environment={},
        )
        self.services.wait_until(
            lambda: client.ready(self.source_url), timeout_s=30, because="the source"
        )

    def stop(self) -> None:
        """Stop both; stopping what is stopped does nothing."""
        try:
            self._stop_servers()
        finally:
            while self.disks:
                unmount(self.disks.pop())

    def _stop_servers(self) -> None:
        self.services.stop_all(grace_s=1)
        for own in (self.metadata_server, self.warehouse_server):
            if own is not None:
                own.stop()
        for server, database in self.given:
            postgres.drop(server, [database])
        self.given.clear()

    def small_disk(self, place: Path) -> Path:
        """Put a small disk at a place, until the databases are stopped; return the place."""
        if place not in self.disks:
            place.mkdir(parents=True, exist_ok=True)
            mount(place, METADATA_DISK_MB)
            self.disks.append(place)
        return place

    def metadata_url(self, name: str, template: str = "template1", disk: Path | None = None) -> str:
        """Return the URL of an engine's database of this campaign; "" stands for its SQLite."""
        if self.metadata == SQLITE:
            return ""
        if self.metadata == EMBEDDED:
            assert self.metadata_server is not None, "start() comes first"
            return self.metadata_server.create(name, template, disk)
        return self._on_given(self.metadata, name)

    def warehouse_url(self, name: str, file: Path) -> str:
        """Return the URL of a warehouse of this campaign; `file` is SQLite's."""
        if self.warehouse == SQLITE:
            return f"sqlite:///{file}"
        if self.warehouse == EMBEDDED:
            assert self.warehouse_server is not None, "start() comes first"
            return self.warehouse_server.create(name)
        return self._on_given(self.warehouse, name)

    def _on_given(self, server: str, name: str) -> str:
        database = f"{self.directory.name}_{name}".lower().replace("-", "_")
        self.given.append((server, database))
        return postgres.create(server, database)

    def metadata_name(self) -> str:
        """Return product and version of the metadata database, for the record."""
        if self.metadata_server is not None:
            return f"postgresql {self.metadata_server.version()}"
        return "sqlite" if self.metadata == SQLITE else "postgresql (given)"

    def truth(self) -> Truths:
        return workloads.expected

    def leave(self, setup: Setup) -> None:
        """Give a setup's next trials a directory and databases of their own."""
        self.left[setup.name] += 1

    def stand(
        self,
        setup: Setup,
        *,
        port: int = 0,
        passed: Mapping[str, str] = MEASURED,
        apart: Apart = "",
    ) -> Stand:
        """Return the place of a setup's trials; its engine is not started.

        `passed` is given to the pipelines beside what the place itself says; `apart` is what this
        start has for a fault.
        """
        link = Link() if apart == "link" else None
        again = str(self.left[setup.name] or "")
        name = re.sub(r"\W", "_", setup.name) + again
        place = self.directory / (setup.name.replace("/", "-") + again)
        disk = None
        if apart == "disk":  # another database, and a new home beside it
            name, place = f"{name}_on_disk", place.with_name(f"{place.name}-on-disk")
            disk = self.small_disk(place / "disk")
        warehouse_url = self.warehouse_url(f"warehouse_{name}", place / "warehouse.db")
        environment = {**furnished(place, self.source_url, warehouse_url), **passed}
        code = deployed(place / "code") if apart == "code" else None
        if code is not None:
            environment["PYTHONPATH"] = str(code)
        template = migrated_databases.template(setup.engine)
        surroundings = Surroundings(
            directory=place / "engine",
            metadata_url=self.metadata_url(name, template, disk),
            environment=environment,
            port=port,
            migrated=self.metadata == EMBEDDED and migrated_databases.migrated(setup.engine),
            link=link,
            code=code,
        )
        bare, metadata = setup.engine == "bare", self.metadata_server
        return Stand(
            orchestrator=make(setup, surroundings),
            source_url=self.source_url,
            warehouse_url=warehouse_url,
            journals=place / "journals",
            holds=place / "holds",
            staging=place / "staging",
            metadata=metadata,
            shadowed=workloads.SHADOWED.items() <= passed.items(),
            metadata_url="" if bare else surroundings.metadata_url,
            database=None if bare or metadata is None else metadata.services,
            warehouse=self.warehouse_server,
            link=link,
            code=code,
            disk=disk,
        )


def furnished(place: Path, source_url: str, warehouse_url: str) -> dict[str, str]:
    """Make the folders of a place, and return the variables by which pipelines find all of it."""
    for name in ("journals", "holds", "staging", "engine"):
        (place / name).mkdir(parents=True, exist_ok=True)
    return {
        "ETL_SOURCE_URL": source_url,
        "ETL_WAREHOUSE_URL": warehouse_url,
        "ETL_STAGING_URL": (place / "staging").as_uri(),
        "ETL_JOURNAL": str(place / "journals"),
        "ETL_HOLDS": str(place / "holds"),
    }


def deployed(place: Path) -> Path:
    """Copy the pipelines' code to a place and return it; the copy is the first release."""
    for name in CODE:
        kept = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, place / name, ignore=kept, dirs_exist_ok=True)
    deploy(place, BEFORE)
    return place


def _source_command(port: int, recorded: Path | None) -> list[str | Path]:
    command: list[str | Path] = [
        environment_of("bench") / "python",
        "-m",
        "benchmarks.source",
        "--port",
        str(port),
        "--seed",
        str(workloads.SEED),
        "--today",
        workloads.TODAY,
        "--complaints-per-day",
        str(workloads.COMPLAINTS_PER_DAY),
    ]
    return command if recorded is None else [*command, "--replay", recorded.resolve()]


@contextmanager
def surrounded(name: str, *, keep: bool = False, **options: object) -> Iterator[Surround]:
    """Start the surroundings in `runs/NAME`, and stop them whatever happens."""
    began = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    directory = RUNS / f"{name}-{began}-{os.getpid()}"  # several benches may be at work
    surround: Surround
    if options.get("metadata") == CONTAINERS:
        surround = stack_in_containers.Own(directory)
    elif options.get("metadata") == NETWORK:
        surround = stack_in_containers.Network(directory)
    else:
        surround = Local(directory, **options)  # type: ignore[arg-type]
    try:
        surround.start()
        yield surround
    finally:
        surround.stop()
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def running(stand: Stand) -> Iterator[Stand]:
    """Start a stand's engine, and stop it whatever happens."""
    try:
        if stand.link is not None:
            stand.link.start()
        stand.orchestrator.start()
        yield stand
    finally:
        stand.orchestrator.stop()
        if stand.link is not None:
            stand.link.stop()
