"""YouTube channel statistics: subscribers, views and videos, and its newest videos' counts.

Wire format: YouTube Data API v3 (`channels`, `playlistItems`, `videos`; 1 quota unit a call).
Counts are strings; one that is hidden or switched off is absent, and stays null here: never 0. Ids
that do not exist are dropped from the answer without a word, and `items` may be missing altogether.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NotRequired

import orjson
from pydantic import StringConstraints, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from shared import http, journal, quarantine, staging, warehouse
from shared.config import ConfigurationError, names, settings
from shared.quarantine import Quarantined
from shared.warehouse import CHANNELS, VIDEOS, Balance

PIPELINE = "youtube_stats"
IDS_A_CALL = 50  # the most that the API takes, and gives, at a time

Count = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$")]


class ChannelSnippet(TypedDict):
    title: Name
    country: NotRequired[Name | None]


class ChannelCounts(TypedDict):
    viewCount: Count
    videoCount: Count
    subscriberCount: NotRequired[Count]
    hiddenSubscriberCount: NotRequired[bool]


class Channel(TypedDict):
    id: Name
    snippet: ChannelSnippet
    statistics: ChannelCounts


class VideoSnippet(TypedDict):
    title: Name
    channelId: Name
    publishedAt: Name


class VideoCounts(TypedDict):
    viewCount: NotRequired[Count]
    likeCount: NotRequired[Count]
    commentCount: NotRequired[Count]


class Video(TypedDict):
    id: Name
    snippet: VideoSnippet
    statistics: VideoCounts


CHANNEL, VIDEO = TypeAdapter(Channel), TypeAdapter(Video)


def plan(run: str, channels: Sequence[str] = ()) -> list[str]:
    """Return the channels to ask for, each once: those given, or those of the settings.

    Raises:
        ConfigurationError: there is no channel, or the live API is asked for without a key.

    """
    with journal.step("plan", run):
        if settings().source == "live" and settings().youtube_api_key is None:
            raise ConfigurationError(
                "youtube_stats: ETL_SOURCE=live needs a key of the YouTube Data API in"
                " YOUTUBE_API_KEY"
            )
        asked = list(dict.fromkeys(channels or names(settings().channels)))
        if not asked:
            raise ConfigurationError("youtube_stats: no channel is given, nor set in ETL_CHANNELS")
        return asked


def extract(run: str, channel: str) -> str:
    """Fetch a channel's statistics and those of its newest videos, and return the channel.

    Raises:
        SourceError: see `shared.http`; a quota that is used up is permanent.

    """
    with journal.step("extract", run, channel):
        response = _get("channels", id=channel, part="snippet,statistics,contentDetails")
        found = _items(response)
        asked = _newest(found[0], response.url) if found else []
        extracted = {
            "asked": channel,
            "day": http.day(response),
            "channels": found,
            "asked_videos": asked,
            "videos": _videos(asked),
        }
        staging.write(_folder(run, channel) / "extract.json", orjson.dumps(extracted))
    return channel


def _folder(run: str, channel: str) -> Path:
    return staging.folder(run, PIPELINE, channel)


def _get(what: str, **params: Any) -> Any:
    key = settings().youtube_api_key
    # The stand-in source takes any key; the real one none but a real one.
    params["key"] = key.get_secret_value() if key is not None else "none"
    also = (404,) if what == "playlistItems" else ()
    return http.get(f"{settings().base_url(PIPELINE)}/{what}", params, also=also)


def _items(response: Any) -> list[Any]:
    """Return an answer's items; no item may also mean no `items`.

    Raises:
        TransientError: the answer is not a list of the documented form.

    """
    said = http.body(response)
    items = said.get("items", []) if isinstance(said, dict) and "kind" in said else None
    if not isinstance(items, list):
        hint = f"It begins with {response.content[:60]!r}"
        raise http.TransientError("the answer is not a list", response.url, 200, hint)
    return items


def _newest(channel: Any, url: str) -> list[str]:
    """Return the ids of a channel's newest videos, from its playlist of uploads.

    Raises:
        TransientError: channel or playlist are not of the documented form.

    """
    try:
        playlist = str(channel["contentDetails"]["relatedPlaylists"]["uploads"])
    except (KeyError, TypeError) as error:
        what = f"a channel without a playlist of uploads: {type(error).__name__}: {error}"
        raise http.TransientError(what, url, 200) from None
    found: list[str] = []
    token: dict[str, str] = {}
    while len(found) < settings().videos:
        size = min(IDS_A_CALL, settings().videos - len(found))
        response = _get(
            "playlistItems", playlistId=playlist, part="contentDetails", maxResults=size, **token
        )
        if response.status_code == 404:  # as the playlist of a channel without a video is
            break
        page = _uploads(response)
        new = [video for video in dict.fromkeys(page) if video not in found]
        following = http.body(response).get("nextPageToken")
        if page and not new:
            raise http.TransientError("the source repeats a page of uploads", response.url, 200)
        found += new
        if not page or not following:
            break
        token = {"pageToken": following}
    return found


def _uploads(response: Any) -> list[str]:
    try:
        return [str(item["contentDetails"]["videoId"]) for item in _items(response)]
    except (KeyError, TypeError) as error:
        what = f"an upload without contentDetails.videoId: {type(error).__name__}: {error}"
        raise http.TransientError(what, response.url, 200) from None


def _videos(asked: Sequence[str]) -> list[Any]:
    found = []
    for first in range(0, len(asked), IDS_A_CALL):
        ids = ",".join(asked[first : first + IDS_A_CALL])
        found += _items(_get("videos", id=ids, part="snippet,statistics"))
    return found


def transform(run: str, channel: str) -> str:
    """Validate and normalise a channel and its videos, and return the channel.

    What does not validate goes to quarantine, and what was asked for and not given, too.
    """
    with journal.step("transform", run, channel):
        folder = _folder(run, channel)
        extracted = orjson.loads(staging.read(folder / "extract.json"))
        staging.write(folder / "transform.json", orjson.dumps(normalise(extracted)))
    return channel


def normalise(extracted: dict[str, Any]) -> dict[str, Any]:
    """Return rows in the order of the tables' columns, quarantined records, and counts."""
    day = extracted["day"]
    channels, bad_channels = _checked(extracted["channels"][:1], CHANNEL, day, _channel_row)
    videos, bad_videos = _checked(extracted["videos"], VIDEO, day, _video_row)
    rows = {row[1]: row for row in videos}  # of a video given twice, the later one stands
    given = {str(v.get("id")) for v in extracted["videos"] if isinstance(v, dict)}
    silent = [video for video in extracted["asked_videos"] if video not in given]
    aside = bad_channels + bad_videos
    if not extracted["channels"]:
        aside.append(("not found: no such channel", extracted["asked"]))
    aside += [("not given: private or deleted", video) for video in silent]
    return {
        "channels": channels,
        "videos": list(rows.values()),
        "quarantined": [
            [n, reason, orjson.dumps(record).decode()]
            for n, (reason, record) in enumerate(aside, start=1)
        ],
        "superseded": len(videos) - len(rows),
        "extracted": 1 + len(extracted["videos"]) + len(silent),
    }


