"""The ground truth: the warehouse rows that must arrive when all goes well.

Pure functions of the generator's records. They share nothing with the library's transform, so that
a mistake there cannot hide here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from benchmarks.source import channels as uploads
from benchmarks.source import complaints as reports
from benchmarks.source import repositories as hub


def complaints(seed: int, per_day: int, days: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of some days (`YYYY-MM-DD`), one at a time: a million are never held."""
    for day in days:
        for index in range(per_day):
            yield reports.row(reports.source(seed, date.fromisoformat(day), index))


def recorded(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of recorded pages that are replayed."""
    pages = [orjson.loads(f.read_bytes()) for f in sorted(folder.glob("search-page-*.json"))]
    return [reports.row(hit["_source"]) for page in pages for hit in page["hits"]["hits"]]


def repositories(seed: int, today: str, names: Iterable[str]) -> list[dict[str, Any]]:
    """Return a row a repository that can be had, under its present name; each id once."""
    there = (hub.renamed_to(name) or name for name in names if not _refused(name))
    found = {r.id: r for name in there for r in [hub.of(seed, name, date.fromisoformat(today))]}
    return [
        {
            "day": today,
            "repository_id": r.id,
            "full_name": r.full_name,
            "stars": r.stars,
            "forks": r.forks,
            "open_issues": r.open_issues,
            "subscribers": r.subscribers,
            "archived": r.archived,
            "language": r.language,
            "license": r.license[2] if r.license else None,
        }
        for r in found.values()
    ]


def missing_repositories(names: Iterable[str]) -> list[str]:
    """Return the names that cannot be had: not there (404) or blocked (451)."""
    return [name for name in dict.fromkeys(names) if _refused(name)]


def _refused(name: str) -> bool:
    return hub.missing(name) or hub.blocked(name)


def channels(seed: int, today: str, channel_ids: Iterable[str]) -> list[dict[str, Any]]:
    """Return a row a channel that exists."""
    found = [uploads.of(seed, name, date.fromisoformat(today)) for name in _existing(channel_ids)]
    return [
        {
            "day": today,
            "channel_id": channel.id,
            "title": channel.title,
            "subscribers": channel.subscribers,
            "views": channel.views,
            "videos": channel.uploads,
            "country": channel.country,
        }
        for channel in found
    ]


def missing_channels(channel_ids: Iterable[str]) -> list[str]:
    """Return the channels that do not exist."""
    return [name for name in dict.fromkeys(channel_ids) if not uploads.exists(name)]


def _existing(channel_ids: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(channel_ids) if uploads.exists(name)]


def videos(
    seed: int, today: str, channel_ids: Iterable[str], newest: int = 50
) -> list[dict[str, Any]]:
    """Return a row a video among the newest listed of each channel, private ones left out."""
    return [
        {
            "day": today,
            "video_id": video.id,
            "channel_id": video.channel_id,
            "title": video.title,
            "published_at": video.published_at,
            "views": video.views,
            "likes": video.likes,
            "comments": video.comments,
        }
        for video in _listed(seed, date.fromisoformat(today), channel_ids, newest)
        if not video.private
    ]


def private_videos(seed: int, channel_ids: Iterable[str], newest: int = 50) -> list[str]:
    """Return the ids among the newest listed of each channel that cannot be had."""
    # whether a video is private does not depend on the day
    listed = _listed(seed, uploads.EPOCH, channel_ids, newest)
    return [video.id for video in listed if video.private]


def _listed(
    seed: int, today: date, channel_ids: Iterable[str], newest: int
) -> Sequence[uploads.Video]:
    found = [uploads.of(seed, name, today) for name in _existing(channel_ids)]
    return [
        uploads.video(seed, channel.id, number, today)
        for channel in found
        for number in range(min(newest, channel.uploads))
    ]
