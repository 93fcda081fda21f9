"""The stand-in source without its connections: three APIs, their limits, the faults, the record."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from benchmarks.source import corruption, page, refusals
from benchmarks.source.answer import Answer, Asked
from benchmarks.source.clock import Clock
from benchmarks.source.effects import Pipeline, RepeatPage
from benchmarks.source.faults import CURSORS, Active, Faults
from benchmarks.source.github import GitHub
from benchmarks.source.limits import Limits, Throttle
from benchmarks.source.replay import Replay
from benchmarks.source.served import Served
from benchmarks.source.youtube import Quota, YouTube


@dataclass(frozen=True, slots=True)
class Options:
    """How the source was started."""

    seed: int = 7
    per_day: int = 100
    clock: Clock = field(default_factory=Clock)
    cache_bytes: int = 256_000_000
    limits: Limits = field(default_factory=Limits)
    replay: Replay | None = None
    channels: Sequence[str] = ()  # whose videos are known before they were listed


class Source:
    """Answers requests; `faults` and `served` are what the control interface works on."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.faults = Faults()
        self.served = Served()
        self.released = asyncio.Event()  # set when the requests that hang may go
        self.complaints: page.Complaints | Replay = options.replay or page.Complaints(
            options.seed, options.per_day, options.clock.today, page.Bodies(options.cache_bytes)
        )
        self.limit(options.limits)

    def limit(self, limits: Limits) -> None:
        """Set limits and forget what was used of the earlier ones."""
        seed, clock = self.options.seed, self.options.clock
        self.limits = limits
        self.throttle = Throttle(limits.searches_per_minute)
        self.github = GitHub(seed, clock.today, limits.github_per_hour)
        self.youtube = YouTube(seed, clock.now, Quota(limits.youtube_units))
        for channel_id in self.options.channels:
            self.youtube.learn(channel_id)

    def reset(self) -> None:
        """Be as after the start: no faults, nothing served, nothing used. Twice does nothing."""
        self.clear()
        self.served.reset()
        self.limit(self.options.limits)

    def clear(self, number: int | None = None) -> None:
        """Take back one fault, or all; whoever hangs on them is let go."""
        self.faults.clear(number)
        self.released.set()
        self.released = asyncio.Event()

    def answer(self, pipeline: Pipeline, asked: Asked, fault: Active | None) -> Answer:
        """Answer a request, with the fault that strikes it."""
        if fault is None:
            return self._right(pipeline, asked)
        refused = refusals.refusal(fault, asked, time.time())
        if refused is not None:
            return refused
        if isinstance(fault.effect, RepeatPage):
            kept = tuple((k, v) for k, v in asked.query if k != CURSORS[pipeline])
            return self._right(pipeline, replace(asked, query=kept))
        if not corruption.corrupts(fault.effect):
            return self._right(pipeline, asked)
        # a broken answer is never "not modified"
        headers = {k: v for k, v in asked.headers.items() if k != "if-none-match"}
        return corruption.corrupted(fault, self._right(pipeline, replace(asked, headers=headers)))

    def _right(self, pipeline: Pipeline, asked: Asked) -> Answer:
        if pipeline == "complaints":
            return self._complaints(asked)
        return (self.github if pipeline == "github_stats" else self.youtube).answer(asked)

    def _complaints(self, asked: Asked) -> Answer:
        if not asked.path.startswith(page.PATH):
            return Answer(404, b"Not Found", {}, "text/plain")
        wait_s = self.throttle.wait_s(asked.client, time.monotonic())
        return self.complaints.answer(asked) if wait_s is None else refusals.throttled(wait_s)
