"""Measure each stack from nothing, for the README's table: `PYTHONPATH=. python docker/measure.py`.

Removes the project's containers and volumes before and after each stack.
"""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import dataclass

from benchmarks.compose import LOGINS, PORTS, StackError, Stacks, docker

IDLE_S = 30.0  # after the first run, before memory is read
MB = 1e6
UNITS = {"B": 1, "kB": 1e3, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "MB": 1e6, "GB": 1e9}


@dataclass(frozen=True, slots=True)
class Measured:
    """One row of the table. Memory: the engine's own containers, its database included."""

    engine: str
    services: int
    ready_s: float  # `up` with the images there, to every service healthy
    first_run_s: float  # ... to the end of the first run of the three pipelines
    idle_mb: float
    image_mb: float
    address: str


def size_bytes(text: str) -> float:
    """Return a size as Docker prints it, for example 12.3MiB, in bytes."""
    number, unit = re.fullmatch(r"([\d.]+)(\w+)", text.strip()).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]


def memory_mb(names: list[str]) -> float:
    """Return the memory of containers, without the page cache that the kernel can take back."""
    lines = docker("stats", "--no-stream", "--format", "json", *names).splitlines()
    return sum(size_bytes(json.loads(line)["MemUsage"].split("/")[0]) for line in lines) / MB


def image_mb(engine: str) -> float:
    """Return the size of an engine's image, unpacked, its base image included."""
    return int(docker("image", "inspect", f"orchestrators-{engine}", "-f", "{{.Size}}")) / MB


def measure(stacks: Stacks, engine: str, *options: str) -> Measured:
    """Bring a stack up from nothing, read what it takes, and take it down."""
    stacks.down()
    stacks.compose("build", "--quiet", f"{engine}-migrate", "source")
    began = time.monotonic()
    stacks.compose("up", "--detach", *options, engine)
    stacks.wait(lambda: _healthy(stacks, engine), f"{engine} is not ready")
    ready_s = time.monotonic() - began
    stacks.wait(lambda: stacks.is_up(engine), f"{engine} has not run")
    first_run_s = time.monotonic() - began
    time.sleep(IDLE_S)
    running = [c for c in stacks.containers(engine) if c.running]
    row = Measured(
        engine=engine,
        services=len(running),
        ready_s=ready_s,
        first_run_s=first_run_s,
        idle_mb=memory_mb([c.name for c in running]),
        image_mb=image_mb(engine),
        address=stacks.address(engine),
    )
    stacks.down()
    return row


def _healthy(stacks: Stacks, engine: str) -> bool:
    checked = [c for c in stacks.containers(engine) if c.health]
    return all(c.ready for c in checked)


def table(rows: list[Measured]) -> str:
    """Return the rows as Markdown."""
    lines = [
        "| engine | web UI | login | ready | first run done | memory, idle | image |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        lines.append(
            f"| {r.engine} | {r.address} | {LOGINS[r.engine]} | {r.ready_s:.0f} s |"
            f" {r.first_run_s:.0f} s | {r.idle_mb:.0f} MB in {r.services} containers |"
            f" {r.image_mb:.0f} MB |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        print(table([measure(Stacks(), engine, *sys.argv[1:]) for engine in PORTS]))
    except StackError as error:
        sys.exit(f"measure: {error}")
