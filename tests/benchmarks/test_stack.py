"""Databases on somebody else's server: made for a campaign, dropped after it, never shared."""

import os
import socket
import subprocess
import sys

import psycopg
import pytest

from benchmarks.faults.database import FillMetadataDisk, fill, may_mount
from benchmarks.faults.service import deploy
from benchmarks.orchestrators.postgres import Postgres, PostgresError, create, masked
from benchmarks.scenarios import MAY_NOT_MOUNT
from benchmarks.setups import SETUPS
from benchmarks.stack import Local, running, surrounded


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    postgres = Postgres(tmp_path_factory.mktemp("given"))
    postgres.start()
    yield postgres.url("postgres")
    postgres.stop()


def databases(server):
    with psycopg.connect(server) as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


def test_every_setup_gets_a_database_of_its_own_on_a_given_server(server, tmp_path):
    surround = Local(tmp_path / "run-1", metadata=server, warehouse="sqlite")
    urls = {surround.metadata_url(name) for name in ("airflow_local", "dagster")}

    assert {url.rpartition("/")[2] for url in urls} == {"run_1_airflow_local", "run_1_dagster"}
    assert {"run_1_airflow_local", "run_1_dagster"} <= databases(server)


def test_what_was_made_on_a_given_server_is_dropped_at_the_end(server, tmp_path):
    before = databases(server)
    surround = Local(tmp_path / "run-2", metadata=server, warehouse=server)
    surround.start()
    surround.warehouse_url("warehouse_bare", tmp_path / "no.db")

    surround.stop()

    assert databases(server) == before


def test_a_password_is_not_shown():
    assert masked("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"
    assert masked("sqlite") == "sqlite"


def test_a_server_that_does_not_answer_is_one_sentence_without_the_password():
    with pytest.raises(PostgresError, match=r"PostgreSQL at postgresql://me:\*\*\*@") as caught:
        create("postgresql://me:secret@127.0.0.1:1/db", "x")

    assert "secret" not in str(caught.value)


def test_a_link_is_there_while_its_engine_runs_and_only_where_it_is_asked_for(tmp_path, runs):
    surround = Local(tmp_path / "run-3", metadata="sqlite", warehouse="sqlite")
    bare = SETUPS["bare/process/default"]
    stand = surround.stand(bare, apart="link")
    with socket.create_server(("127.0.0.1", 0)) as server, running(stand):
        stand.link.to(server.getsockname()[1])
        socket.create_connection(("127.0.0.1", stand.link.port), timeout=20).close()
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", stand.link.port), timeout=20)

    assert surround.stand(bare).link is None


def test_where_code_is_deployed_the_steps_run_a_copy_of_it(tmp_path):
    surround = Local(tmp_path / "run-6", metadata="sqlite", warehouse="sqlite")
    bare = SETUPS["bare/process/default"]
    stand = surround.stand(bare, apart="code")
    environment = stand.orchestrator.surroundings.environment
    program = "import shared.journal; print(shared.RELEASE, shared.journal.__file__)"
    told = []
    for release in ("1", "2"):
        deploy(stand.code, release)
        told.append(
            subprocess.run(
                [sys.executable, "-c", program], env={**os.environ, **environment}, cwd=tmp_path,
                capture_output=True, text=True, check=True,
            ).stdout.split()
        )  # fmt: skip

    place = str(stand.code / "shared" / "journal.py")
    assert told == [["1", place], ["2", place]]
    assert (stand.code / "airflow_dags" / "complaints.py").is_file()
    assert surround.stand(bare).code is None


def test_a_metadata_database_whose_disk_is_full_refuses_new_rows_until_there_is_room(runs):
    if not may_mount():
        pytest.skip(MAY_NOT_MOUNT)
    fault = FillMetadataDisk()
    setup = SETUPS["prefect/process/default"]
    with surrounded("full", warehouse="sqlite", metadata="postgresql") as surround:
        stand = surround.stand(setup, apart="disk")
        again = surround.stand(setup, apart="disk")
        with psycopg.connect(stand.metadata_url, autocommit=True) as connection:
            fill(fault.filler(stand))
            with pytest.raises(psycopg.errors.DiskFull):
                connection.execute("CREATE TABLE t AS SELECT generate_series(1, 10000)")
            assert connection.execute("SELECT 1").fetchone() == (1,)
            fault.filler(stand).unlink()
            connection.execute("CREATE TABLE t AS SELECT generate_series(1, 10000)")
        assert surround.stand(setup).metadata_url != stand.metadata_url == again.metadata_url

    assert not stand.disk.exists()


def test_metadata_and_warehouse_have_servers_of_their_own_that_may_be_killed_alone(runs):
    with surrounded("both", warehouse="postgresql", metadata="postgresql") as surround:
        stand = surround.stand(SETUPS["prefect/process/default"])
        stand.metadata.kill()
        with psycopg.connect(stand.warehouse_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        stand.metadata.start()
        stand.warehouse.kill()
        with psycopg.connect(stand.metadata_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)

    assert Local(runs / "neither", metadata="sqlite").warehouse_server is None


def test_what_follows_is_in_another_place_and_another_warehouse_of_that_setup_alone(tmp_path):
    surround = Local(tmp_path, metadata="sqlite")
    setups = [SETUPS[name] for name in ("bare/process/default", "dagster/api/default")]
    first = [surround.stand(it) for it in setups]
    surround.leave(setups[0])
    again = [surround.stand(it) for it in setups]

    assert first[0].journals != again[0].journals
    assert first[0].warehouse_url != again[0].warehouse_url
    assert first[1].journals == again[1].journals
