from email.utils import parsedate_to_datetime

import pytest
import requests

from benchmarks.source import client
from benchmarks.source.clock import Clock
from benchmarks.source.page import PATH


def test_an_unknown_kind_is_refused_with_the_kinds_there_are(source_url):
    with pytest.raises(client.ControlError, match=r"422.*unknown kind 'explode'.*status, retry_"):
        client.set_fault(source_url, pipeline="complaints", kind="explode")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "status", "status": 200}, "status: Input should be greater than"),
        ({"kind": "hang", "seconds": 3}, "seconds: Extra inputs are not permitted"),
        ({"kind": "hang", "times": 0}, "times: Input should be greater than"),
        ({"kind": "hang", "pipeline": "cooking"}, "pipeline: Input should be 'complaints'"),
        ({"kind": "rate_limit"}, "only for the pipeline github_stats"),
        ({"kind": "field_type", "name": "a", "type": "date"}, "type: Input should be 'number'"),
    ],
)
def test_a_fault_that_does_not_fit_is_refused_with_the_reason(source_url, fault, words):
    with pytest.raises(client.ControlError) as refused:
        client.set_fault(source_url, **{"pipeline": "complaints", **fault})

    assert words in str(refused.value)


def test_what_is_no_json_object_is_refused(source_url):
    for content in (b"{", b"[]", b"3"):
        response = requests.post(source_url + "/_control/faults", data=content, timeout=5)
        assert response.status_code == 422, content


def test_the_faults_tell_how_often_they_struck(source_url, search):
    client.set_fault(source_url, pipeline="complaints", kind="status", times=1, after=1)
    for _ in range(3):
        search()

    fault = client.faults(source_url)[0]
    assert (fault["seen"], fault["struck"], fault["early"]) == (3, 1, 0)


def test_clearing_takes_back_the_faults_and_keeps_what_was_served(source_url, search):
    client.set_fault(source_url, pipeline="complaints", kind="status", times=None)
    search()
    client.clear(source_url)
    client.clear(source_url)

    assert search().status_code == 200
    assert client.faults(source_url) == []
    assert [r["status"] for r in client.served(source_url)] == [503, 200]


def test_one_fault_can_be_taken_back(source_url, search):
    kept = client.set_fault(source_url, pipeline="complaints", kind="status", status=500)
    gone = client.set_fault(source_url, pipeline="complaints", kind="status", status=503)
    requests.delete(f"{source_url}/_control/faults/{gone['id']}", timeout=5)

    assert [fault["id"] for fault in client.faults(source_url)] == [kept["id"]]


def test_served_tells_of_every_request_without_its_key(source_url, youtube, repo):
    client.set_fault(source_url, pipeline="github_stats", kind="status")
    youtube("channels", part="id", id="UCdemo", key="hush")
    repo("acme/demo")
    first, second = client.served(source_url)

    assert (first["pipeline"], first["path"]) == ("youtube_stats", "/youtube/v3/channels")
    assert first["query"] == "part=id&id=UCdemo"
    assert (second["status"], second["fault"]) == (503, "status")
    assert first["at"] < second["at"]
    counts = client.counts(source_url)
    assert counts["by_status"] == {"github_stats": {"503": 1}, "youtube_stats": {"200": 1}}
    assert counts["total"] == 2


def test_a_reset_forgets_requests_faults_limits_and_quotas(source_url, youtube):
    client.set_limits(source_url, youtube_units=1)
    client.set_fault(source_url, pipeline="complaints", kind="hang")
    youtube("channels", part="id", id="UCdemo")
    client.reset(source_url)

    assert client.served(source_url) == client.faults(source_url) == []
    assert youtube("channels", part="id", id="UCdemo").status_code == 200
    assert youtube("channels", part="id", id="UCdemo").status_code == 200


def test_a_limit_that_is_unknown_is_refused(source_url):
    with pytest.raises(client.ControlError, match="422"):
        client.set_limits(source_url, patience=3)


def test_every_answer_carries_the_day_it_was_told(source, get):
    for path in (PATH + "?size=0", "/github/repos/acme/missing", "/youtube/v3/x", "/other"):
        moment = parsedate_to_datetime(get(path).headers["Date"])
        assert moment.date().isoformat() == source.today, path


def test_without_a_day_the_clock_is_the_real_one():
    assert Clock().today() == Clock().now().date()


def test_a_source_that_is_not_there_is_not_ready(source_url):
    assert client.ready(source_url)
    assert not client.ready("http://127.0.0.1:9")
