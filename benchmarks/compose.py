"""The stacks of `docker-compose.yml`, driven by `docker compose`.

The standard library is enough for it, so that `make up-airflow` needs no environment.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
READY_S = 900.0
POLL_S = 1.0
CLEAR_LINE = "\x1b[2K"  # Compose 2.26 puts it before every line of a log
# The port in the container of each engine's front service, and how a person logs in.
PORTS = {"airflow": 8080, "prefect": 4200, "dagster": 3000}
LOGINS = {
    "airflow": "user admin, password AIRFLOW_ADMIN_PASSWORD of .env",
    "prefect": "admin:PASSWORD, with PREFECT_ADMIN_PASSWORD of .env",
    "dagster": "none: Dagster has no login, so keep it on loopback",
}


def word() -> str:
    """Return a secret that needs no quoting in a URL, a shell or a `.env` file."""
    return secrets.token_hex(24)


def fernet_key() -> str:
    """Return 32 random bytes in the form that Airflow encrypts connections with."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


# What the file refuses to start without.
SECRETS: Mapping[str, Callable[[], str]] = {
    "WAREHOUSE_PASSWORD": word,
    "SOURCE_CONTROL_TOKEN": word,
    "AIRFLOW_ADMIN_PASSWORD": word,
    "AIRFLOW_POSTGRES_PASSWORD": word,
    "AIRFLOW_SECRET_KEY": word,
    "AIRFLOW_JWT_SECRET": lambda: secrets.token_hex(64),  # it signs with SHA-512
    "AIRFLOW_FERNET_KEY": fernet_key,
    "PREFECT_ADMIN_PASSWORD": word,
    "PREFECT_POSTGRES_PASSWORD": word,
    "DAGSTER_POSTGRES_PASSWORD": word,
}


class StackError(RuntimeError):
    """A stack did not come up; the message says which service, and quotes its log."""


@dataclass(frozen=True, slots=True)
class Container:
    """What `docker compose ps` says of a container."""

    service: str
    name: str
    state: str  # created, running, paused, restarting, exited, ...
    health: str  # "" when there is no check
    exit_code: int

    @property
    def running(self) -> bool:
        """Whether it has processes, frozen ones included, or will have them at once."""
        return self.state in ("running", "restarting", "paused")

    @property
    def ready(self) -> bool:
        return self.state == "running" and self.health in ("", "healthy")

    @property
    def once(self) -> bool:
        """Whether it is to run once, and to end."""
        return self.service.endswith(("-migrate", "-deploy", "-first-run"))

    @property
    def unwell(self) -> bool:
        """Whether a service has ended, or its health check fails."""
        return not self.once and (not self.running or self.health == "unhealthy")

    @property
    def failed(self) -> bool:
        return not self.running and self.exit_code != 0


