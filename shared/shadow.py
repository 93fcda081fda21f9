"""The shadow table: one row for each row that an attempt wrote, so that no upsert hides a write.

It has no constraint, and is filled in the transaction that writes the rows: what was rolled back is
not in it. It exists only where `ETL_SHADOW` is true; otherwise nothing is noted.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Double,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
)
from sqlalchemy.schema import CreateTable

from shared.config import settings

METADATA = MetaData()
WRITES = Table(
    "writes",
    METADATA,
    Column("run", Text, nullable=False),
    Column("table_name", Text, nullable=False),
    Column("key", Text, nullable=False),  # the values of the table's key, as a JSON array
    Column("host", Text, nullable=False),  # the writer's, with its pid
    Column("pid", Integer, nullable=False),
    Column("at", Double, nullable=False),  # s of the journal's clock, just before the commit
)


@dataclass(frozen=True, slots=True)
class Write:
    """One row that an attempt wrote. `at` is `time.monotonic()` in seconds, as in the journal."""

    run: str
    table_name: str
    key: str
    host: str
    pid: int
    at: float


@dataclass(slots=True)
class Noted:
    """What a transaction has written so far; stored by `store` at its end."""

    run: str
    keys: list[tuple[str, str]] = field(default_factory=list)  # table and key

    def passing(self, table: Table, rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        """Note rows, which have the table's column order, while they pass."""
        places = [n for n, column in enumerate(table.c) if column.primary_key]
        for row in rows:
            self.keys.append((table.name, key_of([row[n] for n in places])))
            yield row

    def store(self, connection: Connection) -> None:
        """Write down what was noted, as of now: a commit must follow at once."""
        if not self.keys:
            return
        writer = {"run": self.run, "host": socket.gethostname(), "pid": os.getpid()}
        at = time.monotonic()
        connection.execute(
            insert(WRITES),
            [{**writer, "table_name": table, "key": key, "at": at} for table, key in self.keys],
        )


def noted(run: str) -> Noted | None:
    """Return what notes the rows that a transaction of a run writes; None without `ETL_SHADOW`."""
    return Noted(run) if settings().shadow else None


def note(connection: Connection, run: str, table: Table, where: ColumnElement[bool]) -> None:
    """Write down that the rows of a condition were written by a statement of this transaction."""
    made = noted(run)
    if made is None:
        return
    for _ in made.passing(table, connection.execute(select(table).where(where))):
        pass
    made.store(connection)


def key_of(values: Sequence[Any]) -> str:
    """Return the values of a row's key as the text by which the shadow table knows it."""
    return orjson.dumps(list(values)).decode()


def create(connection: Connection) -> None:
    """Create the table, if it is missing."""
    connection.execute(CreateTable(WRITES, if_not_exists=True))


def empty(connection: Connection) -> None:
    """Delete every row, where there is the table."""
    if inspect(connection).has_table(WRITES.name):
        connection.execute(delete(WRITES))


def writes(warehouse: Engine, run: str) -> list[Write]:
    """Return what the attempts of a run have written and committed, in the order of the clock.

    With it, what another run wrote that was asked for beside it: its name is this one's and more.
    """
    mine = (WRITES.c.run == run) | WRITES.c.run.startswith(f"{run}-", autoescape=True)
    with warehouse.connect() as connection:
        found = connection.execute(select(WRITES).where(mine).order_by(WRITES.c.at))
        return [Write(**row) for row in found.mappings()]
