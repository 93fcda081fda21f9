"""Errors that a source was told to answer with, each in the words of its API."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import format_datetime

import orjson

from benchmarks.source import github, youtube
from benchmarks.source.answer import HTML, Answer, Asked, as_json
from benchmarks.source.effects import (
    Effect,
    Html,
    QuotaUsedUp,
    RateLimit,
    RetryAfter,
    SecondaryLimit,
    Status,
)
from benchmarks.source.faults import Active

PAGE = b"<!DOCTYPE html><html><head><title>%b</title></head><body><h1>%b</h1></body></html>"
CFPB = {
    424: "There was an error calling OpenSearch",
    500: "There was a problem retrieving your request",
}


def refusal(fault: Active, asked: Asked, now_s: float) -> Answer | None:
    """Return the answer that a fault gives instead of the source's own, or None."""
    left_s = max(0, math.ceil(fault.until - now_s))
    match fault.effect:
        case Status(status=status, body=None):
            return unwell(fault.aim.pipeline, status)
        case Status(status=status, body=str(text)):
            return Answer(status, text.encode(), {}, "text/plain; charset=utf-8")
        case Status(status=status, body=dict(content)):
            return as_json(content, status)
        case Html(status=status):
            return Answer(status, PAGE % (b"Sorry", b"We will be right back"), {}, HTML)
        case _:
            return _limit(fault.effect, fault, asked, left_s)


def _limit(effect: Effect, fault: Active, asked: Asked, left_s: int) -> Answer | None:
    match effect:
        case RetryAfter(status=status, as_date=as_date):
            end = format_datetime(datetime.fromtimestamp(fault.until, UTC), usegmt=True)
            said = end if as_date else str(left_s)
            return busy(fault.aim.pipeline, status, left_s, said)
        case RateLimit(status=status):
            return github.limited(asked, int(fault.until), status)
        case SecondaryLimit(status=status, retry_after=None):
            return github.secondarily_limited(asked, None, status)
        case SecondaryLimit(status=status):
            return github.secondarily_limited(asked, left_s, status)
        case QuotaUsedUp(reason=reason):
            return youtube.exceeded(reason)
        case _:
            return None


def unwell(pipeline: str, status: int) -> Answer:
    """Return an error status in the words of a pipeline's API."""
    if pipeline == "complaints":
        if status in CFPB:
            return as_json({"error": CFPB[status]}, status)
        title = b"%d Service Unavailable" % status
        return Answer(status, PAGE % (title, title), {}, HTML)
    if pipeline == "github_stats":
        return github.refusal(status, "Server Error" if status >= 500 else "Bad credentials")
    return youtube.error(status, "backendError" if status >= 500 else "forbidden", "Backend Error")


def busy(pipeline: str, status: int, left_s: int, said: str) -> Answer:
    """Return a refusal with `Retry-After`."""
    if pipeline == "complaints":
        made = throttled(left_s)
    elif pipeline == "github_stats":
        made = github.refusal(status, "Too many requests")
    else:
        made = youtube.error(status, "rateLimitExceeded", "Rate Limit Exceeded", "usageLimits")
    return Answer(status, made.body, {**made.headers, "Retry-After": said}, made.content_type)


def throttled(left_s: int) -> Answer:
    """Return what Django REST framework says to a client that asks too often."""
    unit = "second" if left_s == 1 else "seconds"
    words = f"Request was throttled. Expected available in {left_s} {unit}."
    return Answer(429, orjson.dumps({"detail": words}), {"Retry-After": str(left_s)})