@dataclass(frozen=True, slots=True)
class Stacks:
    """The compose project; `environment` is laid over that of the caller and over `.env`."""

    environment: Mapping[str, str] = field(default_factory=dict)

    def compose(self, *arguments: str, quiet: bool = True) -> str:
        """Run `docker compose` and return what it prints.

        Raises:
            StackError: it failed, or there is no Docker.

        """
        command = ["docker", "compose", "--ansi", "never", *arguments]
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if quiet else None,
                text=True,
            )
        except FileNotFoundError:
            raise StackError("docker is not installed") from None
        if done.returncode:
            raise StackError(f"{' '.join(command)}: {(done.stderr or 'failed').strip()}")
        return done.stdout

    def containers(self, *engines: str) -> list[Container]:
        """Return the containers that there are, ended ones included; of these engines alone."""
        listed = self.compose("ps", "--all", "--format", "json").splitlines()
        found = [_container(json.loads(line)) for line in listed if line.strip()]
        return [c for c in found if not engines or belongs(c.service, engines)]

    def up(self, engine: str, *options: str, quiet: bool = True) -> None:
        """Start an engine with all that it needs; return when that is ready and has run once.

        Raises:
            StackError: a migration, the deployment or the first run failed; its log is quoted.

        """
        self.compose("up", "--detach", *options, engine, quiet=quiet)
        self.wait(lambda: self.is_up(engine), f"{engine} is not ready")

    def is_up(self, engine: str) -> bool:
        """Whether every service is ready, and each that runs once has succeeded."""
        containers = self.containers(engine)
        once = [c for c in containers if c.once]
        for container in once:
            if container.failed:
                log = self.log(container.service)[-3000:]
                raise StackError(f"{container.service} failed:\n{log}")
        always = [c for c in containers if not c.once]
        return all(c.ready for c in always) and not any(c.running for c in once)

    def runs(self, engine: str) -> bool:
        """Whether the services of an engine have been brought up and none has ended."""
        always = [c for c in self.containers(engine) if not c.once]
        return bool(always) and all(c.running for c in always)

    def ready(self, *services: str) -> bool:
        """Whether the containers of services run and are healthy."""
        found = {c.service: c.ready for c in self.containers()}
        return all(found.get(service, False) for service in services)

    def log(self, *services: str) -> str:
        """Return what services have printed; of all when none is named."""
        text = self.compose("logs", "--no-color", "--no-log-prefix", *services)
        return text.replace(CLEAR_LINE, "")

    def wait(self, ready: Callable[[], bool], because: str, timeout_s: float = READY_S) -> None:
        """Ask until true.

        Raises:
            StackError: it did not become true; the message says what the containers do.

        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if time.monotonic() > deadline:
                said = {c.service: c.health or c.running or c.exit_code for c in self.containers()}
                raise StackError(f"{because}: not in {timeout_s:g} s; {said}")
            time.sleep(POLL_S)

    def address(self, engine: str) -> str:
        """Return where the web UI and the API of an engine are."""
        return f"http://{self.compose('port', engine, str(PORTS[engine])).strip()}"

    def kill(self, engine: str) -> None:
        """SIGKILL an engine's containers at once; no restart policy acts after it."""
        self.compose("kill", *(c.service for c in self.containers(engine) if c.running))

    def remove(self, engine: str) -> None:
        """Remove an engine's containers and volumes; those of what the engines share stay."""
        services = [c.service for c in self.containers(engine)]
        if services:
            self.compose("kill", *services)  # what they would write down is removed with them
            self.compose("rm", "--force", "--stop", "--volumes", *services)
        project = self.environment["COMPOSE_PROJECT_NAME"]
        label = f"label=com.docker.compose.project={project}"
        found = docker("volume", "ls", "--quiet", "--filter", label).split()
        own = [name for name in found if name.startswith(f"{project}_{engine}-")]
        if own:
            docker("volume", "rm", "--force", *own)

    def down(self) -> None:
        """Remove containers, networks and volumes."""
        self.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5")


def belongs(service: str, engines: Iterable[str]) -> bool:
    """Whether a service is one of an engine's own."""
    return any(service == engine or service.startswith(f"{engine}-") for engine in engines)


def docker(*arguments: str) -> str:
    """Run `docker` and return what it prints.

    Raises:
        StackError: it failed, or there is no Docker; the message is its own.

    """
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        raise StackError("docker is not installed") from None
    if done.returncode:
        raise StackError(f"docker {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def inspect(container: str) -> dict[str, Any]:
    """Return what Docker knows of a container."""
    told: dict[str, Any] = json.loads(docker("inspect", container))[0]
    return told


def pause(container: str) -> None:
    """Freeze every process of a container."""
    docker("pause", container)


def thaw(container: str) -> None:
    """Let a container that is frozen run on; one that is not stays as it is."""
    if inspect(container)["State"]["Paused"]:
        docker("unpause", container)


def disconnect(container: str) -> None:
    """Take a container off the network of its project."""
    docker("network", "disconnect", _network(inspect(container)), container)


def connect(container: str) -> None:
    """Bring a container back into the network of its project, under its service's name."""
    told = inspect(container)
    if _network(told) not in told["NetworkSettings"]["Networks"]:
        alias = ("--alias", told["Config"]["Labels"]["com.docker.compose.service"])
        docker("network", "connect", *alias, _network(told), container)


def address_in_network(container: str) -> str:
    """Return the address of a container in its project's network; a Linux host reaches it."""
    told = inspect(container)
    return str(told["NetworkSettings"]["Networks"][_network(told)]["IPAddress"])


def _network(told: Mapping[str, Any]) -> str:
    return f"{told['Config']['Labels']['com.docker.compose.project']}_default"


def _container(told: Mapping[str, Any]) -> Container:
    return Container(
        service=told["Service"],
        name=told["Name"],
        state=told["State"],
        health=told["Health"],
        exit_code=told["ExitCode"],
    )
