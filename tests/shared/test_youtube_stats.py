import orjson
import pytest
from driving import drive

from benchmarks.source import channels as standin
from benchmarks.source import client, truth
from shared import warehouse, youtube_stats
from shared.config import ConfigurationError
from shared.http import PermanentError, TransientError
from shared.warehouse import CHANNELS, QUARANTINE, VIDEOS, Balance, IncompleteError

TODAY = "2026-01-15"
CHANNEL = {
    "id": "UCa", "snippet": {"title": "Trains"},
    "statistics": {"viewCount": "7", "videoCount": "1", "subscriberCount": "3"},
}  # fmt: skip
VIDEO = {
    "id": "v1", "statistics": {"viewCount": "7", "likeCount": "2", "commentCount": "0"},
    "snippet": {"title": "T", "channelId": "UCa", "publishedAt": "2025-12-31T00:00:00Z"},
}  # fmt: skip


def rows(table):
    return list(warehouse.rows(table))


def a_channel(true):
    """Return a channel of the stand-in source of which something is true."""
    day = standin.date.fromisoformat(TODAY)
    names = (f"UCnumber-{n}" for n in range(1000))
    return next(name for name in names if true(standin.of(7, name, day)))


def normalised(channels=(CHANNEL,), videos=(), asked=()):
    made = {"asked": "UCa", "day": TODAY, "channels": list(channels), "videos": list(videos)}
    asked = list(asked)
    return youtube_stats.normalise(orjson.loads(orjson.dumps(made | {"asked_videos": asked})))


def with_counts(record, **counts):
    return record | {"statistics": record["statistics"] | counts}


def reasons(made):
    return [reason for _, reason, _ in made["quarantined"]]


def test_the_plan_has_each_channel_once(configure):
    configure(ETL_CHANNELS="UCa, UCb,UCa")

    assert youtube_stats.plan("r") == ["UCa", "UCb"]


def test_a_plan_without_a_channel_is_refused(configure):
    configure(ETL_CHANNELS=",")

    with pytest.raises(ConfigurationError, match="nor set in ETL_CHANNELS"):
        youtube_stats.plan("r")


def test_a_run_brings_the_ground_truth(served_by, dialect):
    counts = drive(youtube_stats, "r", "UCalpha", "UCbeta")
    names = ["UCalpha", "UCbeta"]

    assert rows(CHANNELS) == truth.channels(7, TODAY, names)
    wanted = sorted(truth.videos(7, TODAY, names), key=lambda row: row["video_id"])
    assert rows(VIDEOS) == wanted
    private = len(truth.private_videos(7, names))
    assert counts == Balance(2 + len(wanted) + private, 2 + len(wanted), private, 0)


def test_a_channel_of_many_videos_is_asked_for_in_batches_of_fifty(served_by, configure):
    configure(ETL_VIDEOS=120)
    name = a_channel(lambda channel: channel.uploads > 105)
    drive(youtube_stats, "r", name)

    wanted = truth.videos(7, TODAY, [name], newest=120)
    assert rows(VIDEOS) == sorted(wanted, key=lambda row: row["video_id"])
    asked = [request["path"].rpartition("/")[2] for request in client.served(served_by.url)]
    assert asked == ["channels", *["playlistItems"] * 3, *["videos"] * 3]


def test_no_more_videos_are_asked_for_than_are_wanted(served_by, configure):
    configure(ETL_VIDEOS=60)
    name = a_channel(lambda channel: channel.uploads > 105)
    drive(youtube_stats, "r", name)

    wanted = truth.videos(7, TODAY, [name], newest=60)
    assert rows(VIDEOS) == sorted(wanted, key=lambda row: row["video_id"])


def test_hidden_subscribers_are_null(served_by):
    name = a_channel(lambda channel: channel.subscribers is None)
    drive(youtube_stats, "r", name)

    assert rows(CHANNELS)[0]["subscribers"] is None
    assert "Subscribers: hidden" in youtube_stats.describe("r", name)


def test_hidden_subscribers_are_null_also_when_a_zero_is_given():
    (row,) = normalised([with_counts(CHANNEL, subscriberCount="0", hiddenSubscriberCount=True)])[
        "channels"
    ]

    assert row[3] is None


def test_a_count_that_is_absent_is_null_and_a_zero_is_zero():
    bare = VIDEO | {"statistics": {"commentCount": "0"}}

    assert normalised(videos=[bare])["videos"][0][-3:] == (None, None, 0)


def test_a_channel_that_does_not_exist_is_quarantined(served_by):
    counts = drive(youtube_stats, "r", "UCmissing-one")

    assert [(q["reason"], q["record"]) for q in rows(QUARANTINE)] == [
        ("not found: no such channel", '"UCmissing-one"')
    ]
    assert counts == Balance(extracted=1, loaded=0, quarantined=1, superseded=0)
    assert youtube_stats.describe("r", "UCmissing-one").endswith(": not found: no such channel")


def test_a_private_video_is_quarantined(served_by):
    name = a_channel(lambda channel: truth.private_videos(7, [channel.id]))
    drive(youtube_stats, "r", name)

    aside = {(q["reason"], orjson.loads(q["record"])) for q in rows(QUARANTINE)}
    private = truth.private_videos(7, [name])
    assert aside == {("not given: private or deleted", video) for video in private}


