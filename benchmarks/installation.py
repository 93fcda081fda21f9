"""What installing an engine takes: packages, bytes on disk, and seconds.

Size and packages are read from the environments that are there. Seconds need an installation of
their own, into an environment that is thrown away: first with an empty package cache, so that all
is downloaded, then again from the cache that this has filled.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import distributions
from pathlib import Path

import orjson

from benchmarks import migrated_databases
from benchmarks.orchestrators.postgres import Postgres
from benchmarks.orchestrators.services import ROOT, RUNS, environment_of

FILE = "installation.json"  # beside the results
OURS = "orchestrators-side-by-side"  # installed in each environment, editable
UV = ROOT / ".venvs" / "tools" / "bin" / "uv"
INSTALL_S = 1800.0


@dataclass(frozen=True, slots=True)
class Installation:
    """One engine's environment; the seconds are None when it was not installed again.

    `packages` are those of the lock, the library's own ones included, this project not. `bytes` is
    the size of all files, compiled modules included, one with several names once; the Python
    interpreter itself is not in it. Engines add files to an environment when they are used, so that
    of one that was just installed is smaller. `migration_s` is what creating the tables of an empty
    PostgreSQL metadata database takes, None where the engine's first start does that.
    """

    engine: str
    packages: int
    bytes: int
    files: int
    cold_s: float | None = None
    warm_s: float | None = None
    migration_s: float | None = None


def installed(engines: Iterable[str]) -> list[Installation]:
    """Read the environments of these engines; one without an environment is left out."""
    return [it for engine in engines if (it := _installed(engine)) is not None]


def _installed(engine: str) -> Installation | None:
    try:
        environment = environment_of(engine).parent
    except FileNotFoundError:
        return None
    return Installation(engine, packages(environment), *size(environment))


def packages(environment: Path) -> int:
    """Count the packages of an environment, this project left out."""
    folders = [str(it) for it in environment.glob("lib/python*/site-packages")]
    return len({it.name for it in distributions(path=folders)} - {OURS})


def size(folder: Path) -> tuple[int, int]:
    """Return bytes and count of the files below a folder: no links, each file once."""
    found = {(it.st_dev, it.st_ino): it.st_size for it in _files(folder)}
    return sum(found.values()), len(found)


def _files(folder: Path) -> Iterator[os.stat_result]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            elif not entry.is_symlink():
                yield entry.stat(follow_symlinks=False)


def timed(found: Iterable[Installation], say: Callable[[str], None]) -> list[Installation]:
    """Install each engine twice into environments that are thrown away, and time it.

    Raises:
        RuntimeError: an installation failed; the message quotes its end.

    """
    return [_timed(it, say) for it in found]


def _timed(it: Installation, say: Callable[[str], None]) -> Installation:
    say(f"{it.engine}: installing, package cache empty ...")
    RUNS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=RUNS, prefix="installation-") as name:
        place = Path(name)
        cold = install_s(it.engine, place / "cold", place / "cache")
        on_disk, files = size(place / "cold")
        say(f"{it.engine}: {cold:.1f} s; again, from the cache ...")
        warm = install_s(it.engine, place / "warm", place / "cache")
    say(f"{it.engine}: {warm:.1f} s")
    migrated = migration_s(it.engine)
    return replace(it, bytes=on_disk, files=files, cold_s=cold, warm_s=warm, migration_s=migrated)


def install_s(engine: str, environment: Path, cache: Path) -> float:
    """Install an engine's lock as `make setup` does, and return the seconds.

    Raises:
        RuntimeError: it failed; the message quotes its end.

    """
    lock = ROOT / "requirements" / f"{engine}.txt"
    exact = ("--require-hashes", "--no-deps", "--compile-bytecode", "-r", str(lock))
    began = time.monotonic()
    _uv("venv", "--quiet", "--python", sys.executable, str(environment), cache=cache)
    _uv("pip", "install", "--quiet", "--python", str(environment), *exact, cache=cache)
    return time.monotonic() - began


def _uv(*words: str, cache: Path) -> None:
    if not UV.exists():
        raise RuntimeError("uv is not installed: run `make setup`")
    done = subprocess.run(
        [str(UV), *words, "--cache-dir", str(cache)],
        env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"},
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
    )
    if done.returncode:
        raise RuntimeError(f"uv {words[0]} failed: {done.stderr.strip()[-1000:]}")


def migration_s(engine: str) -> float | None:
    """Return how long an engine takes to create its tables in an empty database."""
    migrate = migrated_databases.MIGRATIONS.get(engine)
    if migrate is None:
        return None
    with _server() as (server, place):
        began = time.monotonic()
        migrate(server.create("empty"), place)
        return time.monotonic() - began


@contextmanager
def _server() -> Iterator[tuple[Postgres, Path]]:
    place = Path(tempfile.mkdtemp(dir=RUNS, prefix="installation-"))
    server = Postgres(place / "postgres")
    try:
        server.start()
        yield server, place
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)


def save(folder: Path, found: Iterable[Installation]) -> Path:
    """Keep what was found beside the results, in place of what is there; return the file."""
    file = folder / FILE
    file.write_bytes(orjson.dumps([asdict(it) for it in found], option=orjson.OPT_INDENT_2))
    return file


def load(folder: Path) -> Mapping[str, Installation]:
    """Return what was kept beside the results, by engine; older results have nothing.

    Raises:
        ValueError: the file is not what `save` writes.

    """
    file = folder / FILE
    if not file.exists():
        return {}
    try:
        found = [Installation(**it) for it in orjson.loads(file.read_bytes())]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file}: not what `bench installation` writes: {error}") from None
    return {it.engine: it for it in found}
