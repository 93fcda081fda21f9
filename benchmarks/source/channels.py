"""Channels and their uploads by seed and id, growing from day to day.

Every id that begins with `UC` exists, but for those that begin with `UCmissing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from benchmarks.source import draw

EPOCH = date(2020, 1, 1)  # from which counts grow
NEWEST_UPLOAD = date(2025, 12, 31)
COUNTRIES = ("US", "DE", "IN", "BR", "GB", None, None)
TOPICS = ("Data", "Pipelines", "Cooking", "Maps", "Chess", "Gardens", "Trains", "Synthesizers")
WORDS = ("A tour of", "Fixing", "Ten minutes of", "Why I left", "The trouble with", "Live:")


@dataclass(frozen=True, slots=True)
class Channel:
    """What a channel is on a day. `subscribers` None: hidden."""

    id: str
    title: str
    subscribers: int | None
    views: int
    uploads: int
    country: str | None
    published: date

    @property
    def playlist(self) -> str:
        """The id of the playlist of all uploads."""
        return "UU" + self.id[2:]


@dataclass(frozen=True, slots=True)
class Video:
    """What a video is on a day; a count that is hidden or switched off is None."""

    id: str
    channel_id: str
    title: str
    published_at: str
    private: bool  # listed, and not to be had
    views: int | None
    likes: int | None
    comments: int | None


def exists(channel_id: str) -> bool:
    """Say whether there is a channel of this id."""
    return channel_id.startswith("UC") and not channel_id.startswith("UCmissing")


def of(seed: int, channel_id: str, today: date) -> Channel:
    """Return a channel that exists."""
    what = ("youtube", channel_id)
    days = max(0, (today - EPOCH).days)
    subscribers = 120 + draw.skewed(9_000_000, seed, *what, "subscribers")
    hidden = draw.chance(12, seed, *what, "hidden")
    topic = draw.one_of(TOPICS, seed, *what, "topic")
    return Channel(
        id=channel_id,
        title=f"{topic} with {channel_id[2:8]}",
        subscribers=None if hidden else three_digits(subscribers + days * (subscribers // 3000)),
        views=subscribers * draw.between(20, 400, seed, *what, "views") + days * 11,
        uploads=draw.between(3, 120, seed, *what, "uploads"),
        country=draw.one_of(COUNTRIES, seed, *what, "country"),
        published=date(2008, 1, 1) + timedelta(days=draw.between(0, 4000, seed, *what, "since")),
    )


def three_digits(count: int) -> int:
    """Round down to three significant digits, as public subscriber counts are."""
    unit = int(10 ** max(0, len(str(count)) - 3))
    return count // unit * unit


def video_id(seed: int, channel_id: str, number: int) -> str:
    """Return the id of a channel's upload; number 0 is the newest."""
    return draw.token(11, seed, "video", channel_id, number)


def video(seed: int, channel_id: str, number: int, today: date) -> Video:
    """Return an upload of a channel; number 0 is the newest."""
    name = video_id(seed, channel_id, number)
    days = max(0, (today - EPOCH).days)
    views = 5 + draw.skewed(900_000, seed, name, "views")
    views += days * (views // 5000 + 1)
    published = NEWEST_UPLOAD - timedelta(
        days=number * 9 + draw.between(0, 8, seed, name, "published")
    )
    topic = draw.one_of(TOPICS, seed, name, "topic").lower()
    return Video(
        id=name,
        channel_id=channel_id,
        title=f"{draw.one_of(WORDS, seed, name, 'words')} {topic} #{number + 1}",
        published_at=f"{published}T{draw.between(0, 23, seed, name, 'hour'):02d}:00:00Z",
        private=draw.chance(5, seed, name, "private"),
        views=None if draw.chance(2, seed, name, "no views") else views,
        likes=None if draw.chance(10, seed, name, "no likes") else views // 31,
        comments=None if draw.chance(10, seed, name, "no comments") else views // 470,
    )
