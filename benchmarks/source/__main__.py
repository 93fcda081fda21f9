"""The command line of the stand-in source: `python -m benchmarks.source --help`."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.source import app, replay
from benchmarks.source.clock import Clock
from benchmarks.source.complaints import IDS_A_DAY
from benchmarks.source.limits import Limits
from benchmarks.source.source import Options, Source

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Run the command line."""
    typer.run(source)


def source(
    port: Annotated[int, typer.Option(help="Where to listen; 0: any free port.")] = 8765,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    today: Annotated[
        str | None,
        typer.Option(
            envvar="SOURCE_TODAY", help="Day of the Date header, YYYY-MM-DD; else the real one."
        ),
    ] = None,
    complaints_per_day: Annotated[
        int, typer.Option(min=1, max=IDS_A_DAY, help="How many complaints a day has.")
    ] = 100,
    replay_folder: Annotated[
        Path | None,
        typer.Option("--replay", help="Serve the recorded search-page-N.json of this folder."),
    ] = None,
    cache_mb: Annotated[int, typer.Option(min=0, help="Memory for complaint pages, MB.")] = 256,
    searches_per_minute: Annotated[
        int | None, typer.Option(min=1, help="Throttle searches; the real API allows 20.")
    ] = None,
    github_per_hour: Annotated[
        int | None, typer.Option(min=1, help="Enforce a rate limit; the real one is 60 or 5000.")
    ] = None,
    youtube_units: Annotated[
        int, typer.Option(min=0, help="Quota units a day until midnight Pacific time.")
    ] = 10_000,
    channels: Annotated[
        str, typer.Option(help="Comma-separated channels whose videos need no listing first.")
    ] = "",
    die_with_parent: Annotated[
        bool, typer.Option("--die-with-parent", help="End when the process that started it does.")
    ] = False,
) -> None:
    """Serve the stand-in for the complaint, GitHub and YouTube APIs.

    Below /cfpb, /github and /youtube it speaks the three wire formats. Below /_control the bench
    sets faults and limits and reads what was served; with SOURCE_CONTROL_TOKEN set in the
    environment only with the header X-Control-Token.
    """
    if die_with_parent:
        end_with_parent()
    try:
        options = Options(
            seed=seed,
            per_day=complaints_per_day,
            clock=Clock(date.fromisoformat(today) if today else None),
            cache_bytes=cache_mb * 1_000_000,
            limits=Limits(
                searches_per_minute=searches_per_minute,
                github_per_hour=github_per_hour,
                youtube_units=youtube_units,
            ),
            replay=replay.load(replay_folder) if replay_folder else None,
            channels=[name.strip() for name in channels.split(",") if name.strip()],
        )
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error)) from None
    try:
        asyncio.run(_run(options, host, port))
    except OSError as error:
        print(f"source: cannot listen on {host}:{port}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(1) from None


def end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies, also by SIGKILL. Linux only."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the kernel was asked
        sys.exit(1)


async def _run(options: Options, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await app.serve(Source(options), host, port, stop)


if __name__ == "__main__":
    main()
