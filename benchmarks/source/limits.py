"""What a source allows a client before it refuses; None: counted, never enforced."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from pydantic import BaseModel, Field

MINUTE_S = 60.0


class Limits(BaseModel, frozen=True, extra="forbid"):
    """How much each API allows: the real ones allow 20, 60 (5000 with a token) and 10 000."""

    searches_per_minute: int | None = Field(default=None, ge=1)
    github_per_hour: int | None = Field(default=None, ge=1)
    youtube_units: int | None = Field(default=10_000, ge=0)


@dataclass(slots=True)
class Throttle:
    """Searches of each client in the last minute, as Django REST framework counts them."""

    per_minute: int | None
    came: dict[str, deque[float]] = field(default_factory=dict)

    def wait_s(self, client: str, now_s: float) -> int | None:
        """Count a search; return None when it is allowed, else in how many seconds one will be."""
        if self.per_minute is None:
            return None
        recent = self.came.setdefault(client, deque())
        while recent and recent[0] <= now_s - MINUTE_S:
            recent.popleft()
        if len(recent) >= self.per_minute:
            return math.ceil(recent[0] + MINUTE_S - now_s)
        recent.append(now_s)
        return None