def test_a_video_that_is_given_twice_is_superseded():
    twice = [VIDEO, with_counts(VIDEO, viewCount="8")]
    made = normalised(videos=twice, asked=["v1"])

    assert [row[5] for row in made["videos"]] == [8]
    assert (made["superseded"], made["extracted"]) == (1, 3)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (with_counts(VIDEO, viewCount="many"), "statistics.viewCount: String should match pattern"),
        (with_counts(VIDEO, viewCount=7), "statistics.viewCount: Input should be a valid string"),
        (with_counts(VIDEO, likeCount="-1"), "statistics.likeCount: String should match pattern"),
        (with_counts(VIDEO, likeCount="9" * 19), "statistics.likeCount: String should match"),
        (with_counts(VIDEO, likeCount=None), "statistics.likeCount: Input should be a valid"),
        (VIDEO | {"id": ["v1"]}, "id: Input should be a valid string"),
        (VIDEO | {"snippet": None}, "snippet: Input should be a valid dictionary"),
        ({}, "id: Field required"),
        (7, "record: Input should be a valid dictionary"),
    ],
)
def test_a_video_of_another_form_is_quarantined_with_the_reason(record, words):
    made = normalised(videos=[record])

    assert made["videos"] == []
    assert words in reasons(made)[0]


def test_a_channel_of_another_form_is_quarantined_and_its_videos_are_rows():
    made = normalised([CHANNEL | {"snippet": {"title": "A\x00"}}], [VIDEO])

    assert (made["channels"], len(made["videos"])) == ([], 1)
    assert "snippet.title: String should match pattern" in reasons(made)[0]


def test_counts_of_eighteen_digits_are_held(dialect):
    big = with_counts(CHANNEL, viewCount="9" * 18)
    with warehouse.batch("youtube_stats", "r", "UCa", extracted=1, superseded=0) as batch:
        batch.upsert(CHANNELS, normalised([big])["channels"])

    assert rows(CHANNELS)[0]["views"] == 10**18 - 1


def test_a_channel_is_described_in_the_lines_of_the_reports(served_by):
    drive(youtube_stats, "r", "UCalpha")
    (row,) = rows(CHANNELS)
    likes = sum(video["likes"] or 0 for video in rows(VIDEOS))

    assert youtube_stats.describe("r", "UCalpha").splitlines() == [
        f"{row['title']} channel statistics",
        f"Subscribers: {'hidden' if row['subscribers'] is None else row['subscribers']}",
        f"Views: {row['views']}",
        f"Videos: {row['videos']}",
        f"Likes of the newest {len(rows(VIDEOS))} videos: {likes}",
    ]


def test_a_quota_that_is_used_up_ends_the_run(served_by):
    client.set_limits(served_by.url, youtube_units=1)

    with pytest.raises(PermanentError, match="quotaExceeded.*until midnight Pacific time"):
        youtube_stats.extract("r", "UCalpha")


def test_the_key_is_in_no_file_that_the_library_leaves(served_by, configure, tmp_path):
    configure(YOUTUBE_API_KEY="TOPSECRET")
    client.set_fault(served_by.url, pipeline="youtube_stats", kind="reset", times=1)
    with pytest.raises(TransientError):
        youtube_stats.extract("r", "UCalpha")
    drive(youtube_stats, "r", "UCalpha")

    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) > 3
    assert not [file for file in files if b"TOPSECRET" in file.read_bytes()]


def test_a_source_that_repeats_a_page_of_uploads_is_an_error_not_a_loop(served_by, configure):
    configure(ETL_VIDEOS=100)
    name = a_channel(lambda channel: channel.uploads > 60)
    client.set_fault(served_by.url, pipeline="youtube_stats", kind="repeat_page", times=None)

    with pytest.raises(TransientError, match="the source repeats a page of uploads"):
        youtube_stats.extract("r", name)


def test_a_channel_whose_playlist_is_not_found_has_no_video(served_by):
    client.set_fault(
        served_by.url,
        pipeline="youtube_stats",
        kind="status",
        status=404,
        match={"path": "playlistItems"},
    )

    assert drive(youtube_stats, "r", "UCalpha") == Balance(1, 1, 0, 0)


@pytest.mark.parametrize(
    ("what", "name", "words"),
    [
        ("playlistItems", "contentDetails", "an upload without contentDetails.videoId: KeyError"),
        ("playlistItems", "contentDetails.videoId", "an upload without contentDetails.videoId"),
        ("channels", "contentDetails", "a channel without a playlist of uploads: KeyError"),
    ],
)
def test_a_list_of_another_form_is_a_transient_error(served_by, what, name, words):
    client.set_fault(
        served_by.url,
        pipeline="youtube_stats",
        kind="field_gone",
        name=name,
        match={"path": what},
    )

    with pytest.raises(TransientError, match=words):
        youtube_stats.extract("r", "UCalpha")


def test_a_channel_that_vanished_from_the_plan_is_noticed(served_by):
    drive(youtube_stats, "r", "UCalpha")

    with pytest.raises(IncompleteError, match="nothing was loaded for UCbeta"):
        youtube_stats.summarise("r", ["UCalpha", "UCbeta"])
