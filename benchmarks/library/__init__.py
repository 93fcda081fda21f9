"""How fast the ETL library is: beside a bare floor, and beside dlt, in the same run.

Each contender is a program of its own process (`floor.py`, `ours.py`, `with_dlt.py`) that loads the
same days of complaints from the same source, and prints one line of JSON: seconds by phase, rows,
and its peak resident memory. Contenders take turns, so that drift of the machine hits all alike.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from benchmarks.model import Role
from benchmarks.orchestrators.postgres import Postgres
from benchmarks.orchestrators.services import (
    RUNS,
    Services,
    clean_environment,
    environment_of,
    free_port,
)
from benchmarks.source import client

HERE = Path(__file__).parent
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC).date()
PAGE_SIZE = 1000
CACHE_MB = 1024  # a repeated download must not be bound by the source's generation of pages
TIMEOUT_S = 1800

Run = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Load:
    """How much is loaded: complaints a day, and days."""

    per_day: int
    days: int

    @property
    def complaints(self) -> int:
        return self.per_day * self.days

    def windows(self) -> list[str]:
        """Return the days, as `YYYY-MM-DD`."""
        return [str(FIRST_DAY + timedelta(days=n)) for n in range(self.days)]


HUNDRED_THOUSAND = Load(10_000, 10)
A_MILLION = Load(20_000, 50)


def time_library(*, repetitions: int, million: bool, say: Callable[[str], None]) -> list[Run]:
    """Time floor, library and dlt on both warehouses, and the library on a million complaints."""
    place = RUNS / f"library-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"
    place.mkdir(parents=True)
    services, postgres = Services(place), Postgres(place / "postgres")
    try:
        postgres.start()
        found = _contest(place, services, postgres, repetitions, say)
        if million:
            found.append(_million(place, services, say))
        return found
    finally:
        services.stop_all(grace_s=0)
        postgres.stop()
        shutil.rmtree(place, ignore_errors=True)


def _contest(
    place: Path,
    services: Services,
    postgres: Postgres,
    repetitions: int,
    say: Callable[[str], None],
) -> list[Run]:
    source = _source(services, HUNDRED_THOUSAND)
    _contend("floor", HUNDRED_THOUSAND, source, f"sqlite:///{place / 'warm.db'}", place)
    found = []
    for repetition in range(1, repetitions + 1):
        for contender in ("floor", "ours", "dlt"):
            for warehouse in ("sqlite", "postgresql"):
                name = f"{contender}_{repetition}"
                url = f"sqlite:///{place / name}.db"
                if warehouse == "postgresql":
                    url = postgres.create(name)
                run = _contend(contender, HUNDRED_THOUSAND, source, url, place)
                found.append({"contender": contender, "warehouse": warehouse, **run})
                say(f"{contender:6} {warehouse:11} {run['seconds']['whole']:7.2f} s")
    services.stop("source", grace_s=0)
    return found


def _million(place: Path, services: Services, say: Callable[[str], None]) -> Run:
    source = _source(services, A_MILLION)
    run = _contend("ours", A_MILLION, source, f"sqlite:///{place / 'million.db'}", place)
    say(
        f"ours   a million   {run['seconds']['whole']:7.2f} s, {run['peak_rss_mb']:.0f} MB resident"
    )
    return {"contender": "ours", "warehouse": "sqlite", **run}


def _source(services: Services, load: Load) -> str:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    python = environment_of("bench") / "python"
    words = ["--port", port, "--complaints-per-day", load.per_day, "--cache-mb", CACHE_MB]
    services.start(
        "source",
        [python, "-m", "benchmarks.source", *map(str, words), "--today", "2026-06-01"],
        role=Role.CONTROL,
        environment={},
    )
    services.wait_until(lambda: client.ready(url), timeout_s=30, because="the source")
    return url


def _contend(contender: str, load: Load, source: str, warehouse: str, place: Path) -> Run:
    """Run one contender and return what it printed.

    Raises:
        RuntimeError: it failed, or its rows are not all there.

    """
    program = {"floor": "floor.py", "ours": "ours.py", "dlt": "with_dlt.py"}[contender]
    python = environment_of("dlt" if contender == "dlt" else "bench") / "python"
    staging = place / "staging"
    environment = {
        "ETL_SOURCE_URL": source,
        "ETL_WAREHOUSE_URL": warehouse,
        "ETL_STAGING_URL": staging.as_uri(),
        "ETL_PAGE_SIZE": str(PAGE_SIZE),
        "DLT_DATA_DIR": str(place / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }
    done = subprocess.run(
        [python, HERE / program, *load.windows()],
        env=clean_environment(environment),
        cwd=place,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    shutil.rmtree(staging, ignore_errors=True)
    shutil.rmtree(place / "dlt", ignore_errors=True)
    if done.returncode:
        raise RuntimeError(f"{contender} failed: {done.stderr.strip()[-2000:]}")
    run: Run = orjson.loads(done.stdout.splitlines()[-1])
    if run["rows"] != load.complaints:
        raise RuntimeError(f"{contender} loaded {run['rows']} rows of {load.complaints}")
    return {"complaints": load.complaints, **run}


def summary(found: Sequence[Run]) -> list[Mapping[str, Any]]:
    """Return a row for each contender, warehouse and size: medians, and ratios to the floor."""
    rows: list[Mapping[str, Any]] = []
    for cell in dict.fromkeys((r["contender"], r["warehouse"], r["complaints"]) for r in found):
        same = [r for r in found if (r["contender"], r["warehouse"], r["complaints"]) == cell]
        floor = [r for r in found if (r["contender"], r["warehouse"]) == ("floor", cell[1])]
        whole = median(r["seconds"]["whole"] for r in same)
        phases = {p: median(r["seconds"][p] for r in same) for p in same[0]["seconds"]}
        comparable = cell[2] == floor[0]["complaints"]
        ratio = whole / median(r["seconds"]["whole"] for r in floor) if comparable else None
        rows.append(
            {
                "contender": cell[0],
                "warehouse": cell[1],
                "complaints": cell[2],
                "n": len(same),
                "seconds": phases,
                "times_floor": ratio,
                "peak_rss_mb": max(r["peak_rss_mb"] for r in same),
            }
        )
    return rows


def save(folder: Path, found: Sequence[Run]) -> Path:
    """Keep the raw runs as JSON, and return the file."""
    file = folder / "library.json"
    content = {"host": socket.gethostname(), "page_size": PAGE_SIZE, "runs": list(found)}
    file.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    return file
