"""Short ways to ask the three APIs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from benchmarks.source.page import PATH

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "data" / "cfpb"

Ask = Callable[..., requests.Response]


@pytest.fixture
def get(source_url: str) -> Iterator[Ask]:
    """Return a function that gets a path from the source."""
    with requests.Session() as session:
        session.headers["Accept"] = "application/json"

        def ask(
            path: str, headers: dict[str, Any] | None = None, **query: Any
        ) -> requests.Response:
            url = source_url + path
            return session.get(url, params=query, headers=headers, timeout=5, allow_redirects=False)

        yield ask


@pytest.fixture
def search(get: Ask) -> Ask:
    """Return a function that searches complaints; by default newest first, of one day."""

    def ask(**query: Any) -> requests.Response:
        newest = {"sort": "created_date_desc", "no_aggs": "true", "size": 10}
        day = {"date_received_min": "2026-01-05", "date_received_max": "2026-01-05"}
        asked = {k: v for k, v in {**newest, **day, **query}.items() if v is not None}
        return get(PATH, **asked)

    return ask


@pytest.fixture
def repo(get: Ask) -> Ask:
    """Return a function that asks for a repository."""
    return lambda name, **headers: get(f"/github/repos/{name}", headers=headers)


@pytest.fixture
def youtube(get: Ask) -> Ask:
    """Return a function that calls a list method."""
    return lambda method, **query: get(f"/youtube/v3/{method}", **{"key": "k", **query})


@pytest.fixture(scope="session")
def recorded_pages() -> Path:
    """Return the folder of recorded complaint pages."""
    folder = Path(os.environ.get("ETL_RECORDED_PAGES", RECORDED))
    if not (folder / "search-page-1.json").exists():
        pytest.skip("no recorded pages: ETL_RECORDED_PAGES names no folder with search-page-1.json")
    return folder
