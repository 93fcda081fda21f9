"""The warehouse: the same tables on SQLite and PostgreSQL, filled by idempotent batches.

A batch is what one `load` step writes: rows, quarantined records and the batch's counts, in one
transaction. Loading it again gives the same warehouse. The counts say where every extracted record
went: `extracted = loaded + quarantined + superseded`.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    delete,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from shared import journal, shadow
from shared.config import settings
from shared.quarantine import Quarantined

METADATA = MetaData()

COMPLAINTS = Table(
    "complaints",
    METADATA,
    Column("complaint_id", BigInteger, primary_key=True, autoincrement=False),
    Column("date_received", Text, nullable=False),  # YYYY-MM-DD
    Column("date_sent_to_company", Text),
    Column("product", Text, nullable=False),
    Column("sub_product", Text),
    Column("issue", Text),
    Column("sub_issue", Text),
    Column("company", Text),
    Column("company_response", Text),
    Column("company_public_response", Text),
    Column("state", Text),
    Column("zip_code", Text),
    Column("submitted_via", Text),
    Column("tags", Text),
    Column("timely", Boolean),
    Column("narrative", Text),
)
COMPLAINT_SUMMARY = Table(
    "complaint_summary",
    METADATA,
    Column("day", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("state", Text, primary_key=True),  # "" where the complaint names none
    Column("complaints", Integer, nullable=False),
)
REPOSITORIES = Table(
    "repositories",
    METADATA,
    Column("day", Text, primary_key=True),
    Column("repository_id", BigInteger, primary_key=True, autoincrement=False),
    Column("full_name", Text, nullable=False),
    Column("stars", BigInteger, nullable=False),
    Column("forks", BigInteger, nullable=False),
    Column("open_issues", BigInteger, nullable=False),  # pull requests included, as GitHub counts
    Column("subscribers", BigInteger),
    Column("archived", Boolean, nullable=False),
    Column("language", Text),
    Column("license", Text),
)
CHANNELS = Table(
    "channels",
    METADATA,
    Column("day", Text, primary_key=True),
    Column("channel_id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("subscribers", BigInteger),  # null when the channel hides it
    Column("views", BigInteger, nullable=False),
    Column("videos", BigInteger, nullable=False),
    Column("country", Text),
)
VIDEOS = Table(
    "videos",
    METADATA,
    Column("day", Text, primary_key=True),
    Column("video_id", Text, primary_key=True),
    Column("channel_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("published_at", Text, nullable=False),
    Column("views", BigInteger),
    Column("likes", BigInteger),
    Column("comments", BigInteger),
)
QUARANTINE = Table(
    "quarantine",
    METADATA,
    Column("pipeline", Text, primary_key=True),
    Column("run", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("position", Integer, primary_key=True),  # among the records of the batch, from 1
    Column("reason", Text, nullable=False),
    Column("record", Text, nullable=False),  # as the source sent it, JSON
)
BATCHES = Table(
    "batches",
    METADATA,
    Column("pipeline", Text, primary_key=True),
    Column("run", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("extracted", Integer, nullable=False),
    Column("loaded", Integer, nullable=False),
    Column("quarantined", Integer, nullable=False),
    Column("superseded", Integer, nullable=False),
)
DATA_TABLES: Mapping[str, tuple[Table, ...]] = {
    "complaints": (COMPLAINTS, COMPLAINT_SUMMARY),
    "github_stats": (REPOSITORIES,),
    "youtube_stats": (CHANNELS, VIDEOS),
}
BUSY_S = 30  # how long a writer of SQLite waits for another
CHUNK_ROWS = 5000


class WarehouseError(Exception):
    """The warehouse refuses what it is asked to do; the message says what and why."""


class BalanceError(WarehouseError):
    """A record that was extracted is neither loaded nor quarantined nor superseded."""


class IncompleteError(WarehouseError):
    """A batch that was planned is not in the warehouse."""


@dataclass(frozen=True, slots=True)
class Balance:
    """Where the extracted records of some batches went."""

    extracted: int
    loaded: int
    quarantined: int
    superseded: int

    @property
    def holds(self) -> bool:
        return self.extracted == self.loaded + self.quarantined + self.superseded

    def __str__(self) -> str:
        sign = "=" if self.holds else "≠"
        return (
            f"{self.extracted} extracted {sign} {self.loaded} loaded"
            f" + {self.quarantined} quarantined + {self.superseded} superseded"
        )


@cache
def engine(url: str = "") -> Engine:
    """Return this process's engine for a warehouse, whose tables exist afterwards.

    `postgresql://` means psycopg 3. SQLite is put in WAL mode, and a writer waits for another.
    """
    try:
        parsed = make_url(url or settings().warehouse_url)
    except (ArgumentError, ValueError):
        raise WarehouseError("warehouse: ETL_WAREHOUSE_URL is not a database URL") from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise WarehouseError(
            f"warehouse: {parsed.get_backend_name()} is not supported; use sqlite:///FILE"
            " or postgresql://USER@HOST:PORT/DATABASE in ETL_WAREHOUSE_URL"
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    server = parsed.get_backend_name() != "sqlite"
    made = create_engine(parsed, pool_pre_ping=server, connect_args=_patience() if server else {})
    if not server:
        event.listen(made, "connect", _configure_sqlite)
    create_tables(made)
    return made


def _patience() -> dict[str, int]:
    """Return for how long a server may be silent.

    By default a connection whose other end has lost its network is waited for a quarter of an hour.
    """
    timeout_s = settings().timeout_s
    return {
        "connect_timeout": max(2, round(timeout_s)),  # s; 2 is the least
        "tcp_user_timeout": round(1000 * timeout_s),  # ms that what was sent is not acknowledged
        "keepalives_idle": max(1, round(timeout_s)),  # s of waiting before it is asked
    }


def _configure_sqlite(connection: Any, _: object) -> None:
    connection.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000}")
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = NORMAL")  # what SQLite advises for WAL


def _write_ahead(connection: Any) -> None:
    """Put the file in WAL mode, waiting while another process does.

    Two that switch a new file at the same time would wait for each other's lock: SQLite tells one
    of them that the file is locked at once, whatever its busy time-out.
    """
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            code = error.sqlite_errorcode & 0xFF  # what is above says more about it
            if code != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def create_tables(warehouse: Engine) -> None:
    """Create what is missing; safe when several processes do so at the same time."""
    with warehouse.begin() as connection:
        if warehouse.dialect.name == "postgresql":
            # CREATE TABLE IF NOT EXISTS of two sessions can collide in the catalogue.
            connection.execute(text("SELECT pg_advisory_xact_lock(7264)"))
            METADATA.create_all(connection)
        else:
            for table in METADATA.sorted_tables:
                connection.execute(_create_if_missing(table))
        if settings().shadow:
            shadow.create(connection)


def _create_if_missing(table: Table) -> Any:
    from sqlalchemy.schema import CreateTable

    return CreateTable(table, if_not_exists=True)


@contextmanager
def batch(pipeline: str, run: str, key: str, *, extracted: int, superseded: int) -> Iterator[Batch]:
    """Open the transaction of one batch; its counts are stored when it closes, then it commits.

    Raises:
        BalanceError: the counts do not add up; nothing of the batch is kept.

    """
    with engine().begin() as connection:
        opened = Batch(connection, pipeline, run, key, shadow.noted(run))
        yield opened
        counts = Balance(extracted, opened.loaded, opened.quarantined, superseded)
        if not counts.holds:
            raise BalanceError(f"{pipeline} {key} of run {run}: {counts}")
        connection.execute(
            _upsert(connection, BATCHES),
            {
                "pipeline": pipeline,
                "run": run,
                "key": key,
                "extracted": counts.extracted,
                "loaded": counts.loaded,
                "quarantined": counts.quarantined,
                "superseded": counts.superseded,
            },
        )
        journal.point("written", run, "load", key)  # all is there, and nothing is committed
        if opened.noted is not None:
            opened.noted.store(connection)  # last: it says when the rows were written


@dataclass(slots=True)
class Batch:
    """The open transaction of a batch."""

    connection: Connection
    pipeline: str
    run: str
    key: str
    noted: shadow.Noted | None = None
    loaded: int = 0
    quarantined: int = 0

    def upsert(self, table: Table, rows: Iterable[Sequence[Any]]) -> None:
        """Insert rows, in the table's column order, and replace those whose key is there.

        No two of the rows may share a key.
        """
        if self.noted is not None:
            rows = self.noted.passing(table, rows)
        self.loaded += bulk_upsert(self.connection, table, rows)

    def quarantine(self, records: Iterable[Quarantined]) -> None:
        """Replace what this batch had put aside by these records."""
        mine = (QUARANTINE.c.pipeline == self.pipeline) & (QUARANTINE.c.run == self.run)
        self.connection.execute(delete(QUARANTINE).where(mine & (QUARANTINE.c.key == self.key)))
        rows = [
            (self.pipeline, self.run, self.key, r.position, r.reason, r.record) for r in records
        ]
        self.quarantined += bulk_upsert(self.connection, QUARANTINE, rows)


def bulk_upsert(connection: Connection, table: Table, rows: Iterable[Sequence[Any]]) -> int:
    """Upsert rows by the dialect's fast way and return how many there were."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return 0
    if connection.dialect.name == "postgresql":
        return _copy(connection, table, chain([first], rows))
    return _executemany(connection, table, chain([first], rows))


