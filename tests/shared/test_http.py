import pickle
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import orjson
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from shared import http
from shared.http import PermanentError, RateLimitedError, TransientError

URL = "https://host.example/list?part=id&key=TOPSECRET"
QUOTA = {"error": {"code": 403, "message": "exceeded", "errors": [{"reason": "quotaExceeded"}]}}

LIMIT = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "4102444800"}


def answer(status, content=None, **headers):
    made = requests.Response()
    made.status_code, made.url, made.reason = status, URL, "Reason"
    made._content = content if isinstance(content, bytes) else orjson.dumps(content)
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return made


def google(reason):
    return {"error": {"code": 403, "message": "words", "errors": [{"reason": reason}]}}


def seconds_left(error):
    return (error.until - datetime.now(UTC)).total_seconds()


@pytest.mark.parametrize(
    ("status", "content", "headers", "kind", "words"),
    [
        # complaints
        (400, {"size": ["Ensure this value is at most 10000."]}, {}, PermanentError, "Ensure"),
        (424, {"error": "There was an error calling OpenSearch"}, {}, TransientError, "OpenSearch"),
        (429, {"detail": "Request was throttled."}, {"Retry_After": "7"}, RateLimitedError,
         "rate limited: Request was throttled."),
        (500, {"error": "There was a problem"}, {}, TransientError, "There was a problem"),
        (502, b"<html>", {}, TransientError, "Reason"),
        (503, b"<html>", {}, TransientError, "Reason"),
        (503, b"", {"Retry_After": "7"}, RateLimitedError, "rate limited"),
        (504, b"", {}, TransientError, "Reason"),
        (522, b"", {}, TransientError, "Reason"),
        (404, b"Not Found", {}, PermanentError, "Reason"),
        (408, b"", {}, TransientError, "Reason"),
        # GitHub
        (401, {"message": "Bad credentials"}, {}, PermanentError, "Check the key or token"),
        (403, {"message": "forbidden"}, {}, PermanentError, "Check the key or token"),
        (403, {"message": "API rate limit exceeded"},
         LIMIT, RateLimitedError, "00:00:00 UTC"),
        (429, {"message": "API rate limit exceeded"},
         LIMIT, RateLimitedError, "00:00:00 UTC"),
        (403, {"message": "You have exceeded a secondary rate limit."},
         {"x_ratelimit_remaining": "4987"}, RateLimitedError, "secondary"),
        (451, {"message": "Repository access blocked"}, {}, PermanentError, "blocked"),
        # YouTube
        (400, google("keyInvalid"), {}, PermanentError, "keyInvalid words"),
        (403, QUOTA, {}, PermanentError, "until midnight Pacific time"),
        (429, QUOTA, {}, PermanentError, "until midnight Pacific time"),
        (403, google("dailyLimitExceeded"), {}, PermanentError, "until midnight Pacific time"),
        (403, google("rateLimitExceeded"), {}, TransientError, "rateLimitExceeded"),
        (403, google("userRateLimitExceeded"), {}, TransientError, "userRateLimitExceeded"),
        (503, google("backendError"), {}, TransientError, "backendError"),
        (404, google("playlistNotFound"), {}, PermanentError, "playlistNotFound"),
    ],
)  # fmt: skip
def test_an_error_of_a_source_falls_into_one_class(status, content, headers, kind, words):
    error = http.classify(answer(status, content, **headers))

    assert type(error) is kind
    assert words in str(error)
    assert f"(status {status})" in str(error)


def test_retry_after_in_seconds_is_counted_from_now():
    error = http.classify(answer(429, {}, Retry_After="90"))

    assert 80 < error.wait_s() <= 90


@pytest.mark.parametrize("zone", ["GMT", "+0000", "-0000", ""])
def test_retry_after_as_a_date_is_that_moment(zone):
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    said = format_datetime(moment, usegmt=True).replace("GMT", zone).strip()

    assert http.classify(answer(503, {}, Retry_After=said)).until == moment


@pytest.mark.parametrize("after", ["-5", "soon", "1.5", "²", "9" * 30, "Mon, 99 Jan 2026 0:0:0"])
def test_a_retry_after_that_cannot_be_read_counts_as_not_said(after):
    throttled, unwell = (http.classify(answer(s, {}, Retry_After=after)) for s in (429, 503))

    assert 50 < throttled.wait_s() <= http.SECONDARY_LIMIT_S
    assert type(unwell) is TransientError


