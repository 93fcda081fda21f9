"""The floor: download, JSON decode and bulk insert, with nothing else. Arguments: the days."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import orjson
import psycopg
import requests

from benchmarks.library.usage import closing_line
from shared.config import settings

COLUMNS = (
    "complaint_id",
    "date_received",
    "date_sent_to_company",
    "product",
    "sub_product",
    "issue",
    "sub_issue",
    "company",
    "company_response",
    "company_public_response",
    "state",
    "zip_code",
    "submitted_via",
    "tags",
    "timely",
    "complaint_what_happened",
)


def pages(session: requests.Session, day: str) -> Iterator[list[dict[str, Any]]]:
    """Yield a day's hits, a page at a time."""
    params: dict[str, Any] = {
        "date_received_min": day,
        "date_received_max": day,
        "size": settings().page_size,
        "sort": "created_date_desc",
        "no_aggs": "true",
    }
    count, total = 0, 1
    while count < total:
        response = session.get(settings().base_url("complaints"), params=params, timeout=30)
        response.raise_for_status()
        found = orjson.loads(response.content)["hits"]
        yield found["hits"]
        count, total = count + len(found["hits"]), found["total"]["value"]
        params["search_after"] = "{}_{}".format(*found["hits"][-1]["sort"])


def main(days: list[str]) -> None:
    """Time the phases one after the other; each page is decoded once."""
    began = time.perf_counter()
    with requests.Session() as session:
        hits = [hit for day in days for page in pages(session, day) for hit in page]
    downloaded = time.perf_counter()
    rows = [tuple(map(hit["_source"].get, COLUMNS)) for hit in hits]
    decoded = time.perf_counter()
    insert(os.environ["ETL_WAREHOUSE_URL"], rows)
    ended = time.perf_counter()
    closing_line(
        len(rows),
        {
            "extract": downloaded - began,
            "transform": decoded - downloaded,
            "load": ended - decoded,
            "whole": ended - began,
        },
    )


def insert(url: str, rows: list[tuple[Any, ...]]) -> None:
    """Insert all rows in one transaction into a table without any key."""
    table = f"CREATE TABLE floor ({', '.join(f'{name} TEXT' for name in COLUMNS)})"
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database, database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute(table)
            marks = ", ".join("?" * len(COLUMNS))
            database.executemany(f"INSERT INTO floor VALUES ({marks})", rows)
        return
    with psycopg.connect(url) as connection:
        connection.execute(table.encode())
        with connection.cursor().copy("COPY floor FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


if __name__ == "__main__":
    main(sys.argv[1:])
