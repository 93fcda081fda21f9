"""A place for trials without a campaign: the source of the tests, and SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import known_bad, setups
from benchmarks.orchestrators import bare, services
from benchmarks.stand import Stand
from shared import warehouse


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Write guards down in a folder of this test: other benches may run at the same time."""
    monkeypatch.setattr(services, "RUNS", tmp_path)
    return tmp_path


@pytest.fixture
def stand_of(source, runs: Path) -> Iterator[Callable[..., Stand]]:
    """Return a function that makes a stand of `bare`, or of a known-bad pipeline."""
    made: list[Stand] = []

    def stand(how: str = "") -> Stand:
        place, setup = runs / f"stand-{len(made)}", bare.SETUPS[0]
        there = known_bad.stand(how or "Right", setup, place, source.url)
        if not how:
            plain = setups.make(setup, there.orchestrator.surroundings)
            there = replace(there, orchestrator=plain)
        made.append(there)
        return there

    yield stand
    for each in made:
        each.orchestrator.stop()
        warehouse.engine(each.warehouse_url).dispose()


@pytest.fixture
def warehouse_url(tmp_path: Path) -> Iterator[str]:
    """Return the URL of an empty warehouse."""
    url = f"sqlite:///{tmp_path / 'warehouse.db'}"
    yield url
    warehouse.engine(url).dispose()
