"""The ledger of a trial: the warehouse held against the source's ground truth, row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, func, select

from benchmarks.model import Ledger
from benchmarks.workloads import Expected
from shared import warehouse

Row = tuple[tuple[str, Any], ...]


def take(pipeline: str, run: str, truth: Expected, *, url: str, requests: int) -> Ledger:
    """Compare the warehouse at `url` with the truth; the warehouse was empty before the run."""
    lost = unexpected = duplicated = present = 0
    for table in warehouse.DATA_TABLES[pipeline]:
        wanted = Counter(map(_row, truth.rows[table.name]))
        found = Counter(map(_row, warehouse.rows(table, url)))
        lost += sum((wanted - found).values())
        duplicated += _doubled(table, url)
        unexpected += len(set(found) - set(wanted))
        present += sum(found.values())
    counts = warehouse.balance(pipeline, run, url)
    return Ledger(
        expected=sum(len(rows) for rows in truth.rows.values()),
        present=present,
        lost=lost,
        unexpected=unexpected,
        duplicated=duplicated,
        quarantined=counts.quarantined,
        balance=counts.holds and counts.quarantined == truth.quarantined,
        digest=warehouse.content_hash(pipeline, url),
        requests=requests,
    )


def _row(values: Mapping[str, Any]) -> Row:
    return tuple(sorted(values.items()))


def _doubled(table: Table, url: str) -> int:
    """Return how many rows stand beside another of the same key, were there no constraint."""
    keys: Sequence[Any] = list(table.primary_key)
    many = (
        select(func.count().label("n"))
        .select_from(table)
        .group_by(*keys)
        .having(func.count() > 1)
        .subquery()
    )
    with warehouse.engine(url).connect() as connection:
        return int(connection.scalar(select(func.coalesce(func.sum(many.c.n - 1), 0))) or 0)
