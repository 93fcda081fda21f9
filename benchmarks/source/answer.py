"""What a source says to one request, before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the wire formats see it: no connection, no framework.

    `query` keeps the order and the repetitions of the parameters; header names are lower case.
    """

    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    client: str
    base_url: str  # scheme and authority, for links in answers

    def last(self, name: str) -> str | None:
        """Return a parameter's value; of a repeated one the last, as Django and Google do."""
        values = self.all(name)
        return values[-1] if values else None

    def all(self, name: str) -> list[str]:
        """Return every value of a parameter."""
        return [value for key, value in self.query if key == name]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and headers."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON


def as_json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer whose body is JSON."""
    return Answer(status, orjson.dumps(content), headers or {})
