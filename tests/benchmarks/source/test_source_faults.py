import math
import socket
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
import requests

from benchmarks.source import client, effects, faults, refusals
from benchmarks.source.answer import Asked


@pytest.fixture
def fault(source_url):
    """Return a function that sets a fault, by default of complaints."""
    return lambda kind, **more: client.set_fault(
        source_url, **{"pipeline": "complaints", "kind": kind, **more}
    )


def raw(source_url, path, timeout_s=5.0):
    """Send a request over a socket of its own and return that socket."""
    address = urlsplit(source_url)
    connection = socket.create_connection((address.hostname, address.port), timeout=timeout_s)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: source\r\nUser-Agent: raw\r\n\r\n".encode())
    return connection


def fields(response):
    return [hit["_source"] for hit in response.json()["hits"]["hits"]]


def asked(path="/cfpb/x", **query):
    return Asked(path, tuple(query.items()), {}, "127.0.0.1", "http://source")


def test_a_status_is_given_as_often_as_told_and_then_no_more(fault, search):
    fault("status", status=503, times=2)

    assert [search().status_code for _ in range(3)] == [503, 503, 200]


def test_a_status_speaks_the_words_of_its_api(fault, search, repo, youtube):
    fault("status", status=424)
    fault("status", status=500)
    fault("status", status=502, pipeline="github_stats")
    fault("status", status=503, pipeline="youtube_stats")

    assert search().json() == {"error": "There was an error calling OpenSearch"}
    assert set(search().json()) == {"error"}
    assert repo("acme/demo").json()["message"] == "Server Error"
    error = youtube("channels", part="id", id="UCdemo").json()["error"]
    assert (error["code"], error["errors"][0]["reason"]) == (503, "backendError")


def test_a_status_may_carry_a_body_of_its_own(fault, search):
    fault("status", status=418, body={"detail": "a teapot"})
    fault("status", status=502, body="bad gateway")

    assert search().json() == {"detail": "a teapot"}
    assert search().text == "bad gateway"


def test_retry_after_refuses_until_the_moment_it_names(fault, search):
    fault("retry_after", seconds=30)
    first, early = search(), search()

    assert (first.status_code, early.status_code) == (429, 429)
    assert first.headers["Retry-After"] == "30"
    assert first.json()["detail"].startswith("Request was throttled. Expected available in 30")


def test_a_limit_that_is_over_refuses_no_more():
    now = [1000.0]
    told = faults.Faults(now_s=lambda: now[0])
    made = told.set({"pipeline": "complaints", "kind": "retry_after", "seconds": 30})

    hits = []
    for now[0] in (1000.0, 1029.9, 1030.0):
        hits.append(told.strike("complaints", asked()) is not None)

    assert hits == [True, True, False]
    assert (made.struck, made.early, made.seen) == (2, 1, 3)


def test_retry_after_may_be_a_date_and_a_503(fault, search):
    fault("retry_after", seconds=30, status=503, as_date=True)
    refused = search()

    until = parsedate_to_datetime(refused.headers["Retry-After"]).timestamp()
    assert refused.status_code == 503
    assert 25 < until - time.time() <= 31


@pytest.mark.parametrize("status", [403, 429])
def test_the_primary_limit_names_its_reset_in_whole_epoch_seconds(fault, repo, status):
    fault("rate_limit", pipeline="github_stats", seconds=40, status=status)
    refused = repo("acme/demo")

    assert refused.status_code == status
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert "retry-after" not in refused.headers
    assert 38 < int(refused.headers["x-ratelimit-reset"]) - time.time() <= 41


def test_the_reset_is_never_announced_before_the_limit_ends():
    limit = effects.RateLimit(kind="rate_limit", seconds=5)

    assert faults.ends(limit, 1000.2) == math.ceil(1005.2)


def test_a_secondary_limit_may_or_may_not_say_when_to_return(fault, repo):
    fault("secondary_limit", pipeline="github_stats")
    fault("secondary_limit", pipeline="github_stats", retry_after=60, status=429)
    silent, telling = repo("acme/demo"), repo("acme/demo")

    assert (silent.status_code, telling.status_code) == (403, 429)
    assert "retry-after" not in silent.headers
    assert telling.headers["retry-after"] == "60"
    assert "secondary rate limit" in silent.json()["message"]
    assert silent.headers["x-ratelimit-remaining"] != "0"


