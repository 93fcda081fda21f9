"""What would be sent to the three real APIs. Nothing is sent: the transport only notes it."""

import tempfile
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
import requests
from driving import DAY, together

from shared import complaints, github_stats, http, youtube_stats
from shared.config import LIVE_URLS, ConfigurationError

DATE = {"Date": "Mon, 05 Jan 2026 12:00:00 GMT"}
NO_HITS = {"hits": {"total": {"value": 0, "relation": "eq"}, "hits": []}}
NO_ITEMS = {"kind": "youtube#channelListResponse"}


class Notebook(requests.adapters.BaseAdapter):
    """Takes every request, answers with what it was given, and sends nothing."""

    def __init__(self, *contents):
        super().__init__()
        self.requests, self.contents = [], list(contents)

    def send(self, request, **how):
        self.requests.append((request, how))
        made = requests.Response()
        made.status_code, made.url, made.request = 200, request.url, request
        made.headers.update(DATE)
        made._content = orjson.dumps(self.contents.pop(0))
        return made

    def close(self):
        """Nothing is open."""


@pytest.fixture
def live(configure, monkeypatch, tmp_path):
    """Return a function that mounts a notebook in place of the network, and returns it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def mounted(*contents, **variables):
        configure(ETL_SOURCE="live", **variables)
        notebook = Notebook(*contents)
        http.session().close()  # what is mounted is replaced
        for prefix in ("https://", LIVE_URLS["complaints"]):
            http.session().mount(prefix, notebook)
        return notebook

    return mounted


def sent(notebook, number=0):
    request, how = notebook.requests[number]
    return request, parse_qs(urlsplit(request.url).query), how


def test_complaints_are_searched_by_day_newest_first_as_json(live):
    notebook = live(NO_HITS)
    complaints.extract("r", DAY)
    request, query, how = sent(notebook)

    assert request.url.startswith(LIVE_URLS["complaints"] + "?")
    assert query == {
        "date_received_min": [DAY], "date_received_max": [DAY], "size": ["40"],
        "sort": ["created_date_desc"], "no_aggs": ["true"], "no_highlight": ["true"],
    }  # fmt: skip
    assert request.headers["Accept"] == "application/json"
    assert request.headers["User-Agent"] == http.USER_AGENT
    assert how["timeout"] == 10.0


def test_the_next_page_of_complaints_is_asked_for_behind_the_last_hit(live):
    hit = {"_id": "7", "_source": {}, "sort": [1767632400000, "7"]}
    first = {"hits": {"total": {"value": 2, "relation": "eq"}, "hits": [hit]}}
    notebook = live(first, {"hits": {"total": 2, "hits": []}})
    complaints.extract("r", DAY)

    assert sent(notebook, 1)[1]["search_after"] == ["1767632400000_7"]


@pytest.mark.parametrize("token", ["", "ghp_secret"])
def test_a_repository_is_asked_for_with_version_agent_and_token(live, token):
    notebook = live({"id": 1}, GITHUB_TOKEN=token)
    github_stats.extract("r", "apache/airflow")
    request, query, _ = sent(notebook)

    assert (request.url, query) == ("https://api.github.com/repos/apache/airflow", {})
    assert request.headers["Accept"] == "application/vnd.github+json"
    assert request.headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert request.headers["User-Agent"] == http.USER_AGENT
    assert request.headers.get("Authorization") == (f"Bearer {token}" if token else None)
    assert "If-None-Match" not in request.headers


def test_a_channel_its_uploads_and_their_videos_are_asked_for_with_the_key(live):
    uploads = {"relatedPlaylists": {"uploads": "UUa"}}
    item = {"contentDetails": {"videoId": "v1"}}
    notebook = live(
        NO_ITEMS | {"items": [{"id": "UCa", "contentDetails": uploads}]},
        NO_ITEMS | {"items": [item]},
        NO_ITEMS,
        YOUTUBE_API_KEY="AIzaSecret",
        ETL_VIDEOS=20,
    )
    youtube_stats.extract("r", "UCa")

    base = "https://www.googleapis.com/youtube/v3"
    assert [r.url.split("?")[0] for r, _ in notebook.requests] == [
        f"{base}/channels", f"{base}/playlistItems", f"{base}/videos",
    ]  # fmt: skip
    assert sent(notebook, 0)[1] == {
        "id": ["UCa"], "part": ["snippet,statistics,contentDetails"], "key": ["AIzaSecret"],
    }  # fmt: skip
    assert sent(notebook, 1)[1] == {
        "playlistId": ["UUa"], "part": ["contentDetails"], "maxResults": ["20"],
        "key": ["AIzaSecret"],
    }  # fmt: skip
    assert sent(notebook, 2)[1] == {
        "id": ["v1"], "part": ["snippet,statistics"], "key": ["AIzaSecret"],
    }  # fmt: skip


def test_the_live_youtube_api_is_not_asked_without_a_key(configure):
    configure(ETL_SOURCE="live")

    with pytest.raises(ConfigurationError, match="YOUTUBE_API_KEY"):
        youtube_stats.plan("r", ["UCa"])


@pytest.fixture
def place(monkeypatch, tmp_path):
    """Let this test's processes count in a file of their own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_only_the_live_complaints_api_is_paced(configure, place):
    configure(ETL_SOURCE="live")
    paced = http.session().get_adapter(LIVE_URLS["complaints"])
    plain = http.session().get_adapter("https://api.github.com/repos/a/b")

    rates = paced.limiter.buckets()[0].rates
    assert [(rate.limit, rate.interval) for rate in rates] == [(15, 60_000)]
    assert type(plain) is requests.adapters.HTTPAdapter


def test_the_stand_in_is_not_paced(configure):
    url = "http://127.0.0.1:8765/cfpb/data-research/consumer-complaints/search/api/v1/"
    found = [http.session().get_adapter(u) for u in (url, LIVE_URLS["complaints"])]

    assert [type(adapter) for adapter in found] == [requests.adapters.HTTPAdapter] * 2


def test_the_sixteenth_request_of_a_minute_finds_no_place(place):
    with http.paced(15, 60_000).limiter as limiter:
        places = [limiter.try_acquire("complaints", timeout=0.5) for _ in range(16)]

    assert places == [True] * 15 + [False]


TAKE = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from shared import http
limiter = http.paced(15, 60_000).limiter
assert all(limiter.try_acquire("complaints", timeout=0.5) for _ in range(5))
"""


def test_all_processes_of_a_machine_count_in_the_same_minute(place, tmp_path):
    ended = together(TAKE, [[str(tmp_path)]] * 3)

    assert ended == [0, 0, 0]
    with http.paced(15, 60_000).limiter as limiter:
        assert not limiter.try_acquire("complaints", timeout=0.5)
