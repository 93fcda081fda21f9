from pathlib import Path

import pytest

from shared.config import ConfigurationError, names, settings

TOKEN, KEY, PASSWORD = "ghp_topsecret", "AIzaTopSecret", "pg-top-secret"


def test_without_a_setting_the_stand_in_is_asked():
    assert settings().base_url("github_stats") == "http://127.0.0.1:8765/github"


def test_live_addresses_are_those_of_the_three_apis(configure):
    configure(ETL_SOURCE="live", ETL_SOURCE_URL="http://127.0.0.1:1")

    assert (
        settings()
        .base_url("complaints")
        .endswith("/data-research/consumer-complaints/search/api/v1/")
    )
    assert settings().base_url("github_stats") == "https://api.github.com"
    assert settings().base_url("youtube_stats") == "https://www.googleapis.com/youtube/v3"


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("ETL_SOURCE", "dead", "Input should be 'standin' or 'live'"),
        ("ETL_SOURCE_URL", "127.0.0.1:8765", "must be a web address"),
        ("ETL_STAGING_URL", "/tmp/staging", "must be an absolute file URL"),
        ("ETL_STAGING_URL", "file://host/x", "must be an absolute file URL"),
        ("ETL_STAGING_URL", "s3://bucket", "must be an absolute file URL"),
        ("ETL_TIMEOUT_S", "0", "greater than 0"),
        ("ETL_TIMEOUT_S", "soon", "valid number"),
        ("ETL_PAGE_SIZE", "10001", "less than or equal to 10000"),
        ("ETL_SYNTHETIC", "1,0", "must be numbers of steps"),
        ("ETL_SYNTHETIC", "ten", "must be numbers of steps"),
        ("ETL_VIDEOS", "0", "greater than or equal to 1"),
        ("GITHUB_TOKEN", "two words", "must be one word"),
        ("YOUTUBE_API_KEY", "kéy", "must be one word"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence(configure, variable, value, words):
    configure(**{variable: value})

    with pytest.raises(ConfigurationError, match=f"^environment: {variable}: .*{words}") as wrong:
        settings()
    assert "\n" not in str(wrong.value)


def test_as_shipped_no_synthetic_pipeline_is_defined():
    assert settings().synthetic_sizes() == []


def test_sizes_of_synthetic_pipelines_are_numbers_each_once(configure):
    configure(ETL_SYNTHETIC="50, 1,10,1")

    assert settings().synthetic_sizes() == [1, 10, 50]


def test_every_wrong_setting_is_named_at_once(configure):
    configure(ETL_SOURCE="dead", ETL_VIDEOS="many")

    with pytest.raises(ConfigurationError, match="ETL_SOURCE: .*; ETL_VIDEOS: "):
        settings()


def test_a_secret_that_does_not_fit_is_not_quoted(configure):
    configure(GITHUB_TOKEN=f"{TOKEN}\n{TOKEN}")

    with pytest.raises(ConfigurationError) as wrong:
        settings()
    assert TOKEN not in str(wrong.value)
    assert wrong.value.__cause__ is None


def test_no_way_of_printing_the_settings_shows_a_secret(configure):
    configure(
        GITHUB_TOKEN=TOKEN,
        YOUTUBE_API_KEY=KEY,
        ETL_WAREHOUSE_URL=f"postgresql://etl:{PASSWORD}@127.0.0.1/warehouse",
    )

    shown = f"{settings()!r} {settings()} {settings().github_token} {settings().youtube_api_key!r}"
    assert not [secret for secret in (TOKEN, KEY, PASSWORD) if secret in shown]


def test_the_line_break_at_the_end_of_a_secret_is_dropped(configure):
    configure(GITHUB_TOKEN=f"{TOKEN}\n")

    assert settings().github_token.get_secret_value() == TOKEN


@pytest.mark.parametrize("empty", ["", "  "])
def test_a_secret_that_is_empty_is_absent(configure, empty):
    configure(GITHUB_TOKEN=empty, YOUTUBE_API_KEY=empty)

    assert (settings().github_token, settings().youtube_api_key) == (None, None)


def test_a_setting_that_is_empty_is_absent(configure):
    configure(ETL_JOURNAL="", ETL_HOLDS="", ETL_PAGE_SIZE="", ETL_SOURCE="")

    assert (settings().journal, settings().holds) == (None, None)
    assert (settings().page_size, settings().source) == (1000, "standin")


def test_the_settings_are_read_once_and_cannot_be_changed(configure, tmp_path):
    configure(ETL_JOURNAL=tmp_path)

    assert settings() is settings()
    assert settings().journal == Path(tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        settings().source = "live"


def test_a_list_is_split_at_commas():
    assert names(" a/b, c/d ,,") == ["a/b", "c/d"]
