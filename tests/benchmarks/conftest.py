"""A place for trials without a campaign: the source of the tests, and SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from known_bad import KnownBad

from benchmarks import setups, workloads
from benchmarks.model import Setup, Surroundings
from benchmarks.orchestrators import bare, services
from benchmarks.runner import Stand
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
        place = runs / f"stand-{len(made)}"
        for name in ("journals", "holds", "staging", "engine"):
            (place / name).mkdir(parents=True)
        url = f"sqlite:///{place / 'warehouse.db'}"
        surroundings = Surroundings(place / "engine", "", {
            "ETL_SOURCE_URL": source.url,
            "ETL_WAREHOUSE_URL": url,
            "ETL_STAGING_URL": (place / "staging").as_uri(),
            "ETL_JOURNAL": str(place / "journals"),
            "ETL_HOLDS": str(place / "holds"),
            "ETL_PAGE_SIZE": str(workloads.PAGE_SIZE),
        })  # fmt: skip
        setup: Setup = bare.SETUPS[0]
        engine = KnownBad(setup, surroundings, how=how) if how else setups.make(setup, surroundings)
        made.append(
            Stand(
                orchestrator=engine,
                source_url=source.url,
                warehouse_url=url,
                journals=place / "journals",
                holds=place / "holds",
                staging=place / "staging",
            )
        )
        return made[-1]

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
