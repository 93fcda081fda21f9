"""The line of JSON with which a contender ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def closing_line(rows: int, seconds: Mapping[str, float]) -> None:
    """Print rows, seconds by phase, and this process's peak resident memory in MB (10^6 bytes)."""
    print(json.dumps({"rows": rows, "seconds": dict(seconds), "peak_rss_mb": peak_rss_mb()}))


def peak_rss_mb() -> float:
    """Return VmHWM of proc(5). `getrusage` would say that of the process we were forked from."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
