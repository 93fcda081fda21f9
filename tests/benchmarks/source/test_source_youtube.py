import pytest

from benchmarks.source import channels, client

CHANNELS = [f"UCchannel{n:02d}" for n in range(30)]


def video_ids(youtube, channel, **query):
    listed = youtube("playlistItems", part="contentDetails", playlistId="UU" + channel[2:], **query)
    return [item["contentDetails"]["videoId"] for item in listed.json()["items"]]


def reason(response):
    return response.json()["error"]["errors"][0]["reason"]


@pytest.fixture
def found(youtube):
    answer = youtube("channels", part="snippet,statistics", id=",".join(CHANNELS)).json()
    return {item["id"]: item for item in answer["items"]}


def test_counts_are_strings_and_the_flag_and_page_info_are_not(youtube):
    answer = youtube("channels", part="statistics", id="UCdemo").json()
    statistics = answer["items"][0]["statistics"]

    assert statistics["viewCount"].isdigit() and statistics["videoCount"].isdigit()
    assert type(statistics["hiddenSubscriberCount"]) is bool
    assert type(answer["pageInfo"]["totalResults"]) is int


def test_a_hidden_subscriber_count_is_absent(found):
    hidden = {"subscriberCount" in c["statistics"]: c["statistics"] for c in found.values()}

    assert hidden[False]["hiddenSubscriberCount"] is True
    assert hidden[True]["hiddenSubscriberCount"] is False


def test_public_subscriber_counts_have_three_digits(found):
    counts = [c["statistics"].get("subscriberCount", "0") for c in found.values()]

    assert all(not count[3:].strip("0") for count in counts)


def test_a_country_may_be_absent(found):
    assert {"country" in c["snippet"] for c in found.values()} == {True, False}


def test_likes_and_comments_that_are_switched_off_are_absent_and_favorites_are_zero(youtube):
    ids = video_ids(youtube, "UCchannel01", maxResults=50) + video_ids(
        youtube, "UCchannel02", maxResults=50
    )
    answers = [
        youtube("videos", part="snippet,statistics", id=",".join(ids[n : n + 50])).json()
        for n in range(0, len(ids), 50)
    ]
    counts = [video["statistics"] for answer in answers for video in answer["items"]]

    for name in ("likeCount", "commentCount"):
        assert {name in count for count in counts} == {True, False}, name
    assert {count["favoriteCount"] for count in counts} == {"0"}
    assert not any("dislikeCount" in count for count in counts)


def test_unknown_ids_are_dropped_without_a_word(youtube):
    answer = youtube("channels", part="id", id="UCdemo,UCmissing1,nothing").json()

    assert [item["id"] for item in answer["items"]] == ["UCdemo"]


@pytest.mark.parametrize("method", ["channels", "videos"])
def test_items_are_missing_altogether_when_nothing_is_found(youtube, method):
    assert "items" not in youtube(method, part="id", id="UCmissing").json()


def test_more_than_fifty_ids_are_refused(youtube):
    assert youtube("videos", part="id", id=",".join(map(str, range(50)))).status_code == 200
    assert youtube("videos", part="id", id=",".join(map(str, range(51)))).status_code == 400


def test_part_is_required_and_must_be_known(youtube):
    assert reason(youtube("videos", id="a")) == "required"
    assert reason(youtube("videos", id="a", part="everything")) == "unknownPart"


def test_only_the_parts_that_were_asked_for_are_there(youtube):
    item = youtube("channels", part="statistics", id="UCdemo").json()["items"][0]

    assert item.keys() == {"kind", "etag", "id", "statistics"}


def test_a_call_without_a_key_is_forbidden_and_an_empty_key_is_invalid(youtube):
    without = youtube("channels", part="id", id="UCdemo", key=None)
    empty = youtube("channels", part="id", id="UCdemo", key="")

    assert (without.status_code, reason(without)) == (403, "forbidden")
    assert (empty.status_code, reason(empty)) == (400, "keyInvalid")


def test_page_tokens_lead_through_every_upload_once(youtube):
    playlist, token, ids = "UUchannel03", None, []
    while True:
        query = {"part": "contentDetails", "playlistId": playlist, "maxResults": 7}
        answer = youtube("playlistItems", **query, **({"pageToken": token} if token else {})).json()
        ids += [item["contentDetails"]["videoId"] for item in answer["items"]]
        token = answer.get("nextPageToken")
        if token is None:
            break

    assert len(ids) == len(set(ids)) == answer["pageInfo"]["totalResults"]
    assert 3 <= len(ids) <= 120


def test_the_playlist_of_uploads_is_told_by_the_channel(youtube):
    channel = youtube("channels", part="contentDetails", id="UCdemo").json()["items"][0]
    playlist = channel["contentDetails"]["relatedPlaylists"]["uploads"]

    assert youtube("playlistItems", part="id", playlistId=playlist).json()["items"]


def test_uploads_are_listed_newest_first(youtube):
    answer = youtube(
        "playlistItems", part="snippet", playlistId="UUchannel03", maxResults=50
    ).json()
    moments = [item["snippet"]["publishedAt"] for item in answer["items"]]

    assert moments == sorted(moments, reverse=True)


def test_a_token_or_a_size_that_does_not_fit_is_refused(youtube):
    query = {"part": "id", "playlistId": "UUdemo"}

    assert reason(youtube("playlistItems", pageToken="x", **query)) == "invalidPageToken"
    assert youtube("playlistItems", maxResults=51, **query).status_code == 400
    assert reason(youtube("playlistItems", part="id", playlistId="UUmissing")) == "playlistNotFound"


def test_a_private_video_is_listed_and_not_to_be_had(youtube):
    ids = video_ids(youtube, "UCchannel01", maxResults=50)
    had = {v["id"] for v in youtube("videos", part="id", id=",".join(ids)).json()["items"]}
    hidden = [v for v in ids if v not in had]

    assert hidden
    assert len(hidden) < len(ids) / 4


def test_each_call_costs_a_unit_also_an_invalid_one_until_the_quota_is_used_up(source_url, youtube):
    client.set_limits(source_url, youtube_units=2)
    youtube("channels", part="id", id="UCdemo")
    youtube("channels", id="UCdemo")
    refused = youtube("channels", part="id", id="UCdemo")

    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (403, 403)
    assert error["errors"][0]["domain"] == "youtube.quota"
    assert reason(refused) == "quotaExceeded"
    assert "<a href=" in error["message"]
    assert "Retry-After" not in refused.headers


def test_a_source_told_of_channels_knows_their_videos_without_a_listing():
    from benchmarks.source.source import Options, Source

    source = Source(Options(channels=("UCdemo",)))

    assert source.youtube.listed[channels.video_id(7, "UCdemo", 0)] == ("UCdemo", 0)
