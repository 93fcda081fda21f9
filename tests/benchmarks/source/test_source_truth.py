import subprocess
import sys
import tracemalloc
from collections import deque
from datetime import date

import pytest

from benchmarks.source import client, replay, truth
from benchmarks.source.answer import Asked

CHANNELS = ["UCchannel01", "UCmissing1", "UCchannel02", "UCchannel01"]
REPOSITORIES = ["acme/demo", "acme/renamed-demo", "acme/missing-1", "acme/blocked-1", "acme/b"]


def test_the_complaints_of_the_truth_are_those_that_are_served(source, search):
    days = ["2026-01-05", "2026-01-06"]
    served = search(size=1000, date_received_min=days[0], date_received_max=days[1]).json()
    rows = {row["complaint_id"]: row for row in truth.complaints(source.seed, 100, days)}

    assert len(rows) == 200
    for hit in served["hits"]["hits"]:
        row, told = rows[int(hit["_id"])], hit["_source"]
        assert row["date_received"] == told["date_received"][:10]
        assert row["narrative"] == (told.get("complaint_what_happened") or None)
        assert row["timely"] is {"Yes": True, "No": False, None: None}[told["timely"]]
        assert all(row[name] == told[name] for name in ("product", "state", "zip_code", "tags"))


def test_an_empty_a_null_and_an_absent_narrative_are_all_none():
    rows = truth.complaints(7, 200, ["2026-01-05"])

    assert "" not in {row["narrative"] for row in rows}


def test_the_repositories_of_the_truth_are_those_that_are_served(source, repo):
    rows = truth.repositories(source.seed, source.today, REPOSITORIES)

    assert [row["full_name"] for row in rows] == ["acme/demo", "acme/b"]
    for row in rows:
        body = repo(row["full_name"]).json()
        assert row["repository_id"] == body["id"]
        assert (row["stars"], row["forks"]) == (body["stargazers_count"], body["forks_count"])
        assert row["subscribers"] == body["subscribers_count"]
        assert row["license"] == (body["license"] or {}).get("spdx_id")


def test_repositories_that_cannot_be_had_are_named():
    assert truth.missing_repositories(REPOSITORIES) == ["acme/missing-1", "acme/blocked-1"]


def test_the_channels_of_the_truth_are_those_that_are_served(source, youtube):
    rows = truth.channels(source.seed, source.today, CHANNELS)
    served = youtube("channels", part="snippet,statistics", id=",".join(CHANNELS)).json()["items"]

    assert [row["channel_id"] for row in rows] == [item["id"] for item in served]
    for row, item in zip(rows, served, strict=True):
        counts = item["statistics"]
        assert str(row["views"]) == counts["viewCount"]
        assert row["subscribers"] == (
            int(counts["subscriberCount"]) if "subscriberCount" in counts else None
        )
        assert (row["title"], row["country"]) == (
            item["snippet"]["title"], item["snippet"].get("country"),
        )  # fmt: skip
    assert truth.missing_channels(CHANNELS) == ["UCmissing1"]


@pytest.mark.parametrize("newest", [5, 50])
def test_the_videos_of_the_truth_are_those_that_are_served(source, youtube, newest):
    rows = truth.videos(source.seed, source.today, CHANNELS[:1], newest)
    hidden = truth.private_videos(source.seed, CHANNELS[:1], newest)
    query = {"part": "contentDetails", "playlistId": "UUchannel01", "maxResults": newest}
    listed = [
        item["contentDetails"]["videoId"]
        for item in youtube("playlistItems", **query).json()["items"]
    ]
    served = youtube("videos", part="snippet,statistics", id=",".join(listed)).json()["items"]

    assert sorted(listed) == sorted([row["video_id"] for row in rows] + hidden)
    assert [row["video_id"] for row in rows] == [item["id"] for item in served]
    for row, item in zip(rows, served, strict=True):
        assert row["published_at"] == item["snippet"]["publishedAt"]
        for name in ("view", "like", "comment"):
            count = item["statistics"].get(f"{name}Count")
            assert row[f"{name}s"] == (None if count is None else int(count))


def test_counts_grow_from_day_to_day_and_ids_do_not_change():
    before, after = (truth.videos(7, day, CHANNELS[:1]) for day in ("2026-01-15", "2026-02-15"))

    assert [row["video_id"] for row in before] == [row["video_id"] for row in after]
    assert sum(row["views"] or 0 for row in before) < sum(row["views"] or 0 for row in after)


def test_another_seed_gives_another_truth():
    one, other = (list(truth.complaints(seed, 5, ["2026-01-05"])) for seed in (7, 8))

    assert [row["complaint_id"] for row in one] == [row["complaint_id"] for row in other]
    assert one != other


def test_the_truth_is_the_same_in_every_process():
    program = (
        "import hashlib, json; from benchmarks.source import truth; "
        "rows = [list(truth.complaints(7, 50, ['2026-01-05'])), "
        "truth.repositories(7, '2026-01-15', ['a/b']), "
        "truth.channels(7, '2026-01-15', ['UCx']), truth.videos(7, '2026-01-15', ['UCx'])]; "
        "print(hashlib.sha256(json.dumps(rows).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, check=True,
            capture_output=True, text=True, timeout=30,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip

    assert len(digests) == 1


def test_ids_of_complaints_are_unique_over_all_days_and_fit_into_32_bits():
    days = [date(2026, 1, n).isoformat() for n in range(1, 31)]
    ids = [row["complaint_id"] for row in truth.complaints(7, 40, days)]

    assert len(set(ids)) == 30 * 40
    assert max(ids) < 2**31


def test_the_complaints_of_the_truth_are_never_held_at_once():
    days = ["2026-01-05", "2026-01-06"]
    tracemalloc.start()
    deque(truth.complaints(7, 1_000, days), maxlen=0)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    deque(truth.complaints(7, 3_000, days), maxlen=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak - before < 200_000


def test_recorded_pages_are_replayed_byte_by_byte_and_in_order(recorded_pages):
    replayed = replay.load(recorded_pages)
    window = {"date_received_min": "2024-11-06", "date_received_max": "2024-11-06"}

    def ask(**query):
        query = tuple({"sort": "created_date_desc", **window, **query}.items())
        return replayed.answer(Asked("/", query, {}, "", "")).body

    pages = [(recorded_pages / f"search-page-{n}.json").read_bytes() for n in (1, 2)]
    assert ask() == pages[0]
    assert ask(search_after="1730912400000_10701248") == pages[1]
    assert b'"hits":[]' in ask(search_after="1730912400000_10701126")
    assert b'"hits":[]' in ask(date_received_min="2024-11-07", date_received_max="2024-11-07")


def test_the_truth_of_recorded_pages_is_a_row_a_complaint(recorded_pages):
    rows = truth.recorded(recorded_pages)

    assert len({row["complaint_id"] for row in rows}) == 50
    assert rows[0]["complaint_id"] == 10702013


def test_the_client_and_the_truth_of_a_fresh_source_agree_on_the_seed(source):
    assert client.ready(source.url)
    assert (source.seed, source.per_day) == (7, 100)
