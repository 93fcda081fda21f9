"""The line of JSON with which a contender ends."""

from __future__ import annotations

import json
import resource
from collections.abc import Mapping


def closing_line(rows: int, seconds: Mapping[str, float]) -> None:
    """Print rows, seconds by phase, and this process's peak resident memory in MB (10^6 bytes)."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"rows": rows, "seconds": dict(seconds), "peak_rss_mb": peak_mb}))