@pytest.mark.parametrize("reset", ["4102444800000", "never", "-1", ""])
def test_a_reset_that_is_not_in_epoch_seconds_counts_as_not_said(reset):
    limit = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": reset}

    assert type(http.classify(answer(403, {}, **limit))) is PermanentError
    assert 50 < http.classify(answer(429, {}, **limit)).wait_s() <= http.SECONDARY_LIMIT_S


def test_the_reset_is_read_as_epoch_seconds():
    assert http.classify(answer(403, {}, **LIMIT)).until == datetime(2100, 1, 1, tzinfo=UTC)


def test_a_secondary_limit_without_a_moment_lasts_a_minute():
    error = http.classify(answer(403, {"message": "You have exceeded a secondary rate limit"}))

    assert 50 < seconds_left(error) <= 60


def test_a_limit_that_is_over_needs_no_wait():
    error = RateLimitedError("limited", URL, 429, "", datetime(2020, 1, 1, tzinfo=UTC))

    assert error.wait_s() == 0.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "errors", "message", "detail", "reason"]), inner, max_size=3
        )
    ),
)


@given(
    status=st.sampled_from([400, 401, 403, 404, 418, 424, 429, 451, 500, 503, 599]),
    content=JSON.map(orjson.dumps) | st.binary(max_size=20),
    headers=st.fixed_dictionaries(
        {},
        optional={
            name: st.text(max_size=30) | st.integers().map(str)
            for name in ("Retry_After", "x_ratelimit_reset", "x_ratelimit_remaining")
        },
    ),
)
def test_whatever_a_source_says_has_a_class_and_one_line_of_words(status, content, headers):
    error = http.classify(answer(status, content, **headers))

    assert isinstance(error, (TransientError, RateLimitedError, PermanentError))
    assert len(str(error).splitlines()) == 1


def test_no_secret_is_in_an_error_however_it_is_printed():
    what = "Max retries exceeded with url: /list?key=TOPSECRET&access_token=TOPSECRET (Caused by x)"
    until = datetime.now(UTC)
    errors = [TransientError(what, URL), RateLimitedError(what, URL, 429, "", until)]

    for error in errors:
        shown = f"{error} {error!r} {error.args} {error.url} {error.what} {vars(error)}"
        assert "TOPSECRET" not in shown
        assert b"TOPSECRET" not in pickle.dumps(error)
        assert error.url == "https://host.example/list?part=id&key=***"


@pytest.mark.parametrize(
    "error",
    [
        TransientError("no answer", URL),
        TransientError("bad gateway", URL, 502, "Wait"),
        PermanentError("refused", URL, 401, "Check"),
        RateLimitedError("limited", URL, 429, "Wait", datetime(2026, 1, 5, tzinfo=UTC)),
    ],
    ids=str,
)
def test_an_error_survives_pickling_with_all_it_says(error):
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert (vars(copy), str(copy), copy.args) == (vars(error), str(error), error.args)


def test_an_answer_that_is_not_json_may_be_whole_the_next_time():
    with pytest.raises(TransientError, match="not JSON.*It begins with b'<html>'"):
        http.body(answer(200, b"<html>"))


@pytest.mark.parametrize(
    ("date", "day"),
    [
        ("Mon, 05 Jan 2026 23:59:59 GMT", "2026-01-05"),
        ("Mon, 05 Jan 2026 23:59:59 -0500", "2026-01-06"),
    ],
)
def test_the_day_of_an_answer_is_the_utc_day_of_its_source(date, day):
    assert http.day(answer(200, {}, Date=date)) == day


@pytest.mark.parametrize("headers", [{}, {"Date": "today"}])
def test_an_answer_without_a_date_is_not_given_one(headers):
    with pytest.raises(TransientError, match="has no date"):
        http.day(answer(200, {}, **headers))


def test_a_source_that_is_not_there_is_a_transient_error(configure):
    with pytest.raises(TransientError, match="ConnectionError.*from http://127.0.0.1:9/x") as gone:
        http.get("http://127.0.0.1:9/x", {"key": "TOPSECRET"})
    assert gone.value.status is None
    assert "TOPSECRET" not in str(gone.value)
    assert gone.value.__cause__ is None


def test_an_answer_that_the_caller_does_not_take_is_an_error(served_by):
    url = f"{served_by.url}/github/repos/acme/missing"

    assert http.get(url, also=(404,)).status_code == 404
    with pytest.raises(PermanentError, match="Not Found"):
        http.get(url)
