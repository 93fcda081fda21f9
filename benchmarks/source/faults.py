"""What a source can be told to do wrong, to which requests, how often; and what it did."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from benchmarks.source.answer import Asked
from benchmarks.source.effects import (
    EFFECT,
    KINDS,
    ONLY_FOR,
    Aim,
    Effect,
    Pipeline,
    RateLimit,
    RepeatPage,
    RetryAfter,
    SecondaryLimit,
)

PREFIXES: Mapping[str, Pipeline] = {
    "/cfpb/": "complaints",
    "/github/": "github_stats",
    "/youtube/": "youtube_stats",
}
CURSORS = {"complaints": "search_after", "youtube_stats": "pageToken"}


class InvalidFaultError(Exception):
    """A fault cannot be set; the message says why and what would fit."""


@dataclass(slots=True)
class Active:
    """A fault that is set, and what it did so far.

    A limit that names its end refuses until then: `early` counts the requests that came too soon,
    which `times` does not.
    """

    number: int
    aim: Aim
    effect: Effect
    seen: int = 0  # requests that matched
    struck: int = 0  # requests that were hit, early ones included
    early: int = 0
    until: float = 0.0  # epoch seconds at which the limit ends
    poisoned: dict[str, str] = field(default_factory=dict)  # id of a record → way

    def strikes(self, pipeline: str, asked: Asked, now_s: float) -> bool:
        """Note a request and say whether it is hit."""
        if not self._matches(pipeline, asked):
            return False
        self.seen += 1
        if now_s < self.until:
            self.early += 1
            self.struck += 1
            return True
        used_up = self.aim.times is not None and self.struck - self.early >= self.aim.times
        if self.seen <= self.aim.after or used_up:
            return False
        self.struck += 1
        self.until = ends(self.effect, now_s)
        return True

    def _matches(self, pipeline: str, asked: Asked) -> bool:
        wanted = self.aim.match
        query = "&".join(f"{name}={value}" for name, value in asked.query)
        if isinstance(self.effect, RepeatPage) and asked.last(CURSORS.get(pipeline, "")) is None:
            return False
        return pipeline == self.aim.pipeline and wanted.path in asked.path and wanted.query in query

    def described(self) -> dict[str, Any]:
        """Return the fault as the control interface shows it."""
        return {
            "id": self.number,
            **self.aim.model_dump(mode="json"),
            **self.effect.model_dump(mode="json"),
            "seen": self.seen,
            "struck": self.struck,
            "early": self.early,
            "poisoned": [{"id": name, "way": way} for name, way in self.poisoned.items()],
        }


def ends(effect: Effect, now_s: float) -> float:
    """Return when a limit that begins now ends; 0: it names no end, and is over at once."""
    match effect:
        case RetryAfter(seconds=seconds, as_date=as_date):
            return math.ceil(now_s + seconds) if as_date else now_s + seconds
        case RateLimit(seconds=seconds):
            return math.ceil(now_s + seconds)  # the header has whole seconds
        case SecondaryLimit(retry_after=int(seconds)):
            return now_s + seconds
    return 0.0


@dataclass(slots=True)
class Faults:
    """All faults that are set, in that order: the first that is due strikes a request."""

    active: list[Active] = field(default_factory=list)
    set_so_far: int = 0
    now_s: Callable[[], float] = time.time

    def set(self, wanted: object) -> Active:
        """Set one fault.

        Raises:
            InvalidFaultError: it is not of the documented form.

        """
        aim, effect = parse(wanted)
        self.set_so_far += 1
        made = Active(self.set_so_far, aim, effect)
        self.active.append(made)
        return made

    def strike(self, pipeline: str, asked: Asked) -> Active | None:
        """Return the fault that hits a request, if any."""
        now = self.now_s()
        return next((a for a in self.active if a.strikes(pipeline, asked, now)), None)

    def clear(self, number: int | None = None) -> None:
        """Take back one fault, or all. Clearing twice does nothing."""
        self.active = [a for a in self.active if number is not None and a.number != number]


def parse(wanted: object) -> tuple[Aim, Effect]:
    """Split the flat JSON of a fault into its aim and its effect, and validate both.

    Raises:
        InvalidFaultError: it is not of the documented form.

    """
    if not isinstance(wanted, dict):
        example = '{"pipeline": "complaints", "kind": "status", "status": 503}'
        raise InvalidFaultError(f"fault: a JSON object is expected, for example {example}")
    kind = wanted.get("kind")
    if kind not in KINDS:
        raise InvalidFaultError(f"fault: unknown kind {kind!r}; the kinds are: {', '.join(KINDS)}")
    aimed = {name: value for name, value in wanted.items() if name in Aim.model_fields}
    rest = {name: value for name, value in wanted.items() if name not in aimed}
    try:
        aim, effect = Aim.model_validate(aimed), EFFECT.validate_python(rest)
    except ValidationError as error:
        raise InvalidFaultError(f"fault {kind}: {_reasons(error)}") from None
    fitting = ONLY_FOR.get(kind, (aim.pipeline,))
    if aim.pipeline not in fitting:
        raise InvalidFaultError(f"fault {kind}: only for the pipeline {' or '.join(fitting)}")
    return aim, effect


def _reasons(error: ValidationError) -> str:
    wrong = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in wrong)


def pipeline_of(path: str) -> Pipeline | None:
    """Return the pipeline whose source a path belongs to."""
    return next((name for prefix, name in PREFIXES.items() if path.startswith(prefix)), None)
