"""The stand-in source as a process of its own, for every test that wants one.

Only the standard library and `requests` are imported, so that this file loads in each environment.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.source import client

ROOT = Path(__file__).resolve().parents[1]
BENCH_PYTHON = ROOT / ".venvs" / "bench" / "bin" / "python"
SEED, TODAY, PER_DAY = 7, "2026-01-15", 100


@dataclass(frozen=True, slots=True)
class RunningSource:
    """A source that takes requests, and what its ground truth is made of."""

    url: str
    pid: int
    seed: int = SEED
    today: str = TODAY
    per_day: int = PER_DAY


def start_source(*options: str) -> tuple[subprocess.Popen[str], str]:
    """Start a source on a free port and return its process and address, once it is ready."""
    # tests of an engine run in that engine's environment, which has no web server for the source
    python = str(BENCH_PYTHON) if BENCH_PYTHON.exists() else sys.executable
    process = subprocess.Popen(
        [python, "-m", "benchmarks.source", "--port", "0", "--die-with-parent", *options],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={k: v for k, v in os.environ.items() if k != "SOURCE_CONTROL_TOKEN"},
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith("source: http"):
        stop_source(process)
        raise RuntimeError(f"the source did not start; it said: {line!r}")
    return process, line.removeprefix("source: ").strip()


def stop_source(process: subprocess.Popen[str]) -> None:
    """End a source that this session started."""
    if process.poll() is None:
        os.kill(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


@pytest.fixture(scope="session")
def _source_of_the_session() -> Iterator[RunningSource]:
    process, url = start_source(
        "--seed", str(SEED), "--today", TODAY, "--complaints-per-day", str(PER_DAY)
    )
    yield RunningSource(url, process.pid)
    stop_source(process)


@pytest.fixture
def source(_source_of_the_session: RunningSource) -> RunningSource:
    """Return the source, without faults and with nothing served."""
    client.reset(_source_of_the_session.url)
    return _source_of_the_session


@pytest.fixture
def source_url(source: RunningSource) -> str:
    """Return the address of the source, for `ETL_SOURCE_URL`."""
    return source.url
