"""Answers of `channels`, `playlistItems` and `videos`: parts, pages, errors, quota.

Wire format: YouTube Data API v3, discovery document and reference; each call costs one unit.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any

from benchmarks.source import channels, draw
from benchmarks.source.answer import Answer, Asked, as_json

PREFIX = "/youtube/v3"
MAX_IDS = 50
MAX_RESULTS = 50
PARTS = {
    "channels": ("contentDetails", "id", "snippet", "statistics", "status"),
    "playlistItems": ("contentDetails", "id", "snippet", "status"),
    "videos": ("contentDetails", "id", "snippet", "statistics", "status"),
}
PACIFIC = timezone(timedelta(hours=-8))  # standard time: a quota day may end an hour late in summer
QUOTA = (
    "The request cannot be completed because you have exceeded your "
    '<a href="/youtube/v3/getting-started#quota">quota</a>.'
)


class RefusedError(Exception):
    """The request gets an error instead of a list."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(slots=True)
class Quota:
    """Units used since midnight Pacific time. `units` None: counted, never enforced."""

    units: int | None
    used: int = 0
    day: date | None = None

    def take(self, now: datetime) -> bool:
        """Count a call, also an invalid one, and say whether it is within the quota."""
        today = now.astimezone(PACIFIC).date()
        if today != self.day:
            self.used, self.day = 0, today
        self.used += 1
        return self.units is None or self.used <= self.units


@dataclass(slots=True)
class YouTube:
    """The three list methods of one seed. `listed` leads from a video id to its channel."""

    seed: int
    now: Callable[[], datetime]
    quota: Quota
    listed: dict[str, tuple[str, int]] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Answer:
        """Answer a request below `PREFIX`."""
        method = asked.path.removeprefix(PREFIX).strip("/")
        make = {
            "channels": self._channels,
            "playlistItems": self._playlist_items,
            "videos": self._videos,
        }.get(method)
        if make is None:
            return Answer(404, b"Not Found", {}, "text/html; charset=UTF-8")
        try:
            self._admit(asked)
            return make(asked, _parts(asked, method))
        except RefusedError as refused:
            return refused.answer

    def _admit(self, asked: Asked) -> None:
        key = asked.last("key")
        if key is None and "authorization" not in asked.headers:
            raise RefusedError(error(403, "forbidden", "The request is missing a valid API key."))
        if key == "":
            raise RefusedError(
                error(400, "keyInvalid", "API key not valid. Please pass a valid API key.")
            )
        if not self.quota.take(self.now()):
            raise RefusedError(exceeded())

    def learn(self, channel_id: str) -> channels.Channel:
        """Return a channel, after noting the ids of its uploads, which cannot be read backwards."""
        found = channels.of(self.seed, channel_id, self.now().date())
        if channels.video_id(self.seed, channel_id, 0) not in self.listed:
            for number in range(found.uploads):
                name = channels.video_id(self.seed, channel_id, number)
                self.listed[name] = (channel_id, number)
        return found

    def _channels(self, asked: Asked, parts: frozenset[str]) -> Answer:
        items = [
            self._channel(self.learn(name), parts) for name in _ids(asked) if channels.exists(name)
        ]
        return _list("channel", items, {"totalResults": len(items), "resultsPerPage": 5})

    def _channel(self, found: channels.Channel, parts: frozenset[str]) -> dict[str, Any]:
        hidden = found.subscribers is None
        statistics = {
            "viewCount": str(found.views),
            **({} if hidden else {"subscriberCount": str(found.subscribers)}),
            "hiddenSubscriberCount": hidden,
            "videoCount": str(found.uploads),
        }
        snippet = {
            "title": found.title,
            "description": "",
            "publishedAt": f"{found.published.isoformat()}T00:00:00Z",
            **({} if found.country is None else {"country": found.country}),
        }
        uploads = {"relatedPlaylists": {"likes": "", "uploads": found.playlist}}
        status = {"privacyStatus": "public", "isLinked": True}
        choice = {
            "snippet": snippet, "contentDetails": uploads,
            "statistics": statistics, "status": status,
        }  # fmt: skip
        return self._item("channel", found.id, choice, parts)

    def _item(
        self, kind: str, name: str, choice: dict[str, Any], parts: frozenset[str]
    ) -> dict[str, Any]:
        etag = draw.token(27, self.seed, kind, name, self.now().date())
        chosen = {part: content for part, content in choice.items() if part in parts}
        return {"kind": f"youtube#{kind}", "etag": etag, "id": name, **chosen}

    def _playlist_items(self, asked: Asked, parts: frozenset[str]) -> Answer:
        playlist = asked.last("playlistId")
        if not playlist:
            raise RefusedError(
                error(400, "missingRequiredParameter",
                      "No filter selected. Expected one of: id, playlistId", "youtube.parameter")
            )  # fmt: skip
        channel_id = "UC" + playlist[2:]
        if not playlist.startswith("UU") or not channels.exists(channel_id):
            words = (
                "The playlist identified with the request's <code>playlistId</code> parameter "
                "cannot be found."
            )
            raise RefusedError(error(404, "playlistNotFound", words, "youtube.playlistItem"))
        return self._uploads(asked, self.learn(channel_id), parts)

    def _uploads(self, asked: Asked, found: channels.Channel, parts: frozenset[str]) -> Answer:
        size, start = _max_results(asked), _offset(asked.last("pageToken"))
        end = min(start + size, found.uploads)
        items = [self._upload(found, number, parts) for number in range(start, end)]
        pages: dict[str, Any] = {}
        if end < found.uploads:
            pages["nextPageToken"] = page_token(end)
        if start > 0:
            pages["prevPageToken"] = page_token(max(0, start - size))
        info = {"totalResults": found.uploads, "resultsPerPage": size}
        return _list("playlistItem", items, info, pages)

    def _upload(
        self, found: channels.Channel, number: int, parts: frozenset[str]
    ) -> dict[str, Any]:
        video = channels.video(self.seed, found.id, number, self.now().date())
        snippet = {
            "publishedAt": video.published_at,
            "channelId": found.id,
            "title": "Private video" if video.private else video.title,
            "description": "This video is private." if video.private else "",
            "channelTitle": found.title,
            "playlistId": found.playlist,
            "position": number,
            "resourceId": {"kind": "youtube#video", "videoId": video.id},
        }
        published = {} if video.private else {"videoPublishedAt": video.published_at}
        choice = {
            "snippet": snippet,
            "contentDetails": {"videoId": video.id, **published},
            "status": {"privacyStatus": "private" if video.private else "public"},
        }
        name = draw.token(48, self.seed, "playlistItem", video.id)
        return self._item("playlistItem", name, choice, parts)

    def _videos(self, asked: Asked, parts: frozenset[str]) -> Answer:
        today = self.now().date()
        places = [self.listed[name] for name in _ids(asked) if name in self.listed]
        found = [channels.video(self.seed, channel, number, today) for channel, number in places]
        items = [self._video(video, parts) for video in found if not video.private]
        return _list("video", items, {"totalResults": len(items), "resultsPerPage": len(items)})

    def _video(self, video: channels.Video, parts: frozenset[str]) -> dict[str, Any]:
        counts = {
            "viewCount": video.views, "likeCount": video.likes, "commentCount": video.comments,
        }  # fmt: skip
        statistics = {name: str(count) for name, count in counts.items() if count is not None}
        snippet = {
            "publishedAt": video.published_at,
            "channelId": video.channel_id,
            "title": video.title,
            "description": "",
            "categoryId": "28",
        }
        choice = {
            "snippet": snippet,
            "contentDetails": {"duration": "PT9M30S", "definition": "hd"},
            "statistics": {**statistics, "favoriteCount": "0"},
            "status": {"privacyStatus": "public", "uploadStatus": "processed"},
        }
        return self._item("video", video.id, choice, parts)


