"""One HTTP session, and every way in which a source can fail, sorted into three classes.

    SourceError
    ├── TransientError    worth another try: a time-out, a reset, 5xx, an answer that is not whole
    ├── RateLimitedError  worth another try after `until`
    └── PermanentError    another try gives the same: 400, 401, a quota that is used up

Nothing here retries or waits (pacing towards the live complaints API excepted): that is the
orchestrator's part.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import requests

from shared.config import LIVE_URLS, ConfigurationError, settings

USER_AGENT = "orchestrators-side-by-side/0.1 (ETL comparison of Airflow, Prefect and Dagster)"
LIVE_COMPLAINTS_PER_MINUTE = 15  # the API throttles a client at 20
MINUTE_MS = 60_000
SECONDARY_LIMIT_S = 60  # GitHub: wait at least a minute when a secondary limit names no moment
SECONDS = re.compile(r"[0-9]{1,10}\Z")  # more would be milliseconds, or a slip
SECRET_PARAMETERS = re.compile(r"([?&](?:key|access_token|token|api_key)=)[^&#\s]+", re.IGNORECASE)


class SourceError(Exception):
    """A request to a source failed.

    Attributes: `url` without secrets; `status`, the HTTP status, or None when no answer came;
    `hint`, what to do about it.
    """

    def __init__(self, what: str, url: str, status: int | None = None, hint: str = "") -> None:
        self.what, self.url = without_secrets(what), without_secrets(url)
        self.status, self.hint = status, hint
        super().__init__(self.what, self.url, status, hint)

    def __str__(self) -> str:
        status = f" (status {self.status})" if self.status is not None else ""
        hint = f". {self.hint}" if self.hint else ""
        return f"{self.what}{status} from {self.url}{hint}"


class TransientError(SourceError):
    """The same request may succeed in a moment."""


class RateLimitedError(SourceError):
    """The same request succeeds after `until`, an aware UTC moment."""

    def __init__(self, what: str, url: str, status: int | None, hint: str, until: datetime) -> None:
        super().__init__(what, url, status, hint)
        self.until = until
        self.args = (self.what, self.url, status, hint, until)  # so that it pickles

    def wait_s(self) -> float:
        """Return how many seconds from now `until` is, at least 0."""
        return max(0.0, (self.until - datetime.now(UTC)).total_seconds())


class PermanentError(SourceError):
    """The same request will fail again."""


# What no retry cures: an orchestrator gives up at once.
FINAL = (PermanentError, ConfigurationError)


def without_secrets(text: str) -> str:
    """Return the text with the values of key and token parameters replaced."""
    return SECRET_PARAMETERS.sub(r"\1***", text)


def paced(requests_: int, in_ms: int) -> Any:
    """Return a transport that sends so many requests in so many milliseconds, and waits else.

    Steps run in different processes: they count in one file, which a lock guards.
    """
    # Imported here: an engine may start a process for each step, and only live mode needs these.
    from pyrate_limiter import Limiter, Rate, SQLiteBucket
    from requests_ratelimiter import LimiterAdapter

    class Paced(LimiterAdapter):
        def close(self) -> None:
            super().close()
            self.limiter.close()  # of the file: a limiter that was given is left to the giver

    file = Path(tempfile.gettempdir(), f"etl-complaints-pace-{os.getuid()}.sqlite")
    rates = [Rate(requests_, in_ms)]
    bucket = SQLiteBucket.init_from_file(rates, db_path=str(file), use_file_lock=True)
    return Paced(limiter=Limiter(bucket), per_host=False, bucket_name="complaints")


@cache
def session() -> requests.Session:
    """Return this process's session."""
    made = requests.Session()
    made.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
    if settings().source == "live":
        made.mount(LIVE_URLS["complaints"], paced(LIVE_COMPLAINTS_PER_MINUTE, MINUTE_MS))
    return made


