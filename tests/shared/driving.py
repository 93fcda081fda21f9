"""The steps of a pipeline one after the other, and other processes that run them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import func, select

from benchmarks.orchestrators import services
from shared import journal, warehouse
from shared.config import settings

DEADLINE_S = 30.0
DAY = "2026-01-05"


def drive(steps: Any, run: str, *keys: str) -> warehouse.Balance:
    """Take every key through all steps, and return where the records went."""
    for key in keys:
        steps.load(run, steps.transform(run, steps.extract(run, key)))
    return steps.summarise(run, keys)


def events(run: str) -> list[tuple[str, str, str]]:
    """Return kind, step and key of what a run journalled."""
    file = journal.path(settings().journal, run)
    return [(e.kind, e.step, e.key) for e in journal.read(file)]


def until(true: Callable[[], object]) -> None:
    """Ask until something is true, and fail at a deadline."""
    services.wait_until(
        lambda: bool(true()),
        timeout_s=DEADLINE_S,
        because="what the test waits for",
        poll_s=0.01,
    )


def python(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a program in the environment of the test."""
    return subprocess.Popen([sys.executable, "-c", code, *arguments])


def module(name: str, *options: object) -> subprocess.Popen[str]:
    """Start a module as a program whose output is read."""
    command = [sys.executable, "-m", name, *map(str, options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def together(code: str, lines: Sequence[Sequence[str]]) -> list[int]:
    """Run a program at once with each line of arguments, and return how each ended."""
    started = [python(code, *line) for line in lines]
    return [process.wait(timeout=60) for process in started]


def count(table: Any) -> int:
    """Return how many rows a table of the warehouse holds."""
    with warehouse.engine().connect() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def loaded(pipeline: str) -> int:
    """Return how many rows of records a pipeline's tables hold, summaries left out."""
    tables = warehouse.DATA_TABLES[pipeline]
    return sum(count(table) for table in tables if table is not warehouse.COMPLAINT_SUMMARY)
