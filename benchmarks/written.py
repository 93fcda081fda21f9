"""What an engine writes down: rows and bytes of its metadata database, bytes of its logs.

Read before and after a trial, outside of the time that is measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from benchmarks.stand import Stand

# Below the directory of an engine: what its services and runs print, and the logs of single tasks.
# Prefect sends those to its server: they are rows of the database.
LOGS = ("logs/*.log", "home/logs/**/*", "home/storage/*/compute_logs/*")
MIGRATION_LOG = "once.log"  # of what is done once for a directory
# How long an engine holds back what it writes. Prefect's server collects events for 5 s
# (`server.services.event_persister.flush_interval`), a flow run its logs for 2 s.
BEHIND_S = {"prefect": 6.0}
OTHERS_BEHIND_S = 1.0
TABLES = """
SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^(pg_|information_schema$)' ORDER BY 2, 3
"""
NO_DATABASE = "there is no metadata database"
NO_POSTGRESQL = "the metadata database is not PostgreSQL: sizes and rows are read in that alone"
CONTAINED = "the engine runs in containers, of which neither database nor logs are read"
SHRANK = "it is less than before: the engine or autovacuum took something away meanwhile"


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in the tables and in the log files of an engine; None: it has no such thing.

    `metadata_bytes` is the size of all tables on disk, their indexes and TOAST included. It grows
    by whole pages of 8 kB, an update leaves the old row behind, and autovacuum makes that room
    free for others, or gives pages at a table's end back. The bench neither vacuums nor hinders
    autovacuum: bloat is part of what an engine costs, and a difference below zero is no figure.
    `metadata_value_bytes` is free of all that: the size of the rows that are there, uncompressed.
    """

    metadata_bytes: int | None
    metadata_value_bytes: int | None
    metadata_rows: int | None
    log_bytes: int | None


MEASURES = tuple(Written.__dataclass_fields__)


def settled(stand: Stand) -> Written:
    """Wait as long as the engine may hold back what it writes, and read."""
    time.sleep(BEHIND_S.get(stand.orchestrator.setup.engine, OTHERS_BEHIND_S))
    return read(stand)


def read(stand: Stand) -> Written:
    """Read what an engine has written so far.

    Raises:
        OSError: the database does not answer.

    """
    if not stand.local:
        return Written(None, None, None, None)
    logs = log_bytes(stand.orchestrator.services.directory)
    if not stand.metadata_url:
        return Written(None, None, None, logs)
    return Written(*tables(stand.metadata_url), logs)


def added(before: Written, after: Written) -> dict[str, float | None]:
    """Return by measure what was added; None where nothing is known, or less is there now."""
    found: dict[str, float | None] = {}
    for name in MEASURES:
        then, now = getattr(before, name), getattr(after, name)
        known = then is not None and now is not None and now >= then
        found[name] = float(now - then) if known else None
    return found


def reasons(stand: Stand, found: Mapping[str, float | None]) -> dict[str, str]:
    """Say by measure of what is written why there is no figure."""
    return {it: _reason(stand, it) for it in MEASURES if it in found and found[it] is None}


def _reason(stand: Stand, name: str) -> str:
    if not stand.local:
        return CONTAINED
    if name == "log_bytes" or stand.metadata_url:
        return SHRANK
    return NO_DATABASE if stand.orchestrator.setup.engine == "bare" else NO_POSTGRESQL


def tables(url: str) -> tuple[int, int, int]:
    """Return bytes on disk, bytes of values, and rows of all tables of a PostgreSQL database.

    Rows are counted, not estimated: every table is read, in one transaction.

    Raises:
        ConnectionError: the database does not answer, or refuses.

    """
    try:
        with psycopg.connect(url) as connection:
            found = connection.execute(TABLES).fetchall()
            if not found:
                return (0, 0, 0)
            sizes = connection.execute(SQL(" UNION ALL ").join(map(_asked, found))).fetchall()
    except psycopg.Error as error:
        raise ConnectionError(f"metadata database: {error}") from None
    disk, values, rows = (sum(int(row[column]) for row in sizes) for column in range(3))
    return disk, values, rows


def _asked(table: tuple[int, str, str]) -> Composed:
    oid, *name = table
    asked = "SELECT pg_total_relation_size({}), coalesce(sum(pg_column_size(t.*)), 0), count(*)"
    return SQL(asked + " FROM {} t").format(Literal(oid), Identifier(*name))


def log_bytes(directory: Path) -> int:
    """Return the size of all log files below an engine's directory."""
    return sum(_size(file) for file in _files(directory) if file.name != MIGRATION_LOG)


def _files(directory: Path) -> Iterable[Path]:
    for pattern in LOGS:
        yield from (f for f in directory.glob(pattern) if f.is_file() and not f.is_symlink())


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # rotated away meanwhile
        return 0
