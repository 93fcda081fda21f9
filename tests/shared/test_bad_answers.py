"""Every bad answer of a source: state of the run, rows, quarantine and message.

A line of the table is one run against a source with one fault. `raised` is the error that ends the
run, None when it succeeds. A run that failed has loaded nothing, and the same run brings all rows
once the fault is gone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from driving import DAY, count, drive, loaded

from benchmarks.source import channels, client, truth
from benchmarks.source.faults import KINDS, ONLY_FOR
from shared import complaints, github_stats, warehouse, youtube_stats
from shared.complaints import LoopError
from shared.config import settings
from shared.http import PermanentError, RateLimitedError, TransientError
from shared.warehouse import QUARANTINE

TODAY = "2026-01-15"
NAMES = [f"UCnumber-{n}" for n in range(1000)]
CHANNEL = next(n for n in NAMES if len(truth.private_videos(7, [n])) > 1)
LISTED = len(truth.videos(7, TODAY, [CHANNEL]))
PRIVATE = len(truth.private_videos(7, [CHANNEL]))
# a channel with more uploads than fit on a page
MANY = next(n for n in NAMES if channels.of(7, n, date.fromisoformat(TODAY)).uploads > 60)
STEPS: dict[str, tuple[Any, str, int, int]] = {
    # pipeline: steps, key, rows and quarantined records when all goes well
    "complaints": (complaints, DAY, 100, 0),
    "github_stats": (github_stats, "acme/rocket", 1, 0),
    "youtube_stats": (youtube_stats, CHANNEL, 1 + LISTED, PRIVATE),
}
IMPATIENT = {"ETL_TIMEOUT_S": 0.3}
CHANNELS, UPLOADS, VIDEOS = ({"path": p} for p in ("/channels", "/playlistItems", "/videos"))


@dataclass(frozen=True)
class Line:
    pipeline: str
    fault: dict[str, Any]
    raised: type[Exception] | None
    words: str  # a part of the error, or of the reason of the first quarantined record
    rows: int = 0
    quarantined: int = 0
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.pipeline} {self.fault}"


def fails(pipeline, raised, words, /, settings=None, **fault):
    return Line(pipeline, fault, raised, words, settings=settings or {})


def ends(pipeline, rows, quarantined, words="", /, settings=None, **fault):
    return Line(pipeline, fault, None, words, rows, quarantined, settings or {})


def everywhere(raised, words, /, settings=None, **fault):
    return [fails(p, raised, words, settings, **fault) for p in STEPS]


C, G, Y = STEPS
BAD, LATER, LIMIT = PermanentError, TransientError, RateLimitedError
NO_KEY = "Check the key or token in the environment"
QUOTA = "The quota of the key is used up until midnight Pacific time"
TABLE = [
    # refusals
    fails(C, LATER, "There was a problem retrieving your request", kind="status", status=500),
    fails(C, LATER, "Service Unavailable (status 503)", kind="status", status=503),
    fails(C, LATER, "There was an error calling OpenSearch", kind="status", status=424),
    fails(C, BAD, "(status 404)", kind="status", status=404),
    fails(C, BAD, NO_KEY, kind="status", status=401),
    fails(C, BAD, "size: too large", kind="status", status=400, body={"detail": "size: too large"}),
    fails(G, LATER, "Server Error (status 500)", kind="status", status=500),
    fails(G, LATER, "Server Error (status 503)", kind="status", status=503),
    fails(G, LATER, "(status 424)", kind="status", status=424),
    fails(G, BAD, NO_KEY, kind="status", status=401),
    ends(G, 0, 1, "not found: private, gone or misspelt", kind="status", status=404),
    ends(G, 0, 1, "blocked for legal reasons", kind="status", status=451),
    fails(Y, LATER, "backendError", kind="status", status=500),
    fails(Y, LATER, "backendError", kind="status", status=503),
    fails(Y, LATER, "(status 424)", kind="status", status=424),
    fails(Y, BAD, "(status 404)", kind="status", status=404),
    fails(Y, BAD, NO_KEY, kind="status", status=401),
    fails(Y, BAD, NO_KEY, kind="status", status=403),
    # limits
    *everywhere(LIMIT, "(status 429)", kind="retry_after", seconds=60),
    *everywhere(LIMIT, "It ends at ", kind="retry_after", seconds=60, status=503, as_date=True),
    fails(G, LIMIT, "API rate limit exceeded", kind="rate_limit", seconds=60),
    fails(G, LIMIT, "API rate limit exceeded", kind="rate_limit", seconds=60, status=429),
    fails(G, LIMIT, "secondary rate limit", kind="secondary_limit"),
    fails(G, LIMIT, "secondary rate limit", kind="secondary_limit", retry_after=60),
    fails(Y, BAD, QUOTA, kind="quota", reason="quotaExceeded"),
    fails(Y, BAD, QUOTA, kind="quota", reason="dailyLimitExceeded"),
    fails(Y, LATER, "rateLimitExceeded", kind="quota", reason="rateLimitExceeded"),
    fails(Y, BAD, QUOTA, kind="quota", match=VIDEOS),
    # connections
    *everywhere(LATER, "no answer in 0.3 s", IMPATIENT, kind="hang"),
    *everywhere(LATER, "no answer in 0.3 s", IMPATIENT, kind="slow", delay_s=5),
    *everywhere(LATER, "ConnectionError", kind="reset"),
    *everywhere(LATER, "onnection", kind="reset", size_bytes=50),
    *everywhere(LATER, "IncompleteRead", kind="truncate"),
    *(ends(p, rows, aside, kind="slow", delay_s=0.05) for p, (_, _, rows, aside) in STEPS.items()),
    # bodies
    fails(C, LATER, "not a page of complaints: DecodeError", kind="invalid_json"),
    fails(C, LATER, "It begins with b'<!DOCTYPE html>", kind="html"),
    fails(C, LATER, "(status 503)", kind="html", status=503),
    *(fails(p, LATER, "the answer is not JSON", kind="invalid_json") for p in (G, Y)),
    *(fails(p, LATER, "It begins with b'<!DOCTYPE html>", kind="html") for p in (G, Y)),
    fails(Y, LATER, "the answer is not JSON", kind="invalid_json", match=VIDEOS),
    # pages
    fails(C, LoopError, "the source repeats a page", kind="repeat_page"),
    fails(Y, LATER, "the source repeats a page", {"ETL_VIDEOS": 100}, kind="repeat_page"),
    ends(C, 0, 0, kind="empty"),
    fails(C, LATER, "an empty page behind 40 complaints", kind="empty", after=1),
    ends(Y, 0, 1, "not found: no such channel", kind="empty", match=CHANNELS),
    ends(Y, 1, 0, kind="empty", match=UPLOADS),
    ends(Y, 1, LISTED + PRIVATE, "not given: private or deleted", kind="empty", match=VIDEOS),
    ends(C, 100, 0, kind="old_total", times=None),
    # records: complaints
    ends(C, 97, 3, ": ", kind="poison", n=3),
    ends(C, 91, 9, ": ", kind="poison", n=3, times=None),
    ends(C, 99, 1, "complaint_id: Field required", kind="poison", ways=["id_missing"]),
    ends(C, 99, 1, "complaint_id: String should match", kind="poison", ways=["id_text"]),
    ends(C, 99, 1, "date_received: String should", kind="poison", ways=["date_unparsable"]),
    ends(C, 99, 1, "date_received: Input should be", kind="poison", ways=["date_null"]),
    ends(C, 99, 1, "product: Input should be", kind="poison", ways=["text_list"]),
    ends(C, 99, 1, "product: Input should be", kind="poison", ways=["text_null"]),
    ends(C, 100, 0, kind="poison", ways=["text_number"]),
    ends(C, 60, 40, "product: Field required", kind="field_gone", name="product"),
    ends(C, 0, 100, "product: Field required", kind="field_gone", name="product", times=None),
    ends(C, 100, 0, kind="field_gone", name="complaint_what_happened", times=None),
    ends(C, 100, 0, kind="field_gone", name="state", times=None),
    ends(C, 60, 40, "product: Input", kind="field_type", name="product", type="list"),
    ends(C, 60, 40, "timely: Input", kind="field_type", name="timely", type="number"),
    ends(C, 100, 0, kind="field_type", name="zip_code", type="number", times=None),
    ends(C, 100, 0, kind="field_type", name="company", type="null", times=None),
    # records: GitHub
    ends(G, 0, 1, "id: Field required", kind="poison", ways=["id_missing"]),
    ends(G, 0, 1, "id: Input should be a valid integer", kind="poison", ways=["id_text"]),
    ends(G, 0, 1, "stargazers_count: Input should", kind="poison", ways=["count_text"]),
    ends(G, 0, 1, "full_name: Input should", kind="poison", ways=["text_list"]),
    ends(G, 0, 1, "full_name: Input should", kind="poison", ways=["text_null"]),
    ends(G, 0, 1, "full_name: Input should", kind="poison", ways=["text_number"]),
    ends(G, 0, 1, "forks_count: Field required", kind="field_gone", name="forks_count"),
    ends(G, 1, 0, kind="field_gone", name="subscribers_count"),
    ends(G, 0, 1, "forks_count: Input", kind="field_type", name="forks_count", type="null"),
    ends(G, 1, 0, kind="field_type", name="license", type="null"),
    # records: YouTube. A video without its id is quarantined, and so is the id that was asked for
    ends(Y, 1 + LISTED - 3, PRIVATE + 4, ": ", kind="poison", n=3, match=VIDEOS),
    ends(Y, LISTED, PRIVATE + 1, "statistics.viewCount: String should match",
         kind="poison", ways=["count_text"], match=VIDEOS),
    ends(Y, LISTED, PRIVATE + 1, "snippet.title: Input should be",
         kind="poison", ways=["text_list"], match=VIDEOS),
    ends(Y, LISTED, PRIVATE + 1, "statistics.viewCount: String should match",
         kind="poison", ways=["count_text"], match=CHANNELS),
    ends(Y, LISTED, PRIVATE + 1, "id: Field required",
         kind="poison", ways=["id_missing"], match=CHANNELS),
    ends(Y, 1 + LISTED, PRIVATE, kind="field_gone", name="statistics.likeCount", match=VIDEOS),
    ends(Y, LISTED, PRIVATE + 1, "statistics: Field required",
         kind="field_gone", name="statistics", match=CHANNELS),
    fails(Y, LATER, "a channel without a playlist of uploads",
          kind="field_gone", name="contentDetails", match=CHANNELS),
    fails(Y, LATER, "an upload without contentDetails.videoId",
          kind="field_gone", name="contentDetails.videoId", match=UPLOADS),
    ends(Y, LISTED, PRIVATE + 1, "statistics: Input should",
         kind="field_type", name="statistics", type="list", match=CHANNELS),
    ends(Y, 1, PRIVATE + 2 * LISTED, "id: Input should",
         kind="field_type", name="id", type="list", match=VIDEOS),
]  # fmt: skip


def key_of(line):
    return MANY if line.settings.get("ETL_VIDEOS") else STEPS[line.pipeline][1]


@pytest.mark.parametrize("line", TABLE, ids=str)
def test_a_bad_answer_ends_as_the_table_says(line, served_by, configure):
    steps, _, rows, quarantined = STEPS[line.pipeline]
    configure(**line.settings)
    client.set_fault(served_by.url, pipeline=line.pipeline, **line.fault)
    if line.raised is None:
        found = drive(steps, "r", key_of(line))
        reason = next((q["reason"] for q in warehouse.rows(QUARANTINE)), "")

        assert (loaded(line.pipeline), count(QUARANTINE)) == (line.rows, line.quarantined)
        assert (found.loaded, found.quarantined) == (line.rows, line.quarantined)
        assert found.holds
        assert line.words in reason
        return
    with pytest.raises(line.raised) as raised:
        drive(steps, "r", key_of(line))

    assert type(raised.value) is line.raised
    assert line.words in str(raised.value)
    assert loaded(line.pipeline) == 0
    client.clear(served_by.url)
    configure(ETL_TIMEOUT_S=10, ETL_VIDEOS=50)
    healed = drive(steps, "r", STEPS[line.pipeline][1])
    assert (loaded(line.pipeline), healed.quarantined) == (rows, quarantined)


def test_the_table_has_every_kind_of_fault_for_every_pipeline_it_applies_to():
    wanted = {(kind, p) for kind in KINDS for p in ONLY_FOR.get(kind, tuple(STEPS))}

    assert {(line.fault["kind"], line.pipeline) for line in TABLE} == wanted


def test_a_limit_names_the_moment_at_which_it_ends(served_by):
    assert settings().source == "standin"
    client.set_fault(served_by.url, pipeline="github_stats", kind="rate_limit", seconds=90)
    with pytest.raises(RateLimitedError) as limited:
        github_stats.extract("r", "acme/rocket")

    assert 80 < limited.value.wait_s() <= 91


def test_a_field_that_is_gone_from_all_records_is_null_in_all_rows(served_by):
    client.set_fault(
        served_by.url, pipeline="complaints", kind="field_gone", name="state", times=None
    )
    drive(complaints, "r", DAY)

    assert {row["state"] for row in warehouse.rows(warehouse.COMPLAINTS)} == {None}