def _executemany(connection: Connection, table: Table, rows: Iterable[Sequence[Any]]) -> int:
    statement = str(_upsert(connection, table).compile(dialect=sqlite.dialect(paramstyle="qmark")))
    cursor: Any = connection.connection.cursor()
    cursor.executemany(statement, rows)
    return int(cursor.rowcount)


def _copy(connection: Connection, table: Table, rows: Iterable[Sequence[Any]]) -> int:
    """COPY into a staging table that ends with the transaction, then one INSERT … ON CONFLICT."""
    staging = f"staging_{table.name}"
    names = [column.name for column in table.c]
    columns = ", ".join(names)
    cursor = connection.connection.cursor()
    cursor.execute(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {staging} (LIKE {table.name}) ON COMMIT DROP"
    )
    cursor.execute(f"TRUNCATE {staging}")
    with cursor.copy(f"COPY {staging} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    count = int(cursor.rowcount)
    source = select(*(text(c) for c in names)).select_from(text(staging))
    statement = _on_conflict(postgresql.insert(table).from_select(names, source), table)
    connection.execute(statement)
    return count


def _upsert(connection: Connection, table: Table) -> Any:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return _on_conflict(dialect.insert(table), table)


def _on_conflict(statement: Any, table: Table) -> Any:
    keys = [column.name for column in table.primary_key]
    values = {c.name: statement.excluded[c.name] for c in table.c if c.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=values)


def balance(pipeline: str, run: str, url: str = "") -> Balance:
    """Add up a run's stored batches; quarantined records are counted where they lie."""
    with engine(url).connect() as connection:
        mine = (BATCHES.c.pipeline == pipeline) & (BATCHES.c.run == run)
        sums = [
            func.coalesce(func.sum(BATCHES.c[name]), 0)
            for name in ("extracted", "loaded", "superseded")
        ]
        extracted, loaded, superseded = connection.execute(select(*sums).where(mine)).one()
        aside = (QUARANTINE.c.pipeline == pipeline) & (QUARANTINE.c.run == run)
        quarantined = connection.scalar(select(func.count()).where(aside)) or 0
    return Balance(int(extracted), int(loaded), int(quarantined), int(superseded))


def settle(pipeline: str, run: str, keys: Sequence[str]) -> Balance:
    """Check that every planned batch of a run is in the warehouse and adds up; return the sum.

    Raises:
        IncompleteError: a planned key has no batch.
        BalanceError: the stored counts do not add up.

    """
    with engine().connect() as connection:
        mine = (BATCHES.c.pipeline == pipeline) & (BATCHES.c.run == run)
        stored = set(connection.scalars(select(BATCHES.c.key).where(mine)))
    missing = [key for key in keys if key not in stored]
    if missing:
        raise IncompleteError(f"{pipeline} run {run}: nothing was loaded for {', '.join(missing)}")
    counts = balance(pipeline, run)
    if not counts.holds:
        raise BalanceError(f"{pipeline} run {run}: {counts}")
    return counts


def rows(table: Table, url: str = "") -> Iterator[dict[str, Any]]:
    """Return a table's rows in the order of its key, as the same Python values on both dialects."""
    with engine(url).connect() as connection:
        for row in connection.execute(select(table).order_by(*table.primary_key)).mappings():
            yield dict(row)


def content_hash(pipeline: str, url: str = "") -> str:
    """Return a hash of what a pipeline's tables hold: SHA-256, 64 hexadecimal digits.

    The same rows give the same hash on SQLite and PostgreSQL, in whatever order they came.
    """
    digest = hashlib.sha256()
    for table in DATA_TABLES[pipeline]:
        lines = sorted(orjson.dumps(list(row.values())) for row in rows(table, url))
        digest.update(table.name.encode())
        for line in lines:
            digest.update(line)
    return digest.hexdigest()


def empty(url: str = "") -> None:
    """Delete every row of every table."""
    with engine(url).begin() as connection:
        for table in METADATA.sorted_tables:
            connection.execute(delete(table))
        shadow.empty(connection)
