"""The parameters of a complaint search, validated as the serializer of cfpb/ccdb5-api does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from benchmarks.source.answer import Asked

SORTS = ("relevance_desc", "relevance_asc", "created_date_desc", "created_date_asc")
FILTERS = (
    "company", "company_public_response", "company_response", "consumer_consent_provided",
    "consumer_disputed", "has_narrative", "issue", "product", "state", "submitted_via", "tags",
    "timely", "zip_code",
)  # fmt: skip
SUB_LEVELS = {"product": "sub_product", "issue": "sub_issue"}
BULLET = "•"  # joins a product and its sub-product in one value
MAX_SIZE = 100_000
MAX_FRM = 10_000


class InvalidSearchError(Exception):
    """A parameter does not fit; `errors` is the serializer's dict, the body of the 400."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(errors)
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Filter:
    """Keeps the records whose field has one of the values; a `not_` filter drops them."""

    field: str
    values: frozenset[str]
    negated: bool

    def keeps(self, record: dict[str, Any]) -> bool:
        return (not self.values.isdisjoint(self._spoken(record))) != self.negated

    def _spoken(self, record: dict[str, Any]) -> tuple[str, ...]:
        if self.field == "has_narrative":
            return ("true" if record.get("complaint_what_happened") else "false",)
        value = record.get(self.field)
        below = record.get(SUB_LEVELS.get(self.field, ""))
        if value is None:
            return ()
        return (value,) if below is None else (value, f"{value}{BULLET}{below}")


@dataclass(frozen=True, slots=True)
class Search:
    """A valid search. `after` is sort value and id of the hit behind which the page begins."""

    first: date | None
    last: date | None
    filters: tuple[Filter, ...]
    sort: str
    size: int
    frm: int
    after: tuple[float, int] | None
    aggregations: bool

    @property
    def by_score(self) -> bool:
        return self.sort.startswith("relevance")

    @property
    def descending(self) -> bool:
        return self.sort.endswith("desc")


def parse(asked: Asked) -> Search:
    """Return the search that the parameters ask for; unknown parameters are ignored, as there.

    Raises:
        InvalidSearchError: a known parameter does not fit.

    """
    errors: dict[str, list[str]] = {}
    size = _integer(asked, "size", 25, MAX_SIZE, errors)
    frm = _integer(asked, "frm", 0, MAX_FRM, errors)
    sort = asked.last("sort") or "relevance_desc"
    if sort not in SORTS:
        errors["sort"] = [f'"{sort}" is not a valid choice.']
    first = _day(asked, "date_received_min", errors)
    last = _day(asked, "date_received_max", errors)
    if not errors and size and frm % size:
        errors["non_field_errors"] = ["frm is not zero or a multiple of size"]
    if errors:
        raise InvalidSearchError(errors)
    return Search(
        first=first, last=last, filters=_filters(asked), sort=sort, size=size, frm=frm,
        after=search_after(asked.last("search_after"), sort),
        aggregations=(asked.last("no_aggs") or "").lower() not in ("true", "1", "t", "yes", "on"),
    )  # fmt: skip


def _integer(
    asked: Asked, name: str, default: int, highest: int, errors: dict[str, list[str]]
) -> int:
    text = asked.last(name)
    if text is None:
        return default
    if not re.fullmatch(r"\s*-?\d{1,18}\s*", text, re.ASCII):
        errors[name] = ["A valid integer is required."]
        return default
    value = int(text)
    if value > highest:
        errors[name] = [f"Ensure this value is less than or equal to {highest}."]
    elif value < 0:
        errors[name] = ["Ensure this value is greater than or equal to 0."]
    return value


def _day(asked: Asked, name: str, errors: dict[str, list[str]]) -> date | None:
    text = asked.last(name)
    if text is None:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass  # such as February 30th: the same words as for any other text
    errors[name] = ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."]
    return None


def _filters(asked: Asked) -> tuple[Filter, ...]:
    named = [(field, False) for field in FILTERS] + [(field, True) for field in FILTERS]
    return tuple(
        Filter(field, frozenset(values), negated)
        for field, negated in named
        if (values := asked.all(f"not_{field}" if negated else field))
    )


def search_after(text: str | None, sort: str) -> tuple[float, int] | None:
    """Return the position named by `<sort value>_<id>`.

    What cannot be parsed is None, silently, and the answer is page 1 again: as in the API's
    `parse_search_after`.
    """
    number = r"-?\d+(?:\.\d+)?" if sort.startswith("relevance") else r"\d+"
    found = re.fullmatch(rf"({number})_(\d{{1,18}})", text or "", re.ASCII)
    return (float(found[1]), int(found[2])) if found else None