def get(
    url: str,
    params: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    also: Collection[int] = (),
) -> requests.Response:
    """Fetch and return an answer of status 2xx or 304, or of one that the caller takes `also`.

    Raises:
        TransientError, RateLimitedError, PermanentError: see the top of this module.

    """
    try:
        response = session().get(url, params=params, headers=headers, timeout=settings().timeout_s)
    except requests.Timeout as error:
        raise TransientError(f"no answer in {settings().timeout_s:g} s", _url(error, url)) from None
    except requests.RequestException as error:
        what = without_secrets(f"{type(error).__name__}: {error}")[:300]
        raise TransientError(what, _url(error, url)) from None
    if response.ok or response.status_code in also:
        return response
    raise classify(response)


def _url(error: requests.RequestException, url: str) -> str:
    return (error.request.url if error.request is not None else None) or url


def classify(response: requests.Response) -> SourceError:
    """Return the error that an answer of status 4xx or 5xx stands for."""
    status, url = response.status_code, response.url
    reason = _reason(response)
    if "quotaExceeded" in reason or "dailyLimitExceeded" in reason:
        hint = "The quota of the key is used up until midnight Pacific time"
        return PermanentError(reason, url, status, hint)
    until = limited_until(response)
    if until is not None:
        return RateLimitedError(
            f"rate limited: {reason}", url, status, f"It ends at {until:%H:%M:%S} UTC", until
        )
    # also `userRateLimitExceeded`
    if status >= 500 or status in (408, 424, 425) or "ratelimitexceeded" in reason.lower():
        return TransientError(reason, url, status)
    if status in (401, 403):
        return PermanentError(reason, url, status, "Check the key or token in the environment")
    return PermanentError(reason, url, status)


def limited_until(response: requests.Response) -> datetime | None:
    """Return the moment at which a rate limit ends, or None when the answer speaks of none.

    `Retry-After` in seconds or as a date (RFC 9110); `x-ratelimit-reset` in epoch seconds and the
    secondary limit without a moment (GitHub REST API, "Rate limits"). What cannot be read counts as
    not said.
    """
    if response.status_code not in (403, 429, 503):
        return None
    now, headers = datetime.now(UTC), response.headers
    after = headers.get("Retry-After", "")
    until = now + timedelta(seconds=int(after)) if SECONDS.match(after) else _moment(after)
    if until is not None:
        return until
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and SECONDS.match(reset):
        return datetime.fromtimestamp(int(reset), UTC)
    if response.status_code == 429 or "secondary rate limit" in response.text.lower():
        return now + timedelta(seconds=SECONDARY_LIMIT_S)
    return None


def _moment(text: str) -> datetime | None:
    """Return the moment of an HTTP date, or None when it is none; without a zone it is UTC."""
    try:
        moment = parsedate_to_datetime(text)
        zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return zoned.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _reason(response: requests.Response) -> str:
    """Return the source's own words for its refusal, in one line of at most 300 characters."""
    try:
        said = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return f"{response.reason or 'refused'}"
    error = said.get("error", said) if isinstance(said, dict) else said
    words = str(error)
    if isinstance(error, dict):
        listed = error.get("errors")
        errors = [e for e in listed if isinstance(e, dict)] if isinstance(listed, list) else []
        told = [*(e.get("reason") for e in errors), error.get("message") or error.get("detail")]
        words = " ".join(str(word) for word in told if word) or words
    return " ".join(words.split())[:300]


def body(response: requests.Response) -> Any:
    """Return an answer's JSON.

    Raises:
        TransientError: it is not JSON.

    """
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError as error:
        what, hint = f"the answer is not JSON: {error}", f"It begins with {response.content[:60]!r}"
        raise TransientError(what, response.url, response.status_code, hint) from None


def day(response: requests.Response) -> str:
    """Return the UTC day of an answer by its source's clock (the `Date` header, RFC 9110).

    Raises:
        TransientError: it has none.

    """
    moment = _moment(response.headers.get("Date", ""))
    if moment is None:
        raise TransientError("the answer has no date", response.url, response.status_code)
    return str(moment.date())
