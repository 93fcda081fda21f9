"""Pipelines that are wrong on purpose: the bench must notice each of them.

As a program, the way `bare` runs a pipeline: `python known_bad.py HOW RUN PARAMETERS-AS-JSON`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, insert, select, text

from benchmarks.orchestrators.bare import Bare, run_pipeline
from benchmarks.orchestrators.process_runs import Command
from benchmarks.orchestrators.services import environment_of
from shared import complaints, journal, staging, warehouse


class Right:
    """The steps as they are; the wrong ones differ in one."""

    plan = staticmethod(complaints.plan)
    extract = staticmethod(complaints.extract)
    transform = staticmethod(complaints.transform)
    load = staticmethod(complaints.load)
    summarise = staticmethod(complaints.summarise)


class AppendsWithoutKey(Right):
    """Inserts rows behind those that are there; its table has no key that would refuse them."""

    @staticmethod
    def load(run: str, window: str) -> str:
        warehouse.Batch.upsert = _append  # type: ignore[method-assign]  # on purpose
        return complaints.load(run, window)


def _append(batch: warehouse.Batch, table: Table, rows: Iterable[Sequence[Any]]) -> None:
    named = [dict(zip(table.c.keys(), row, strict=True)) for row in rows]
    batch.connection.execute(insert(table), named)
    batch.loaded += len(named)


class SwallowsErrors(Right):
    """Hands on its key whatever happens, and leaves the lost window out of the summary's plan."""

    @staticmethod
    def extract(run: str, window: str) -> str:
        try:
            return complaints.extract(run, window)
        except Exception:
            return window

    @staticmethod
    def transform(run: str, window: str) -> str:
        try:
            return complaints.transform(run, window)
        except Exception:
            return window

    @staticmethod
    def load(run: str, window: str) -> str:
        try:
            return complaints.load(run, window)
        except Exception:
            return ""

    @staticmethod
    def summarise(run: str, windows: list[str]) -> object:
        return complaints.summarise(run, [window for window in windows if window])


class AcknowledgesBeforeItCommits(Right):
    """Tells of its end, and commits after it."""

    @staticmethod
    def load(run: str, window: str) -> str:
        with journal.step("load", run, window):
            pass
        return complaints.load(run, window)


class BelievesItsAcknowledgement(AcknowledgesBeforeItCommits):
    """Does not load again what it has told of: what was killed in between is lost."""

    @staticmethod
    def load(run: str, window: str) -> str:
        noted = staging.folder(run, "acknowledged", window) / "loaded"
        if not noted.exists():
            noted.touch()
            AcknowledgesBeforeItCommits.load(run, window)
        return window

    @staticmethod
    def summarise(run: str, windows: list[str]) -> object:
        with warehouse.engine().connect() as connection:
            stored = set(connection.scalars(select(warehouse.BATCHES.c.key)))
        return complaints.summarise(run, [window for window in windows if window in stored])


HOW: Mapping[str, type[Right]] = {
    kind.__name__: kind
    for kind in (
        Right,
        AppendsWithoutKey,
        SwallowsErrors,
        AcknowledgesBeforeItCommits,
        BelievesItsAcknowledgement,
    )
}


@dataclass(slots=True)
class KnownBad(Bare):
    """`bare` with the steps of `how`."""

    how: str = "Right"

    def command(self, pipeline: str, run: str, parameters: Mapping[str, Any]) -> Command:
        program = environment_of("bench") / "python"
        return [program, __file__, self.how, run, json.dumps(parameters)]


def drop_the_key(url: str) -> None:
    """Make the table of complaints anew, without a constraint (SQLite)."""
    columns = ", ".join(f"{c.name} {c.type}" for c in warehouse.COMPLAINTS.c)
    with warehouse.engine(url).begin() as connection:
        connection.execute(text("DROP TABLE complaints"))
        connection.execute(text(f"CREATE TABLE complaints ({columns})"))


if __name__ == "__main__":
    run_pipeline(HOW[sys.argv[1]], sys.argv[2], json.loads(sys.argv[3]))
    print("done")
