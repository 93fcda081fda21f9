"""Complaints by seed, day and index: any number of them, none of them kept.

Wire format of a hit: what `_search` of cfpb/ccdb5-api returns, with the fields of the pages that
were recorded on 2024-11-06.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import orjson

from benchmarks.source import draw, vocabulary

FIRST_DAY = date(2011, 12, 1)  # the day on which the CFPB began to take complaints
FIRST_ID = 1_000_000_000
IDS_A_DAY = 100_000  # so ids are unique and grow with the day, whatever the number a day is
LAST_DAY = FIRST_DAY + timedelta(days=11_000)  # beyond, an id would not fit into 32 bits
NOON_MS = 17 * 3_600_000  # date_received is noon at -05:00, all the year
DAY_MS = 86_400_000
SENT_AFTER_DAYS = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 5, 19, None)

KINDS = vocabulary.kinds()
PLACES = vocabulary.places()
NARRATIVES = vocabulary.narratives()
COMPANIES = tuple(vocabulary.COMPANIES[n % len(vocabulary.COMPANIES)] for n in range(128))
TAGS = vocabulary.TAGS
HANDLINGS = vocabulary.HANDLINGS
KIND_FIELDS = ("product", "sub_product", "issue", "sub_issue")
PLACE_FIELDS = ("state", "zip_code")
NARRATIVE_FIELDS = ("complaint_what_happened", "consumer_consent_provided")
HANDLING_FIELDS = (
    "timely",
    "company_response",
    "submitted_via",
    "consumer_disputed",
    "company_public_response",
)


def _fragment(names: Iterable[str], values: Iterable[object]) -> bytes:
    """Render some fields of a record once; joining such pieces is what makes records cheap."""
    fields = {n: v for n, v in zip(names, values, strict=True) if v is not vocabulary.ABSENT}
    return orjson.dumps(fields)[1:-1]


KIND_JSON = tuple(_fragment(KIND_FIELDS, kind) for kind in KINDS)
PLACE_JSON = tuple(_fragment(PLACE_FIELDS, place) for place in PLACES)
NARRATIVE_JSON = tuple(_fragment(NARRATIVE_FIELDS, told) for told in NARRATIVES)
COMPANY_JSON = tuple(_fragment(("company",), (company,)) for company in COMPANIES)
TAG_JSON = tuple(_fragment(("tags",), (tag,)) for tag in TAGS)
HANDLING_JSON = tuple(_fragment(HANDLING_FIELDS, handling) for handling in HANDLINGS)
assert (len(KINDS), len(PLACES), len(NARRATIVES), len(TAGS), len(HANDLINGS)) == (
    256, 4096, 64, 32, 64,
), "the bits of `bits` are dealt out for tables of these sizes"  # fmt: skip


@dataclass(frozen=True, slots=True)
class Day:
    """What the complaints of one day share. `base` starts the day's sequence of numbers."""

    first_id: int
    received_ms: int
    base: int
    dates: tuple[bytes, ...]  # date_received and each choice of date_sent_to_company, as JSON
    sent: tuple[str | None, ...]
    received: str


@lru_cache(maxsize=4096)
def day_of(seed: int, day: date) -> Day:
    """Return what the complaints of a day share."""
    received = noon(day)
    sent = tuple(None if n is None else noon(day + timedelta(days=n)) for n in SENT_AFTER_DAYS)
    return Day(
        first_id=first_id(day),
        received_ms=received_ms(day),
        base=draw.number(seed, "complaints", day.isoformat()),
        dates=tuple(
            _fragment(("date_received", "date_sent_to_company"), (received, s)) for s in sent
        ),
        sent=sent,
        received=received,
    )


def noon(day: date) -> str:
    """Return a day as the API writes it."""
    return f"{day.isoformat()}T12:00:00-05:00"


def received_ms(day: date) -> int:
    """Return the sort value of a day's complaints: epoch milliseconds of noon at -05:00."""
    return (day - date(1970, 1, 1)).days * DAY_MS + NOON_MS


def first_id(day: date) -> int:
    """Return the id of a day's complaint 0."""
    return FIRST_ID + (day - FIRST_DAY).days * IDS_A_DAY


def bits(base: int, index: int) -> int:
    """Return the 64 bits that decide a complaint: splitmix64, one multiplication shorter."""
    x = (base + index * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    return x ^ (x >> 27)


def source(seed: int, day: date, index: int) -> dict[str, Any]:
    """Return the `_source` of a complaint; `hits` renders the same draw as bytes."""
    shared = day_of(seed, day)
    x = bits(shared.base, index)
    told, consent = NARRATIVES[x >> 28 & 63]
    fields: dict[str, Any] = {
        "complaint_id": str(shared.first_id + index),
        **dict(zip(KIND_FIELDS, KINDS[x & 255], strict=True)),
        **dict(zip(PLACE_FIELDS, PLACES[x >> 8 & 4095], strict=True)),
        "company": COMPANIES[x >> 20 & 127],
        "complaint_what_happened": told,
        "consumer_consent_provided": consent,
        "tags": TAGS[x >> 34 & 31],
        **dict(zip(HANDLING_FIELDS, HANDLINGS[x >> 39 & 63], strict=True)),
        "date_received": shared.received,
        "date_sent_to_company": shared.sent[x >> 45 & 15],
    }
    if told is vocabulary.ABSENT:
        del fields["complaint_what_happened"]
    return fields


def hits(seed: int, day: date, indexes: Iterable[int], scored: bool = False) -> list[bytes]:
    """Return complaints of a day as the JSON of search hits.

    `scored`: sorted by relevance, so that `_score` and the sort value are a score, not a date.
    """
    shared = day_of(seed, day)
    first, base, dates = shared.first_id, shared.base, shared.dates
    score = b"0.0" if scored else b"null"
    sort = b"0.0" if scored else b"%d" % shared.received_ms
    rendered = []
    for index in indexes:
        # `bits`, written out: a call costs as much as half a record
        x = (base + index * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        x ^= x >> 27
        name = b"%d" % (first + index)
        rendered.append(
            b'{"_index":"complaint-public-v1","_type":"_doc","_id":"%b","_score":%b,"_source":'
            b'{%b,%b,%b,%b,%b,%b,%b,"complaint_id":"%b"},"sort":[%b,"%b"]}'
            % (
                name, score, KIND_JSON[x & 255], NARRATIVE_JSON[x >> 28 & 63], dates[x >> 45 & 15],
                PLACE_JSON[x >> 8 & 4095], TAG_JSON[x >> 34 & 31], HANDLING_JSON[x >> 39 & 63],
                COMPANY_JSON[x >> 20 & 127], name, sort, name,
            )
        )  # fmt: skip
    return rendered


def row(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the warehouse row that a valid `_source` must become."""
    sent = fields.get("date_sent_to_company")
    names = (
        "product", "sub_product", "issue", "sub_issue", "company", "company_response",
        "company_public_response", "state", "zip_code", "submitted_via", "tags",
    )  # fmt: skip
    return {
        "complaint_id": int(fields["complaint_id"]),
        "date_received": fields["date_received"][:10],
        "date_sent_to_company": sent[:10] if sent else None,
        **{name: fields.get(name) for name in names},
        "timely": {"Yes": True, "No": False}.get(fields.get("timely") or ""),
        "narrative": fields.get("complaint_what_happened") or None,
    }
