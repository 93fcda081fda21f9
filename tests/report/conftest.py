"""Two made-up campaigns and their reports, built once for all tests of the report."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import made_up
import pytest

from benchmarks import report
from benchmarks.model import Result


@dataclasses.dataclass(frozen=True)
class Campaign:
    root: Path
    folder: Path
    results: list[Result]

    @property
    def html(self) -> str:
        return (self.folder / "report.html").read_text(encoding="utf-8")

    @property
    def markdown(self) -> str:
        return (self.folder / "report.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def overhead(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """Return a campaign of synthetic workloads alone, and its report."""
    root = tmp_path_factory.mktemp("overhead")
    folder = root / "results" / "20261122T100000Z-made-up-host"
    results = made_up.write_overhead(folder)
    report.build(folder, root)
    return Campaign(root, folder, results)


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    root = tmp_path_factory.mktemp("project")
    folder = root / "results" / "20261122T090000Z-made-up-host"
    results = made_up.write(folder)
    for package in ("prefect_impl", "airflow_dags"):
        (root / package).mkdir()
        source = f'"""Orchestrate <{package}>."""\n\n# why\ndef flow() -> None:\n    print(1)\n'
        (root / package / "complaints.py").write_text(source, encoding="utf-8")
    report.build(folder, root)
    return Campaign(root, folder, results)
