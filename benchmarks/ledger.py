"""The ledger of a trial: the warehouse held against the source's ground truth, row by row.

What attempts wrote on the way there is in the shadow table, where a campaign asks for one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Table, func, select

from benchmarks.model import FINAL, Ledger
from benchmarks.workloads import Expected
from shared import shadow, warehouse
from shared.journal import Event
from shared.shadow import Write

Row = tuple[tuple[str, Any], ...]
Key = tuple[str, str]  # table, and the row's key as the shadow table has it


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


def with_writes(
    taken: Ledger, right: set[Key], writes: Sequence[Write], history: Sequence[Event]
) -> Ledger:
    """Add what the shadow table tells; `right` are the rows that are present as they should be.

    Late is what the run itself wrote: one that was asked for beside it may end behind it.
    """
    firsts: dict[Key, float] = {}
    for write in writes:
        firsts.setdefault((write.table_name, write.key), write.at)
    fault = next((e.at for e in history if e.kind == "fault_injected"), None)
    ended = next((e.at for e in history if e.kind == "ended" and e.detail in FINAL), None)
    return replace(
        taken,
        written=len(writes),
        wasted=len(writes) - len(firsts),
        recovered=_after(fault, (firsts[key] for key in right & firsts.keys())),
        late=_after(ended, (write.at for write in writes if write.run == history[0].run)),
    )


def _after(moment: float | None, ats: Iterable[float]) -> int | None:
    return None if moment is None else sum(at > moment for at in ats)


def right_rows(pipeline: str, truth: Expected, url: str) -> set[Key]:
    """Return the expected rows that the warehouse holds, by table and key."""
    return {
        (table.name, shadow.key_of([row[c.name] for c in table.primary_key]))
        for table in warehouse.DATA_TABLES[pipeline]
        for wanted in [set(map(_row, truth.rows[table.name]))]
        for row in warehouse.rows(table, url)
        if _row(row) in wanted
    }


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
