"""Rows, bytes and logs that an engine writes are counted, and what is not known says why."""

from dataclasses import replace

import psycopg
import pytest

from benchmarks import written
from benchmarks.orchestrators.postgres import Postgres
from benchmarks.written import Written


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    postgres = Postgres(tmp_path_factory.mktemp("metadata"))
    postgres.start()
    yield postgres
    postgres.stop()


@pytest.fixture
def url(server, request):
    made = server.create(f"engine_{abs(hash(request.node.name))}")
    with psycopg.connect(made) as connection:
        connection.execute('CREATE SCHEMA other; CREATE TABLE other."Odd name" (x text)')
        connection.execute("CREATE TABLE run (id int PRIMARY KEY, state text)")
    return made


def insert(url, rows):
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO run SELECT n, 'ok' FROM generate_series(1, %s) n", [rows])
        connection.execute('INSERT INTO other."Odd name" VALUES (%s)', ["x" * 100])


def test_rows_of_every_table_are_counted_with_the_bytes_of_their_values(url):
    empty = written.tables(url)
    insert(url, rows=1000)
    disk, values, rows = written.tables(url)

    assert empty[1:] == (0, 0)
    assert rows == 1001
    assert values > 1000 * 6 + 100
    assert disk - empty[0] > values  # pages and an index


def test_an_update_leaves_the_values_and_adds_to_the_disk(url):
    insert(url, rows=1000)
    before = written.tables(url)
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE run SET (autovacuum_enabled = off)")
        connection.execute("UPDATE run SET state = 'no'")
    after = written.tables(url)

    assert after[1:] == before[1:]
    assert after[0] > before[0]


def test_a_database_without_tables_holds_nothing(server):
    assert written.tables(server.create("empty")) == (0, 0, 0)


def test_a_database_that_does_not_answer_is_named(server):
    with pytest.raises(ConnectionError, match="metadata database: .*missing"):
        written.tables(server.url("missing"))


def test_logs_are_those_of_services_runs_and_tasks(tmp_path):
    for name, text in {
        "logs/server.log": "four", "logs/once.log": "not counted",
        "home/logs/dag_id=chain/run_id=r/task_id=work/attempt=1.log": "task",
        "home/storage/1234/compute_logs/work.out": "step",
        "home/storage/1234/result": "a value, no log",
    }.items():  # fmt: skip
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "home/logs/latest").symlink_to("dag_id=chain")

    assert written.log_bytes(tmp_path) == 12


def test_a_place_without_logs_has_none_of_their_bytes(tmp_path):
    assert written.log_bytes(tmp_path) == 0


def test_what_was_added_is_a_difference_and_what_shrank_is_no_figure():
    found = written.added(Written(8192, 500, 3, 10), Written(16384, 499, 5, 10))

    assert found == {
        "metadata_bytes": 8192, "metadata_value_bytes": None, "metadata_rows": 2, "log_bytes": 0,
    }  # fmt: skip


def test_of_bare_only_the_logs_are_known_and_it_says_why(stand_of):
    stand = stand_of()
    log = stand.orchestrator.services.directory / "logs" / "run-1.log"
    before = written.read(stand)
    log.parent.mkdir()
    log.write_text("done\n")
    added = written.added(before, written.read(stand))

    assert added["log_bytes"] == 5
    assert set(written.reasons(stand, added)) == set(written.MEASURES) - {"log_bytes"}
    assert set(written.reasons(stand, added).values()) == {written.NO_DATABASE}


@pytest.mark.parametrize(
    ("url", "engine", "reason"),
    [("postgresql://x", "airflow", written.SHRANK), ("", "airflow", written.NO_POSTGRESQL)],
)
def test_each_kind_of_hole_has_its_reason(stand_of, url, engine, reason):
    stand = replace(stand_of(), metadata_url=url)
    stand.orchestrator.setup = replace(stand.orchestrator.setup, engine=engine)

    assert written.reasons(stand, {"metadata_rows": None}) == {"metadata_rows": reason}
