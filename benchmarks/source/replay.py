"""Recorded complaint pages, served byte by byte as they were recorded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import orjson

from benchmarks.source import page, query
from benchmarks.source.answer import Answer, Asked, as_json


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded page, and how the next one is asked for."""

    body: bytes
    next_after: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Replay:
    """Recorded pages in order, chained by `search_after`; filters and `size` change nothing."""

    pages: tuple[Recorded, ...]

    def answer(self, asked: Asked) -> Answer:
        """Answer a search with the next recorded page, or with one that has no hits."""
        try:
            search = query.parse(asked)
        except query.InvalidSearchError as error:
            return as_json(error.errors, 400)
        after = asked.last("search_after") if search.after else None
        return Answer(200, self._body(search, after), page.CORS)

    def _body(self, search: query.Search, after: str | None) -> bytes:
        before = [None, *(recorded.next_after for recorded in self.pages)]
        first, last = self.pages[-1].first, self.pages[0].last
        covered = (search.first or first) <= first and (search.last or last) >= last
        if covered and after in before[:-1]:
            return self.pages[before.index(after)].body
        return _without_hits(self.pages[0].body, found=covered)


def _without_hits(body: bytes, found: bool) -> bytes:
    content = orjson.loads(body)
    content["hits"]["hits"] = []
    if not found:
        content["hits"]["total"] = {"value": 0, "relation": "eq"}
    return orjson.dumps(content)


def load(folder: Path) -> Replay:
    """Read `search-page-1.json`, `search-page-2.json` and so on.

    Raises:
        FileNotFoundError: the folder has no such file.

    """
    files = sorted(folder.glob("search-page-*.json"), key=lambda file: int(_number(file.stem)))
    if not files:
        raise FileNotFoundError(f"replay: no search-page-1.json in {folder}")
    return Replay(tuple(_recorded(file.read_bytes()) for file in files))


def _number(stem: str) -> str:
    return re.sub(r"\D", "", stem) or "0"


def _recorded(body: bytes) -> Recorded:
    hits = orjson.loads(body)["hits"]["hits"]
    days = sorted(date.fromisoformat(hit["_source"]["date_received"][:10]) for hit in hits)
    return Recorded(body, "{}_{}".format(*hits[-1]["sort"]), days[0], days[-1])
