"""What the source was asked and how it answered: the requests of a trial, for its ledger."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.source.answer import Asked

KEPT = 10_000
SECRET = ("key", "access_token", "token", "api_key")


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `status` 0: it got no answer. `at`: monotonic seconds at which it came."""

    pipeline: str
    path: str
    query: str
    status: int
    at: float
    fault: str = ""


@dataclass(slots=True)
class Served:
    """All requests since the last reset: counts of all, the newest in full."""

    kept: deque[Request] = field(default_factory=lambda: deque(maxlen=KEPT))
    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    now_s: Callable[[], float] = time.monotonic

    def note(self, pipeline: str, asked: Asked, status: int, at: float, fault: str) -> None:
        """Note one request, without what is secret in it."""
        told = "&".join(f"{name}={value}" for name, value in asked.query if name not in SECRET)
        self.counts[pipeline, status] += 1
        self.kept.append(Request(pipeline, asked.path, told, status, at, fault))

    def reset(self) -> None:
        """Forget all requests."""
        self.kept.clear()
        self.counts.clear()

    def described(self) -> dict[str, Any]:
        """Return counts by pipeline and by status, and the newest requests, oldest first."""
        by_pipeline: Counter[str] = Counter()
        by_status: dict[str, dict[str, int]] = {}
        for (pipeline, status), count in sorted(self.counts.items()):
            by_pipeline[pipeline] += count
            by_status.setdefault(pipeline, {})[str(status)] = count
        return {
            "total": by_pipeline.total(),
            "by_pipeline": dict(by_pipeline),
            "by_status": by_status,
            "requests": [asdict(request) for request in self.kept],
        }
