"""Answers of `GET /repos/{owner}/{repo}`: statuses, headers, limits.

Wire format: GitHub REST API documentation ("Repositories", "Rate limits", "Best practices").
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from email.utils import format_datetime
from hashlib import sha256
from typing import Any

import orjson

from benchmarks.source import repositories
from benchmarks.source.answer import Answer, Asked, as_json

PREFIX = "/github"
DOCUMENTATION = "https://docs.github.com/rest/repos/repos#get-a-repository"
HOUR_S = 3600
NO_USER_AGENT = (
    b"\r\nRequest forbidden by administrative rules. Please make sure your request has a "
    b"User-Agent header (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required)."
    b" Check https://developer.github.com for other possible causes.\r\n"
)


@dataclass(slots=True)
class Allowance:
    """The primary rate limit of one client. `per_hour` None: counted, never enforced."""

    per_hour: int | None
    used: int = 0
    reset_at: int = 0  # epoch seconds, of the real clock

    def take(self, authorized: bool, now_s: float) -> bool:
        """Count a request and say whether it is allowed."""
        if now_s >= self.reset_at:
            self.used, self.reset_at = 0, int(now_s) + HOUR_S
        allowed = self.per_hour is None or self.used < self.limit(authorized)
        self.used += allowed
        return allowed

    def limit(self, authorized: bool) -> int:
        """Return the requests an hour: 60 without a token, 5000 with one, unless told."""
        return self.per_hour or (5000 if authorized else 60)

    def headers(self, authorized: bool) -> dict[str, str]:
        """Return the `x-ratelimit-*` headers; `reset` is in epoch seconds."""
        limit = self.limit(authorized)
        # not enforced: a count that reached the limit would tell a client to stop
        used = self.used if self.per_hour is not None else self.used % limit
        return {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(limit - used),
            "x-ratelimit-used": str(used),
            "x-ratelimit-reset": str(self.reset_at),
            "x-ratelimit-resource": "core",
        }


@dataclass(slots=True)
class GitHub:
    """The repository endpoint of one seed. `known` leads from an id back to a full name."""

    seed: int
    today: Callable[[], date]
    per_hour: int | None = None
    allowances: dict[str, Allowance] = field(default_factory=dict)
    known: dict[int, str] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Answer:
        """Answer a request below `PREFIX`."""
        if not asked.headers.get("user-agent"):
            return Answer(403, NO_USER_AGENT, {}, "text/html")
        authorized = "authorization" in asked.headers
        allowance = self.allowances.setdefault(asked.client, Allowance(self.per_hour))
        if not allowance.take(authorized, time.time()):
            return limited(asked, allowance.reset_at, limit=allowance.limit(authorized))
        found = self._found(asked, authorized)
        if found.status == 304 and authorized:
            allowance.used -= 1  # a conditional request with authorization is not counted
        return self._with_headers(found, asked, allowance.headers(authorized))

    def _with_headers(self, found: Answer, asked: Asked, limits: Mapping[str, str]) -> Answer:
        headers = {
            **limits,
            **found.headers,
            "x-github-request-id": request_id(asked),
            "x-github-media-type": "github.v3; format=json",
            "x-github-api-version-selected": "2022-11-28",
            "cache-control": "public, max-age=60, s-maxage=60",
            "vary": "Accept,Accept-Encoding, Accept, X-Requested-With",
        }
        return Answer(found.status, found.body, headers, found.content_type)

    def _found(self, asked: Asked, authorized: bool) -> Answer:
        name = self._full_name(asked.path.removeprefix(PREFIX))
        if name is None or repositories.missing(name):
            return refusal(404, "Not Found")
        if repositories.blocked(name):
            return _blocked(name)
        target = repositories.renamed_to(name)
        if target is not None:
            return self._moved(asked, target)
        return self._repository(asked, name, authorized)

    def _full_name(self, path: str) -> str | None:
        if by_name := re.fullmatch(r"/repos/([\w.-]+/[\w.-]+)", path):
            return by_name[1]
        by_id = re.fullmatch(r"/repositories/(\d{1,12})", path, re.ASCII)
        return self.known.get(int(by_id[1])) if by_id else None

    def _moved(self, asked: Asked, target: str) -> Answer:
        number = repositories.of(self.seed, target, self.today()).id
        self.known[number] = target
        url = f"{asked.base_url}{PREFIX}/repositories/{number}"
        content = {"message": "Moved Permanently", "url": url, "documentation_url": DOCUMENTATION}
        return as_json(content, 301, {"location": url})

    def _repository(self, asked: Asked, name: str, authorized: bool) -> Answer:
        found = repositories.of(self.seed, name, self.today())
        self.known[found.id] = name
        body = orjson.dumps(repositories.body(self.seed, found, authorized))
        etag = f'W/"{sha256(body).hexdigest()}"'
        pushed = datetime.combine(found.pushed, time_of_day(8, 30), UTC)
        headers = {"etag": etag, "last-modified": format_datetime(pushed, usegmt=True)}
        if _matches(asked.headers.get("if-none-match", ""), etag):
            return Answer(304, b"", headers)
        return Answer(200, body, headers)


def _matches(condition: str, etag: str) -> bool:
    """Compare weakly (RFC 9110): the `W/` says nothing."""
    tags = [tag.strip().removeprefix("W/") for tag in condition.split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags


def request_id(asked: Asked) -> str:
    """Return an id of the form GitHub uses; the same for the same request at the same moment."""
    digits = sha256(f"{asked.path}{time.monotonic_ns()}".encode()).hexdigest().upper()
    return ":".join((digits[:4], digits[4:10], digits[10:17], digits[17:24], digits[24:32]))


def refusal(status: int, message: str, **more: Any) -> Answer:
    """Return an error of the REST API."""
    content = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
    return as_json(content | more, status)


def _blocked(name: str) -> Answer:
    block = {
        "reason": "dmca",
        "created_at": "2024-03-01T00:00:00Z",
        "html_url": f"https://github.com/github/dmca/blob/master/2024/{name.replace('/', '-')}.md",
    }
    return as_json({"message": "Repository access blocked", "block": block}, 451)


def limited(asked: Asked, reset_at: int, status: int = 403, limit: int = 60) -> Answer:
    """Return the answer of the primary rate limit: nothing remains until `reset_at`."""
    words = (
        f"API rate limit exceeded for {asked.client}. (But here's the good news: Authenticated "
        "requests get a higher rate limit. Check out the documentation for more details.)"
    )
    headers = {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": "0",
        "x-ratelimit-used": str(limit),
        "x-ratelimit-reset": str(reset_at),
        "x-ratelimit-resource": "core",
        "x-github-request-id": request_id(asked),
    }
    url = "https://docs.github.com/rest/overview/resources-in-the-rest-api#rate-limiting"
    return as_json({"message": words, "documentation_url": url}, status, headers)


def secondarily_limited(asked: Asked, retry_after_s: int | None, status: int = 403) -> Answer:
    """Return the answer of a secondary limit, which may or may not say when to come back."""
    words = (
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        f" If you reach out to GitHub Support for help, please include the request ID "
        f"{request_id(asked)}."
    )
    url = "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api"
    headers = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4987"}
    if retry_after_s is not None:
        headers["retry-after"] = str(retry_after_s)
    return as_json({"message": words, "documentation_url": url}, status, headers)
