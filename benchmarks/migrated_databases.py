"""Metadata databases that are migrated already: what a start would otherwise do again each time.

They are made once for a set of locks, on an embedded server whose data the next ones begin with.
Dagster is not among them: it creates its tables within a second of its start.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.orchestrators import airflow, prefect
from benchmarks.orchestrators.postgres import Postgres
from benchmarks.orchestrators.services import ROOT, RUNS, environment_of

Migrate = Callable[[str, Path], None]  # URL of an empty database, an empty directory
MIGRATIONS: Mapping[str, Migrate] = {"airflow": airflow.migrate, "prefect": prefect.migrate}


def server() -> Path:
    """Return the saved server whose databases are migrated; the first call makes it (20 s)."""
    place = RUNS / f"databases-{_fingerprint()}"
    if not place.exists():
        print("setup: metadata databases", file=sys.stderr)
        _make(place)
    return place


def template(engine: str) -> str:
    """Return the name of the database on that server that an engine's own is a copy of."""
    return f"new_{engine}" if engine in _engines() else "template1"


def migrated(engine: str) -> bool:
    """Whether an engine's copy needs no migration."""
    return engine in _engines()


def _engines() -> list[str]:
    return [engine for engine in MIGRATIONS if _installed(engine)]


def _installed(engine: str) -> bool:
    try:
        environment_of(engine)
    except FileNotFoundError:
        return False
    return True


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for name in ("bench", *_engines()):
        digest.update((ROOT / "requirements" / f"{name}.txt").read_bytes())
    return digest.hexdigest()[:12]


def _make(place: Path) -> None:
    work = place.with_name(f"{place.name}-making")
    shutil.rmtree(work, ignore_errors=True)
    postgres = Postgres(work / "postgres")
    try:
        postgres.start()
        for engine in _engines():
            (work / engine).mkdir(parents=True)
            MIGRATIONS[engine](postgres.create(template(engine)), work / engine)
        postgres.stop()
        postgres.save(place)
    finally:
        postgres.stop()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":  # what `make setup` ends with
    server()
