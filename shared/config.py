"""Settings of the ETL library, read from the environment and validated."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parents[1]

LIVE_URLS = {
    "complaints": "https://www.consumerfinance.gov/data-research/consumer-complaints/search/api/v1/",
    "github_stats": "https://api.github.com",
    "youtube_stats": "https://www.googleapis.com/youtube/v3",
}
STANDIN_PATHS = {
    "complaints": "/cfpb/data-research/consumer-complaints/search/api/v1/",
    "github_stats": "/github",
    "youtube_stats": "/youtube/v3",
}


class ConfigurationError(Exception):
    """A setting is missing or wrong; the message says which, and what to do."""


class Settings(BaseSettings):
    """What the environment may say. Secrets are never printed: they are `SecretStr`."""

    # `.env` files carry `KEY=` for a setting that is not set.
    model_config = SettingsConfigDict(
        env_prefix="ETL_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    source: Literal["standin", "live"] = "standin"
    source_url: str = "http://127.0.0.1:8765"  # of the stand-in; live addresses are fixed
    # not in the repr: it may hold a password
    warehouse_url: str = Field(default=f"sqlite:///{ROOT / 'data' / 'warehouse.db'}", repr=False)
    staging_url: str = (ROOT / "data" / "staging").as_uri()
    journal: Path | None = None  # a directory, one file a run; unset: no journal
    holds: Path | None = None  # a directory of armed hold points; unset: none
    timeout_s: float = Field(default=10.0, gt=0)  # of a connection, and of a silence in an answer
    page_size: int = Field(default=1000, ge=1, le=10_000)  # complaints a page
    videos: int = Field(default=50, ge=1, le=500)  # newest videos a channel
    step_timeout_s: float | None = Field(default=None, gt=0)  # of a step's try; unset: none
    slowdown: float = Field(default=1.0, ge=1)  # of synthetic work: what a comparison must find
    schedule: bool = True  # false: the pipelines run only when they are triggered
    shadow: bool = False  # true: each row written is noted in a table of its own, `writes`
    synthetic: str = ""  # sizes of the synthetic pipelines, 1,10,50 for example
    repositories: str = "apache/airflow,PrefectHQ/prefect,dagster-io/dagster"
    channels: str = "UC_x5XG1OV2P6uZZ5FSM9Ttw,UCBR8-60-B28hp2BmDPdntcQ"
    github_token: SecretStr | None = Field(default=None, validation_alias="GITHUB_TOKEN")
    youtube_api_key: SecretStr | None = Field(default=None, validation_alias="YOUTUBE_API_KEY")

    @field_validator("github_token", "youtube_api_key", mode="before")
    @classmethod
    def secret_is_one_word(cls, value: str | None) -> str | None:
        """An HTTP library would quote a secret that does not fit into a header or a URL."""
        secret = (value or "").strip()
        if not (secret.isascii() and secret.isprintable()) or " " in secret:
            raise ValueError("must be one word of printable ASCII characters")
        return secret or None

    @field_validator("source_url")
    @classmethod
    def source_is_a_web_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must be a web address, for example http://127.0.0.1:8765")
        return value

    @field_validator("staging_url")
    @classmethod
    def staging_is_a_folder(cls, value: str) -> str:
        if not value.startswith("file:///"):
            raise ValueError("must be an absolute file URL, for example file:///tmp/staging")
        return value

    @field_validator("synthetic")
    @classmethod
    def sizes_are_numbers(cls, value: str) -> str:
        if not all(size.isascii() and size.isdigit() and int(size) for size in names(value)):
            raise ValueError("must be numbers of steps above 0, for example 1,10,50")
        return value

    def synthetic_sizes(self) -> list[int]:
        """Return of how many steps a synthetic pipeline is to be defined, smallest first."""
        return sorted({int(size) for size in names(self.synthetic)})

    def base_url(self, pipeline: str) -> str:
        """Return where a pipeline's source is."""
        if self.source == "live":
            return LIVE_URLS[pipeline]
        return self.source_url.rstrip("/") + STANDIN_PATHS[pipeline]


@cache
def settings() -> Settings:
    """Read the environment once for this process.

    Raises:
        ConfigurationError: a value does not fit; every wrong setting is named.

    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"{_variable(e['loc'])}: {e['msg']}" for e in error.errors(include_input=False)
        )
        raise ConfigurationError(f"environment: {wrong}") from None


def _variable(loc: tuple[int | str, ...]) -> str:
    name = str(loc[0])
    return name if name.isupper() else f"ETL_{name.upper()}"


def names(listed: str) -> list[str]:
    """Split a comma-separated setting, for example `a/b, c/d`."""
    return [name.strip() for name in listed.split(",") if name.strip()]
