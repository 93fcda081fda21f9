"""Consumer complaints: the CFPB's complaint API into the warehouse, a day window at a time.

Wire format: the search endpoint of cfpb/ccdb5-api. It pages by `search_after`, which continues
behind the last hit's `sort` values; one that it cannot read is silently ignored and gives page 1
again, so a page without a new id ends the extraction with an error instead of a loop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import orjson
from msgspec import Meta, Struct, field, json, structs
from pydantic import ConfigDict, StringConstraints, ValidationError, create_model
from sqlalchemy import delete, func, select

from shared import http, journal, quarantine, shadow, staging, warehouse
from shared.config import ConfigurationError, settings
from shared.quarantine import Quarantined
from shared.warehouse import COMPLAINT_SUMMARY, COMPLAINTS, Balance

PIPELINE = "complaints"

Row: TypeAlias = tuple[Any, ...]
Text: TypeAlias = str | None

# A limit is said twice, since msgspec and pydantic both check it: see `Complaint`.
Id = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$"), Meta(pattern=r"^[0-9]{1,18}\Z")]
Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T|$)")]  # and `_day`
Named = Annotated[str, StringConstraints(min_length=1), Meta(min_length=1)]
Timely = Literal["Yes", "No", ""] | None


class Complaint(Struct, kw_only=True, gc=False):
    """What a complaint must look like, in the order of the table's columns.

    msgspec decodes the pages of valid records, three times faster than pydantic, which says of a
    record that is not valid what is wrong with each of its fields.
    """

    complaint_id: Id
    date_received: Day
    date_sent_to_company: Day | None = None
    product: Named
    sub_product: Text = None
    issue: Text = None
    sub_issue: Text = None
    company: Text = None
    company_response: Text = None
    company_public_response: Text = None
    state: Text = None
    zip_code: Text = None
    submitted_via: Text = None
    tags: Text = None
    timely: Timely = None
    complaint_what_happened: Text = None  # narratives left the API in 2026


class Hit(Struct, gc=False):
    complaint: Complaint = field(name="_source")


class Hits(Struct, gc=False):
    hits: list[Hit]


class Page(Struct, gc=False):
    hits: Hits


class Place(Struct, gc=False):
    """What paging needs of a hit; all else is skipped without being built."""

    id: Any = field(name="_id")
    sort: Any


class Places(Struct, gc=False):
    total: Any
    hits: list[Place]


class Search(Struct, gc=False):
    hits: Places
    timed_out: bool = False
    shards: dict[str, Any] = field(name="_shards", default_factory=dict)


SEARCH = json.Decoder(Search)
PAGE = json.Decoder(Page)
RECORD = create_model(  # type: ignore[call-overload]
    "Record",
    __config__=ConfigDict(coerce_numbers_to_str=True),
    **{f.name: (f.type, ... if f.required else None) for f in structs.fields(Complaint)},
)
STARTS_WITH_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T|\Z)")
TIMELY: dict[str | None, bool] = {"Yes": True, "No": False}


class LoopError(http.TransientError):
    """The source sent a page again: its `search_after` had no effect."""


def plan(run: str, start: date, end: date) -> list[str]:
    """Return the day windows from `start` to `end`, both included, as `YYYY-MM-DD`.

    Raises:
        ConfigurationError: `end` lies before `start`.

    """
    with journal.step("plan", run):
        if end < start:
            raise ConfigurationError(f"complaints: the end {end} lies before the start {start}")
        return [str(start + timedelta(days=n)) for n in range((end - start).days + 1)]


def extract(run: str, window: str) -> str:
    """Fetch a window's complaints page by page, and return the window.

    Each page is kept as soon as it is there: an attempt after one that was cut short goes on
    behind the last page. After one that finished, it starts anew.

    Raises:
        SourceError: see `shared.http`; `LoopError` when the source repeats a page.

    """
    with journal.step("extract", run, window):
        folder = staging.folder(run, PIPELINE, window)
        sizes, seen, cursor = _resumed(folder)
        while True:
            response = _search(window, cursor)
            hits, total = _hits(response.content, response.url)
            if not hits:
                _check_end(len(seen), total, response.url)
                break
            cursor = _advance(hits, seen, response.url)
            sizes.append(len(hits))
            staging.write(staging.page(folder, len(sizes)), response.content)
            _checkpoint(run, window, len(sizes), len(hits))
            if len(seen) >= total:
                break
        staging.write(folder / "extract.json", orjson.dumps({"pages": sizes}))
    return window


def _check_end(seen: int, total: int, url: str) -> None:
    if total < seen:
        what = f"an empty page behind {seen} complaints: the source now finds {total}"
        raise http.TransientError(what, url)


def _checkpoint(run: str, window: str, page: int, hits: int) -> None:
    journal.record("checkpoint", run, "extract", window, {"page": page, "rows": hits})


def _resumed(folder: Path) -> tuple[list[int], set[str], str | None]:
    """Return page sizes, ids and cursor of the pages that an unfinished attempt left."""
    sizes: list[int] = []
    seen: set[str] = set()
    cursor = None
    if not (folder / "extract.json").exists():
        for kept in staging.pages(folder):
            hits, _ = _hits(staging.read(kept), str(kept))
            cursor = _advance(hits, seen, str(kept))
            sizes.append(len(hits))
    return sizes, seen, cursor


def _search(window: str, cursor: str | None) -> Any:
    # `date_received_max` is inclusive in the API's code, though its documentation says exclusive.
    params = {
        "date_received_min": window,
        "date_received_max": window,
        "size": settings().page_size,
        "sort": "created_date_desc",
        "no_aggs": "true",
        "no_highlight": "true",
    }
    if cursor is not None:
        params["search_after"] = cursor
    return http.get(settings().base_url(PIPELINE), params)


def _hits(content: bytes, url: str) -> tuple[list[Place], int]:
    """Return a page's hits and the window's total, a number until 2021 and an object since.

    Raises:
        TransientError: the answer is not the JSON of a search, or of a part of the index only.

    """
    try:
        said = SEARCH.decode(content)
        total = said.hits.total
        count = int(total["value"] if isinstance(total, dict) else total)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"the answer is not a page of complaints: {type(error).__name__}: {error}"[:200]
        raise http.TransientError(what, url, hint=f"It begins with {content[:60]!r}") from None
    if said.timed_out or said.shards.get("failed"):
        raise http.TransientError("a part of the complaints is missing in the answer", url)
    return said.hits.hits, count


def _advance(hits: list[Place], seen: set[str], url: str) -> str:
    """Note the ids of a page and return the cursor behind it: `<sort value>_<id>`.

    Raises:
        LoopError: every id of the page was seen before.

    """
    before = len(seen)
    seen.update(str(hit.id) for hit in hits)
    try:
        value, tie = hits[-1].sort
    except (TypeError, ValueError) as error:
        raise http.TransientError(f"a hit without a sort value and id: {error}", url) from None
    if len(seen) == before:
        raise LoopError(
            "the source repeats a page", url, hint="It ignored search_after; see its documentation"
        )
    return f"{value}_{tie}"


def transform(run: str, window: str) -> str:
    """Validate and normalise a window's complaints, and return the window.

    What does not validate goes to quarantine with its reason. Of two records with the same id, the
    earlier one is superseded.

    Raises:
        StagingError: the window was not extracted.

    """
    with journal.step("transform", run, window):
        folder = staging.folder(run, PIPELINE, window)
        sizes = orjson.loads(staging.read(folder / "extract.json"))["pages"]
        seen: set[int] = set()
        aside: list[Quarantined] = []
        digests = []
        for number in range(len(sizes), 0, -1):  # backwards: the first of an id is the latest
            content = staging.read(staging.page(folder, number))
            rows = normalise(content, sum(sizes[: number - 1]), seen, aside)
            chunk = orjson.dumps(rows)
            digests.append(staging.digest(chunk))
            staging.write(_chunk(folder, len(digests)), chunk)
        manifest = {
            "extracted": sum(sizes),
            "superseded": sum(sizes) - len(seen) - len(aside),
            "chunks": digests,
            "quarantined": [[q.position, q.reason, q.record] for q in aside],
        }
        staging.write(folder / "transform.json", orjson.dumps(manifest))
    return window


def _chunk(folder: Path, number: int) -> Path:
    return folder / f"rows-{number:06d}.json"


def normalise(content: bytes, offset: int, seen: set[int], aside: list[Quarantined]) -> list[Row]:
    """Turn a page into rows in the order of the table's columns, its last record first.

    `seen` holds the ids of later pages, whose records win; `aside` takes what does not validate,
    with its position counted behind `offset`.
    """
    rows = []
    made = _made(content)
    for index in range(len(made), 0, -1):
        row = made[index - 1]
        if isinstance(row, Quarantined):
            aside.append(replace(row, position=offset + index))
        elif row[0] not in seen:
            seen.add(row[0])
            rows.append(row)
    return rows


def _made(content: bytes) -> Sequence[Row | Quarantined]:
    """Return what becomes of a page's records: a row, or the reason why not."""
    if b"\\u0000" not in content:
        with suppress(ValueError):  # in one pass, when all are valid
            return [_row(hit.complaint) for hit in PAGE.decode(content).hits.hits]
    return [_one(hit) for hit in orjson.loads(content)["hits"]["hits"]]