@pytest.mark.parametrize(
    ("reason", "domain"),
    [
        ("quotaExceeded", "youtube.quota"),
        ("dailyLimitExceeded", "usageLimits"),
        ("rateLimitExceeded", "usageLimits"),
    ],
)
def test_a_quota_is_refused_in_each_of_its_shapes(fault, youtube, reason, domain):
    fault("quota", pipeline="youtube_stats", reason=reason)
    error = youtube("channels", part="id", id="UCdemo").json()["error"]

    assert (error["errors"][0]["reason"], error["errors"][0]["domain"]) == (reason, domain)


def test_a_request_that_hangs_gets_no_answer_until_the_faults_are_cleared(
    fault, source_url, search
):
    fault("hang", times=None, pipeline="github_stats")
    with raw(source_url, "/github/repos/acme/demo", timeout_s=0.3) as connection:
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert search().status_code == 200
        client.clear(source_url)
        connection.settimeout(5)

        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_a_client_that_leaves_ends_its_request_that_hangs(fault, source_url):
    fault("hang", pipeline="github_stats")
    raw(source_url, "/github/repos/acme/demo").close()

    deadline = time.monotonic() + 5
    while not client.served(source_url):
        assert time.monotonic() < deadline, "the request that hangs never ended"
    assert client.served(source_url)[0]["status"] == 0


def test_a_slow_answer_is_late_and_right(fault, search):
    right = search().content
    fault("slow", delay_s=0.2)
    began = time.monotonic()
    slow = search()

    assert time.monotonic() - began >= 0.2
    assert slow.content == right


def test_a_slow_answer_may_come_in_small_pieces(fault, search):
    right = search(size=1).content
    fault("slow", bytes_per_s=len(right) * 4)
    began = time.monotonic()
    slow = search(size=1)

    assert time.monotonic() - began >= 0.2
    assert slow.content == right


def test_a_connection_is_reset_before_any_answer(fault, source_url):
    fault("reset", pipeline="github_stats")
    connection = raw(source_url, "/github/repos/acme/demo")

    with connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_a_connection_may_be_reset_within_the_body(fault, source_url):
    fault("reset", pipeline="github_stats", size_bytes=100)
    connection, got = raw(source_url, "/github/repos/acme/demo"), b""

    with connection, pytest.raises(ConnectionResetError):
        while piece := connection.recv(65536):
            got += piece

    assert got.startswith(b"HTTP/1.1 200 OK") or not got  # a reset may overtake what was sent


def test_a_truncated_answer_is_shorter_than_its_content_length(fault, source_url):
    fault("truncate", pipeline="github_stats", share=0.25)
    got = b""
    with raw(source_url, "/github/repos/acme/demo") as connection:
        while piece := connection.recv(65536):
            got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])

    assert len(body) == length // 4


def test_a_client_notices_a_truncated_answer(fault, search):
    fault("truncate")

    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        search()


@pytest.mark.parametrize("pipeline", ["complaints", "github_stats", "youtube_stats"])
def test_invalid_json_comes_with_status_200(fault, search, repo, youtube, pipeline):
    fault("invalid_json", pipeline=pipeline)
    ask = {
        "complaints": search,
        "github_stats": lambda: repo("acme/demo"),
        "youtube_stats": lambda: youtube("channels", part="id", id="UCdemo"),
    }[pipeline]
    broken = ask()

    assert broken.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        broken.json()


def test_html_comes_where_json_was_asked_for(fault, search):
    fault("html")
    page = search()

    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_poison_makes_records_invalid_in_turn_and_says_which(fault, source_url, search):
    fault("poison", n=4, ways=["id_missing", "date_unparsable", "text_list", "text_number"])
    spoilt = [f for f in fields(search(size=100)) if _wrong(f)]
    poisoned = client.faults(source_url)[0]["poisoned"]

    assert len(spoilt) == len({p["id"] for p in poisoned}) == 4
    assert "complaint_id" not in spoilt[0]
    assert spoilt[1]["date_received"] == "soon"
    assert (spoilt[2]["product"], spoilt[3]["product"]) == (["Mortgage"], 42)
    assert [p["way"] for p in poisoned] == [
        "id_missing", "date_unparsable", "text_list", "text_number",
    ]  # fmt: skip
    assert not [f for f in fields(search(size=100)) if _wrong(f)]


def _wrong(record):
    return (
        "complaint_id" not in record
        or record["date_received"] == "soon"
        or not isinstance(record["product"], str)
    )


def test_poison_without_end_spoils_the_same_records_again(fault, source_url, search):
    fault("poison", n=3, times=None)
    first, again = search(size=100).json(), search(size=100).json()

    assert first == again
    assert len(client.faults(source_url)[0]["poisoned"]) == 3


