"""What a sceptic asks about the machine and the state of the code."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
from pathlib import Path
from typing import Any

import psutil

from benchmarks.orchestrators.services import ROOT


def machine() -> dict[str, Any]:
    """Return what a sceptic asks about the machine."""
    return {
        "host": socket.gethostname(),
        "cpu": _cpu_model(),
        "cores_count": os.cpu_count(),
        "memory_mb": round(psutil.virtual_memory().total / 1e6),
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": _commit(),
        "load_1m": round(os.getloadavg()[0], 2),
    }


def _cpu_model() -> str | None:
    for text in Path("/proc/cpuinfo").read_text().splitlines():
        if text.startswith("model name"):
            return text.partition(":")[2].strip()
    return None


def _commit() -> str | None:
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True
    )
    return asked.stdout.strip() or None
