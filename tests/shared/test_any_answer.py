"""Whatever JSON a source sends: nothing crashes, no record is lost, every row can be inserted."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Integer, Table

from shared import complaints, github_stats, warehouse, youtube_stats
from shared.quarantine import Quarantined

DAY = "2026-01-05"
GONE = "the field is gone"
ODD = (
    None, True, False, 0, -1, 1.5, 1e300, 2**31, 2**63, 2**64 - 1, 10**18, "", "0", "7", "007",
    "\x00", "\\u0000", "Yes", "2026-02-30", "2026-01-05T12:00:00-05:00", "２０２６-01-05", "٣",
    "9" * 18, "9" * 19, "a/b", [], [1], {}, {"id": []}, [[{}]], {"\x00": "\x00"}, "🦀", GONE, GONE,
)  # fmt: skip
WHOLE = ""  # in place of a field's name: the record itself
Change = tuple[tuple[int, str], Any]


def copy(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


def changes(records: int, fields: tuple[str, ...]) -> st.SearchStrategy[list[Change]]:
    """Return up to two changes: of which record, which field (dots lead inside), to what.

    They are drawn as one number, for one draw takes longer than the test itself.
    """
    places = [(n, name) for n in range(records) for name in (WHOLE, *fields)]
    every: list[Change | None] = [None, *((place, value) for place in places for value in ODD)]

    def decoded(number: int) -> list[Change]:
        two = (every[digit] for digit in divmod(number, len(every)))
        return [change for change in two if change is not None]

    return st.integers(0, len(every) ** 2 - 1).map(decoded)


def changed(records: list[Any], made: list[Change]) -> list[Any]:
    """Return copies of records with these changes."""
    copies = copy(records)
    for (which, name), value in made:
        *above, last = name.split(".")
        inside = copies[which]
        for step in above:
            inside = inside.get(step) if isinstance(inside, dict) else None
        if name == WHOLE:
            copies[which] = copy(value)
        elif isinstance(inside, dict):
            inside.pop(last, None)
            inside.update({} if value is GONE else {last: copy(value)})
    return copies


def fits(table: Table, row: Any) -> bool:
    """Say whether both warehouses take a row."""
    assert len(row) == len(table.c)
    return all(map(_fits, table.c, row))


def _fits(column: Any, value: Any) -> bool:
    if value is None:
        return bool(column.nullable)
    if isinstance(column.type, Boolean):
        return isinstance(value, bool)
    if isinstance(column.type, BigInteger):
        return type(value) is int and -(2**63) <= value < 2**63
    if isinstance(column.type, Integer):
        return type(value) is int and -(2**31) <= value < 2**31
    return isinstance(value, str) and "\0" not in value and bool(value.encode() or True)


def stored(aside: Any) -> bool:
    """Say whether quarantined records can be inserted, each at a place of its own."""
    places = [position for position, _, _ in aside]
    texts = [text for _, *both in aside for text in both]
    return len(set(places)) == len(places) and all(
        isinstance(text, str) and "\0" not in text for text in texts
    )


COMPLAINT = {
    "complaint_id": "7", "date_received": "2026-01-05T12:00:00-05:00", "product": "Mortgage",
    "date_sent_to_company": "2026-01-05T12:00:00-05:00", "sub_product": None, "issue": "Struggling",
    "sub_issue": None, "company": "BANK", "company_response": "Closed", "state": "VA",
    "company_public_response": None, "zip_code": "207XX", "submitted_via": "Web", "tags": None,
    "timely": "Yes", "has_narrative": False, "complaint_what_happened": "",
}  # fmt: skip
COMPLAINTS = [COMPLAINT | {"complaint_id": name} for name in ("7", "8", "7", "9")]


@settings(max_examples=10_000)
@given(made=changes(4, tuple(COMPLAINT)), split=st.integers(0, 4))
@example(made=[((0, "date_received"), "2026-02-30")], split=4)
@example(made=[((0, "company"), "\\u0000")], split=2)
def test_every_complaint_is_a_row_or_quarantined_or_superseded(made, split):
    sources = changed(COMPLAINTS, made)
    hits = [{"_source": source} if source != GONE else source for source in sources]
    pages = [hits[split:], hits[:split]]
    seen: set[int] = set()
    aside: list[Quarantined] = []
    rows = []
    for page, offset in zip(pages, (split, 0), strict=True):
        content = orjson.dumps({"hits": {"total": 4, "hits": page}})
        rows += complaints.normalise(content, offset, seen, aside)

    assert all(fits(warehouse.COMPLAINTS, row) for row in rows)
    assert len({row[0] for row in rows}) == len(rows) == len(seen)
    assert 0 <= 4 - len(rows) - len(aside) <= 3
    assert stored([(q.position, q.reason, q.record) for q in aside])


@settings(max_examples=2_000)
@given(made=changes(1, tuple(COMPLAINT)))
def test_a_page_decoded_at_once_gives_what_its_records_give_one_by_one(made):
    hits = [{"_source": source} for source in changed([COMPLAINT], made)]

    together = complaints._made(orjson.dumps({"hits": {"total": 1, "hits": hits}}))

    assert list(together) == [complaints._one(hit) for hit in hits]


REPOSITORY = {
    "id": 1, "full_name": "acme/rocket", "stargazers_count": 10, "forks_count": 3,
    "open_issues_count": 4, "subscribers_count": 1, "archived": False, "language": "Go",
    "license": {"spdx_id": "MIT", "key": "mit"}, "description": None,
}  # fmt: skip


@settings(max_examples=10_000)
@given(
    made=changes(1, (*REPOSITORY, "license.spdx_id")),
    status=st.sampled_from([200, 200, 304, 404, 451]),
)
@example(made=[((0, "id"), 2**64 - 1)], status=200)
def test_every_repository_is_a_row_or_quarantined(made, status):
    (body,) = changed([REPOSITORY], made)
    answer = {"asked": "acme/rocket", "day": DAY, "status": status, "body": body}
    made = github_stats.normalise(orjson.loads(orjson.dumps(answer)))

    assert len(made["rows"]) + len(made["quarantined"]) == 1
    assert all(fits(warehouse.REPOSITORIES, row) for row in made["rows"])
    assert stored(made["quarantined"])


CHANNEL = {
    "id": "UCa", "snippet": {"title": "Trains", "country": "DE"},
    "statistics": {
        "viewCount": "7", "videoCount": "1", "subscriberCount": "3", "hiddenSubscriberCount": False,
    },
}  # fmt: skip
VIDEO = {
    "id": "v1", "statistics": {"viewCount": "7", "likeCount": "2", "commentCount": "0"},
    "snippet": {"title": "T", "channelId": "UCa", "publishedAt": "2025-12-31T00:00:00Z"},
}  # fmt: skip


def fields_of(record: dict[str, Any]) -> tuple[str, ...]:
    inside = [f"{k}.{f}" for k, v in record.items() if isinstance(v, dict) for f in v]
    return (*record, *inside)


RECORDS = [CHANNEL, VIDEO, VIDEO | {"id": "v2"}, VIDEO]


@settings(max_examples=10_000)
@given(
    made=changes(4, tuple(sorted({*fields_of(CHANNEL), *fields_of(VIDEO)}))),
    channels=st.integers(0, 1),
    videos=st.integers(0, 3),
)
@example(made=[((1, "id"), ["v1"])], channels=1, videos=3)
def test_every_channel_and_video_is_a_row_or_quarantined_or_superseded(made, channels, videos):
    first, *others = changed(RECORDS, made)
    extracted = {
        "asked": "UCa", "day": DAY, "asked_videos": ["v1", "v2", "v3"],
        "channels": [first][:channels], "videos": others[:videos],
    }  # fmt: skip
    made = youtube_stats.normalise(orjson.loads(orjson.dumps(extracted)))

    rows = len(made["channels"]) + len(made["videos"])
    assert made["extracted"] == rows + len(made["quarantined"]) + made["superseded"]
    assert made["extracted"] >= 1 + videos
    assert all(fits(warehouse.CHANNELS, row) for row in made["channels"])
    assert all(fits(warehouse.VIDEOS, row) for row in made["videos"])
    assert stored(made["quarantined"])


@settings(max_examples=1000)
@given(content=st.binary(max_size=60) | st.sampled_from(ODD).map(orjson.dumps))
def test_any_body_is_a_page_or_a_transient_error(content):
    try:
        hits, total = complaints._hits(content, "http://x")
        if hits:
            complaints._advance(hits, set(), "http://x")
    except complaints.http.TransientError:
        return

    assert isinstance(total, int)


def test_what_passes_is_taken_by_both_warehouses(dialect):
    hits = [{"_source": COMPLAINT | {name: odd, "complaint_id": n}}
            for n, (name, odd) in enumerate((f, o) for f in COMPLAINT for o in ODD)]  # fmt: skip
    aside: list[Quarantined] = []
    content = orjson.dumps({"hits": {"total": len(hits), "hits": hits}})
    rows = complaints.normalise(content, 0, set(), aside)
    with warehouse.batch("complaints", "r", DAY, extracted=len(hits), superseded=0) as batch:
        batch.upsert(warehouse.COMPLAINTS, rows)
        batch.quarantine(aside)

    assert len(rows) > 100 < len(aside)
    assert warehouse.settle("complaints", "r", [DAY]).extracted == len(hits)
