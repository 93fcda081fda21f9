"""The library as a step sees it, with a warehouse, staging and a journal of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from benchmarks.orchestrators import services
from benchmarks.orchestrators.postgres import Postgres, PostgresError
from shared import http, warehouse
from shared.config import settings

Configure = Callable[..., None]

# A machine at work on something else is slow, and a test that fails must fail again.
hypothesis.settings.register_profile(
    "shared",
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)
hypothesis.settings.load_profile("shared")


def forget() -> None:
    """Let the library read its environment anew."""
    if http.session.cache_info().currsize:
        http.session().close()
    for cached in (settings, http.session, warehouse.engine):
        cached.cache_clear()


@pytest.fixture(autouse=True)
def _no_live_call(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo

    def only_loopback(host, *more, **named):
        assert host in ("127.0.0.1", "localhost"), f"a test asked for {host}"
        return look_up(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", only_loopback)


@pytest.fixture(autouse=True)
def _engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a test left open in a warehouse."""
    made = []
    create = warehouse.create_engine
    monkeypatch.setattr(
        warehouse, "create_engine", lambda *a, **k: made.append(create(*a, **k)) or made[-1]
    )
    yield
    for engine in made:
        engine.dispose()


@pytest.fixture(autouse=True)
def configure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Configure]:
    """Return a function that sets variables; before it, all lies below the test's own folder."""
    for name in list(os.environ):
        if name.startswith("ETL_") or name in ("GITHUB_TOKEN", "YOUTUBE_API_KEY"):
            monkeypatch.delenv(name)

    def configured(**variables: object) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        forget()

    for name in ("journals", "holds"):
        (tmp_path / name).mkdir()
    configured(
        ETL_WAREHOUSE_URL=f"sqlite:///{tmp_path / 'warehouse.db'}",
        ETL_STAGING_URL=(tmp_path / "staging").as_uri(),
        ETL_JOURNAL=tmp_path / "journals",
        ETL_HOLDS=tmp_path / "holds",
        ETL_PAGE_SIZE=40,
    )
    yield configured
    forget()


@pytest.fixture
def served_by(source, configure):
    """Let the library ask the stand-in source, and return the source."""
    configure(ETL_SOURCE_URL=source.url)
    return source


@pytest.fixture(scope="session")
def _postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("postgres")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "RUNS", directory)  # other benches write down their guards, too
        server = Postgres(directory / "server")
        try:
            server.start()
        except PostgresError as error:
            pytest.skip(str(error))
        yield server.create("warehouse")
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest, configure: Configure) -> str:
    """Run a test on both warehouses, each empty."""
    if request.param == "postgresql":
        configure(ETL_WAREHOUSE_URL=request.getfixturevalue("_postgres"))
        warehouse.empty()
    return request.param


@pytest.fixture
def postgres_url(_postgres: str) -> str:
    """Return the URL of an empty warehouse on PostgreSQL."""
    warehouse.empty(_postgres)
    return _postgres