def _one(hit: Any) -> Row | Quarantined:
    record = orjson.dumps(hit.get("_source") if isinstance(hit, dict) else hit).decode()
    try:
        row = _row(Complaint(**dict(RECORD.model_validate_json(record))))
    except ValidationError as error:
        return Quarantined(0, quarantine.reason(error), record)
    except ValueError as error:
        return Quarantined(0, str(error), record)
    if any("\0" in value for value in row if isinstance(value, str)):
        return Quarantined(0, "a text holds the character NUL", record)  # PostgreSQL takes none
    return row


def _row(complaint: Complaint) -> Row:
    key, received, sent, *words, timely, narrative = structs.astuple(complaint)
    return (
        int(key),
        _day(received),
        None if sent is None else _day(sent),
        *words,
        TIMELY.get(timely),
        narrative or None,
    )


@lru_cache(10_000)
def _day(text: str) -> str:
    """Return the day; the time of day and its offset say nothing about a complaint.

    Raises:
        ValueError: there is no such day.

    """
    if not STARTS_WITH_DAY.match(text):
        raise ValueError(f"no day: {text[:40]}")
    return str(date.fromisoformat(text[:10]))


def load(run: str, window: str) -> str:
    """Upsert a window's rows by complaint id in one transaction, and return the window.

    Raises:
        StagingError: the window was not transformed, or its rows are not what they were.
        BalanceError: a record of the window went nowhere.

    """
    with journal.step("load", run, window):
        folder = staging.folder(run, PIPELINE, window)
        manifest = orjson.loads(staging.read(folder / "transform.json"))
        with warehouse.batch(
            PIPELINE,
            run,
            window,
            extracted=manifest["extracted"],
            superseded=manifest["superseded"],
        ) as batch:
            batch.upsert(COMPLAINTS, _rows(folder, manifest["chunks"]))
            batch.quarantine(Quarantined(*q) for q in manifest["quarantined"])
        journal.record("committed", run, "load", window, {"rows": batch.loaded})
    return window


