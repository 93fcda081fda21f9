"""The kinds of fault that a source knows, and their arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, Field, TypeAdapter

Pipeline: TypeAlias = Literal["complaints", "github_stats", "youtube_stats"]


class Match(BaseModel, frozen=True, extra="forbid"):
    """Texts that the path and the decoded query must contain; empty ones always are."""

    path: str = ""
    query: str = ""


class Aim(BaseModel, frozen=True, extra="forbid"):
    """Which requests a fault strikes: `times` of those that match, behind the first `after`.

    `times` null: every one, until the fault is cleared.
    """

    pipeline: Pipeline
    times: int | None = Field(default=1, ge=1)
    after: int = Field(default=0, ge=0)
    match: Match = Match()


class Status(BaseModel, frozen=True, extra="forbid"):
    """An error status; without `body`, in the API's own words."""

    kind: Literal["status"]
    status: int = Field(default=503, ge=400, le=599)
    body: str | dict[str, Any] | None = None


class RetryAfter(BaseModel, frozen=True, extra="forbid"):
    """Refuse with `Retry-After` (`as_date`: an HTTP date), and go on refusing until then."""

    kind: Literal["retry_after"]
    seconds: int = Field(default=2, ge=0)
    status: Literal[429, 503] = 429
    as_date: bool = False


class RateLimit(BaseModel, frozen=True, extra="forbid"):
    """GitHub's primary limit: nothing remains until the reset, `seconds` from the first refusal."""

    kind: Literal["rate_limit"]
    seconds: int = Field(default=5, ge=0)
    status: Literal[403, 429] = 403


class SecondaryLimit(BaseModel, frozen=True, extra="forbid"):
    """GitHub's secondary limit; without `retry_after` it names no moment and refuses only once."""

    kind: Literal["secondary_limit"]
    retry_after: int | None = Field(default=None, ge=0)
    status: Literal[403, 429] = 403


class QuotaUsedUp(BaseModel, frozen=True, extra="forbid"):
    """YouTube's quota, used up (two shapes), or too many calls at once (`rateLimitExceeded`)."""

    kind: Literal["quota"]
    reason: Literal["quotaExceeded", "dailyLimitExceeded", "rateLimitExceeded"] = "quotaExceeded"


class Hang(BaseModel, frozen=True, extra="forbid"):
    """Never answer: until the faults are cleared or the client leaves."""

    kind: Literal["hang"]


class Slow(BaseModel, frozen=True, extra="forbid"):
    """Answer rightly, after `delay_s`; with `bytes_per_s` the body comes in small pieces."""

    kind: Literal["slow"]
    delay_s: float = Field(default=0.0, ge=0)
    bytes_per_s: int | None = Field(default=None, ge=1)


class Reset(BaseModel, frozen=True, extra="forbid"):
    """Reset the connection, after `size_bytes` of the body were sent; 0: before any answer."""

    kind: Literal["reset"]
    size_bytes: int = Field(default=0, ge=0)


class Truncate(BaseModel, frozen=True, extra="forbid"):
    """Announce the whole body, send a `share` of it and close."""

    kind: Literal["truncate"]
    share: float = Field(default=0.5, ge=0, lt=1)


class InvalidJson(BaseModel, frozen=True, extra="forbid"):
    """Status 200, and the first half of the JSON as if it were all."""

    kind: Literal["invalid_json"]


class Html(BaseModel, frozen=True, extra="forbid"):
    """A page for people where JSON was asked for."""

    kind: Literal["html"]
    status: int = Field(default=200, ge=200, le=599)


Way: TypeAlias = Literal[
    "id_missing", "id_text", "date_unparsable", "date_null",
    "text_list", "text_number", "text_null", "count_text",
]  # fmt: skip


class Poison(BaseModel, frozen=True, extra="forbid"):
    """Make `n` records of an answer invalid, in turn in each of the `ways`; or those with `ids`."""

    kind: Literal["poison"]
    n: int = Field(default=1, ge=1)
    ways: tuple[Way, ...] = ()
    ids: frozenset[str] = frozenset()


class FieldGone(BaseModel, frozen=True, extra="forbid"):
    """Drop a field from every record; `name` may lead into objects: `statistics.viewCount`."""

    kind: Literal["field_gone"]
    name: str = Field(min_length=1)


class FieldType(BaseModel, frozen=True, extra="forbid"):
    """Give a field of every record another JSON type."""

    kind: Literal["field_type"]
    name: str = Field(min_length=1)
    type: Literal["number", "text", "list", "object", "null", "boolean"]


class RepeatPage(BaseModel, frozen=True, extra="forbid"):
    """Ignore the cursor (`search_after`, `pageToken`) of requests that have one: page 1 again."""

    kind: Literal["repeat_page"]


class Empty(BaseModel, frozen=True, extra="forbid"):
    """Answer that nothing was found."""

    kind: Literal["empty"]


class OldTotal(BaseModel, frozen=True, extra="forbid"):
    """`hits.total` as a number, as it was until 2021."""

    kind: Literal["old_total"]


Effect: TypeAlias = (
    Status | RetryAfter | RateLimit | SecondaryLimit | QuotaUsedUp | Hang | Slow | Reset | Truncate
    | InvalidJson | Html | Poison | FieldGone | FieldType | RepeatPage | Empty | OldTotal
)  # fmt: skip
EFFECT: TypeAdapter[Effect] = TypeAdapter(Annotated[Effect, Field(discriminator="kind")])
KINDS: tuple[str, ...] = tuple(
    get_args(effect.model_fields["kind"].annotation)[0] for effect in get_args(Effect)
)
ONLY_FOR: Mapping[str, tuple[Pipeline, ...]] = {
    "rate_limit": ("github_stats",),
    "secondary_limit": ("github_stats",),
    "quota": ("youtube_stats",),
    "repeat_page": ("complaints", "youtube_stats"),
    "empty": ("complaints", "youtube_stats"),
    "old_total": ("complaints",),
}