def _parts(asked: Asked, method: str) -> frozenset[str]:
    text = asked.last("part")
    if not text:
        raise RefusedError(error(400, "required", "Required parameter: part", place="part"))
    parts = frozenset(part.strip() for part in text.split(","))
    unknown = sorted(parts.difference(PARTS[method]))
    if unknown:
        raise RefusedError(error(400, "unknownPart", f"'{unknown[0]}'", "youtube.part", "part"))
    return parts


def _ids(asked: Asked) -> list[str]:
    """Return the ids asked for, each once."""
    names = [name for value in asked.all("id") for name in value.split(",") if name]
    if not names:
        words = "No filter selected. Expected one of: id"
        raise RefusedError(error(400, "missingRequiredParameter", words, "youtube.parameter"))
    if len(names) > MAX_IDS:
        words = "The request specifies an invalid filter parameter."
        raise RefusedError(error(400, "invalidFilters", words, "youtube.parameter", "id"))
    return list(dict.fromkeys(names))


def _max_results(asked: Asked) -> int:
    text = asked.last("maxResults") or "5"
    if not (text.isascii() and text.isdigit() and int(text) <= MAX_RESULTS):
        words = f"Invalid value '{text}'. Values must be within the range: [0, {MAX_RESULTS}]"
        raise RefusedError(error(400, "invalidParameter", words, place="maxResults"))
    return int(text)


def page_token(offset: int) -> str:
    """Return the token of the page that begins at an offset: opaque, and so encoded."""
    return base64.urlsafe_b64encode(b"\x08" + offset.to_bytes(3, "big") + b"\x10\x00").decode()


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except ValueError:
        raw = b""
    if len(raw) != 6 or page_token(int.from_bytes(raw[1:4], "big")) != token:
        words = "The request specifies an invalid page token."
        raise RefusedError(error(400, "invalidPageToken", words, "youtube.parameter", "pageToken"))
    return int.from_bytes(raw[1:4], "big")


def _list(
    kind: str,
    items: list[dict[str, Any]],
    info: dict[str, int],
    pages: dict[str, Any] | None = None,
) -> Answer:
    """Return a list; when nothing was found `items` is missing altogether."""
    content = {
        "kind": f"youtube#{kind}ListResponse",
        "etag": draw.token(27, len(items), *(item["etag"] for item in items)),
        **(pages or {}),
        **({"items": items} if items else {}),
        "pageInfo": info,
    }
    return as_json(content, 200, {"vary": "Origin, X-Origin, Referer", "cache-control": "private"})


def error(
    status: int, reason: str, words: str, domain: str = "global", place: str | None = None
) -> Answer:
    """Return an error in the shape all Google APIs share."""
    location = {"location": place, "locationType": "parameter"} if place else {}
    errors: Iterable[dict[str, str]] = [
        {"message": words, "domain": domain, "reason": reason, **location}
    ]
    return as_json({"error": {"code": status, "message": words, "errors": errors}}, status)


def exceeded(reason: str = "quotaExceeded") -> Answer:
    """Return the answer of a quota that is used up, in one of its two shapes, or of too much haste.

    `quotaExceeded` is the present shape and `dailyLimitExceeded` the older one: both last until
    midnight Pacific time. `rateLimitExceeded` may be tried again.
    """
    domain = "youtube.quota" if reason == "quotaExceeded" else "usageLimits"
    return error(403, reason, QUOTA, domain)
