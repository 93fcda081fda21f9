"""Recorded pages of the complaints API as a workload, with a truth of their own."""

from __future__ import annotations

from pathlib import Path

from benchmarks.model import Workload
from benchmarks.source import truth
from benchmarks.workloads import Expected, expected_of


def workload(folder: Path) -> Workload:
    """Return the workload of the recorded day windows.

    Raises:
        FileNotFoundError: the folder holds no recorded page.

    """
    rows = truth.recorded(folder)
    if not rows:
        raise FileNotFoundError(f"no search-page-*.json in {folder}")
    days = sorted({row["date_received"] for row in rows})
    return Workload("recorded", "complaints", {"start": days[0], "end": days[-1]}, tuple(days))


def expected(folder: Path) -> Expected:
    """Return what the warehouse must hold after the recorded windows."""
    return expected_of(truth.recorded(folder))