def _checked(
    records: Sequence[Any], adapter: TypeAdapter[Any], day: str, row: Any
) -> tuple[list[Any], list[tuple[str, Any]]]:
    rows, aside = [], []
    for record in records:
        try:
            rows.append(row(day, adapter.validate_python(record)))
        except ValidationError as error:
            aside.append((quarantine.reason(error), record))
    return rows, aside


def _count(text: str | None) -> int | None:
    return None if text is None else int(text)


def _channel_row(day: str, c: Channel) -> tuple[Any, ...]:
    counts = c["statistics"]
    hidden = counts.get("hiddenSubscriberCount")  # with a count of "0", or without one
    return (
        day,
        c["id"],
        c["snippet"]["title"],
        None if hidden else _count(counts.get("subscriberCount")),
        int(counts["viewCount"]),
        int(counts["videoCount"]),
        c["snippet"].get("country"),
    )


def _video_row(day: str, v: Video) -> tuple[Any, ...]:
    counts, snippet = v["statistics"], v["snippet"]
    return (
        day,
        v["id"],
        snippet["channelId"],
        snippet["title"],
        snippet["publishedAt"],
        _count(counts.get("viewCount")),
        _count(counts.get("likeCount")),
        _count(counts.get("commentCount")),
    )


def load(run: str, channel: str) -> str:
    """Upsert the day's rows of a channel and its videos, and return the channel.

    Raises:
        StagingError: the channel was not transformed.
        BalanceError: a record went nowhere.

    """
    with journal.step("load", run, channel):
        staged = _staged(run, channel)
        with warehouse.batch(
            PIPELINE,
            run,
            channel,
            extracted=staged["extracted"],
            superseded=staged["superseded"],
        ) as batch:
            batch.upsert(CHANNELS, staged["channels"])
            batch.upsert(VIDEOS, staged["videos"])
            batch.quarantine(Quarantined(*q) for q in staged["quarantined"])
        journal.record("committed", run, "load", channel, {"rows": batch.loaded})
    return channel


def _staged(run: str, channel: str) -> Any:
    return orjson.loads(staging.read(_folder(run, channel) / "transform.json"))


def describe(run: str, channel: str) -> str:
    """Return what a person wants to read of a loaded channel, in lines."""
    return "\n".join(_lines(channel, _staged(run, channel)))


def _lines(channel: str, staged: dict[str, Any]) -> Iterator[str]:
    for _, _, title, subscribers, views, videos, _ in staged["channels"]:
        yield f"{title} channel statistics"
        yield f"Subscribers: {'hidden' if subscribers is None else subscribers}"
        yield f"Views: {views}"
        yield f"Videos: {videos}"
        yield f"Likes of the newest {len(staged['videos'])} videos: {_likes(staged['videos'])}"
    if not staged["channels"]:
        yield f"{channel}: {staged['quarantined'][0][1]}"


def _likes(videos: Sequence[Sequence[Any]]) -> int:
    return sum(likes for *_, likes, _ in videos if likes is not None)


def summarise(run: str, channels: Sequence[str]) -> Balance:
    """Check that every channel of the plan was loaded, and return where its records went.

    Raises:
        IncompleteError: a channel of the plan was never loaded.
        BalanceError: a record went nowhere.

    """
    with journal.step("summarise", run):
        return warehouse.settle(PIPELINE, run, channels)
