"""Answers of the complaint search: pages, documents, exports and errors.

Wire format: views, es_interface and serializer of cfpb/ccdb5-api, and two recorded pages.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from typing import Any

import orjson

from benchmarks.source import complaints, query, window
from benchmarks.source.answer import HTML, Answer, Asked, as_json

PATH = "/cfpb/data-research/consumer-complaints/search/api/v1/"
PAGINATION_BATCH = 100
MAX_PAGINATION_DEPTH = 10_000
MAX_EXPORT = 100_000
CORS = {
    "Access-Control-Allow-Origin": "https://cfpb.github.io",
    "Access-Control-Allow-Methods": "GET",
}
BROWSABLE = b"<!DOCTYPE html><html><head><title>Search: Django REST framework</title></head></html>"


@dataclass(slots=True)
class Bodies:
    """Bodies of pages, the least recently asked for dropped first when they outgrow the budget.

    A download that is repeated is then limited by the client, not by generation.
    """

    budget_bytes: int
    held_bytes: int = 0
    kept: OrderedDict[tuple[object, ...], bytes] = field(default_factory=OrderedDict)

    def get(self, key: tuple[object, ...], make: Callable[[], bytes]) -> bytes:
        """Return the body of a key, made when it is not there."""
        if key in self.kept:
            self.kept.move_to_end(key)
            return self.kept[key]
        body = make()
        self.kept[key] = body
        self.held_bytes += len(body)
        while self.held_bytes > self.budget_bytes:
            _, dropped = self.kept.popitem(last=False)
            self.held_bytes -= len(dropped)
        return body


@dataclass(frozen=True, slots=True)
class Complaints:
    """The complaint API of one seed."""

    seed: int
    per_day: int
    today: Callable[[], date]
    bodies: Bodies

    def answer(self, asked: Asked) -> Answer:
        """Answer a request below `PATH`."""
        below = asked.path.removeprefix(PATH)
        if below:
            return self._document(below.rstrip("/"))
        wanted = asked.last("format")
        if wanted is None and "text/html" in asked.headers.get("accept", ""):
            return Answer(200, BROWSABLE, CORS, HTML)
        if wanted not in (None, "default", "json"):  # the CSV export is not part of the stand-in
            return as_json({"detail": "Not found."}, 404)
        try:
            search = query.parse(asked)
        except query.InvalidSearchError as error:
            return as_json(error.errors, 400)
        return self._export(search) if wanted == "json" else self._search(search)

    def _search(self, search: query.Search) -> Answer:
        today = self.today()
        # `frm` is validated and then does not page: search_after does
        body = self.bodies.get((replace(search, frm=0), today), lambda: self._page(search, today))
        return Answer(200, body, CORS)

    def _window(self, search: query.Search, today: date) -> window.Window:
        return window.of(search, self.seed, self.per_day, today)

    def _page(self, search: query.Search, today: date) -> bytes:
        found = self._window(search, today)
        start = found.after(*search.after) if search.after else 0
        hits = found.hits(start, search.size)
        count = window.total(found)
        total = {"value": count, "relation": "eq"}
        meta = self._meta(today) | {
            "break_points": break_points(found, search.size) if hits else {}
        }
        return (
            b'{"took":%d,"timed_out":false,"_shards":%b,"hits":%b,"aggregations":%b,"_meta":%b}'
            % (
                12 + count % 30,
                b'{"total":5,"successful":5,"skipped":0,"failed":0}',
                b'{"total":%b,"max_score":%b,"hits":[%b]}'
                % (orjson.dumps(total), b"0.0" if search.by_score else b"null", b",".join(hits)),
                aggregations(count) if search.aggregations else b"{}",
                orjson.dumps(meta, option=orjson.OPT_NON_STR_KEYS),
            )
        )

    def _meta(self, today: date) -> dict[str, Any]:
        return {
            "license": "CC0",
            "last_updated": complaints.noon(today - timedelta(days=1)),
            "last_indexed": complaints.noon(today),
            "total_record_count": ((today - complaints.FIRST_DAY).days + 1) * self.per_day,
            "is_data_stale": False,
            "has_data_issue": False,
        }

    def _document(self, name: str) -> Answer:
        """Answer `/{id}`: a search result with one hit, or with none."""
        hits: list[bytes] = []
        if name.isascii() and name.isdigit() and len(name) < 12:
            days, index = divmod(int(name) - complaints.FIRST_ID, complaints.IDS_A_DAY)
            if (
                0 <= days <= (complaints.LAST_DAY - complaints.FIRST_DAY).days
                and index < self.per_day
            ):
                day = complaints.FIRST_DAY + timedelta(days=days)
                hits = complaints.hits(self.seed, day, [index])
        body = (
            b'{"took":3,"timed_out":false,"_shards":{"total":5,"successful":5,"skipped":0,"failed":0},'
            b'"hits":{"total":{"value":%d,"relation":"eq"},"max_score":null,"hits":[%b]}}'
        )
        return Answer(200, body % (len(hits), b",".join(hits)), CORS)

    def _export(self, search: query.Search) -> Answer:
        """Answer `format=json`: every hit in one array, whatever `size` and `frm` say."""
        found = self._window(search, self.today())
        if window.total(found) > MAX_EXPORT:
            words = f"JSON export is limited to {MAX_EXPORT} complaints; narrow the search"
            return as_json({"error": words}, 400)
        body = b"[%b]" % b",".join(found.hits(0, MAX_EXPORT))
        name = f'attachment; filename="complaints-{self.today():%Y-%m-%d}_12_00.json"'
        return Answer(200, body, CORS | {"Content-Disposition": name})


def break_points(found: window.Window, size: int) -> dict[int, list[float | str]]:
    """Return the `search_after` of the pages to come, counted from the first page of all.

    The API looks 200 hits ahead (`get_pagination_query_size` of page 0), so a large page has none.
    """
    ahead = found.sorts(2 * PAGINATION_BATCH) if size else []
    pages = range(2, MAX_PAGINATION_DEPTH // max(size, 1) + 1)
    return {page: ahead[end - 1] for page in pages if (end := (page - 1) * size) < len(ahead)}


@cache
def _shares() -> dict[str, Counter[str]]:
    tables: dict[str, Iterable[str | None]] = {
        "product": (kind[0] for kind in complaints.KINDS),
        "issue": (kind[2] for kind in complaints.KINDS),
        "timely": (h[0] for h in complaints.HANDLINGS),
        "consumer_consent_provided": (consent for _, consent in complaints.NARRATIVES),
        "company_response": (h[1] for h in complaints.HANDLINGS),
        "submitted_via": (h[2] for h in complaints.HANDLINGS),
        "state": (state for state, _ in complaints.PLACES),
        "zip_code": (zip_code for _, zip_code in complaints.PLACES),
        "company": complaints.COMPANIES,
        "consumer_disputed": (h[3] for h in complaints.HANDLINGS),
        "company_public_response": (h[4] for h in complaints.HANDLINGS),
        "tags": complaints.TAGS,
    }
    return {name: Counter(v for v in values if v is not None) for name, values in tables.items()}


@cache
def _sizes() -> dict[str, int]:
    kinds, handlings = len(complaints.KINDS), len(complaints.HANDLINGS)
    return dict.fromkeys(_shares(), handlings) | {
        "product": kinds, "issue": kinds, "state": len(complaints.PLACES),
        "zip_code": len(complaints.PLACES), "company": len(complaints.COMPANIES),
        "tags": len(complaints.TAGS), "consumer_consent_provided": len(complaints.NARRATIVES),
    }  # fmt: skip


def aggregations(count: int) -> bytes:
    """Return the buckets of every field, large as they are there.

    Their counts are the expected ones: to count a million complaints for numbers that no pipeline
    reads would cost seconds a page.
    """
    return orjson.dumps({name: _aggregation(name, count) for name in _shares()})


def _aggregation(name: str, count: int) -> dict[str, Any]:
    buckets = [
        {"key": key, "doc_count": count * share // _sizes()[name]}
        for key, share in _shares()[name].most_common()
    ]
    inner = {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": buckets}
    return {"meta": {}, "doc_count": count, name: inner}