def test_poison_may_name_the_records_it_spoils(fault, source_url, search):
    name = search().json()["hits"]["hits"][3]["_id"]
    fault("poison", ids=[name], ways=["date_null"])
    wrong = [f for f in fields(search()) if f["date_received"] is None]

    assert [f["complaint_id"] for f in wrong] == [name]
    assert client.faults(source_url)[0]["poisoned"] == [{"id": name, "way": "date_null"}]


def test_repositories_and_videos_can_be_poisoned_too(fault, repo, youtube):
    fault("poison", pipeline="github_stats", ways=["count_text"])
    fault("poison", pipeline="youtube_stats", ways=["count_text"])

    assert repo("acme/demo").json()["stargazers_count"] == "many"
    channel = youtube("channels", part="statistics", id="UCdemo").json()["items"][0]
    assert channel["statistics"]["viewCount"] == "many"


def test_a_corrupted_repository_has_no_etag_to_be_kept_by(fault, repo):
    etag = repo("acme/demo").headers["etag"]
    fault("field_gone", pipeline="github_stats", name="stargazers_count")
    corrupted = repo("acme/demo", **{"If-None-Match": etag})

    assert corrupted.status_code == 200
    assert "etag" not in corrupted.headers
    assert "stargazers_count" not in corrupted.json()


def test_a_field_goes_from_every_record_also_inside_objects(fault, search, youtube):
    fault("field_gone", name="company")
    fault("field_gone", pipeline="youtube_stats", name="statistics.viewCount")

    assert not any("company" in record for record in fields(search()))
    channel = youtube("channels", part="statistics", id="UCdemo").json()["items"][0]
    assert "viewCount" not in channel["statistics"]
    assert "videoCount" in channel["statistics"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("number", 42), ("list", ["forty-two"]), ("null", None), ("boolean", True)],
)
def test_a_field_takes_another_type_in_every_record(fault, search, name, value):
    fault("field_type", name="zip_code", type=name)

    assert {str(record["zip_code"]) for record in fields(search())} == {str(value)}


def test_a_repeated_page_is_page_1_whatever_the_cursor_says(fault, search):
    first = search()
    cursor = "{}_{}".format(*first.json()["hits"]["hits"][-1]["sort"])
    fault("repeat_page")

    assert search().content == first.content  # has no cursor: neither struck nor counted
    assert search(search_after=cursor).content == first.content
    assert search(search_after=cursor).content != first.content


def test_an_empty_answer_says_that_nothing_was_found(fault, search, youtube):
    fault("empty")
    fault("empty", pipeline="youtube_stats")

    nothing = search().json()["hits"]
    assert (nothing["hits"], nothing["total"]["value"]) == ([], 0)
    assert "items" not in youtube("channels", part="id", id="UCdemo").json()


def test_an_old_total_is_a_number(fault, search):
    fault("old_total")

    assert search().json()["hits"]["total"] == 100


def test_a_fault_waits_for_the_requests_before_it_and_for_those_that_match(fault, search):
    fault("status", after=1, match={"query": "size=20"})

    statuses = [search(size=n).status_code for n in (10, 20, 10, 20, 20)]

    assert statuses == [200, 200, 200, 503, 200]


def test_a_fault_may_match_a_part_of_the_path(fault, youtube):
    fault("status", pipeline="youtube_stats", match={"path": "/videos"})

    assert youtube("channels", part="id", id="UCdemo").status_code == 200
    assert youtube("videos", part="id", id="a").status_code == 503


def test_faults_strike_one_after_the_other_in_the_order_they_were_set(fault, search):
    fault("status", status=500)
    fault("status", status=503)

    assert [search().status_code for _ in range(3)] == [500, 503, 200]


def test_a_fault_of_one_pipeline_leaves_the_others_alone(fault, repo):
    fault("status", times=None)

    assert repo("acme/demo").status_code == 200


def test_every_kind_can_be_set_with_nothing_but_what_it_needs():
    needs = {"field_gone": {"name": "x"}, "field_type": {"name": "x", "type": "null"}}

    for kind in effects.KINDS:
        for pipeline in effects.ONLY_FOR.get(kind, faults.PREFIXES.values()):
            told = {"pipeline": pipeline, "kind": kind, **needs.get(kind, {})}
            assert faults.parse(told)[1].kind == kind


def test_throttling_for_one_second_is_told_in_the_singular():
    assert b"1 second." in refusals.throttled(1).body