def _rows(folder: Path, digests: Sequence[str]) -> Iterator[Row]:
    return chain.from_iterable(_checked(folder, n, d) for n, d in enumerate(digests, start=1))


def _checked(folder: Path, number: int, digest: str) -> list[Row]:
    content = staging.read(_chunk(folder, number))
    if staging.digest(content) != digest:
        raise staging.StagingError(f"staging: {_chunk(folder, number)} has changed; transform")
    rows: list[Row] = orjson.loads(content)
    return rows


def summarise(run: str, windows: Sequence[str]) -> Balance:
    """Count complaints by day, product and state, and return where the run's records went.

    Raises:
        IncompleteError: a window of the plan was never loaded.
        BalanceError: a record went nowhere.

    """
    with journal.step("summarise", run):
        counts = warehouse.settle(PIPELINE, run, windows)
        state = func.coalesce(COMPLAINTS.c.state, "")
        grouped = (
            select(COMPLAINTS.c.date_received, COMPLAINTS.c.product, state, func.count())
            .where(COMPLAINTS.c.date_received.in_(windows))
            .group_by(COMPLAINTS.c.date_received, COMPLAINTS.c.product, state)
        )
        with warehouse.engine().begin() as connection:
            connection.execute(
                delete(COMPLAINT_SUMMARY).where(COMPLAINT_SUMMARY.c.day.in_(windows))
            )
            connection.execute(
                COMPLAINT_SUMMARY.insert().from_select(COMPLAINT_SUMMARY.c.keys(), grouped)
            )
            shadow.note(connection, run, COMPLAINT_SUMMARY, COMPLAINT_SUMMARY.c.day.in_(windows))
        journal.record("committed", run, "summarise", detail={"balance": str(counts)})
    return counts
