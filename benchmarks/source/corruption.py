"""Answers that are wrong inside: pure changes of a body that was right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from benchmarks.source.answer import Answer
from benchmarks.source.effects import (
    Effect,
    Empty,
    FieldGone,
    FieldType,
    InvalidJson,
    OldTotal,
    Poison,
    Way,
)
from benchmarks.source.faults import Active

VALUES: dict[str, Any] = {
    "number": 42, "text": "forty-two", "list": ["forty-two"], "object": {"is": 42}, "null": None,
    "boolean": True,
}  # fmt: skip
# which field of a record each way spoils, and with what; GONE drops it
GONE = object()
Spoil = tuple[str, object]
WAYS: dict[str, dict[Way, Spoil]] = {
    "complaints": {
        "id_missing": ("complaint_id", GONE),
        "date_unparsable": ("date_received", "soon"),
        "text_list": ("product", ["Mortgage"]),
        "id_text": ("complaint_id", "not-a-number"),
        "date_null": ("date_received", None),
        "text_null": ("product", None),
        "text_number": ("product", 42),
    },
    "github_stats": {
        "id_missing": ("id", GONE),
        "count_text": ("stargazers_count", "many"),
        "text_list": ("full_name", ["a", "b"]),
        "id_text": ("id", "not-a-number"),
        "text_null": ("full_name", None),
        "text_number": ("full_name", 42),
    },
    "youtube_stats": {
        "id_missing": ("id", GONE),
        "count_text": ("statistics.viewCount", "many"),
        "text_list": ("snippet.title", ["a", "b"]),
        "date_unparsable": ("snippet.publishedAt", "soon"),
        "date_null": ("snippet.publishedAt", None),
        "text_null": ("snippet.title", None),
        "text_number": ("snippet.title", 42),
    },
}
# used when no ways are named: none of these can pass for valid in a tolerant reader
SURE_WAYS: dict[str, tuple[Way, ...]] = {
    "complaints": ("id_missing", "date_unparsable", "text_list", "id_text"),
    "github_stats": ("id_missing", "count_text", "text_list"),
    "youtube_stats": ("id_missing", "count_text", "text_list"),
}


def corrupts(effect: Effect) -> bool:
    """Say whether an effect changes a right answer."""
    return isinstance(effect, InvalidJson | Empty | FieldGone | FieldType | OldTotal | Poison)


def corrupted(fault: Active, right: Answer) -> Answer:
    """Return an answer with the fault in its body; one without records is left alone.

    The ETag goes: a client must not keep what is wrong as the version that is right.
    """
    headers = {name: value for name, value in right.headers.items() if name.lower() != "etag"}
    if right.status != 200:
        return right
    if isinstance(fault.effect, InvalidJson):
        return Answer(200, right.body[: len(right.body) // 2], headers, right.content_type)
    content = orjson.loads(right.body)
    _change(fault, content)
    return Answer(200, orjson.dumps(content), headers, right.content_type)


def _change(fault: Active, content: Any) -> None:
    found = records(fault.aim.pipeline, content)
    match fault.effect:
        case Poison():
            _poison(fault, fault.effect, found)
        case FieldGone(name=name):
            _each(found, lambda record: put(record, name, GONE))
        case FieldType(name=name, type=kind):
            _each(found, lambda record: put(record, name, VALUES[kind]))
        case Empty():
            _empty(fault.aim.pipeline, content)
        case OldTotal():
            content["hits"]["total"] = content["hits"]["total"]["value"]


def _each(found: Sequence[dict[str, Any]], change: Callable[[dict[str, Any]], None]) -> None:
    for record in found:
        change(record)


def _empty(pipeline: str, content: Any) -> None:
    if pipeline == "complaints":
        content["hits"] |= {"hits": [], "total": {"value": 0, "relation": "eq"}}
    else:
        content.pop("items", None)
        content.pop("nextPageToken", None)
        content["pageInfo"]["totalResults"] = 0


def records(pipeline: str, content: Any) -> list[dict[str, Any]]:
    """Return the records of a body: what a pipeline makes rows of."""
    if pipeline == "complaints":
        return [hit["_source"] for hit in content["hits"]["hits"]]
    return [content] if pipeline == "github_stats" else content.get("items", [])


def identity(pipeline: str, record: dict[str, Any]) -> str:
    """Return the id of a record, as text."""
    return str(record["complaint_id" if pipeline == "complaints" else "id"])


def _poison(fault: Active, effect: Poison, found: list[dict[str, Any]]) -> None:
    pipeline = fault.aim.pipeline
    ways = [way for way in effect.ways if way in WAYS[pipeline]] or SURE_WAYS[pipeline]
    chosen = _chosen(pipeline, effect, found)
    for turn, record in enumerate(chosen):
        name = identity(pipeline, record)
        # a record that is served again is wrong in the same way again
        way = fault.poisoned.setdefault(name, ways[turn % len(ways)])
        field, value = WAYS[pipeline][way]  # type: ignore[index]  # poisoned holds only ways
        put(record, field, value)


def _chosen(pipeline: str, effect: Poison, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if effect.ids:
        return [record for record in found if identity(pipeline, record) in effect.ids]
    spread = max(1, len(found) // effect.n)
    return found[::spread][: effect.n]


def put(record: dict[str, Any], name: str, value: object) -> None:
    """Set or drop a field; the dots of a name lead into objects, if those are there."""
    *above, last = name.split(".")
    for step in above:
        record = record.get(step, {})
    if value is GONE:
        record.pop(last, None)
    elif last in record or not above:
        record[last] = value
